//! Values of rows as SQLite keeps them, and how it writes statements about them.

use annalist_core::{
    error::Error,
    payload::Payload,
    rows::{
        Column, ColumnType, Key, Row, Table, Value,
        sql::{Dialect, quoted},
    },
    time::Timestamp,
};
use serde_json::Value as Json;
use sqlx::{Row as _, Sqlite, query::Query, sqlite::SqliteArguments, sqlite::SqliteRow};
use uuid::Uuid;

use crate::sql::Prefix;

/// How SQLite writes statements about rows. All their tables, views and indexes begin with the prefix of the log and
/// `rows_`, which none of the log's own does: a projection may be called `events`.
pub(crate) struct Rows {
    prefix: String,
}

impl Rows {
    pub(crate) fn new(prefix: &Prefix) -> Self {
        Self { prefix: prefix.apply("{prefix}rows_") }
    }
}

impl Dialect for Rows {
    fn relation(&self, name: &str) -> String {
        quoted(&format!("{}{name}", self.prefix))
    }

    fn index(&self, name: &str) -> String {
        self.relation(name)
    }

    fn column_type(&self, kind: ColumnType) -> &'static str {
        match kind {
            ColumnType::Bool | ColumnType::Int => "INTEGER",
            ColumnType::Float => "REAL",
            ColumnType::Text | ColumnType::Uuid | ColumnType::Time | ColumnType::Json => "TEXT",
        }
    }

    fn table_options(&self) -> &'static str {
        " STRICT"
    }

    fn parameter(&self, number: usize) -> String {
        format!("?{number}")
    }

    fn given_keys(&self, key: &[&Column]) -> String {
        let values: Vec<String> =
            (0..key.len()).map(|n| format!("json_extract(value, '$[{n}]') AS \"{n}\"")).collect();
        format!("(SELECT key + 1 AS \"#\", {} FROM json_each(?1)) AS given", values.join(", "))
    }

    fn given_rows(&self, columns: &[Column]) -> String {
        let values: Vec<String> = (1..=columns.len()).map(|number| self.parameter(number)).collect();
        format!("VALUES ({})", values.join(", "))
    }
}

/// Binds the next parameter.
pub(crate) fn bind(
    query: Query<'_, Sqlite, SqliteArguments>,
    value: Value,
) -> Query<'_, Sqlite, SqliteArguments> {
    match value {
        Value::Null => query.bind(None::<i64>),
        Value::Bool(truth) => query.bind(truth),
        Value::Int(number) => query.bind(number),
        // Zero has no sign here.
        Value::Float(number) => query.bind(number + 0.0),
        Value::Text(text) => query.bind(text),
        Value::Uuid(id) => query.bind(id.to_string()),
        Value::Time(time) => query.bind(time_text(time)),
        Value::Json(json) => query.bind(json.as_str().to_owned()),
    }
}

/// Keys as one JSON array of arrays. It has every type that a key may have, exactly.
pub(crate) fn keys_text(keys: &[Key]) -> String {
    let value = |value: &Value| match value {
        Value::Bool(truth) => Json::from(i64::from(*truth)),
        Value::Int(number) => Json::from(*number),
        Value::Text(text) => Json::from(text.as_str()),
        Value::Uuid(id) => Json::from(id.to_string()),
        Value::Time(time) => Json::from(time_text(*time)),
        // Refused before.
        Value::Null | Value::Float(_) | Value::Json(_) => Json::Null,
    };
    let key = |key: &Key| Json::from(key.iter().map(value).collect::<Vec<_>>());
    Json::from(keys.iter().map(key).collect::<Vec<_>>()).to_string()
}

/// The row that stands in the columns from `first` on.
pub(crate) fn row(found: &SqliteRow, table: &Table, first: usize) -> Result<Row, Error> {
    let columns = table.columns.iter().enumerate();
    let value = |(index, column): (usize, &Column)| {
        value(found, first + index, column).map_err(|reason| {
            let reason = format!("column `{}` is damaged: {reason}", column.name);
            Error::unusable(format!("read a row of `{}`", table.name()), reason)
        })
    };
    columns.map(value).collect()
}

fn value(found: &SqliteRow, index: usize, column: &Column) -> Result<Value, String> {
    let said = |error: sqlx::Error| error.to_string();
    let text = || found.try_get::<Option<String>, _>(index).map_err(said);
    let whole = || found.try_get::<Option<i64>, _>(index).map_err(said);
    let kept = match column.kind {
        ColumnType::Bool => whole()?.map(|number| Value::Bool(number != 0)),
        ColumnType::Int => whole()?.map(Value::Int),
        ColumnType::Float => found.try_get::<Option<f64>, _>(index).map_err(said)?.map(Value::Float),
        ColumnType::Text => text()?.map(Value::Text),
        ColumnType::Json => text()?.map(|json| Value::Json(Payload::from_stored(json))),
        ColumnType::Uuid => {
            let id = text()?.map(|text| Uuid::try_parse(&text)).transpose();
            id.map_err(|error| error.to_string())?.map(Value::Uuid)
        }
        ColumnType::Time => {
            let time = text()?.map(|text| text.parse::<Timestamp>()).transpose();
            time.map_err(|error| error.to_string())?.map(Value::Time)
        }
    };
    Ok(kept.unwrap_or(Value::Null))
}

/// Times as texts of one length, so that they sort and SQLite's own functions understand them.
fn time_text(time: Timestamp) -> String {
    format!("{time:.6}")
}
