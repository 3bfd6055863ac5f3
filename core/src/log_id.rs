//! The identity of a log.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The identity of one log, created with the log. A copy of the data has the same identity, another log has another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LogId(Uuid);

impl LogId {
    /// The identity of a new log.
    pub fn fresh() -> Self {
        Self(Uuid::now_v7())
    }

    /// The identity as it is stored.
    pub const fn from_uuid(id: Uuid) -> Self {
        Self(id)
    }

    /// The identity, to store it.
    pub const fn as_uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
