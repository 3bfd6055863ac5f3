//! A bounded cache that evicts whole generations of entries.

use std::{collections::HashMap, hash::Hash, mem};

/// A cache with a young and an old generation. Once the young one holds half of the capacity it becomes the old one, and
/// the entries of the previous old one are evicted. An entry that is inserted again becomes young, so the entries used last
/// survive: roughly an LRU cache, without its lists.
#[derive(Debug)]
pub(crate) struct GenerationalCache<K, V> {
    capacity: usize,
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Eq + Hash, V> GenerationalCache<K, V> {
    /// A cache of at most this many entries; with 0 it stores nothing.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, young: HashMap::new(), old: HashMap::new() }
    }

    /// Removes the entry of a key and returns it.
    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        self.young.remove(key).or_else(|| self.old.remove(key))
    }

    /// Adds an entry, and replaces one of the same key.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        if self.capacity == 0 {
            return;
        }
        self.old.remove(&key);
        self.young.insert(key, value);
        if self.young.len() * 2 >= self.capacity {
            self.old = mem::take(&mut self.young);
        }
    }

    /// Removes all entries.
    pub(crate) fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_used_last_survive_and_the_capacity_holds() {
        let mut cache = GenerationalCache::new(10);
        for key in 1..1000 {
            cache.insert(0, 0);
            cache.insert(key, key);
            assert_eq!(cache.remove(&0), Some(0));
        }
        let left = (0..1000).filter(|key| cache.remove(key).is_some()).count();
        assert!((5..=10).contains(&left), "{left}");
    }

    #[test]
    fn an_entry_is_in_one_generation_only() {
        let mut cache = GenerationalCache::new(4);
        (1..=2).for_each(|key| cache.insert(key, key));
        cache.insert(1, 7);
        assert_eq!((cache.remove(&1), cache.remove(&1)), (Some(7), None));
        cache.clear();
        assert_eq!(cache.remove(&2), None);
    }

    #[test]
    fn without_capacity_nothing_is_stored() {
        let mut cache = GenerationalCache::new(0);
        cache.insert(1, 1);
        assert_eq!(cache.remove(&1), None);
    }
}
