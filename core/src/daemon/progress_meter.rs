//! Progress of a build that is not live yet.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Instant,
};

use tokio::{sync::Notify, task::JoinHandle};

use crate::{criteria::Criteria, progress::Progress, record::Position, rows::Table, store::EventStore};

/// Counters of a build on its way to a target: its runner counts, its supervisor publishes.
#[derive(Debug)]
pub(super) struct ProgressCounters {
    version: u32,
    build: u32,
    target: Position,
    /// When the runner began, if it began before the target.
    started: OnceLock<Instant>,
    /// Events of its types up to where it began, and up to the target, once they are counted.
    totals: OnceLock<(u64, u64)>,
    read: AtomicU64,
    /// Microseconds between the start and the last batch.
    elapsed: AtomicU64,
    is_finished: AtomicBool,
}

impl ProgressCounters {
    pub(super) fn new(table: &Table, target: Position) -> Self {
        let Table { version, build, .. } = *table;
        let (started, totals, is_finished) = (OnceLock::new(), OnceLock::new(), AtomicBool::new(false));
        let (read, elapsed) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { version, build, target, started, totals, read, elapsed, is_finished }
    }

    pub(super) fn target(&self) -> Position {
        self.target
    }

    /// The progress at a position; `None` if the build did not begin before the target, or has reached it.
    pub(super) fn progress(&self, position: Position) -> Option<Progress> {
        if self.started.get().is_none() || self.is_finished.load(Ordering::Relaxed) || position >= self.target
        {
            return None;
        }
        let (totals, read) = (self.totals.get(), self.read.load(Ordering::Relaxed));
        let micros = self.elapsed.load(Ordering::Relaxed).max(1000);
        Some(Progress {
            version: self.version,
            build: self.build,
            position,
            target: self.target,
            done: totals.map_or(0, |(before, _)| *before) + read,
            total: totals.map(|(_, total)| *total),
            per_second: read.saturating_mul(1_000_000) / micros,
        })
    }
}

/// Updates the counters of a build while its runner is on the way to the target.
#[derive(Debug)]
pub(super) struct ProgressMeter {
    counters: Arc<ProgressCounters>,
    counting: JoinHandle<()>,
}

impl Drop for ProgressMeter {
    fn drop(&mut self) {
        self.counting.abort();
    }
}

impl ProgressMeter {
    /// Begins at a position. The events on the way are counted in the background, which may take a store its time, and the
    /// supervisor is woken once the total is known.
    pub(super) fn start(
        counters: Arc<ProgressCounters>,
        store: Arc<dyn EventStore>,
        filter: Criteria,
        from: Position,
        wakeup: Arc<Notify>,
    ) -> Self {
        counters.started.get_or_init(Instant::now);
        let counted = Arc::clone(&counters);
        let counting = tokio::spawn(async move {
            // If counting fails, the progress has no total.
            let Ok(before) = store.count(&filter, Position::START, from).await else { return };
            let Ok(ahead) = store.count(&filter, from, counted.target).await else { return };
            let _ = counted.totals.set((before, before + ahead));
            wakeup.notify_one();
        });
        Self { counters, counting }
    }

    /// Counts handled events.
    pub(super) fn add(&self, events: usize) {
        let elapsed = self.counters.started.get().map_or(0, |started| started.elapsed().as_micros());
        self.counters.read.fetch_add(events as u64, Ordering::Relaxed);
        self.counters.elapsed.store(u64::try_from(elapsed).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Ends the progress if the target is reached, and returns whether it is.
    pub(super) fn finish_at(&self, position: Position) -> bool {
        let is_finished = position >= self.counters.target;
        if is_finished {
            self.counters.is_finished.store(true, Ordering::Relaxed);
        }
        is_finished
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: Table = Table { projection: "rows", version: 2, build: 1, columns: &[] };

    #[test]
    fn progress_is_reported_between_the_start_and_the_target() {
        let counters = ProgressCounters::new(&ROWS, Position::new(100));
        assert_eq!(counters.progress(Position::new(1)), None);
        counters.started.get_or_init(Instant::now);
        counters.read.store(40, Ordering::Relaxed);
        counters.elapsed.store(2_000_000, Ordering::Relaxed);
        let progress = counters.progress(Position::new(50)).unwrap();
        assert_eq!((progress.version, progress.build, progress.per_second), (2, 1, 20));
        assert_eq!((progress.done, progress.total), (40, None));
        counters.totals.set((10, 70)).unwrap();
        let progress = counters.progress(Position::new(50)).unwrap();
        assert_eq!((progress.done, progress.total), (50, Some(70)));
        assert_eq!(counters.progress(Position::new(100)), None);
    }
}
