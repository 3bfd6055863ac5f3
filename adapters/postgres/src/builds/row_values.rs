//! Values of rows as PostgreSQL stores them, and the dialect of statements on rows.

use annalist_core::{
    error::Error,
    payload::Payload,
    rows::{
        Column, ColumnType, Key, Row, Table, Value,
        sql::{Dialect, quoted},
    },
};
use sqlx::{
    Postgres, Row as _,
    postgres::{PgArguments, PgRow},
    query::Query,
};

use crate::{
    builds::numeric::Numeric,
    open::schema_name::SchemaName,
    values::{Day, DayTime, Time},
};

type Statement<'q> = Query<'q, Postgres, PgArguments>;

/// Names of columns that every table has (PostgreSQL manual, 5.6). Only a view may use them.
const SYSTEM_COLUMNS: [&str; 6] = ["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"];
/// An entry of a B-tree has at most 2704 bytes, some of which belong to the key.
const MAX_INDEXED: usize = 512;
/// Maximum number of bytes of a statement, except for a single row.
const MAX_BYTES: usize = 8 << 20;

/// The SQL of PostgreSQL. Rows have a schema of their own beside that of the log, so a projection may be called `events`.
pub(crate) struct PostgresDialect {
    schema: String,
}

impl PostgresDialect {
    pub(super) fn new(schema: &SchemaName) -> Self {
        Self { schema: schema.quoted_rows() }
    }
}

impl Dialect for PostgresDialect {
    fn relation(&self, name: &str) -> String {
        format!("{}.{}", self.schema, quoted(name))
    }

    fn index(&self, name: &str) -> String {
        quoted(name)
    }

    fn column_type(&self, kind: ColumnType) -> &'static str {
        match kind {
            ColumnType::Bool => "boolean",
            ColumnType::Int => "bigint",
            ColumnType::Float => "double precision",
            ColumnType::Text => "text COLLATE \"C\"",
            ColumnType::Uuid => "uuid",
            ColumnType::Time => "timestamptz",
            ColumnType::Json => "json",
            ColumnType::Date => "date",
            ColumnType::TimeOfDay => "time",
            ColumnType::Decimal => "numeric",
        }
    }

    fn column(&self, name: &str) -> String {
        if SYSTEM_COLUMNS.contains(&name) { quoted(&format!("_{name}")) } else { quoted(name) }
    }

    fn function(&self, name: &str) -> String {
        format!("pg_catalog.{name}")
    }

    fn json_text(&self, column: &str) -> String {
        format!("{column}::text COLLATE \"C\"")
    }

    fn nulls_first(&self) -> &'static str {
        " NULLS FIRST"
    }

    fn longest_indexed(&self) -> Option<usize> {
        Some(MAX_INDEXED)
    }

    fn parameter(&self, number: usize) -> String {
        format!("${number}")
    }

    fn keys_source(&self, key: &[&Column]) -> String {
        let arrays = arrays(key.iter().copied(), 1);
        format!("ROWS FROM ({arrays}) WITH ORDINALITY AS given ({}, \"#\")", names(key.len()))
    }

    fn values_source(&self, columns: &[Column]) -> String {
        values_source(columns, 1)
    }
}

/// The `SELECT` of rows from parameters, an array for each column, of which the first has this number.
pub(super) fn values_source(columns: &[Column], first: usize) -> String {
    let value = |(n, column): (usize, &Column)| match column.kind {
        ColumnType::Json => format!("given.\"{n}\"::json"),
        _ => format!("given.\"{n}\""),
    };
    let values: Vec<String> = columns.iter().enumerate().map(value).collect();
    let (arrays, names) = (arrays(columns, first), names(columns.len()));
    format!("SELECT {} FROM ROWS FROM ({arrays}) AS given ({names})", values.join(", "))
}

/// The parameters as a set of rows. Each call is qualified, so that a function of another schema cannot replace `unnest`.
fn arrays<'a>(columns: impl IntoIterator<Item = &'a Column>, first: usize) -> String {
    let array = |(column, number): (&Column, usize)| match column.kind {
        ColumnType::Bool => format!("pg_catalog.unnest(${number}::boolean[])"),
        ColumnType::Int => format!("pg_catalog.unnest(${number}::bigint[])"),
        ColumnType::Float => format!("pg_catalog.unnest(${number}::double precision[])"),
        ColumnType::Text | ColumnType::Json => format!("pg_catalog.unnest(${number}::text[])"),
        ColumnType::Uuid => format!("pg_catalog.unnest(${number}::uuid[])"),
        ColumnType::Time => format!("pg_catalog.unnest(${number}::timestamptz[])"),
        ColumnType::Date => format!("pg_catalog.unnest(${number}::date[])"),
        ColumnType::TimeOfDay => format!("pg_catalog.unnest(${number}::time[])"),
        ColumnType::Decimal => format!("pg_catalog.unnest(${number}::numeric[])"),
    };
    columns.into_iter().zip(first..).map(array).collect::<Vec<_>>().join(", ")
}

fn names(count: usize) -> String {
    (0..count).map(|n| format!("\"{n}\"")).collect::<Vec<_>>().join(", ")
}

/// Binds rows or keys: an array for each of these columns.
pub(super) fn bind_all<'q, 'a>(
    query: Statement<'q>,
    columns: impl IntoIterator<Item = &'a Column>,
    rows: &[Vec<Value>],
) -> Statement<'q> {
    columns.into_iter().enumerate().fold(query, |query, (index, column)| array(query, column, rows, index))
}

fn array<'q>(query: Statement<'q>, column: &Column, rows: &[Vec<Value>], index: usize) -> Statement<'q> {
    macro_rules! of {
        ($($value:pat => $bound:expr),+) => {
            query.bind(rows.iter().map(|row| match row.get(index) {
                $(Some($value) => Some($bound),)+
                _ => None,
            }).collect::<Vec<_>>())
        };
    }
    match column.kind {
        ColumnType::Bool => of!(Value::Bool(truth) => *truth),
        ColumnType::Int => of!(Value::Int(number) => *number),
        // Stored zeros have no sign.
        ColumnType::Float => of!(Value::Float(number) => *number + 0.0),
        ColumnType::Text => of!(Value::Text(text) => text.as_str()),
        ColumnType::Json => of!(Value::Json(json) => json.as_str()),
        ColumnType::Uuid => of!(Value::Uuid(id) => *id),
        ColumnType::Time => of!(Value::Time(time) => Time(*time)),
        ColumnType::Date => of!(Value::Date(date) => Day(*date)),
        ColumnType::TimeOfDay => of!(Value::TimeOfDay(time) => DayTime(*time)),
        ColumnType::Decimal => of!(Value::Decimal(number) => Numeric(*number)),
    }
}

/// Binds a value as the next parameter.
pub(super) fn bind(query: Statement<'_>, value: Value) -> Statement<'_> {
    match value {
        Value::Null => query.bind(None::<i64>),
        Value::Bool(truth) => query.bind(truth),
        Value::Int(number) => query.bind(number),
        Value::Float(number) => query.bind(number),
        Value::Text(text) => query.bind(text),
        Value::Uuid(id) => query.bind(id),
        Value::Time(time) => query.bind(Time(time)),
        Value::Json(json) => query.bind(json.as_str().to_owned()),
        Value::Date(date) => query.bind(Day(date)),
        Value::TimeOfDay(time) => query.bind(DayTime(time)),
        Value::Decimal(number) => query.bind(Numeric(number)),
    }
}

/// Splits rows into parts that are small enough for one statement.
pub(super) fn split_by_size(rows: &[Row]) -> Vec<&[Row]> {
    let mut parts = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (index, row) in rows.iter().enumerate() {
        let size = row.iter().map(size).sum::<usize>();
        if bytes + size > MAX_BYTES && index > start {
            parts.push(&rows[start..index]);
            (start, bytes) = (index, 0);
        }
        bytes += size;
    }
    if start < rows.len() {
        parts.push(&rows[start..]);
    }
    parts
}

fn size(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::Json(json) => json.as_str().len(),
        _ => 16,
    }
}

/// The row in the columns from `first` on.
pub(super) fn row(found: &PgRow, table: &Table, first: usize) -> Result<Row, Error> {
    let columns = table.columns.iter().enumerate();
    let value = |(index, column): (usize, &Column)| {
        value(found, first + index, column).map_err(|error| table.damaged_value(column, &error))
    };
    columns.map(value).collect()
}

fn value(found: &PgRow, index: usize, column: &Column) -> Result<Value, sqlx::Error> {
    let value = match column.kind {
        ColumnType::Bool => found.try_get::<Option<_>, _>(index)?.map(Value::Bool),
        ColumnType::Int => found.try_get::<Option<_>, _>(index)?.map(Value::Int),
        ColumnType::Float => found.try_get::<Option<_>, _>(index)?.map(Value::Float),
        ColumnType::Text => found.try_get::<Option<_>, _>(index)?.map(Value::Text),
        ColumnType::Uuid => found.try_get::<Option<_>, _>(index)?.map(Value::Uuid),
        ColumnType::Time => found.try_get::<Option<Time>, _>(index)?.map(|time| Value::Time(time.0)),
        ColumnType::Json => {
            let json = found.try_get::<Option<String>, _>(index)?;
            json.map(|json| Value::Json(Payload::from_stored(json)))
        }
        ColumnType::Date => found.try_get::<Option<Day>, _>(index)?.map(|date| Value::Date(date.0)),
        ColumnType::TimeOfDay => {
            found.try_get::<Option<DayTime>, _>(index)?.map(|time| Value::TimeOfDay(time.0))
        }
        ColumnType::Decimal => {
            found.try_get::<Option<Numeric>, _>(index)?.map(|number| Value::Decimal(number.0))
        }
    };
    Ok(value.unwrap_or(Value::Null))
}

/// The key in the columns from `first` on; `None` if any of them is NULL.
pub(super) fn key(found: &PgRow, table: &Table, first: usize) -> Result<Option<Key>, Error> {
    let columns = table.key().enumerate();
    let key: Key = columns
        .map(|(index, column)| {
            value(found, first + index, column).map_err(|error| table.damaged_value(column, &error))
        })
        .collect::<Result<_, _>>()?;
    Ok(key.iter().all(|value| *value != Value::Null).then_some(key))
}

/// Binds keys: an array for each key column of a table.
pub(super) fn bind_keys<'q>(query: Statement<'q>, table: &Table, keys: &[Key]) -> Statement<'q> {
    bind_all(query, table.key(), keys)
}
