//! One batch: plan the steps of its records, load the rows that they change, run the handlers.

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
};

use super::{Change, Projection, RowKey, Steps, steps::Step};
use crate::{
    codec::Codec,
    error::{Error, Invalid, panic_message},
    record::Record,
    rows::{Key, Row, RowStore},
};

/// What a batch makes of the rows.
pub(super) struct Folded {
    pub(super) upserts: Vec<Row>,
    pub(super) deletes: Vec<Key>,
}

/// A record that cannot be taken, by its index in the batch, and why.
pub(super) struct Poison {
    pub(super) index: usize,
    pub(super) error: String,
}

/// Folds records into the rows of a store. Nothing is written yet.
pub(super) async fn fold<P: Projection>(
    records: &[Record],
    codec: &Codec,
    rows: &dyn RowStore,
) -> Result<Result<Folded, Poison>, Error> {
    let steps = match plan::<P>(records, codec) {
        Ok(steps) => steps,
        Err(poison) => return Ok(Err(poison)),
    };
    let keys = steps.keys();
    let stored: Vec<Key> = match keys.iter().map(|(key, record)| guard(*record, || key.to_key())).collect() {
        Ok(stored) => stored,
        Err(poison) => return Ok(Err(poison)),
    };
    let loaded = rows.rows(&P::TABLE, &stored).await?;
    let mut slots = HashMap::with_capacity(keys.len());
    for ((key, record), row) in keys.iter().zip(loaded) {
        match guard(*record, || row.map(P::from_row).transpose()) {
            Ok(row) => slots.insert(key.clone(), Slot::<P>::of(row)),
            Err(poison) => return Ok(Err(poison)),
        };
    }
    Ok(run(steps, &mut slots).and_then(|()| write(keys.into_iter().zip(stored), slots)))
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

impl<P> Slot<P> {
    fn of(row: Option<P>) -> Self {
        Self { stored: row.is_some(), row, touched: 0 }
    }
}

fn plan<'a, P: Projection>(records: &'a [Record], codec: &Codec) -> Result<Steps<'a, P>, Poison> {
    let mut steps = Steps::default();
    for (index, record) in records.iter().enumerate() {
        steps.begin(index);
        guard(index, || P::plan_record(record, codec, &mut steps))?;
    }
    Ok(steps)
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
    keys: impl Iterator<Item = ((P::Key, usize), Key)>,
    mut slots: HashMap<P::Key, Slot<P>>,
) -> Result<Folded, Poison> {
    let mut folded = Folded { upserts: Vec::new(), deletes: Vec::new() };
    for ((key, _), stored_key) in keys {
        match slots.remove(&key) {
            Some(Slot { row: Some(row), touched, .. }) => {
                folded.upserts.push(guard(touched, || row.to_row())?);
            }
            Some(Slot { row: None, stored: true, .. }) => folded.deletes.push(stored_key),
            _ => {}
        }
    }
    Ok(folded)
}

/// Runs the user's code for the record at an index; an error or a panic blames that record.
fn guard<T>(index: usize, user_code: impl FnOnce() -> Result<T, Invalid>) -> Result<T, Poison> {
    let error = match catch_unwind(AssertUnwindSafe(user_code)) {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(invalid)) => invalid.to_string(),
        Err(panic) => format!("the handler panicked: {}", panic_message(&*panic)),
    };
    Err(Poison { index, error })
}
