//! The import of a whole log.

use async_trait::async_trait;

use super::{
    append::CommandKey,
    archive::Archive,
    read::Entry,
    receipt::{EventRef, Receipt},
    rewrite::Rewrite,
    successors::Successor,
};
use crate::{
    error::Error,
    record::{Position, Record},
    rows::{Anchor, Parked},
    time::Timestamp,
};

/// An import in progress: [`EventStore::import`](super::EventStore::import) begins one on an empty log.
///
/// Everything that is written becomes visible at once, when [`finish`](ImportTransaction::finish) returns. Dropping the import, or
/// a process that ends, leaves the log empty. Until one of the two happens, appends of all processes wait, or return
/// [`Error::Unavailable`].
///
/// What is written has been checked: events and entries are valid on every store ([`Finding::of_record`](crate::finding::Finding::of_record)
/// finds nothing), and command ids and entries refer to events of the import.
///
/// After an error of one of its methods the import can only be dropped.
#[async_trait]
pub trait ImportTransaction: Send {
    /// Writes events with their positions, ids, times and metadata, and the tombstones of events that have left the log for an archive,
    /// between them or after them. Positions grow over all calls. Other positions remain without an
    /// event for ever, and appends continue after the last event or tombstone.
    ///
    /// # Errors
    /// [`Error`] if the store cannot write them.
    async fn write_events(&mut self, records: Vec<Record>, tombstones: Vec<EventRef>) -> Result<(), Error>;

    /// Writes archives, as the other log lists them. The ids of an archive are closed, unless it is opened. An archive with the same number
    /// that was written before is replaced, with its ids.
    ///
    /// # Errors
    /// [`Error`] if the store cannot write them.
    async fn write_archives(&mut self, archives: Vec<Archive>) -> Result<(), Error>;

    /// Writes retags, as they are listed in the other log. One with the same name and kind that was written before is replaced.
    ///
    /// # Errors
    /// [`Error`] if the store cannot write them.
    async fn write_retags(&mut self, retags: Vec<Rewrite>) -> Result<(), Error>;

    /// Writes successors of event names. One with the same two names that was written before is replaced. The list gets a version that
    /// no program knows.
    ///
    /// # Errors
    /// [`Error`] if the store cannot write them.
    async fn write_successors(&mut self, successors: Vec<Successor>) -> Result<(), Error>;

    /// Writes command ids. One that was written before is replaced.
    ///
    /// # Errors
    /// [`Error`] if the store cannot write them.
    async fn write_command_ids(&mut self, commands: Vec<AcceptedCommand>) -> Result<(), Error>;

    /// Writes journal entries with their numbers. An entry that was written before is replaced. Later commands get higher numbers.
    ///
    /// # Errors
    /// [`Error`] if the store cannot write them.
    async fn write_journal(&mut self, entries: Vec<Entry>) -> Result<(), Error>;

    /// Writes the checkpoints of policies into the row store beside the log, from which the policies of this log continue. One of the
    /// same policy that was written before, or that is there because a program was started on the empty log, is replaced.
    ///
    /// # Errors
    /// [`Error::Unusable`] if a process holds the claim of a policy, so it may be about to handle events again, or if the row store has
    /// something else under its name. A store may find this in [`finish`](ImportTransaction::finish) only.
    async fn write_policies(&mut self, policies: Vec<PolicyCheckpoint>) -> Result<(), Error>;

    /// Makes everything visible at once, and lets appends continue.
    ///
    /// # Errors
    /// [`Error::OutcomeUnknown`] if the answer was lost after the commit was sent: the log is then empty or complete. With every other
    /// error it is empty.
    async fn finish(self: Box<Self>) -> Result<(), Error>;
}

/// A command id that was accepted, and the receipt of its command.
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// # let app = bank().await?;
/// use annalist::raw::store::PageLimit;
///
/// let receipt = app.execute(Deposit { account: id("a"), cents: 5 }).id("payment-17").await?;
/// let commands = app.store().command_ids("", PageLimit::CHUNK).await?;
/// assert_eq!((commands[0].key.id(), &commands[0].receipt), ("payment-17", &receipt));
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedCommand {
    /// The command id, the name of the command and its scope.
    pub key: CommandKey,
    /// The time of the decision.
    pub recorded_at: Timestamp,
    /// The events of the command.
    pub receipt: Receipt,
}

impl AcceptedCommand {
    /// The number of bytes of the texts and of the receipt, for [`PageLimit`](super::PageLimit).
    pub fn size(&self) -> usize {
        let Self { key, receipt, .. } = self;
        let texts = key.id().len() + key.command().len() + key.scope().len();
        texts + receipt.events.len() * size_of::<EventRef>()
    }
}

/// How far a policy has handled a log, as its row store has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyCheckpoint {
    /// The name of the policy.
    pub name: String,
    /// All events up to this position are handled, or parked.
    pub position: Position,
    /// The event at this position, or the last one before it that the policy has handled.
    pub anchor: Option<Anchor>,
    /// The parked events, sorted by position.
    pub parked: Vec<Parked>,
}

impl PolicyCheckpoint {
    /// Returns the checkpoint of a log that ends at a position: the policy has handled no later event of it.
    #[must_use]
    pub(crate) fn up_to(mut self, end: Position) -> Self {
        self.position = self.position.min(end);
        self.anchor = self.anchor.filter(|anchor| anchor.position <= end);
        self.parked.retain(|parked| parked.position <= end);
        self
    }

    /// For stores: returns the error for a policy whose checkpoint an import cannot replace.
    pub fn refused(&self, operation: impl Into<String>) -> Error {
        let reason = format!(
            "a program runs the policy `{0}` on this log, or the row store has something else under this name; shut down the program \
             first (one that crashed: start it and shut it down), so that `{0}` does not handle the imported events again",
            self.name
        );
        Error::unusable(operation, reason)
    }
}
