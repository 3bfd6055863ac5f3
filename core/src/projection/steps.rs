//! From records to steps: which rows a record changes, and how.
//!
//! Records are decoded and their keys found first, so that the rows of a whole batch can be loaded at once; the handlers run
//! when the rows are there.

use std::{collections::HashSet, sync::Arc};

use super::{Change, FromTags, IntoKeys, Projection};
use crate::{
    codec::Codec,
    context::Context,
    error::Invalid,
    event::Event,
    id::Id,
    record::{Raw, Record},
    text::refuse,
};

/// What a batch of records does to the rows of a projection, in order.
pub struct Steps<'a, P: Projection> {
    steps: Vec<Step<'a, P>>,
    record: usize,
    /// Where the steps of the last record begin.
    first: usize,
    /// The keys of the last record, as far as they are known without decoding it; none if only the event knows them.
    claimed: Option<Vec<P::Key>>,
}

/// What one event does to one row.
pub(super) struct Step<'a, P: Projection> {
    pub(super) key: P::Key,
    /// The index of the event's record in the batch.
    pub(super) record: usize,
    pub(super) apply: Box<dyn FnOnce(&mut P) -> Change + Send + 'a>,
}

impl<P: Projection> Default for Steps<'_, P> {
    fn default() -> Self {
        Self { steps: Vec::new(), record: 0, first: 0, claimed: Some(Vec::new()) }
    }
}

impl<'a, P: Projection> Steps<'a, P> {
    /// What is added from now on comes from the record with this index in the batch.
    pub(super) fn begin(&mut self, record: usize) {
        self.record = record;
        self.first = self.steps.len();
        self.claimed = Some(Vec::new());
    }

    /// The keys of the rows that the last record changes, or would change if it could be decoded; none if nobody can tell.
    pub(super) fn last_keys(&self) -> Option<Vec<P::Key>> {
        let claimed = self.claimed.as_ref()?.iter();
        let stepped = self.steps[self.first..].iter().map(|step| &step.key);
        let mut seen = HashSet::new();
        Some(claimed.chain(stepped).filter(|key| seen.insert(*key)).cloned().collect())
    }

    /// Takes back what the last record added.
    pub(super) fn forget_last(&mut self) {
        self.steps.truncate(self.first);
    }

    /// Whose the record is, known before it is decoded.
    pub(super) fn claim(&mut self, keys: Vec<P::Key>) {
        self.claimed = Some(keys);
    }

    pub(super) fn into_vec(self) -> Vec<Step<'a, P>> {
        self.steps
    }

    /// The keys, each once, in order of first appearance, with the record that named them first.
    pub(super) fn keys(&self) -> Vec<(P::Key, usize)> {
        let mut seen = HashSet::new();
        let first = self.steps.iter().filter(|step| seen.insert(&step.key));
        first.map(|step| (step.key.clone(), step.record)).collect()
    }

    fn push(&mut self, key: P::Key, apply: Box<dyn FnOnce(&mut P) -> Change + Send + 'a>) {
        self.steps.push(Step { key, record: self.record, apply });
    }
}

/// Adds the steps of the events of type `E` that a record holds; does nothing with a record of another type.
/// [`Projection::plan_record`] calls it once for each `on` entry.
///
/// # Errors
/// [`Invalid`] if the record cannot be decoded, or `keys` cannot find its keys.
pub fn route<'a, P, E, K, C>(
    record: &'a Record,
    codec: &Codec,
    steps: &mut Steps<'a, P>,
    keys: impl Fn(&E, &Record) -> Result<K, Invalid>,
    apply: impl Fn(&mut P, &E, &C) -> Change + Copy + Send + 'a,
) -> Result<(), Invalid>
where
    P: Projection,
    E: Event,
    K: IntoKeys<P::Key>,
    C: Circumstances<'a>,
{
    if const { &E::TYPES }.owns(&record.name) {
        // Until the event is there and tells.
        steps.claimed = None;
        decoded(record, codec, steps, keys, apply)?;
        steps.claimed.get_or_insert_default();
    }
    Ok(())
}

/// As [`route`], where the ids in the tags of the record are the keys.
pub(super) fn route_by_ids<'a, P, E, C>(
    record: &'a Record,
    codec: &Codec,
    steps: &mut Steps<'a, P>,
    apply: impl Fn(&mut P, &E, &C) -> Change + Copy + Send + 'a,
) -> Result<(), Invalid>
where
    P: Projection<Key: FromTags>,
    E: Event,
    C: Circumstances<'a>,
{
    if const { &E::TYPES }.owns(&record.name) {
        let keys = P::Key::from_tags(record)?;
        steps.claim(keys.clone());
        decoded(record, codec, steps, |_, _| Ok(keys.clone()), apply)?;
    }
    Ok(())
}

fn decoded<'a, P, E, K, C>(
    record: &'a Record,
    codec: &Codec,
    steps: &mut Steps<'a, P>,
    keys: impl Fn(&E, &Record) -> Result<K, Invalid>,
    apply: impl Fn(&mut P, &E, &C) -> Change + Copy + Send + 'a,
) -> Result<(), Invalid>
where
    P: Projection,
    E: Event,
    K: IntoKeys<P::Key>,
    C: Circumstances<'a>,
{
    let circumstances = C::of(record)?;
    let mut events = Vec::new();
    E::decode_raw(&Raw::from(record), codec, &mut |event| events.push(Arc::new(event)))?;
    for event in events {
        let mut seen = HashSet::new();
        keys(&event, record)?.each_key(&mut |key| {
            // An event that names a row twice still happened once.
            if seen.insert(key.clone()) {
                let event = Arc::clone(&event);
                steps.push(key, Box::new(move |row| apply(row, &event, &circumstances)));
            }
        });
    }
    Ok(())
}

/// What a handler is told about an event beside the event: its [`Context`], or nothing, which costs nothing.
pub trait Circumstances<'a>: Copy + Send + 'a {
    /// Those of a record.
    ///
    /// # Errors
    /// [`Invalid`] if they cannot be read.
    fn of(record: &'a Record) -> Result<Self, Invalid>;
}

impl<'a> Circumstances<'a> for Context<'a> {
    fn of(record: &'a Record) -> Result<Self, Invalid> {
        Context::of(record)
    }
}

impl Circumstances<'_> for () {
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
