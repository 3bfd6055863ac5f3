//! How fast a build comes along.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
};

use super::Status;
use crate::{criteria::Criteria, progress::Progress, record::Position, rows::Table, store::EventStore};

/// Counts what a build has read, and knows what is ahead of it.
#[derive(Debug)]
pub(super) struct ProgressMeter {
    counters: Arc<ProgressCounters>,
    counting: JoinHandle<()>,
}

#[derive(Debug)]
struct ProgressCounters {
    version: u32,
    build: u32,
    target: Position,
    /// Events of its types up to where it started, and up to the target.
    counted: OnceLock<(u64, u64)>,
    read: AtomicU64,
    since: Instant,
}

impl Drop for ProgressMeter {
    fn drop(&mut self) {
        self.counting.abort();
    }
}

impl ProgressMeter {
    /// Starts to count what is ahead of a build, which takes a store its time and holds nobody up: it is told when it is
    /// known.
    pub(super) fn start(
        store: Arc<dyn EventStore>,
        filter: Criteria,
        table: &Table,
        (from, target): (Position, Position),
        (status, wakeup): (watch::Sender<Status>, Arc<Notify>),
    ) -> Self {
        let Table { version, build, .. } = *table;
        let (counted, read, since) = (OnceLock::new(), AtomicU64::new(0), Instant::now());
        let counters = Arc::new(ProgressCounters { version, build, target, counted, read, since });
        let counts = Arc::clone(&counters);
        let counting = tokio::spawn(async move {
            // Without a total, people see the rest.
            let Ok(before) = store.count(&filter, Position::START, from).await else { return };
            let Ok(ahead) = store.count(&filter, from, target).await else { return };
            let _ = counts.counted.set((before, before + ahead));
            status.send_modify(|status| {
                status.building = status.building.take().map(|building| counts.progress(building.position));
            });
            wakeup.notify_one();
        });
        Self { counters, counting }
    }

    pub(super) fn read(&self, events: usize) {
        self.counters.read.fetch_add(events as u64, Ordering::Relaxed);
    }

    pub(super) fn target(&self) -> Position {
        self.counters.target
    }

    pub(super) fn progress(&self, position: Position) -> Progress {
        self.counters.progress(position)
    }
}

impl ProgressCounters {
    fn progress(&self, position: Position) -> Progress {
        let (counted, read) = (self.counted.get(), self.read.load(Ordering::Relaxed));
        let seconds = self.since.elapsed().as_secs_f64().max(0.001);
        // An estimate for people.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        let per_second = (read as f64 / seconds) as u64;
        Progress {
            version: self.version,
            build: self.build,
            position,
            target: self.target,
            done: counted.map_or(0, |(before, _)| *before) + read,
            total: counted.map(|(_, total)| *total),
            per_second,
        }
    }
}
