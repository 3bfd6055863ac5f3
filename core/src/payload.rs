//! One JSON text: what an event or a command carries.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, Visitor},
    ser::Error as _,
};
use serde_json::Value;

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
    /// [`Invalid::Encode`] with `name` if the value's `Serialize` fails, or it is nested deeper than 127 levels: it could not
    /// be read back.
    pub fn encode<T: Serialize + ?Sized>(name: &str, value: &T) -> Result<Self, Invalid> {
        written(name, serde_json::to_string(value))
    }

    /// The JSON text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether both say the same, the order of fields and of items aside: that of a `HashMap` or `HashSet` is another
    /// each time.
    pub(crate) fn is_reordered(&self, other: &Self) -> bool {
        self == other || in_order(self, Order::OfText) == in_order(other, Order::OfText)
    }

    /// The same JSON with its fields in the order of their names.
    pub(crate) fn by_field(&self) -> String {
        in_order(self, Order::AsGiven)
    }
}

/// The order of an array's items.
#[derive(Clone, Copy)]
enum Order {
    AsGiven,
    OfText,
}

/// The same JSON with its fields in the order of their names, and its items in this one. What cannot be read stays as it is.
fn in_order(payload: &Payload, items: Order) -> String {
    serde_json::from_str(payload.as_str())
        .map_or_else(|_| payload.to_string(), |value| value_in_order(&value, items))
}

fn value_in_order(value: &Value, order: Order) -> String {
    match value {
        Value::Array(items) => {
            let mut items: Vec<_> = items.iter().map(|item| value_in_order(item, order)).collect();
            if let Order::OfText = order {
                items.sort_unstable();
            }
            format!("[{}]", items.join(","))
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| *name);
            let field = |(name, value): &(&String, &Value)| {
                format!("{}:{}", Value::from(name.as_str()), value_in_order(value, order))
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

pub(crate) fn written(name: &str, json: Result<String, serde_json::Error>) -> Result<Payload, Invalid> {
    let refused = |source| Invalid::Encode { name: name.to_owned(), source };
    let text = json.map_err(refused)?;
    if depth(&text) > MAX_DEPTH {
        let source = serde_json::Error::custom(format!("it is nested deeper than {MAX_DEPTH} levels"));
        return Err(refused(source));
    }
    Ok(Payload(text.into()))
}

/// What the reader of JSON goes down to.
const MAX_DEPTH: usize = 127;

/// How many arrays and objects of a JSON text stand inside each other.
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

    #[test]
    fn what_is_nested_too_deep_is_not_written() {
        let value = |depth| (1..depth).fold(Value::Array(vec![]), |value, _| Value::Array(vec![value]));
        let text = Payload::encode("deep", &value(127)).unwrap();
        assert_eq!(Payload::parse(text.as_str()).unwrap(), text);
        let error = Payload::encode("deep", &value(128)).unwrap_err();
        assert!(error.to_string().contains("`deep`") && error.to_string().contains("127"), "{error}");
        let flat = "[{\\\"".repeat(1000);
        assert_eq!(depth(&Payload::encode("flat", &[flat, "]".into()]).unwrap().0), 1);
    }

    #[test]
    fn the_order_of_fields_and_items_may_differ() {
        let [one, other] =
            [r#"{"b":[1,2],"a":{"x":0.5}}"#, r#"{"a":{"x":0.5},"b":[2,1]}"#].map(Payload::from_stored);
        assert!(one.is_reordered(&other) && one.by_field() != other.by_field());
        assert_eq!(one.by_field(), r#"{"a":{"x":0.5},"b":[1,2]}"#);
        assert!(!one.is_reordered(&Payload::from_stored(r#"{"a":{"x":0.5},"b":[2,2]}"#)));
    }

    fn nested(depth: usize) -> String {
        format!("{}{}", "[".repeat(depth), "]".repeat(depth))
    }
}
