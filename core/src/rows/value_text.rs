//! Values from the texts that people write.

use std::{fmt::Display, str::FromStr};

use super::{ColumnType, Field, Value};
use crate::{error::Invalid, limits::refuse, payload::Payload};

impl Value {
    /// Reads a value of a type from the text that a person writes: a text is itself, without quotes.
    ///
    /// ```
    /// use annalist::projection::{ColumnType, Value};
    ///
    /// assert_eq!(Value::parse(ColumnType::Text, "Ann")?, Value::Text("Ann".into()));
    /// assert_eq!(Value::parse(ColumnType::Int, "-5")?, Value::Int(-5));
    /// assert!(Value::parse(ColumnType::Int, "five").is_err());
    /// # Ok::<(), annalist::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Invalid`] if the text is no value of the type.
    pub fn parse(kind: ColumnType, text: &str) -> Result<Self, Invalid> {
        match kind {
            ColumnType::Bool => parsed("truth value", text).map(Self::Bool),
            ColumnType::Int => parsed("whole number", text).map(Self::Int),
            ColumnType::Float => parsed::<f64>("number", text)?.to_value(),
            ColumnType::Text => text.to_owned().to_value(),
            ColumnType::Uuid => parsed("UUID", text).map(Self::Uuid),
            ColumnType::Time => parsed("time", text).map(Self::Time),
            ColumnType::Json => Payload::parse(text.to_owned()).map(Self::Json),
            ColumnType::Date => text.parse().map(Self::Date),
            ColumnType::TimeOfDay => text.parse().map(Self::TimeOfDay),
            ColumnType::Decimal => text.parse().map(Self::Decimal),
        }
    }
}

fn parsed<T: FromStr<Err: Display>>(what: &'static str, text: &str) -> Result<T, Invalid> {
    text.parse().map_err(|error| refuse(what, text, format!("it cannot be read: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_reads_its_own_text() {
        let kinds = [
            (ColumnType::Bool, "true"),
            (ColumnType::Int, "-7"),
            (ColumnType::Float, "1.5"),
            (ColumnType::Uuid, "01920000-0000-7000-8000-000000000000"),
            (ColumnType::Time, "2026-01-31T12:00:00Z"),
            (ColumnType::Json, "{\"a\":1}"),
            (ColumnType::Date, "2026-01-31"),
            (ColumnType::TimeOfDay, "12:30:00.000000"),
            (ColumnType::Decimal, "1.25"),
        ];
        for (kind, text) in kinds {
            assert_eq!(Value::parse(kind, text).unwrap().to_text(), text, "{kind:?}");
            assert!(Value::parse(kind, "\u{202e}no").is_err(), "{kind:?}");
        }
        assert!(Value::parse(ColumnType::Float, "NaN").is_err());
    }
}
