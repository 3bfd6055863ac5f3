//! From records to steps: which rows a record changes, and how.
//!
//! Records are decoded and their keys found first, so that the rows of a whole batch can be loaded at once; the handlers run
//! when the rows are there.

use std::{collections::HashSet, hash::Hash};

use super::{Change, FromTags, IntoKeys, Projection};
use crate::{
    codec::Codec,
    context::Context,
    error::Invalid,
    event::Event,
    id::Id,
    limits::refuse,
    record::{RawEvent, Record},
};

/// What a batch of records does to the rows of a projection, in order.
pub struct RowOps<'a, P: Projection> {
    steps: Vec<RowOp<'a, P>>,
    /// The keys of all steps, those of one behind those of another.
    keys: Vec<P::Key>,
    record: usize,
    /// How many steps and keys there were before the last record.
    before: (usize, usize),
    /// The keys of the last record, as far as they are known without decoding it; none if only the event knows them.
    known_keys: Option<Vec<P::Key>>,
}

/// What one event does to its rows.
pub(super) struct RowOp<'a, P: Projection> {
    /// How many rows it changes.
    pub(super) rows: usize,
    /// The index of the event's record in the batch.
    pub(super) record: usize,
    pub(super) apply: Box<dyn Fn(&mut P) -> Change + Send + 'a>,
}

impl<P: Projection> Default for RowOps<'_, P> {
    fn default() -> Self {
        let (steps, keys, known_keys) = (Vec::new(), Vec::new(), Some(Vec::new()));
        Self { steps, keys, record: 0, before: (0, 0), known_keys }
    }
}

impl<'a, P: Projection> RowOps<'a, P> {
    /// What is added from now on comes from the record with this index in the batch.
    pub(super) fn begin(&mut self, record: usize) {
        self.record = record;
        self.before = (self.steps.len(), self.keys.len());
        self.known_keys.get_or_insert_default().clear();
    }

    /// The keys of the rows that the last record changes, or would change if it could be decoded; none if nobody can tell.
    pub(super) fn last_keys(&self) -> Option<Vec<P::Key>> {
        let known_keys = self.known_keys.as_ref()?.iter();
        let mut keys = known_keys.chain(&self.keys[self.before.1..]).cloned().collect();
        each_once(&mut keys, 0);
        Some(keys)
    }

    /// Takes back what the last record added.
    pub(super) fn forget_last(&mut self) {
        self.steps.truncate(self.before.0);
        self.keys.truncate(self.before.1);
    }

    /// The steps, and the keys of all of them: each has as many as it changes rows.
    pub(super) fn into_parts(self) -> (Vec<RowOp<'a, P>>, Vec<P::Key>) {
        (self.steps, self.keys)
    }

    /// Adds what an event does to the rows whose keys were added last. An event that names a row twice still happened once.
    fn push(&mut self, first: usize, apply: Box<dyn Fn(&mut P) -> Change + Send + 'a>) {
        each_once(&mut self.keys, first);
        match self.keys.len() - first {
            0 => {}
            rows => self.steps.push(RowOp { rows, record: self.record, apply }),
        }
    }
}

/// Removes what was there before from the keys behind `first`.
fn each_once<K: Clone + Eq + Hash>(keys: &mut Vec<K>, first: usize) {
    if keys.len() > first + 1 {
        let mut seen = HashSet::new();
        let own = keys.split_off(first);
        keys.extend(own.into_iter().filter(|key| seen.insert(key.clone())));
    }
}

/// Adds the steps of the events of type `E` that a record holds; does nothing with a record of another type.
/// [`Projection::plan_record`] calls it once for each `on` entry.
///
/// # Errors
/// [`Invalid`] if the record cannot be decoded, or `keys` cannot find its keys.
pub fn plan_event<'a, P, E, K, C>(
    record: &'a Record,
    codec: &Codec,
    steps: &mut RowOps<'a, P>,
    keys: impl Fn(&E, &Record) -> Result<K, Invalid>,
    apply: impl Fn(&mut P, &E, &C) -> Change + Copy + Send + 'a,
) -> Result<(), Invalid>
where
    P: Projection,
    E: Event,
    K: IntoKeys<P::Key>,
    C: HandlerContext<'a>,
{
    if const { &E::TYPES }.contains(&record.name) {
        // Until the event is there and tells.
        steps.known_keys = None;
        decoded(record, codec, steps, apply, |steps, event| {
            keys(event, record)?.each_key(&mut |key| steps.keys.push(key));
            Ok(())
        })?;
        steps.known_keys.get_or_insert_default();
    }
    Ok(())
}

/// As [`plan_event`], where the ids in the tags of the record are the keys: they are known before it is decoded.
pub(super) fn plan_event_by_ids<'a, P, E, C>(
    record: &'a Record,
    codec: &Codec,
    steps: &mut RowOps<'a, P>,
    apply: impl Fn(&mut P, &E, &C) -> Change + Copy + Send + 'a,
) -> Result<(), Invalid>
where
    P: Projection<Key: FromTags>,
    E: Event,
    C: HandlerContext<'a>,
{
    if const { &E::TYPES }.contains(&record.name) {
        steps.known_keys = Some(P::Key::from_tags(record)?);
        decoded(record, codec, steps, apply, |RowOps { known_keys, keys, .. }, _| {
            keys.extend(known_keys.iter().flatten().cloned());
            Ok(())
        })?;
    }
    Ok(())
}

/// Adds a step for each event of a record, for the rows whose keys `add_keys` adds.
fn decoded<'a, P: Projection, E: Event, C: HandlerContext<'a>>(
    record: &'a Record,
    codec: &Codec,
    steps: &mut RowOps<'a, P>,
    apply: impl Fn(&mut P, &E, &C) -> Change + Copy + Send + 'a,
    add_keys: impl Fn(&mut RowOps<'a, P>, &E) -> Result<(), Invalid>,
) -> Result<(), Invalid> {
    let context = C::of(record)?;
    let mut planned = Ok(());
    E::decode_raw(&RawEvent::from(record), codec, &mut |event| {
        let first = steps.keys.len();
        if planned.is_ok() {
            planned = add_keys(steps, &event);
            steps.push(first, Box::new(move |row| apply(row, &event, &context)));
        }
    })?;
    planned
}

/// What a handler is told about an event beside the event: its [`Context`], or nothing, which costs nothing.
pub trait HandlerContext<'a>: Copy + Send + 'a {
    /// Those of a record.
    ///
    /// # Errors
    /// [`Invalid`] if they cannot be read.
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

/// The ids of one kind that a record carries: where rows are keyed by an id, these are the keys.
///
/// # Errors
/// [`Invalid`] if a tag of the kind does not read as the id.
pub fn ids_of<I: Id>(record: &Record) -> Result<Vec<I>, Invalid> {
    let ids = record.tags.iter().filter(|tag| tag.kind() == I::KIND);
    ids.map(|tag| {
        tag.value().parse().map_err(|_| {
            refuse("tag", tag.as_str(), format!("`{}` cannot be read from it", std::any::type_name::<I>()))
        })
    })
    .collect()
}
