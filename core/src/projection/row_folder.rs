//! The batch handler of a projection: plans the row operations of a batch, loads the rows, and runs the handlers.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;

use super::{
    Change, Projection, RowOps, criteria_of, events_of,
    key::{PlannedKey, StoredKey},
    row_cache::{CacheVersion, RowCache},
    row_set::{FoldError, RowEntry, RowSet, blame_record},
    secrets::without_reading,
};
use crate::{
    codec::Codec,
    criteria::Criteria,
    daemon::{BatchHandler, BatchResult, Parking, PoisonEvent, order_keys, park_failed, park_waiting},
    error::{Error, Invalid},
    feed,
    limits::refuse,
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

    /// Folds records into the rows of a checkpoint. `known` is what was found out in earlier tries.
    async fn fold(
        &mut self,
        records: &[Record],
        (version, parking): (CacheVersion, &Parking),
        known: &KnownFailures,
    ) -> Result<Result<FoldedBatch, BatchError>, Error> {
        let planned = plan::<P>(records, &self.codec, self.order_by, parking, &known.records);
        let (ops, park) = match planned {
            Ok(planned) => planned,
            Err(poison) => return Ok(Err(BatchError::Planning(poison))),
        };
        let cache = self.cache.at(version);
        let mut row_set = RowSet::new(ops, |key| cache.take(key));
        let loaded = match row_set.missing_keys() {
            [] => Vec::new(),
            missing => self.rows.rows(&self.table, missing).await?,
        };
        let rows = match row_set.fold(loaded, known.suspect.as_ref()) {
            Ok(rows) => rows,
            Err(error) => return Ok(Err(BatchError::Fold(error))),
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

/// What failed in earlier tries of a batch.
#[derive(Default)]
struct KnownFailures {
    records: Failures,
    /// A row that could not be stored.
    suspect: Option<StoredKey>,
}

enum BatchError {
    /// A record cannot be decoded, or cannot be parked.
    Planning(PoisonEvent),
    Fold(FoldError),
}

impl BatchError {
    fn into_poison(self) -> PoisonEvent {
        match self {
            Self::Planning(poison) => poison,
            Self::Fold(error) => error.into(),
        }
    }
}

#[async_trait]
impl<P: Projection> BatchHandler for RowFolder<P> {
    fn table(&self) -> &Table {
        &self.table
    }

    fn filter(&self) -> Criteria {
        criteria_of::<P>()
    }

    fn events(&self) -> String {
        events_of::<P>()
    }

    fn is_newer(&self, record: &Record) -> bool {
        is_newer::<P>(record)
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
        let (mut records, mut known, mut poison) = (records, KnownFailures::default(), None);
        let version = (from, parking.count());
        self.folded.clear();
        loop {
            match self.fold(records, (version, parking), &known).await? {
                Ok(FoldedBatch { rows, park }) => {
                    return Ok(BatchResult { rows, park, poison, ..BatchResult::default() });
                }
                // An earlier event of the batch may have caused it.
                Err(BatchError::Fold(FoldError::Row(key, _)))
                    if parking.can_park() && known.suspect.is_none() =>
                {
                    known.suspect = Some(key);
                }
                Err(BatchError::Fold(error)) if parking.can_park() => {
                    let PoisonEvent { index, error } = error.into();
                    known.records.insert(index, error);
                    known.suspect = None;
                }
                Err(error) => {
                    let first = error.into_poison();
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

fn is_newer<P: Projection>(record: &Record) -> bool {
    P::EVENTS.iter().any(|types| types.is_newer(&record.name, record.version))
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
        let plan = || blame_record(index, || P::plan_record(record, codec, &mut ops));
        let planned = without_reading::<P, _, _>(plan, |error| PoisonEvent { index, error });
        if parking.is_disabled() {
            planned?;
            continue;
        }
        let error = planned.err().map(|poison| poison.error).or_else(|| known_failures.get(&index).cloned());
        let rows: Option<Vec<String>> = ops
            .last_keys()
            .map(|keys| keys.iter().map(|PlannedKey { stored, .. }| key_text(stored.values())).collect());
        let keys = match order_by {
            // An event that changes no row waits for none.
            Some(kind) if error.is_some() || rows.as_ref().is_none_or(|rows| !rows.is_empty()) => {
                Some(order_keys(record, Some(kind)))
            }
            _ => rows,
        };
        let parked = match (error, keys) {
            (None, None) => continue,
            (None, Some(keys)) => {
                let blocked_by = |parking: &Parking| parking.blocked_by(&keys, record.position);
                let Some(blocker) = blocked_by(parking).or_else(|| blocked_by(&parked_now)) else { continue };
                let needs_newer = parking.needs_newer(&keys) || parked_now.needs_newer(&keys);
                park_waiting(record, keys, blocker, needs_newer)
            }
            (Some(error), Some(keys)) => park_failed(record, keys, error, is_newer::<P>(record)),
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

/// Folds records into rows without a store: the rows that every store must end up with.
pub(crate) fn fold_in_memory<P: Projection>(
    rows: &mut HashMap<StoredKey, P>,
    records: &[Record],
    codec: &Codec,
) -> Result<(), Invalid> {
    let mut ops = RowOps::default();
    let refused = |error: String| refuse("projection", P::TABLE.projection, error);
    without_reading::<P, _, _>(
        || records.iter().try_for_each(|record| P::plan_record(record, codec, &mut ops)),
        refused,
    )?;
    let (ops, keys) = ops.into_parts();
    let mut keys = keys.into_iter();
    for op in ops {
        for PlannedKey { key, stored } in keys.by_ref().take(op.rows) {
            let row = rows.entry(stored.clone()).or_insert_with(|| P::initial(key));
            if without_reading::<P, _, _>(|| Ok((op.apply)(row)), refused)? == Change::Delete {
                rows.remove(&stored);
            }
        }
    }
    Ok(())
}
