//! Statistics of each command type. They are hints: a wrong hint costs a retry, never correctness.

use std::{
    any::TypeId,
    collections::BTreeMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU8, Ordering},
    },
};

use crate::telemetry::CommandMetrics;

/// The profiles of an app's command types, by stored name.
#[derive(Debug, Default)]
pub(super) struct CommandProfiles(RwLock<BTreeMap<&'static str, Arc<CommandProfile>>>);

/// What commands of one type did so far.
#[derive(Debug, Default)]
pub(super) struct CommandProfile {
    /// The number of successive reads that found no events.
    empty_reads: AtomicU8,
    /// The aggregate types that the command read and wrote events of.
    written: RwLock<Vec<TypeId>>,
    pub(super) metrics: CommandMetrics,
}

/// After this many successive empty reads the next command of the type is decided without a read.
const EMPTY_READ_THRESHOLD: u8 = 3;

impl CommandProfiles {
    /// The profile of a command type.
    pub(super) fn of(&self, command: &'static str) -> Arc<CommandProfile> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).get(command).map(Arc::clone);
        known.unwrap_or_else(|| {
            let mut profiles = self.0.write().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(profiles.entry(command).or_default())
        })
    }
}

impl CommandProfile {
    /// Returns `true` if the command usually finds no events, as a command that creates something does. Then it pays to
    /// decide without a read.
    pub(super) fn expects_no_history(&self) -> bool {
        self.empty_reads.load(Ordering::Relaxed) >= EMPTY_READ_THRESHOLD
    }

    /// Records a read of all states.
    pub(super) fn record_read(&self, is_empty: bool) {
        let reads = self.empty_reads.load(Ordering::Relaxed);
        self.empty_reads.store(if is_empty { reads.saturating_add(1) } else { 0 }, Ordering::Relaxed);
    }

    /// Returns `true` if the command wrote events of an aggregate of this type before.
    pub(super) fn writes_aggregate(&self, aggregate: TypeId) -> bool {
        self.written.read().unwrap_or_else(PoisonError::into_inner).contains(&aggregate)
    }

    /// Records that the command wrote events of an aggregate that it read.
    pub(super) fn record_write(&self, aggregate: TypeId) {
        if !self.writes_aggregate(aggregate) {
            self.written.write().unwrap_or_else(PoisonError::into_inner).push(aggregate);
        }
    }
}
