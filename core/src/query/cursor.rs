//! The end of a page, as a text that a client can store and send back.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::{
    error::Invalid,
    limits::{check_text, refuse},
    payload::Payload,
    rows::{Date, Field, Key, TimeOfDay, Value},
    time::Timestamp,
};

/// The end of a page. The next page continues after it, even if rows are added or removed in between. It is valid only for a
/// query with the same conditions and order.
///
/// `Display` and `FromStr` convert it to and from a text; serde writes it as a string, so that it fits into JSON and into
/// the query of a URL.
///
/// ```
/// # use annalist_doc_tests::*;
/// use annalist::query::Cursor;
///
/// # run(async {
/// # let app = bank().await?;
/// let first = app.list::<Balance>().limit(2).await?;
/// let text = first.next.unwrap().to_string(); // to the client …
///
/// let cursor: Cursor = text.parse()?; // … and back
/// let second = app.list::<Balance>().limit(2).from(cursor.clone()).await?;
/// assert_eq!(second.rows[0].owner, "Cay");
///
/// let error = app.list::<Balance>().order_by("cents").from(cursor).await.unwrap_err();
/// assert!(error.to_string().contains("another query"));
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Cursor {
    state: CursorState,
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Cursor {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Cursor".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string" })
    }
}

/// The content of a cursor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct CursorState {
    /// The signature of the query, by which a cursor of another query is rejected.
    query: String,
    sort: Option<CursorValue>,
    key: Vec<CursorValue>,
}

/// A [`Value`] in the form in which a cursor stores it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum CursorValue {
    Null,
    Bool(bool),
    Int(i64),
    /// The bits of a floating point number, because JSON has no infinity.
    Float(u64),
    Text(String),
    Uuid(uuid::Uuid),
    Time(Timestamp),
    Json(String),
    Date(i32),
    /// The microseconds since midnight.
    TimeOfDay(i64),
    Decimal(String),
}

impl Cursor {
    pub(super) fn new(query: String, sort: Option<Value>, key: Key) -> Self {
        let key = key.into_iter().map(CursorValue::from).collect();
        Self { state: CursorState { query, sort: sort.map(CursorValue::from), key } }
    }

    /// The sort value and the key of the last row on the page.
    pub(super) fn open(self, query: &str) -> Result<(Option<Value>, Key), Invalid> {
        let CursorState { query: own, sort, key } = self.state;
        if own != query {
            return Err(refuse("cursor", &own, format!("it belongs to another query than {query}")));
        }
        let key = key.into_iter().map(Value::try_from).collect::<Result<_, _>>()?;
        Ok((sort.map(Value::try_from).transpose()?, key))
    }
}

impl From<Value> for CursorValue {
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
            Value::Date(value) => Self::Date(value.as_days()),
            Value::TimeOfDay(value) => Self::TimeOfDay(value.as_micros()),
            Value::Decimal(value) => Self::Decimal(value.to_string()),
        }
    }
}

/// A cursor comes from a client, so values that no row can hold are rejected.
impl TryFrom<CursorValue> for Value {
    type Error = Invalid;

    fn try_from(value: CursorValue) -> Result<Self, Invalid> {
        match value {
            CursorValue::Null => Ok(Self::Null),
            CursorValue::Bool(value) => Ok(Self::Bool(value)),
            CursorValue::Int(value) => Ok(Self::Int(value)),
            CursorValue::Float(value) => f64::from_bits(value).to_value(),
            // Texts in a cursor are as columns store them, without NUL.
            CursorValue::Text(value) => check_text("text", &value, usize::MAX).map(|()| Self::Text(value)),
            CursorValue::Uuid(value) => Ok(Self::Uuid(value)),
            CursorValue::Time(value) => Ok(Self::Time(value)),
            CursorValue::Json(value) => Payload::parse(value).map(Self::Json),
            CursorValue::Date(value) => Date::from_days(value).map(Self::Date),
            CursorValue::TimeOfDay(value) => TimeOfDay::from_micros(value).map(Self::TimeOfDay),
            CursorValue::Decimal(value) => value.parse().map(Self::Decimal),
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(&self.state).map_err(|_| fmt::Error)?)
    }
}

impl FromStr for Cursor {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let state = serde_json::from_str(text)
            .map_err(|error| refuse("cursor", text, format!("it cannot be read: {error}")))?;
        Ok(Self { state })
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
    use crate::rows::Decimal;

    fn cursor() -> Cursor {
        let key = vec![
            Value::Text("é\"".into()),
            Value::Uuid(Uuid::nil()),
            Value::Time(Timestamp::MAX),
            Value::Date(Date::MIN),
            Value::TimeOfDay(TimeOfDay::MAX),
            Value::Decimal(Decimal::MIN),
        ];
        Cursor::new("balances_v1".into(), Some(Value::Float(f64::NEG_INFINITY)), key)
    }

    #[test]
    fn cursor_survives_conversion_to_text_and_json() {
        assert_eq!(cursor().to_string().parse::<Cursor>().unwrap(), cursor());
        let json = serde_json::to_string(&cursor()).unwrap();
        assert!(json.starts_with('"'), "{json}");
        assert_eq!(serde_json::from_str::<Cursor>(&json).unwrap(), cursor());
        assert!(serde_json::from_str::<Cursor>("\"{}\"").unwrap_err().to_string().contains("cursor"));
    }

    #[test]
    fn cursor_with_values_that_no_row_can_hold_is_rejected() {
        let open = |sort| Cursor::new("q".into(), Some(sort), vec![]).open("q");
        assert!(open(Value::Text("a\0".into())).is_err());
        assert!(open(Value::Float(f64::NAN)).is_err());
        assert!(open(Value::Int(1)).is_ok());
        let text = r#"{"query":"q","sort":{"decimal":"1e3"},"key":[]}"#;
        assert!(text.parse::<Cursor>().unwrap().open("q").is_err());
        assert!(cursor().open("q").unwrap_err().to_string().contains("another query"));
    }
}
