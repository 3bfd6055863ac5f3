//! The consumer of a feed: folds rows, runs a custom projection's SQL, or sends the commands of a policy.

use std::num::NonZeroUsize;

use async_trait::async_trait;

use super::Parking;
use crate::{
    criteria::Criteria,
    error::Error,
    feed,
    record::{Position, Record},
    rows::{CommitOutcome, FoldedRows, Parked, RowChange, RowStore, Table},
};

/// Handles the events of one build in batches. A [`Runner`](super::Runner) calls it, and commits the result together with
/// the checkpoint.
#[async_trait]
pub trait BatchHandler: Send + Sync + 'static {
    /// The build whose checkpoint the runner moves.
    fn table(&self) -> &Table;

    /// The events to handle.
    fn filter(&self) -> Criteria;

    /// Describes the events that the build folds; see [`RowStore::define`]. Empty if other events may follow at any time.
    fn events(&self) -> String {
        String::new()
    }

    /// Whether an event has a later version than the handler reads, so that only a newer program can handle it.
    fn is_newer(&self, _record: &Record) -> bool {
        false
    }

    /// The largest number of events in a batch.
    fn max_batch(&self) -> usize {
        feed::PAGE
    }

    /// Whether [`commit`](Self::commit) has to be called once, with no records, before the first batch: to create tables,
    /// for example.
    fn needs_setup(&self) -> bool {
        false
    }

    /// Handles records in the order of the log and returns what to write. `from` is the checkpoint, and `parking` holds the
    /// events parked there: if both are as in the last call, no other process has changed a row. The same records may come
    /// again.
    ///
    /// # Errors
    /// [`Error`] if a store does not respond: the runner calls again later.
    async fn handle(
        &mut self,
        records: &[Record],
        from: Position,
        parking: &Parking,
    ) -> Result<BatchResult, Error>;

    /// Writes a change. The inner error comes from the handler itself and is caused by one of the records; nothing was
    /// written then.
    ///
    /// # Errors
    /// As [`RowStore::commit`].
    async fn commit(
        &mut self,
        rows: &dyn RowStore,
        _records: &[Record],
        change: RowChange,
    ) -> Result<Result<CommitOutcome, String>, Error> {
        rows.commit(change).await.map(Ok)
    }
}

/// Result of handling a batch.
#[derive(Debug, Default)]
pub struct BatchResult {
    /// The rows to write.
    pub rows: FoldedRows,
    /// The events to park.
    pub park: Vec<Parked>,
    /// The event that failed, if one did. Neither it nor a later one was handled.
    pub poison: Option<PoisonEvent>,
    /// Whether the failed event may succeed later: the runner retries it after a pause instead of stopping.
    pub retry_later: bool,
    /// How many records were handled, if not all: the runner commits these, then passes the others again.
    pub processed: Option<NonZeroUsize>,
}

/// An event that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoisonEvent {
    /// Its index in the batch.
    pub index: usize,
    /// What went wrong.
    pub error: String,
}

#[async_trait]
impl BatchHandler for Box<dyn BatchHandler> {
    fn table(&self) -> &Table {
        (**self).table()
    }

    fn filter(&self) -> Criteria {
        (**self).filter()
    }

    fn events(&self) -> String {
        (**self).events()
    }

    fn is_newer(&self, record: &Record) -> bool {
        (**self).is_newer(record)
    }

    fn max_batch(&self) -> usize {
        (**self).max_batch()
    }

    fn needs_setup(&self) -> bool {
        (**self).needs_setup()
    }

    async fn handle(
        &mut self,
        records: &[Record],
        from: Position,
        parking: &Parking,
    ) -> Result<BatchResult, Error> {
        (**self).handle(records, from, parking).await
    }

    async fn commit(
        &mut self,
        rows: &dyn RowStore,
        records: &[Record],
        change: RowChange,
    ) -> Result<Result<CommitOutcome, String>, Error> {
        (**self).commit(rows, records, change).await
    }
}
