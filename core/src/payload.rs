//! One JSON text: what an event or a command carries.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, Visitor},
};

use crate::error::Invalid;

/// The payload of an event or a command: one JSON text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Payload(Box<str>);

impl Payload {
    /// Checks a JSON text.
    ///
    /// # Errors
    /// [`Invalid::NotJson`] if it is none, or is nested deeper than 127 levels: it could not be read back.
    pub fn parse(text: impl Into<Box<str>>) -> Result<Self, Invalid> {
        let text = text.into();
        serde_json::from_str::<Json>(&text).map_err(Invalid::NotJson)?;
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

/// Any JSON value, read for its form alone. Unlike `IgnoredAny` it goes through the reader's depth limit, so that what is
/// accepted here can be read later, and is accepted by every store.
struct Json;

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Json {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        while map.next_entry::<Self, Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_accepted_as_it_stands() {
        for good in
            ["null", " {\"a\": [1, -2.5e300, true, \"\\u0000é\"]} ", "18446744073709551615", &nested(127)]
        {
            assert_eq!(Payload::parse(good).unwrap().as_str(), good);
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for bad in
            ["", "{", "{}{}", "nul", "{a: 1}", "'a'", "NaN", "\u{0}", &nested(128), &"[".repeat(1_000_000)]
        {
            assert!(matches!(Payload::parse(bad), Err(Invalid::NotJson(_))), "{bad:.20}");
        }
    }

    fn nested(depth: usize) -> String {
        format!("{}{}", "[".repeat(depth), "]".repeat(depth))
    }
}
