//! What a projection is doing.

use std::fmt;

use uuid::Uuid;

use crate::record::Position;

/// How far a projection is, and how it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Everything up to here is in the rows.
    pub position: Position,
    /// How it does.
    pub state: State,
}

/// How a projection does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It reads what happened before.
    CatchingUp,
    /// It has read everything that is settled, and follows.
    CaughtUp,
    /// A store does not answer; it tries again.
    Waiting {
        /// What the store said.
        reason: String,
    },
    /// It stands before an event that it cannot take.
    Stopped(Stopped),
}

/// Why a projection stands still. Nothing is skipped: it goes on with this event once it is started again with a program
/// that can take it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// The position of the event; none if no event is to blame.
    pub position: Option<Position>,
    /// Its id.
    pub event: Option<Uuid>,
    /// The stored name of its type.
    pub name: Option<String>,
    /// What went wrong.
    pub error: String,
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { position, event, name, error } = self;
        match (position, event, name) {
            (Some(position), Some(event), Some(name)) => {
                write!(f, "stopped at position {position}, event {event} (`{name}`): {error}")
            }
            _ => write!(f, "stopped: {error}"),
        }
    }
}
