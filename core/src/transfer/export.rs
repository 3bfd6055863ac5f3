//! The export of a log to a file.

use std::sync::Arc;

use async_trait::async_trait;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use uuid::Uuid;

use super::{
    changed_events::{ArchiveLine, RetagLine, TombstoneLine},
    contents::Transferred,
    error::TransferError,
    form::write_line,
    hexadecimal::hexadecimal,
    line::{CommandLine, EntryLine, EventLine, Header, Line, PolicyLine, SuccessorLine},
    part::Part,
    source::{Sink, Source},
};
use crate::{
    error::Error,
    limits::shorten,
    record::{Position, Record},
    store::{
        AcceptedCommand, Archive, Entry, EventRef, EventStore, IntoEventStore, PolicyCheckpoint, Rewrite,
        Successor,
    },
};

/// How many bytes are passed to the writer at once.
const CHUNK: usize = 64 << 10;

/// An export of the settled part of a log, as lines of JSON. It is read in pages, so its size does not matter. The same log, with
/// policies at the same checkpoints, has the same export, byte by byte.
///
/// An export may have several parts, each in a file of its own or one after the other in one file. A part is complete if it has its
/// last line. If a part was interrupted, remove it and write it again.
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// # let app = bank().await?;
/// use annalist::{Memory, Position, transfer::{self, Export}};
///
/// let (mut first, mut second) = (Vec::new(), Vec::new());
/// let part = Export::new(app.store().clone()).up_to(Position::new(4)).write_to(&mut first).await?;
/// let part = Export::new(app.store().clone()).after(&part).write_to(&mut second).await?;
/// assert_eq!((part.after.get(), part.contents.up_to.get()), (4, 6));
///
/// let imported = transfer::import(&Memory::new(), &mut [first, second].concat().as_slice()).await?;
/// assert_eq!(imported.events, 6);
/// # Ok(())
/// # });
/// ```
#[must_use = "an export does nothing until it is written"]
pub struct Export {
    store: Arc<dyn EventStore>,
    /// The attribute `source` of CloudEvents; `None` for plain lines.
    source: Option<String>,
    previous: Option<Part>,
    up_to: Position,
}

impl Export {
    /// Exports the whole log, in plain lines.
    pub fn new(store: impl IntoEventStore) -> Self {
        Self { store: store.into_event_store(), source: None, previous: None, up_to: Position::END }
    }

    /// Writes each line as an event of CloudEvents 1.0. `source` says where the events are from: a URI such as
    /// `https://bank.example/log`.
    pub fn cloud_events(mut self, source: impl Into<String>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Continues after another part, which is imported before this one.
    pub fn after(mut self, previous: &Part) -> Self {
        self.previous = Some(previous.clone());
        self
    }

    /// Ends the part at this position, even if the log has later events: a long export in several parts need not begin again at the
    /// start if it is interrupted.
    pub fn up_to(mut self, position: Position) -> Self {
        self.up_to = position;
        self
    }

    /// Writes the part. When this returns, it was passed to the writer and flushed; a file still has to be synced.
    ///
    /// # Errors
    /// [`TransferError::Io`] if the writer fails; [`TransferError::Store`] if the store returns an error; [`TransferError::Content`] if
    /// a record of the log is damaged, the log does not have the last event of the earlier part, or stored events were changed since then.
    pub async fn write_to<W: AsyncWrite + Unpin + Send + ?Sized>(
        &self,
        writer: &mut W,
    ) -> Result<Part, TransferError> {
        if let Some(source) = &self.source {
            check_source(source)?;
        }
        let after = self.previous.as_ref().map_or(Position::START, |part| part.contents.up_to);
        let last_event = self.previous.as_ref().and_then(|part| part.last_event);
        let source = Source::new(&*self.store, after, self.up_to).await?;
        if let Some(previous) = &self.previous {
            source.check_continues(previous).await?;
        }
        let mut lines = Lines::new(writer, self.source.as_deref(), after, source.up_to, last_event);
        let previous = self.previous.as_ref().map(|part| part.checksum.clone());
        let header = Header {
            version: source.version(),
            after,
            up_to: source.up_to,
            previous,
            changes: source.changes(),
        };
        lines.add(&Line::Header(header)).await?;
        source.send_to(&mut lines).await?;
        lines.finish(source.changes()).await
    }
}

/// Refuses a source that is no reference to a URI.
fn check_source(source: &str) -> Result<(), Error> {
    if !source.is_empty() && source.chars().all(|character| character.is_ascii_graphic()) {
        return Ok(());
    }
    let reason = format!(
        "the source {:?} of CloudEvents is not a URI such as `https://bank.example/log`",
        shorten(source)
    );
    Err(Error::unusable("export a log", reason))
}

/// Writes lines in chunks.
pub(super) struct Lines<'a, W: ?Sized> {
    writer: &'a mut W,
    source: Option<&'a str>,
    after: Position,
    buffer: Vec<u8>,
    lines: u64,
    digest: Sha256,
    last_event: Option<Uuid>,
    contents: Transferred,
}

impl<'a, W: AsyncWrite + Unpin + Send + ?Sized> Lines<'a, W> {
    /// The lines of a part that has the events after one position and up to another.
    pub(super) fn new(
        writer: &'a mut W,
        source: Option<&'a str>,
        after: Position,
        up_to: Position,
        last_event: Option<Uuid>,
    ) -> Self {
        let contents = Transferred { up_to, ..Transferred::default() };
        let (buffer, digest) = (Vec::new(), Sha256::new());
        Self { writer, source, after, buffer, lines: 0, digest, last_event, contents }
    }

    pub(super) async fn add(&mut self, line: &Line<'_>) -> Result<(), TransferError> {
        self.encode(line)?;
        if self.buffer.len() >= CHUNK {
            self.write_buffer().await?;
        }
        Ok(())
    }

    fn encode(&mut self, line: &Line<'_>) -> Result<(), TransferError> {
        self.lines += 1;
        write_line(line, self.source, self.after, self.lines, &mut self.buffer)
    }

    async fn write_buffer(&mut self) -> Result<(), TransferError> {
        self.digest.update(&self.buffer);
        self.writer.write_all(&self.buffer).await?;
        // One large line does not occupy memory until the end.
        self.buffer = Vec::new();
        Ok(())
    }

    /// Writes the last line: `changes` is how stored events were changed.
    pub(super) async fn finish(mut self, changes: Option<String>) -> Result<Part, TransferError> {
        self.write_buffer().await?;
        let checksum = hexadecimal(self.digest.finalize_reset().as_slice());
        let Self { after, last_event, ref contents, .. } = self;
        let part = Part { after, last_event, changes, contents: contents.clone(), checksum };
        self.encode(&Line::End((&part).into()))?;
        self.write_buffer().await?;
        self.writer.flush().await?;
        Ok(part)
    }
}

#[async_trait]
impl<W: AsyncWrite + Unpin + Send + ?Sized> Sink for Lines<'_, W> {
    async fn archive(&mut self, archive: Archive) -> Result<(), TransferError> {
        self.contents.archives += 1;
        self.add(&Line::Archive(ArchiveLine::new(&archive))).await
    }

    async fn retag(&mut self, retag: Rewrite) -> Result<(), TransferError> {
        self.contents.retags += 1;
        self.add(&Line::Retag(RetagLine::new(&retag))).await
    }

    async fn tombstone(&mut self, event: EventRef) -> Result<(), TransferError> {
        self.contents.tombstones += 1;
        self.last_event = Some(event.id);
        self.add(&Line::Tombstone(TombstoneLine::new(event))).await
    }

    async fn event(&mut self, record: Record) -> Result<(), TransferError> {
        self.contents.events += 1;
        self.last_event = Some(record.id);
        let line = EventLine::new(&record).map_err(|error| TransferError::content(error.to_string()))?;
        self.add(&Line::Event(line)).await
    }

    async fn successor(&mut self, successor: Successor) -> Result<(), TransferError> {
        self.contents.successors += 1;
        self.add(&Line::Successor(SuccessorLine::new(&successor))).await
    }

    async fn command_id(&mut self, command: AcceptedCommand) -> Result<(), TransferError> {
        self.contents.command_ids += 1;
        self.add(&Line::CommandId(CommandLine::new(&command))).await
    }

    async fn entry(&mut self, entry: Entry) -> Result<(), TransferError> {
        self.contents.journal_entries += 1;
        let line = EntryLine::new(&entry).map_err(|error| TransferError::content(error.to_string()))?;
        self.add(&Line::JournalEntry(line)).await
    }

    async fn policy(&mut self, policy: PolicyCheckpoint) -> Result<(), TransferError> {
        self.contents.policies += 1;
        self.add(&Line::Policy(PolicyLine::new(&policy))).await
    }
}
