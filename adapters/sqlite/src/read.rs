//! The events that match some criteria: for reads, feeds and conditions.

use annalist_core::{
    criteria::Criteria,
    error::Error,
    payload::Payload,
    record::{Position, Record},
    store::{Archive, Batch, Marker, PageBuilder, PageLimit, Read, StoredType, StoredVersion},
};
use futures_util::TryStreamExt;
use sqlx::{Connection, Row, SqliteConnection, query, query_as, query_scalar};

use crate::{
    archive,
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
        // Ids that were closed after the snapshot are refused too: their events may be those of before.
        check_ids(connection, sql, reads, &end).await?;
        return Ok((vec![batch], end));
    }
    let mut snapshot = connection.begin().await?;
    let (mut batches, mut last) = (Vec::with_capacity(reads.len()), End::START);
    for read in reads {
        let (batch, end) = batch(&mut snapshot, sql, read).await?;
        batches.push(batch);
        last = end;
    }
    check_ids(&mut snapshot, sql, reads, &last).await?;
    snapshot.commit().await?;
    Ok((batches, last))
}

/// Checks that no read is by a closed id. A read whose snapshot has no closed ids lacks no event.
async fn check_ids(
    connection: &mut SqliteConnection,
    sql: &Sql,
    reads: &[Read],
    end: &End,
) -> Result<(), TransactionError> {
    if !end.has_closed_ids {
        return Ok(());
    }
    archive::check(connection, sql, reads.iter().flat_map(|read| Archive::ids_of(&read.criteria))).await
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
    let (mut rest, mut is_checked) = (read.clone(), false);
    loop {
        let (page, end) = page(snapshot, sql, &rest, PageLimit::CHUNK).await?;
        // Before a record is folded: the remaining events of a closed id may not be foldable.
        if !is_checked && (page.is_full() || end.has_closed_ids) {
            archive::check(snapshot, sql, Archive::ids_of(&read.criteria)).await?;
            is_checked = true;
        }
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
            end = End::new(number, row.try_get(5)?)
                .with_successors(row.try_get(6)?)
                .with_closed_ids(row.try_get(3)?);
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
            let payload: Option<String> = payload.fetch_optional(&mut *connection).await?;
            let archived = || {
                let reason =
                    format!("the event at position {} was archived meanwhile; read again", record.position);
                Error::unavailable("read events", reason)
            };
            record.data = Payload::from_stored(payload.ok_or_else(archived)?);
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

/// The names of the event types and their later versions, with their first and last positions.
pub(crate) async fn stored_types(
    connection: &mut SqliteConnection,
    sql: &Sql,
) -> Result<Vec<StoredType>, sqlx::Error> {
    let mut snapshot = connection.begin().await?;
    let types: Vec<(String, i64, i64)> = query_as(sql.stored_types.clone()).fetch_all(&mut *snapshot).await?;
    let versions: Vec<(String, i64, i64, i64)> =
        query_as(sql.stored_versions.clone()).fetch_all(&mut *snapshot).await?;
    snapshot.commit().await?;
    let stored = |(name, first, last): (String, i64, i64)| {
        let of_type = versions.iter().filter(|(of, ..)| *of == name);
        let later_versions = of_type.map(|(_, version, first, last)| StoredVersion {
            version: u32::try_from(*version).unwrap_or(u32::MAX),
            first: position(*first),
            last: position(*last),
        });
        let later_versions = later_versions.collect();
        StoredType { name, first: position(first), last: position(last), later_versions }
    };
    Ok(types.into_iter().map(stored).collect())
}

/// The number of events of a type, in one version after version 1 or in all versions, at most `limit`.
pub(crate) async fn count_type(
    connection: &mut SqliteConnection,
    sql: &Sql,
    (name, version): (&str, Option<u32>),
    limit: u64,
) -> Result<u64, sqlx::Error> {
    let statement = if version.is_some() { &sql.count_version } else { &sql.count_type };
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let found: i64 =
        query_scalar(statement.clone()).bind(name).bind(limit).bind(version).fetch_one(connection).await?;
    Ok(u64::try_from(found).unwrap_or_default())
}

/// The parameter of a LIMIT clause.
pub(crate) fn sql_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
