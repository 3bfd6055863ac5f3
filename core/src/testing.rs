//! Tests of decisions, projections and policies, without a store, I/O or a runtime: given events, when a command, then events
//! or an error.
//!
//! ```
//! # use annalist_doc_tests::*;
//! use annalist::testing::given;
//!
//! given(opened("ann", "Ann"))
//!     .when(Deposit { account: id("ann"), cents: 5 })
//!     .then(deposited("ann", 5));
//!
//! given(()).when(Deposit { account: id("ann"), cents: 5 }).then_err(AccountError::NotOpen);
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
/// # use annalist_doc_tests::*;
/// use annalist::testing::given;
///
/// given([opened("ann", "Ann"), deposited("ann", 5)]).when(open("ann", "Ann")).then_err(AccountError::AlreadyOpen);
/// ```
#[track_caller]
pub fn given(events: impl IntoEvents) -> Given {
    Given::new().given(events)
}

/// Starts a test at this time. The events given next are recorded at it.
///
/// ```
/// # use annalist_doc_tests::*;
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
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn at(time: Timestamp) -> Given {
    Given::new().at(time)
}

/// The start of a test: the given events, the time and the actor. Call [`when`](Given::when), [`project`](Given::project) or
/// [`react`](Given::react) next.
///
/// ```
/// # use annalist_doc_tests::*;
/// use annalist::testing::{Given, given};
///
/// fn given_ann() -> Given {
///     given(opened("ann", "Ann")).by("teller") // shared by several tests
/// }
///
/// given_ann().when(Deposit { account: id("ann"), cents: 5 }).then(deposited("ann", 5));
/// ```
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
    /// ```
    /// # use annalist_doc_tests::*;
    /// use annalist::testing::given;
    ///
    /// given(opened("ann", "Ann"))
    ///     .given(deposited("ann", 5))
    ///     .when(open("ann", "Ann"))
    ///     .then_err(AccountError::AlreadyOpen);
    /// ```
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
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// use annalist::testing::given;
    ///
    /// /// When an account was opened.
    /// #[derive(Projection, Debug, PartialEq)]
    /// #[projection(name = "openings", on(AccountEvent => Opening::apply), context)]
    /// struct Opening {
    ///     #[key]
    ///     account: AccountId,
    ///     at: annalist::Timestamp,
    /// }
    ///
    /// impl Opening {
    ///     fn apply(&mut self, _: &AccountEvent, context: &Context) {
    ///         self.at = context.time;
    ///     }
    /// }
    ///
    /// let noon = "2026-01-31T12:00:00Z".parse()?;
    /// let rows = given(()).at(noon).given(opened("ann", "Ann")).project::<Opening>();
    /// rows.row(&id("ann")).eq(Opening { account: id("ann"), at: noon });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn at(self, time: Timestamp) -> Self {
        Self { time, ..self }
    }

    /// Sets the actor of all further events and of the command.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// use annalist::testing::given;
    ///
    /// #[derive(Command, Serialize)]
    /// #[command(decide = open_own, error = AccountError, context)]
    /// struct OpenOwn {
    ///     account: AccountId,
    /// }
    ///
    /// fn open_own(command: &OpenOwn, context: &Context) -> Result<AccountEvent, AccountError> {
    ///     let owner = context.actor().unwrap_or("unknown").to_owned();
    ///     Ok(AccountEvent::Opened { account: command.account.clone(), owner })
    /// }
    ///
    /// given(()).by("Ann").when(OpenOwn { account: id("ann") }).then(opened("ann", "Ann"));
    /// ```
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
    /// ```
    /// # use annalist_doc_tests::*;
    /// use annalist::testing::given;
    ///
    /// given(opened("ann", "Ann")).when(Deposit { account: id("ann"), cents: 5 }).then(deposited("ann", 5));
    /// ```
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
