//! Parked events of builds (dead letters).

use annalist_core::{
    error::Error,
    record::Position,
    rows::{Parked, Table},
};
use sqlx::{
    PgConnection, Postgres, Row,
    postgres::{PgArguments, PgRow},
    query::Query,
};

use super::tables::RowTables;
use crate::{
    database::Database,
    error::failed,
    values::{from_i64, to_i64},
};

/// Writes and removes parked events, in the transaction that moves the checkpoint.
pub(super) async fn change(
    database: &Database,
    connection: &mut PgConnection,
    table: &Table,
    park: &[Parked],
    unpark: &[Position],
) -> Result<(), sqlx::Error> {
    if !unpark.is_empty() {
        let positions: Vec<i64> = unpark.iter().copied().map(to_i64).collect();
        database.sql.unpark.for_build(table).bind(positions).execute(&mut *connection).await?;
    }
    if !park.is_empty() {
        bind(database.sql.park.for_build(table), park)?.execute(&mut *connection).await?;
    }
    database.sql.count_parked.for_build(table).execute(connection).await.map(drop)
}

/// Binds parked events as the next parameters.
pub(crate) fn bind<'q>(
    insert: Query<'q, Postgres, PgArguments>,
    park: &[Parked],
) -> Result<Query<'q, Postgres, PgArguments>, sqlx::Error> {
    let encode_error = |error: serde_json::Error| sqlx::Error::Encode(error.into());
    let keys = park.iter().map(|parked| serde_json::to_string(&parked.keys));
    let keys = keys.collect::<Result<Vec<_>, _>>().map_err(encode_error)?;
    let errors = park.iter().map(|parked| serde_json::to_string(&parked.error));
    let errors = errors.collect::<Result<Vec<_>, _>>().map_err(encode_error)?;
    Ok(insert
        .bind(park.iter().map(|parked| to_i64(parked.position)).collect::<Vec<_>>())
        .bind(park.iter().map(|parked| parked.event).collect::<Vec<_>>())
        .bind(keys)
        .bind(errors)
        .bind(park.iter().map(|parked| i64::from(parked.attempts)).collect::<Vec<_>>())
        .bind(park.iter().map(|parked| parked.needs_newer).collect::<Vec<_>>()))
}

/// The parked events of a build, in the order of the log.
pub(super) async fn list(tables: &RowTables, table: &Table) -> Result<Vec<Parked>, Error> {
    let read_error = |error| failed(tables.operation("read parked events of", table), error);
    let database = &tables.database;
    let rows = database.fetch_all(|| database.sql.parked.for_build(table)).await.map_err(read_error)?;
    if rows.is_empty() {
        return Err(table.undefined_error());
    }
    let parked = rows.iter().filter_map(|row| decode(row).transpose());
    parked.collect::<Result<_, _>>().map_err(read_error)
}

/// The parked event of a row; `None` if it has none.
pub(crate) fn decode(row: &PgRow) -> Result<Option<Parked>, sqlx::Error> {
    let Some(position) = row.try_get::<Option<i64>, _>("position")? else { return Ok(None) };
    let decode_error = |error: serde_json::Error| sqlx::Error::Decode(error.into());
    Ok(Some(Parked {
        position: from_i64(position),
        event: row.try_get("event")?,
        keys: serde_json::from_str(row.try_get("keys")?).map_err(decode_error)?,
        error: serde_json::from_str(row.try_get("error")?).map_err(decode_error)?,
        attempts: u32::try_from(row.try_get::<i64, _>("attempts")?).unwrap_or(u32::MAX),
        needs_newer: row.try_get("needs_newer")?,
    }))
}
