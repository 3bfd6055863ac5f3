//! Places in the one global order of a log.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A place in the one global order of a log. The first event stands at 1 or later; 0 is before everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "u64", into = "u64")]
pub struct Position(u64);

impl Position {
    /// Before the first event.
    pub const START: Self = Self(0);
    /// Behind every event: stores number up to `i64::MAX`.
    pub const END: Self = Self(i64::MAX as u64);

    /// The position with this number; numbers beyond [`Position::END`] become it.
    pub const fn new(number: u64) -> Self {
        if number > Self::END.0 { Self::END } else { Self(number) }
    }

    /// Its number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl From<u64> for Position {
    fn from(number: u64) -> Self {
        Self::new(number)
    }
}

impl From<Position> for u64 {
    fn from(position: Position) -> Self {
        position.0
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
