//! The batch handler of a projection: plans the row operations of a batch, loads the rows, and runs the handlers.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;

use super::{
    Change, Projection, RowKey, RowOps, criteria_of,
    row_cache::{CacheVersion, RowCache},
    row_set::{RowEntry, RowSet, blame_record},
};
use crate::{
    codec::Codec,
    criteria::Criteria,
    daemon::{BatchHandler, BatchResult, Parking, PoisonEvent, order_keys, park_failed, park_waiting},
    error::{Error, Invalid},
    feed,
    record::{Position, Record},
    rows::{CommitOutcome, FoldedRows, Parked, RowChange, RowStore, SharedRows, Table, key_text},
};

/// The largest number of events in a batch. In larger batches fewer rows are written twice.
const MAX_BATCH: usize = 8 * feed::PAGE;

/// Folds events into the rows of a build.
pub struct RowFolder<P: Projection> {
    table: Table,
    rows: SharedRows,
    codec: Codec,
    /// The kind of the ids that order parked events, instead of the rows.
    order_by: Option<&'static str>,
    cache: RowCache<P>,
    /// The rows of the batch that is not committed yet.
    folded: Vec<RowEntry<P>>,
}

impl<P: Projection> RowFolder<P> {
    /// Folds into the first build of the projection's own version.
    pub fn new(rows: SharedRows, codec: Codec) -> Self {
        Self::of_build(P::TABLE, rows, codec)
    }

    /// Folds into this build.
    pub(crate) fn of_build(table: Table, rows: SharedRows, codec: Codec) -> Self {
        Self { table, rows, codec, order_by: None, cache: RowCache::default(), folded: Vec::new() }
    }

    /// Orders parked events by the ids of a kind instead of by rows.
    pub(crate) fn ordered_by(self, order_by: Option<&'static str>) -> Self {
        Self { order_by, ..self }
    }

    /// Folds records into the rows of a checkpoint. `known_failures` are records that failed in an earlier try.
    async fn fold(
        &mut self,
        records: &[Record],
        (version, parking): (CacheVersion, &Parking),
        known_failures: &Failures,
    ) -> Result<Result<FoldedBatch, FoldError>, Error> {
        let (ops, park) = match plan::<P>(records, &self.codec, self.order_by, parking, known_failures) {
            Ok(planned) => planned,
            Err(poison) => return Ok(Err(FoldError::Planning(poison))),
        };
        let cache = self.cache.at(version);
        let mut row_set = match RowSet::new(ops, |key| cache.take(key)) {
            Ok(row_set) => row_set,
            Err(poison) => return Ok(Err(FoldError::Handler(poison))),
        };
        let loaded = match row_set.missing_keys() {
            [] => Vec::new(),
            missing => self.rows.rows(&self.table, missing).await?,
        };
        let rows = match row_set.fold(loaded) {
            Ok(rows) => rows,
            Err(poison) => return Ok(Err(FoldError::Handler(poison))),
        };
        self.folded = row_set.into_rows();
        Ok(Ok(FoldedBatch { rows, park }))
    }
}

/// Errors of records that failed, by index.
type Failures = BTreeMap<usize, String>;

struct FoldedBatch {
    rows: FoldedRows,
    park: Vec<Parked>,
}

enum FoldError {
    /// A record cannot be decoded, or cannot be parked.
    Planning(PoisonEvent),
    /// A handler failed.
    Handler(PoisonEvent),
}

#[async_trait]
impl<P: Projection> BatchHandler for RowFolder<P> {
    fn table(&self) -> &Table {
        &self.table
    }

    fn filter(&self) -> Criteria {
        criteria_of::<P>()
    }

    fn max_batch(&self) -> usize {
        MAX_BATCH
    }

    /// After each failure the batch is folded again, without the failed record or with the records before it only: a handler
    /// that failed may have left its row half changed.
    async fn handle(
        &mut self,
        records: &[Record],
        from: Position,
        parking: &Parking,
    ) -> Result<BatchResult, Error> {
        let (mut records, mut failures, mut poison) = (records, Failures::new(), None);
        let version = (from, parking.count());
        self.folded.clear();
        loop {
            match self.fold(records, (version, parking), &failures).await? {
                Ok(FoldedBatch { rows, park }) => {
                    return Ok(BatchResult { rows, park, poison, ..BatchResult::default() });
                }
                Err(FoldError::Handler(PoisonEvent { index, error })) if parking.can_park() => {
                    failures.insert(index, error);
                }
                Err(FoldError::Planning(first) | FoldError::Handler(first)) => {
                    records = &records[..first.index];
                    poison = Some(first);
                }
            }
        }
    }

    /// Caches the rows once they are committed. If the outcome is unknown or events were parked, the next batch begins with
    /// another cache version, which clears the cache.
    async fn commit(
        &mut self,
        rows: &dyn RowStore,
        records: &[Record],
        change: RowChange,
    ) -> Result<Result<CommitOutcome, String>, Error> {
        let folded = std::mem::take(&mut self.folded);
        let (from, to) = ((change.from, change.parked), (change.to, change.parked));
        let changes_parked = !(change.park.is_empty() && change.unpark.is_empty());
        let committed = rows.commit(change).await?;
        if committed == CommitOutcome::Done && !changes_parked {
            let written = if records.is_empty() { Vec::new() } else { folded };
            self.cache.at(from).move_to(to, written);
        }
        Ok(Ok(committed))
    }
}

/// Plans the operations of records, except of those to park.
fn plan<'a, P: Projection>(
    records: &'a [Record],
    codec: &Codec,
    order_by: Option<&str>,
    parking: &Parking,
    known_failures: &Failures,
) -> Result<(RowOps<'a, P>, Vec<Parked>), PoisonEvent> {
    let (mut ops, mut park) = (RowOps::default(), Vec::new());
    // The events parked by this batch. They are not added to a copy of `parking`, which may be large.
    let mut parked_now = Parking::default();
    for (index, record) in records.iter().enumerate() {
        ops.begin(index);
        let planned = blame_record(index, || P::plan_record(record, codec, &mut ops));
        if parking.is_disabled() {
            planned?;
            continue;
        }
        let error = planned.err().map(|poison| poison.error).or_else(|| known_failures.get(&index).cloned());
        let rows = ops.last_keys().map(|keys| key_texts(index, &keys)).transpose()?;
        let keys = match order_by {
            // An event that changes no row waits for none.
            Some(kind) if error.is_some() || rows.as_ref().is_none_or(|rows| !rows.is_empty()) => {
                Some(order_keys(record, Some(kind)))
            }
            _ => rows,
        };
        let parked = match (error, keys) {
            (None, None) => continue,
            (None, Some(keys)) => match parking.blocked_by(&keys).or_else(|| parked_now.blocked_by(&keys)) {
                None => continue,
                Some(blocker) => park_waiting(record, keys, blocker),
            },
            (Some(error), Some(keys)) => park_failed(record, keys, error),
            (Some(error), None) => {
                let error = format!("{error}; the affected keys are unknown, so the event cannot be parked");
                return Err(PoisonEvent { index, error });
            }
        };
        if !parking.can_park_after(parked_now.count()) {
            let count = parking.count() + parked_now.count();
            let error = format!("{}; too many events are parked already: {count}", parked.error);
            return Err(PoisonEvent { index, error });
        }
        ops.remove_last();
        parked_now.add(&parked);
        park.push(parked);
    }
    Ok((ops, park))
}

fn key_texts<K: RowKey>(index: usize, keys: &[K]) -> Result<Vec<String>, PoisonEvent> {
    keys.iter().map(|key| blame_record(index, || Ok(key_text(&key.to_key()?)))).collect()
}

/// Folds records into rows without a store: the rows that every store must end up with.
pub(crate) fn fold_in_memory<P: Projection>(
    records: &[Record],
    codec: &Codec,
) -> Result<HashMap<P::Key, P>, Invalid> {
    let mut ops = RowOps::default();
    records.iter().try_for_each(|record| P::plan_record(record, codec, &mut ops))?;
    let mut rows = HashMap::new();
    let (ops, keys) = ops.into_parts();
    let mut keys = keys.into_iter();
    for op in ops {
        for key in keys.by_ref().take(op.rows) {
            let row = rows.entry(key.clone()).or_insert_with(|| P::initial(key.clone()));
            if (op.apply)(row) == Change::Delete {
                rows.remove(&key);
            }
        }
    }
    Ok(rows)
}
