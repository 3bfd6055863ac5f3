//! SQL statements for tables of rows, for stores on SQL databases. A [`Dialect`] provides what differs between databases.
//!
//! Names were accepted by [`Table::check`] and are always quoted. Values are always parameters.

mod find;

use super::{Column, ColumnType, Key, Role, Row, Table, Value};
use crate::{
    error::{Error, Invalid},
    limits::refuse,
};

/// The parts of a statement that differ between databases.
pub trait Dialect: Send + Sync {
    /// A table or a view, quoted, in the schema or with the prefix that only rows use.
    fn relation(&self, name: &str) -> String;

    /// The name of an index in `CREATE INDEX`.
    fn index(&self, name: &str) -> String;

    /// The type of a column, with a byte-by-byte collation unless that is the default.
    fn column_type(&self, kind: ColumnType) -> &'static str;

    /// The name of a column in the table, which may differ from the name of the field; the view always has the field's name.
    fn column(&self, name: &str) -> String {
        quoted(name)
    }

    /// The name of a built-in function in a statement, qualified if the database would otherwise search other schemas for it.
    fn function(&self, name: &str) -> String {
        name.to_owned()
    }

    /// A JSON column as text, compared byte by byte.
    fn json_text(&self, column: &str) -> String {
        column.to_owned()
    }

    /// The options after the columns of `CREATE TABLE`.
    fn table_options(&self) -> &'static str {
        ""
    }

    /// The option of an index column that sorts NULL first.
    fn nulls_first(&self) -> &'static str {
        ""
    }

    /// The maximum length of an indexed text in bytes, if there is a limit.
    fn longest_indexed(&self) -> Option<usize> {
        None
    }

    /// The parameter with this number, counted from 1.
    fn parameter(&self, number: usize) -> String;

    /// A source of the keys that a statement receives as parameters, for `FROM`. Its alias is `given`; its columns are `"#"`,
    /// the number of the key counted from 1, and `"0"`, `"1"`, …. No column of a table has such a name.
    fn keys_source(&self, key: &[&Column]) -> String;

    /// A source of the rows that a statement receives as parameters, for `INSERT`: `VALUES` or a `SELECT`.
    fn values_source(&self, columns: &[Column]) -> String;
}

/// The statements for one table.
#[derive(Clone, Copy)]
pub struct TableSql<'a> {
    dialect: &'a dyn Dialect,
    table: &'a Table,
}

/// The `SELECT` of a query, with the values of its parameters. None of them is [`Value::Null`].
#[derive(Clone, Debug, PartialEq)]
pub struct SelectStatement {
    /// The statement.
    pub sql: String,
    /// The values of its parameters, in order.
    pub values: Vec<Value>,
}

impl<'a> TableSql<'a> {
    /// The statements for a table.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the table is not valid, or its key has a type that SQL databases cannot compare exactly.
    pub fn new(dialect: &'a dyn Dialect, table: &'a Table) -> Result<Self, Error> {
        table.check()?;
        match table.key().find(|column| matches!(column.kind, ColumnType::Float | ColumnType::Json)) {
            Some(column) => {
                Err(refuse("key column", column.name, "floating point numbers and JSON cannot be keys")
                    .into())
            }
            None => Ok(Self { dialect, table }),
        }
    }

    /// Creates the table and its indexes. Every index ends with the key, so that a page of a sorted list is one index scan.
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
        let indexed = self.table.columns.iter().enumerate().filter(|(_, column)| column.is_indexed());
        std::iter::once(table)
            .chain(indexed.flat_map(|(number, column)| self.indexes(number, column)))
            .collect()
    }

    /// Creates the view with the name of the projection, which selects from this table.
    pub fn view(&self) -> String {
        let column = |column: &Column| {
            let (stored, name) = (self.column(column), quoted(column.name));
            if stored == name { name } else { format!("{stored} AS {name}") }
        };
        let columns: Vec<String> = self.table.columns.iter().map(column).collect();
        let view = self.view_relation();
        format!("CREATE VIEW {view} AS SELECT {} FROM {}", columns.join(", "), self.relation())
    }

    /// Returns the name of the table, quoted and with its schema, as a statement has it.
    pub fn relation(&self) -> String {
        self.dialect.relation(&self.table.name())
    }

    /// Returns the name of the view, quoted and with its schema, as a statement has it.
    pub fn view_relation(&self) -> String {
        self.dialect.relation(self.table.projection)
    }

    /// Drops the view with the name of the projection.
    pub fn drop_view(&self) -> String {
        format!("DROP VIEW IF EXISTS {}", self.view_relation())
    }

    /// Drops the table with its rows and indexes.
    pub fn drop_table(&self) -> String {
        format!("DROP TABLE IF EXISTS {}", self.relation())
    }

    /// Compares the rows with those of the live build, which has the same columns. Returns one row: the number of rows only in
    /// the live build, the number only in this build, the number with different values, and the smallest key of all these
    /// rows, if any.
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
        let count = self.dialect.function("count");
        format!(
            "WITH differing AS (SELECT {}, \
             CASE WHEN {some_built} IS NULL THEN 0 WHEN {some_live} IS NULL THEN 1 ELSE 2 END AS \"#\" \
             FROM {} AS live FULL JOIN {} AS built ON {} \
             WHERE {some_built} IS NULL OR {some_live} IS NULL{}) \
             SELECT (SELECT {count}(*) FROM differing WHERE \"#\" = 0) AS missing, \
             (SELECT {count}(*) FROM differing WHERE \"#\" = 1) AS added, \
             (SELECT {count}(*) FROM differing WHERE \"#\" = 2) AS changed, {ids} \
             FROM (SELECT 1 AS one) AS one LEFT JOIN \
             (SELECT * FROM differing ORDER BY {ids} LIMIT 1) AS example ON true",
            either.collect::<Vec<_>>().join(", "),
            live.relation(),
            self.relation(),
            on.join(" AND "),
            differs.concat(),
        )
    }

    /// Selects the rows with the given keys: first the number of the key, then the columns.
    pub fn select(&self) -> String {
        let key: Vec<&Column> = self.table.key().collect();
        let same =
            key.iter().enumerate().map(|(n, column)| format!("{} = given.\"{n}\"", self.column(column)));
        format!(
            "SELECT given.\"#\", {} FROM {} CROSS JOIN {} WHERE {}",
            self.columns(),
            self.dialect.keys_source(&key),
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
            self.dialect.keys_source(&key),
        )
    }

    /// Inserts the given rows, or replaces them if they exist.
    pub fn upsert(&self) -> String {
        self.upsert_from(&self.dialect.values_source(self.table.columns))
    }

    /// As [`upsert`](TableSql::upsert), for the rows that another `SELECT` returns.
    pub fn upsert_from(&self, source: &str) -> String {
        let names: Vec<String> = self.table.columns.iter().map(|column| self.column(column)).collect();
        let others = self.table.columns.iter().filter(|column| column.role != Role::Key);
        let set: Vec<String> = others
            .map(|column| self.column(column))
            .map(|name| format!("{name} = excluded.{name}"))
            .collect();
        let action =
            if set.is_empty() { "NOTHING".to_owned() } else { format!("UPDATE SET {}", set.join(", ")) };
        format!(
            "INSERT INTO {} ({}) {source} ON CONFLICT ({}) DO {action}",
            self.relation(),
            names.join(", "),
            self.key(),
        )
    }

    /// Checks rows and keys before they are written, because a database would report errors in its own words, or store another
    /// value.
    ///
    /// # Errors
    /// [`Invalid`] if a row or a key does not fit the table.
    pub fn check(&self, rows: &[Row], keys: &[Key]) -> Result<(), Invalid> {
        let columns: Vec<&Column> = self.table.columns.iter().collect();
        let key: Vec<&Column> = self.table.key().collect();
        rows.iter().try_for_each(|row| check_values(&columns, row))?;
        keys.iter().try_for_each(|values| check_values(&key, values))
    }

    /// The indexes of a column: one, or two for a text if the database limits the length of indexed texts: one for short texts,
    /// and one for long texts. Queries use both.
    fn indexes(&self, number: usize, column: &Column) -> Vec<String> {
        let label = self.table.label();
        let (on, name, key) = (self.relation(), self.column(column), self.key());
        let nulls = if column.nullable { self.dialect.nulls_first() } else { "" };
        let index = self.dialect.index(&format!("{label}.{number}"));
        let plain = format!("CREATE INDEX {index} ON {on} ({name}{nulls}, {key})");
        match self.text_indexes(column) {
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

    /// The conditions of the two indexes of a text: short texts and NULL, and long texts.
    fn text_indexes(&self, column: &Column) -> Option<[String; 2]> {
        let longest = self.dialect.longest_indexed()?;
        (column.kind == ColumnType::Text && column.role == Role::Index).then(|| {
            let length = self.dialect.function("octet_length");
            let long = format!("{length}({}) > {longest}", self.column(column));
            [format!("({long}) IS NOT TRUE"), long]
        })
    }

    fn column(&self, column: &Column) -> String {
        self.dialect.column(column.name)
    }

    /// A column as an expression that can be compared and read.
    fn readable(&self, column: &Column) -> String {
        let name = self.column(column);
        if column.kind == ColumnType::Json { self.dialect.json_text(&name) } else { name }
    }

    /// All columns for `SELECT`.
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

/// A name as a quoted identifier.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Checks that values fit columns, in number, type and range.
fn check_values(columns: &[&Column], values: &[Value]) -> Result<(), Invalid> {
    if columns.len() != values.len() {
        let rule = format!("it has {} values for {} columns", values.len(), columns.len());
        return Err(refuse("row", "", rule));
    }
    columns.iter().zip(values).try_for_each(|(column, value)| match value {
        Value::Null if column.nullable => Ok(()),
        Value::Null => Err(refuse("column", column.name, "it must not be NULL")),
        Value::Float(number) if number.is_nan() => Err(refuse("column", column.name, "it cannot hold NaN")),
        Value::Text(text) if text.contains('\0') => {
            Err(refuse("column", column.name, "it cannot hold the character NUL"))
        }
        value => column.check_sealed(value).and_then(|()| check_type(column, value)),
    })
}

fn check_type(column: &Column, value: &Value) -> Result<(), Invalid> {
    let kind = match value {
        Value::Null => column.kind,
        Value::Bool(_) => ColumnType::Bool,
        Value::Int(_) => ColumnType::Int,
        Value::Float(_) => ColumnType::Float,
        Value::Text(_) => ColumnType::Text,
        Value::Uuid(_) => ColumnType::Uuid,
        Value::Time(_) => ColumnType::Time,
        Value::Json(_) => ColumnType::Json,
        Value::Date(_) => ColumnType::Date,
        Value::TimeOfDay(_) => ColumnType::TimeOfDay,
        Value::Decimal(_) => ColumnType::Decimal,
    };
    if kind == column.kind {
        return Ok(());
    }
    Err(refuse("column", column.name, format!("it holds {:?}, not {}", column.kind, value.describe())))
}

#[cfg(test)]
mod tests;
