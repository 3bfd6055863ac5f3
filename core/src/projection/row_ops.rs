//! From records to row operations: which rows a record changes, and how.
//!
//! Records are decoded and their keys found first, so that the rows of a whole batch can be loaded at once; the handlers run
//! on the loaded rows.

use std::collections::HashSet;

use super::{Change, FromTags, IntoKeys, Projection, key::PlannedKey};
use crate::{
    codec::{Codec, RawEvent},
    context::Context,
    error::Invalid,
    event::Event,
    record::Record,
};

/// The changes of a batch of records to the rows of a projection, in order, not applied yet.
pub struct RowOps<'a, P: Projection> {
    ops: Vec<RowOp<'a, P>>,
    /// The keys of all operations, one operation after the other.
    keys: Vec<PlannedKey<P::Key>>,
    /// The index of the last record.
    record: usize,
    /// How many operations and keys there were before the last record.
    before: (usize, usize),
    /// The keys of the last record that are known without decoding it; `None` if only the decoded event has them.
    known_keys: Option<Vec<PlannedKey<P::Key>>>,
}

/// The change of one event to its rows.
pub(super) struct RowOp<'a, P: Projection> {
    /// How many rows it changes.
    pub(super) rows: usize,
    /// The index of the event's record in the batch.
    pub(super) record: usize,
    pub(super) apply: Box<dyn Fn(&mut P) -> Change + Send + 'a>,
}

impl<P: Projection> Default for RowOps<'_, P> {
    fn default() -> Self {
        let (ops, keys, known_keys) = (Vec::new(), Vec::new(), Some(Vec::new()));
        Self { ops, keys, record: 0, before: (0, 0), known_keys }
    }
}

impl<'a, P: Projection> RowOps<'a, P> {
    /// Begins the record with this index: the following operations are its.
    pub(super) fn begin(&mut self, record: usize) {
        self.record = record;
        self.before = (self.ops.len(), self.keys.len());
        self.known_keys.get_or_insert_default().clear();
    }

    /// The keys of the rows that the last record changes, or would change if it could be decoded; `None` if they are unknown.
    pub(super) fn last_keys(&self) -> Option<Vec<PlannedKey<P::Key>>> {
        let known_keys = self.known_keys.as_ref()?.iter();
        let mut keys = known_keys.chain(&self.keys[self.before.1..]).cloned().collect();
        remove_duplicates(&mut keys, 0);
        Some(keys)
    }

    /// Removes the operations of the last record.
    pub(super) fn remove_last(&mut self) {
        self.ops.truncate(self.before.0);
        self.keys.truncate(self.before.1);
    }

    /// The operations, and the keys of all of them: each operation has `rows` keys.
    pub(super) fn into_parts(self) -> (Vec<RowOp<'a, P>>, Vec<PlannedKey<P::Key>>) {
        (self.ops, self.keys)
    }

    /// Adds the operation of an event on the rows whose keys were added from the index `first` on. An event that names a row
    /// twice is applied to it once.
    fn push(&mut self, first: usize, apply: Box<dyn Fn(&mut P) -> Change + Send + 'a>) {
        remove_duplicates(&mut self.keys, first);
        match self.keys.len() - first {
            0 => {}
            rows => self.ops.push(RowOp { rows, record: self.record, apply }),
        }
    }
}

/// Removes repeated keys from the index `first` on.
fn remove_duplicates<K>(keys: &mut Vec<PlannedKey<K>>, first: usize) {
    if keys.len() > first + 1 {
        let mut seen = HashSet::new();
        let own = keys.split_off(first);
        keys.extend(own.into_iter().filter(|key| seen.insert(key.stored.clone())));
    }
}

/// Plans the operations of a record's events of type `E`; ignores a record of another type.
/// [`Projection::plan_record`] calls it once for each `on` entry.
///
/// # Errors
/// [`Invalid`] if the record cannot be decoded, or `keys` cannot find its keys.
pub fn plan_event<'a, P, E, K, C>(
    record: &'a Record,
    codec: &Codec,
    ops: &mut RowOps<'a, P>,
    keys: impl Fn(&E, &Record) -> Result<K, Invalid>,
    apply: impl Fn(&mut P, &E, &C) -> Change + Copy + Send + 'a,
) -> Result<(), Invalid>
where
    P: Projection,
    E: Event,
    K: IntoKeys<P::Key>,
    C: HandlerContext<'a>,
{
    if const { &E::TYPES }.reads(&record.name) {
        // Unknown until the event is decoded.
        ops.known_keys = None;
        plan_decoded(record, codec, ops, apply, |ops, event| {
            let mut planned = Ok(());
            keys(event, record)?.each_key(&mut |key| match PlannedKey::new(key) {
                Ok(key) => ops.keys.push(key),
                Err(invalid) => planned = Err(invalid),
            });
            planned
        })?;
        ops.known_keys.get_or_insert_default();
    }
    Ok(())
}

/// As [`plan_event`], for rows whose keys are ids in the tags of the record: these are known before it is decoded.
pub(super) fn plan_event_by_ids<'a, P, E, C>(
    record: &'a Record,
    codec: &Codec,
    ops: &mut RowOps<'a, P>,
    apply: impl Fn(&mut P, &E, &C) -> Change + Copy + Send + 'a,
) -> Result<(), Invalid>
where
    P: Projection<Key: FromTags>,
    E: Event,
    C: HandlerContext<'a>,
{
    if const { &E::TYPES }.reads(&record.name) {
        let known_keys = P::Key::from_tags(record)?.into_iter().map(PlannedKey::new);
        ops.known_keys = Some(known_keys.collect::<Result<_, _>>()?);
        plan_decoded(record, codec, ops, apply, |RowOps { known_keys, keys, .. }, _| {
            keys.extend(known_keys.iter().flatten().cloned());
            Ok(())
        })?;
    }
    Ok(())
}

/// Adds an operation for each event of a record, on the rows whose keys `add_keys` adds.
fn plan_decoded<'a, P: Projection, E: Event, C: HandlerContext<'a>>(
    record: &'a Record,
    codec: &Codec,
    ops: &mut RowOps<'a, P>,
    apply: impl Fn(&mut P, &E, &C) -> Change + Copy + Send + 'a,
    add_keys: impl Fn(&mut RowOps<'a, P>, &E) -> Result<(), Invalid>,
) -> Result<(), Invalid> {
    let context = C::of(record)?;
    let mut planned = Ok(());
    E::decode_raw(&RawEvent::from(record), codec, &mut |event| {
        let first = ops.keys.len();
        if planned.is_ok() {
            planned = add_keys(ops, &event);
            ops.push(first, Box::new(move |row| apply(row, &event, &context)));
        }
    })?;
    planned
}

/// The second argument of a handler: the [`Context`] of the event, or `()` for a handler that does not need it.
pub trait HandlerContext<'a>: Copy + Send + 'a {
    /// The context of a record.
    ///
    /// # Errors
    /// [`Invalid`] if the metadata cannot be read.
    fn of(record: &'a Record) -> Result<Self, Invalid>;
}

impl<'a> HandlerContext<'a> for Context<'a> {
    fn of(record: &'a Record) -> Result<Self, Invalid> {
        Context::of(record)
    }
}

impl HandlerContext<'_> for () {
    fn of(_: &Record) -> Result<(), Invalid> {
        Ok(())
    }
}
