//! The journal: commands as they were requested, with their outcome.

use annalist_core::store::{Entry, PageBuilder, PageLimit};
use futures_util::TryStreamExt;
use sqlx::{SqliteConnection, query};

use crate::{
    error::TransactionError,
    read::sql_limit,
    rows::{entry, integer},
    sql::Sql,
};

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
