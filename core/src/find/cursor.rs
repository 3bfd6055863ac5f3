//! Where a page ended, as a text that a client may keep.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::{
    error::Invalid,
    limits::refuse,
    payload::Payload,
    rows::{Field, Key, Value},
    time::Timestamp,
};

/// Where a page ended. It goes on with the same query only, and stays right while rows come and go.
///
/// It is a text for clients, also to serde: in JSON it is a string, and it fits into the query of a URL.
#[derive(Clone, Debug, PartialEq)]
pub struct Cursor {
    place: Place,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Place {
    /// What the query asked, so that the cursor of another one is refused.
    query: String,
    sort: Option<Kept>,
    key: Vec<Kept>,
}

/// A value as it stands in a cursor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kept {
    Null,
    Bool(bool),
    Int(i64),
    /// The bits of a number: JSON has no infinity.
    Float(u64),
    Text(String),
    Uuid(uuid::Uuid),
    Time(Timestamp),
    Json(String),
}

impl Cursor {
    pub(super) fn new(query: String, sort: Option<Value>, key: Key) -> Self {
        let key = key.into_iter().map(Kept::from).collect();
        Self { place: Place { query, sort: sort.map(Kept::from), key } }
    }

    /// The sort value and the key behind which to go on.
    pub(super) fn open(self, query: &str) -> Result<(Option<Value>, Key), Invalid> {
        let Place { query: asked, sort, key } = self.place;
        if asked != query {
            return Err(refuse("cursor", &asked, format!("it belongs to another query than {query}")));
        }
        let key = key.into_iter().map(Value::try_from).collect::<Result<_, _>>()?;
        Ok((sort.map(Value::try_from).transpose()?, key))
    }
}

impl From<Value> for Kept {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(value),
            Value::Int(value) => Self::Int(value),
            Value::Float(value) => Self::Float(value.to_bits()),
            Value::Text(value) => Self::Text(value),
            Value::Uuid(value) => Self::Uuid(value),
            Value::Time(value) => Self::Time(value),
            Value::Json(value) => Self::Json(value.as_str().to_owned()),
        }
    }
}

/// A cursor comes from a client: what no row keeps is refused.
impl TryFrom<Kept> for Value {
    type Error = Invalid;

    fn try_from(kept: Kept) -> Result<Self, Invalid> {
        match kept {
            Kept::Null => Ok(Self::Null),
            Kept::Bool(value) => Ok(Self::Bool(value)),
            Kept::Int(value) => Ok(Self::Int(value)),
            Kept::Float(value) => f64::from_bits(value).to_value(),
            Kept::Text(value) => value.to_value(),
            Kept::Uuid(value) => Ok(Self::Uuid(value)),
            Kept::Time(value) => Ok(Self::Time(value)),
            Kept::Json(value) => Payload::parse(value).map(Self::Json),
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(&self.place).map_err(|_| fmt::Error)?)
    }
}

impl FromStr for Cursor {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let place = serde_json::from_str(text)
            .map_err(|error| refuse("cursor", text, format!("it cannot be read: {error}")))?;
        Ok(Self { place })
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn cursor() -> Cursor {
        let key = vec![Value::Text("é\"".into()), Value::Uuid(Uuid::nil()), Value::Time(Timestamp::MAX)];
        Cursor::new("balances_v1".into(), Some(Value::Float(f64::NEG_INFINITY)), key)
    }

    #[test]
    fn it_travels_as_a_text() {
        assert_eq!(cursor().to_string().parse::<Cursor>().unwrap(), cursor());
        let json = serde_json::to_string(&cursor()).unwrap();
        assert!(json.starts_with('"'), "{json}");
        assert_eq!(serde_json::from_str::<Cursor>(&json).unwrap(), cursor());
        assert!(serde_json::from_str::<Cursor>("\"{}\"").unwrap_err().to_string().contains("cursor"));
    }

    #[test]
    fn values_that_no_row_keeps_are_refused() {
        let open = |sort| Cursor::new("q".into(), Some(sort), vec![]).open("q");
        assert!(open(Value::Text("a\0".into())).is_err());
        assert!(open(Value::Float(f64::NAN)).is_err());
        assert!(open(Value::Int(1)).is_ok());
        assert!(cursor().open("q").unwrap_err().to_string().contains("another query"));
    }
}
