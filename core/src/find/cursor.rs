//! Where a page ended, as a text that a client may keep.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    error::Invalid,
    payload::Payload,
    rows::{Key, Value},
    text::refuse,
    time::Timestamp,
};

/// Where a page ended. It goes on with the same query only, and stays right while rows come and go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cursor {
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
        Self { query, sort: sort.map(Kept::from), key: key.into_iter().map(Kept::from).collect() }
    }

    /// The sort value and the key behind which to go on.
    pub(super) fn open(self, query: &str) -> Result<(Option<Value>, Key), Invalid> {
        if self.query != query {
            return Err(refuse("cursor", &self.query, format!("it belongs to another query than {query}")));
        }
        Ok((self.sort.map(Value::from), self.key.into_iter().map(Value::from).collect()))
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

impl From<Kept> for Value {
    fn from(kept: Kept) -> Self {
        match kept {
            Kept::Null => Self::Null,
            Kept::Bool(value) => Self::Bool(value),
            Kept::Int(value) => Self::Int(value),
            Kept::Float(value) => Self::Float(f64::from_bits(value)),
            Kept::Text(value) => Self::Text(value),
            Kept::Uuid(value) => Self::Uuid(value),
            Kept::Time(value) => Self::Time(value),
            Kept::Json(value) => Self::Json(Payload::from_stored(value)),
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl FromStr for Cursor {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        serde_json::from_str(text)
            .map_err(|error| refuse("cursor", text, format!("it cannot be read: {error}")))
    }
}
