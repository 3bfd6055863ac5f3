//! Positions of events in the global order of a log.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The position of an event in the global order of a log. The first event has position 1 or later; 0 is before all events.
///
/// ```
/// use annalist::Position;
///
/// assert!(Position::START < Position::new(1));
/// assert_eq!(Position::new(u64::MAX), Position::END);
/// assert_eq!(Position::new(7).to_string(), "7");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "u64", into = "u64")]
pub struct Position(u64);

impl Position {
    /// Before the first event: 0.
    pub const START: Self = Self(0);
    /// After every event: the largest position of a store, `i64::MAX`.
    pub const END: Self = Self(i64::MAX as u64);

    /// Creates the position with this number. Larger numbers than [`Position::END`] become `END`.
    ///
    /// ```
    /// use annalist::Position;
    ///
    /// assert!(Position::new(7) < Position::new(8));
    /// assert_eq!(Position::new(u64::MAX), Position::END);
    /// ```
    pub const fn new(number: u64) -> Self {
        if number > Self::END.0 { Self::END } else { Self(number) }
    }

    /// Returns the number of this position.
    ///
    /// ```
    /// use annalist::Position;
    ///
    /// assert_eq!(Position::new(7).get(), 7);
    /// ```
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
