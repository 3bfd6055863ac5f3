//! The identity of a log.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The identity of one log, created together with the log. A copy of the data has the same identity, every other log another.
///
/// ```
/// use annalist::{Position, Token, store::LogId};
///
/// let (log, other) = (LogId::fresh(), LogId::fresh());
/// let token = Token::new(log, Position::new(7));
/// assert_eq!(token.position_in(log)?, Position::new(7));
/// assert!(token.position_in(other).is_err());
/// # Ok::<(), annalist::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LogId(Uuid);

impl LogId {
    /// Creates the identity of a new log.
    pub fn fresh() -> Self {
        Self(Uuid::now_v7())
    }

    /// Restores an identity from its stored form, a UUID.
    pub const fn from_uuid(id: Uuid) -> Self {
        Self(id)
    }

    /// Returns the UUID of the identity, to store it.
    pub const fn as_uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
