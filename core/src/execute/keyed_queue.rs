//! A FIFO queue for each key: commands that change the same aggregate wait for each other instead of conflicting.
//!
//! This is an optimisation within one process; append conditions ensure correctness. The command at the head of a queue may
//! pass its batch to the next waiter instead of writing it.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

/// FIFO queues for keys of type `K`. A guard is passed on together with a batch of type `B`.
#[derive(Debug)]
pub(super) struct KeyedQueue<K, B>(Mutex<HashMap<K, Waiters<K, B>>>)
where
    K: Clone + Eq + Hash,
    B: Default;

/// The waiters of one key, without the holder of the guard.
type Waiters<K, B> = VecDeque<Waiter<K, B>>;

#[derive(Debug)]
struct Waiter<K: Clone + Eq + Hash, B: Default> {
    sender: oneshot::Sender<(QueueGuard<K, B>, B)>,
    /// Whether it accepts a batch that is not written yet.
    batchable: bool,
}

/// The head of the queue of a key. Dropping the guard wakes the next waiter.
#[derive(Debug)]
pub(super) struct QueueGuard<K: Clone + Eq + Hash, B: Default> {
    queue: Arc<KeyedQueue<K, B>>,
    key: K,
}

impl<K: Clone + Eq + Hash, B: Default> Default for KeyedQueue<K, B> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Clone + Eq + Hash, B: Default> KeyedQueue<K, B> {
    /// Waits until the caller is at the head of the queue, and returns the batch that was passed on. A waiter that is not
    /// batchable is woken only once no batch is pending.
    pub(super) async fn acquire(self: &Arc<Self>, key: K, batchable: bool) -> (QueueGuard<K, B>, B) {
        loop {
            let receiver = match self.queues().entry(key.clone()) {
                Entry::Vacant(queue) => {
                    queue.insert(VecDeque::new());
                    None
                }
                Entry::Occupied(mut queue) => {
                    let (sender, receiver) = oneshot::channel();
                    queue.get_mut().push_back(Waiter { sender, batchable });
                    Some(receiver)
                }
            };
            match receiver {
                None => return (QueueGuard { queue: Arc::clone(self), key }, B::default()),
                Some(receiver) => {
                    if let Ok(head) = receiver.await {
                        return head;
                    }
                }
            }
        }
    }

    /// Removes the first waiter if it is `wanted`, after all cancelled waiters before it.
    fn pop_next(waiters: &mut Waiters<K, B>, wanted: impl Fn(&Waiter<K, B>) -> bool) -> Option<Waiter<K, B>> {
        while waiters.pop_front_if(|waiter| waiter.sender.is_closed()).is_some() {}
        waiters.pop_front_if(|waiter| wanted(waiter))
    }

    fn queues(&self) -> MutexGuard<'_, HashMap<K, Waiters<K, B>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Clone + Eq + Hash, B: Default> QueueGuard<K, B> {
    /// The key of the queue.
    pub(super) fn key(&self) -> &K {
        &self.key
    }

    /// Returns `true` if the next waiter accepts a batch.
    pub(super) fn next_is_batchable(&self) -> bool {
        self.queue.queues().get(&self.key).and_then(VecDeque::front).is_some_and(|waiter| waiter.batchable)
    }

    /// Returns `true` if the queue has waiters.
    pub(super) fn has_waiters(&self) -> bool {
        self.queue.queues().get(&self.key).is_some_and(|waiters| !waiters.is_empty())
    }

    /// Passes the guard and a batch to the next waiter. Returns both if there is no waiter that accepts a batch.
    pub(super) fn pass_to_next(self, batch: B) -> Option<(Self, B)> {
        let mut head = (self, batch);
        loop {
            let guard = &head.0;
            let mut queues = guard.queue.queues();
            let waiters = queues.get_mut(&guard.key);
            let next = waiters.and_then(|waiters| KeyedQueue::pop_next(waiters, |waiter| waiter.batchable));
            drop(queues);
            let Some(next) = next else { return Some(head) };
            match next.sender.send(head) {
                Ok(()) => return None,
                Err(returned) => head = returned,
            }
        }
    }
}

impl<K: Clone + Eq + Hash, B: Default> Drop for QueueGuard<K, B> {
    fn drop(&mut self) {
        let next = {
            let mut queues = self.queue.queues();
            let next = queues.get_mut(&self.key).and_then(|waiters| KeyedQueue::pop_next(waiters, |_| true));
            if next.is_none() {
                queues.remove(&self.key);
            }
            next
        };
        if let Some(next) = next {
            let guard = Self { queue: Arc::clone(&self.queue), key: self.key.clone() };
            // If the waiter was cancelled meanwhile, the guard comes back, is dropped here, and wakes the next one.
            drop(next.sender.send((guard, B::default())));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Numbers = Arc<KeyedQueue<u8, Vec<u8>>>;

    #[tokio::test]
    async fn waiters_run_in_fifo_order_and_receive_the_batch() {
        let queue = Numbers::default();
        let (guard, batch) = queue.acquire(1, true).await;
        assert!(batch.is_empty() && !guard.next_is_batchable());
        assert!(queue.acquire(2, true).await.1.is_empty());
        let mut batchable = Box::pin(queue.acquire(1, true));
        let mut unbatchable = Box::pin(queue.acquire(1, false));
        assert!(is_pending(&mut batchable) && is_pending(&mut unbatchable));
        assert!(guard.next_is_batchable() && guard.pass_to_next(vec![7]).is_none());
        let (guard, batch) = batchable.await;
        assert_eq!(batch, [7]);
        assert!(!guard.next_is_batchable() && guard.has_waiters());
        let (guard, batch) = guard.pass_to_next(batch).unwrap();
        drop((guard, batch));
        assert!(unbatchable.await.1.is_empty());
        assert!(queue.queues().is_empty());
    }

    #[tokio::test]
    async fn cancelled_waiters_are_skipped() {
        let queue = Numbers::default();
        let (guard, _) = queue.acquire(1, true).await;
        let mut all: Vec<_> = (0..10_000).map(|_| Box::pin(queue.acquire(1, true))).collect();
        assert!(all.iter_mut().all(is_pending));
        let last = all.pop().unwrap();
        drop(all);
        drop(guard);
        drop(last.await);
        assert!(queue.queues().is_empty());
    }

    /// A waiter that is dropped after it received a batch drops the batch, and the next waiter begins without one.
    #[tokio::test]
    async fn batch_passed_to_cancelled_waiter_is_released() {
        let queue = Numbers::default();
        let (guard, _) = queue.acquire(1, true).await;
        let mut first = Box::pin(queue.acquire(1, true));
        let mut second = Box::pin(queue.acquire(1, true));
        assert!(is_pending(&mut first) && is_pending(&mut second));
        assert!(guard.pass_to_next(vec![7]).is_none());
        drop(first);
        assert!(second.await.1.is_empty());
    }

    fn is_pending<F: Future + Unpin>(future: &mut F) -> bool {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        std::pin::Pin::new(future).poll(&mut context).is_pending()
    }
}
