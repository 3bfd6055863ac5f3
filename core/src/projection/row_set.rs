//! The rows that a batch changes.

use std::collections::{HashMap, hash_map::Entry};

use super::{
    Change, Projection, RowOps,
    key::{PlannedKey, StoredKey},
    row_ops::RowOp,
    secrets::{check_json, without_reading},
};
use crate::{
    daemon::PoisonEvent,
    error::Invalid,
    panics::catch,
    rows::{FoldedRows, Key, Row, Value, key_text},
};

/// The operations of a batch and the rows that they change, in order of first appearance.
pub(super) struct RowSet<'a, P: Projection> {
    ops: Vec<RowOp<'a, P>>,
    /// The indexes of the rows of all operations, one operation after the other.
    targets: Vec<usize>,
    rows: Vec<RowEntry<P>>,
    /// The indexes of the rows that have to be loaded.
    unloaded: Vec<usize>,
    /// The keys of these.
    missing_keys: Vec<Key>,
}

/// A row before and after the batch.
pub(super) struct RowEntry<P: Projection> {
    key: P::Key,
    pub(super) stored_key: StoredKey,
    pub(super) row: Option<P>,
    /// Whether the row exists in the store.
    is_stored: bool,
    /// The index of the last record that changes the row.
    record: usize,
    /// Bytes of its texts, as written.
    pub(super) size: usize,
}

impl<'a, P: Projection> RowSet<'a, P> {
    /// Collects the rows of the operations. `cached` returns rows that need not be loaded; `Some(None)` is a row that does
    /// not exist.
    pub(super) fn new(ops: RowOps<'a, P>, mut cached: impl FnMut(&StoredKey) -> Option<Option<P>>) -> Self {
        let (ops, keys) = ops.into_parts();
        let (mut index, mut targets) = (HashMap::new(), Vec::with_capacity(keys.len()));
        let (mut rows, mut unloaded, mut missing_keys) = (Vec::new(), Vec::new(), Vec::new());
        let mut keys = keys.into_iter();
        for op in &ops {
            for PlannedKey { key, stored } in keys.by_ref().take(op.rows) {
                let target = match index.entry(stored) {
                    Entry::Occupied(entry) => *entry.get(),
                    Entry::Vacant(entry) => {
                        let (target, stored_key) = (rows.len(), entry.key().clone());
                        let row = cached(&stored_key).unwrap_or_else(|| {
                            unloaded.push(target);
                            missing_keys.push(stored_key.values().clone());
                            None
                        });
                        rows.push(RowEntry {
                            key,
                            stored_key,
                            is_stored: row.is_some(),
                            row,
                            record: op.record,
                            size: 0,
                        });
                        *entry.insert(target)
                    }
                };
                targets.push(target);
            }
        }
        Self { ops, targets, rows, unloaded, missing_keys }
    }

    /// The keys of the rows that have to be loaded, each once.
    pub(super) fn missing_keys(&self) -> &[Key] {
        &self.missing_keys
    }

    /// Runs the operations, given the rows loaded for [`missing_keys`](Self::missing_keys) in their order. The row of `suspect` is
    /// converted after each of its operations, to find the event that made it a row that cannot be stored.
    pub(super) fn fold(
        &mut self,
        loaded: Vec<Option<Row>>,
        suspect: Option<&StoredKey>,
    ) -> Result<FoldedRows, FoldError> {
        for (target, row) in self.unloaded.iter().zip(loaded) {
            let entry = &mut self.rows[*target];
            entry.row = blame_record(entry.record, || row.map(P::from_row).transpose())?;
            entry.is_stored = entry.row.is_some();
        }
        self.run(suspect)?;
        self.build_changes()
    }

    /// The rows after the batch.
    pub(super) fn into_rows(self) -> Vec<RowEntry<P>> {
        self.rows
    }

    fn run(&mut self, suspect: Option<&StoredKey>) -> Result<(), PoisonEvent> {
        let mut targets = self.targets.iter();
        for RowOp { rows, record: index, apply } in &self.ops {
            for target in targets.by_ref().take(*rows) {
                let entry = &mut self.rows[*target];
                entry.record = *index;
                let initial = || P::initial(entry.key.clone());
                let fold = || blame_record(*index, || Ok(apply(entry.row.get_or_insert_with(initial))));
                let refused = |error| PoisonEvent { index: *index, error };
                let change = without_reading::<P, _, _>(fold, refused)?;
                if change == Change::Delete {
                    entry.row = None;
                }
                if suspect == Some(&entry.stored_key) {
                    entry.to_row()?;
                }
            }
        }
        Ok(())
    }

    fn build_changes(&mut self) -> Result<FoldedRows, FoldError> {
        let mut folded = FoldedRows::default();
        for entry in &mut self.rows {
            let row = entry.to_row().map_err(|poison| FoldError::Row(entry.stored_key.clone(), poison))?;
            match row {
                Some(row) => {
                    entry.size = row.iter().map(Value::size).sum();
                    folded.upserts.push(row);
                }
                None if entry.is_stored => folded.deletes.push(entry.stored_key.values().clone()),
                None => {}
            }
        }
        Ok(folded)
    }
}

impl<P: Projection> RowEntry<P> {
    /// The stored form of the row. An error names the row, and the record that changed it last.
    fn to_row(&self) -> Result<Option<Row>, PoisonEvent> {
        let row = blame_record(self.record, || {
            let row = self.row.as_ref().map(P::to_row).transpose()?;
            row.as_ref().map_or(Ok(()), check_json::<P>).map(|()| row)
        });
        row.map_err(|PoisonEvent { index, error }| {
            let key = key_text(self.stored_key.values());
            PoisonEvent { index, error: format!("the row {key} cannot be stored: {error}") }
        })
    }
}

/// Why a batch cannot be folded.
pub(super) enum FoldError {
    /// A handler failed.
    Handler(PoisonEvent),
    /// The row with this key cannot be stored. Any of the events that changed it may have caused it; the last one is named.
    Row(StoredKey, PoisonEvent),
}

impl From<PoisonEvent> for FoldError {
    fn from(poison: PoisonEvent) -> Self {
        Self::Handler(poison)
    }
}

impl From<FoldError> for PoisonEvent {
    fn from(error: FoldError) -> Self {
        match error {
            FoldError::Handler(poison) | FoldError::Row(_, poison) => poison,
        }
    }
}

/// Runs user code for the record at an index. An error or a panic marks that record as the poison event.
pub(super) fn blame_record<T>(
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
