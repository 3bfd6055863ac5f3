//! What a projection or a policy is doing.

use std::fmt;

use uuid::Uuid;

use crate::{progress::Progress, record::Position, rows::Table};

/// How far a projection or a policy is, and how it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Everything up to here is in the rows that questions read, or parked.
    pub position: Position,
    /// How it does.
    pub state: State,
    /// How many events are parked.
    pub parked: u64,
    /// The build that questions read; none while the first complete one is being built.
    pub reads: Option<Table>,
    /// How far the build is that is to take over, if one is being built.
    pub building: Option<Progress>,
    /// Why the build that is to take over does not, if something stands in its way.
    pub promotion_blocked: Option<String>,
}

impl Status {
    /// Before anything is known.
    pub(crate) const NEW: Self = Self {
        position: Position::START,
        state: State::CatchingUp,
        parked: 0,
        reads: None,
        building: None,
        promotion_blocked: None,
    };

    /// It does not stand still any more, as far as anybody knows. Gives whether that is news.
    pub(super) fn forget_stop(&mut self) -> bool {
        let stood = self.stop_reason().is_some();
        if stood {
            (self.state, self.promotion_blocked) = (State::CatchingUp, None);
        }
        stood
    }

    /// Why it will not move until somebody does something, if that is so.
    pub(crate) fn stop_reason(&self) -> Option<String> {
        match &self.state {
            State::Stopped(stopped) => Some(stopped.to_string()),
            _ => self.promotion_blocked.clone().filter(|_| self.reads.is_none()),
        }
    }
}

/// How a projection or a policy does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It reads what happened before.
    CatchingUp,
    /// It has read everything that is settled, and follows.
    CaughtUp,
    /// Its rows change in the transactions of the appends: they are never behind.
    Inline,
    /// A store does not answer, or a reaction failed; it tries again.
    Waiting {
        /// What went wrong.
        reason: String,
    },
    /// It stands before an event that it cannot take.
    Stopped(Stopped),
}

/// Why a projection stands still. Nothing is skipped: it goes on with this event once it is started again with a program
/// that can take it, or told to try again.
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

impl Stopped {
    /// Because of something else than an event.
    pub(crate) fn because(error: impl fmt::Display) -> Self {
        Self { position: None, event: None, name: None, error: error.to_string() }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: Table = Table { projection: "rows", version: 1, build: 0, columns: &[] };

    #[test]
    fn what_holds_up_the_first_build_stops_questions_and_nothing_else_does() {
        let promotion_blocked = Some("it differs".to_owned());
        let first = Status { promotion_blocked: promotion_blocked.clone(), ..Status::NEW };
        assert_eq!(first.stop_reason(), promotion_blocked);
        let later = Status { reads: Some(ROWS), ..first };
        assert_eq!(later.stop_reason(), None);
    }

    #[test]
    fn an_old_stop_is_forgotten_and_nothing_else() {
        let state = State::Stopped(Stopped::because("poison"));
        let mut status = Status { state, position: Position::new(7), ..Status::NEW };
        assert!(status.forget_stop() && status.stop_reason().is_none());
        assert_eq!((status.position, &status.state), (Position::new(7), &State::CatchingUp));
        assert!(!status.forget_stop());
    }
}
