//! The portable query: by key or index, in an order, a page at a time.

use super::{Key, Table, Value};

/// What a query asks of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct RowQuery<'a> {
    /// The table.
    pub table: &'a Table,
    /// All of them have to hold.
    pub filters: Vec<Filter>,
    /// By which column to sort; rows that are alike there, and all rows without it, are sorted by their key.
    pub sort: Option<Sort>,
    /// Only rows behind the one with these sort values: the value of the sort column, if any, and the key.
    pub after: Option<(Option<Value>, Key)>,
    /// At most this many.
    pub limit: usize,
}

/// A condition on one column.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    /// The column, as an index into the table's columns.
    pub column: usize,
    /// What its value has to be.
    pub bound: Bound,
}

/// What a value has to be. No bound but `Equal(Null)` holds for an empty value.
#[derive(Clone, Debug, PartialEq)]
pub enum Bound {
    /// This value.
    Equal(Value),
    /// This value or a greater one.
    AtLeast(Value),
    /// A smaller value.
    Below(Value),
    /// This value or a smaller one.
    AtMost(Value),
    /// A greater value.
    Above(Value),
    /// A text that starts so, byte by byte.
    Prefix(String),
}

impl Bound {
    /// Whether a value holds it.
    pub fn holds(&self, value: &Value) -> bool {
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

/// By which column, and which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    /// The column, as an index into the table's columns.
    pub column: usize,
    /// Greatest first. The key then also sorts greatest first.
    pub descending: bool,
}
