//! The query that every store of rows can answer: by key or index, sorted, one page at a time.

use super::{Key, Table, Value};
use crate::{
    error::Invalid,
    limits::{MAX_PAYLOAD, refuse},
};

/// A query for rows of one table.
#[derive(Clone, Debug, PartialEq)]
pub struct RowQuery<'a> {
    /// The table.
    pub table: &'a Table,
    /// The conditions; a row must match all of them.
    pub filters: Vec<Filter>,
    /// The column to sort by. Rows with equal values, and all rows if it is `None`, are sorted by key.
    pub sort: Option<Sort>,
    /// Selects the rows after this one in the order of the query: the value of its sort column, if any, and its key.
    pub after: Option<(Option<Value>, Key)>,
    /// The maximum number of rows.
    pub limit: usize,
}

impl RowQuery<'_> {
    /// The query for all rows that match the filters.
    pub(super) fn of_all_rows(&self) -> Self {
        Self { sort: None, after: None, limit: usize::MAX, ..self.clone() }
    }
}

/// A condition on one column.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    /// The column, as an index into the table's columns.
    pub column: usize,
    /// The condition on its value.
    pub bound: Bound,
}

/// A condition on a value. [`Value::Null`] matches only `Equal(Null)`, and `OneOf` with a `Null`.
#[derive(Clone, Debug, PartialEq)]
pub enum Bound {
    /// Equal to this value.
    Equal(Value),
    /// Equal to this value or greater.
    AtLeast(Value),
    /// Smaller than this value.
    Below(Value),
    /// Equal to this value or smaller.
    AtMost(Value),
    /// Greater than this value.
    Above(Value),
    /// A text that starts with this one, compared byte by byte.
    Prefix(String),
    /// A text that starts with this one if the letters from A to Z are the same as those from a to z.
    PrefixIgnoreAsciiCase(String),
    /// Equal to one of these values. [`Value::Null`] among them matches NULL.
    OneOf(Vec<Value>),
}

impl Bound {
    /// The maximum number of different values of [`Bound::OneOf`]. Databases limit the parameters of a statement.
    pub const MAX_VALUES: usize = 1_000;

    /// Equal to one of these values, sorted and without repetitions.
    ///
    /// # Errors
    /// [`Invalid`] if they are more than 1,000 different values, or larger than 4 MiB together.
    pub fn one_of(mut values: Vec<Value>) -> Result<Self, Invalid> {
        values.sort_by(Value::order);
        values.dedup_by(|one, other| one.order(other).is_eq());
        if values.len() > Self::MAX_VALUES {
            let rule =
                format!("a query compares with at most {} different values: split them", Self::MAX_VALUES);
            return Err(refuse("list of values", &format!("{} values", values.len()), rule));
        }
        match values.iter().map(Value::size).sum() {
            size if size > MAX_PAYLOAD => {
                Err(Invalid::TooLarge { what: "list of values".to_owned(), size, limit: MAX_PAYLOAD })
            }
            _ => Ok(Self::OneOf(values)),
        }
    }

    /// Returns `true` if a value matches the condition.
    pub fn matches(&self, value: &Value) -> bool {
        match self {
            Self::Equal(wanted) => value.order(wanted).is_eq(),
            Self::OneOf(wanted) => wanted.iter().any(|wanted| value.order(wanted).is_eq()),
            _ if *value == Value::Null => false,
            Self::AtLeast(bound) => value.order(bound).is_ge(),
            Self::Below(bound) => value.order(bound).is_lt(),
            Self::AtMost(bound) => value.order(bound).is_le(),
            Self::Above(bound) => value.order(bound).is_gt(),
            Self::Prefix(start) => matches!(value, Value::Text(text) if text.starts_with(start)),
            Self::PrefixIgnoreAsciiCase(start) => {
                let head = match value {
                    Value::Text(text) => text.as_bytes().get(..start.len()),
                    _ => None,
                };
                head.is_some_and(|head| head.eq_ignore_ascii_case(start.as_bytes()))
            }
        }
    }
}

/// The column to sort by, and the direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    /// The column, as an index into the table's columns.
    pub column: usize,
    /// Whether the greatest value comes first. The key is sorted in the same direction.
    pub descending: bool,
}
