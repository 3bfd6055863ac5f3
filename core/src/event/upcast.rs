//! Converts stored events of older versions to the current one, step by step.

use std::convert::identity;

use serde::de::DeserializeOwned;

use super::Event;
use crate::{
    codec::{Codec, RawEvent},
    context::Context,
    error::{BoxError, Invalid},
    panics::catch,
};

/// A stored event on its way from the version in which it was written to the current one. The `Event` derive calls
/// [`step`](Upcast::step) for each older version, from version 1 on, and [`last_step`](Upcast::last_step) for the last.
///
/// `T` is the shape of the payload that the next step takes. An event is decoded by the step of its version and passes the steps
/// after it. An event of the current version passes none, and is not decoded here.
#[derive(Debug)]
pub struct Upcast<'a, T> {
    raw: &'a RawEvent<'a>,
    codec: &'a Codec,
    /// The event in the shape of the next step, once a step has converted it.
    value: Option<T>,
}

impl<'a, T> Upcast<'a, T> {
    /// Begins with a stored event, before any step.
    pub fn new(raw: &'a RawEvent<'a>, codec: &'a Codec) -> Self {
        Self { raw, codec, value: None }
    }
}

impl<'a, T: DeserializeOwned> Upcast<'a, T> {
    /// Converts an event of this version, or an older one that was converted to it by the steps before.
    ///
    /// # Errors
    /// [`Invalid::Decode`] if the payload does not have the shape that the step takes, [`Invalid::Upcast`] if the step fails or
    /// panics.
    pub fn step<New, How>(
        self,
        version: u32,
        step: impl UpcastStep<T, New, How>,
    ) -> Result<Upcast<'a, New>, Invalid> {
        let Self { raw, codec, value } = self;
        let old = match value {
            Some(old) => Some(old),
            None if raw.version <= version => Some(codec.decode(raw)?),
            None => None,
        };
        let value = old.map(|old| convert(raw, version, || step.convert(old, raw))).transpose()?;
        Ok(Upcast { raw, codec, value })
    }

    /// The last step. Returns the event; `None` if its version is later than that of the step. `name` is the stored name of the event
    /// type.
    ///
    /// # Errors
    /// As [`step`](Upcast::step), and [`Invalid::Upcast`] if the step returns another event of an enum.
    pub fn last_step<E: Event, How>(
        self,
        version: u32,
        name: &str,
        step: impl UpcastStep<T, E, How>,
    ) -> Result<Option<E>, Invalid> {
        let Upcast { raw, value, .. } = self.step(version, step)?;
        match value.as_ref().map(|event| event.stored_type().0) {
            Some(other) if other != name => {
                Err(failed(raw, version, format!("it returned the event `{other}`").into()))
            }
            _ => Ok(value),
        }
    }
}

/// A function that converts an event from one version to the next: `fn(Old) -> New` or `fn(Old) -> Result<New, E>`, and with
/// `context` in `#[event(…)]` also a second parameter, `&Context`: see [`InContext`].
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "this function does not convert the event to its next version",
    label = "does not convert `{Old}` to `{New}`",
    note = "a step is `fn(Old) -> New`, or `fn(Old) -> Result<New, E>` where `E` is an error or a text; with `context` in `#[event(…)]`, and only then, it also takes `&Context`",
    note = "`Old` is the type that the step before returns, and the last step returns the event itself"
)]
pub trait UpcastStep<Old, New, How> {
    /// Converts the event.
    ///
    /// # Errors
    /// That of the function.
    fn convert(self, old: Old, raw: &RawEvent<'_>) -> Result<New, BoxError>;
}

/// A step that takes the [`Context`] of the event.
#[doc(hidden)]
#[derive(Debug)]
pub struct InContext<F>(pub F);

/// Marks a step that returns the next version.
#[doc(hidden)]
#[derive(Debug)]
pub enum Total {}

/// Marks a step that returns a `Result`.
#[doc(hidden)]
#[derive(Debug)]
pub enum Fallible {}

#[diagnostic::do_not_recommend]
impl<F: FnOnce(Old) -> New, Old, New> UpcastStep<Old, New, Total> for F {
    fn convert(self, old: Old, _: &RawEvent<'_>) -> Result<New, BoxError> {
        Ok(self(old))
    }
}

#[diagnostic::do_not_recommend]
impl<F, Old, New, E> UpcastStep<Old, New, (Fallible, E)> for F
where
    F: FnOnce(Old) -> Result<New, E>,
    E: Into<BoxError>,
{
    fn convert(self, old: Old, _: &RawEvent<'_>) -> Result<New, BoxError> {
        self(old).map_err(Into::into)
    }
}

#[diagnostic::do_not_recommend]
impl<F, Old, New> UpcastStep<Old, New, Total> for InContext<F>
where
    F: for<'c> FnOnce(Old, &'c Context<'c>) -> New,
{
    fn convert(self, old: Old, raw: &RawEvent<'_>) -> Result<New, BoxError> {
        Ok(self.0(old, &raw.context()?))
    }
}

#[diagnostic::do_not_recommend]
impl<F, Old, New, E> UpcastStep<Old, New, (Fallible, E)> for InContext<F>
where
    F: for<'c> FnOnce(Old, &'c Context<'c>) -> Result<New, E>,
    E: Into<BoxError>,
{
    fn convert(self, old: Old, raw: &RawEvent<'_>) -> Result<New, BoxError> {
        self.0(old, &raw.context()?).map_err(Into::into)
    }
}

fn convert<T>(
    raw: &RawEvent<'_>,
    version: u32,
    step: impl FnOnce() -> Result<T, BoxError>,
) -> Result<T, Invalid> {
    let result = catch(step).map_err(|panic| format!("it panicked: {panic}").into());
    result.and_then(identity).map_err(|source| failed(raw, version, source))
}

fn failed(raw: &RawEvent<'_>, step: u32, source: BoxError) -> Invalid {
    let RawEvent { name, version, position, .. } = *raw;
    Invalid::Upcast { name: name.to_owned(), version, position, step, source }
}
