//! Converts stored events of older versions to the current one, step by step.

use serde::de::DeserializeOwned;

use super::{
    Event,
    conversion::{Conversion, Fallible, Total, check_name, convert},
};
use crate::{
    codec::{Codec, RawEvent},
    error::{BoxError, Invalid},
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
    pub fn step<New, R: StepResult<New, How>, How>(
        self,
        version: u32,
        step: impl Conversion<T, R>,
    ) -> Result<Upcast<'a, New>, Invalid> {
        let Self { raw, codec, value } = self;
        let value = match value {
            Some(old) => Some(old),
            None if raw.version <= version => Some(codec.decode(raw)?),
            None => None,
        };
        let target = || format!("version {}", version + 1);
        let step = |old| convert(raw, target, || step.call(old, raw)?.into_result());
        Ok(Upcast { raw, codec, value: value.map(step).transpose()? })
    }

    /// The last step. Returns the event; `None` if its version is later than that of the step. `name` is the stored name of the event
    /// type.
    ///
    /// # Errors
    /// As [`step`](Upcast::step), and [`Invalid::Upcast`] if the step returns another event of an enum.
    pub fn last_step<E: Event, R: StepResult<E, How>, How>(
        self,
        version: u32,
        name: &str,
        step: impl Conversion<T, R>,
    ) -> Result<Option<E>, Invalid> {
        let Upcast { raw, value, .. } = self.step(version, step)?;
        if let Some(event) = &value {
            let target = || format!("version {}", version + 1);
            convert(raw, target, || check_name(event.stored_type().0, name))?;
        }
        Ok(value)
    }
}

/// The next version, or a `Result` with it.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "this function does not return the next version of the event, `{New}`",
    label = "returns `{Self}`",
    note = "a function of `upcast` returns the next version or a `Result` with it and an error or a text; the last one returns the event itself"
)]
pub trait StepResult<New, How> {
    /// Converts it to a `Result`.
    ///
    /// # Errors
    /// Its error.
    fn into_result(self) -> Result<New, BoxError>;
}

#[diagnostic::do_not_recommend]
impl<New> StepResult<New, Total> for New {
    fn into_result(self) -> Result<New, BoxError> {
        Ok(self)
    }
}

#[diagnostic::do_not_recommend]
impl<New, E: Into<BoxError>> StepResult<New, Fallible> for Result<New, E> {
    fn into_result(self) -> Result<New, BoxError> {
        self.map_err(Into::into)
    }
}
