//! What a derived question asks, against the columns of its projection: checked when the program is built.

use crate::rows::{Column, ColumnType, Role, Table};

/// The columns of the rows that a question asks for.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Columns {
    /// The table of the rows.
    pub table: Table,
    /// Their Rust type, as the user wrote it.
    pub row: &'static str,
}

impl Columns {
    /// Fails the build unless rows can be asked by a column for values of this type.
    ///
    /// # Panics
    /// If they cannot. It is for constants only, as all of these.
    #[track_caller]
    pub const fn equal(&self, column: &str, kind: ColumnType) {
        let Some(found) = self.asked(column) else { return };
        if found.kind as u8 != kind as u8 {
            let text =
                Text::new().quote(column).and(" of a ").quote(self.row).and(" holds ").kind(found.kind);
            panic!("{}", text.and(", but is compared with ").kind(kind).as_str());
        }
    }

    /// Fails the build unless a column can be compared with values of this type, which are never empty.
    #[track_caller]
    pub const fn compared(&self, column: &str, kind: ColumnType, nullable: bool) {
        assert!(
            !nullable,
            "NULL cannot be compared: write a type that is never NULL, or `Option<…>` of one for an optional condition"
        );
        self.equal(column, kind);
    }

    /// Fails the build unless a column keeps texts.
    #[track_caller]
    pub const fn prefixed(&self, column: &str) {
        self.equal(column, ColumnType::Text);
    }

    /// Fails the build unless rows can be sorted by a column.
    #[track_caller]
    pub const fn ordered(&self, column: &str) {
        let _ = self.asked(column);
    }

    /// Fails the build unless these are the key columns, in their order. If they are more or fewer, their types say so.
    #[track_caller]
    pub const fn keyed(&self, columns: &[&str]) {
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

    /// The column; none if the projection has mistakes, which are told where they are.
    #[track_caller]
    const fn asked(&self, name: &str) -> Option<&'static Column> {
        if self.has_mistakes() {
            return None;
        }
        match find(&self.table, name) {
            None => {
                let text = Text::new().and("a ").quote(self.row).and(" has no column ").quote(name);
                panic!("{}", text.and("; queries may use ").columns(&self.table, false).as_str());
            }
            Some(Column { role: Role::Plain, .. }) => {
                let text = Text::new().and("queries cannot use ").quote(name).and(" of a ").quote(self.row);
                let text = text.and(", only ").columns(&self.table, false);
                panic!("{}", text.and("; mark its field with `#[index]`").as_str());
            }
            found => found,
        }
    }

    const fn has_mistakes(&self) -> bool {
        self.table.projection.is_empty()
    }
}

const fn find(table: &Table, name: &str) -> Option<&'static Column> {
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

/// A message, made while the program is built.
struct Text {
    bytes: [u8; 4096],
    len: usize,
}

impl Text {
    const fn new() -> Self {
        Self { bytes: [0; 4096], len: 0 }
    }

    /// More of it, if there is room.
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

    /// The columns that rows are asked by, or those of the key.
    const fn columns(mut self, table: &Table, of_key: bool) -> Self {
        let (mut i, mut first) = (0, true);
        while i < table.columns.len() {
            let Column { name, role, .. } = &table.columns[i];
            if matches!(role, Role::Key) || matches!(role, Role::Index) && !of_key {
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
        })
    }

    const fn as_str(&self) -> &str {
        match str::from_utf8(self.bytes.split_at(self.len).0) {
            Ok(text) => text,
            Err(_) => "the query does not match the columns of its rows",
        }
    }
}
