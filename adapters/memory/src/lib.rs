//! The event store in memory: for tests, for trying things out, and as the reference of what every store promises.
//!
//! It is small enough to be read in one go, and keeps every promise but durability: the same conditions, the same order,
//! the same ids, the same journal. Clones share one log.

mod log;

use std::sync::{Arc, Mutex, MutexGuard};

use annalist_core::{
    error::Error,
    query::Criteria,
    record::Position,
    store::{Append, Appended, Batch, CommandKey, Entry, EventStore, LogId, Page, Read, Receipt, Settled},
    time::Timestamp,
};
use async_trait::async_trait;

use self::log::Log;

/// A log in memory. It lives as long as its last clone.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    log: Arc<Mutex<Log>>,
}

impl Memory {
    /// A new, empty log.
    pub fn new() -> Self {
        Self::default()
    }

    /// A method of [`Log`] changes the log last and all at once, so a panic elsewhere leaves nothing half done.
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[async_trait]
impl EventStore for Memory {
    fn describe(&self) -> String {
        "log in memory".to_owned()
    }

    fn log_id(&self) -> LogId {
        self.log().id()
    }

    async fn read(&self, reads: &[Read]) -> Result<Vec<Batch>, Error> {
        let log = self.log();
        Ok(reads.iter().map(|read| log.read(read)).collect())
    }

    async fn append(&self, append: Append) -> Result<Appended, Error> {
        self.log().append(append)
    }

    async fn receipt(&self, key: &CommandKey) -> Result<Option<Receipt>, Error> {
        self.log().receipt(key)
    }

    async fn feed(&self, filter: &Criteria, after: Position, limit: usize) -> Result<Page, Error> {
        Ok(self.log().feed(filter, after, limit))
    }

    async fn settled(&self) -> Result<Settled, Error> {
        Ok(Settled { position: self.log().head(), hole: None })
    }

    async fn position_at(&self, time: Timestamp) -> Result<Position, Error> {
        Ok(self.log().position_at(time))
    }

    async fn journal(&self, after: u64, limit: usize) -> Result<Vec<Entry>, Error> {
        Ok(self.log().journal(after, limit))
    }

    async fn forget_commands(&self, before: Timestamp) -> Result<u64, Error> {
        Ok(self.log().forget_commands(before))
    }
}
