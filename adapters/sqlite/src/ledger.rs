//! The accepted command ids.

use annalist_core::{
    error::Error,
    store::{CommandKey, Receipt},
    time::Timestamp,
};
use sqlx::{SqliteConnection, query, query_as};

use crate::{error::Fault, rows, sql::Sql};

/// How many ids are forgotten under one hold of the write lock.
const AT_ONCE: u32 = 10_000;

/// The receipt of an id, if it was accepted for the same command.
///
/// # Errors
/// [`Fault`] if the database fails, or the stored row is no answer.
pub(crate) async fn find(
    connection: &mut SqliteConnection,
    sql: &Sql,
    operation: &str,
    key: &CommandKey,
) -> Result<Option<Receipt>, Fault> {
    let row: Option<(String, String, String)> =
        query_as(sql.find_command.clone()).bind(key.id()).fetch_optional(connection).await?;
    let Some((command, scope, receipt)) = row else { return Ok(None) };
    key.check(&command, &scope)?;
    let damaged = |error| {
        let reason = format!("the stored receipt of command id `{}` is damaged: {error}", key.id());
        Error::unusable(operation, reason)
    };
    Ok(Some(rows::receipt(&receipt).map_err(damaged)?))
}

/// Forgets the ids that were accepted before a time, a part at a time so that appends come in between.
pub(crate) async fn forget(
    connection: &mut SqliteConnection,
    sql: &Sql,
    before: Timestamp,
) -> Result<u64, sqlx::Error> {
    let part = query(sql.forget_commands.clone()).bind(before.as_micros()).bind(AT_ONCE);
    part.execute(connection).await.map(|done| done.rows_affected())
}
