//! Why a runner cannot go on.

use super::Stopped;
use crate::{error::Error, record::Record};

/// Why a runner cannot go on right now.
pub(super) enum StopReason {
    /// An event fails or the rows cannot be used: the runner stays stopped until an intervention.
    Stopped(Stopped),
    /// A store does not respond: the runner retries.
    Unavailable(Error),
    /// An event failed that may succeed later: the runner retries.
    RetryLater(String),
    /// The runner was asked to end.
    Ended,
}

impl StopReason {
    /// Stops before an event.
    pub(super) fn at_event(record: &Record, error: String) -> Self {
        Self::Stopped(Stopped {
            position: Some(record.position),
            event: Some(record.id),
            name: Some(record.name.clone().into_owned()),
            error,
        })
    }

    /// Retries an event later.
    pub(super) fn retry_event(record: &Record, error: &str) -> Self {
        let Record { position, id, .. } = record;
        Self::RetryLater(format!("event {id} at position {position}: {error}"))
    }
}

impl From<Error> for StopReason {
    fn from(error: Error) -> Self {
        match error {
            Error::Unavailable { .. } | Error::Busy { .. } | Error::OutcomeUnknown { .. } => {
                Self::Unavailable(error)
            }
            Error::Invalid(ref invalid) => {
                Self::Stopped(Stopped { position: invalid.position(), ..Stopped::without_event(&error) })
            }
            _ => Self::Stopped(Stopped::without_event(error)),
        }
    }
}
