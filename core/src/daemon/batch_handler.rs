//! What is done with the events of a feed: rows are folded from them, a user's own SQL runs, commands are sent.

use std::num::NonZeroUsize;

use async_trait::async_trait;

use super::Parking;
use crate::{
    criteria::Criteria,
    error::Error,
    feed,
    record::{Position, Record},
    rows::{CommitOutcome, Folded, Parked, RowChange, RowStore, Table},
};

/// Takes the events of one build. A [`Runner`](super::Runner) feeds it, and moves the checkpoint with what it makes of them.
#[async_trait]
pub trait BatchHandler: Send + Sync + 'static {
    /// The build whose checkpoint moves.
    fn table(&self) -> &Table;

    /// The events that it takes.
    fn filter(&self) -> Criteria;

    /// How many events it takes at once, at most.
    fn batch(&self) -> usize {
        feed::PAGE
    }

    /// Whether it has something to make before its first event: then a change of nothing is written, with no records.
    fn needs_setup(&self) -> bool {
        false
    }

    /// Takes records in their order, and tells what is to be written. The checkpoint stands at `from`, and `parking` is what
    /// is parked there: as long as both stay as they are, nobody has changed a row. It may be given the same records again.
    ///
    /// # Errors
    /// [`Error`] if a store does not answer: it is asked again later.
    async fn handle(
        &mut self,
        records: &[Record],
        from: Position,
        parking: &Parking,
    ) -> Result<BatchResult, Error>;

    /// Writes a change. The inner error is that of the consumer itself, which blames one of the records: with it nothing
    /// was written.
    ///
    /// # Errors
    /// As [`RowStore::commit`].
    async fn commit(
        &mut self,
        rows: &dyn RowStore,
        _records: &[Record],
        change: RowChange<'_>,
    ) -> Result<Result<CommitOutcome, String>, Error> {
        rows.commit(change).await.map(Ok)
    }
}

/// What a consumer made of records.
#[derive(Debug, Default)]
pub struct BatchResult {
    /// Rows to write.
    pub rows: Folded,
    /// Records to park.
    pub park: Vec<Parked>,
    /// The record before which it has to stop: neither it nor what is behind it was taken.
    pub poison: Option<PoisonEvent>,
    /// Whether that record may be taken later: it is given again after a pause, and nothing stands still.
    pub retry_later: bool,
    /// How many records it took, if not all: the rest is given again when what came of these is written.
    pub processed: Option<NonZeroUsize>,
}

/// A record that cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoisonEvent {
    /// Its index among the records.
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

    fn batch(&self) -> usize {
        (**self).batch()
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
        change: RowChange<'_>,
    ) -> Result<Result<CommitOutcome, String>, Error> {
        (**self).commit(rows, records, change).await
    }
}
