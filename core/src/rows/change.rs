//! The changes that one batch of events makes to the rows of a projection, and the checkpoint that moves with them.

use uuid::Uuid;

use super::{Key, Row, Table};
use crate::record::{Position, Record};

/// How far a build has processed the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// All events up to this position are in the rows, or parked.
    pub position: Position,
    /// The event at this position, or the last known one before it. It identifies the log from which the rows were built.
    pub anchor: Option<Anchor>,
    /// The number of parked events.
    pub parked: u64,
    /// Why the build is stopped, if it is.
    pub stopped: Option<String>,
}

/// An event with its position, by which a build recognizes its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The position of the event.
    pub position: Position,
    /// The id of the event.
    pub event: Uuid,
}

impl Anchor {
    /// The anchor of a record.
    pub fn of(record: &Record) -> Self {
        Self { position: record.position, event: record.id }
    }
}

/// An event that failed and was set aside, or that must wait for such an event (a dead letter that keeps the order per key).
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// use annalist::projection::ProjectionOptions;
///
/// let app = savings(ProjectionOptions::new().park()).await?;
/// app.execute(Deposit { account: id("ann"), cents: -5 }).await?; // fails in the projection
/// app.execute(Deposit { account: id("ann"), cents: 7 }).await?; // waits for the event before it
/// app.wait_until_caught_up().await?;
///
/// let parked = app.parked("savings").await?;
/// assert_eq!((parked[0].attempts, parked[1].attempts), (1, 0));
/// assert!(parked[1].error.contains("waits for the event at position 2"));
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parked {
    /// The position of the event.
    pub position: Position,
    /// The id of the event.
    pub event: Uuid,
    /// The keys that the event affects, as opaque texts. Later events with one of these keys are parked too.
    pub keys: Vec<String>,
    /// Why the event is parked.
    pub error: String,
    /// The number of attempts to handle the event.
    pub attempts: u32,
    /// Whether its version is later than the program that parked it reads, or it waits for such an event. A program that reads the
    /// version handles it by itself.
    pub needs_newer: bool,
}

/// The changes of one batch of events to a build.
#[derive(Clone, Debug)]
pub struct RowChange {
    /// The table of the build.
    pub table: Table,
    /// The expected position of the checkpoint.
    pub from: Position,
    /// The new position of the checkpoint.
    pub to: Position,
    /// The expected number of parked events. While the checkpoint does not move, parked events can only be removed, so
    /// position and number together identify the set.
    pub parked: u64,
    /// The event at `to`, or the last known one before it; `None` leaves the anchor unchanged.
    pub anchor: Option<Anchor>,
    /// Rows to insert or replace, each key once.
    pub upserts: Vec<Row>,
    /// Keys of rows to delete, each once and none of them in `upserts`. A row need not exist.
    pub deletes: Vec<Key>,
    /// Events to park, each position once. An event that is parked already is overwritten.
    pub park: Vec<Parked>,
    /// Positions of parked events to remove, each once and none of them in `park`.
    pub unpark: Vec<Position>,
}

impl RowChange {
    /// Creates a change that only moves the checkpoint of a build without parked events.
    pub fn new(table: &Table, from: Position, to: Position) -> Self {
        Self {
            table: *table,
            from,
            to,
            parked: 0,
            anchor: None,
            upserts: Vec::new(),
            deletes: Vec::new(),
            park: Vec::new(),
            unpark: Vec::new(),
        }
    }

    /// For stores: returns `true` if the change writes only the checkpoint.
    pub fn moves_checkpoint_only(&self) -> bool {
        self.upserts.is_empty() && self.deletes.is_empty() && self.park.is_empty() && self.unpark.is_empty()
    }
}

/// The rows that result from folding events.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FoldedRows {
    /// Rows to insert or replace, each key once.
    pub upserts: Vec<Row>,
    /// Keys of rows to delete, none of them in `upserts`.
    pub deletes: Vec<Key>,
}

/// The result of committing a [`RowChange`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitOutcome {
    /// The rows and the checkpoint were changed.
    Done,
    /// The checkpoint was at another position, or other events were parked, because another runner changed the build.
    /// Nothing was written. Contains the current position of the checkpoint.
    Stale(Position),
}
