//! The journal: commands as they were requested, with their outcome.

use annalist_core::store::Entry;
use sqlx::{SqliteConnection, query};

use crate::{
    error::TransactionError,
    read::sql_limit,
    rows::{entry, integer},
    sql::Sql,
};

/// Returns the first entries after a number.
pub(crate) async fn journal(
    connection: &mut SqliteConnection,
    sql: &Sql,
    after: u64,
    limit: usize,
) -> Result<Vec<Entry>, TransactionError> {
    let journal = query(sql.journal.clone()).bind(integer(after)).bind(sql_limit(Some(limit)));
    let found = journal.fetch_all(connection).await?;
    Ok(found.iter().map(entry).collect::<Result<_, _>>()?)
}
