//! Tests of decisions, projections and policies, without a store, I/O or a runtime: given events, when a command, then events
//! or an error.
//!
//! ```
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/accounts.rs"));
//! use annalist::testing::given;
//!
//! # fn main() {
//! given(opened("ann", "Ann"))
//!     .when(Deposit { account: id("ann"), cents: 5 })
//!     .then(deposited("ann", 5));
//!
//! given(()).when(Deposit { account: id("ann"), cents: 5 }).then_err(AccountError::NotOpen);
//! # }
//! ```
//!
//! | test of | calls |
//! |---|---|
//! | a decision | [`given`], [`when`](Given::when), [`then`](Then::then) or [`then_err`](Then::then_err) |
//! | a projection | [`given`], [`project`](Given::project), [`row`](ProjectedRows::row), [`eq`](ProjectedRow::eq) |
//! | a policy | [`given`], [`react`](Given::react), [`sends`](PolicyReaction::sends) |
//! | anything that depends on time | [`at`], [`ManualClock`] |
//!
//! All events are encoded and decoded on the way, so that a test also finds an event that cannot be read back.

mod clock;
mod decide;
mod diff;
mod project;
mod react;

use std::borrow::Cow;

use self::decide::{TestDispatcher, drafts};
pub use self::{
    clock::ManualClock,
    decide::Then,
    project::{ProjectedRow, ProjectedRows},
    react::PolicyReaction,
};
use crate::{
    command::Command,
    event::IntoEvents,
    record::{Draft, Metadata, Name, Position, Record},
    time::Timestamp,
};

/// Starts a test with the events that were appended before. `given(())` starts without events.
///
/// # Panics
/// If an event cannot be encoded and decoded.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/accounts.rs"));
/// # fn main() -> Outcome {
/// use annalist::testing::given;
///
/// given([opened("ann", "Ann"), deposited("ann", 5)]).when(open("ann", "Ann")).then_err(AccountError::AlreadyOpen);
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn given(events: impl IntoEvents) -> Given {
    Given::new().given(events)
}

/// Starts a test at this time. The events given next are recorded at it.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/accounts.rs"));
/// # fn main() -> Outcome {
/// use annalist::{Timestamp, testing::at};
///
/// #[derive(Command, Serialize)]
/// #[command(decide = deposit_in_time, error = AccountError, context)]
/// struct DepositInTime {
///     account: AccountId,
///     before: Timestamp,
/// }
///
/// fn deposit_in_time(command: &DepositInTime, context: &Context) -> Result<AccountEvent, AccountError> {
///     if context.time > command.before {
///         return Err(AccountError::NotOpen);
///     }
///     Ok(AccountEvent::Deposited { account: command.account.clone(), cents: 1 })
/// }
///
/// let noon: Timestamp = "2026-01-31T12:00:00Z".parse()?;
/// at(noon).when(DepositInTime { account: id("ann"), before: noon }).then(deposited("ann", 1));
/// at(noon).when(DepositInTime { account: id("ann"), before: Timestamp::EPOCH }).then_err(AccountError::NotOpen);
/// # Ok(())
/// # }
/// ```
pub fn at(time: Timestamp) -> Given {
    Given::new().at(time)
}

/// The events, the time and the actor before a command.
#[derive(Clone, Debug)]
#[must_use = "a test needs an expectation: call `when` and `then`"]
pub struct Given {
    records: Vec<Record>,
    time: Timestamp,
    metadata: Metadata,
}

impl Given {
    fn new() -> Self {
        Self { records: Vec::new(), time: Timestamp::EPOCH, metadata: Metadata::default() }
    }

    /// Adds further events.
    ///
    /// # Panics
    /// If an event cannot be encoded and decoded.
    #[track_caller]
    pub fn given(mut self, events: impl IntoEvents) -> Self {
        self.extend(drafts(events));
        self
    }

    fn extend(&mut self, drafts: Vec<Draft>) {
        for draft in drafts {
            let position = Position::new(self.records.len() as u64 + 1);
            self.records.push(draft.record(position, self.time, self.metadata.clone()));
        }
    }

    /// Sets the time of all further events and of the command. It starts at 1970-01-01T00:00:00Z.
    pub fn at(self, time: Timestamp) -> Self {
        Self { time, ..self }
    }

    /// Sets the actor of all further events and of the command.
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

    /// Decides a command on the given events.
    ///
    /// # Panics
    /// If a given event cannot be folded.
    #[track_caller]
    #[must_use = "a test needs an expectation: call `then`, `then_err`, `then_nothing` or `then_state`"]
    pub fn when<C: Command>(self, command: C) -> Then<C::Error> {
        let decided = command.dispatch(TestDispatcher { given: &self });
        Then::new(self, decided)
    }
}
