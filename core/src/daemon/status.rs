//! What a projection or policy is doing.

use std::fmt;

use uuid::Uuid;

use crate::{
    progress::Progress,
    record::Position,
    rows::{Pause, Table},
};

/// Position and state of a projection or policy in this process.
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// # let app = bank().await?;
/// let (name, status) = app.statuses().remove(0);
/// assert_eq!((name, status.position.get(), status.parked), ("balances", 6, 0));
/// assert_eq!(status.reads.unwrap().name(), "balances_v1");
/// assert_eq!(status.building, None);
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Every event up to here is in the rows that queries read, or parked. Before the first build is complete: in the rows of
    /// that build. Inline rows include all events of the log; their position is the end of the log as far as this process
    /// knows it.
    pub position: Position,
    /// Current state.
    pub state: State,
    /// How many events are parked.
    pub parked: u64,
    /// The build that queries read; `None` until the first build is complete.
    pub reads: Option<Table>,
    /// Progress of the build that is to be promoted, while one is being built.
    pub building: Option<Progress>,
    /// Why the build that is to be promoted cannot be, if it is blocked.
    pub promotion_blocked: Option<String>,
}

impl Status {
    /// The status before the first report.
    pub(crate) const NEW: Self = Self {
        position: Position::START,
        state: State::CatchingUp,
        parked: 0,
        reads: None,
        building: None,
        promotion_blocked: None,
    };

    /// The status of an inline build with the position of an event that was appended, if it is later: the event is in the rows.
    pub(crate) fn with_inline_position(self, appended: Position) -> Self {
        match self.state {
            State::Inline => Self { position: self.position.max(appended), ..self },
            _ => self,
        }
    }

    /// Replaces a stop or a pause by [`State::CatchingUp`]. Returns whether there was one.
    pub(super) fn clear_stop(&mut self) -> bool {
        let was_stopped = self.stop_reason().is_some();
        if was_stopped {
            (self.state, self.promotion_blocked) = (State::CatchingUp, None);
        }
        was_stopped
    }

    /// Why it is stopped, if it is.
    pub(crate) fn stop(&self) -> Option<&Stopped> {
        match &self.state {
            State::Stopped(stopped) => Some(stopped),
            _ => None,
        }
    }

    /// Why the position cannot advance without an intervention, if so.
    pub(crate) fn stop_reason(&self) -> Option<String> {
        match &self.state {
            State::Stopped(stopped) => Some(stopped.to_string()),
            State::Paused(pause) => Some(pause.to_string()),
            _ => self.promotion_blocked.clone().filter(|_| self.reads.is_none()),
        }
    }
}

/// State of a projection or policy.
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// # let app = bank().await?;
/// use annalist::projection::State;
///
/// let status = app.wait_until("balances", |status| status.state == State::CaughtUp).await?;
/// assert_eq!(status.position, app.store().settled().await?.position);
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It processes events that were appended before it started, resumed or fell behind.
    CatchingUp,
    /// It has processed every event that was settled when it last read the log.
    CaughtUp,
    /// Its rows change in the transactions of the appends, so they are always up to date.
    Inline,
    /// Another process runs the policy. Position and parked events are those of that process, so waiting for a position works; this
    /// process takes over when the other one stops or no longer responds.
    Standby,
    /// A store does not respond, or a reaction of a policy failed. It retries by itself.
    Waiting {
        /// What went wrong.
        reason: String,
    },
    /// It is stopped before an event that fails, or because its rows cannot be used.
    Stopped(Stopped),
    /// An operator has paused it: see [`App::pause`](crate::app::App::pause). It handles no events until
    /// [`App::resume`](crate::app::App::resume).
    Paused(Pause),
}

/// Why a projection or policy is stopped. It skips no event: it continues with the same event after a restart of the
/// program, with corrected code for example, or after [`App::resume`](crate::app::App::resume).
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// use annalist::projection::State;
/// # let app = savings(Default::default()).await?;
///
/// let receipt = app.execute(Deposit { account: id("ann"), cents: -5 }).await?; // fails in the projection
/// let status = app.wait_until("savings", |status| matches!(status.state, State::Stopped(_))).await?;
/// let State::Stopped(stopped) = status.state else { unreachable!() };
/// assert_eq!(stopped.position, Some(receipt.position()));
/// assert_eq!(stopped.name.unwrap(), "account.deposited");
/// assert!(stopped.error.contains("negative deposit"));
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// Position of the event that fails; `None` if no event is the cause.
    pub position: Option<Position>,
    /// Id of the event; `None` if the store cannot read it, because it is damaged.
    pub event: Option<Uuid>,
    /// Stored name of the event type.
    pub name: Option<String>,
    /// What went wrong.
    pub error: String,
}

impl Stopped {
    /// A stop that no event caused.
    pub(crate) fn without_event(error: impl fmt::Display) -> Self {
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
            (Some(position), ..) => write!(f, "stopped at position {position}: {error}"),
            _ => write!(f, "stopped: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: Table = Table { projection: "rows", version: 1, build: 0, columns: &[] };

    #[test]
    fn blocked_promotion_is_a_stop_only_before_the_first_live_build() {
        let promotion_blocked = Some("it differs".to_owned());
        let first = Status { promotion_blocked: promotion_blocked.clone(), ..Status::NEW };
        assert_eq!(first.stop_reason(), promotion_blocked);
        let later = Status { reads: Some(ROWS), ..first };
        assert_eq!(later.stop_reason(), None);
    }

    #[test]
    fn clear_stop_changes_the_state_only() {
        let state = State::Stopped(Stopped::without_event("poison"));
        let mut status = Status { state, position: Position::new(7), ..Status::NEW };
        assert!(status.clear_stop() && status.stop_reason().is_none());
        assert_eq!((status.position, &status.state), (Position::new(7), &State::CatchingUp));
        assert!(!status.clear_stop());
    }
}
