//! What matches some criteria: for reads, feeds and conditions.

use annalist_core::{
    criteria::Criteria,
    error::Error,
    record::{Position, Record},
    store::{Batch, Marker, Read},
};
use sqlx::{Connection, Row, SqliteConnection, query, query_scalar};

use crate::{
    error::failed,
    rows::{self, integer},
    sql::Sql,
    walks::{asks_first, probes},
};

/// All reads of one call, from one snapshot.
pub(crate) async fn read(
    connection: &mut SqliteConnection,
    sql: &Sql,
    operation: &str,
    reads: &[Read],
) -> Result<Vec<Batch>, Error> {
    if let [read] = reads
        && !asks_first(&read.criteria)
    {
        return Ok(vec![batch(connection, sql, operation, read).await?]);
    }
    let said = |error| failed(operation, error);
    let mut snapshot = connection.begin().await.map_err(said)?;
    let mut batches = Vec::with_capacity(reads.len());
    for read in reads {
        batches.push(batch(&mut snapshot, sql, operation, read).await?);
    }
    snapshot.commit().await.map_err(said)?;
    Ok(batches)
}

/// How many records a long read hands over at once.
const PART: usize = 1_000;

/// The records of a read in parts, from one snapshot; answers the marker.
pub(crate) async fn read_chunked(
    connection: &mut SqliteConnection,
    sql: &Sql,
    operation: &str,
    read: &Read,
    each: &mut (dyn FnMut(Vec<Record>) -> Result<(), Error> + Send),
) -> Result<Marker, Error> {
    let said = |error| failed(operation, error);
    let mut snapshot = connection.begin().await.map_err(said)?;
    let mut rest = read.clone();
    loop {
        let (part, head) = records(&mut snapshot, sql, operation, &rest, Some(PART)).await?;
        let (last, full) = (part.last().map(|record| record.position), part.len() == PART);
        each(part)?;
        match last {
            Some(last) if full => rest.after = last,
            _ => {
                snapshot.commit().await.map_err(said)?;
                return Ok(Marker::new(head.min(read.up_to), 0));
            }
        }
    }
}

async fn batch(
    connection: &mut SqliteConnection,
    sql: &Sql,
    operation: &str,
    read: &Read,
) -> Result<Batch, Error> {
    let (records, head) = records(connection, sql, operation, read, None).await?;
    Ok(Batch { records, marker: Marker::new(head.min(read.up_to), 0) })
}

/// The first records that are asked for, and the position of the log's last event at that moment.
pub(crate) async fn records(
    connection: &mut SqliteConnection,
    sql: &Sql,
    operation: &str,
    Read { criteria, after, up_to, payload_only }: &Read,
    limit: Option<usize>,
) -> Result<(Vec<Record>, Position), Error> {
    let said = |error| failed(operation, error);
    let probes = probes(connection, sql, criteria).await.map_err(said)?;
    let rows = query(sql.read.clone())
        .bind(probes)
        .bind(integer(after.get()))
        .bind(integer(up_to.get()))
        .bind(sql_limit(limit))
        .bind(payload_only)
        .fetch_all(connection)
        .await
        .map_err(said)?;
    let mut records = Vec::with_capacity(rows.len().saturating_sub(1));
    let mut end = Position::START;
    for row in &rows {
        match row.try_get(0).map_err(said)? {
            Some(head) => end = position(head),
            None => records.push(rows::record(row)?),
        }
    }
    // As they come already; but a UNION promises no order.
    records.sort_by_key(|record: &Record| record.position);
    Ok((records, end))
}

/// The position of the last event.
pub(crate) async fn head(connection: &mut SqliteConnection, sql: &Sql) -> Result<Position, sqlx::Error> {
    query_scalar(sql.head.clone()).fetch_one(connection).await.map(position)
}

/// How many events behind a position match the criteria, if it is fewer than `limit`.
pub(crate) async fn count(
    connection: &mut SqliteConnection,
    sql: &Sql,
    criteria: &Criteria,
    after: Position,
    limit: u64,
) -> Result<u64, sqlx::Error> {
    let probes = probes(connection, sql, criteria).await?;
    let found: i64 = query_scalar(sql.count.clone())
        .bind(probes)
        .bind(integer(after.get()))
        .bind(integer(Position::END.get()))
        .bind(integer(limit))
        .fetch_one(connection)
        .await?;
    Ok(u64::try_from(found).unwrap_or_default())
}

/// How many events behind one position and up to another match the criteria.
pub(crate) async fn count_between(
    connection: &mut SqliteConnection,
    sql: &Sql,
    criteria: &Criteria,
    after: Position,
    up_to: Position,
) -> Result<u64, sqlx::Error> {
    let mut snapshot = connection.begin().await?;
    let probes = probes(&mut snapshot, sql, criteria).await?;
    let count = query_scalar(sql.count_between.clone()).bind(probes);
    let count = count.bind(integer(after.get())).bind(integer(up_to.get()));
    let found: i64 = count.fetch_one(&mut *snapshot).await?;
    snapshot.commit().await?;
    Ok(u64::try_from(found).unwrap_or_default())
}

/// A limit as SQL has it: a negative one is none.
pub(crate) fn sql_limit(limit: Option<usize>) -> i64 {
    limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX))
}

pub(crate) fn position(number: i64) -> Position {
    Position::new(u64::try_from(number).unwrap_or_default())
}
