//! A stored event as the codec reads it.

use crate::{
    context::Context,
    error::Invalid,
    record::{Position, Record},
};

/// A stored event that is not decoded yet.
///
/// ```
/// use annalist::{Invalid, Position, manual::{Codec, RawEvent}};
///
/// let raw = RawEvent::new("account.closed", 2, "[7]", Position::new(1));
/// assert_eq!(Codec::default().decode::<[u32; 1]>(&raw)?, [7]);
/// assert!(matches!(raw.check_version(1), Err(Invalid::NewerVersion { known: 1, .. })));
/// # Ok::<(), annalist::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct RawEvent<'a> {
    /// The stored name of the event type.
    pub name: &'a str,
    /// The schema version of the payload.
    pub version: u32,
    /// The payload, as JSON.
    pub data: &'a str,
    /// The position, for messages.
    pub position: Position,
    /// The record, for the context of the event.
    record: Option<&'a Record>,
}

impl<'a> From<&'a Record> for RawEvent<'a> {
    fn from(record: &'a Record) -> Self {
        Self {
            name: &record.name,
            version: record.version,
            data: record.data.as_str(),
            position: record.position,
            record: Some(record),
        }
    }
}

impl<'a> RawEvent<'a> {
    /// A stored event of which no more than this is known. It has no context, so a step of `upcast` that takes one fails.
    ///
    /// ```
    /// use annalist::{Position, manual::RawEvent};
    ///
    /// let raw = RawEvent::new("account.closed", 2, "{}", Position::new(1));
    /// assert_eq!((raw.name, raw.version, raw.data), ("account.closed", 2, "{}"));
    /// ```
    pub const fn new(name: &'a str, version: u32, data: &'a str, position: Position) -> Self {
        Self { name, version, data, position, record: None }
    }

    /// The context of the event.
    ///
    /// # Errors
    /// [`Invalid::Damaged`] if the metadata cannot be decoded, or was not read.
    pub(crate) fn context(&self) -> Result<Context<'a>, Invalid> {
        let Self { position, .. } = *self;
        let missing = || Invalid::Damaged { position, reason: "its metadata was not read".to_owned() };
        Context::of(self.record.ok_or_else(missing)?)
    }

    /// Checks that the event was not written by a newer program.
    ///
    /// ```
    /// use annalist::{Invalid, Position, manual::RawEvent};
    ///
    /// let raw = RawEvent::new("account.opened", 2, "{}", Position::new(1));
    /// assert!(raw.check_version(2).is_ok());
    /// assert!(matches!(raw.check_version(1), Err(Invalid::NewerVersion { .. })));
    /// ```
    ///
    /// # Errors
    /// [`Invalid::NewerVersion`] if its version is greater than `known`.
    pub fn check_version(&self, known: u32) -> Result<(), Invalid> {
        if self.version <= known {
            return Ok(());
        }
        let Self { name, version, position, .. } = *self;
        Err(Invalid::NewerVersion { name: name.to_owned(), version, position, known })
    }

    /// Returns the error of a payload that does not fit.
    pub fn decode_error(&self, source: serde_json::Error) -> Invalid {
        let Self { name, version, position, data, .. } = *self;
        // An app with keys decrypts them before an event is decoded.
        match data.contains("\"$sealed\":") {
            true => Invalid::SealedWithoutKeys { name: name.to_owned(), position },
            false => Invalid::Decode { name: name.to_owned(), version, position, source },
        }
    }

    /// Returns the error of an event type that `Reader` does not contain.
    ///
    /// ```
    /// use annalist::{Position, manual::RawEvent};
    ///
    /// struct AccountEvent;
    ///
    /// let raw = RawEvent::new("order.placed", 1, "{}", Position::new(7));
    /// let error = raw.unknown_type::<AccountEvent>().to_string();
    /// assert!(error.starts_with("event `order.placed` version 1 at position 7 is not an event type of"));
    /// ```
    pub fn unknown_type<Reader>(&self) -> Invalid {
        let Self { name, version, position, .. } = *self;
        Invalid::UnknownType {
            name: name.to_owned(),
            version,
            position,
            reader: std::any::type_name::<Reader>(),
        }
    }
}
