//! One part of an export.

use std::str::FromStr;

use uuid::Uuid;

use super::{
    contents::Transferred,
    error::TransferError,
    form::with_line,
    line::{End, Line},
};
use crate::record::Position;

/// A complete part of an export. Its last line says the same, so a part can be read from there.
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// # let app = bank().await?;
/// use annalist::transfer::{Export, Part};
///
/// let mut file = Vec::new();
/// let part = Export::new(app.store().clone()).write_to(&mut file).await?;
/// let text = String::from_utf8(file)?;
/// assert_eq!(text.lines().last().unwrap().parse::<Part>()?, part);
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Part {
    /// The part has the events after this position.
    pub after: Position,
    /// The id of the last event of the log at the end of the part, by which the next part recognises the log; `None` if there is none.
    pub last_event: Option<Uuid>,
    /// Identifies the changes of stored events: archives whose events have left the log or returned, and tags that were added. A part
    /// continues another one only if they have the same. `None` without any.
    pub changes: Option<String>,
    /// What it contains. The next part continues after its last position.
    pub contents: Transferred,
    /// The SHA-256 of all bytes of the part before its last line, in hexadecimal digits.
    pub checksum: String,
}

impl FromStr for Part {
    type Err = TransferError;

    /// Reads the last line of a part.
    ///
    /// # Errors
    /// [`TransferError::Content`] if it is another line.
    fn from_str(line: &str) -> Result<Self, TransferError> {
        let part = with_line(line.trim_end().as_bytes(), |line| match line {
            Line::End(end) => Ok(Self::from(end)),
            _ => Err("it is another line".into()),
        });
        part.map_err(|error| TransferError::content(format!("this is not the last line of a part: {error}")))
    }
}

impl From<End> for Part {
    fn from(end: End) -> Self {
        let (after, last_event, contents) = (end.after, end.last_event, end.contents());
        Self { after, last_event, changes: end.changes, contents, checksum: end.sha256 }
    }
}

impl From<&Part> for End {
    fn from(part: &Part) -> Self {
        let contents = &part.contents;
        Self {
            after: part.after,
            up_to: contents.up_to,
            last_event: part.last_event,
            events: contents.events,
            tombstones: contents.tombstones,
            archives: contents.archives,
            retags: contents.retags,
            changes: part.changes.clone(),
            successors: contents.successors,
            command_ids: contents.command_ids,
            journal_entries: contents.journal_entries,
            policies: contents.policies,
            sha256: part.checksum.clone(),
        }
    }
}
