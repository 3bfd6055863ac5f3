//! From a command to its decision: what the `Command` derive writes, and who takes it.

mod decision;
mod known;
mod loader;

use std::{fmt::Debug, sync::Arc};

use serde::Serialize;

pub(crate) use self::known::{Folded, Form, Kept, Kind};
pub use self::{
    decision::{
        CanReject, ConvertMemberError, IntoCommandError, IntoDecision, MemberError, NeverRejects, decision,
    },
    known::Known,
    loader::{Loader, Plan},
};
use crate::{
    aggregate::Aggregate, command::Command, context::Context, error::Invalid, event::IntoEvents, id::Ids,
};

/// Takes commands: the app executes them against a store, the test kit against given events.
pub trait Dispatcher: Sized {
    /// What a command with this error type gives.
    type Out<E: Debug + Send + 'static>;

    /// Loads the states, decides, and does with the events what this dispatcher does.
    fn run<C, S, R, E>(self, command: C, handler: Handler<C, S, R, E>) -> Self::Out<E>
    where
        C: Serialize + Send + 'static,
        S: Send + 'static,
        R: IntoEvents + 'static,
        E: Debug + Send + 'static;

    /// The same answer with another error type: how a command enum turns the errors of its variants into its own.
    fn map<A, B>(out: Self::Out<A>, convert: fn(A) -> B) -> Self::Out<B>
    where
        A: Debug + Send + 'static,
        B: Debug + Send + 'static;
}

/// How one type of command is decided. `S` is the states it needs, `R` the events it returns.
#[derive(Debug)]
pub struct Handler<C, S, R, E> {
    /// The stored name of the command.
    pub name: &'static str,
    /// Names the states, or takes them folded: see [`Loader`].
    pub load: fn(&C, &mut Loader<'_>) -> Result<S, Invalid>,
    /// The decision.
    pub decide: fn(&S, &C, &Context<'_>) -> Result<R, E>,
}

/// What the `Command` derive writes for a state: the error and the loading come from one trait, so that a state that is
/// no aggregate is one error.
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

    /// The states of the ids in a field.
    ///
    /// # Errors
    /// As [`Loader::states`].
    fn load<I: Ids<Id = Self::Id>>(loader: &mut Loader<'_>, ids: &I) -> Result<I::States<Self>, Invalid>;

    /// The only state of an aggregate without id.
    ///
    /// # Errors
    /// As [`Loader::states`].
    fn load_only(loader: &mut Loader<'_>) -> Result<Arc<Self>, Invalid>
    where
        Self::Id: WithoutId;
}

impl<A: Aggregate> State for A {
    type Id = A::Id;
    type Error = A::Error;

    fn load<I: Ids<Id = A::Id>>(loader: &mut Loader<'_>, ids: &I) -> Result<I::States<A>, Invalid> {
        loader.states::<A, I>(ids)
    }

    fn load_only(loader: &mut Loader<'_>) -> Result<Arc<A>, Invalid>
    where
        A::Id: WithoutId,
    {
        loader.shared::<A>(WithoutId::only())
    }
}

/// What the `Command` derive writes for an `#[id]` field, so that a field that gives no id is one error.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an `#[id]` field",
    label = "marked with `#[id]`",
    note = "an `#[id]` field holds an id, an `Option` of one or a `Vec` of ids; an id is a newtype with `#[derive(Id)]`"
)]
pub trait StateIds {
    /// The field's type.
    type Ids;

    /// The field.
    fn ids(&self) -> &Self::Ids;
}

impl<I: Ids> StateIds for I {
    type Ids = I;

    fn ids(&self) -> &I {
        self
    }
}

/// What the `Command` derive writes for a variant of a command enum, so that one that wraps no command is one error.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a command",
    label = "a command is needed here",
    note = "add `#[derive(Command, Serialize, Deserialize)]` and `#[command(decide = path::to::function)]` to `{Self}`"
)]
pub trait Member: Sized {
    /// As [`Command::Error`].
    type Error;

    /// Dispatches the command inside, and turns its error into that of the enum.
    fn forward<D: Dispatcher, E>(self, dispatcher: D, convert: fn(Self::Error) -> E) -> D::Out<E>
    where
        E: Debug + Send + 'static;
}

impl<C: Command> Member for C {
    type Error = C::Error;

    fn forward<D: Dispatcher, E>(self, dispatcher: D, convert: fn(C::Error) -> E) -> D::Out<E>
    where
        E: Debug + Send + 'static,
    {
        D::map(self.dispatch(dispatcher), convert)
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
    /// It.
    fn only() -> Self;
}

impl WithoutId for () {
    fn only() {}
}
