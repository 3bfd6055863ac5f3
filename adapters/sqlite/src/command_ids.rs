//! The accepted command ids and their receipts.

use std::{collections::HashMap, ops::Range};

use annalist_core::{
    store::{AcceptedCommand, CommandKey, PageBuilder, PageLimit, Receipt},
    time::Timestamp,
};
use futures_util::TryStreamExt;
use sqlx::{SqliteConnection, query, query_as};

use crate::{
    error::TransactionError,
    read::sql_limit,
    rows::{self, json},
    sql::Sql,
};

/// The largest number of ids that one transaction deletes.
const PURGE_CHUNK: u32 = 10_000;

/// Accepted commands by their id.
#[derive(Default)]
pub(crate) struct AcceptedCommands(HashMap<String, Accepted>);

/// The name and scope of an accepted command, and its stored receipt.
type Accepted = (String, String, String);

impl AcceptedCommands {
    /// Loads the command ids with one of these keys, in one statement.
    pub(crate) async fn load(
        connection: &mut SqliteConnection,
        sql: &Sql,
        keys: impl Iterator<Item = &CommandKey>,
    ) -> Result<Self, sqlx::Error> {
        let ids: Vec<&str> = keys.map(CommandKey::id).collect();
        if ids.is_empty() {
            return Ok(Self::default());
        }
        let found: Vec<(String, String, String, String)> =
            query_as(sql.find_commands.clone()).bind(json(&ids)).fetch_all(connection).await?;
        Ok(Self(
            found.into_iter().map(|(id, command, scope, receipt)| (id, (command, scope, receipt))).collect(),
        ))
    }

    /// Returns the receipt of a command, if it was accepted.
    ///
    /// # Errors
    /// [`TransactionError::Refused`] if its id was accepted for another command, [`TransactionError::Unusable`] if the
    /// stored receipt is damaged.
    pub(crate) fn receipt(&self, key: &CommandKey) -> Result<Option<Receipt>, TransactionError> {
        let Some((command, scope, receipt)) = self.0.get(key.id()) else { return Ok(None) };
        key.check(command, scope)?;
        let damaged = |error| {
            TransactionError::Unusable(format!(
                "the stored receipt of command id `{}` is damaged: {error}",
                key.id()
            ))
        };
        Ok(Some(rows::receipt(receipt).map_err(damaged)?))
    }
}

/// Returns the first accepted commands after an id, as many as the limit allows.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    sql: &Sql,
    after: &str,
    limit: PageLimit,
) -> Result<Vec<AcceptedCommand>, TransactionError> {
    let list = query(sql.command_ids.clone()).bind(after.to_owned()).bind(sql_limit(limit.records));
    let mut rows = list.fetch(connection);
    let mut page = PageBuilder::new(limit);
    while !page.is_full()
        && let Some(row) = rows.try_next().await?
    {
        let command = rows::accepted_command(&row)?;
        let bytes = command.size();
        page.add(command, bytes);
    }
    Ok(page.into_items())
}

/// Deletes ids in a range that were accepted before a time and returns how many: at most [`PURGE_CHUNK`], so that appends wait only
/// shortly.
pub(crate) async fn purge_chunk(
    connection: &mut SqliteConnection,
    sql: &Sql,
    before: Timestamp,
    ids: &Range<&str>,
) -> Result<u64, sqlx::Error> {
    let purge = query(sql.purge_command_ids.clone()).bind(before.as_micros()).bind(PURGE_CHUNK);
    let purge = purge.bind(ids.start.to_owned()).bind(ids.end.to_owned());
    purge.execute(connection).await.map(|done| done.rows_affected())
}
