//! Caches folded states for the next command.
//!
//! A cached state may be stale, because another process may have appended meanwhile. An append that is based on it is safe: the
//! store refuses it if events that match what was read were appended since. A result without an append, such as a rejection, must be
//! decided on a state that was read from the log.

use std::sync::{Mutex, PoisonError};

use super::aggregate_key::{AggregateKey, BuildContainedHash};
use crate::{
    cache::{Evicted, GenerationalCache},
    dispatch::{AggregateVTable, VersionedState},
    record::Draft,
};

/// The most recently used states, roughly, up to a capacity.
#[derive(Debug)]
pub(super) struct StateCache(Mutex<Entries>);

#[derive(Debug)]
struct Entries {
    states: GenerationalCache<AggregateKey, CachedState, BuildContainedHash>,
    /// The aggregate types of the states.
    aggregates: Vec<&'static AggregateVTable>,
}

#[derive(Debug)]
struct CachedState {
    state: VersionedState,
    /// Whether this process has appended events that the state lacks.
    is_stale: bool,
}

impl StateCache {
    pub(super) fn new(capacity: usize) -> Self {
        Self(Mutex::new(Entries { states: GenerationalCache::new(capacity), aggregates: Vec::new() }))
    }

    /// Returns the state of an aggregate, unless it is stale, or not [usable](VersionedState::is_usable) for the log of this epoch and with
    /// these retags.
    pub(super) fn get(&self, key: &AggregateKey, epoch: u64, retags: u64) -> Option<VersionedState> {
        let state = self.with(|entries| entries.states.get(key, CachedState::fresh)).flatten();
        state.filter(|state| state.is_usable(epoch, retags))
    }

    /// Marks the states as stale into which these events would be folded. The states that the command updates itself were taken
    /// before.
    pub(super) fn invalidate(&self, events: &[Draft]) {
        self.with(|entries| (events.iter().for_each(|event| entries.invalidate(event)), ()));
    }

    /// Removes the state of an aggregate. Returns it even if it is stale.
    pub(super) fn take(&self, key: &AggregateKey) -> Option<VersionedState> {
        self.with(|entries| (entries.states.remove(key), ())).map(|found| found.state)
    }

    /// Inserts a state, unless the cache has a later state of the aggregate.
    pub(super) fn put(&self, key: AggregateKey, state: VersionedState) {
        self.with(|entries| ((), entries.put(key, state)));
    }

    /// Calls `change`, and drops the second part of its result after the lock is released: dropping the states of users may take
    /// long.
    fn with<T, D>(&self, change: impl FnOnce(&mut Entries) -> (T, D)) -> T {
        let (result, dropped) = change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
        drop(dropped);
        result
    }
}

impl CachedState {
    fn fresh(&self) -> Option<VersionedState> {
        (!self.is_stale).then(|| self.state.clone())
    }

    /// Returns `true` if it includes more of the log than another state.
    fn is_later_than(&self, other: &Self) -> bool {
        let version = |Self { state: VersionedState { marker, retags, .. }, .. }: &Self| {
            (marker.epoch(), *retags, marker.settled(), marker.seen_unsettled())
        };
        version(self) > version(other)
    }
}

impl Entries {
    fn invalidate(&mut self, event: &Draft) {
        for vtable in self.aggregates.iter().filter(|vtable| vtable.folds(event.name())) {
            let tags = event.tags().iter().filter(|_| vtable.is_tagged).map(Some);
            for tag in tags.chain((!vtable.is_tagged).then_some(None)) {
                let key = AggregateKey::of(vtable.aggregate, tag.cloned());
                if let Some(found) = self.states.peek_mut(&key) {
                    found.is_stale = true;
                }
            }
        }
    }

    /// Returns the states that are not cached any more.
    fn put(
        &mut self,
        key: AggregateKey,
        state: VersionedState,
    ) -> (Option<CachedState>, Evicted<AggregateKey, CachedState, BuildContainedHash>) {
        let new = CachedState { state, is_stale: false };
        if self.states.is_disabled() {
            return (Some(new), None);
        }
        if !self.aggregates.iter().any(|vtable| vtable.aggregate == key.aggregate) {
            self.aggregates.push(new.state.state.vtable);
        }
        let mut earlier = None;
        let evicted = self.states.update(key, |cached| match cached {
            Some(cached) if cached.is_later_than(&new) => {
                earlier = Some(new);
                cached
            }
            cached => {
                earlier = cached;
                new
            }
        });
        (earlier, evicted)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        any::TypeId,
        convert::Infallible,
        sync::{Arc, Weak},
        thread::panicking,
    };

    use super::*;
    use crate::{
        aggregate::Aggregate, codec::Codec, dispatch::ErasedState, error::Invalid, event::Types,
        position::Position, record::Record, store::Marker, tag::Tag,
    };

    /// A state that checks, when it is dropped, that its cache is not locked.
    #[derive(Default)]
    struct Thing {
        cache: Weak<StateCache>,
    }

    impl Drop for Thing {
        fn drop(&mut self) {
            if let Some(cache) = self.cache.upgrade() {
                assert!(panicking() || cache.0.try_lock().is_ok(), "dropped while the cache is locked");
            }
        }
    }

    impl Aggregate for Thing {
        type Id = ();
        type Error = Infallible;
        const EVENTS: &'static [Types] = &[];

        fn initial((): ()) -> Self {
            Self::default()
        }

        fn fold_record(&mut self, _: &Record, _: &Codec) -> Result<(), Invalid> {
            Ok(())
        }
    }

    fn key(number: usize) -> AggregateKey {
        AggregateKey::of(TypeId::of::<Thing>(), Some(Tag::new("thing", number).unwrap()))
    }

    fn state_at(position: u64) -> VersionedState {
        state(Thing::default(), position)
    }

    fn state(thing: Thing, position: u64) -> VersionedState {
        let marker = Marker::new(Position::new(position), 0);
        VersionedState { state: ErasedState::new(Arc::new(thing)), marker, retags: 0 }
    }

    fn position(cache: &StateCache, number: usize) -> Option<u64> {
        cache.get(&key(number), 0, 0).map(|found| found.marker.settled().get())
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
    fn replaced_and_evicted_states_are_dropped_after_the_lock_is_released() {
        for capacity in [0, 4] {
            let cache = Arc::new(StateCache::new(capacity));
            let put = |number, position| {
                cache.put(key(number), state(Thing { cache: Arc::downgrade(&cache) }, position));
            };
            // Replaced by a later state; not inserted, because it is an earlier one.
            [5, 7, 3].into_iter().for_each(|position| put(0, position));
            // Evicted by insertions, and by a hit in the old generation.
            (1..=4).for_each(|number| put(number, 1));
            assert_eq!((position(&cache, 2), position(&cache, 3)), ((capacity > 0).then_some(1), None));
        }
    }

    #[test]
    fn cache_with_capacity_zero_stays_empty() {
        let cache = StateCache::new(0);
        cache.put(key(1), state_at(5));
        assert!(position(&cache, 1).is_none());
    }
}
