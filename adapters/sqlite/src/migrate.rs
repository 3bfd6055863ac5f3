//! The tables of a log and the migrations that create and upgrade them.

#[cfg(test)]
mod tests;

use annalist_core::{error::Error, store::LogId};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection, query, query_as, query_scalar};
use uuid::Uuid;

use crate::{
    error::failed,
    sql::{Sql, TablePrefix},
};

/// The statements that turn one version of the tables into the next, one file each.
pub(crate) type Migration = &'static [&'static str];

/// All migrations: the one at index n turns version n into version n + 1, and version 0 has no tables. A released
/// migration is never changed.
pub(crate) const MIGRATIONS: &[Migration] = &[&[
    include_str!("../sql/schema/1_log.sql"),
    include_str!("../sql/schema/1_identity.sql"),
    include_str!("../sql/schema/1_events.sql"),
    include_str!("../sql/schema/1_events_by_type.sql"),
    include_str!("../sql/schema/1_events_by_version.sql"),
    include_str!("../sql/schema/1_event_tags.sql"),
    include_str!("../sql/schema/1_gaps.sql"),
    include_str!("../sql/schema/1_commands.sql"),
    include_str!("../sql/schema/1_commands_by_time.sql"),
    include_str!("../sql/schema/1_journal.sql"),
    include_str!("../sql/schema/1_builds.sql"),
    include_str!("../sql/schema/1_builds_inline.sql"),
    include_str!("../sql/schema/1_parked.sql"),
    include_str!("../sql/schema/1_follower_requests.sql"),
    include_str!("../sql/schema/1_snapshots.sql"),
    include_str!("../sql/schema/1_event_successors.sql"),
    include_str!("../sql/schema/1_event_successors_by_version.sql"),
    include_str!("../sql/schema/1_subject_keys.sql"),
    include_str!("../sql/schema/1_erased_keys.sql"),
    include_str!("../sql/schema/1_erasures.sql"),
    include_str!("../sql/schema/1_erasures_in_force.sql"),
    include_str!("../sql/schema/1_key_state.sql"),
    include_str!("../sql/schema/1_key_state_row.sql"),
    include_str!("../sql/schema/1_event_retags.sql"),
    include_str!("../sql/schema/1_event_retags_by_version.sql"),
    include_str!("../sql/schema/1_archives.sql"),
    include_str!("../sql/schema/1_archives_by_version.sql"),
    include_str!("../sql/schema/1_archives_by_last_removed.sql"),
    include_str!("../sql/schema/1_archived_ids.sql"),
]];

/// Returns the script that opening a log with this prefix runs on an empty database, for review or for running it by hand.
///
/// # Errors
/// [`Error::Unusable`] if the prefix is not `[a-z][a-z0-9_]*`.
pub fn migration_sql(prefix: &str) -> Result<String, Error> {
    let prefix = TablePrefix::new(prefix)?;
    let mut script = "BEGIN IMMEDIATE;\n\n".to_owned();
    for statement in statements(&prefix, MIGRATIONS, 0) {
        script.push_str(&statement);
        script.push_str(";\n\n");
    }
    let set_version = prefix.apply(include_str!("../sql/set_schema_version.sql"));
    script.push_str(&set_version.replace("?1", &MIGRATIONS.len().to_string()));
    script.push_str(";\n\nCOMMIT;\n");
    Ok(script)
}

/// Upgrades the tables to the version of the last migration and returns the id of the log.
///
/// Tables of that version are only read: this takes no lock and works on a read-only file. Otherwise all migrations run in
/// one transaction, which reads the version again under the write lock: if several processes open a new file at once, one
/// of them creates the tables.
pub(crate) async fn migrate(
    connection: &mut SqliteConnection,
    sql: &Sql,
    prefix: &TablePrefix,
    migrations: &[Migration],
    operation: &str,
) -> Result<LogId, Error> {
    if let Schema::Current(id) = schema(connection, sql, migrations, operation).await? {
        return Ok(id);
    }
    let map_err = |error| failed(operation, error);
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(map_err)?;
    if let Schema::Older(version) = schema(&mut transaction, sql, migrations, operation).await? {
        for statement in statements(prefix, migrations, version) {
            query(AssertSqlSafe(statement)).execute(&mut *transaction).await.map_err(map_err)?;
        }
        let set_version = query(sql.set_schema_version.clone()).bind(current(migrations));
        set_version.execute(&mut *transaction).await.map_err(map_err)?;
        tracing::info!(
            operation,
            from = version,
            to = current(migrations),
            "migrating the tables of the log"
        );
    }
    transaction.commit().await.map_err(map_err)?;
    match schema(connection, sql, migrations, operation).await? {
        Schema::Current(id) => Ok(id),
        Schema::Older(_) => Err(Error::unusable(
            operation,
            "another program replaced the tables with those of an older version",
        )),
    }
}

/// The version of the tables after all migrations.
fn current(migrations: &[Migration]) -> i64 {
    migrations.len() as i64
}

/// The statements that upgrade the tables from `version` to the current one.
fn statements(prefix: &TablePrefix, migrations: &[Migration], version: usize) -> Vec<String> {
    migrations.iter().skip(version).copied().flatten().map(|statement| prefix.apply(statement)).collect()
}

/// The state of the tables in a file.
enum Schema {
    Current(LogId),
    /// The tables have this older version; 0 if there are none.
    Older(usize),
}

/// Reads the state of the tables.
///
/// # Errors
/// [`Error::Unusable`] if the tables have a newer version than the last migration, or the row of the log is damaged.
async fn schema(
    connection: &mut SqliteConnection,
    sql: &Sql,
    migrations: &[Migration],
    operation: &str,
) -> Result<Schema, Error> {
    let map_err = |error| failed(operation, error);
    let tables: i64 = query_scalar(sql.has_log.clone()).fetch_one(&mut *connection).await.map_err(map_err)?;
    if tables == 0 {
        return Ok(Schema::Older(0));
    }
    let row: Option<(String, i64)> =
        query_as(sql.log.clone()).fetch_optional(&mut *connection).await.map_err(map_err)?;
    let Some((id, version)) = row else {
        return Err(Error::unusable(
            operation,
            "the row with the log's id is missing; restore a backup of the file",
        ));
    };
    let current = current(migrations);
    if version > current {
        return Err(Error::unusable(
            operation,
            format!(
                "its tables have version {version}, written by a newer program; this program supports versions up to {current}: deploy the newer one"
            ),
        ));
    }
    if version < current {
        let version = usize::try_from(version).ok().filter(|version| *version > 0);
        return version
            .map(Schema::Older)
            .ok_or_else(|| Error::unusable(operation, "the version number of its tables is damaged"));
    }
    let id = Uuid::try_parse(&id)
        .map_err(|error| Error::unusable(operation, format!("the log's id {id:?} is damaged: {error}")))?;
    Ok(Schema::Current(LogId::from_uuid(id)))
}
