//! Encodes events as JSON payloads and decodes them. No Rust name becomes part of a payload.

mod exact;
mod raw_event;
mod round_trip;
mod variant;

use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

pub use self::raw_event::RawEvent;
pub(crate) use self::round_trip::{check_equal, encode_readable, not_readable};
use self::{exact::Exact, variant::VariantContent};
use crate::{error::Invalid, payload::Payload};

/// Encodes and decodes the payloads of an app's events.
///
/// ```
/// # use annalist_doc_tests::*;
/// use annalist::{Event, Position, manual::{Codec, RawEvent}};
///
/// let codec = Codec::default();
/// let payload = opened("ann", "Ann").encode_payload(&codec)?;
/// assert_eq!(payload.as_str(), r#"{"account":"ann","owner":"Ann"}"#);
///
/// let raw = RawEvent::new("account.opened", 1, payload.as_str(), Position::new(1));
/// let mut events = Vec::new();
/// AccountEvent::decode_raw(&raw, &codec, &mut |event| events.push(event))?;
/// assert_eq!(events, [opened("ann", "Ann")]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Codec {
    /// Whether it encodes in the exact notation, which is compared and never stored.
    exact: bool,
}

impl Codec {
    /// A codec whose encoded values are equal only if the values are, as far as `Serialize` shows. JSON writes several values as
    /// `null`.
    fn exact() -> Self {
        Self { exact: true }
    }

    /// A fingerprint of a value. It covers all that `Serialize` shows: also fields of nested types that `skip_serializing_if` leaves
    /// out, but not the order of fields and items.
    ///
    /// # Errors
    /// [`Invalid::Encode`] with `name` if its `Serialize` fails.
    pub(crate) fn fingerprint<T: Serialize>(name: &str, value: &T) -> Result<Uuid, Invalid> {
        Ok(Payload::encode(name, &Exact::with_skipped(value))?.unordered_fingerprint())
    }

    /// Encodes an event struct as its fields.
    ///
    /// ```
    /// use annalist::manual::Codec;
    ///
    /// assert_eq!(Codec::default().encode("counted", &(7, true))?.as_str(), "[7,true]");
    /// # Ok::<(), annalist::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Invalid::Encode`] if its `Serialize` fails.
    pub fn encode<T: Serialize>(&self, name: &str, event: &T) -> Result<Payload, Invalid> {
        if self.exact { Payload::encode(name, &Exact::new(event)) } else { Payload::encode(name, event) }
    }

    /// Decodes an event struct.
    ///
    /// ```
    /// use annalist::{Invalid, Position, manual::{Codec, RawEvent}};
    ///
    /// let raw = RawEvent::new("counted", 1, "[7,true]", Position::new(1));
    /// assert_eq!(Codec::default().decode::<(u32, bool)>(&raw)?, (7, true));
    /// assert!(matches!(Codec::default().decode::<String>(&raw), Err(Invalid::Decode { .. })));
    /// # Ok::<(), annalist::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Invalid::Decode`] if the payload does not fit.
    pub fn decode<T: DeserializeOwned>(&self, raw: &RawEvent<'_>) -> Result<T, Invalid> {
        serde_json::from_str(raw.data).map_err(|source| raw.decode_error(source))
    }

    /// Encodes one variant of an event enum as its fields, without the name of the variant.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// use annalist::manual::Codec;
    ///
    /// let payload = Codec::default().encode_variant("account.deposited", &deposited("ann", 5))?;
    /// assert_eq!(payload.as_str(), r#"{"account":"ann","cents":5}"#);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Invalid::Encode`] if its `Serialize` fails or does not write a variant.
    pub fn encode_variant<T: Serialize>(&self, name: &str, event: &T) -> Result<Payload, Invalid> {
        Payload::encode(name, &VariantContent::new(event, self.exact))
    }

    /// Decodes the variant to which `Deserialize` gives the number `index`.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// use annalist::{Position, manual::{Codec, RawEvent}};
    ///
    /// let data = r#"{"account":"ann","cents":5}"#;
    /// let raw = RawEvent::new("account.deposited", 1, data, Position::new(1));
    /// let event: AccountEvent = Codec::default().decode_variant(1, &raw)?; // the second variant
    /// assert_eq!(event, deposited("ann", 5));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Invalid::Decode`] if the payload does not fit.
    pub fn decode_variant<T: DeserializeOwned>(&self, index: u32, raw: &RawEvent<'_>) -> Result<T, Invalid> {
        variant::from_str(index, raw.data).map_err(|source| raw.decode_error(source))
    }
}
