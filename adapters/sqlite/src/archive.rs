//! Closed ids, and the events that leave the log for an archive.

use annalist_core::{
    record::{Position, Record},
    store::{Archive, ArchiveStep, EventRef, Restore, RestoreStep},
    tag::Tag,
};
use sqlx::{SqliteConnection, query, query_as, query_scalar};
use uuid::Uuid;

use crate::{
    error::TransactionError,
    rows::{integer, json, position},
    sql::Sql,
    successors,
    write_transaction::WriteTransaction,
};

/// How many events one statement removes.
const EVENTS_PER_STATEMENT: usize = 1_000;

/// Writes a step. The transaction has the write lock, so no append is running.
pub(crate) async fn write(
    mut transaction: WriteTransaction<'_>,
    step: ArchiveStep,
) -> Result<Archive, TransactionError> {
    let log = transaction.log;
    let (sql, connection) = (&log.sql, transaction.connection());
    let stored = load(connection, sql).await?;
    let list = successors::load(connection, sql).await?;
    let end: i64 = query_scalar(sql.head.clone()).fetch_one(&mut *connection).await?;
    let change = step.apply(&stored, position(end), &list, &log.title)?;
    let archive = change.archive;
    if !change.is_change {
        return transaction.rollback(archive).await;
    }
    let number = integer(archive.number);
    match &step {
        ArchiveStep::Close { .. } => {
            let close = query(sql.close_ids.clone()).bind(number).bind(json(&archive.ids));
            close.execute(&mut *connection).await?;
        }
        ArchiveStep::Remove { .. } => remove(connection, sql, &step, number, &log.title).await?,
    }
    end_step(connection, sql, &archive).await?;
    transaction.commit(archive).await
}

/// Ends a step: saves the archive, and removes the snapshots of its ids.
async fn end_step(
    connection: &mut SqliteConnection,
    sql: &Sql,
    archive: &Archive,
) -> Result<(), TransactionError> {
    query(sql.remove_snapshots.clone()).bind(json(&archive.ids)).execute(&mut *connection).await?;
    save(connection, sql, archive).await
}

/// Opens the ids of an archive again, and puts its events back. The transaction has the write lock, so no append is running.
pub(crate) async fn restore(
    mut transaction: WriteTransaction<'_>,
    mut step: RestoreStep,
) -> Result<Archive, TransactionError> {
    let log = transaction.log;
    let (sql, connection) = (&log.sql, transaction.connection());
    let stored = load(connection, sql).await?;
    let list = successors::load(connection, sql).await?;
    let mut restore = Restore::begin(&step, &stored, &list, &log.title)?;
    if !restore.is_change() {
        return transaction.rollback(restore.archive().clone()).await;
    }
    while let Some(records) = restore.next_page(&mut *step.events).await? {
        for record in &records {
            restore.add_returned(put_back(connection, sql, record).await?);
        }
    }
    let archive = restore.finish()?;
    query(sql.open_ids.clone()).bind(integer(archive.number)).execute(&mut *connection).await?;
    end_step(connection, sql, &archive).await?;
    transaction.commit(archive).await
}

/// Reads all archives.
pub(crate) async fn load(
    connection: &mut SqliteConnection,
    sql: &Sql,
) -> Result<Vec<Archive>, TransactionError> {
    let records: Vec<String> = query_scalar(sql.archives.clone()).fetch_all(connection).await?;
    records.iter().map(|record| parse(record)).collect()
}

/// Checks that none of these ids is closed.
pub(crate) async fn check<'a>(
    connection: &mut SqliteConnection,
    sql: &Sql,
    ids: impl Iterator<Item = &'a Tag>,
) -> Result<(), TransactionError> {
    let mut ids: Vec<&Tag> = ids.collect();
    if ids.is_empty() {
        return Ok(());
    }
    ids.sort_unstable();
    ids.dedup();
    let find = query_as(sql.archived_id.clone()).bind(json(&ids));
    let Some((found, record)) = find.fetch_optional(connection).await? else { return Ok(()) };
    let (found, record): (String, String) = (found, record);
    let archive = parse(&record)?;
    let id = ids.into_iter().find(|id| id.as_str() == found);
    id.map_or(Ok(()), |id| Err(archive.refused(id).into()))
}

/// The event that is or was at a position.
pub(crate) async fn event_at(
    connection: &mut SqliteConnection,
    sql: &Sql,
    position: Position,
) -> Result<Option<EventRef>, sqlx::Error> {
    let id = query_scalar(sql.event_at.clone()).bind(integer(position.get()));
    let id: Option<String> = id.fetch_optional(connection).await?;
    let id = id.and_then(|id| Uuid::try_parse(&id).ok());
    Ok(id.map(|id| EventRef { position, id }))
}

/// The events that have left the log, after a position.
pub(crate) async fn tombstones(
    connection: &mut SqliteConnection,
    sql: &Sql,
    after: Position,
    records: usize,
) -> Result<Vec<EventRef>, TransactionError> {
    let limit = i64::try_from(records).unwrap_or(i64::MAX);
    let select = query_as(sql.tombstones.clone()).bind(integer(after.get())).bind(limit);
    let rows: Vec<(i64, String)> = select.fetch_all(connection).await?;
    let damaged =
        |at| TransactionError::Unusable(format!("the id of the tombstone at position {at} is not a UUID"));
    let event = |(at, id): (i64, String)| {
        let id = Uuid::try_parse(&id).map_err(|_| damaged(at))?;
        Ok(EventRef { position: position(at), id })
    };
    rows.into_iter().map(event).collect()
}

/// Adds or replaces an archive of another log.
pub(crate) async fn import(
    connection: &mut SqliteConnection,
    sql: &Sql,
    archive: &Archive,
) -> Result<(), TransactionError> {
    let number = integer(archive.number);
    query(sql.open_ids.clone()).bind(number).execute(&mut *connection).await?;
    if archive.is_closed() {
        let close = query(sql.close_ids.clone()).bind(number).bind(json(&archive.ids));
        close.execute(&mut *connection).await?;
    }
    save(connection, sql, archive).await
}

fn parse(record: &str) -> Result<Archive, TransactionError> {
    Archive::from_json(record)
        .map_err(|error| TransactionError::Unusable(format!("a stored archive is damaged: {error}")))
}

async fn remove(
    connection: &mut SqliteConnection,
    sql: &Sql,
    step: &ArchiveStep,
    archive: i64,
    title: &str,
) -> Result<(), TransactionError> {
    let leaving = query_scalar(sql.leaving_events.clone()).bind(archive);
    let leaving: Vec<i64> = leaving.fetch_all(&mut *connection).await?;
    let end = |found: Option<&i64>| found.copied().map(position).unwrap_or_default();
    step.check_removed(leaving.len() as u64, end(leaving.first()), end(leaving.last()), title)?;
    for positions in leaving.chunks(EVENTS_PER_STATEMENT) {
        let positions = json(positions);
        query(sql.remove_tag_rows.clone()).bind(positions.clone()).execute(&mut *connection).await?;
        query(sql.remove_events.clone()).bind(positions).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Replaces a tombstone by its event. Returns how many there were.
async fn put_back(
    connection: &mut SqliteConnection,
    sql: &Sql,
    record: &Record,
) -> Result<u64, TransactionError> {
    let position = integer(record.position.get());
    let put_back = query(sql.return_event.clone())
        .bind(position)
        .bind(record.id.to_string())
        .bind(record.name.to_string())
        .bind(record.version)
        .bind(record.recorded_at.as_micros())
        .bind(json(&record.tags))
        .bind(json(record.metadata()?))
        .bind(record.data.as_str().to_owned());
    let returned = put_back.execute(&mut *connection).await?.rows_affected();
    let tags = query(sql.add_tag_rows.clone()).bind(position).bind(record.name.to_string());
    tags.execute(&mut *connection).await?;
    Ok(returned)
}

async fn save(
    connection: &mut SqliteConnection,
    sql: &Sql,
    archive: &Archive,
) -> Result<(), TransactionError> {
    let record = archive.to_json().map_err(|error| TransactionError::Unusable(error.to_string()))?;
    let last_removed = archive.removed.as_ref().map_or(0, |removed| integer(removed.last.get()));
    let save = query(sql.save_archive.clone()).bind(integer(archive.number)).bind(integer(archive.version));
    save.bind(last_removed).bind(record).execute(connection).await?;
    Ok(())
}
