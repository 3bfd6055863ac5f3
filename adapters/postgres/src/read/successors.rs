//! The successors of event names that the log has.

use annalist_core::{
    error::Error,
    store::{Successor, Successors},
};
use sqlx::{PgConnection, Row, postgres::PgRow};

use crate::{database::Database, values::from_i64};

/// Reads all of them.
pub(crate) async fn load_from_pool(database: &Database) -> Result<Successors, Error> {
    let rows = database.fetch_all(|| database.sql.successors.query()).await;
    decode(database, &rows.map_err(|error| database.read_error(error))?)
}

/// As [`load_from_pool`], in a transaction.
pub(crate) async fn load(database: &Database, connection: &mut PgConnection) -> Result<Successors, Error> {
    let rows = database.sql.successors.query().fetch_all(connection).await;
    decode(database, &rows.map_err(|error| database.read_error(error))?)
}

fn decode(database: &Database, rows: &[PgRow]) -> Result<Successors, Error> {
    let read_error = |error| database.read_error(error);
    let (mut version, mut all) = (0_i64, Vec::with_capacity(rows.len()));
    for row in rows {
        version = row.try_get("list_version").map_err(read_error)?;
        all.extend(successor(database, row)?);
    }
    Ok(Successors::new(version.unsigned_abs(), all))
}

/// `None` in the row of an empty list.
fn successor(database: &Database, row: &PgRow) -> Result<Option<Successor>, Error> {
    let read_error = |error| database.read_error(error);
    let Some(of) = row.try_get::<Option<String>, _>("name").map_err(read_error)? else { return Ok(None) };
    let name: String = row.try_get("successor").map_err(read_error)?;
    let is_rename = row.try_get("is_rename").map_err(read_error)?;
    let successor = if is_rename { Successor::renamed(of, name)? } else { Successor::made(of, name)? };
    let since = row.try_get("since").map(from_i64).map_err(read_error)?;
    Ok(Some(successor.stored_at(since)))
}
