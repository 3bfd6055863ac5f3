//! The import of a whole log.

use async_trait::async_trait;

use super::{
    append::CommandKey,
    read::Entry,
    receipt::{EventRef, Receipt},
};
use crate::{error::Error, record::Record, time::Timestamp};

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
    /// Writes events with their positions, ids, times and metadata. Positions grow over all calls. Those between two events remain
    /// without an event for ever, and appends continue after the last one.
    ///
    /// # Errors
    /// [`Error`] if the store cannot write them.
    async fn write_events(&mut self, records: Vec<Record>) -> Result<(), Error>;

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
