//! One JSON text: what an event or a command carries.

use std::fmt;

use serde::{Serialize, de::IgnoredAny};

use crate::error::Invalid;

/// The payload of an event or a command: one JSON text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Payload(Box<str>);

impl Payload {
    /// Checks a JSON text.
    ///
    /// # Errors
    /// [`Invalid::NotJson`] if it is none.
    pub fn parse(text: impl Into<Box<str>>) -> Result<Self, Invalid> {
        let text = text.into();
        serde_json::from_str::<IgnoredAny>(&text).map_err(Invalid::NotJson)?;
        Ok(Self(text))
    }

    /// A text that a store kept for us and gives back; it is not checked again.
    pub fn from_stored(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// Writes a value.
    ///
    /// # Errors
    /// [`Invalid::Encode`] with `name` if the value's `Serialize` fails.
    pub fn encode<T: Serialize + ?Sized>(name: &str, value: &T) -> Result<Self, Invalid> {
        written(name, serde_json::to_string(value))
    }

    /// The JSON text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub(crate) fn written(name: &str, json: Result<String, serde_json::Error>) -> Result<Payload, Invalid> {
    match json {
        Ok(text) => Ok(Payload(text.into())),
        Err(source) => Err(Invalid::Encode { name: name.to_owned(), source }),
    }
}
