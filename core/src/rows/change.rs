//! What one batch of events does to the rows of a projection, and where that leaves it.

use uuid::Uuid;

use super::{Key, Row, Table};
use crate::record::{Position, Record};

/// How far a build is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// Everything up to here is in the rows, or parked.
    pub position: Position,
    /// The event at this position, or the last one before it that is known: it tells whether a log is the one that the
    /// rows were made of.
    pub anchor: Option<Anchor>,
    /// How many events are parked.
    pub parked: u64,
    /// Why it stands still, if it does.
    pub stopped: Option<String>,
}

/// An event and where it stood when it was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// Its place.
    pub position: Position,
    /// Its id.
    pub event: Uuid,
}

impl Anchor {
    /// Of a record.
    pub fn of(record: &Record) -> Self {
        Self { position: record.position, event: record.id }
    }
}

/// An event that could not be taken and was put aside, or that has to wait for one that was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parked {
    /// Where it stands in the log.
    pub position: Position,
    /// Its id.
    pub event: Uuid,
    /// What it belongs to, as texts that are compared and never taken apart: later events that share one are parked too.
    pub keys: Vec<String>,
    /// Why it is parked.
    pub error: String,
    /// How often it was tried.
    pub attempts: u32,
}

/// What one batch of events does to the rows of a build.
#[derive(Clone, Debug)]
pub struct RowChange<'a> {
    /// The build's table.
    pub table: &'a Table,
    /// Where the checkpoint has to stand.
    pub from: Position,
    /// Where it goes.
    pub to: Position,
    /// How many events have to be parked. Where the checkpoint stands still, events only ever leave: so position and
    /// number together tell which they are.
    pub parked: u64,
    /// The event at `to`, or the last one before it that is known; none leaves the anchor as it is.
    pub anchor: Option<Anchor>,
    /// Rows to write whole, each key once.
    pub upserts: Vec<Row>,
    /// Keys of rows to delete, each once and none of them written in the same change; a row need not be there.
    pub deletes: Vec<Key>,
    /// Events to park, each position once; one that is parked already is written anew.
    pub park: Vec<Parked>,
    /// Positions of parked events that are done with, each once and none of them in `park`.
    pub unpark: Vec<Position>,
}

impl<'a> RowChange<'a> {
    /// A change that moves the checkpoint and nothing else, where nothing is parked.
    pub fn new(table: &'a Table, from: Position, to: Position) -> Self {
        Self {
            table,
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

    /// For stores: whether it writes nothing but the checkpoint.
    pub fn moves_checkpoint_only(&self) -> bool {
        self.upserts.is_empty() && self.deletes.is_empty() && self.park.is_empty() && self.unpark.is_empty()
    }
}

/// What events make of rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Folded {
    /// Rows to write whole, each key once.
    pub upserts: Vec<Row>,
    /// Keys of rows to delete, none of which is written.
    pub deletes: Vec<Key>,
}

/// The answer to a [`RowChange`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitOutcome {
    /// Rows and checkpoint are changed.
    Done,
    /// The checkpoint stood elsewhere, or other events were parked: somebody else was here. Nothing was written. This
    /// is where the checkpoint stands.
    Stale(Position),
}
