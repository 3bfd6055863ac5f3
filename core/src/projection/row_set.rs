//! The rows that a batch changes.

use std::collections::{HashMap, hash_map::Entry};

use super::{Change, Projection, RowKey, RowOps, row_ops::RowOp};
use crate::{
    daemon::PoisonEvent,
    error::Invalid,
    panics::catch,
    rows::{FoldedRows, Key, Row, Value},
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
    pub(super) key: P::Key,
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
    pub(super) fn new(
        ops: RowOps<'a, P>,
        mut cached: impl FnMut(&P::Key) -> Option<Option<P>>,
    ) -> Result<Self, PoisonEvent> {
        let (ops, keys) = ops.into_parts();
        let (mut index, mut targets) = (HashMap::new(), Vec::with_capacity(keys.len()));
        let (mut rows, mut unloaded, mut missing_keys) = (Vec::new(), Vec::new(), Vec::new());
        let mut keys = keys.into_iter();
        for op in &ops {
            for key in keys.by_ref().take(op.rows) {
                let target = match index.entry(key) {
                    Entry::Occupied(entry) => *entry.get(),
                    Entry::Vacant(entry) => {
                        let (target, key) = (rows.len(), entry.key().clone());
                        let row = cached(&key).unwrap_or_else(|| {
                            unloaded.push(target);
                            None
                        });
                        rows.push(RowEntry {
                            key,
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
        for target in &unloaded {
            let entry: &RowEntry<P> = &rows[*target];
            missing_keys.push(entry.stored_key()?);
        }
        Ok(Self { ops, targets, rows, unloaded, missing_keys })
    }

    /// The keys of the rows that have to be loaded, each once.
    pub(super) fn missing_keys(&self) -> &[Key] {
        &self.missing_keys
    }

    /// Runs the operations, given the rows loaded for [`missing_keys`](Self::missing_keys) in their order.
    pub(super) fn fold(&mut self, loaded: Vec<Option<Row>>) -> Result<FoldedRows, PoisonEvent> {
        for (target, row) in self.unloaded.iter().zip(loaded) {
            let entry = &mut self.rows[*target];
            entry.row = blame_record(entry.record, || row.map(P::from_row).transpose())?;
            entry.is_stored = entry.row.is_some();
        }
        self.run()?;
        self.build_changes()
    }

    /// The rows after the batch.
    pub(super) fn into_rows(self) -> Vec<RowEntry<P>> {
        self.rows
    }

    fn run(&mut self) -> Result<(), PoisonEvent> {
        let mut targets = self.targets.iter();
        for RowOp { rows, record: index, apply } in &self.ops {
            for target in targets.by_ref().take(*rows) {
                let RowEntry { key, row, record, .. } = &mut self.rows[*target];
                *record = *index;
                let initial = || P::initial(key.clone());
                let change = blame_record(*index, || Ok(apply(row.get_or_insert_with(initial))))?;
                if change == Change::Delete {
                    *row = None;
                }
            }
        }
        Ok(())
    }

    fn build_changes(&mut self) -> Result<FoldedRows, PoisonEvent> {
        let mut folded = FoldedRows::default();
        for entry in &mut self.rows {
            match &entry.row {
                Some(row) => {
                    let row = blame_record(entry.record, || row.to_row())?;
                    entry.size = row.iter().map(Value::size).sum();
                    folded.upserts.push(row);
                }
                None if entry.is_stored => folded.deletes.push(entry.stored_key()?),
                None => {}
            }
        }
        Ok(folded)
    }
}

impl<P: Projection> RowEntry<P> {
    fn stored_key(&self) -> Result<Key, PoisonEvent> {
        blame_record(self.record, || self.key.to_key())
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
