//! Why a runner cannot go on.

use super::Stopped;
use crate::{error::Error, record::Record};

/// Why a runner cannot go on right now.
pub(super) enum StopReason {
    /// Until somebody changes something.
    Stopped(Stopped),
    /// For a while.
    Unavailable(Error),
    /// For a while: an event is to be tried again.
    Again(String),
    /// It was asked to end.
    Ended,
}

impl StopReason {
    /// Until somebody does something about an event.
    pub(super) fn before(record: &Record, error: String) -> Self {
        Self::Stopped(Stopped {
            position: Some(record.position),
            event: Some(record.id),
            name: Some(record.name.clone().into_owned()),
            error,
        })
    }

    /// Until an event is tried again.
    pub(super) fn again(record: &Record, error: &str) -> Self {
        let Record { position, id, .. } = record;
        Self::Again(format!("event {id} at position {position}: {error}"))
    }
}

impl From<Error> for StopReason {
    fn from(error: Error) -> Self {
        match error {
            Error::Unavailable { .. } | Error::OutcomeUnknown { .. } => Self::Unavailable(error),
            _ => Self::Stopped(Stopped::because(error)),
        }
    }
}
