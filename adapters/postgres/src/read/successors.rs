//! The successors of event names that the log has, and the passes that have rewritten its events.

use annalist_core::{
    error::Error,
    store::{Rewrite, Successor, Successors},
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
    let first = rows.first().ok_or_else(|| read_error(sqlx::Error::RowNotFound))?;
    let version: i64 = first.try_get("list_version").map_err(read_error)?;
    let rewrites = Rewrite::list_from_json(first.try_get("retags").map_err(read_error)?);
    let rewrites = rewrites.map_err(|error| read_error(sqlx::Error::Decode(error.into())))?;
    let mut all = Vec::with_capacity(rows.len());
    for row in rows {
        all.extend(successor(database, row)?);
    }
    let archived: i64 = first.try_get("archived").map_err(read_error)?;
    Ok(Successors::new(version.unsigned_abs(), all)
        .with_rewrites(rewrites)
        .with_archived(archived.unsigned_abs()))
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
