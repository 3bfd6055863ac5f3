//! Snapshots: one row for each aggregate and tag.

use annalist_core::{
    error::Error,
    store::{Snapshot, SnapshotKey},
};
use sqlx::{FromRow, Postgres, postgres::PgArguments, query::Query};

use crate::{database::Database, error::failed, sql::Statement, values::to_i64};

pub(crate) async fn load(database: &Database, key: &SnapshotKey) -> Result<Option<Snapshot>, Error> {
    let operation = database.operation("load a snapshot from");
    let row = database.fetch_optional(|| for_key(&database.sql.snapshot, key)).await;
    let row = row.and_then(|row| row.map(|row| FromRow::from_row(&row)).transpose());
    let row = row.map_err(|error| failed(operation.clone(), error))?;
    let Some((position, state)) = row else { return Ok(None) };
    Snapshot::from_stored(&operation, key, position, state).map(Some)
}

pub(crate) async fn save(database: &Database, key: &SnapshotKey, snapshot: &Snapshot) -> Result<(), Error> {
    let query = || {
        let query = for_key(&database.sql.save_snapshot, key).bind(to_i64(snapshot.position));
        query.bind(snapshot.state.as_str())
    };
    // A snapshot that is saved twice is the same.
    let saved = database.execute(query).await;
    saved.map(drop).map_err(|error| failed(database.operation("save a snapshot in"), error))
}

/// A query whose first three parameters identify a snapshot.
fn for_key<'q>(statement: &Statement, key: &'q SnapshotKey) -> Query<'q, Postgres, PgArguments> {
    statement.query().bind(key.aggregate).bind(key.tag_text()).bind(key.fingerprint.cast_signed())
}
