//! Makes events from stored events of retired types.

use super::{
    Event, Types,
    conversion::{Conversion, Fallible, Total, check_name, convert},
};
use crate::{
    codec::{Codec, RawEvent},
    error::{BoxError, Invalid},
};

/// A retired event from which another one is made. Types and decoding come from one trait, so that a source that is not an event causes
/// one compile error.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event",
    label = "a retired event is needed here",
    note = "add `#[derive(Event, Serialize, Deserialize)]` and `#[event(retired)]` to `{Self}`"
)]
pub trait SourceEvent: Sized {
    /// The event types of the source.
    const TYPES: Types;

    /// Makes events of `New` from a stored event, if it is one of this type, and calls `each` with them. `name` is the stored name of
    /// the events that `function` returns. Returns whether the stored event is of this type.
    ///
    /// # Errors
    /// [`Invalid`] if the stored event cannot be decoded; [`Invalid::Upcast`] if the function fails, panics or returns another event.
    fn decode_as<New: Event, R: IntoParts<New, How>, How>(
        raw: &RawEvent<'_>,
        codec: &Codec,
        name: &str,
        each: &mut dyn FnMut(New),
        function: impl Conversion<Self, R> + Copy,
    ) -> Result<bool, Invalid>;
}

impl<Old: Event> SourceEvent for Old {
    const TYPES: Types = <Old as Event>::TYPES;

    fn decode_as<New: Event, R: IntoParts<New, How>, How>(
        raw: &RawEvent<'_>,
        codec: &Codec,
        name: &str,
        each: &mut dyn FnMut(New),
        function: impl Conversion<Self, R> + Copy,
    ) -> Result<bool, Invalid> {
        if !const { &<Old as Event>::TYPES }.reads(raw.name) {
            return Ok(false);
        }
        let mut parts = Ok(Vec::new());
        Old::decode_raw(raw, codec, &mut |old| {
            let more = || function.call(old, raw)?.into_parts();
            if let Ok(all) = &mut parts {
                match convert(raw, || format!("`{name}`"), more) {
                    Ok(more) => all.extend(more),
                    Err(error) => parts = Err(error),
                }
            }
        })?;
        for part in parts? {
            convert(raw, || format!("`{name}`"), || check_name(part.stored_type().0, name))?;
            each(part);
        }
        Ok(true)
    }
}

/// Decodes the events that a wrapped event type makes from a stored event of a retired type. Returns whether it makes any.
///
/// # Errors
/// As [`Event::decode_raw`].
pub fn decode_wrapped<E: Event>(
    raw: &RawEvent<'_>,
    codec: &Codec,
    each: &mut dyn FnMut(E),
) -> Result<bool, Invalid> {
    let is_source = const { &E::TYPES }.is_made_from(raw.name);
    if is_source {
        E::decode_raw(raw, codec, each)?;
    }
    Ok(is_source)
}

/// The events that are made from one of a retired type: one, an `Option`, a `Vec` or an array, or a `Result` with one of these.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "this function does not return events of `{New}`",
    label = "returns `{Self}`",
    note = "a function of `from` returns the event, an `Option`, a `Vec` or an array of it, or a `Result` with one of these and an error or a text"
)]
pub trait IntoParts<New, How> {
    /// Converts it to the events.
    ///
    /// # Errors
    /// Its error.
    fn into_parts(self) -> Result<Vec<New>, BoxError>;
}

/// Marks several events.
#[doc(hidden)]
#[derive(Debug)]
pub enum Several {}

#[diagnostic::do_not_recommend]
impl<New> IntoParts<New, Total> for New {
    fn into_parts(self) -> Result<Vec<New>, BoxError> {
        Ok(vec![self])
    }
}

#[diagnostic::do_not_recommend]
impl<New> IntoParts<New, Several> for Option<New> {
    fn into_parts(self) -> Result<Vec<New>, BoxError> {
        Ok(self.into_iter().collect())
    }
}

#[diagnostic::do_not_recommend]
impl<New> IntoParts<New, Several> for Vec<New> {
    fn into_parts(self) -> Result<Vec<New>, BoxError> {
        Ok(self)
    }
}

#[diagnostic::do_not_recommend]
impl<New, const N: usize> IntoParts<New, Several> for [New; N] {
    fn into_parts(self) -> Result<Vec<New>, BoxError> {
        Ok(self.into())
    }
}

#[diagnostic::do_not_recommend]
impl<New, P: IntoParts<New, How>, How, E: Into<BoxError>> IntoParts<New, (Fallible, How)> for Result<P, E> {
    fn into_parts(self) -> Result<Vec<New>, BoxError> {
        self.map_err(Into::into)?.into_parts()
    }
}
