//! Requests of operators to a follower, which the process that runs the follower takes up.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{limits::check_size, time::Timestamp};

/// The longest reason of a request, in bytes.
const MAX_REASON: usize = 4096;

/// What operators have requested of a projection or policy. It is stored beside its builds, and holds for all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FollowerRequests {
    /// How many times the requests have been stored. It is compared before they are replaced.
    #[serde(skip)]
    pub revision: u64,
    /// Set while the follower is paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<Pause>,
    /// How many restarts were requested.
    #[serde(default)]
    pub restarts: u64,
    /// The newest request to retry the parked events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryRequest>,
}

impl FollowerRequests {
    /// For stores: the text to store, as JSON.
    pub fn to_text(&self) -> String {
        // The struct has only texts, numbers and ids.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// For stores: the requests of a stored text and revision; none if nothing was stored.
    ///
    /// # Errors
    /// A message if the text is damaged.
    pub fn from_stored(stored: Option<(u64, &str)>) -> Result<Self, String> {
        let Some((revision, text)) = stored else { return Ok(Self::default()) };
        let requests: Self = serde_json::from_str(text)
            .map_err(|error| format!("the requests {text:?} to a follower are damaged: {error}"))?;
        Ok(Self { revision, ..requests })
    }
}

/// A pause of a projection or policy, until it is resumed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// The operator, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// When it was requested, by the clock of the operator's app.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
}

impl Pause {
    /// Checks the size of the reason.
    pub(crate) fn check(&self) -> Result<(), crate::error::Invalid> {
        check_size("reason", &self.reason, MAX_REASON)
    }
}

impl fmt::Display for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { actor, at, reason } = self;
        match actor {
            Some(actor) => write!(f, "paused by {actor} at {at}: {reason}"),
            None => write!(f, "paused at {at}: {reason}"),
        }
    }
}

/// A request to retry the parked events of a projection or policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryRequest {
    /// Counted from 1 for each projection or policy.
    pub number: u64,
    /// The operator, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// When it was requested, by the clock of the operator's app.
    pub at: Timestamp,
    /// How far it is.
    pub state: RetryState,
}

/// How far a request to retry parked events is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryState {
    /// No process has taken it.
    Waiting,
    /// A process retries the events.
    Running {
        /// The process: a new id for each start.
        process: Uuid,
        /// Grows while the process is alive.
        round: u64,
    },
    /// It is complete.
    Done {
        /// How many events succeeded.
        done: u64,
        /// How many events are still parked.
        parked: u64,
    },
    /// It ended with an error. The events that had succeeded before are no longer parked.
    Failed {
        /// What went wrong.
        error: String,
    },
}

impl RetryState {
    /// Whether it has an outcome.
    pub fn is_complete(&self) -> bool {
        matches!(self, Self::Done { .. } | Self::Failed { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_text_is_read_back_and_damage_is_an_error() {
        let state = RetryState::Running { process: Uuid::from_u128(7), round: 3 };
        let at = Timestamp::EPOCH;
        let requests = FollowerRequests {
            revision: 4,
            pause: Some(Pause { actor: Some("ada".to_owned()), at, reason: "a\0b \u{1f980}".to_owned() }),
            restarts: 2,
            retry: Some(RetryRequest { number: 1, actor: None, at, state }),
        };
        let text = requests.to_text();
        assert!(!text.contains('\0'), "PostgreSQL cannot store NUL");
        assert_eq!(FollowerRequests::from_stored(Some((4, &text))), Ok(requests));
        assert_eq!(FollowerRequests::from_stored(None), Ok(FollowerRequests::default()));
        assert!(FollowerRequests::from_stored(Some((1, "{"))).unwrap_err().contains("damaged"));
        // A field of a later version.
        assert!(FollowerRequests::from_stored(Some((1, r#"{"restarts":1,"more":2}"#))).is_ok());
    }
}
