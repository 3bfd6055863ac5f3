//! What commands of one type were seen to do. It only guides: whatever a habit leads to is checked like everything else.

use std::{
    any::TypeId,
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU8, Ordering},
    },
};

/// The habits of an app's commands, by their stored names.
#[derive(Debug, Default)]
pub(super) struct Habits(RwLock<HashMap<&'static str, Arc<Habit>>>);

/// The habits of one type of command.
#[derive(Debug, Default)]
pub(super) struct Habit {
    /// How often in a row there was nothing to read.
    nothing: AtomicU8,
    /// The aggregates whose events it wrote after it had read them.
    written: RwLock<Vec<TypeId>>,
}

/// After so many times in a row it is a habit to find nothing.
const HABIT: u8 = 3;

impl Habits {
    pub(super) fn of(&self, command: &'static str) -> Arc<Habit> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).get(command).map(Arc::clone);
        known.unwrap_or_else(|| {
            let mut habits = self.0.write().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(habits.entry(command).or_default())
        })
    }
}

impl Habit {
    /// Whether it usually makes something that was not there before. Then it is worth to decide without reading.
    pub(super) fn finds_nothing(&self) -> bool {
        self.nothing.load(Ordering::Relaxed) >= HABIT
    }

    /// It read, and found nothing or something.
    pub(super) fn found(&self, nothing: bool) {
        let times = self.nothing.load(Ordering::Relaxed);
        self.nothing.store(if nothing { times.saturating_add(1) } else { 0 }, Ordering::Relaxed);
    }

    /// Whether it is known to change the aggregates of this type that it reads.
    pub(super) fn writes(&self, aggregate: TypeId) -> bool {
        self.written.read().unwrap_or_else(PoisonError::into_inner).contains(&aggregate)
    }

    /// It changed one that it had read.
    pub(super) fn wrote(&self, aggregate: TypeId) {
        if !self.writes(aggregate) {
            self.written.write().unwrap_or_else(PoisonError::into_inner).push(aggregate);
        }
    }
}
