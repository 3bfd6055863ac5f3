//! Stored JSON in the output for programs.

use annalist_core::payload::Payload;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// A payload, byte by byte; or as a text if it is damaged and not JSON.
pub(crate) enum Json<'a> {
    Valid(&'a RawValue),
    Damaged(&'a str),
}

impl<'a> Json<'a> {
    pub(crate) fn of(payload: &'a Payload) -> Self {
        let text = payload.as_str();
        serde_json::from_str(text).map_or(Self::Damaged(text), Self::Valid)
    }
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Valid(raw) => raw.serialize(serializer),
            Self::Damaged(text) => serializer.serialize_str(text),
        }
    }
}
