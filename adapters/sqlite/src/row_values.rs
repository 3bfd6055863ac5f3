//! Values of rows in SQLite, and the dialect of the statements for them.

use annalist_core::{
    error::Error,
    payload::Payload,
    rows::{
        Column, ColumnType, Date, Key, Row, Table, TimeOfDay, Value,
        sql::{Dialect, quoted},
    },
    time::Timestamp,
};
use serde_json::Value as Json;
use sqlx::{Row as _, Sqlite, query::Query, sqlite::SqliteArguments, sqlite::SqliteRow};
use uuid::Uuid;

use crate::{decimal_text, sql::TablePrefix};

/// The dialect of SQLite. The names of all tables, views and indexes of rows start with the prefix of the log and `rows_`, the
/// names of the log's own tables never do: a projection may be called `events`.
#[derive(Clone)]
pub(crate) struct RowDialect {
    prefix: String,
}

impl RowDialect {
    pub(crate) fn new(prefix: &TablePrefix) -> Self {
        Self { prefix: prefix.apply("{prefix}rows_") }
    }
}

impl Dialect for RowDialect {
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
            ColumnType::Text
            | ColumnType::Uuid
            | ColumnType::Time
            | ColumnType::Json
            | ColumnType::Date
            | ColumnType::TimeOfDay
            | ColumnType::Decimal => "TEXT",
        }
    }

    fn table_options(&self) -> &'static str {
        " STRICT"
    }

    fn parameter(&self, number: usize) -> String {
        format!("?{number}")
    }

    fn keys_source(&self, key: &[&Column]) -> String {
        let values: Vec<String> =
            (0..key.len()).map(|n| format!("json_extract(value, '$[{n}]') AS \"{n}\"")).collect();
        format!("(SELECT key + 1 AS \"#\", {} FROM json_each(?1)) AS given", values.join(", "))
    }

    fn values_source(&self, columns: &[Column]) -> String {
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
        // Turns -0.0 into 0.0.
        Value::Float(number) => query.bind(number + 0.0),
        Value::Text(text) => query.bind(text),
        Value::Uuid(id) => query.bind(id.to_string()),
        Value::Time(time) => query.bind(time_text(time)),
        Value::Json(json) => query.bind(json.as_str().to_owned()),
        Value::Date(date) => query.bind(date.to_string()),
        Value::TimeOfDay(time) => query.bind(time.to_string()),
        Value::Decimal(number) => query.bind(decimal_text::encode(number)),
    }
}

/// Encodes keys as a JSON array of arrays, which represents all types of key columns exactly.
pub(crate) fn keys_text(keys: &[Key]) -> String {
    let value = |value: &Value| match value {
        Value::Bool(truth) => Json::from(i64::from(*truth)),
        Value::Int(number) => Json::from(*number),
        Value::Text(text) => Json::from(text.as_str()),
        Value::Uuid(id) => Json::from(id.to_string()),
        Value::Time(time) => Json::from(time_text(*time)),
        Value::Date(date) => Json::from(date.to_string()),
        Value::TimeOfDay(time) => Json::from(time.to_string()),
        Value::Decimal(number) => Json::from(decimal_text::encode(*number)),
        // Never part of a key: checked before.
        Value::Null | Value::Float(_) | Value::Json(_) => Json::Null,
    };
    let key = |key: &Key| Json::from(key.iter().map(value).collect::<Vec<_>>());
    Json::from(keys.iter().map(key).collect::<Vec<_>>()).to_string()
}

/// Decodes a row from the columns that start at `first`.
pub(crate) fn row(found: &SqliteRow, table: &Table, first: usize) -> Result<Row, Error> {
    values(found, table, table.columns.iter(), first)
}

/// Decodes a key from the columns that start at `first`.
pub(crate) fn key(found: &SqliteRow, table: &Table, first: usize) -> Result<Key, Error> {
    values(found, table, table.key(), first)
}

fn values<'a>(
    found: &SqliteRow,
    table: &Table,
    columns: impl Iterator<Item = &'a Column>,
    first: usize,
) -> Result<Vec<Value>, Error> {
    let value = |(index, column): (usize, &Column)| {
        value(found, first + index, column).map_err(|reason| table.damaged_value(column, reason))
    };
    columns.enumerate().map(value).collect()
}

fn value(found: &SqliteRow, index: usize, column: &Column) -> Result<Value, String> {
    let map_err = |error: sqlx::Error| error.to_string();
    let text = || found.try_get::<Option<String>, _>(index).map_err(map_err);
    let integer = || found.try_get::<Option<i64>, _>(index).map_err(map_err);
    let value = match column.kind {
        ColumnType::Bool => integer()?.map(|number| Value::Bool(number != 0)),
        ColumnType::Int => integer()?.map(Value::Int),
        ColumnType::Float => found.try_get::<Option<f64>, _>(index).map_err(map_err)?.map(Value::Float),
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
        ColumnType::Date => {
            let date = text()?.map(|text| text.parse::<Date>()).transpose();
            date.map_err(|error| error.to_string())?.map(Value::Date)
        }
        ColumnType::TimeOfDay => {
            let time = text()?.map(|text| text.parse::<TimeOfDay>()).transpose();
            time.map_err(|error| error.to_string())?.map(Value::TimeOfDay)
        }
        ColumnType::Decimal => {
            let number = text()?.map(|text| decimal_text::decode(&text)).transpose();
            number.map_err(|error| error.to_string())?.map(Value::Decimal)
        }
    };
    Ok(value.unwrap_or(Value::Null))
}

/// Encodes a time as a text of fixed length, which sorts correctly and which SQLite's own functions understand.
fn time_text(time: Timestamp) -> String {
    format!("{time:.6}")
}

#[cfg(test)]
mod tests {
    use annalist_core::rows::{
        Bound, Filter, Role, RowQuery, Sort,
        sql::{SelectStatement, TableSql},
    };
    use sqlx::{AssertSqlSafe, Connection, SqliteConnection};

    use super::*;

    const PEOPLE: Table = Table {
        projection: "people",
        version: 1,
        build: 0,
        columns: &[
            Column { name: "id", kind: ColumnType::Uuid, nullable: false, role: Role::Key },
            Column { name: "name", kind: ColumnType::Text, nullable: true, role: Role::Index },
            Column { name: "n", kind: ColumnType::Int, nullable: false, role: Role::Index },
        ],
    };

    /// The query plan of SQLite.
    async fn plan(sql: &str) -> Vec<String> {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        let dialect = RowDialect::new(&TablePrefix::new("log_").unwrap());
        for statement in TableSql::new(&dialect, &PEOPLE).unwrap().create() {
            sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
        }
        let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
        let steps = sqlx::query(explain).fetch_all(&mut connection).await.unwrap();
        steps.iter().map(|step| step.get("detail")).collect()
    }

    #[tokio::test]
    async fn page_query_scans_an_index_and_does_not_sort_it() {
        let dialect = RowDialect::new(&TablePrefix::new("log_").unwrap());
        let sql = TableSql::new(&dialect, &PEOPLE).unwrap();
        let key = vec![Value::Uuid(Uuid::nil())];
        let query = RowQuery { table: &PEOPLE, filters: vec![], sort: None, after: None, limit: 10 };
        for (column, value) in [(1, Value::Text("a".to_owned())), (2, Value::Int(1))] {
            for descending in [false, true] {
                let sort = Some(Sort { column, descending });
                for after in [None, Some((Some(value.clone()), key.clone()))] {
                    let SelectStatement { sql, .. } =
                        sql.find(&RowQuery { sort, after, ..query.clone() }).unwrap();
                    let steps = plan(&sql).await;
                    let is_scan = |step: &String| step.contains("INDEX log_rows_people.1.");
                    assert!(steps.iter().any(is_scan), "{sql}\n{steps:#?}");
                    // Only the union of at most two scans is sorted, each with no more rows than the limit.
                    let sorts = |two: &[String]| is_scan(&two[0]) && two[1].contains("TEMP B-TREE");
                    assert!(!steps.windows(2).any(sorts), "{sql}\n{steps:#?}");
                }
            }
        }
        let prefix = vec![Filter { column: 1, bound: Bound::Prefix("an".to_owned()) }];
        let SelectStatement { sql, .. } = sql.find(&RowQuery { filters: prefix, ..query }).unwrap();
        let steps = plan(&sql).await.join("\n");
        assert!(
            steps.contains("SEARCH log_rows_people_v1 USING INDEX log_rows_people.1.1 (name>? AND name<?)"),
            "{steps}"
        );
    }

    #[tokio::test]
    async fn select_and_delete_by_key_search_the_primary_key() {
        let dialect = RowDialect::new(&TablePrefix::new("log_").unwrap());
        let sql = TableSql::new(&dialect, &PEOPLE).unwrap();
        for statement in [sql.select(), sql.delete()] {
            let steps = plan(&statement).await.join("\n");
            assert!(
                steps.contains("INDEX sqlite_autoindex_log_rows_people_v1_1 (id=?)"),
                "{statement}\n{steps}"
            );
        }
    }
}
