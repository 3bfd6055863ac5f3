//! Functions of the application that convert events which were stored in a former shape.

use std::convert::identity;

use crate::{
    codec::RawEvent,
    context::Context,
    error::{BoxError, Invalid},
    panics::catch,
};

/// A function that converts an event: `fn(Old) -> R`, and with `context` in `#[event(…)]` `fn(Old, &Context) -> R`: see [`InContext`].
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "this function does not convert `{Old}`",
    label = "takes other arguments",
    note = "a function of `upcast` takes what the step before returns, and one of `from` takes the retired event; with `context` in `#[event(…)]`, and only then, both also take `&Context`"
)]
pub trait Conversion<Old, R> {
    /// Calls the function.
    ///
    /// # Errors
    /// [`Invalid`] if the context cannot be read.
    fn call(self, old: Old, raw: &RawEvent<'_>) -> Result<R, Invalid>;
}

/// A function that takes the [`Context`] of the event.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct InContext<F>(pub F);

#[diagnostic::do_not_recommend]
impl<F: FnOnce(Old) -> R, Old, R> Conversion<Old, R> for F {
    fn call(self, old: Old, _: &RawEvent<'_>) -> Result<R, Invalid> {
        Ok(self(old))
    }
}

#[diagnostic::do_not_recommend]
impl<F: for<'c> FnOnce(Old, &'c Context<'c>) -> R, Old, R> Conversion<Old, R> for InContext<F> {
    fn call(self, old: Old, raw: &RawEvent<'_>) -> Result<R, Invalid> {
        Ok(self.0(old, &raw.context()?))
    }
}

/// Marks the result of a function that cannot fail.
#[doc(hidden)]
#[derive(Debug)]
pub enum Total {}

/// Marks a `Result`.
#[doc(hidden)]
#[derive(Debug)]
pub enum Fallible {}

/// Runs a function of the application. `target` describes what it converts to.
///
/// # Errors
/// [`Invalid::Upcast`] if it fails or panics.
pub(super) fn convert<T>(
    raw: &RawEvent<'_>,
    target: impl FnOnce() -> String,
    function: impl FnOnce() -> Result<T, BoxError>,
) -> Result<T, Invalid> {
    let result = catch(function).map_err(|panic| format!("it panicked: {panic}").into());
    result.and_then(identity).map_err(|source| Invalid::Upcast {
        name: raw.name.to_owned(),
        version: raw.version,
        position: raw.position,
        target: target(),
        source,
    })
}

/// Checks that a function has returned the event with this stored name. A reader of another one would not look for it under the name
/// of the stored event.
///
/// # Errors
/// An error that names the other event.
pub(super) fn check_name(returned: &str, name: &str) -> Result<(), BoxError> {
    if returned == name { Ok(()) } else { Err(format!("it returned the event `{returned}`").into()) }
}
