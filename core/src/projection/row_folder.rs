//! Folding: plan the steps of a batch of records, load the rows that they change, run the handlers.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;

use super::{
    Change, Projection, RowKey, RowOps, criteria_of,
    row_cache::{CacheVersion, RowCache},
    row_set::{RowEntry, RowSet, guard},
};
use crate::{
    codec::Codec,
    criteria::Criteria,
    daemon::{BatchHandler, BatchResult, Parking, PoisonEvent, park_failed, park_waiting},
    error::{Error, Invalid},
    feed,
    record::{Position, Record},
    rows::{CommitOutcome, Folded, Parked, RowChange, RowStore, SharedRows, Table, key_text},
};

/// How many events are folded at once, at most: the more, the fewer rows are written twice.
const BATCH: usize = 8 * feed::PAGE;

/// Folds events into the rows of a build.
pub struct RowFolder<P: Projection> {
    table: Table,
    rows: SharedRows,
    codec: Codec,
    cache: RowCache<P>,
    /// The rows of the batch that is not written yet.
    folded: Vec<RowEntry<P>>,
}

impl<P: Projection> RowFolder<P> {
    /// Into the first build of the projection's own version.
    pub fn new(rows: SharedRows, codec: Codec) -> Self {
        Self::build(P::TABLE, rows, codec)
    }

    /// Into this build.
    pub(crate) fn build(table: Table, rows: SharedRows, codec: Codec) -> Self {
        Self { table, rows, codec, cache: RowCache::default(), folded: Vec::new() }
    }

    /// Folds records into the rows as they stand at a place. `bad` are those that were tried before and failed.
    async fn fold(
        &mut self,
        records: &[Record],
        (at, parking): (CacheVersion, &Parking),
        bad: &Bad,
    ) -> Result<Result<Done, Failed>, Error> {
        let (steps, park) = match sort::<P>(records, &self.codec, parking, bad) {
            Ok(sorted) => sorted,
            Err(poison) => return Ok(Err(Failed::Planning(poison))),
        };
        let cache = self.cache.at(at);
        let mut row_set = match RowSet::by(steps, |key| cache.take(key)) {
            Ok(row_set) => row_set,
            Err(poison) => return Ok(Err(Failed::RowFolder(poison))),
        };
        let loaded = match row_set.wanted() {
            [] => Vec::new(),
            wanted => self.rows.rows(&self.table, wanted).await?,
        };
        let rows = match row_set.fold(loaded) {
            Ok(rows) => rows,
            Err(poison) => return Ok(Err(Failed::RowFolder(poison))),
        };
        self.folded = row_set.into_rows();
        Ok(Ok(Done { rows, park }))
    }
}

/// Records that failed before, by their index, and why.
type Bad = BTreeMap<usize, String>;

struct Done {
    rows: Folded,
    park: Vec<Parked>,
}

enum Failed {
    /// A record cannot be decoded, or has no room among the parked.
    Planning(PoisonEvent),
    /// A handler failed.
    RowFolder(PoisonEvent),
}

#[async_trait]
impl<P: Projection> BatchHandler for RowFolder<P> {
    fn table(&self) -> &Table {
        &self.table
    }

    fn filter(&self) -> Criteria {
        criteria_of::<P>()
    }

    fn batch(&self) -> usize {
        BATCH
    }

    /// Each failure makes it start again without the record that failed, or with those before it only: a handler that
    /// failed may have left its row half changed.
    async fn handle(
        &mut self,
        records: &[Record],
        from: Position,
        parking: &Parking,
    ) -> Result<BatchResult, Error> {
        let (mut records, mut bad, mut poison) = (records, Bad::new(), None);
        let at = (from, parking.count());
        self.folded.clear();
        loop {
            match self.fold(records, (at, parking), &bad).await? {
                Ok(Done { rows, park }) => {
                    return Ok(BatchResult { rows, park, poison, ..BatchResult::default() });
                }
                Err(Failed::RowFolder(PoisonEvent { index, error })) if parking.can_park() => {
                    bad.insert(index, error);
                }
                Err(Failed::Planning(first) | Failed::RowFolder(first)) => {
                    records = &records[..first.index];
                    poison = Some(first);
                }
            }
        }
    }

    /// Keeps the rows if they were written. If that is not known, or something was parked, those that are kept are right at
    /// another place than the next batch begins with.
    async fn commit(
        &mut self,
        rows: &dyn RowStore,
        records: &[Record],
        change: RowChange<'_>,
    ) -> Result<Result<CommitOutcome, String>, Error> {
        let folded = std::mem::take(&mut self.folded);
        let (from, to) = ((change.from, change.parked), (change.to, change.parked));
        let parks = !(change.park.is_empty() && change.unpark.is_empty());
        let committed = rows.commit(change).await?;
        if committed == CommitOutcome::Done && !parks {
            let written = if records.is_empty() { Vec::new() } else { folded };
            self.cache.at(from).move_to(to, written);
        }
        Ok(Ok(committed))
    }
}

/// Plans the steps of records, and puts aside those that are to be parked.
fn sort<'a, P: Projection>(
    records: &'a [Record],
    codec: &Codec,
    parking: &Parking,
    bad: &Bad,
) -> Result<(RowOps<'a, P>, Vec<Parked>), PoisonEvent> {
    let (mut steps, mut park) = (RowOps::default(), Vec::new());
    // What this page parks, beside what is parked: that may be much, and a page is sorted more than once.
    let mut own = Parking::default();
    for (index, record) in records.iter().enumerate() {
        steps.begin(index);
        let planned = guard(index, || P::plan_record(record, codec, &mut steps));
        if parking.is_disabled() {
            planned?;
            continue;
        }
        let error = planned.err().map(|poison| poison.error).or_else(|| bad.get(&index).cloned());
        let keys = steps.last_keys().map(|keys| texts(index, &keys)).transpose()?;
        let parked = match (error, keys) {
            (None, None) => continue,
            (None, Some(keys)) => match parking.blocked_by(&keys).or_else(|| own.blocked_by(&keys)) {
                None => continue,
                Some(before) => park_waiting(record, keys, before),
            },
            (Some(error), Some(keys)) => park_failed(record, keys, error),
            (Some(error), None) => {
                let error = format!("{error}; nobody can tell whose it is, so it cannot be parked");
                return Err(PoisonEvent { index, error });
            }
        };
        if !parking.can_park_after(own.count()) {
            let count = parking.count() + own.count();
            let error = format!("{}; parked already: {count}", parked.error);
            return Err(PoisonEvent { index, error });
        }
        steps.forget_last();
        own.add(&parked);
        park.push(parked);
    }
    Ok((steps, park))
}

fn texts<K: RowKey>(index: usize, keys: &[K]) -> Result<Vec<String>, PoisonEvent> {
    keys.iter().map(|key| guard(index, || Ok(key_text(&key.to_key()?)))).collect()
}

/// Folds records into rows that start from nothing: what every store has to end up with.
pub(crate) fn fold_in_memory<P: Projection>(
    records: &[Record],
    codec: &Codec,
) -> Result<HashMap<P::Key, P>, Invalid> {
    let mut steps = RowOps::default();
    records.iter().try_for_each(|record| P::plan_record(record, codec, &mut steps))?;
    let mut rows = HashMap::new();
    let (steps, keys) = steps.into_parts();
    let mut keys = keys.into_iter();
    for step in steps {
        for key in keys.by_ref().take(step.rows) {
            let row = rows.entry(key.clone()).or_insert_with(|| P::initial(key.clone()));
            if (step.apply)(row) == Change::Delete {
                rows.remove(&key);
            }
        }
    }
    Ok(rows)
}
