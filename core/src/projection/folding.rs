//! Folding: plan the steps of a batch of records, load the rows that they change, run the handlers.

use std::{
    collections::{BTreeMap, HashMap},
    marker::PhantomData,
    panic::{AssertUnwindSafe, catch_unwind},
};

use async_trait::async_trait;

use super::{
    Change, Consumer, Parking, Poison, Projection, RowKey, Steps, Taken, criteria_of,
    parking::{failed, waiting},
    steps::Step,
};
use crate::{
    codec::Codec,
    error::{Error, Invalid, panic_message},
    query::Criteria,
    record::Record,
    rows::{Folded, Key, Parked, Row, SharedRows, Table, key_text},
};

/// Folds events into the rows of a build.
#[derive(Debug)]
pub struct Folding<P> {
    table: Table,
    rows: SharedRows,
    codec: Codec,
    row: PhantomData<fn() -> P>,
}

impl<P: Projection> Folding<P> {
    /// Into the first build of the projection's own version.
    pub fn new(rows: SharedRows, codec: Codec) -> Self {
        Self::build(P::TABLE, rows, codec)
    }

    /// Into this build.
    pub(crate) fn build(table: Table, rows: SharedRows, codec: Codec) -> Self {
        Self { table, rows, codec, row: PhantomData }
    }

    /// Folds records into the stored rows. `bad` are those that were tried before and failed.
    async fn fold(
        &self,
        records: &[Record],
        parking: &Parking,
        bad: &Bad,
    ) -> Result<Result<Done, Failed>, Error> {
        let (steps, park) = match sort::<P>(records, &self.codec, parking, bad) {
            Ok(sorted) => sorted,
            Err(poison) => return Ok(Err(Failed::Planning(poison))),
        };
        let keys = match steps.stored_keys() {
            Ok(keys) => keys,
            Err(poison) => return Ok(Err(Failed::Folding(poison))),
        };
        let stored: Vec<Key> = keys.iter().map(|one| one.stored.clone()).collect();
        let loaded = self.rows.rows(&self.table, &stored).await?;
        Ok(apply(steps, keys, loaded).map(|rows| Done { rows, park }).map_err(Failed::Folding))
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
    Planning(Poison),
    /// A handler failed.
    Folding(Poison),
}

#[async_trait]
impl<P: Projection> Consumer for Folding<P> {
    fn table(&self) -> &Table {
        &self.table
    }

    fn filter(&self) -> Criteria {
        criteria_of::<P>()
    }

    /// Each failure makes it start again without the record that failed, or with those before it only: a handler that
    /// failed may have left its row half changed.
    async fn take(&mut self, records: &[Record], parking: &Parking) -> Result<Taken, Error> {
        let (mut records, mut bad, mut poison) = (records, Bad::new(), None);
        loop {
            match self.fold(records, parking, &bad).await? {
                Ok(Done { rows, park }) => return Ok(Taken { rows, park, poison, again: false }),
                Err(Failed::Folding(Poison { index, error })) if parking.parks() => {
                    bad.insert(index, error);
                }
                Err(Failed::Planning(at) | Failed::Folding(at)) => {
                    records = &records[..at.index];
                    poison = Some(at);
                }
            }
        }
    }
}

/// Plans the steps of records, and puts aside those that are to be parked.
fn sort<'a, P: Projection>(
    records: &'a [Record],
    codec: &Codec,
    parking: &Parking,
    bad: &Bad,
) -> Result<(Steps<'a, P>, Vec<Parked>), Poison> {
    let (mut steps, mut park) = (Steps::default(), Vec::new());
    // What this page parks, beside what is parked: that may be much, and a page is sorted more than once.
    let mut own = Parking::default();
    for (index, record) in records.iter().enumerate() {
        steps.begin(index);
        let planned = guard(index, || P::plan_record(record, codec, &mut steps));
        if parking.is_closed() {
            planned?;
            continue;
        }
        let error = planned.err().map(|poison| poison.error).or_else(|| bad.get(&index).cloned());
        let keys = steps.last_keys().map(|keys| texts(index, &keys)).transpose()?;
        let parked = match (error, keys) {
            (None, None) => continue,
            (None, Some(keys)) => match parking.before(&keys).or_else(|| own.before(&keys)) {
                None => continue,
                Some(before) => waiting(record, keys, before),
            },
            (Some(error), Some(keys)) => failed(record, keys, error),
            (Some(error), None) => {
                let error = format!("{error}; nobody can tell whose it is, so it cannot be parked");
                return Err(Poison { index, error });
            }
        };
        if !parking.parks_behind(own.count()) {
            let count = parking.count() + own.count();
            let error = format!("{}; parked already: {count}", parked.error);
            return Err(Poison { index, error });
        }
        steps.forget_last();
        own.add(&parked);
        park.push(parked);
    }
    Ok((steps, park))
}

fn texts<K: RowKey>(index: usize, keys: &[K]) -> Result<Vec<String>, Poison> {
    keys.iter().map(|key| guard(index, || Ok(key_text(&key.to_key()?)))).collect()
}

/// A key with its stored form and the record that named it first.
pub(super) struct StoredKey<K> {
    key: K,
    pub(super) stored: Key,
    record: usize,
}

impl<P: Projection> Steps<'_, P> {
    /// The keys in the form in which stores keep them, each once, in order of first appearance.
    pub(super) fn stored_keys(&self) -> Result<Vec<StoredKey<P::Key>>, Poison> {
        let keys = self.keys().into_iter();
        keys.map(|(key, record)| {
            let stored = guard(record, || key.to_key())?;
            Ok(StoredKey { key, stored, record })
        })
        .collect()
    }
}

/// Runs steps on the rows of their keys.
pub(super) fn apply<P: Projection>(
    steps: Steps<'_, P>,
    keys: Vec<StoredKey<P::Key>>,
    rows: Vec<Option<Row>>,
) -> Result<Folded, Poison> {
    let mut slots = HashMap::with_capacity(keys.len());
    for (StoredKey { key, record, .. }, row) in keys.iter().zip(rows) {
        let row = guard(*record, || row.map(P::from_row).transpose())?;
        slots.insert(key.clone(), Slot::<P> { stored: row.is_some(), row, touched: *record });
    }
    run(steps, &mut slots)?;
    write(keys, slots)
}

/// Folds records into rows that start from nothing: what every store has to end up with.
pub(crate) fn fold_in_memory<P: Projection>(
    records: &[Record],
    codec: &Codec,
) -> Result<HashMap<P::Key, P>, Invalid> {
    let mut steps = Steps::default();
    records.iter().try_for_each(|record| P::plan_record(record, codec, &mut steps))?;
    let mut rows = HashMap::new();
    for Step { key, apply, .. } in steps.into_vec() {
        let row = rows.entry(key.clone()).or_insert_with(|| P::initial(key.clone()));
        if apply(row) == Change::Delete {
            rows.remove(&key);
        }
    }
    Ok(rows)
}

/// A row in the making.
struct Slot<P> {
    row: Option<P>,
    stored: bool,
    /// The index of the last record that touched it.
    touched: usize,
}

fn run<P: Projection>(steps: Steps<'_, P>, slots: &mut HashMap<P::Key, Slot<P>>) -> Result<(), Poison> {
    for Step { key, record, apply } in steps.into_vec() {
        let Some(slot) = slots.get_mut(&key) else { continue };
        slot.touched = record;
        let change = guard(record, || Ok(apply(slot.row.get_or_insert_with(|| P::initial(key)))))?;
        if change == Change::Delete {
            slot.row = None;
        }
    }
    Ok(())
}

/// The rows to write and the keys to delete, in order of first appearance.
fn write<P: Projection>(
    keys: Vec<StoredKey<P::Key>>,
    mut slots: HashMap<P::Key, Slot<P>>,
) -> Result<Folded, Poison> {
    let mut folded = Folded::default();
    for StoredKey { key, stored, .. } in keys {
        match slots.remove(&key) {
            Some(Slot { row: Some(row), touched, .. }) => {
                folded.upserts.push(guard(touched, || row.to_row())?);
            }
            Some(Slot { row: None, stored: true, .. }) => folded.deletes.push(stored),
            _ => {}
        }
    }
    Ok(folded)
}

/// Runs the user's code for the record at an index; an error or a panic blames that record.
pub(super) fn guard<T>(index: usize, user_code: impl FnOnce() -> Result<T, Invalid>) -> Result<T, Poison> {
    let error = match catch_unwind(AssertUnwindSafe(user_code)) {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(invalid)) => invalid.to_string(),
        Err(panic) => format!("the handler panicked: {}", panic_message(&*panic)),
    };
    Err(Poison { index, error })
}
