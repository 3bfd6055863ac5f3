//! Converts fields to the values of a row and back, column by column. Errors name the column.

use std::vec::IntoIter;

use super::{Role, Row, RowSubject, SecretSubject, Table, Value};
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

    /// Writes the value of the next column, which is a secret of a subject. The app fills in its lookup when it encrypts the row.
    ///
    /// # Errors
    /// The error of `write`, with the name of the column.
    pub fn put_secret<S>(
        &mut self,
        write: fn(&S, RowSubject) -> Result<Value, Invalid>,
        field: &S,
        subject: RowSubject,
    ) -> Result<(), Invalid> {
        let value = write(field, subject);
        self.row.push(value.map_err(|error| in_column(&self.table, self.row.len(), error))?);
        if has_lookup(&self.table, self.row.len()) {
            self.row.push(Value::Null);
        }
        Ok(())
    }

    /// Returns the subject of a secret.
    ///
    /// # Errors
    /// [`Invalid`] if the id is not valid.
    pub fn subject(column: &impl SecretSubject) -> RowSubject {
        column.to_subject()
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

    /// Reads the secret of the next column.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub fn take_secret<S>(&mut self, read: fn(Value) -> Result<S, Invalid>) -> Result<S, Invalid> {
        let secret = self.take(read)?;
        if has_lookup(&self.table, self.next) {
            self.take(Ok)?;
        }
        Ok(secret)
    }
}

/// Whether the column with this number is the lookup of the secret before it.
fn has_lookup(table: &Table, column: usize) -> bool {
    table.columns.get(column).is_some_and(|column| column.role == Role::Lookup)
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
