//! Commands that change the same aggregate line up for it, each in its process.
//!
//! It is about speed alone: what keeps the log right are the conditions. Who stands in front may hand what it holds to the next
//! one instead of doing it first.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

/// The lines for things of type `K`. What is handed on in them is a `T`.
#[derive(Debug)]
pub(super) struct Lines<K, T>(Mutex<HashMap<K, Line<K, T>>>)
where
    K: Clone + Eq + Hash,
    T: Default;

/// Who waits behind the one in front.
type Line<K, T> = VecDeque<Waiter<K, T>>;

#[derive(Debug)]
struct Waiter<K: Clone + Eq + Hash, T: Default> {
    turn: oneshot::Sender<(Place<K, T>, T)>,
    joins: bool,
}

/// The place in front of a line. The next one gets it when it is dropped.
#[derive(Debug)]
pub(super) struct Place<K: Clone + Eq + Hash, T: Default> {
    lines: Arc<Lines<K, T>>,
    of: K,
}

impl<K: Clone + Eq + Hash, T: Default> Default for Lines<K, T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Clone + Eq + Hash, T: Default> Lines<K, T> {
    /// Waits until it is one's turn, and gets what was handed on. Who does not join gets its turn only when there is
    /// nothing to hand on.
    pub(super) async fn take(self: &Arc<Self>, of: K, joins: bool) -> (Place<K, T>, T) {
        loop {
            let wait = match self.lines().entry(of.clone()) {
                Entry::Vacant(line) => {
                    line.insert(VecDeque::new());
                    None
                }
                Entry::Occupied(mut line) => {
                    let (turn, wait) = oneshot::channel();
                    line.get_mut().push_back(Waiter { turn, joins });
                    Some(wait)
                }
            };
            match wait {
                None => return (Place { lines: Arc::clone(self), of }, T::default()),
                Some(wait) => {
                    if let Ok(turn) = wait.await {
                        return turn;
                    }
                }
            }
        }
    }

    /// The next in line, if there is one and `accepts` says yes; who has gone is passed over.
    fn next(line: &mut Line<K, T>, accepts: impl Fn(&Waiter<K, T>) -> bool) -> Option<Waiter<K, T>> {
        while line.pop_front_if(|waiter| waiter.turn.is_closed()).is_some() {}
        line.pop_front_if(|waiter| accepts(waiter))
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<K, Line<K, T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Clone + Eq + Hash, T: Default> Place<K, T> {
    /// What the line is for.
    pub(super) fn of(&self) -> &K {
        &self.of
    }

    /// Whether somebody waits who joins.
    pub(super) fn is_joined(&self) -> bool {
        self.lines.lines().get(&self.of).and_then(VecDeque::front).is_some_and(|waiter| waiter.joins)
    }

    /// Whether anybody waits.
    pub(super) fn is_waited_for(&self) -> bool {
        self.lines.lines().get(&self.of).is_some_and(|line| !line.is_empty())
    }

    /// Hands on to the next in line. If nobody is there who joins, everything comes back.
    pub(super) fn hand_on(self, what: T) -> Option<(Self, T)> {
        let mut all = (self, what);
        loop {
            let next =
                all.0.lines.lines().get_mut(&all.0.of).and_then(|line| Lines::next(line, |next| next.joins));
            let Some(next) = next else { return Some(all) };
            match next.turn.send(all) {
                Ok(()) => return None,
                Err(back) => all = back,
            }
        }
    }
}

impl<K: Clone + Eq + Hash, T: Default> Drop for Place<K, T> {
    fn drop(&mut self) {
        let next = {
            let mut lines = self.lines.lines();
            let next = lines.get_mut(&self.of).and_then(|line| Lines::next(line, |_| true));
            if next.is_none() {
                lines.remove(&self.of);
            }
            next
        };
        if let Some(next) = next {
            let place = Self { lines: Arc::clone(&self.lines), of: self.of.clone() };
            // If it has just gone, the place comes back, is dropped, and so goes to the one behind.
            drop(next.turn.send((place, T::default())));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Numbers = Arc<Lines<u8, Vec<u8>>>;

    #[tokio::test]
    async fn one_after_the_other_and_what_is_handed_on_goes_along() {
        let lines = Numbers::default();
        let (place, nothing) = lines.take(1, true).await;
        assert!(nothing.is_empty() && !place.is_joined());
        assert!(lines.take(2, true).await.1.is_empty());
        let mut joins = Box::pin(lines.take(1, true));
        let mut waits = Box::pin(lines.take(1, false));
        assert!(is_pending(&mut joins) && is_pending(&mut waits));
        assert!(place.is_joined() && place.hand_on(vec![7]).is_none());
        let (place, handed) = joins.await;
        assert_eq!(handed, [7]);
        assert!(!place.is_joined() && place.is_waited_for());
        let (place, handed) = place.hand_on(handed).unwrap();
        drop((place, handed));
        assert!(waits.await.1.is_empty());
        assert!(lines.lines().is_empty());
    }

    #[tokio::test]
    async fn who_has_gone_holds_nobody_up() {
        let lines = Numbers::default();
        let (place, _) = lines.take(1, true).await;
        let mut all: Vec<_> = (0..10_000).map(|_| Box::pin(lines.take(1, true))).collect();
        assert!(all.iter_mut().all(is_pending));
        let last = all.pop().unwrap();
        drop(all);
        drop(place);
        drop(last.await);
        assert!(lines.lines().is_empty());
    }

    /// Whoever is handed something and is dropped before it looks takes it along, and the next one begins with nothing.
    #[tokio::test]
    async fn what_was_handed_to_one_who_has_gone_is_dropped_and_the_line_moves_on() {
        let lines = Numbers::default();
        let (place, _) = lines.take(1, true).await;
        let mut first = Box::pin(lines.take(1, true));
        let mut second = Box::pin(lines.take(1, true));
        assert!(is_pending(&mut first) && is_pending(&mut second));
        assert!(place.hand_on(vec![7]).is_none());
        drop(first);
        assert!(second.await.1.is_empty());
    }

    fn is_pending<F: Future + Unpin>(future: &mut F) -> bool {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        std::pin::Pin::new(future).poll(&mut context).is_pending()
    }
}
