//! A FIFO queue for each key: commands that change the same aggregate wait for each other instead of conflicting.
//!
//! This is an optimisation within one process; append conditions ensure correctness. The command at the head of a queue may
//! pass its batch to the next waiter instead of writing it.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{
    sync::oneshot,
    time::{Instant, timeout_at},
};

use super::{
    activity::{Activity, Holder},
    aggregate_key::BuildContainedHash,
};

/// FIFO queues for keys of type `K`. A guard is passed on together with a batch of type `B`.
#[derive(Debug)]
pub(super) struct KeyedQueue<K, B>(Mutex<QueueMap<K, B>>)
where
    K: Clone + Eq + Hash,
    B: Default;

/// The queues of the keys. A key contains its hash.
type QueueMap<K, B> = HashMap<K, Queue<K, B>, BuildContainedHash>;

/// The queue of one key.
#[derive(Debug)]
struct Queue<K: Clone + Eq + Hash, B: Default> {
    holder: Holder,
    /// Without the holder. Sorted by ticket.
    waiters: VecDeque<Waiter<K, B>>,
    next_ticket: u64,
}

/// What a waiter gets: the guard, and the batch that was passed on.
type Head<K, B> = (QueueGuard<K, B>, B);

#[derive(Debug)]
struct Waiter<K: Clone + Eq + Hash, B: Default> {
    ticket: u64,
    activity: Arc<Activity>,
    sender: oneshot::Sender<Head<K, B>>,
    /// The other keys that it waits for next, if it accepts a batch that is not written yet.
    batchable: Option<Vec<K>>,
}

/// Removes a waiter from its queue if it is dropped while the waiter is in it.
struct RemoveOnDrop<'a, K: Clone + Eq + Hash, B: Default> {
    queue: &'a KeyedQueue<K, B>,
    key: &'a K,
    /// `None` once the waiter has left the queue.
    ticket: Option<u64>,
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
    /// Waits until the caller is at the head of the queue, and returns the batch that was passed on. `batchable` are the other keys
    /// that the caller waits for next: it accepts a batch that comes with all of them. With `None` the caller is woken only once no
    /// batch is pending.
    ///
    /// # Errors
    /// The holder, if the caller is not at the head of the queue at the deadline. The caller has left the queue.
    pub(super) async fn acquire(
        self: &Arc<Self>,
        key: K,
        activity: &Arc<Activity>,
        batchable: Option<Vec<K>>,
        deadline: Instant,
    ) -> Result<Head<K, B>, Holder> {
        loop {
            let Some((ticket, mut receiver)) = self.enter(&key, activity, &batchable) else {
                return Ok((QueueGuard { queue: Arc::clone(self), key }, B::default()));
            };
            // Dropped before the receiver: a guard in the receiver keeps the queue, and so the ticket, valid.
            let mut waiter = RemoveOnDrop { queue: self, key: &key, ticket: Some(ticket) };
            match timeout_at(deadline, &mut receiver).await {
                Ok(Ok(head)) => {
                    waiter.ticket = None;
                    return Ok(head);
                }
                // The queue has become empty meanwhile.
                Ok(Err(_)) => {}
                Err(_) => match receiver.try_recv() {
                    Ok(head) => {
                        waiter.ticket = None;
                        return Ok(head);
                    }
                    Err(_) => {
                        if let Some(queue) = self.queues().get(&key) {
                            return Err(queue.holder.clone());
                        }
                    }
                },
            }
        }
    }

    /// Makes the caller the holder if the queue is empty. Otherwise adds the caller to the waiters.
    fn enter(
        &self,
        key: &K,
        activity: &Arc<Activity>,
        batchable: &Option<Vec<K>>,
    ) -> Option<(u64, oneshot::Receiver<Head<K, B>>)> {
        match self.queues().entry(key.clone()) {
            Entry::Vacant(queue) => {
                let (holder, waiters) = (Holder::now(activity), VecDeque::new());
                queue.insert(Queue { holder, waiters, next_ticket: 0 });
                None
            }
            Entry::Occupied(mut queue) => {
                let (sender, receiver) = oneshot::channel();
                let Queue { waiters, next_ticket, .. } = queue.get_mut();
                let (ticket, activity) = (*next_ticket, Arc::clone(activity));
                *next_ticket += 1;
                waiters.push_back(Waiter { ticket, activity, sender, batchable: batchable.clone() });
                Some((ticket, receiver))
            }
        }
    }

    fn queues(&self) -> MutexGuard<'_, QueueMap<K, B>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Clone + Eq + Hash, B: Default> Queue<K, B> {
    /// Removes the first waiter if it is `wanted`, and makes it the holder.
    fn pop_next(&mut self, wanted: impl Fn(&Waiter<K, B>) -> bool) -> Option<Waiter<K, B>> {
        let next = self.waiters.pop_front_if(|waiter| wanted(waiter))?;
        self.holder = Holder::now(&next.activity);
        Some(next)
    }
}

impl<K: Clone + Eq + Hash, B: Default> Waiter<K, B> {
    /// Returns `true` if it accepts a batch that comes with the guards of other keys.
    fn accepts(&self, is_held: impl Fn(&K) -> bool) -> bool {
        self.batchable.as_ref().is_some_and(|keys| keys.iter().all(is_held))
    }
}

impl<K: Clone + Eq + Hash, B: Default> Drop for RemoveOnDrop<'_, K, B> {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else { return };
        let mut queues = self.queue.queues();
        let waiters = queues.get_mut(self.key).map(|queue| &mut queue.waiters);
        let found = waiters.and_then(|waiters| {
            let index = waiters.binary_search_by_key(&ticket, |waiter| waiter.ticket).ok()?;
            waiters.remove(index)
        });
        drop(queues);
        drop(found);
    }
}

impl<K: Clone + Eq + Hash, B: Default> QueueGuard<K, B> {
    /// The key of the queue.
    pub(super) fn key(&self) -> &K {
        &self.key
    }

    /// Returns `true` if the next waiter accepts a batch that comes with the guards of other keys.
    pub(super) fn next_is_batchable(&self, is_held: impl Fn(&K) -> bool) -> bool {
        let queues = self.queue.queues();
        let next = queues.get(&self.key).and_then(|queue| queue.waiters.front());
        next.is_some_and(|waiter| waiter.accepts(is_held))
    }

    /// Records that another command is now at the head of the queue.
    pub(super) fn set_holder(&self, activity: &Arc<Activity>) {
        if let Some(queue) = self.queue.queues().get_mut(&self.key) {
            queue.holder = Holder::now(activity);
        }
    }

    /// Returns `true` if the queue has waiters.
    pub(super) fn has_waiters(&self) -> bool {
        self.queue.queues().get(&self.key).is_some_and(|queue| !queue.waiters.is_empty())
    }

    /// Passes the guard and a batch to the next waiter. Returns both if there is no waiter that accepts the batch, which comes with
    /// the guards of other keys.
    pub(super) fn pass_to_next(self, batch: B, is_held: impl Fn(&B, &K) -> bool) -> Option<(Self, B)> {
        let (mut head, mut own) = ((self, batch), None);
        loop {
            let (guard, batch) = &head;
            let mut queues = guard.queue.queues();
            let mut queue = queues.get_mut(&guard.key);
            let next = queue.as_mut().and_then(|queue| {
                own.get_or_insert_with(|| queue.holder.clone());
                queue.pop_next(|waiter| waiter.accepts(|key| is_held(batch, key)))
            });
            let Some(next) = next else {
                if let (Some(queue), Some(own)) = (queue, own) {
                    queue.holder = own;
                }
                drop(queues);
                return Some(head);
            };
            drop(queues);
            // Comes back if the waiter was cancelled meanwhile.
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
            let next = queues.get_mut(&self.key).and_then(|queue| queue.pop_next(|_| true));
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
    use std::time::Duration;

    use super::*;

    type Numbers = Arc<KeyedQueue<u8, Vec<u8>>>;
    type Guard = QueueGuard<u8, Vec<u8>>;

    /// Waits in a queue for at most a minute.
    async fn acquire(
        queue: &Numbers,
        key: u8,
        command: &'static str,
        batchable: bool,
    ) -> Result<(Guard, Vec<u8>), Holder> {
        acquire_all(queue, key, command, batchable.then(Vec::new)).await
    }

    async fn acquire_all(
        queue: &Numbers,
        key: u8,
        command: &'static str,
        batchable: Option<Vec<u8>>,
    ) -> Result<(Guard, Vec<u8>), Holder> {
        let deadline = Instant::now() + Duration::from_secs(60);
        queue.acquire(key, &Arc::new(Activity::new(command)), batchable, deadline).await
    }

    fn next_is_batchable(guard: &Guard) -> bool {
        guard.next_is_batchable(|_| false)
    }

    /// Passes a batch without guards.
    fn pass(guard: Guard, batch: Vec<u8>) -> Option<(Guard, Vec<u8>)> {
        guard.pass_to_next(batch, |_, _| false)
    }

    fn holder(queue: &Numbers, key: u8) -> &'static str {
        queue.queues()[&key].holder.activity.command
    }

    #[tokio::test]
    async fn waiters_run_in_fifo_order_and_receive_the_batch() {
        let queue = Numbers::default();
        let (guard, batch) = acquire(&queue, 1, "first", true).await.unwrap();
        assert!(batch.is_empty() && !next_is_batchable(&guard));
        assert!(acquire(&queue, 2, "other", true).await.unwrap().1.is_empty());
        let mut batchable = Box::pin(acquire(&queue, 1, "second", true));
        let mut unbatchable = Box::pin(acquire(&queue, 1, "third", false));
        assert!(is_pending(&mut batchable) && is_pending(&mut unbatchable));
        assert_eq!(holder(&queue, 1), "first");
        assert!(next_is_batchable(&guard) && pass(guard, vec![7]).is_none());
        let (guard, batch) = batchable.await.unwrap();
        assert_eq!((batch.as_slice(), holder(&queue, 1)), ([7].as_slice(), "second"));
        assert!(!next_is_batchable(&guard) && guard.has_waiters());
        let (guard, batch) = pass(guard, batch).unwrap();
        assert_eq!(holder(&queue, 1), "second");
        drop((guard, batch));
        assert!(unbatchable.await.unwrap().1.is_empty());
        assert!(queue.queues().is_empty());
    }

    /// A batch is passed only to a waiter that finds the guards of all its keys in it.
    #[tokio::test]
    async fn batch_is_accepted_with_the_guards_of_all_keys() {
        let queue = Numbers::default();
        let (guard, _) = acquire(&queue, 1, "holder", true).await.unwrap();
        let mut waiter = Box::pin(acquire_all(&queue, 1, "waiter", Some(vec![2, 3])));
        assert!(is_pending(&mut waiter));
        for (held, accepts) in [(vec![], false), (vec![3], false), (vec![2, 3], true), (vec![2, 3, 4], true)]
        {
            assert_eq!(guard.next_is_batchable(|key| held.contains(key)), accepts);
        }
        let (guard, batch) = guard.pass_to_next(vec![2], |held, key| held.contains(key)).unwrap();
        assert_eq!((batch, holder(&queue, 1)), (vec![2], "holder"));
        assert!(guard.pass_to_next(vec![2, 3, 4], |held, key| held.contains(key)).is_none());
        let (guard, batch) = waiter.await.unwrap();
        assert_eq!((batch, holder(&queue, 1)), (vec![2, 3, 4], "waiter"));
        guard.set_holder(&Arc::new(Activity::new("other")));
        assert_eq!(holder(&queue, 1), "other");
    }

    #[tokio::test]
    async fn cancelled_waiters_leave_the_queue() {
        let queue = Numbers::default();
        let (guard, _) = acquire(&queue, 1, "holder", true).await.unwrap();
        let mut all: Vec<_> = (0..10_000).map(|_| Box::pin(acquire(&queue, 1, "waiter", true))).collect();
        assert!(all.iter_mut().all(is_pending));
        let last = all.pop().unwrap();
        drop(all.split_off(5_000));
        drop(all);
        assert_eq!(queue.queues()[&1].waiters.len(), 1);
        drop(guard);
        drop(last.await.unwrap());
        assert!(queue.queues().is_empty());
    }

    /// A waiter that is dropped after it received a batch drops the batch, and the next waiter begins without one.
    #[tokio::test]
    async fn batch_passed_to_cancelled_waiter_is_released() {
        let queue = Numbers::default();
        let (guard, _) = acquire(&queue, 1, "holder", true).await.unwrap();
        let mut first = Box::pin(acquire(&queue, 1, "first", true));
        let mut second = Box::pin(acquire(&queue, 1, "second", true));
        assert!(is_pending(&mut first) && is_pending(&mut second));
        assert!(pass(guard, vec![7]).is_none());
        drop(first);
        assert!(second.await.unwrap().1.is_empty());
    }

    /// At the deadline the waiter gets the holder and leaves the queue, which works on.
    #[tokio::test(start_paused = true)]
    async fn waiter_ends_at_the_deadline_with_the_holder() {
        let queue = Numbers::default();
        let (guard, _) = acquire(&queue, 1, "slow", true).await.unwrap();
        let expired = acquire(&queue, 1, "waiter", true).await.unwrap_err();
        assert_eq!(expired.activity.command, "slow");
        assert_eq!(expired.since.elapsed(), Duration::from_secs(60));
        assert!(!guard.has_waiters());
        let mut next = Box::pin(acquire(&queue, 1, "next", true));
        assert!(is_pending(&mut next));
        drop(guard);
        drop(next.await.unwrap());
        assert!(queue.queues().is_empty());
    }

    fn is_pending<F: Future + Unpin>(future: &mut F) -> bool {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        std::pin::Pin::new(future).poll(&mut context).is_pending()
    }
}
