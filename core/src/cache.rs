//! A bounded cache that evicts whole generations of entries.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash, RandomState},
    mem,
};

/// A cache with a young and an old generation. Once the young one holds half of the capacity it becomes the old one, and
/// the entries of the previous old one are evicted. An entry that is inserted again or read becomes young, so the entries
/// used last survive: roughly an LRU cache, without its lists.
#[derive(Debug)]
pub(crate) struct GenerationalCache<K, V, S = RandomState> {
    capacity: usize,
    young: HashMap<K, V, S>,
    old: HashMap<K, V, S>,
}

/// The entries that an operation evicted, if any. The caller drops them, for example after it has released a lock.
pub(crate) type Evicted<K, V, S = RandomState> = Option<HashMap<K, V, S>>;

impl<K: Eq + Hash, V, S: BuildHasher + Default> GenerationalCache<K, V, S> {
    /// A cache of at most this many entries; with 0 it stores nothing.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, young: HashMap::default(), old: HashMap::default() }
    }

    /// Returns `true` if the cache stores nothing, because its capacity is 0.
    pub(crate) fn is_disabled(&self) -> bool {
        self.capacity == 0
    }

    /// Reads the value of a key. The entry becomes young, for which other entries may be evicted.
    pub(crate) fn get<T>(&mut self, key: &K, read: impl FnOnce(&V) -> T) -> (Option<T>, Evicted<K, V, S>) {
        if let Some(value) = self.young.get(key) {
            return (Some(read(value)), None);
        }
        match self.old.remove_entry(key) {
            Some((key, value)) => (Some(read(&value)), self.add(key, value)),
            None => (None, None),
        }
    }

    /// The value of a key. The entry does not become young.
    pub(crate) fn peek_mut(&mut self, key: &K) -> Option<&mut V> {
        self.young.get_mut(key).or_else(|| self.old.get_mut(key))
    }

    /// Removes the entry of a key and returns its value.
    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        self.young.remove(key).or_else(|| self.old.remove(key))
    }

    /// Adds an entry, and replaces one of the same key.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Evicted<K, V, S> {
        self.update(key, |_| value)
    }

    /// Sets the value of a key to the result of `change`, which gets the present value.
    pub(crate) fn update(&mut self, key: K, change: impl FnOnce(Option<V>) -> V) -> Evicted<K, V, S> {
        if self.is_disabled() {
            return None;
        }
        let value = change(self.remove(&key));
        self.add(key, value)
    }

    /// Removes all entries.
    pub(crate) fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
    }

    /// Adds an entry that is in neither generation.
    fn add(&mut self, key: K, value: V) -> Evicted<K, V, S> {
        self.young.insert(key, value);
        (self.young.len() * 2 >= self.capacity)
            .then(|| mem::replace(&mut self.old, mem::take(&mut self.young)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(cache: &mut GenerationalCache<u32, u32>, key: u32) -> Option<u32> {
        cache.get(&key, |value| *value).0
    }

    #[test]
    fn entries_used_last_survive_and_the_capacity_holds() {
        let mut cache = GenerationalCache::new(10);
        let reinsert = |cache: &mut GenerationalCache<u32, u32>| {
            assert_eq!(cache.remove(&0), Some(0));
            cache.insert(0, 0);
        };
        let read = |cache: &mut GenerationalCache<u32, u32>| assert_eq!(get(cache, 0), Some(0));
        for use_first in [reinsert, read] {
            cache.insert(0, 0);
            for key in 1..1000 {
                cache.insert(key, key);
                use_first(&mut cache);
            }
            let left = (0..1000).filter(|key| cache.remove(key).is_some()).count();
            assert!((5..=10).contains(&left), "{left}");
        }
    }

    #[test]
    fn peeked_entry_does_not_become_young() {
        let mut cache = GenerationalCache::new(4);
        (1..=2).for_each(|key| drop(cache.insert(key, key)));
        *cache.peek_mut(&1).unwrap() = 7;
        assert_eq!(cache.peek_mut(&3), None);
        cache.insert(3, 3);
        assert_eq!(cache.insert(4, 4), Some(HashMap::from([(1, 7), (2, 2)])));
        assert_eq!((get(&mut cache, 1), get(&mut cache, 3)), (None, Some(3)));
    }

    #[test]
    fn evicted_entries_are_returned() {
        let mut cache = GenerationalCache::new(4);
        (1..=3).for_each(|key| drop(cache.insert(key, key)));
        // The young generation has 3, the old one 1 and 2. Reading 1 fills the young one.
        assert_eq!(cache.get(&3, |value| *value), (Some(3), None));
        assert_eq!(cache.get(&1, |value| *value), (Some(1), Some(HashMap::from([(2, 2)]))));
        assert_eq!(cache.get(&2, |value| *value), (None, None));
    }

    #[test]
    fn update_gets_the_present_value() {
        let mut cache = GenerationalCache::new(4);
        let mut seen = Vec::new();
        for (key, value) in [(1, 1), (2, 2), (1, 3)] {
            cache.update(key, |present| {
                seen.push(present);
                value
            });
        }
        assert_eq!(seen, [None, None, Some(1)]);
        assert_eq!((get(&mut cache, 1), get(&mut cache, 2)), (Some(3), Some(2)));
    }

    #[test]
    fn an_entry_is_in_one_generation_only() {
        let mut cache: GenerationalCache<_, _> = GenerationalCache::new(4);
        (1..=2).for_each(|key| drop(cache.insert(key, key)));
        cache.insert(1, 7);
        assert_eq!((cache.remove(&1), cache.remove(&1)), (Some(7), None));
        cache.clear();
        assert_eq!(cache.remove(&2), None);
    }

    #[test]
    fn without_capacity_nothing_is_stored() {
        let mut cache = GenerationalCache::new(0);
        assert_eq!((cache.is_disabled(), cache.insert(1, 1)), (true, None));
        assert_eq!((get(&mut cache, 1), cache.remove(&1)), (None, None));
    }
}
