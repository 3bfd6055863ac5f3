//! The payload of an event or a command: one JSON text.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, Visitor},
    ser::Error as _,
};
use serde_json::Value;
use uuid::Uuid;

use crate::{error::Invalid, secret::encoding};

/// The payload of an event or a command: one JSON text.
///
/// ```
/// use annalist::manual::Payload;
///
/// assert_eq!(Payload::encode("numbers", &[1, 2])?.as_str(), "[1,2]");
/// assert_eq!(Payload::parse(r#"{"a": 1}"#)?.as_str(), r#"{"a": 1}"#); // unchanged, byte by byte
/// assert!(Payload::parse("{a: 1}").is_err());
/// # Ok::<(), annalist::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Payload(Box<str>);

impl Payload {
    /// Checks a JSON text.
    ///
    /// ```
    /// use annalist::{Invalid, manual::Payload};
    ///
    /// assert_eq!(Payload::parse(r#"{"owner":"Ann"}"#)?.as_str(), r#"{"owner":"Ann"}"#);
    /// assert!(matches!(Payload::parse("{"), Err(Invalid::NotJson(_))));
    /// # Ok::<(), annalist::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Invalid::NotJson`] if the text is not JSON, or is nested deeper than 127 levels, which could not be read back.
    pub fn parse(text: impl Into<Box<str>>) -> Result<Self, Invalid> {
        let text = text.into();
        serde_json::from_str::<AnyJson>(&text).map_err(Invalid::NotJson)?;
        Ok(Self(text))
    }

    /// Checks a payload that was wrapped without a check: see [`Payload::from_stored`].
    ///
    /// # Errors
    /// As [`Payload::parse`].
    pub(crate) fn check(&self) -> Result<(), Invalid> {
        serde_json::from_str::<AnyJson>(&self.0).map(drop).map_err(Invalid::NotJson)
    }

    /// Wraps a text from a store without checking it again.
    ///
    /// ```
    /// use annalist::manual::Payload;
    ///
    /// assert_eq!(Payload::from_stored("{}").as_str(), "{}");
    /// ```
    pub fn from_stored(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// Serializes a value.
    ///
    /// ```
    /// use annalist::manual::Payload;
    ///
    /// assert_eq!(Payload::encode("owners", &["Ann", "Bob"])?.as_str(), r#"["Ann","Bob"]"#);
    /// # Ok::<(), annalist::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Invalid::Encode`] with `name` if the value's `Serialize` fails, or the result is nested deeper than 127 levels, which
    /// could not be read back.
    pub fn encode<T: Serialize + ?Sized>(name: &str, value: &T) -> Result<Self, Invalid> {
        from_json(name, encoding(|| serde_json::to_string(value)).0)
    }

    /// Returns the JSON text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns `true` if both are equal except for the order of fields and of array items, which changes every time for a
    /// `HashMap` or a `HashSet`.
    pub(crate) fn is_equivalent(&self, other: &Self) -> bool {
        self == other || normalized(self, Items::Sorted) == normalized(other, Items::Sorted)
    }

    /// A hash of the content that does not depend on the order of fields. It is stored, so it never changes.
    pub(crate) fn fingerprint(&self) -> Uuid {
        Uuid::new_v5(&FINGERPRINTS, self.with_sorted_fields().as_bytes())
    }

    /// A hash of the content that depends neither on the order of fields nor on that of array items, which changes every time
    /// for a `HashMap` or a `HashSet`. It is stored, so it never changes.
    pub(crate) fn unordered_fingerprint(&self) -> Uuid {
        Uuid::new_v5(&FINGERPRINTS, normalized(self, Items::Sorted).as_bytes())
    }

    /// The same JSON with fields sorted by name.
    pub(crate) fn with_sorted_fields(&self) -> String {
        normalized(self, Items::InOrder)
    }
}

/// The namespace of fingerprints, as RFC 9562 has them for UUIDs of version 5.
const FINGERPRINTS: Uuid = Uuid::from_u128(0x6c1f_4a37_9d0e_4b5c_8a62_51d3_7be0_94f8);

/// How to order the items of an array.
#[derive(Clone, Copy)]
enum Items {
    InOrder,
    Sorted,
}

/// The same JSON with fields sorted by name and items in this order. A text that is not JSON stays unchanged.
fn normalized(payload: &Payload, items: Items) -> String {
    serde_json::from_str(payload.as_str())
        .map_or_else(|_| payload.to_string(), |value| normalized_value(&value, items))
}

fn normalized_value(value: &Value, items: Items) -> String {
    match value {
        Value::Array(values) => {
            let mut values: Vec<_> = values.iter().map(|value| normalized_value(value, items)).collect();
            if let Items::Sorted = items {
                values.sort_unstable();
            }
            format!("[{}]", values.join(","))
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| *name);
            let field = |(name, value): &(&String, &Value)| {
                format!("{}:{}", Value::from(name.as_str()), normalized_value(value, items))
            };
            format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(","))
        }
        plain => plain.to_string(),
    }
}

impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Converts the result of a serializer, and checks the depth.
pub(crate) fn from_json(name: &str, json: Result<String, serde_json::Error>) -> Result<Payload, Invalid> {
    let refused = |source| Invalid::Encode { name: name.to_owned(), source };
    let text = json.map_err(refused)?;
    if opening_brackets(&text) > MAX_DEPTH && depth(&text) > MAX_DEPTH {
        let source = serde_json::Error::custom(format!("it is nested deeper than {MAX_DEPTH} levels"));
        return Err(refused(source));
    }
    Ok(Payload(exactly_sized(text)))
}

/// A text without spare room. A short one is copied, which is faster than giving back a part of its memory.
fn exactly_sized(text: String) -> Box<str> {
    if text.len() <= MAX_COPIED { Box::from(text.as_str()) } else { text.into() }
}

/// Texts of up to this many bytes are copied.
const MAX_COPIED: usize = 1024;

/// The maximum depth that `serde_json` reads.
const MAX_DEPTH: usize = 127;

/// The number of opening brackets in a JSON text, also those in strings. It is at least the depth, and counted much faster:
/// the parts are so short that a byte can count in each, which the compiler turns into instructions for many bytes at a time.
fn opening_brackets(json: &str) -> usize {
    const IGNORED_BIT: u8 = b'[' ^ b'{';
    let count = |part: &[u8]| part.iter().map(|byte| u8::from(byte | IGNORED_BIT == b'{')).sum::<u8>();
    json.as_bytes().chunks(usize::from(u8::MAX)).map(|part| usize::from(count(part))).sum()
}

/// The depth of nested arrays and objects in a JSON text.
fn depth(json: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Any JSON value, read only to check its syntax. Unlike `IgnoredAny` it respects the depth limit of `serde_json`, so that an
/// accepted text can be read later and every store accepts it.
struct AnyJson;

impl<'de> Deserialize<'de> for AnyJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for AnyJson {
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
    fn json_is_accepted_unchanged() {
        for good in
            ["null", " {\"a\": [1, -2.5e300, true, \"\\u0000é\"]} ", "18446744073709551615", &nested(127)]
        {
            assert_eq!(Payload::parse(good).unwrap().as_str(), good);
        }
    }

    #[test]
    fn text_that_is_not_json_is_rejected() {
        for bad in
            ["", "{", "{}{}", "nul", "{a: 1}", "'a'", "NaN", "\u{0}", &nested(128), &"[".repeat(1_000_000)]
        {
            assert!(matches!(Payload::parse(bad), Err(Invalid::NotJson(_))), "{bad:.20}");
        }
    }

    #[test]
    fn value_nested_too_deep_is_not_encoded() {
        let value = |depth| (1..depth).fold(Value::Array(vec![]), |value, _| Value::Array(vec![value]));
        let text = Payload::encode("deep", &value(127)).unwrap();
        assert_eq!(Payload::parse(text.as_str()).unwrap(), text);
        let error = Payload::encode("deep", &value(128)).unwrap_err();
        assert!(error.to_string().contains("`deep`") && error.to_string().contains("127"), "{error}");
        assert_eq!(opening_brackets(&"[{[Z;{]}".repeat(1000)), 4000);
        let flat = "[{\\\"".repeat(1000);
        assert_eq!(depth(&Payload::encode("flat", &[flat, "]".into()]).unwrap().0), 1);
    }

    #[test]
    fn equivalent_payloads_may_differ_in_order() {
        let [one, other] =
            [r#"{"b":[1,2],"a":{"x":0.5}}"#, r#"{"a":{"x":0.5},"b":[2,1]}"#].map(Payload::from_stored);
        assert!(one.is_equivalent(&other) && one.with_sorted_fields() != other.with_sorted_fields());
        assert_eq!(one.with_sorted_fields(), r#"{"a":{"x":0.5},"b":[1,2]}"#);
        assert!(!one.is_equivalent(&Payload::from_stored(r#"{"a":{"x":0.5},"b":[2,2]}"#)));
    }

    fn nested(depth: usize) -> String {
        format!("{}{}", "[".repeat(depth), "]".repeat(depth))
    }
}
