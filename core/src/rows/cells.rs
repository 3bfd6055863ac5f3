//! From fields to the values of a row and back, column by column. An error names its column.

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

    /// The value of the next column.
    ///
    /// # Errors
    /// That of `write`, with the name of the column.
    pub fn put<F>(&mut self, write: fn(&F) -> Result<Value, Invalid>, field: &F) -> Result<(), Invalid> {
        let value = write(field).map_err(|error| in_column(&self.table, self.row.len(), error))?;
        self.row.push(value);
        Ok(())
    }

    /// The row.
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
    /// A row that a store kept.
    pub fn new(table: Table, row: Row) -> Self {
        Self { table, values: row.into_iter(), next: 0 }
    }

    /// The field of the next column. Where a row is too short, it reads [`Value::Null`].
    ///
    /// # Errors
    /// That of `read`, with the name of the column.
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
        other => other,
    }
}
