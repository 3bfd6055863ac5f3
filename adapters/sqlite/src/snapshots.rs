//! Snapshots: one row for each aggregate and tag.

use annalist_core::store::{Snapshot, SnapshotKey};
use sqlx::{FromRow, SqlStr, Sqlite, SqliteConnection, query, query::Query, sqlite::SqliteArguments};

use crate::{rows::integer, sql::Sql};

/// Returns the position and the state of a snapshot, if it is stored.
pub(crate) async fn find(
    connection: &mut SqliteConnection,
    sql: &Sql,
    key: &SnapshotKey,
) -> Result<Option<(i64, String)>, sqlx::Error> {
    let found = bind_key(&sql.snapshot, key).fetch_optional(connection).await?;
    found.map(|row| FromRow::from_row(&row)).transpose()
}

/// Saves a snapshot. One statement, which is a transaction of its own, so appends wait only for that.
pub(crate) async fn save(
    connection: &mut SqliteConnection,
    sql: &Sql,
    key: &SnapshotKey,
    snapshot: &Snapshot,
) -> Result<(), sqlx::Error> {
    let save = bind_key(&sql.save_snapshot, key).bind(integer(snapshot.position.get()));
    save.bind(snapshot.state.as_str()).execute(connection).await.map(drop)
}

/// A statement with the key of a snapshot as its first three parameters.
fn bind_key<'q>(statement: &SqlStr, key: &'q SnapshotKey) -> Query<'q, Sqlite, SqliteArguments> {
    query(statement.clone()).bind(key.aggregate).bind(key.tag_text()).bind(key.fingerprint.cast_signed())
}
