//! Moving a log: exports to files, imports of these files, and copies from one store to another.
//!
//! An export has everything that an empty log needs to become the same log: the events with their positions, ids, times and
//! metadata, the archives with the tombstones of their events, the tags that were added to stored events, the successors of event names, the
//! command ids with their receipts, the journal, and the checkpoints of the policies. Rows
//! of projections and snapshots are not part of it; they are made from the events again. The form of the files is described in
//! `docs/exports.md`.
//!
//! ```
//! # use annalist_doc_tests::*;
//! # run(async {
//! # let app = bank().await?;
//! use annalist::{EventStore, Memory, transfer::{self, Export}};
//!
//! // Any `tokio::io::AsyncWrite`, such as a `tokio::fs::File`.
//! let mut file = Vec::new();
//! let part = Export::new(app.store().clone()).write_to(&mut file).await?;
//! assert_eq!(part.contents.events, 6);
//!
//! // Any `tokio::io::AsyncBufRead`, such as a `tokio::io::BufReader` of a file.
//! let store = Memory::new();
//! transfer::import(&store, &mut file.as_slice()).await?;
//!
//! let copy = App::builder(store).start().await?;
//! let balance = copy.load::<Account>(&id("a")).await?.cents;
//! assert_eq!(balance, app.load::<Account>(&id("a")).await?.cents);
//! # Ok(())
//! # });
//! ```

mod archive;
mod archive_file;
mod archived;
mod changed_events;
mod cloud_event;
mod contents;
mod error;
mod export;
mod form;
mod hexadecimal;
mod import;
mod line;
mod part;
mod source;
mod target;
mod tombstones;
mod writer;

use async_trait::async_trait;

pub(crate) use self::{
    archive::{LeavingEvents, write_file},
    archive_file::ArchiveFile,
};
pub use self::{contents::Transferred, error::TransferError, export::Export, import::import, part::Part};
use self::{
    source::{Sink, Source},
    target::Target,
};
use crate::{
    record::{Position, Record},
    store::{AcceptedCommand, Archive, Entry, EventRef, EventStore, PolicyCheckpoint, Rewrite, Successor},
};

/// Copies the settled part of a log into an empty log, without a file. Events, command ids and journal entries are the same as in the
/// other log, and policies continue where they are there. Until the end of the copy, or until the future is dropped, appends to the
/// target wait or are refused. Shut down the programs of the old log first: what they append meanwhile is not copied, and what their
/// policies handle meanwhile may be handled again.
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// # let app = bank().await?;
/// use annalist::{Memory, transfer};
///
/// let store = Memory::new();
/// let copied = transfer::copy(&**app.store(), &store).await?;
/// assert_eq!((copied.events, copied.up_to.get()), (6, 6));
/// # Ok(())
/// # });
/// ```
///
/// # Errors
/// [`TransferError::Content`] if a record of the log is damaged, and [`TransferError::Store`] if one of the stores returns an error,
/// such as a target that is not empty. The target is then still empty, unless [`Error::OutcomeUnknown`](crate::error::Error::OutcomeUnknown)
/// says otherwise.
pub async fn copy(from: &dyn EventStore, to: &dyn EventStore) -> Result<Transferred, TransferError> {
    let source = Source::new(from, Position::START, Position::END).await?;
    let mut copy = Copy { target: Target::new(to.import().await?) };
    source.send_to(&mut copy).await?;
    copy.target.finish().await
}

/// Writes what a log has into another one.
struct Copy {
    target: Target,
}

#[async_trait]
impl Sink for Copy {
    async fn archive(&mut self, archive: Archive) -> Result<(), TransferError> {
        self.target.archive(archive).await
    }

    async fn retag(&mut self, retag: Rewrite) -> Result<(), TransferError> {
        self.target.retag(retag).await
    }

    async fn tombstone(&mut self, event: EventRef) -> Result<(), TransferError> {
        self.target.tombstone(event).await
    }

    async fn event(&mut self, record: Record) -> Result<(), TransferError> {
        self.target.event(record).await
    }

    async fn successor(&mut self, successor: Successor) -> Result<(), TransferError> {
        self.target.successor(successor).await
    }

    async fn command_id(&mut self, command: AcceptedCommand) -> Result<(), TransferError> {
        self.target.command_id(command).await
    }

    async fn entry(&mut self, entry: Entry) -> Result<(), TransferError> {
        self.target.entry(entry).await
    }

    async fn policy(&mut self, policy: PolicyCheckpoint) -> Result<(), TransferError> {
        self.target.policy(policy).await
    }
}
