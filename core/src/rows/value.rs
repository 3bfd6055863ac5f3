//! The values of columns, and the Rust types that convert to them without loss.

use std::cmp::Ordering;

use uuid::Uuid;

use super::{ColumnType, Date, Decimal, TimeOfDay, nul};
use crate::{
    error::Invalid,
    id::Id,
    limits::{MAX_PAYLOAD, check_size, refuse},
    payload::Payload,
    position::Position,
    tag::Tag,
    time::Timestamp,
};

/// One value of a row.
///
/// ```
/// use annalist::projection::{Field, Value};
///
/// assert_eq!("Ann".to_owned().to_value()?, Value::Text("Ann".into()));
/// assert_eq!(Some(5_u32).to_value()?, Value::Int(5));
/// assert_eq!(None::<u32>.to_value()?, Value::Null);
/// assert_eq!(Value::Int(5).to_text(), "5");
/// # Ok::<(), annalist::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// NULL: no value.
    Null,
    /// True or false.
    Bool(bool),
    /// A 64-bit integer.
    Int(i64),
    /// A floating point number that is not NaN. Zero has no sign, because not every database stores it.
    Float(f64),
    /// A text without NUL, in whose place a column stores `␀` (U+2400): see `String` as a [`Field`].
    Text(String),
    /// A UUID.
    Uuid(Uuid),
    /// A point in time.
    Time(Timestamp),
    /// A JSON text.
    Json(Payload),
    /// A day.
    Date(Date),
    /// A time of day.
    TimeOfDay(TimeOfDay),
    /// A decimal number.
    Decimal(Decimal),
}

impl Value {
    /// Compares values in the order in which every store sorts: NULL first, texts and UUIDs byte by byte.
    ///
    /// ```
    /// use annalist::projection::Value;
    ///
    /// let text = |text: &str| Value::Text(text.into());
    /// assert!(text("Z").order(&text("a")).is_lt()); // byte by byte
    /// assert!(Value::Null.order(&text("")).is_lt());
    /// ```
    pub fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Int(a), Self::Int(b)) => a.cmp(b),
            (Self::Float(a), Self::Float(b)) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Uuid(a), Self::Uuid(b)) => a.cmp(b),
            (Self::Time(a), Self::Time(b)) => a.cmp(b),
            (Self::Json(a), Self::Json(b)) => a.as_str().cmp(b.as_str()),
            (Self::Date(a), Self::Date(b)) => a.cmp(b),
            (Self::TimeOfDay(a), Self::TimeOfDay(b)) => a.cmp(b),
            (Self::Decimal(a), Self::Decimal(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Bool(_) => 1,
            Self::Int(_) => 2,
            Self::Float(_) => 3,
            Self::Text(_) => 4,
            Self::Uuid(_) => 5,
            Self::Time(_) => 6,
            Self::Json(_) => 7,
            Self::Date(_) => 8,
            Self::TimeOfDay(_) => 9,
            Self::Decimal(_) => 10,
        }
    }

    /// Returns the value as text. Different values have different texts.
    ///
    /// ```
    /// use annalist::projection::Value;
    ///
    /// assert_eq!(Value::Text("a\"b".into()).to_text(), r#""a\"b""#);
    /// assert_eq!(Value::Null.to_text(), "null");
    /// ```
    pub fn to_text(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Int(number) => number.to_string(),
            Self::Float(number) => format!("{number:?}"),
            Self::Text(text) => serde_json::Value::from(text.as_str()).to_string(),
            Self::Uuid(id) => id.to_string(),
            Self::Time(time) => time.to_string(),
            Self::Json(json) => json.as_str().to_owned(),
            Self::Date(date) => date.to_string(),
            Self::TimeOfDay(time) => time.to_string(),
            Self::Decimal(number) => number.to_string(),
        }
    }

    /// The number that a sum adds for the value: 0 for NULL.
    pub(super) fn as_summand(&self) -> i128 {
        match self {
            Self::Int(number) => i128::from(*number),
            _ => 0,
        }
    }

    /// Returns the number of bytes of its text, or 0 if it is not a text.
    ///
    /// ```
    /// use annalist::projection::Value;
    ///
    /// assert_eq!(Value::Text("Zoë".into()).size(), 4);
    /// assert_eq!(Value::Int(7).size(), 0);
    /// ```
    pub fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Json(json) => json.as_str().len(),
            _ => 0,
        }
    }

    /// Returns the kind of value, for messages.
    ///
    /// ```
    /// use annalist::projection::Value;
    ///
    /// assert_eq!(Value::Int(7).describe(), "a whole number");
    /// ```
    pub fn describe(&self) -> &'static str {
        match self {
            Self::Null => "NULL",
            Self::Bool(_) => "a boolean",
            Self::Int(_) => "a whole number",
            Self::Float(_) => "a number",
            Self::Text(_) => "a text",
            Self::Uuid(_) => "a UUID",
            Self::Time(_) => "a time",
            Self::Json(_) => "a JSON text",
            Self::Date(_) => "a date",
            Self::TimeOfDay(_) => "a time of day",
            Self::Decimal(_) => "a decimal number",
        }
    }
}

/// A Rust type that a column stores without loss. Derive it for an enum without fields and for a newtype. Implement it for
/// another type by what it is stored as:
///
/// ```
/// use annalist::{
///     Invalid,
///     projection::{ColumnType, Field, Value},
/// };
///
/// /// A colour, stored as a text such as `#ff8000`.
/// #[derive(Clone, Copy, Debug, Default, PartialEq)]
/// struct Colour([u8; 3]);
///
/// impl Field for Colour {
///     const TYPE: ColumnType = ColumnType::Text;
///
///     fn to_value(&self) -> Result<Value, Invalid> {
///         let [red, green, blue] = self.0;
///         format!("#{red:02x}{green:02x}{blue:02x}").to_value()
///     }
///
///     fn from_value(value: Value) -> Result<Self, Invalid> {
///         let text = String::from_value(value)?;
///         let number = text.strip_prefix('#').filter(|hex| hex.len() == 6).map(|hex| u32::from_str_radix(hex, 16));
///         match number {
///             Some(Ok(number)) => Ok(Self([(number >> 16) as u8, (number >> 8) as u8, number as u8])),
///             _ => Err(Invalid::Text { what: "colour", value: text, rule: "it is a text such as `#ff8000`".into() }),
///         }
///     }
/// }
///
/// let orange = Colour([255, 128, 0]);
/// assert_eq!(orange.to_value()?, Value::Text("#ff8000".into()));
/// assert_eq!(Colour::from_value(orange.to_value()?)?, orange);
/// # Ok::<(), Invalid>(())
/// ```
///
/// The order of the stored values is the order of the rows: implement it in a way that agrees with the `Ord` of the type, if it
/// has one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be stored in a column",
    label = "a field of a projection",
    note = "columns hold bool, i8, i16, i32, i64, u8, u16, u32, f32, f64, String, Uuid, Timestamp, ids around one of these, and `Option`s of them",
    note = "the features `jiff`, `chrono` and `rust_decimal` make columns of the instants, days, times of day and decimals of these crates",
    note = "write `#[json]` above a field that is a struct, a list or a map; write `i64` or `u32` for a `u64`, so that every database can compare, sort and sum the numbers",
    note = "write `#[derive(Field)]` above an enum without fields, which is stored as text, and above a newtype, which is stored as the value that it wraps; for any other type write `impl Field for …`"
)]
pub trait Field: Sized {
    /// The type of the column.
    const TYPE: ColumnType;
    /// Whether the column may be NULL.
    const NULLABLE: bool = false;
    /// The kind of the tag that events about a value carry, if the values are ids.
    #[doc(hidden)]
    const TAG_KIND: Option<&'static str> = None;
    /// Whether the order of the column is an order of the type, so that ranges have a meaning. It is not for an enum that is
    /// stored as text.
    #[doc(hidden)]
    const IS_ORDERED: bool = true;

    /// Converts the field to the stored value.
    ///
    /// # Errors
    /// [`Invalid`] if no store can hold it: NaN, `Some(None)`, a text of more than 4 MiB, or a time with parts of a microsecond.
    fn to_value(&self) -> Result<Value, Invalid>;

    /// Converts a stored value to the field.
    ///
    /// # Errors
    /// [`Invalid`] if the value has another type or is out of range.
    fn from_value(value: Value) -> Result<Self, Invalid>;

    /// Returns the tag that events about this value carry, if it is an id.
    ///
    /// # Errors
    /// [`Invalid`] if the tag is not valid.
    fn to_tag(&self) -> Result<Option<Tag>, Invalid> {
        Ok(None)
    }
}

/// The error for a stored value that the field type cannot hold.
pub(super) fn misfit<T>(value: &Value) -> Invalid {
    refuse("stored value", value.describe(), format!("the field expects a `{}`", std::any::type_name::<T>()))
}

macro_rules! whole_numbers {
    ($($number:ty),+) => {
        $(impl Field for $number {
            const TYPE: ColumnType = ColumnType::Int;

            fn to_value(&self) -> Result<Value, Invalid> {
                Ok(Value::Int(i64::from(*self)))
            }

            fn from_value(value: Value) -> Result<Self, Invalid> {
                match value {
                    Value::Int(number) => Self::try_from(number).map_err(|_| misfit::<Self>(&value)),
                    _ => Err(misfit::<Self>(&value)),
                }
            }
        })+
    };
}

whole_numbers!(i8, i16, i32, i64, u8, u16, u32);

impl Field for f64 {
    const TYPE: ColumnType = ColumnType::Float;

    fn to_value(&self) -> Result<Value, Invalid> {
        if self.is_nan() {
            return Err(refuse("number", "NaN", "no store can hold and sort it"));
        }
        // Converts -0.0 to 0.0, which every store returns unchanged.
        Ok(Value::Float(*self + 0.0))
    }

    fn from_value(value: Value) -> Result<Self, Invalid> {
        match value {
            Value::Float(number) => Ok(number),
            _ => Err(misfit::<Self>(&value)),
        }
    }
}

impl Field for f32 {
    const TYPE: ColumnType = ColumnType::Float;

    fn to_value(&self) -> Result<Value, Invalid> {
        f64::from(*self).to_value()
    }

    #[allow(clippy::cast_possible_truncation)] // the value was converted from an f32
    fn from_value(value: Value) -> Result<Self, Invalid> {
        f64::from_value(value).map(|number| number as f32)
    }
}

/// A column stores `␀` (U+2400) in place of NUL, which not every database can store, and `␛` (U+241B) before a `␀` or `␛` of the
/// text. Reading it results in the text unchanged.
impl Field for String {
    const TYPE: ColumnType = ColumnType::Text;

    fn to_value(&self) -> Result<Value, Invalid> {
        check_size("text", self, MAX_PAYLOAD)?;
        Ok(Value::Text(nul::escape(self).into_owned()))
    }

    fn from_value(value: Value) -> Result<Self, Invalid> {
        match value {
            Value::Text(text) => Ok(nul::unescape(text)),
            _ => Err(misfit::<Self>(&value)),
        }
    }
}

macro_rules! plain {
    ($($rust:ty => $variant:ident),+) => {
        $(impl Field for $rust {
            const TYPE: ColumnType = ColumnType::$variant;

            fn to_value(&self) -> Result<Value, Invalid> {
                Ok(Value::$variant(*self))
            }

            fn from_value(value: Value) -> Result<Self, Invalid> {
                match value {
                    Value::$variant(inner) => Ok(inner),
                    _ => Err(misfit::<Self>(&value)),
                }
            }
        })+
    };
}

plain!(bool => Bool, Uuid => Uuid, Timestamp => Time);

/// A position is at most `i64::MAX`.
impl Field for Position {
    const TYPE: ColumnType = ColumnType::Int;

    fn to_value(&self) -> Result<Value, Invalid> {
        Ok(Value::Int(self.get().cast_signed()))
    }

    fn from_value(value: Value) -> Result<Self, Invalid> {
        match value {
            Value::Int(number) => u64::try_from(number).map(Self::new).map_err(|_| misfit::<Self>(&value)),
            _ => Err(misfit::<Self>(&value)),
        }
    }
}

/// An id is stored as the value that it wraps.
#[diagnostic::do_not_recommend]
impl<I: Id<Inner: Field>> Field for I {
    const TYPE: ColumnType = <I::Inner as Field>::TYPE;
    const NULLABLE: bool = <I::Inner as Field>::NULLABLE;
    const TAG_KIND: Option<&'static str> = Some(I::KIND);
    const IS_ORDERED: bool = <I::Inner as Field>::IS_ORDERED;

    fn to_value(&self) -> Result<Value, Invalid> {
        self.as_inner().to_value()
    }

    fn from_value(value: Value) -> Result<Self, Invalid> {
        I::Inner::from_value(value).map(I::from_inner)
    }

    fn to_tag(&self) -> Result<Option<Tag>, Invalid> {
        Tag::of(self).map(Some)
    }
}

impl<F: Field> Field for Option<F> {
    const TYPE: ColumnType = F::TYPE;
    const NULLABLE: bool = true;
    const IS_ORDERED: bool = F::IS_ORDERED;

    fn to_value(&self) -> Result<Value, Invalid> {
        match self.as_ref().map(F::to_value).transpose()? {
            Some(Value::Null) => {
                Err(refuse("value", "Some(None)", "a column stores it as NULL, which is read as `None`"))
            }
            value => Ok(value.unwrap_or(Value::Null)),
        }
    }

    fn from_value(value: Value) -> Result<Self, Invalid> {
        match value {
            Value::Null => Ok(None),
            value => F::from_value(value).map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn both_ways<F: Field + PartialEq + std::fmt::Debug>(field: F) {
        assert_eq!(F::from_value(field.to_value().unwrap()).unwrap(), field);
    }

    #[test]
    fn fields_are_read_back_unchanged() {
        both_ways(i64::MIN);
        both_ways(u32::MAX);
        both_ways(0.1f32);
        both_ways(f64::NEG_INFINITY);
        both_ways("é\u{1f}".to_owned());
        both_ways("a\0\u{2400}\u{241b}".to_owned());
        both_ways(Some(true));
        both_ways(None::<Uuid>);
        both_ways(Timestamp::MAX);
        both_ways(Position::END);
    }

    #[test]
    fn value_that_no_store_can_hold_is_rejected() {
        assert!(f64::NAN.to_value().is_err() && Some(f32::NAN).to_value().is_err());
        assert!(Some(None::<u8>).to_value().unwrap_err().to_string().contains("Some(None)"));
        assert_eq!(None::<Option<u8>>.to_value().unwrap(), Value::Null);
        assert!(matches!((-0.0).to_value(), Ok(Value::Float(zero)) if zero.is_sign_positive()));
        assert!("a".repeat(MAX_PAYLOAD + 1).to_value().is_err());
        assert!(u8::from_value(Value::Int(256)).is_err());
        assert!(String::from_value(Value::Null).unwrap_err().to_string().contains("String"));
    }

    #[test]
    fn null_sorts_first_and_texts_byte_by_byte() {
        let text = |text: &str| Value::Text(text.into());
        assert_eq!(Value::Null.order(&Value::Int(i64::MIN)), Ordering::Less);
        assert_eq!(text("Z").order(&text("a")), Ordering::Less);
        assert_eq!(text("é").order(&text("z")), Ordering::Greater);
    }
}
