//! The rows that a batch changes, in the making.

use std::collections::{HashMap, hash_map::Entry};

use super::{Change, Projection, RowKey, RowOps, row_ops::RowOp};
use crate::{
    daemon::PoisonEvent,
    error::Invalid,
    panics::catch,
    rows::{Folded, Key, Row, Value},
};

/// The steps of a batch and the rows that they change, in order of first appearance.
pub(super) struct RowSet<'a, P: Projection> {
    steps: Vec<RowOp<'a, P>>,
    /// The numbers of the rows of all steps, those of one behind those of another.
    numbers: Vec<usize>,
    rows: Vec<RowEntry<P>>,
    /// The numbers and the keys of the rows that have to be loaded.
    unknown: Vec<usize>,
    wanted: Vec<Key>,
}

/// A row as it was stored, or is to be.
pub(super) struct RowEntry<P: Projection> {
    pub(super) key: P::Key,
    pub(super) row: Option<P>,
    /// Whether there was one before.
    stored: bool,
    /// The index of the last record that touched it.
    touched: usize,
    /// How many bytes its texts have, as they are written.
    pub(super) size: usize,
}

impl<'a, P: Projection> RowSet<'a, P> {
    /// `known` gives the rows that need not be loaded: a row, or that there is none.
    pub(super) fn by(
        steps: RowOps<'a, P>,
        mut known: impl FnMut(&P::Key) -> Option<Option<P>>,
    ) -> Result<Self, PoisonEvent> {
        let (steps, keys) = steps.into_parts();
        let (mut index, mut numbers) = (HashMap::new(), Vec::with_capacity(keys.len()));
        let (mut rows, mut unknown, mut wanted) = (Vec::new(), Vec::new(), Vec::new());
        let mut keys = keys.into_iter();
        for step in &steps {
            for key in keys.by_ref().take(step.rows) {
                let number = match index.entry(key) {
                    Entry::Occupied(entry) => *entry.get(),
                    Entry::Vacant(entry) => {
                        let (number, key) = (rows.len(), entry.key().clone());
                        let row = known(&key).unwrap_or_else(|| {
                            unknown.push(number);
                            None
                        });
                        rows.push(RowEntry {
                            key,
                            stored: row.is_some(),
                            row,
                            touched: step.record,
                            size: 0,
                        });
                        *entry.insert(number)
                    }
                };
                numbers.push(number);
            }
        }
        for number in &unknown {
            let entry: &RowEntry<P> = &rows[*number];
            wanted.push(entry.stored_key()?);
        }
        Ok(Self { steps, numbers, rows, unknown, wanted })
    }

    /// The keys of the rows that have to be loaded, each once.
    pub(super) fn wanted(&self) -> &[Key] {
        &self.wanted
    }

    /// Runs the steps, with the rows that were loaded for the wanted keys.
    pub(super) fn fold(&mut self, loaded: Vec<Option<Row>>) -> Result<Folded, PoisonEvent> {
        for (number, row) in self.unknown.iter().zip(loaded) {
            let entry = &mut self.rows[*number];
            entry.row = guard(entry.touched, || row.map(P::from_row).transpose())?;
            entry.stored = entry.row.is_some();
        }
        self.run()?;
        self.write()
    }

    /// The rows as they are when they are written.
    pub(super) fn into_rows(self) -> Vec<RowEntry<P>> {
        self.rows
    }

    fn run(&mut self) -> Result<(), PoisonEvent> {
        let mut numbers = self.numbers.iter();
        for RowOp { rows, record, apply } in &self.steps {
            for number in numbers.by_ref().take(*rows) {
                let RowEntry { key, row, touched, .. } = &mut self.rows[*number];
                *touched = *record;
                let change =
                    guard(*record, || Ok(apply(row.get_or_insert_with(|| P::initial(key.clone())))))?;
                if change == Change::Delete {
                    *row = None;
                }
            }
        }
        Ok(())
    }

    fn write(&mut self) -> Result<Folded, PoisonEvent> {
        let mut folded = Folded::default();
        for entry in &mut self.rows {
            match &entry.row {
                Some(row) => {
                    let row = guard(entry.touched, || row.to_row())?;
                    entry.size = row.iter().map(Value::size).sum();
                    folded.upserts.push(row);
                }
                None if entry.stored => folded.deletes.push(entry.stored_key()?),
                None => {}
            }
        }
        Ok(folded)
    }
}

impl<P: Projection> RowEntry<P> {
    fn stored_key(&self) -> Result<Key, PoisonEvent> {
        guard(self.touched, || self.key.to_key())
    }
}

/// Runs the user's code for the record at an index; an error or a panic blames that record.
pub(super) fn guard<T>(
    index: usize,
    user_code: impl FnOnce() -> Result<T, Invalid>,
) -> Result<T, PoisonEvent> {
    let error = match catch(user_code) {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(invalid)) => invalid.to_string(),
        Err(panic) => format!("the handler panicked: {panic}"),
    };
    Err(PoisonEvent { index, error })
}
