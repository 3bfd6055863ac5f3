//! Why a log could not be moved.

use std::io;

use crate::{
    error::{BoxError, Error},
    finding::Finding,
};

/// Why an export, an import or a copy failed. A log into which something should be imported is then still empty.
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// use annalist::{Memory, transfer::{self, TransferError}};
///
/// let error = transfer::import(&Memory::new(), &mut "no export\n".as_bytes()).await.unwrap_err();
/// assert!(matches!(error, TransferError::Line { line: 1, .. }));
/// # Ok(())
/// # });
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// A store returned an error. [`Error::OutcomeUnknown`] is the only one after which an import may be complete.
    #[error(transparent)]
    Store(#[from] Error),
    /// The export could not be written or read.
    #[error("the export cannot be read or written: {0}")]
    Io(#[from] io::Error),
    /// What the log contains cannot be exported, because it is damaged. [`App::verify`](crate::app::App::verify) finds all of it.
    #[error("the log cannot be moved: {reason}")]
    Content {
        /// What is damaged, and how.
        reason: String,
    },
    /// A line of the file is not valid there. Nothing was imported.
    #[error("line {line} of the export is not valid: {reason}")]
    Line {
        /// The number of the line, counted from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
        /// The error of the JSON parser, if there is one.
        #[source]
        source: Option<BoxError>,
    },
    /// The file ends before the last line of a part. Nothing was imported.
    #[error(
        "the export is incomplete: it has {lines} complete lines, and the last of them is not the end of a part"
    )]
    Truncated {
        /// The number of complete lines.
        lines: u64,
    },
    /// The content of a part does not have the checksum that its last line states: the file was changed. Nothing was imported.
    #[error(
        "the part that ends at line {line} of the export was changed: its checksum is {actual}, and it should be {expected}"
    )]
    Checksum {
        /// The number of the last line of the part, counted from 1.
        line: u64,
        /// The checksum that the line states.
        expected: String,
        /// The checksum of the content.
        actual: String,
    },
}

impl TransferError {
    pub(super) fn content(reason: impl Into<String>) -> Self {
        Self::Content { reason: reason.into() }
    }

    /// The error of a value that no store accepts, if this is one.
    pub(super) fn check(finding: Option<Finding>) -> Result<(), Self> {
        match finding {
            Some(Finding { place, problem, .. }) => Err(Self::content(format!("{place}: {problem}"))),
            None => Ok(()),
        }
    }

    /// The error of the content of a file, which is in this line.
    pub(super) fn in_line(self, line: u64) -> Self {
        match self {
            Self::Content { reason } => Self::Line { line, reason, source: None },
            Self::Line { reason, source, .. } => Self::Line { line, reason, source },
            Self::Checksum { expected, actual, .. } => Self::Checksum { line, expected, actual },
            other => other,
        }
    }
}
