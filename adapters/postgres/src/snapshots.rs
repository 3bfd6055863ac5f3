//! Snapshots: a row for each aggregate and tag, in a table beside the log.

use annalist_core::{
    error::Error,
    store::{Snapshot, SnapshotKey},
};
use sqlx::{FromRow, Postgres, postgres::PgArguments, query::Query};

use crate::{Store, error::failed, rows::number, sql::Statement};

impl Store {
    pub(crate) async fn snapshot(&self, key: &SnapshotKey) -> Result<Option<Snapshot>, Error> {
        let operation = self.doing("find a snapshot in");
        let found = about(&self.sql.snapshot, key).fetch_optional(&self.pool).await;
        let found = found.and_then(|row| row.map(|row| FromRow::from_row(&row)).transpose());
        let found = found.map_err(|error| failed(operation.clone(), error))?;
        let Some((position, state)) = found else { return Ok(None) };
        Snapshot::from_stored(&operation, key, position, state).map(Some)
    }

    pub(crate) async fn save_snapshot(&self, key: &SnapshotKey, snapshot: &Snapshot) -> Result<(), Error> {
        let keep = about(&self.sql.save_snapshot, key).bind(number(snapshot.position));
        let kept = keep.bind(snapshot.state.as_str()).execute(&self.pool).await;
        kept.map(drop).map_err(|error| failed(self.doing("keep a snapshot in"), error))
    }
}

/// A statement about one snapshot, which its first three parameters name.
fn about<'q>(statement: &Statement, key: &'q SnapshotKey) -> Query<'q, Postgres, PgArguments> {
    statement.query().bind(key.aggregate).bind(key.tag_text()).bind(key.fingerprint.cast_signed())
}
