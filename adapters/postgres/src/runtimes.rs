//! The tokio runtimes whose connections the pool holds.
//!
//! A connection works as long as the runtime in which it was opened. Callers may have other runtimes that end earlier, such as tests with
//! a runtime each. An append on such a connection would fail without knowing whether it was written, so those connections are closed
//! before one is used.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::{
    runtime::{Handle, Id},
    sync::watch,
};

#[derive(Default)]
pub(crate) struct Runtimes {
    known: Arc<Known>,
    /// Closed when the store is dropped.
    dropped: watch::Sender<()>,
}

#[derive(Default)]
struct Known {
    running: Mutex<HashSet<Id>>,
    /// Whether one has ended since the last call of [`Runtimes::enter`].
    has_ended: AtomicBool,
}

impl Known {
    fn running(&self) -> MutexGuard<'_, HashSet<Id>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// In a task of a runtime, which drops it at its end.
struct Observer {
    known: Weak<Known>,
    runtime: Id,
}

impl Drop for Observer {
    fn drop(&mut self) {
        if let Some(known) = self.known.upgrade() {
            known.running().remove(&self.runtime);
            known.has_ended.store(true, Ordering::Release);
        }
    }
}

impl Runtimes {
    /// Observes the runtime of the caller, which is about to use a connection. Returns `true` if a runtime has ended since the last call.
    pub(crate) fn enter(&self) -> bool {
        if let Ok(handle) = Handle::try_current()
            && self.known.running().insert(handle.id())
        {
            let observer = Observer { known: Arc::downgrade(&self.known), runtime: handle.id() };
            let mut dropped = self.dropped.subscribe();
            handle.spawn(async move {
                let _observer = observer;
                // No value is ever sent: this ends with the sender.
                drop(dropped.changed().await);
            });
        }
        self.known.has_ended.swap(false, Ordering::AcqRel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn end_of_a_runtime_is_reported_once_and_a_drop_ends_the_observers() {
        let runtime = || tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (runtimes, first, second) = (Runtimes::default(), runtime(), runtime());
        for _ in 0..2 {
            assert!(!first.block_on(async { runtimes.enter() }));
            assert!(!second.block_on(async { runtimes.enter() }));
        }
        drop(second);
        assert!(first.block_on(async { runtimes.enter() }));
        assert!(!first.block_on(async { runtimes.enter() }));
        assert_eq!(first.metrics().num_alive_tasks(), 1);
        drop(runtimes);
        first.block_on(async {
            while first.metrics().num_alive_tasks() > 0 {
                tokio::task::yield_now().await;
            }
        });
    }
}
