//! Commands that met a conflict take turns.
//!
//! A command tries without waiting for anybody: most commands meet nobody. One that lost against another lines up
//! for the states that it reads, and whoever comes while there is a line lines up too. So a hundred commands on one
//! account are done one after the other, and commands that merely read the same things never wait. Turns are about speed
//! alone: what keeps the log right are the conditions.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::{Mutex as Line, OwnedMutexGuard};

use crate::{query::Criteria, store::Read};

/// The lines of one app, by what their commands read.
#[derive(Debug, Default)]
pub(super) struct Turns {
    lines: Mutex<Lines>,
    /// How many commands have a turn or wait for one: while there are none, nobody needs to look at the lines.
    crowd: Arc<AtomicUsize>,
}

#[derive(Debug, Default)]
struct Lines {
    lines: HashMap<Criteria, Weak<Line<()>>>,
    /// How many lines there may be before those that nobody stands in are cleared away.
    room: usize,
}

/// The right to try alone in this process. It ends when it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _places: Vec<OwnedMutexGuard<()>>,
    _member: Member,
}

/// One of the crowd.
#[derive(Debug)]
struct Member(Arc<AtomicUsize>);

impl Member {
    fn of(crowd: &Arc<AtomicUsize>) -> Self {
        crowd.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(crowd))
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Turns {
    /// Waits until it is this command's turn with everything that it reads.
    pub(super) async fn take(&self, reads: &[Read]) -> Turn {
        let member = Member::of(&self.crowd);
        let mut criteria: Vec<&Criteria> = reads.iter().map(|read| &read.criteria).collect();
        // One order for all commands, so that no two wait for each other.
        criteria.sort_unstable();
        criteria.dedup();
        let lines: Vec<_> = {
            let mut lines = self.lines();
            criteria.into_iter().map(|criteria| lines.line(criteria)).collect()
        };
        let mut places = Vec::with_capacity(lines.len());
        for line in lines {
            places.push(line.lock_owned().await);
        }
        Turn { _places: places, _member: member }
    }

    /// Whether somebody has, or waits for, a turn with something that this command reads.
    pub(super) fn are_taken(&self, reads: &[Read]) -> bool {
        let lines = self.lines();
        let stands =
            |read: &Read| lines.lines.get(&read.criteria).is_some_and(|line| line.strong_count() > 0);
        !lines.lines.is_empty() && reads.iter().any(stands)
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    fn line(&mut self, criteria: &Criteria) -> Arc<Line<()>> {
        if let Some(line) = self.lines.get(criteria).and_then(Weak::upgrade) {
            return line;
        }
        if self.lines.len() >= self.room {
            self.lines.retain(|_, line| line.strong_count() > 0);
            self.room = (self.lines.len() * 2).max(64);
        }
        let line = Arc::new(Line::new(()));
        self.lines.insert(criteria.clone(), Arc::downgrade(&line));
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{query::Item, tag::Tag};

    fn reads(tags: &[usize]) -> Vec<Read> {
        tags.iter().map(|tag| Read::all(Item::any().tag(Tag::new("a", tag).unwrap()).into())).collect()
    }

    #[tokio::test]
    async fn whoever_shares_a_state_waits_and_nobody_else() {
        let turns = Turns::default();
        let turn = turns.take(&reads(&[1, 2])).await;
        assert!(turns.are_taken(&reads(&[3, 2])) && !turns.are_taken(&reads(&[3])));
        let wanted = reads(&[2, 3]);
        let mut other = Box::pin(turns.take(&wanted));
        assert!(is_pending(&mut other));
        drop(turn);
        let _turn = other.await;
        assert!(!turns.are_taken(&reads(&[1])));
    }

    #[tokio::test]
    async fn opposite_orders_and_doubles_do_not_lock_each_other_out() {
        let turns = Arc::new(Turns::default());
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..200 {
            let turns = Arc::clone(&turns);
            let wanted = if number % 2 == 0 { reads(&[1, 2, 1]) } else { reads(&[2, 1]) };
            tasks.spawn(async move {
                let _turn = turns.take(&wanted).await;
                tokio::task::yield_now().await;
            });
        }
        tasks.join_all().await;
        assert!(!turns.are_taken(&reads(&[1, 2])));
    }

    #[tokio::test]
    async fn lines_that_nobody_stands_in_are_cleared_away() {
        let turns = Turns::default();
        for number in 0..10_000 {
            turns.take(&reads(&[number])).await;
        }
        assert!(turns.lines().lines.len() <= 64);
    }

    fn is_pending<F: Future + Unpin>(future: &mut F) -> bool {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        std::pin::Pin::new(future).poll(&mut context).is_pending()
    }
}
