//! Converts fields to the values of a row and back, column by column. Errors name the column.

use std::vec::IntoIter;

use super::{Row, Table, Value};
use crate::error::Invalid;

/// Writes the values of a row in the order of its table's columns.
#[derive(Debug)]
pub struct RowWriter {
    table: Table,
    row: Row,
}

impl RowWriter {
    /// An empty row.
    pub fn new(table: Table) -> Self {
        Self { table, row: Row::with_capacity(table.columns.len()) }
    }

    /// Writes the value of the next column.
    ///
    /// # Errors
    /// The error of `write`, with the name of the column.
    pub fn put<F>(&mut self, write: fn(&F) -> Result<Value, Invalid>, field: &F) -> Result<(), Invalid> {
        let value = write(field).map_err(|error| in_column(&self.table, self.row.len(), error))?;
        self.row.push(value);
        Ok(())
    }

    /// Returns the row.
    pub fn finish(self) -> Row {
        self.row
    }
}

/// Reads the values of a row in the order of its table's columns.
#[derive(Debug)]
pub struct RowReader {
    table: Table,
    values: IntoIter<Value>,
    next: usize,
}

impl RowReader {
    /// A reader of a stored row.
    pub fn new(table: Table, row: Row) -> Self {
        Self { table, values: row.into_iter(), next: 0 }
    }

    /// Reads the field of the next column. A missing value is read as [`Value::Null`].
    ///
    /// # Errors
    /// The error of `read`, with the name of the column.
    pub fn take<F>(&mut self, read: fn(Value) -> Result<F, Invalid>) -> Result<F, Invalid> {
        let field = read(self.values.next().unwrap_or(Value::Null));
        let field = field.map_err(|error| in_column(&self.table, self.next, error))?;
        self.next += 1;
        Ok(field)
    }
}

fn in_column(table: &Table, column: usize, error: Invalid) -> Invalid {
    let Some(column) = table.columns.get(column) else { return error };
    let column = format!("column `{}` of `{}`", column.name, table.projection);
    match error {
        Invalid::Text { what, value, rule } => {
            Invalid::Text { what, value, rule: format!("{rule} ({column})") }
        }
        Invalid::TooLarge { what, size, limit } => {
            Invalid::TooLarge { what: format!("{column}: {what}"), size, limit }
        }
        Invalid::Encode { name: _, source } => Invalid::Encode { name: column, source },
        Invalid::NotReadable { name, data, reason } => {
            Invalid::NotReadable { name, data, reason: format!("{reason} ({column})") }
        }
        other => other,
    }
}
