//! The scan that advances the high-water mark.
//!
//! Appends are assigned positions concurrently, so a higher position can be committed first. The mark is before the first missing
//! position, and advances when that position appears or is filled with a tombstone. A tombstone does not need a proof that
//! the append is gone: the primary key gives the position to one of them, and the other one gets an error. How long a gap is left
//! open is a question of politeness, not of correctness.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use annalist_core::{
    error::Error,
    record::Position,
    store::{Gap, Settled},
};
use sqlx::{Row, postgres::PgRow};

use super::gaps::{StillOpen, close_gaps};
use crate::{
    database::Database,
    values::{from_i64, to_i64},
};

/// Maximum number of rows of a step.
const MAX_ROWS: i64 = 10_000;
/// Maximum number of gaps that a step returns.
const MAX_GAPS: i64 = 64;
/// How long a gap must have been open before it is closed.
const GAP_GRACE: Duration = Duration::from_millis(20);
/// How far the mark advances before it is saved for the next process.
const SAVE_EVERY: u64 = 4096;

/// The state of the scan.
pub(super) struct ScanState {
    pub(super) settled: Settled,
    /// When the last step started, and why it failed if it did.
    pub(super) last_step: Option<(Instant, Option<String>)>,
    /// If there is a gap: since when it is known, and the highest position at that time. What is missing below that position now
    /// was missing all the time.
    open_gap: Option<(Instant, i64)>,
    /// The mark that is saved in the database.
    saved: Position,
}

/// What one step found.
struct Step {
    high_water: Position,
    head: i64,
    gaps: Vec<i64>,
    is_full: bool,
}

impl ScanState {
    pub(super) fn at(position: Position) -> Self {
        Self { settled: Settled { position, gap: None }, last_step: None, open_gap: None, saved: position }
    }

    /// Advances up to the first gap, and closes gaps that were open for long enough.
    pub(super) async fn advance(&mut self, database: &Database, mark: &AtomicU64) -> Result<(), Error> {
        loop {
            let started = Instant::now();
            let step = step(database, self.settled.position).await;
            self.last_step = match &step {
                Ok(_) => Some((started, None)),
                Err(Error::Unavailable { reason, .. }) => Some((started, Some(reason.clone()))),
                Err(_) => None,
            };
            let step = step?;
            self.move_to(database, mark, step.high_water).await;
            let Some(first) = step.gaps.first().copied() else {
                (self.settled.gap, self.open_gap) = (None, None);
                if step.is_full { continue } else { break }
            };
            let reason = match self.open_gap {
                Some((since, head)) if since.elapsed() >= GAP_GRACE => {
                    let old = step.gaps.iter().copied().filter(|gap| *gap < head).collect();
                    let open = close_gaps(database, old).await?;
                    let pause = open.as_ref().map_or(Duration::ZERO, |open| open.retry_after);
                    self.open_gap = Some((Instant::now() + pause, step.head));
                    match open {
                        Some(StillOpen { reason, .. }) => reason,
                        None => continue,
                    }
                }
                open => {
                    self.open_gap = open.or(Some((started, step.head)));
                    "its append is still running, or has just ended without using it".to_owned()
                }
            };
            self.settled.gap = Some(Gap { position: from_i64(first), reason });
            break;
        }
        Ok(())
    }

    async fn move_to(&mut self, database: &Database, mark: &AtomicU64, position: Position) {
        self.settled.position = position;
        mark.fetch_max(position.get(), Ordering::AcqRel);
        if position.get() >= self.saved.get().saturating_add(SAVE_EVERY) {
            self.saved = position;
            save(database, position).await;
        }
    }
}

async fn step(database: &Database, after: Position) -> Result<Step, Error> {
    let query = || database.sql.advance_high_water.query().bind(to_i64(after)).bind(MAX_ROWS).bind(MAX_GAPS);
    let row = database.fetch_one(query).await;
    row.and_then(|row| decode(&row)).map_err(|error| database.read_error(error))
}

fn decode(row: &PgRow) -> Result<Step, sqlx::Error> {
    Ok(Step {
        high_water: from_i64(row.try_get("high_water")?),
        head: row.try_get("head")?,
        gaps: row.try_get("gaps")?,
        is_full: row.try_get::<i64, _>("rows")? >= MAX_ROWS,
    })
}

/// Saves the mark as the starting point of the next process. If this fails, that process only needs more time to start.
pub(super) async fn save(database: &Database, position: Position) {
    let query = || database.sql.save_high_water.query().bind(to_i64(position));
    if let Err(error) = database.execute(query).await {
        tracing::debug!(log = database.name, %error, "the high-water mark could not be saved");
    }
}
