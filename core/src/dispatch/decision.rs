//! What a decision function may return, and how its error becomes that of the command.

use std::convert::Infallible;

use crate::event::IntoEvents;

/// The events of a decision, or its error turned into the error of the command. `Shape` is inferred from what the
/// function returns.
///
/// # Errors
/// The error that the decision function returned.
pub fn decision<D, Shape, E>(returned: D) -> Result<D::Events, E>
where
    D: IntoDecision<Shape>,
    Shape: Synchronous,
    D::Events: IntoEvents,
    D::Error: IntoCommandError<Shape, E>,
{
    returned.into_result().map_err(IntoCommandError::into_command_error)
}

/// What a decision function may return: events, or a `Result` with events. `Shape` distinguishes the implementations:
/// [`CanReject`] or [`NeverRejects`], or [`Async`] for the error about an `async` function.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be turned into events",
    label = "returns `{Self}`",
    note = "a decision returns events or a `Result` with events: one event, a tuple, an array, a `Vec` or an `Option` of events, or `()` for none; an event has `#[derive(Event)]` and is not `retired`"
)]
pub trait IntoDecision<Shape> {
    /// The events of an accepted command.
    type Events;
    /// The error of a rejected command.
    type Error;

    /// The events or the error.
    ///
    /// # Errors
    /// The error that the decision function returned.
    fn into_result(self) -> Result<Self::Events, Self::Error>;
}

/// The shape of a decision that returns a `Result`.
#[doc(hidden)]
#[derive(Debug)]
pub enum CanReject {}

/// The shape of a decision that returns its events without a `Result`.
#[doc(hidden)]
#[derive(Debug)]
pub enum NeverRejects {}

/// The shape of an `async` decision, which is an error.
#[doc(hidden)]
#[derive(Debug)]
pub enum Async {}

/// The shapes that a decision can have.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a decision is not `async`",
    label = "this function is `async`, or returns a future",
    note = "write a plain `fn`: a decision is computed from its states and its command alone, and runs again after a conflict",
    note = "what it has to load or ask is a field of the command, set by the caller; what follows from its events belongs into a policy, `#[derive(Policy)]`, whose handlers may be `async`"
)]
pub trait Synchronous {}

#[diagnostic::do_not_recommend]
impl Synchronous for CanReject {}
#[diagnostic::do_not_recommend]
impl Synchronous for NeverRejects {}

#[diagnostic::do_not_recommend]
impl<R, X> IntoDecision<CanReject> for Result<R, X> {
    type Events = R;
    type Error = X;

    fn into_result(self) -> Self {
        self
    }
}

#[diagnostic::do_not_recommend]
impl<F: Future> IntoDecision<Async> for F {
    type Events = ();
    type Error = Infallible;

    fn into_result(self) -> Result<(), Infallible> {
        Ok(())
    }
}

#[diagnostic::do_not_recommend]
impl<R: IntoEvents> IntoDecision<NeverRejects> for R {
    type Events = R;
    type Error = Infallible;

    fn into_result(self) -> Result<R, Infallible> {
        Ok(self)
    }
}

/// The error of a decision, or of a command in a command enum, that becomes the error `E` of the command. `Infallible`
/// becomes any error if the decision returns no `Result`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a command with the error `{E}` cannot be rejected with `{Self}`",
    label = "rejects with `{Self}`",
    note = "write `error = {Self}` in `#[aggregate(…)]` of its state, for all commands of that aggregate, or in `#[command(…)]`, for this one",
    note = "without `error = …` an aggregate has the error `Infallible`, and a command that of its first state or variant; a command whose error has to stay `{E}` needs `impl From<{Self}> for {E}`"
)]
pub trait IntoCommandError<Shape, E> {
    /// The error of the command.
    fn into_command_error(self) -> E;
}

#[diagnostic::do_not_recommend]
impl<X: Into<E>, E> IntoCommandError<CanReject, E> for X {
    fn into_command_error(self) -> E {
        self.into()
    }
}

#[diagnostic::do_not_recommend]
impl<E> IntoCommandError<NeverRejects, E> for Infallible {
    fn into_command_error(self) -> E {
        match self {}
    }
}

#[diagnostic::do_not_recommend]
impl<E> IntoCommandError<Async, E> for Infallible {
    fn into_command_error(self) -> E {
        match self {}
    }
}

/// The error of a command in a command enum. Its method turns `Infallible` into any error, since the compiler prefers the
/// method of the type itself; every other error goes through [`ConvertMemberError`]. The methods have names that no trait of
/// the user has.
#[doc(hidden)]
#[derive(Debug)]
pub struct MemberError<X>(pub X);

impl MemberError<Infallible> {
    /// The error of the enum.
    pub fn __annalist_convert<E>(self) -> E {
        match self.0 {}
    }
}

/// The conversion of every error of a command in a command enum but `Infallible`.
#[doc(hidden)]
pub trait ConvertMemberError<X>: Sized {
    /// The error of the enum.
    fn __annalist_convert<E>(self) -> E
    where
        X: IntoCommandError<CanReject, E>;

    /// Does nothing. Generated code calls it, so that it uses the trait even if every command has the error `Infallible`:
    /// otherwise the compiler would report an unused import.
    fn __annalist_used(self) {}
}

impl<X> ConvertMemberError<X> for MemberError<X> {
    fn __annalist_convert<E>(self) -> E
    where
        X: IntoCommandError<CanReject, E>,
    {
        self.0.into_command_error()
    }
}
