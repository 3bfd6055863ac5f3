//! Compile-time checks of a derived query against the columns of its projection.

use crate::rows::{Column, ColumnType, Role, Table};

/// The error for a range of values that are stored as the texts of variants.
pub(super) const UNORDERED: &str = "an enum is stored as text, so the database does not know the order of its variants: compare it with `equal` or `one_of`";

/// The columns that a derived query uses, for checks while the program is compiled. Each method panics if its check fails,
/// which makes a constant that calls it a compile error.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct QueryColumns {
    /// The table of the projection.
    pub table: Table,
    /// The Rust type of the row, as the user wrote it.
    pub row: &'static str,
}

impl QueryColumns {
    /// Checks that a column can be queried and holds values of this type.
    ///
    /// # Panics
    /// If it cannot, or holds another type.
    #[track_caller]
    pub const fn check_equal(&self, column: &str, kind: ColumnType) {
        let Some(found) = self.queryable(column) else { return };
        if found.kind as u8 != kind as u8 {
            let text = Text::new().quote(column).and(" of a ").quote(self.row).and(" holds ");
            let text = text.kind(found.kind).and(", but is compared with ").kind(kind);
            panic!("{}", text.as_str());
        }
    }

    /// Checks that a column can be compared with values of this type, which must not be optional.
    ///
    /// # Panics
    /// If it cannot.
    #[track_caller]
    pub const fn check_comparison(&self, column: &str, kind: ColumnType, nullable: bool) {
        assert!(
            !nullable,
            "NULL cannot be compared: write a type that is never NULL, or `Option<…>` of one for an optional condition"
        );
        self.check_equal(column, kind);
    }

    /// Checks that a column can be compared with a range of values of this type, which must have an order.
    ///
    /// # Panics
    /// If it cannot.
    #[track_caller]
    pub const fn check_range(&self, column: &str, kind: ColumnType, nullable: bool, is_ordered: bool) {
        assert!(is_ordered, "{}", UNORDERED);
        self.check_comparison(column, kind, nullable);
    }

    /// Checks that a column can be queried and holds texts.
    ///
    /// # Panics
    /// If it does not.
    #[track_caller]
    pub const fn check_prefix(&self, column: &str) {
        self.check_equal(column, ColumnType::Text);
    }

    /// Checks that rows can be sorted by a column.
    ///
    /// # Panics
    /// If they cannot.
    #[track_caller]
    pub const fn check_order(&self, column: &str) {
        let _ = self.queryable(column);
    }

    /// Checks that these are the key columns, in order. A wrong number of columns is a type error elsewhere.
    ///
    /// # Panics
    /// If a name or the order is wrong.
    #[track_caller]
    pub const fn check_key(&self, columns: &[&str]) {
        let (mut i, mut keys, mut same_names) = (0, 0, true);
        while i < self.table.columns.len() {
            if matches!(self.table.columns[i].role, Role::Key) {
                same_names &= keys < columns.len() && same(self.table.columns[i].name, columns[keys]);
                keys += 1;
            }
            i += 1;
        }
        if !same_names && keys == columns.len() {
            let text =
                Text::new().and("the key of a ").quote(self.row).and(" is ").columns(&self.table, true);
            panic!("{}", text.and(if keys > 1 { ", in this order" } else { "" }).as_str());
        }
    }

    /// The column with this name. `None` if the projection has errors of its own, which the compiler reports there.
    #[track_caller]
    const fn queryable(&self, name: &str) -> Option<&'static Column> {
        if self.is_invalid() {
            return None;
        }
        match column(&self.table, name) {
            None => {
                let text = Text::new().and("a ").quote(self.row).and(" has no column ").quote(name);
                panic!("{}", text.and("; queries may use ").columns(&self.table, false).as_str());
            }
            Some(Column { role: Role::Encrypted, .. }) => {
                let text = Text::new().and("queries cannot use ").quote(name).and(" of a ").quote(self.row);
                let text = text.and(", which is a secret: find rows by its value with `List::equal_secret`, and `lookup` in its ");
                panic!(
                    "{}",
                    text.and("`#[secret(…)]`; filter and sort the rows that the query returns").as_str()
                );
            }
            Some(Column { role: Role::Plain | Role::Lookup, .. }) => {
                let text = Text::new().and("queries cannot use ").quote(name).and(" of a ").quote(self.row);
                let text = text.and(", only ").columns(&self.table, false);
                panic!("{}", text.and("; mark its field with `#[index]`").as_str());
            }
            found => found,
        }
    }

    const fn is_invalid(&self) -> bool {
        self.table.projection.is_empty()
    }
}

const fn column(table: &Table, name: &str) -> Option<&'static Column> {
    let mut i = 0;
    while i < table.columns.len() {
        if same(table.columns[i].name, name) {
            return Some(&table.columns[i]);
        }
        i += 1;
    }
    None
}

const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut i = 0;
    while i < a.len() && i < b.len() && a[i] == b[i] {
        i += 1;
    }
    i == a.len() && i == b.len()
}

/// A message that is built at compile time.
struct Text {
    bytes: [u8; 4096],
    len: usize,
}

impl Text {
    const fn new() -> Self {
        Self { bytes: [0; 4096], len: 0 }
    }

    /// Appends a text, up to the capacity.
    const fn and(mut self, text: &str) -> Self {
        let text = text.as_bytes();
        let mut i = 0;
        while i < text.len() && self.len < self.bytes.len() {
            self.bytes[self.len] = text[i];
            self.len += 1;
            i += 1;
        }
        self
    }

    const fn quote(self, text: &str) -> Self {
        self.and("`").and(text).and("`")
    }

    /// Appends the names of the columns that queries can use, or only those of the key.
    const fn columns(mut self, table: &Table, key_only: bool) -> Self {
        let (mut i, mut first) = (0, true);
        while i < table.columns.len() {
            let Column { name, role, .. } = &table.columns[i];
            if matches!(role, Role::Key) || matches!(role, Role::Index) && !key_only {
                self = if first { self } else { self.and(", ") }.quote(name);
                first = false;
            }
            i += 1;
        }
        self
    }

    const fn kind(self, kind: ColumnType) -> Self {
        self.and(match kind {
            ColumnType::Bool => "booleans",
            ColumnType::Int => "whole numbers",
            ColumnType::Float => "numbers",
            ColumnType::Text => "texts",
            ColumnType::Uuid => "UUIDs",
            ColumnType::Time => "times",
            ColumnType::Json => "JSON",
            ColumnType::Date => "dates",
            ColumnType::TimeOfDay => "times of day",
            ColumnType::Decimal => "decimal numbers",
        })
    }

    const fn as_str(&self) -> &str {
        match str::from_utf8(self.bytes.split_at(self.len).0) {
            Ok(text) => text,
            Err(_) => "the query does not match the columns of its rows",
        }
    }
}
