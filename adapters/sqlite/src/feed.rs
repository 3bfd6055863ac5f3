//! Pages of the log in its order. Positions are assigned under the write lock, so every committed event is settled and there
//! are no gaps.

use annalist_core::{
    criteria::Criteria,
    record::Position,
    store::{FeedPage, PageLimit, Prefix, Read},
    time::Timestamp,
};
use sqlx::{Connection, SqliteConnection, query_as};

use crate::{error::TransactionError, index_scans::needs_lookup, read, rows::position, sql::Sql, successors};

/// Returns the page after a position; its records and its end are from one snapshot.
pub(crate) async fn feed(
    connection: &mut SqliteConnection,
    sql: &Sql,
    filter: &Criteria,
    after: Position,
    limit: PageLimit,
) -> Result<FeedPage, TransactionError> {
    if !needs_lookup(filter) {
        return page(connection, sql, filter, after, limit).await;
    }
    let mut snapshot = connection.begin().await?;
    let page = page(&mut snapshot, sql, filter, after, limit).await?;
    snapshot.commit().await?;
    Ok(page)
}

async fn page(
    connection: &mut SqliteConnection,
    sql: &Sql,
    filter: &Criteria,
    after: Position,
    limit: PageLimit,
) -> Result<FeedPage, TransactionError> {
    let read = Read::all(filter.clone()).after(after);
    let (page, end) = read::page(connection, sql, &read, limit).await?;
    let successors = match end.successors {
        Some(version) => version,
        // A full page is not read to its end.
        None => successors::version(connection, sql).await?,
    };
    Ok(page.into_page(after, end.position, None, successors))
}

/// Returns the longest prefix of the log whose events were recorded until `time`.
pub(crate) async fn prefix_at(
    connection: &mut SqliteConnection,
    sql: &Sql,
    time: Timestamp,
) -> Result<Prefix, sqlx::Error> {
    let prefix = query_as(sql.prefix_at.clone()).bind(time.as_micros()).fetch_one(connection);
    let (up_to, hidden): (i64, i64) = prefix.await?;
    Ok(Prefix { up_to: position(up_to), hidden: hidden.unsigned_abs() })
}
