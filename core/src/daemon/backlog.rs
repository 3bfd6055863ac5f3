//! How old the events are that a follower has not handled.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::{record::Record, time::Timestamp};

/// The recorded time of the first event that a runner has read and not handled. It is known without reading the log.
#[derive(Debug)]
pub(super) struct Backlog(AtomicI64);

/// There is no such event.
const NONE: i64 = i64::MIN;

impl Default for Backlog {
    fn default() -> Self {
        Self(AtomicI64::new(NONE))
    }
}

impl Backlog {
    pub(super) fn set(&self, first: Option<&Record>) {
        self.set_time(first.map(|record| record.recorded_at));
    }

    pub(super) fn set_time(&self, first: Option<Timestamp>) {
        self.0.store(first.map_or(NONE, Timestamp::as_micros), Ordering::Relaxed);
    }

    pub(super) fn since(&self) -> Option<Timestamp> {
        Some(self.0.load(Ordering::Relaxed)).filter(|micros| *micros != NONE).map(Timestamp::from_micros)
    }
}
