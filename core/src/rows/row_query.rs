//! The query that every store of rows can answer: by key or index, sorted, one page at a time.

use super::{Key, Table, Value};

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

/// A condition on one column.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    /// The column, as an index into the table's columns.
    pub column: usize,
    /// The condition on its value.
    pub bound: Bound,
}

/// A condition on a value. [`Value::Null`] matches only `Equal(Null)`.
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
}

impl Bound {
    /// Returns `true` if a value matches the condition.
    pub fn matches(&self, value: &Value) -> bool {
        if let Self::Equal(wanted) = self {
            return value.order(wanted).is_eq();
        }
        if *value == Value::Null {
            return false;
        }
        match self {
            Self::Equal(_) => false,
            Self::AtLeast(bound) => value.order(bound).is_ge(),
            Self::Below(bound) => value.order(bound).is_lt(),
            Self::AtMost(bound) => value.order(bound).is_le(),
            Self::Above(bound) => value.order(bound).is_gt(),
            Self::Prefix(start) => matches!(value, Value::Text(text) if text.starts_with(start)),
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
