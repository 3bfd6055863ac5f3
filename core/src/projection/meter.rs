//! How fast a build comes along.

use std::{
    sync::{Arc, OnceLock},
    time::Instant,
};

use tokio::task::JoinHandle;

use crate::{progress::Progress, query::Criteria, record::Position, rows::Table, store::EventStore};

/// Counts what a build has read, and knows what is ahead of it.
#[derive(Debug)]
pub(crate) struct Meter {
    version: u32,
    build: u32,
    target: Position,
    /// Events of its types up to where it started, and up to the target.
    counted: Arc<OnceLock<(u64, u64)>>,
    counting: JoinHandle<()>,
    read: u64,
    since: Instant,
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.counting.abort();
    }
}

impl Meter {
    /// Starts to count, which takes a store its time and holds nobody up.
    pub(crate) fn start(
        store: Arc<dyn EventStore>,
        table: &Table,
        filter: Criteria,
        from: Position,
        target: Position,
    ) -> Self {
        let counted = Arc::new(OnceLock::new());
        let result = Arc::clone(&counted);
        let counting = tokio::spawn(async move {
            // Without a total, people see the rest.
            let Ok(before) = store.count(&filter, Position::START, from).await else { return };
            let Ok(ahead) = store.count(&filter, from, target).await else { return };
            let _ = result.set((before, before + ahead));
        });
        let Table { version, build, .. } = *table;
        Self { version, build, target, counted, counting, read: 0, since: Instant::now() }
    }

    pub(crate) fn read(&mut self, events: usize) {
        self.read += events as u64;
    }

    pub(crate) fn target(&self) -> Position {
        self.target
    }

    pub(crate) fn progress(&self, position: Position) -> Progress {
        let counted = self.counted.get();
        let seconds = self.since.elapsed().as_secs_f64().max(0.001);
        // An estimate for people.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        let per_second = (self.read as f64 / seconds) as u64;
        Progress {
            version: self.version,
            build: self.build,
            position,
            target: self.target,
            done: counted.map_or(0, |(before, _)| *before) + self.read,
            total: counted.map(|(_, total)| *total),
            per_second,
        }
    }
}
