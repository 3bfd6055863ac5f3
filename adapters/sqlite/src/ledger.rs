//! The accepted command ids.

use annalist_core::{
    error::Error,
    store::{CommandKey, Receipt},
    time::Timestamp,
};
use sqlx::{SqliteConnection, query, query_as};

use crate::{rows, sql::Sql};

/// How many ids are forgotten under one hold of the write lock.
const AT_ONCE: u32 = 10_000;

/// The receipt of an id, if it was accepted for the same command.
///
/// # Errors
/// Outside, an error of the database; inside, why the stored row is no answer.
pub(crate) async fn find(
    connection: &mut SqliteConnection,
    sql: &Sql,
    operation: &str,
    key: &CommandKey,
) -> Result<Result<Option<Receipt>, Error>, sqlx::Error> {
    let row: Option<(String, String, String)> =
        query_as(sql.find_command.clone()).bind(key.id()).fetch_optional(connection).await?;
    let Some((command, scope, receipt)) = row else { return Ok(Ok(None)) };
    if let Err(reused) = key.check(&command, &scope) {
        return Ok(Err(reused.into()));
    }
    Ok(match rows::receipt(&receipt) {
        Ok(receipt) => Ok(Some(receipt)),
        Err(error) => Err(Error::unusable(
            operation,
            format!("the stored receipt of command id `{}` is damaged: {error}", key.id()),
        )),
    })
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
