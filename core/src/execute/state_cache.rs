//! Caches folded states for the next command.
//!
//! A cached state may be stale, because another process may have appended meanwhile. An append that is based on it is safe: the
//! store refuses it if events that match what was read were appended since. A result without an append, such as a rejection, must be
//! decided on a state that was read from the log.

use std::{
    collections::HashMap,
    mem,
    sync::{Mutex, PoisonError},
};

use super::aggregate_key::AggregateKey;
use crate::{
    dispatch::{AggregateVTable, VersionedState},
    record::Draft,
};

/// The most recently used states, roughly, up to a capacity.
#[derive(Debug)]
pub(super) struct StateCache {
    capacity: usize,
    generations: Mutex<Generations>,
}

#[derive(Debug)]
struct CachedState {
    state: VersionedState,
    /// Whether this process has appended events that the state lacks.
    is_stale: bool,
}

type Generation = HashMap<AggregateKey, CachedState>;

/// When the young generation is full it becomes the old one, whose entries are dropped. An entry that is hit in the old
/// generation moves to the young one.
#[derive(Debug, Default)]
struct Generations {
    young: Generation,
    old: Generation,
    /// The aggregate types of the entries.
    aggregates: Vec<AggregateVTable>,
}

impl StateCache {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, generations: Mutex::default() }
    }

    /// Returns the state of an aggregate, unless it is stale.
    pub(super) fn get(&self, key: &AggregateKey) -> Option<VersionedState> {
        self.with(|generations, capacity| {
            if let Some(found) = generations.young.get(key) {
                return (found.fresh(), None);
            }
            match generations.old.remove(key) {
                Some(found) => (found.fresh(), generations.insert(key.clone(), found, capacity)),
                None => (None, None),
            }
        })
    }

    /// Marks the states as stale into which these events would be folded. `own` are aggregates whose states the command updates
    /// itself.
    pub(super) fn invalidate<'a>(
        &self,
        events: &[Draft],
        own: impl Iterator<Item = &'a AggregateKey> + Clone,
    ) {
        self.with(|generations, _| {
            for event in events {
                generations.invalidate(event, own.clone());
            }
            ((), None)
        });
    }

    /// Removes and returns the state of an aggregate, even if it is stale.
    pub(super) fn take(&self, key: &AggregateKey) -> Option<VersionedState> {
        self.with(|generations, _| (generations.remove(key).map(|found| found.state), None))
    }

    /// Inserts a state, unless the cache has a later state of the aggregate.
    pub(super) fn put(&self, key: AggregateKey, state: VersionedState) {
        self.with(|generations, capacity| {
            let version = |of: &VersionedState| (of.marker.settled(), of.marker.seen_unsettled());
            let new = match generations.remove(&key) {
                Some(cached) if version(&cached.state) > version(&state) => cached,
                _ => CachedState { state, is_stale: false },
            };
            ((), if capacity == 0 { None } else { generations.insert(key, new, capacity) })
        });
    }

    /// Evicted entries are dropped after the lock is released: dropping the states of users may take long.
    fn with<T>(&self, change: impl FnOnce(&mut Generations, usize) -> (T, Option<Generation>)) -> T {
        let (result, evicted) =
            change(&mut self.generations.lock().unwrap_or_else(PoisonError::into_inner), self.capacity);
        drop(evicted);
        result
    }
}

impl CachedState {
    fn fresh(&self) -> Option<VersionedState> {
        (!self.is_stale).then(|| self.state.clone())
    }
}

impl Generations {
    fn invalidate<'a>(&mut self, event: &Draft, own: impl Iterator<Item = &'a AggregateKey> + Clone) {
        for vtable in self.aggregates.iter().filter(|vtable| vtable.folds(event.name())) {
            let tags = event.tags().iter().filter(|_| vtable.is_tagged).map(Some);
            for tag in tags.chain((!vtable.is_tagged).then_some(None)) {
                if own.clone().any(|own| own.aggregate == vtable.aggregate && own.tag.as_ref() == tag) {
                    continue;
                }
                let key = AggregateKey { aggregate: vtable.aggregate, tag: tag.cloned() };
                if let Some(found) = self.young.get_mut(&key).or_else(|| self.old.get_mut(&key)) {
                    found.is_stale = true;
                }
            }
        }
    }

    fn remove(&mut self, key: &AggregateKey) -> Option<CachedState> {
        self.young.remove(key).or_else(|| self.old.remove(key))
    }

    /// Returns the entries that are evicted.
    fn insert(&mut self, key: AggregateKey, state: CachedState, capacity: usize) -> Option<Generation> {
        if !self.aggregates.iter().any(|vtable| vtable.aggregate == key.aggregate) {
            self.aggregates.push(state.state.state.vtable);
        }
        self.young.insert(key, state);
        (self.young.len() * 2 >= capacity).then(|| mem::replace(&mut self.old, mem::take(&mut self.young)))
    }
}

#[cfg(test)]
mod tests {
    use std::{any::TypeId, convert::Infallible, sync::Arc};

    use super::*;
    use crate::{
        aggregate::Aggregate, codec::Codec, dispatch::ErasedState, error::Invalid, event::Types,
        position::Position, record::Record, store::Marker, tag::Tag,
    };

    struct Thing;

    impl Aggregate for Thing {
        type Id = ();
        type Error = Infallible;
        const EVENTS: &'static [Types] = &[];

        fn initial((): ()) -> Self {
            Self
        }

        fn fold_record(&mut self, _: &Record, _: &Codec) -> Result<(), Invalid> {
            Ok(())
        }
    }

    fn key(number: usize) -> AggregateKey {
        AggregateKey { aggregate: TypeId::of::<Thing>(), tag: Some(Tag::new("thing", number).unwrap()) }
    }

    fn state_at(position: u64) -> VersionedState {
        let marker = Marker::new(Position::new(position), 0);
        VersionedState { state: ErasedState::new(Arc::new(Thing), 0), marker }
    }

    fn position(cache: &StateCache, number: usize) -> Option<u64> {
        cache.get(&key(number)).map(|found| found.marker.settled().get())
    }

    #[test]
    fn cache_evicts_least_recently_used_beyond_capacity() {
        let cache = StateCache::new(10);
        for number in 0..1000 {
            cache.put(key(0), state_at(1));
            cache.put(key(number), state_at(1));
            assert!(position(&cache, 0).is_some());
        }
        let left = (1..1000).filter(|number| cache.take(&key(*number)).is_some()).count();
        assert!((4..=10).contains(&left), "{left}");
    }

    #[test]
    fn later_state_is_not_replaced_by_an_earlier_one() {
        let cache = StateCache::new(10);
        for (put, cached) in [(5, 5), (3, 5), (7, 7)] {
            cache.put(key(1), state_at(put));
            assert_eq!(position(&cache, 1), Some(cached));
        }
        assert!(cache.take(&key(1)).is_some() && cache.take(&key(1)).is_none());
    }

    #[test]
    fn cache_with_capacity_zero_stays_empty() {
        let cache = StateCache::new(0);
        cache.put(key(1), state_at(5));
        assert!(position(&cache, 1).is_none());
    }
}
