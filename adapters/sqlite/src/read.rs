//! The events that match some criteria: for reads, feeds and conditions.

use annalist_core::{
    criteria::Criteria,
    error::Error,
    record::{Position, Record},
    store::{Batch, Marker, Read, StoredType},
};
use sqlx::{Connection, Row, SqliteConnection, query, query_as, query_scalar};

use crate::{
    error::TransactionError,
    index_scans::{needs_lookup, probes},
    rows::{self, integer, position},
    seen::End,
    sql::Sql,
};

/// Runs all reads of one call on one snapshot.
pub(crate) async fn read(
    connection: &mut SqliteConnection,
    sql: &Sql,
    reads: &[Read],
) -> Result<(Vec<Batch>, End), TransactionError> {
    if let [read] = reads
        && !needs_lookup(&read.criteria)
    {
        // One statement, which is a snapshot of its own.
        let (batch, end) = batch(connection, sql, read).await?;
        return Ok((vec![batch], end));
    }
    let mut snapshot = connection.begin().await?;
    let (mut batches, mut last) = (Vec::with_capacity(reads.len()), End::START);
    for read in reads {
        let (batch, end) = batch(&mut snapshot, sql, read).await?;
        batches.push(batch);
        last = end;
    }
    snapshot.commit().await?;
    Ok((batches, last))
}

/// The number of records in a chunk of a chunked read.
const CHUNK: usize = 1_000;

/// Calls `each` with the records of a read, chunk by chunk, from one snapshot. Returns the marker and the end of the log.
pub(crate) async fn read_chunked(
    connection: &mut SqliteConnection,
    sql: &Sql,
    read: &Read,
    each: &mut (dyn FnMut(Vec<Record>) -> Result<(), Error> + Send),
) -> Result<(Marker, End), TransactionError> {
    let mut snapshot = connection.begin().await?;
    let mut rest = read.clone();
    loop {
        let (chunk, end) = records(&mut snapshot, sql, &rest, Some(CHUNK)).await?;
        let (last, full) = (chunk.last().map(|record| record.position), chunk.len() == CHUNK);
        each(chunk)?;
        match last {
            Some(last) if full => rest.after = last,
            _ => {
                snapshot.commit().await?;
                return Ok((Marker::new(end.position.min(read.up_to), 0), end));
            }
        }
    }
}

async fn batch(
    connection: &mut SqliteConnection,
    sql: &Sql,
    read: &Read,
) -> Result<(Batch, End), TransactionError> {
    let (records, end) = records(connection, sql, read, None).await?;
    Ok((Batch { records, marker: Marker::new(end.position.min(read.up_to), 0) }, end))
}

/// Returns the first `limit` records of a read, and the end of the log in the same snapshot.
pub(crate) async fn records(
    connection: &mut SqliteConnection,
    sql: &Sql,
    Read { criteria, after, up_to, payload_only }: &Read,
    limit: Option<usize>,
) -> Result<(Vec<Record>, End), TransactionError> {
    let probes = probes(connection, sql, criteria).await?;
    let rows = query(sql.read.clone())
        .bind(probes)
        .bind(integer(after.get()))
        .bind(integer(up_to.get()))
        .bind(sql_limit(limit))
        .bind(payload_only)
        .fetch_all(connection)
        .await?;
    let mut records = Vec::with_capacity(rows.len().saturating_sub(1));
    let mut end = End::START;
    for row in &rows {
        match row.try_get(0)? {
            Some(number) => end = End::new(number, row.try_get(5)?),
            None => records.push(rows::record(row)?),
        }
    }
    // They are sorted already, but UNION ALL does not guarantee it.
    records.sort_by_key(|record: &Record| record.position);
    Ok((records, end))
}

/// Returns the position of the last event.
pub(crate) async fn head(connection: &mut SqliteConnection, sql: &Sql) -> Result<Position, sqlx::Error> {
    query_scalar(sql.head.clone()).fetch_one(connection).await.map(position)
}

/// Counts the matching events after a position, up to `limit` of them.
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

/// Counts the matching events after one position and up to another.
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

/// The names of the event types, with their first and last positions.
pub(crate) async fn stored_types(
    connection: &mut SqliteConnection,
    sql: &Sql,
) -> Result<Vec<StoredType>, sqlx::Error> {
    let rows: Vec<(String, i64, i64)> = query_as(sql.stored_types.clone()).fetch_all(connection).await?;
    let stored = |(name, first, last)| StoredType { name, first: position(first), last: position(last) };
    Ok(rows.into_iter().map(stored).collect())
}

/// The parameter of a LIMIT clause; a negative one means no limit.
pub(crate) fn sql_limit(limit: Option<usize>) -> i64 {
    limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX))
}
