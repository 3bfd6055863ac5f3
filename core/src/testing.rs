//! The test kit: given events, when a command, then events or an error. No store, no I/O, no runtime.
//!
//! ```text
//! given([opened(a), opened(b), deposited(a, 10)])
//!     .when(Transfer { from: a, to: b, amount: 40 })
//!     .then_err(AccountError::Insufficient);
//! ```
//!
//! Events pass through their stored form on the way, so that the kit also finds an event that cannot be read back.

mod clock;
mod diff;
mod kit;
mod project;
mod react;

use std::borrow::Cow;

use self::kit::{TestDispatcher, written};
pub use self::{
    clock::ManualClock,
    kit::Then,
    project::{Projected, ProjectedRow},
    react::Reacted,
};
use crate::{
    command::Command,
    event::IntoEvents,
    record::{Draft, Metadata, Name, Position, Record},
    time::Timestamp,
};

/// Events that happened before the command.
///
/// # Panics
/// If an event cannot be written and read back.
#[track_caller]
pub fn given(events: impl IntoEvents) -> Given {
    Given::new().given(events)
}

/// Starts at this time: what is given next is recorded at it.
pub fn at(time: Timestamp) -> Given {
    Given::new().at(time)
}

/// The past of a decision, and its circumstances.
#[derive(Clone, Debug)]
#[must_use = "a test says what it expects with `when` and `then`"]
pub struct Given {
    records: Vec<Record>,
    time: Timestamp,
    metadata: Metadata,
}

impl Given {
    fn new() -> Self {
        Self { records: Vec::new(), time: Timestamp::EPOCH, metadata: Metadata::default() }
    }

    /// Events that happened next.
    ///
    /// # Panics
    /// If an event cannot be written and read back.
    #[track_caller]
    pub fn given(mut self, events: impl IntoEvents) -> Self {
        self.extend(written(events));
        self
    }

    fn extend(&mut self, drafts: Vec<Draft>) {
        for draft in drafts {
            let position = Position::new(self.records.len() as u64 + 1);
            self.records.push(draft.record(position, self.time, self.metadata.clone()));
        }
    }

    /// What comes next, events or the command, happens at this time. Before that it is 1970-01-01T00:00:00Z.
    pub fn at(self, time: Timestamp) -> Self {
        Self { time, ..self }
    }

    /// What comes next, events or the command, is asked by this actor.
    ///
    /// # Panics
    /// If the actor is empty, longer than 200 bytes or contains NUL.
    #[track_caller]
    pub fn by(mut self, actor: impl Into<Cow<'static, str>>) -> Self {
        match Name::new("actor", actor) {
            Ok(actor) => self.metadata.actor = Some(actor),
            Err(invalid) => panic!("{invalid}"),
        }
        self
    }

    /// Decides a command on these events.
    ///
    /// # Panics
    /// If a given event cannot be folded.
    #[track_caller]
    #[must_use = "say what you expect: `then`, `then_err`, `then_nothing` or `then_state`"]
    pub fn when<C: Command>(self, command: C) -> Then<C::Error> {
        let decided = command.dispatch(TestDispatcher { past: &self });
        Then::new(self, decided)
    }
}
