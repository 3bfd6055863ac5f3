//! The log in its order, from a position on. Positions are drawn under the write lock, so whatever is committed is settled
//! and there are no gaps.

use annalist_core::{
    criteria::Criteria,
    error::Error,
    record::Position,
    store::{Page, Read},
    time::Timestamp,
};
use sqlx::{Connection, SqliteConnection, query_scalar};

use crate::{
    error::failed,
    read::{position, records},
    sql::Sql,
    walks::asks_first,
};

/// The page behind a position; its records and its end are of one snapshot.
pub(crate) async fn feed(
    connection: &mut SqliteConnection,
    sql: &Sql,
    operation: &str,
    filter: &Criteria,
    after: Position,
    limit: usize,
) -> Result<Page, Error> {
    if limit == 0 {
        return Ok(Page { records: Vec::new(), up_to: after, gap: None });
    }
    if !asks_first(filter) {
        return page(connection, sql, operation, filter, after, limit).await;
    }
    let said = |error| failed(operation, error);
    let mut snapshot = connection.begin().await.map_err(said)?;
    let page = page(&mut snapshot, sql, operation, filter, after, limit).await?;
    snapshot.commit().await.map_err(said)?;
    Ok(page)
}

async fn page(
    connection: &mut SqliteConnection,
    sql: &Sql,
    operation: &str,
    filter: &Criteria,
    after: Position,
    limit: usize,
) -> Result<Page, Error> {
    let read = Read::all(filter.clone()).after(after);
    let (records, settled) = records(connection, sql, operation, &read, Some(limit)).await?;
    let up_to = match records.last() {
        Some(last) if records.len() == limit => last.position,
        _ => settled.max(after),
    };
    Ok(Page { records, up_to, gap: None })
}

/// The last position before the first event that was recorded later.
pub(crate) async fn position_at(
    connection: &mut SqliteConnection,
    sql: &Sql,
    time: Timestamp,
) -> Result<Position, sqlx::Error> {
    query_scalar(sql.position_at.clone()).bind(time.as_micros()).fetch_one(connection).await.map(position)
}
