//! The tables, made and changed step by step.

use annalist_core::{error::Error, store::LogId};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection, query, query_as, query_scalar};
use uuid::Uuid;

use crate::{
    error::failed,
    sql::{Prefix, Sql},
};

/// What makes version n + 1 out of version n, one statement a file. A step that was released is never changed.
const STEPS: &[&[&str]] = &[
    &[
        include_str!("../sql/schema/1_log.sql"),
        include_str!("../sql/schema/1_identity.sql"),
        include_str!("../sql/schema/1_events.sql"),
        include_str!("../sql/schema/1_events_by_type.sql"),
        include_str!("../sql/schema/1_event_tags.sql"),
        include_str!("../sql/schema/1_commands.sql"),
        include_str!("../sql/schema/1_commands_by_time.sql"),
        include_str!("../sql/schema/1_journal.sql"),
    ],
    &[include_str!("../sql/schema/2_projections.sql")],
    &[
        include_str!("../sql/schema/3_builds.sql"),
        include_str!("../sql/schema/3_builds_inline.sql"),
        include_str!("../sql/schema/3_builds_from_projections.sql"),
        include_str!("../sql/schema/3_drop_projections.sql"),
        include_str!("../sql/schema/3_parked.sql"),
    ],
    &[include_str!("../sql/schema/4_snapshots.sql")],
];

/// The version of the tables that this program reads and writes.
const CURRENT: i64 = STEPS.len() as i64;

/// The statements that opening a log with this prefix runs on an empty database, to review them or to run them by hand.
///
/// # Errors
/// [`Error::Unusable`] if the prefix is not `[a-z][a-z0-9_]*`.
pub fn migration_sql(prefix: &str) -> Result<String, Error> {
    let prefix = Prefix::new(prefix)?;
    let mut script = "BEGIN IMMEDIATE;\n\n".to_owned();
    for statement in statements(&prefix, 0) {
        script.push_str(&statement);
        script.push_str(";\n\n");
    }
    script.push_str(&prefix.apply(include_str!("../sql/set_schema.sql")).replace("?1", &CURRENT.to_string()));
    script.push_str(";\n\nCOMMIT;\n");
    Ok(script)
}

/// Brings the tables to the current version and says which log they hold.
///
/// Tables that are up to date are only read: no lock is taken, and a read-only file will do. The version is read again
/// under the write lock, so of several processes that open a new file at once one makes the tables.
pub(crate) async fn migrate(
    connection: &mut SqliteConnection,
    sql: &Sql,
    prefix: &Prefix,
    operation: &str,
) -> Result<LogId, Error> {
    if let Found::Current(id) = find(connection, sql, operation).await? {
        return Ok(id);
    }
    let said = |error| failed(operation, error);
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(said)?;
    if let Found::Older(version) = find(&mut transaction, sql, operation).await? {
        for statement in statements(prefix, version) {
            query(AssertSqlSafe(statement)).execute(&mut *transaction).await.map_err(said)?;
        }
        query(sql.set_schema.clone()).bind(CURRENT).execute(&mut *transaction).await.map_err(said)?;
    }
    transaction.commit().await.map_err(said)?;
    match find(connection, sql, operation).await? {
        Found::Current(id) => Ok(id),
        Found::Older(_) => {
            Err(Error::unusable(operation, "another program took the tables back to an older version"))
        }
    }
}

/// What makes the current version out of an older one.
fn statements(prefix: &Prefix, version: usize) -> Vec<String> {
    STEPS.iter().skip(version).copied().flatten().map(|statement| prefix.apply(statement)).collect()
}

/// What stands in the file.
enum Found {
    Current(LogId),
    /// An older version; 0 is no tables at all.
    Older(usize),
}

async fn find(connection: &mut SqliteConnection, sql: &Sql, operation: &str) -> Result<Found, Error> {
    let said = |error| failed(operation, error);
    let tables: i64 = query_scalar(sql.has_log.clone()).fetch_one(&mut *connection).await.map_err(said)?;
    if tables == 0 {
        return Ok(Found::Older(0));
    }
    let row: Option<(String, i64)> =
        query_as(sql.log.clone()).fetch_optional(&mut *connection).await.map_err(said)?;
    let Some((id, version)) = row else {
        return Err(Error::unusable(operation, "the log's own row is missing; restore a copy of the file"));
    };
    if version > CURRENT {
        return Err(Error::unusable(
            operation,
            format!(
                "its tables have version {version}, written by a newer program; this one knows {CURRENT}: deploy the newer one"
            ),
        ));
    }
    if version < CURRENT {
        let version = usize::try_from(version).ok().filter(|version| *version > 0);
        return version
            .map(Found::Older)
            .ok_or_else(|| Error::unusable(operation, "the version of its tables is damaged"));
    }
    let id = Uuid::try_parse(&id)
        .map_err(|error| Error::unusable(operation, format!("the log's id {id:?} is damaged: {error}")))?;
    Ok(Found::Current(LogId::from_uuid(id)))
}
