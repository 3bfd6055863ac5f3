//! The columns of a table.

/// A column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// The name of the field, `[a-z][a-z0-9_]*`, at most 63 bytes.
    pub name: &'static str,
    /// The type of its values.
    pub kind: ColumnType,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// What it is for.
    pub role: Role,
}

impl Column {
    /// For stores: returns `true` if queries search by the column, so that it has an index. The key has its own.
    pub const fn is_indexed(&self) -> bool {
        matches!(self.role, Role::Index | Role::Lookup) && !matches!(self.kind, ColumnType::Json)
    }
}

/// The type of a column's values.
///
/// ```
/// use annalist::projection::{ColumnType, Field};
///
/// assert_eq!(<Option<u32> as Field>::TYPE, ColumnType::Int);
/// assert_eq!(annalist::Timestamp::TYPE, ColumnType::Time);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// True or false.
    Bool,
    /// 64-bit whole numbers.
    Int,
    /// 64-bit floating point numbers.
    Float,
    /// Text, compared byte by byte.
    Text,
    /// UUIDs.
    Uuid,
    /// Points in time, in microseconds.
    Time,
    /// JSON.
    Json,
    /// Days between the years 1 and 9999.
    Date,
    /// Times of day, in microseconds.
    TimeOfDay,
    /// Decimal numbers.
    Decimal,
}

/// The role of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Part of the key.
    Key,
    /// Indexed: queries can filter and sort by it.
    Index,
    /// Neither: queries only return it.
    Plain,
    /// A secret: a text that is encrypted in the store. Queries only return it.
    Encrypted,
    /// The keyed hash of the secret in the column before it, by which rows are found. It is indexed like [`Index`](Role::Index).
    Lookup,
}
