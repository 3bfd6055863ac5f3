//! Aggregates that other processes change at the same time. It is a hint: a wrong one costs a conflict or a needless reservation,
//! never correctness.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use super::aggregate_key::{AggregateKey, BuildContainedHash};
use crate::cache::GenerationalCache;

/// The largest number of aggregates that are known to be contended.
const CAPACITY: usize = 1024;

/// The aggregates on which commands of this process met conflicts, until one of them found that no other process had changed it.
#[derive(Debug)]
pub(super) struct Contention {
    keys: Mutex<Keys>,
    /// Whether there ever was a conflict. If not, the keys need not be locked.
    is_used: AtomicBool,
}

type Keys = GenerationalCache<AggregateKey, (), BuildContainedHash>;

impl Default for Contention {
    fn default() -> Self {
        Self { keys: Mutex::new(GenerationalCache::new(CAPACITY)), is_used: AtomicBool::new(false) }
    }
}

impl Contention {
    /// Records a conflict of a command that changes an aggregate.
    pub(super) fn record_conflict(&self, key: &AggregateKey) {
        self.is_used.store(true, Ordering::Relaxed);
        drop(self.keys().insert(key.clone(), ()));
    }

    /// Records that no other process has changed an aggregate.
    pub(super) fn record_quiet(&self, key: &AggregateKey) {
        self.keys().remove(key);
    }

    /// Returns `true` if the next command that changes an aggregate probably meets a conflict.
    pub(super) fn is_expected(&self, key: &AggregateKey) -> bool {
        self.is_used.load(Ordering::Relaxed) && self.keys().peek_mut(key).is_some()
    }

    fn keys(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::any::TypeId;

    use super::*;

    #[test]
    fn aggregate_is_contended_from_a_conflict_until_it_is_quiet() {
        let (contention, key) = (Contention::default(), AggregateKey::of(TypeId::of::<()>(), None));
        assert!(!contention.is_expected(&key));
        contention.record_conflict(&key);
        assert!(contention.is_expected(&key));
        contention.record_quiet(&key);
        assert!(!contention.is_expected(&key));
    }
}
