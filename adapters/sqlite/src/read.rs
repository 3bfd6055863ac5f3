//! The events that match some criteria: for reads, feeds and conditions.

use annalist_core::{
    criteria::Criteria,
    error::Error,
    payload::Payload,
    record::{Position, Record},
    store::{Batch, Marker, PageBuilder, PageLimit, Read, StoredType},
};
use futures_util::TryStreamExt;
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

/// Calls `each` with the records of the reads, chunk by chunk, from one snapshot. Returns the markers and the end of the log.
pub(crate) async fn read_all_chunked(
    connection: &mut SqliteConnection,
    sql: &Sql,
    reads: &[Read],
    each: &mut (dyn FnMut(usize, Vec<Record>) -> Result<(), Error> + Send),
) -> Result<(Vec<Marker>, End), TransactionError> {
    let mut snapshot = connection.begin().await?;
    let (mut markers, mut last) = (Vec::with_capacity(reads.len()), End::START);
    for (index, read) in reads.iter().enumerate() {
        last = read_chunks(&mut snapshot, sql, read, &mut |records| each(index, records)).await?;
        markers.push(Marker::new(last.position.min(read.up_to), 0));
    }
    snapshot.commit().await?;
    Ok((markers, last))
}

/// Calls `each` with the records of one read, chunk by chunk. Returns the end of the log.
async fn read_chunks(
    snapshot: &mut SqliteConnection,
    sql: &Sql,
    read: &Read,
    each: &mut (dyn FnMut(Vec<Record>) -> Result<(), Error> + Send),
) -> Result<End, TransactionError> {
    let mut rest = read.clone();
    loop {
        let (page, end) = page(snapshot, sql, &rest, PageLimit::CHUNK).await?;
        let (is_full, chunk) = (page.is_full(), page.into_items());
        let last = chunk.last().map(|record| record.position);
        each(chunk)?;
        match last {
            Some(last) if is_full => rest.after = last,
            _ => return Ok(end),
        }
    }
}

async fn batch(
    connection: &mut SqliteConnection,
    sql: &Sql,
    read: &Read,
) -> Result<(Batch, End), TransactionError> {
    let (page, end) = page(connection, sql, read, PageLimit::records(usize::MAX)).await?;
    Ok((Batch { records: page.into_items(), marker: Marker::new(end.position.min(read.up_to), 0) }, end))
}

/// Returns the first records of a read, as many as the limit allows, and, unless they are full, the end of the log in the same
/// snapshot.
///
/// The rows arrive ahead of the reader, so they leave out large payloads, which are then read one by one. In memory are at most
/// twice the bytes of the limit.
pub(crate) async fn page(
    connection: &mut SqliteConnection,
    sql: &Sql,
    Read { criteria, after, up_to, payload_only }: &Read,
    limit: PageLimit,
) -> Result<(PageBuilder, End), TransactionError> {
    let probes = probes(connection, sql, criteria).await?;
    let mut rows = query(sql.read.clone())
        .bind(probes)
        .bind(integer(after.get()))
        .bind(integer(up_to.get()))
        .bind(sql_limit(limit.records))
        .bind(payload_only)
        .fetch(&mut *connection);
    let (mut page, mut end) = (PageBuilder::new(limit), End::START);
    // From the first record on that lacks its payload.
    let mut rest: Option<PageBuilder<_>> = None;
    let mut last = *after;
    let is_full = |rest: &Option<PageBuilder<_>>| rest.as_ref().is_some_and(PageBuilder::is_full);
    while !page.is_full()
        && !is_full(&rest)
        && let Some(row) = rows.try_next().await?
    {
        if let Some(number) = row.try_get(0)? {
            end = End::new(number, row.try_get(5)?).with_successors(row.try_get(6)?);
            continue;
        }
        let (record, has_payload) = rows::record_of_page(&row)?;
        // They are sorted, but UNION ALL does not guarantee it; a page that ends early would leave a gap.
        if record.position <= last {
            return Err(
                Error::unusable("read events in their order", "SQLite returned them in another one").into()
            );
        }
        last = record.position;
        if rest.is_none() && has_payload {
            page.add_record(record);
        } else {
            let bytes = record.data.as_str().len();
            rest.get_or_insert_with(|| PageBuilder::new(page.room())).add((record, has_payload), bytes);
        }
    }
    drop(rows);
    let ends_after_rest = is_full(&rest);
    for (mut record, has_payload) in rest.map_or_else(Vec::new, PageBuilder::into_items) {
        if page.is_full() {
            break;
        }
        if !has_payload {
            let payload = query_scalar(sql.payload.clone()).bind(integer(record.position.get()));
            let payload: String = payload.fetch_one(&mut *connection).await?;
            record.data = Payload::from_stored(payload);
        }
        page.add_record(record);
    }
    if ends_after_rest {
        page.end();
    }
    Ok((page, end))
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

/// The parameter of a LIMIT clause.
pub(crate) fn sql_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
