//! The accepted command ids.

use std::collections::HashMap;

use annalist_core::{
    error::Error,
    store::{CommandKey, Receipt},
    time::Timestamp,
};
use sqlx::{SqliteConnection, query, query_as};

use crate::{
    rows::{self, json},
    sql::Sql,
};

/// How many ids are forgotten under one hold of the write lock.
const AT_ONCE: u32 = 10_000;

/// What is stored about some ids.
#[derive(Default)]
pub(crate) struct Known(HashMap<String, Accepted>);

/// The command and scope of an accepted id, and the text of its receipt.
type Accepted = (String, String, String);

impl Known {
    /// Looks all of them up at once.
    pub(crate) async fn read(
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

    /// The receipt of an id, if it was accepted for the same command.
    ///
    /// # Errors
    /// [`Error::Invalid`] if it was accepted for another one, [`Error::Unusable`] if the stored row is no answer.
    pub(crate) fn receipt(&self, operation: &str, key: &CommandKey) -> Result<Option<Receipt>, Error> {
        let Some((command, scope, receipt)) = self.0.get(key.id()) else { return Ok(None) };
        key.check(command, scope)?;
        let damaged = |error| {
            let reason = format!("the stored receipt of command id `{}` is damaged: {error}", key.id());
            Error::unusable(operation, reason)
        };
        Ok(Some(rows::receipt(receipt).map_err(damaged)?))
    }
}

/// Forgets the ids that were accepted before a time, a part at a time so that appends come in between.
pub(crate) async fn forget(
    connection: &mut SqliteConnection,
    sql: &Sql,
    before: Timestamp,
) -> Result<u64, sqlx::Error> {
    let part = query(sql.purge_command_ids.clone()).bind(before.as_micros()).bind(AT_ONCE);
    part.execute(connection).await.map(|done| done.rows_affected())
}
