//! From a command to its decision: what the `Command` derive generates, and what executes it.

mod command_types;
mod decide;
mod decision;
mod loader;
mod started_fold;
mod state;

use std::{fmt::Debug, sync::Arc};

use serde::Serialize;

pub(crate) use self::command_types::{DeclaredAggregate, DeclaredCommand};
pub(crate) use self::started_fold::{ShownState, StartedFold};
pub(crate) use self::state::{AggregateVTable, ErasedState, SnapshotVTable};
pub use self::{
    command_types::CommandTypes,
    decide::{
        Awaited, Called, Decide0, Decide1, Decide2, Decide3, Decide4, Decide5, Decide6, Decide7, Decide8,
        LoadedState, WithContext, WithoutContext, decide_0, decide_1, decide_2, decide_3, decide_4, decide_5,
        decide_6, decide_7, decide_8,
    },
    decision::{
        Async, CanReject, ConvertMemberError, IntoCommandError, IntoDecision, MemberError, NeverRejects,
        Synchronous, decision,
    },
    loader::{Loader, ReadPlan},
    state::VersionedState,
};
use crate::{
    aggregate::Aggregate,
    context::Context,
    error::Invalid,
    event::IntoEvents,
    id::Ids,
    payload::Payload,
    secret::{SecretFields, Written, encoding, with_subjects},
};

/// Executes commands: the app's dispatcher against a store, that of the test kit against given events.
pub trait Dispatcher: Sized {
    /// The result of a command with this error type.
    type Out<E: Debug + Send + 'static>;

    /// Loads the states, decides, and handles the events.
    fn run<C, S, R, E>(self, command: C, handler: Handler<C, S, R, E>) -> Self::Out<E>
    where
        C: Serialize + Send + 'static,
        S: Send + 'static,
        R: IntoEvents + 'static,
        E: Debug + Send + 'static;

    /// Converts the error of a result: a command enum turns the errors of its variants into its own.
    fn map<A, B>(out: Self::Out<A>, convert: fn(A) -> B) -> Self::Out<B>
    where
        A: Debug + Send + 'static,
        B: Debug + Send + 'static;
}

/// How one type of command is decided. `S` are the states that it needs, `R` the events that it returns.
///
/// ```
/// # use annalist_doc_tests::*;
/// use annalist::{manual::{Dispatcher, Handler}, raw::dispatch::CommandTypes, testing::given};
///
/// /// Opens an account without the derive.
/// #[derive(Serialize)]
/// struct OpenFor(String);
///
/// impl Command for OpenFor {
///     type Error = AccountError;
///
///     fn dispatch<D: Dispatcher>(self, dispatcher: D) -> D::Out<AccountError> {
///         let handler = Handler::new(
///             "open_for",
///             |command: &Self, loader| loader.shared::<Account>(id(&command.0)),
///             |account, command, _| {
///                 if account.open { Err(AccountError::AlreadyOpen) } else { Ok(opened(&command.0, &command.0)) }
///             },
///         );
///         dispatcher.run(self, handler)
///     }
///
///     fn declare(types: &mut CommandTypes) {
///         types.add::<Self>("open_for").reads::<Account>().writes::<AccountEvent>();
///     }
/// }
///
/// given(()).when(OpenFor("ann".into())).then(opened("ann", "ann"));
/// given(opened("ann", "Ann")).when(OpenFor("ann".into())).then_err(AccountError::AlreadyOpen);
/// ```
#[derive(Debug)]
pub struct Handler<C, S, R, E> {
    /// The stored name of the command.
    pub name: &'static str,
    /// Plans the reads of the states, or returns the folded states: see [`Loader`].
    pub load: fn(&C, &mut Loader<'_>) -> Result<S, Invalid>,
    /// The decision.
    pub decide: fn(&S, &C, &Context<'_>) -> Result<R, E>,
    /// Collects the secrets of the command with their subjects.
    pub(crate) secrets: fn(&C, &mut SecretFields) -> Result<(), Invalid>,
}

impl<C, S, R, E> Handler<C, S, R, E> {
    /// A command with this stored name, its loading of the states, and its decision.
    pub fn new(
        name: &'static str,
        load: fn(&C, &mut Loader<'_>) -> Result<S, Invalid>,
        decide: fn(&S, &C, &Context<'_>) -> Result<R, E>,
    ) -> Self {
        Self { name, load, decide, secrets: |_, _| Ok(()) }
    }

    /// Sets how the secrets of the command are collected.
    #[must_use]
    pub fn with_secrets(self, secrets: fn(&C, &mut SecretFields) -> Result<(), Invalid>) -> Self {
        Self { secrets, ..self }
    }

    /// The command as JSON.
    ///
    /// # Errors
    /// [`Invalid::Encode`] if its `Serialize` fails; [`Invalid`] if the id of a subject is not valid.
    pub(crate) fn body(&self, command: &C) -> Result<(Payload, Written), Invalid>
    where
        C: Serialize,
    {
        let mut secrets = SecretFields::default();
        (self.secrets)(command, &mut secrets)?;
        let (body, written) =
            encoding(|| with_subjects(&mut secrets, || Payload::encode(self.name, command)));
        Ok((body?, written))
    }
}

/// A state as the `Command` derive names it. The error and the loading come from one trait, so that a state that is not an
/// aggregate causes one compile error.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an aggregate",
    label = "the state of a decision has to be an aggregate",
    note = "add `#[derive(Aggregate)]` and `#[aggregate(on(SomeEvent => {Self}::apply))]` to `{Self}`"
)]
pub trait State: Sized {
    /// As [`Aggregate::Id`].
    type Id;
    /// As [`Aggregate::Error`].
    type Error;

    /// The states of the aggregates that a field names.
    ///
    /// # Errors
    /// As [`Loader::states`].
    fn load<Way, I: IdsOf<Self::Id, Way>>(
        loader: &mut Loader<'_>,
        ids: &I,
    ) -> Result<I::States<Self>, Invalid>;

    /// The only state of an aggregate without id.
    ///
    /// # Errors
    /// As [`Loader::states`].
    fn load_only(loader: &mut Loader<'_>) -> Result<Arc<Self>, Invalid>
    where
        Self::Id: WithoutId;

    /// Declares that a decision gets this state, of the id in the field with this name; without a name the only state of an aggregate
    /// without id.
    fn declare(types: &mut CommandTypes, field: &'static str);
}

impl<A: Aggregate> State for A {
    type Id = A::Id;
    type Error = A::Error;

    fn load<Way, I: IdsOf<A::Id, Way>>(loader: &mut Loader<'_>, ids: &I) -> Result<I::States<A>, Invalid> {
        ids.load_states::<A>(loader)
    }

    fn load_only(loader: &mut Loader<'_>) -> Result<Arc<A>, Invalid>
    where
        A::Id: WithoutId,
    {
        loader.shared::<A>(WithoutId::only())
    }

    fn declare(types: &mut CommandTypes, field: &'static str) {
        types.reads_by::<A>(field);
    }
}

/// An `#[id]` field that holds ids of the type `Id`. With a choice between two implementations, of which one never applies, the
/// compiler reports for every other field that the trait is not implemented, with its message.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not hold the id of this aggregate, which is `{Id}`",
    label = "marked with `#[id]`",
    note = "an `#[id]` field has the type of the aggregate's `#[id]` field, `{Id}`, or is an `Option<{Id}>` or a `Vec<{Id}>`",
    note = "an aggregate whose id is `()` has no `#[id]` field: name it in `#[command(…)]` instead, `state(SomeAggregate)`"
)]
pub trait IdsOf<Id, Way> {
    /// As [`Ids::States`].
    type States<A>;

    /// The states of the aggregates with these ids.
    ///
    /// # Errors
    /// As [`Loader::states`].
    fn load_states<A: Aggregate<Id = Id>>(&self, loader: &mut Loader<'_>)
    -> Result<Self::States<A>, Invalid>;
}

#[diagnostic::do_not_recommend]
impl<I: Ids> IdsOf<I::Id, Holds> for I {
    type States<A> = I::States<A>;

    fn load_states<A: Aggregate<Id = I::Id>>(
        &self,
        loader: &mut Loader<'_>,
    ) -> Result<I::States<A>, Invalid> {
        loader.states::<A, I>(self)
    }
}

/// Returns the `#[id]` field. It gives the compiler an expression at the place of the field for its errors.
#[doc(hidden)]
pub const fn id_field<I>(field: &I) -> &I {
    field
}

/// Marks the implementation of [`IdsOf`] that applies.
#[doc(hidden)]
#[derive(Debug)]
pub enum Holds {}

/// Marks the implementation of [`IdsOf`] that never applies.
#[doc(hidden)]
#[derive(Debug)]
pub enum HoldsNone {}

/// Implemented by nothing.
#[doc(hidden)]
pub trait Refused {
    /// Cannot be called.
    fn never<R>(&self) -> R;
}

#[diagnostic::do_not_recommend]
impl<I: Refused, Id> IdsOf<Id, HoldsNone> for I {
    type States<A> = ();

    fn load_states<A: Aggregate<Id = Id>>(&self, _: &mut Loader<'_>) -> Result<(), Invalid> {
        self.never()
    }
}

/// The id of an aggregate without id.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`state(…)` takes aggregates without an id, but the id of this aggregate is `{Self}`",
    label = "this aggregate has an id",
    note = "mark the field of the command that holds the id: `#[id(Account)]`"
)]
pub trait WithoutId {
    /// The id of a singleton aggregate: `()`.
    fn only() -> Self;
}

impl WithoutId for () {
    fn only() {}
}
