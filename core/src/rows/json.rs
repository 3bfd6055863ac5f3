//! Fields that are stored as JSON.

use serde::{Serialize, de::DeserializeOwned};

use super::{ColumnType, Value, nul};
use crate::{
    codec::encode_readable,
    error::Invalid,
    limits::{MAX_PAYLOAD, refuse},
};

/// A Rust type that a column stores as JSON: the type of a field marked `#[json]`. NUL in its texts is stored as `␀`, as in text
/// columns, because functions of databases on JSON refuse it or end there.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be stored as JSON",
    label = "marked with `#[json]`",
    note = "add `#[derive(Serialize, Deserialize)]` to `{Self}`"
)]
pub trait JsonField: Sized {
    /// The type of the column.
    const TYPE: ColumnType = ColumnType::Json;
    /// Whether the column may be NULL. It never is: `None` is stored as the JSON text `null`.
    const NULLABLE: bool = false;

    /// Converts the field to the stored value.
    ///
    /// # Errors
    /// [`Invalid`] if its `Serialize` fails, the JSON is larger than 4 MiB, or it cannot be read back unchanged: a NaN, for example,
    /// is `null` in JSON.
    fn to_value(&self) -> Result<Value, Invalid>;

    /// Converts a stored value to the field.
    ///
    /// # Errors
    /// [`Invalid`] if its `Deserialize` fails, or the value is not JSON.
    fn from_value(value: Value) -> Result<Self, Invalid>;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned> JsonField for T {
    fn to_value(&self) -> Result<Value, Invalid> {
        let what = std::any::type_name::<T>();
        let json = encode_readable(what, self)?;
        match json.as_str().len() {
            size if size > MAX_PAYLOAD => {
                Err(Invalid::TooLarge { what: format!("`{what}` as JSON"), size, limit: MAX_PAYLOAD })
            }
            _ => Ok(Value::Json(nul::escape_json(json))),
        }
    }

    fn from_value(value: Value) -> Result<Self, Invalid> {
        let wrong = |value: &str, why: String| {
            let wanted = std::any::type_name::<T>();
            refuse("stored value", value, format!("the field expects a `{wanted}`{why}"))
        };
        match value {
            Value::Json(json) => serde_json::from_str(&nul::unescape_json(json.as_str()))
                .map_err(|error| wrong(json.as_str(), format!(": {error}"))),
            value => Err(wrong(value.describe(), " as JSON".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::Payload;

    #[test]
    fn serde_type_is_read_back_unchanged() {
        let lines = vec![(1u64, Some("é\"".to_owned())), (u64::MAX, None)];
        let value = lines.to_value().unwrap();
        assert_eq!(value, Value::Json(Payload::parse(r#"[[1,"é\""],[18446744073709551615,null]]"#).unwrap()));
        assert_eq!(Vec::<(u64, Option<String>)>::from_value(value).unwrap(), lines);
        assert_eq!(None::<u8>.to_value().unwrap(), Value::Json(Payload::parse("null").unwrap()));
    }

    #[test]
    fn value_that_json_would_change_is_rejected() {
        for invalid in
            [vec![Some(f64::NAN)].to_value(), Some(None::<u8>).to_value(), vec![f32::INFINITY].to_value()]
        {
            assert!(matches!(invalid, Err(Invalid::NotReadable { .. })), "{invalid:?}");
        }
    }

    #[test]
    fn value_of_another_type_is_rejected_with_the_reason() {
        let json = Value::Json(Payload::parse("[1]").unwrap());
        let error = <Vec<bool> as JsonField>::from_value(json).unwrap_err().to_string();
        assert!(error.contains("[1]") && error.contains("expected a boolean"), "{error}");
        let error = <Vec<bool> as JsonField>::from_value(Value::Int(1)).unwrap_err().to_string();
        assert!(error.contains("a whole number") && error.contains("as JSON"), "{error}");
        assert!("x".repeat(MAX_PAYLOAD).to_value().is_err());
    }
}
