//! The scan that advances the high-water mark.
//!
//! Appends are assigned positions concurrently, so a higher position can be committed first. The mark is before the first missing
//! position, and advances when that position appears or is filled with a tombstone. A tombstone does not need a proof that
//! the append is gone: the primary key gives the position to one of them, and the other one gets an error. How long a gap is left
//! open is a question of politeness, not of correctness.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use annalist_core::{
    error::Error,
    record::Position,
    store::{EventRef, Gap, Seen, Settled},
};
use sqlx::{Row, postgres::PgRow};
use uuid::Uuid;

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
    /// The id of the event at the mark, if it is known.
    event: Option<Uuid>,
    /// The mark that is saved in the database.
    saved: Position,
    /// The epoch of the log that all this is about.
    epoch: u64,
}

/// What one step found.
struct Step {
    high_water: Position,
    /// The id of the event at the mark; `None` at the start of the log.
    event: Option<Uuid>,
    head: i64,
    gaps: Vec<i64>,
    is_full: bool,
    successors: u64,
    has_lost_events: bool,
}

impl ScanState {
    pub(super) fn starting_at(Seen { epoch, settled: position, .. }: Seen) -> Self {
        let settled = Settled { position, gap: None };
        Self { settled, last_step: None, open_gap: None, event: None, saved: position, epoch }
    }

    /// Advances up to the first gap, and closes gaps that were open for long enough.
    pub(super) async fn advance(&mut self, database: &Database) -> Result<(), Error> {
        loop {
            let (started, seen) = (Instant::now(), database.seen.now());
            if self.epoch != seen.epoch {
                *self = Self::starting_at(seen);
            }
            let step = step(database, self.settled.position, seen.newest).await;
            self.last_step = match &step {
                Ok(_) => Some((started, None)),
                Err(Error::Unavailable { reason, .. }) => Some((started, Some(reason.clone()))),
                Err(_) => None,
            };
            let step = step?;
            if step.has_lost_events {
                drop(database.lost_events(seen, database.operation("read")));
                continue;
            }
            self.move_to(database, &step).await;
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

    async fn move_to(&mut self, database: &Database, step: &Step) {
        let position = step.high_water;
        // Before the position is known: a page up to there has at least this list.
        database.successors.store(step.successors, Ordering::Release);
        (self.settled.position, self.event) = (position, step.event);
        if let Some(id) = step.event {
            database.seen.saw(self.epoch, EventRef { position, id });
        }
        database.seen.saw_settled(self.epoch, position);
        if position.get() >= self.saved.get().saturating_add(SAVE_EVERY) {
            self.save(database).await;
        }
    }

    /// Saves the mark as the starting point of the next process. If this fails, that process only needs more time to start.
    pub(super) async fn save(&mut self, database: &Database) {
        let (position, Some(event)) = (self.settled.position, self.event) else { return };
        self.saved = position;
        let query = || database.sql.save_high_water.query().bind(to_i64(position)).bind(event);
        if let Err(error) = database.execute(query).await {
            tracing::debug!(log = database.name, %error, "the high-water mark could not be saved");
        }
    }
}

async fn step(database: &Database, after: Position, newest: Option<EventRef>) -> Result<Step, Error> {
    let query = || {
        let query = database.sql.advance_high_water.query().bind(to_i64(after)).bind(MAX_ROWS).bind(MAX_GAPS);
        query.bind(newest.map(|event| to_i64(event.position))).bind(newest.map(|event| event.id))
    };
    let row = database.fetch_one(query).await;
    row.and_then(|row| decode(&row)).map_err(|error| database.read_error(error))
}

fn decode(row: &PgRow) -> Result<Step, sqlx::Error> {
    Ok(Step {
        high_water: from_i64(row.try_get("high_water")?),
        event: row.try_get("event_id")?,
        successors: row.try_get::<i64, _>("successors")?.unsigned_abs(),
        has_lost_events: row.try_get("has_lost_events")?,
        head: row.try_get("head")?,
        gaps: row.try_get("gaps")?,
        is_full: row.try_get::<i64, _>("rows")? >= MAX_ROWS,
    })
}
