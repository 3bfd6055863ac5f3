//! For stores on SQL databases: the statements for tables of rows, the same everywhere but for what a [`Dialect`] says.
//!
//! Names are identifiers that [`Table::check`] has accepted, and always quoted. Values are always parameters.

mod find;

use super::{Column, ColumnType, Key, Role, Row, Table, Value};
use crate::{
    error::{Error, Invalid},
    limits::refuse,
};

/// What a database writes in its own way.
pub trait Dialect: Send + Sync {
    /// A table or a view, quoted, with the place that only rows are in: no name in it belongs to anything else.
    fn relation(&self, name: &str) -> String;

    /// An index as `CREATE INDEX` wants it.
    fn index(&self, name: &str) -> String;

    /// The type of a column, with its collation if that is not byte by byte anyway.
    fn column_type(&self, kind: ColumnType) -> &'static str;

    /// A column of a table. The view has the column's own name, even where the table cannot.
    fn column(&self, name: &str) -> String {
        quoted(name)
    }

    /// A column of JSON as a text that is compared byte by byte.
    fn json_text(&self, column: &str) -> String {
        column.to_owned()
    }

    /// What stands behind the columns of a table.
    fn table_options(&self) -> &'static str {
        ""
    }

    /// What an index says behind a column that may be empty, so that nothing comes first.
    fn nulls_first(&self) -> &'static str {
        ""
    }

    /// Longest text in bytes that an index keeps, if there is a limit.
    fn longest_indexed(&self) -> Option<usize> {
        None
    }

    /// The parameter with a number, counted from 1.
    fn parameter(&self, number: usize) -> String;

    /// Any number of keys as something to select from: it is called `given` and has the columns `"#"`, counted from 1,
    /// and `"0"`, `"1"`, …: no column of a table is called so.
    fn given_keys(&self, key: &[&Column]) -> String;

    /// The rows to insert, as `VALUES` or a `SELECT`.
    fn given_rows(&self, columns: &[Column]) -> String;
}

/// The statements for one table.
#[derive(Clone, Copy)]
pub struct TableSql<'a> {
    dialect: &'a dyn Dialect,
    table: &'a Table,
}

/// A statement that was made for one question, with the values of its parameters. None of them is [`Value::Null`].
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// The statement.
    pub sql: String,
    /// Its parameters, from the first.
    pub values: Vec<Value>,
}

impl<'a> TableSql<'a> {
    /// The statements for a table, none of which was sent yet.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the table is not valid, or has a key that SQL databases do not find exactly.
    pub fn new(dialect: &'a dyn Dialect, table: &'a Table) -> Result<Self, Error> {
        table.check()?;
        match table.key().find(|column| matches!(column.kind, ColumnType::Float | ColumnType::Json)) {
            Some(column) => {
                Err(refuse("key column", column.name, "floating point numbers and JSON are no keys").into())
            }
            None => Ok(Self { dialect, table }),
        }
    }

    /// Makes the table with its indexes. An index has the key behind its column, so that a page of a sorted list is a
    /// walk along it.
    pub fn create(&self) -> Vec<String> {
        let column = |column: &Column| {
            let not_null = if column.nullable { "" } else { " NOT NULL" };
            format!("  {} {}{not_null}", self.column(column), self.dialect.column_type(column.kind))
        };
        let columns: Vec<String> = self.table.columns.iter().map(column).collect();
        let table = format!(
            "CREATE TABLE {} (\n{},\n  CONSTRAINT {} PRIMARY KEY ({})\n){}",
            self.relation(),
            columns.join(",\n"),
            quoted(&format!("{}.key", self.table.label())),
            self.key(),
            self.dialect.table_options(),
        );
        let indexed = self.table.columns.iter().enumerate().filter(|(_, column)| is_indexed(column));
        std::iter::once(table)
            .chain(indexed.flat_map(|(number, column)| self.indexes(number, column)))
            .collect()
    }

    /// Makes the view with the projection's name, which selects from this version.
    pub fn view(&self) -> String {
        let column = |column: &Column| {
            let (kept, name) = (self.column(column), quoted(column.name));
            if kept == name { name } else { format!("{kept} AS {name}") }
        };
        let columns: Vec<String> = self.table.columns.iter().map(column).collect();
        let view = self.dialect.relation(self.table.projection);
        format!("CREATE VIEW {view} AS SELECT {} FROM {}", columns.join(", "), self.relation())
    }

    /// Removes the view with the projection's name.
    pub fn drop_view(&self) -> String {
        format!("DROP VIEW IF EXISTS {}", self.dialect.relation(self.table.projection))
    }

    /// Removes the table with its rows and indexes.
    pub fn drop_table(&self) -> String {
        format!("DROP TABLE IF EXISTS {}", self.relation())
    }

    /// Compares the rows with those of another build of the same columns, the live one. One row: how many rows only the
    /// live one has, how many only this one, how many have other values, and the smallest key of such a row, if any.
    pub fn compare(&self, live: &TableSql<'_>) -> String {
        let key: Vec<String> = self.table.key().map(|column| self.column(column)).collect();
        let on: Vec<String> = key.iter().map(|name| format!("live.{name} = built.{name}")).collect();
        let ids = (0..key.len()).map(|n| format!("\"{n}\"")).collect::<Vec<_>>().join(", ");
        let either =
            key.iter().enumerate().map(|(n, name)| format!("coalesce(live.{name}, built.{name}) AS \"{n}\""));
        let side = |side: &str, column: &Column| {
            let name = format!("{side}.{}", self.column(column));
            if column.kind == ColumnType::Json { self.dialect.json_text(&name) } else { name }
        };
        let others = self.table.columns.iter().filter(|column| column.role != Role::Key);
        let differs: Vec<String> = others
            .map(|column| format!(" OR {} IS DISTINCT FROM {}", side("live", column), side("built", column)))
            .collect();
        let (some_live, some_built) =
            (format!("live.{}", self.first_key()), format!("built.{}", self.first_key()));
        format!(
            "WITH differing AS (SELECT {}, \
             CASE WHEN {some_built} IS NULL THEN 0 WHEN {some_live} IS NULL THEN 1 ELSE 2 END AS \"#\" \
             FROM {} AS live FULL JOIN {} AS built ON {} \
             WHERE {some_built} IS NULL OR {some_live} IS NULL{}) \
             SELECT (SELECT count(*) FROM differing WHERE \"#\" = 0) AS missing, \
             (SELECT count(*) FROM differing WHERE \"#\" = 1) AS added, \
             (SELECT count(*) FROM differing WHERE \"#\" = 2) AS changed, {ids} \
             FROM (SELECT 1 AS one) AS one LEFT JOIN \
             (SELECT * FROM differing ORDER BY {ids} LIMIT 1) AS example ON true",
            either.collect::<Vec<_>>().join(", "),
            live.relation(),
            self.relation(),
            on.join(" AND "),
            differs.concat(),
        )
    }

    /// Selects the rows with the given keys: the number of the key first, then the columns.
    pub fn select(&self) -> String {
        let key: Vec<&Column> = self.table.key().collect();
        let same =
            key.iter().enumerate().map(|(n, column)| format!("{} = given.\"{n}\"", self.column(column)));
        format!(
            "SELECT given.\"#\", {} FROM {} CROSS JOIN {} WHERE {}",
            self.columns(),
            self.dialect.given_keys(&key),
            self.relation(),
            same.collect::<Vec<_>>().join(" AND "),
        )
    }

    /// Deletes the rows with the given keys.
    pub fn delete(&self) -> String {
        let key: Vec<&Column> = self.table.key().collect();
        let given: Vec<String> = (0..key.len()).map(|n| format!("given.\"{n}\"")).collect();
        format!(
            "DELETE FROM {} WHERE ({}) IN (SELECT {} FROM {})",
            self.relation(),
            self.key(),
            given.join(", "),
            self.dialect.given_keys(&key),
        )
    }

    /// Writes the given rows whole, whether they are there or not.
    pub fn upsert(&self) -> String {
        let names: Vec<String> = self.table.columns.iter().map(|column| self.column(column)).collect();
        let others = self.table.columns.iter().filter(|column| column.role != Role::Key);
        let set: Vec<String> = others
            .map(|column| self.column(column))
            .map(|name| format!("{name} = excluded.{name}"))
            .collect();
        let action =
            if set.is_empty() { "NOTHING".to_owned() } else { format!("UPDATE SET {}", set.join(", ")) };
        format!(
            "INSERT INTO {} ({}) {} ON CONFLICT ({}) DO {action}",
            self.relation(),
            names.join(", "),
            self.dialect.given_rows(self.table.columns),
            self.key(),
        )
    }

    /// Checks what is about to be written: a database would refuse it in words of its own, or keep something else.
    ///
    /// # Errors
    /// [`Invalid`] if a row or a key does not fit the table.
    pub fn check(&self, rows: &[Row], keys: &[Key]) -> Result<(), Invalid> {
        let columns: Vec<&Column> = self.table.columns.iter().collect();
        let key: Vec<&Column> = self.table.key().collect();
        rows.iter().try_for_each(|row| fit(&columns, row))?;
        keys.iter().try_for_each(|values| fit(&key, values))
    }

    /// Two for a text where indexes have a limit: one over what fits, one over what does not. A query goes through both.
    fn indexes(&self, number: usize, column: &Column) -> Vec<String> {
        let label = self.table.label();
        let (on, name, key) = (self.relation(), self.column(column), self.key());
        let nulls = if column.nullable { self.dialect.nulls_first() } else { "" };
        let index = self.dialect.index(&format!("{label}.{number}"));
        let plain = format!("CREATE INDEX {index} ON {on} ({name}{nulls}, {key})");
        match self.sides(column) {
            None => vec![plain],
            Some([short, long]) => {
                let rest = self.dialect.index(&format!("{label}+{number}"));
                vec![
                    format!("{plain} WHERE {short}"),
                    format!("CREATE INDEX {rest} ON {on} ({key}) WHERE {long}"),
                ]
            }
        }
    }

    /// The conditions of the two indexes of a text.
    fn sides(&self, column: &Column) -> Option<[String; 2]> {
        let longest = self.dialect.longest_indexed()?;
        (column.kind == ColumnType::Text && is_indexed(column)).then(|| {
            let long = format!("octet_length({}) > {longest}", self.column(column));
            [format!("({long}) IS NOT TRUE"), long]
        })
    }

    fn relation(&self) -> String {
        self.dialect.relation(&self.table.name())
    }

    fn column(&self, column: &Column) -> String {
        self.dialect.column(column.name)
    }

    /// A column as something that can be compared and read.
    fn readable(&self, column: &Column) -> String {
        let name = self.column(column);
        if column.kind == ColumnType::Json { self.dialect.json_text(&name) } else { name }
    }

    /// All columns, under their own names.
    fn columns(&self) -> String {
        let column = |column: &Column| {
            let (readable, name) = (self.readable(column), self.column(column));
            if readable == name { name } else { format!("{readable} AS {name}") }
        };
        self.table.columns.iter().map(column).collect::<Vec<_>>().join(", ")
    }

    fn first_key(&self) -> String {
        self.table.key().next().map_or_else(String::new, |column| self.column(column))
    }

    fn key(&self) -> String {
        self.table.key().map(|column| self.column(column)).collect::<Vec<_>>().join(", ")
    }
}

/// A name as an identifier, whatever it means to the database otherwise.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn is_indexed(column: &Column) -> bool {
    column.role == Role::Index && column.kind != ColumnType::Json
}

fn fit(columns: &[&Column], values: &[Value]) -> Result<(), Invalid> {
    if columns.len() != values.len() {
        let rule = format!("it has {} values for {} columns", values.len(), columns.len());
        return Err(refuse("row", "", rule));
    }
    columns.iter().zip(values).try_for_each(|(column, value)| match value {
        Value::Null if column.nullable => Ok(()),
        Value::Null => Err(refuse("column", column.name, "it must not be empty")),
        Value::Float(number) if number.is_nan() => Err(refuse("column", column.name, "it cannot keep NaN")),
        Value::Text(text) if text.contains('\0') => Err(refuse("column", column.name, "it cannot keep NUL")),
        value => fits(column, value),
    })
}

fn fits(column: &Column, value: &Value) -> Result<(), Invalid> {
    let kind = match value {
        Value::Null => column.kind,
        Value::Bool(_) => ColumnType::Bool,
        Value::Int(_) => ColumnType::Int,
        Value::Float(_) => ColumnType::Float,
        Value::Text(_) => ColumnType::Text,
        Value::Uuid(_) => ColumnType::Uuid,
        Value::Time(_) => ColumnType::Time,
        Value::Json(_) => ColumnType::Json,
    };
    if kind == column.kind {
        return Ok(());
    }
    Err(refuse("column", column.name, format!("it keeps {:?}, not {}", column.kind, value.describe())))
}

#[cfg(test)]
mod tests;
