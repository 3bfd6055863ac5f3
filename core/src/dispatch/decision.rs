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
    D::Events: IntoEvents,
    D::Error: IntoCommandError<Shape, E>,
{
    returned.into_result().map_err(IntoCommandError::into_command_error)
}

/// What a decision function may return: events, or a `Result` with events. `Shape` distinguishes the two implementations:
/// [`CanReject`] or [`NeverRejects`].
#[doc(hidden)]
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

impl<R, X> IntoDecision<CanReject> for Result<R, X> {
    type Events = R;
    type Error = X;

    fn into_result(self) -> Self {
        self
    }
}

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
    note = "write `error = {Self}` in `#[command(…)]`; if the error has to stay `{E}`, write `impl From<{Self}> for {E}`",
    note = "without `error = …` a command has the error of its first state or variant, or `Infallible` if there is none"
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

/// The error of a command in a command enum. Its method turns `Infallible` into any error, since the compiler prefers the
/// method of the type itself; every other error goes through [`ConvertMemberError`].
#[doc(hidden)]
#[derive(Debug)]
pub struct MemberError<X>(pub X);

impl MemberError<Infallible> {
    /// The error of the enum.
    pub fn convert_member_error<E>(self) -> E {
        match self.0 {}
    }
}

/// The conversion of every error of a command in a command enum but `Infallible`.
#[doc(hidden)]
pub trait ConvertMemberError<X> {
    /// The error of the enum.
    fn convert_member_error<E>(self) -> E
    where
        X: IntoCommandError<CanReject, E>;
}

impl<X> ConvertMemberError<X> for MemberError<X> {
    fn convert_member_error<E>(self) -> E
    where
        X: IntoCommandError<CanReject, E>,
    {
        self.0.into_command_error()
    }
}
