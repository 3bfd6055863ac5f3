//! The journal: commands as they were requested, with their outcome.

use annalist_core::{
    store::{Entry, PageBuilder, PageLimit},
    time::Timestamp,
};
use futures_util::TryStreamExt;
use sqlx::{SqliteConnection, query};

use crate::{
    error::TransactionError,
    read::sql_limit,
    rows::{entry, integer},
    sql::Sql,
    write_transaction::{WriteTransaction, secure_delete},
};

/// The number of entries that one transaction of a purge removes.
const PURGE_CHUNK: u32 = 1_000;

/// Returns the first entries after a number, as many as the limit allows.
pub(crate) async fn journal(
    connection: &mut SqliteConnection,
    sql: &Sql,
    after: u64,
    limit: PageLimit,
) -> Result<Vec<Entry>, TransactionError> {
    let journal = query(sql.journal.clone()).bind(integer(after));
    let journal = journal.bind(sql_limit(limit.records)).bind(sql_limit(limit.bytes));
    let mut rows = journal.fetch(connection);
    let mut page = PageBuilder::new(limit);
    while !page.is_full()
        && let Some(row) = rows.try_next().await?
    {
        let entry = entry(&row)?;
        let bytes = entry.body.as_str().len();
        page.add(entry, bytes);
    }
    Ok(page.into_items())
}

/// Deletes the first entries that were recorded before a time and returns how many: at most [`PURGE_CHUNK`], so that appends wait only
/// shortly.
pub(crate) async fn purge_chunk(
    mut transaction: WriteTransaction<'_>,
    before: Timestamp,
) -> Result<u64, TransactionError> {
    let purge = query(transaction.log.sql.purge_journal.clone()).bind(before.as_micros()).bind(PURGE_CHUNK);
    // Also on connections of the user's pool.
    let setting = secure_delete(&mut transaction, 1).await?;
    let purged = purge.execute(transaction.connection()).await?.rows_affected();
    secure_delete(&mut transaction, setting).await?;
    transaction.commit(purged).await
}
