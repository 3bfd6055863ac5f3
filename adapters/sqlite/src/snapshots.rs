//! Snapshots: a row for each aggregate and tag, in a table beside the log.

use annalist_core::{
    error::Error,
    store::{Snapshot, SnapshotKey},
};
use sqlx::{FromRow, SqlStr, Sqlite, query, query::Query, sqlite::SqliteArguments};

use crate::{Log, error::failed, retire, rows::integer};

impl Log {
    pub(crate) async fn snapshot(&self, key: &SnapshotKey) -> Result<Option<Snapshot>, Error> {
        let operation = format!("find a snapshot in {}", self.title);
        let mut connection = self.connection(&self.readers, &operation).await?;
        let found = about(&self.sql.snapshot, key).fetch_optional(&mut *connection).await;
        let found = found.and_then(|row| row.map(|row| FromRow::from_row(&row)).transpose());
        let found = retire(&mut connection, found.map_err(|error| failed(&operation, error)))?;
        let Some((position, state)) = found else { return Ok(None) };
        Snapshot::from_stored(&operation, key, position, state).map(Some)
    }

    /// One statement on the writer's connection, a transaction of its own: appends wait no longer than it takes.
    pub(crate) async fn save_snapshot(&self, key: &SnapshotKey, snapshot: &Snapshot) -> Result<(), Error> {
        let operation = format!("keep a snapshot in {}", self.title);
        let mut connection = self.writing(&operation).await?;
        let keep = about(&self.sql.save_snapshot, key).bind(integer(snapshot.position.get()));
        let kept = keep.bind(snapshot.state.as_str()).execute(&mut *connection).await;
        retire(&mut connection, kept.map_err(|error| failed(&operation, error))).map(drop)
    }
}

/// A statement about one snapshot, which its first three parameters name.
fn about<'q>(statement: &SqlStr, key: &'q SnapshotKey) -> Query<'q, Sqlite, SqliteArguments> {
    query(statement.clone()).bind(key.aggregate).bind(key.tag_text()).bind(key.fingerprint.cast_signed())
}
