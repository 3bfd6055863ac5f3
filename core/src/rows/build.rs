//! Builds: the tables in which the rows of one projection are kept, one of them live.

use super::{Checkpoint, Key};
use crate::{store::LogId, time::Timestamp};

/// A build of a projection, as it stands in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Build {
    /// The version of the projection.
    pub version: u32,
    /// Which build of that version, counted from 0.
    pub build: u32,
    /// Its columns, as [`Table::shape`](super::Table::shape) writes them.
    pub shape: String,
    /// The log that it is made of.
    pub log: LogId,
    /// Whether it is what queries and the view show. At most one build of a projection is.
    pub live: bool,
    /// Whether its rows change in the transactions of the appends.
    pub inline: bool,
    /// How far it is.
    pub checkpoint: Checkpoint,
    /// When its checkpoint last changed, by the clock of the store.
    pub updated_at: Timestamp,
}

impl Build {
    /// Its place among the builds of its projection: newer ones come later.
    pub fn order(&self) -> (u32, u32) {
        (self.version, self.build)
    }
}

/// What became of the wish to make a build live.
#[derive(Clone, Debug, PartialEq)]
pub enum PromoteOutcome {
    /// It is live, now or already.
    Done,
    /// A newer build is live. Nothing was changed.
    Superseded,
    /// The two builds cannot be compared now: they do not stand at the same position, or events are parked in one of them.
    /// Inline builds all stand at the end of the log, and with no other build. Nothing was changed.
    NotComparable,
    /// The two builds have different rows. Nothing was changed.
    Differs(Difference),
}

/// How the rows of a new build differ from those of the live one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Difference {
    /// How many rows only the live build has.
    pub missing: u64,
    /// How many rows only the new build has.
    pub added: u64,
    /// How many rows have other values.
    pub changed: u64,
    /// The smallest key of such a row.
    pub example: Option<Key>,
}

impl Difference {
    /// Whether there is none.
    pub fn is_none(&self) -> bool {
        self.missing == 0 && self.added == 0 && self.changed == 0
    }
}
