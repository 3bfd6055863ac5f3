//! How events become payloads and back: JSON, and nothing of a Rust name in it.

mod variant;

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    error::Invalid,
    payload::{Payload, written},
    record::RawEvent,
};

/// Writes and reads the payloads of one app's events. Every `encode` and `decode` of an event goes through it.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Codec {}

impl Codec {
    /// Writes an event struct: its fields.
    ///
    /// # Errors
    /// [`Invalid::Encode`] if its `Serialize` fails.
    pub fn encode<T: Serialize>(&self, name: &str, event: &T) -> Result<Payload, Invalid> {
        Payload::encode(name, event)
    }

    /// Reads an event struct.
    ///
    /// # Errors
    /// [`Invalid::Decode`] if the payload does not fit.
    pub fn decode<T: DeserializeOwned>(&self, raw: &RawEvent<'_>) -> Result<T, Invalid> {
        serde_json::from_str(raw.data).map_err(|source| raw.undecodable(source))
    }

    /// Writes one variant of an event enum: its fields alone, without the variant's name.
    ///
    /// # Errors
    /// [`Invalid::Encode`] if its `Serialize` fails or does not treat it as a variant.
    pub fn encode_variant<T: Serialize>(&self, name: &str, event: &T) -> Result<Payload, Invalid> {
        written(name, variant::to_string(event))
    }

    /// Reads the variant that `Deserialize` numbers `index`.
    ///
    /// # Errors
    /// [`Invalid::Decode`] if the payload does not fit.
    pub fn decode_variant<T: DeserializeOwned>(&self, index: u32, raw: &RawEvent<'_>) -> Result<T, Invalid> {
        variant::from_str(index, raw.data).map_err(|source| raw.undecodable(source))
    }
}
