//! The high-water mark, as far as this process knows it.

use std::{
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use annalist_core::{backoff::Backoff, error::Error, record::Position, store::Settled};
use tokio::{runtime::Handle, sync::Mutex, time::sleep};

use super::scan::ScanState;
use crate::{
    coalesce::{CoalescedTask, RunPermit},
    database::Database,
};

/// How long after an append its process looks for gaps: one look serves appends that are close together.
const COALESCE_DELAY: Duration = Duration::from_millis(20);
/// The pauses between looks while a gap is open.
const POLL_PAUSES: Backoff = Backoff::new(Duration::from_millis(2), Duration::from_millis(20));

pub(crate) struct HighWater {
    database: Arc<Database>,
    scan: Mutex<ScanState>,
    /// Closes the gaps that this process's own appends leave.
    gap_closer: Arc<CoalescedTask>,
}

impl HighWater {
    pub(crate) fn new(database: Arc<Database>) -> Self {
        let scan = Mutex::new(ScanState::starting_at(database.seen.now()));
        Self { database, scan, gap_closer: Arc::default() }
    }

    /// A position up to which the log is settled, possibly not the highest.
    pub(crate) fn position(&self) -> Position {
        self.database.seen.now().settled
    }

    /// Advances the mark as far as there is no gap, and closes gaps that their appends will not fill.
    ///
    /// Concurrent callers share the scan: a caller that waited for a step which started after its call returns the result of that
    /// step, even an error of the server.
    pub(crate) async fn settled(&self) -> Result<Settled, Error> {
        let called = Instant::now();
        let mut scan = self.scan.lock().await;
        match &scan.last_step {
            Some((started, None)) if *started >= called => {}
            Some((started, Some(reason))) if *started >= called => {
                return Err(Error::unavailable(self.database.operation("read"), reason.clone()));
            }
            _ => scan.advance(&self.database).await?,
        }
        Ok(scan.settled.clone())
    }

    /// Saves the mark as the starting point of the next process.
    pub(crate) async fn save(&self) {
        self.scan.lock().await.save(&self.database).await;
    }

    /// Closes the gaps below an append of this process, in a background task that ends when the log is settled: a gap must not
    /// stay open because no process that may close it reads a feed.
    pub(crate) fn close_gaps_soon(self: &Arc<Self>) {
        if let (Some(permit), Ok(runtime)) = (self.gap_closer.request(), Handle::try_current()) {
            runtime.spawn(close_gaps_until_settled(Arc::downgrade(self), permit));
        }
    }

    /// Whether there is no gap, as far as this process knows.
    async fn has_no_gap(&self) -> bool {
        match self.settled().await {
            Ok(settled) => settled.gap.is_none(),
            Err(error) => !error.is_unavailable() || self.database.pool.is_closed(),
        }
    }
}

async fn close_gaps_until_settled(high_water: Weak<HighWater>, mut permit: RunPermit) {
    sleep(COALESCE_DELAY).await;
    let mut pauses = POLL_PAUSES;
    while let Some(high_water) = high_water.upgrade() {
        permit.begin();
        if high_water.has_no_gap().await && permit.is_finished() {
            break;
        }
        drop(high_water);
        sleep(pauses.next_pause()).await;
    }
}
