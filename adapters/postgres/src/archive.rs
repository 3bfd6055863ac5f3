//! Closes ids and removes their events while no append is running.

use std::sync::{Arc, atomic::Ordering};

use annalist_core::{
    error::Error,
    record::{Position, Record},
    store::{Archive, ArchiveStep, EventRef, PageLimit, Restore, RestoreStep, Successors},
    tag::Tag,
};
use sqlx::{Connection, PgConnection, Postgres, Row, Transaction, postgres::PgRow};
use uuid::Uuid;

use crate::{
    append::locks::AdvisoryKeys,
    builds::registry::prepare_transaction,
    database::Database,
    error::{append_failed, failed},
    read::successors,
    values::{Time, array_literal, from_i64, to_i64},
};

/// How many events one statement puts back.
const EVENTS_PER_STATEMENT: usize = 1_000;

pub(crate) struct Archives {
    pub(crate) database: Arc<Database>,
    pub(crate) keys: Arc<AdvisoryKeys>,
}

impl Archives {
    /// Writes a step.
    pub(crate) async fn write(&self, step: &ArchiveStep) -> Result<Archive, Error> {
        let database = &self.database;
        let mut connection = database.acquire().await.map_err(|error| self.failed(error))?;
        let (mut transaction, stored, list) = self.begin(&mut connection).await?;
        let end = self.end(&mut transaction).await.map_err(|error| self.failed(error))?;
        let change = step.apply(&stored, end, &list, &database.name)?;
        if !change.is_change {
            return Ok(change.archive);
        }
        self.change_events(&mut transaction, step, &change.archive).await?;
        self.commit(transaction, change.archive).await
    }

    /// Opens the ids of an archive again, and puts its events back.
    pub(crate) async fn restore(&self, mut step: RestoreStep) -> Result<Archive, Error> {
        let database = &self.database;
        let mut connection = database.acquire().await.map_err(|error| self.failed(error))?;
        let (mut transaction, stored, list) = self.begin(&mut connection).await?;
        let mut restore = Restore::begin(&step, &stored, &list, &database.name)?;
        if !restore.is_change() {
            return Ok(restore.archive().clone());
        }
        while let Some(page) = restore.next_page(&mut *step.events).await? {
            for records in page.chunks(EVENTS_PER_STATEMENT) {
                restore.add_returned(self.put_back(&mut transaction, records).await?);
            }
        }
        let archive = restore.finish()?;
        let open =
            database.sql.open_ids.query().bind(to_number(step.number)).execute(&mut *transaction).await;
        open.map_err(|error| self.failed(error))?;
        self.commit(transaction, archive).await
    }

    /// Begins a transaction that waits until no append is running and locks out new ones. Returns what is stored of archives and successors,
    /// too.
    async fn begin<'c>(
        &self,
        connection: &'c mut PgConnection,
    ) -> Result<(Transaction<'c, Postgres>, Vec<Archive>, Successors), Error> {
        let database = &self.database;
        let mut transaction = connection.begin().await.map_err(|error| self.failed(error))?;
        prepare_transaction(database, &mut transaction).await.map_err(|error| self.failed(error))?;
        // Appends, which hold this lock shared, have ended; new ones wait.
        let lock = database.sql.advisory_lock.query().bind(self.keys.log());
        lock.execute(&mut *transaction).await.map_err(|error| self.failed(error))?;
        let rows = database.sql.archives.query().fetch_all(&mut *transaction).await;
        let stored = parse_all(database, &rows.map_err(|error| self.failed(error))?)?;
        let list = successors::load(database, &mut transaction).await?;
        Ok((transaction, stored, list))
    }

    /// Ends a step: saves the archive, and removes the snapshots of its ids.
    async fn commit(
        &self,
        mut transaction: Transaction<'_, Postgres>,
        archive: Archive,
    ) -> Result<Archive, Error> {
        let database = &self.database;
        let remove = database.sql.remove_snapshots.query().bind(texts(&archive.ids));
        remove.execute(&mut *transaction).await.map_err(|error| self.failed(error))?;
        save(database, &mut transaction, &archive).await.map_err(|error| self.failed(error))?;
        let operation = || database.operation(OPERATION);
        transaction.commit().await.map_err(|error| append_failed(operation(), error.into()))?;
        // Followers of this process read no archived event from its memory any more.
        database.successors.fetch_max(archive.version, Ordering::AcqRel);
        Ok(archive)
    }

    /// Reads all archives.
    pub(crate) async fn list(&self) -> Result<Vec<Archive>, Error> {
        let database = &self.database;
        let rows = database.fetch_all(|| database.sql.archives.query()).await;
        parse_all(database, &rows.map_err(|error| database.read_error(error))?)
    }

    /// The event that is or was at a position.
    pub(crate) async fn event_at(&self, position: Position) -> Result<Option<EventRef>, Error> {
        let database = &self.database;
        let query = || database.sql.event_at.query().bind(to_i64(position));
        let row = database.fetch_optional(query).await.map_err(|error| database.read_error(error))?;
        let id = row.map(|row| row.try_get::<Uuid, _>(0)).transpose();
        let id = id.map_err(|error| database.read_error(error))?;
        Ok(id.map(|id| EventRef { position, id }))
    }

    /// The events that have left the log, after a position.
    pub(crate) async fn tombstones(&self, after: Position, limit: PageLimit) -> Result<Vec<EventRef>, Error> {
        let database = &self.database;
        let records = i64::try_from(limit.records).unwrap_or(i64::MAX);
        let query = || database.sql.tombstones.query().bind(to_i64(after)).bind(records);
        let rows = database.fetch_all(query).await.map_err(|error| database.read_error(error))?;
        let event = |row: &PgRow| Ok(EventRef { position: from_i64(row.try_get(0)?), id: row.try_get(1)? });
        let events: Result<_, sqlx::Error> = rows.iter().map(event).collect();
        events.map_err(|error| database.read_error(error))
    }

    fn failed(&self, error: sqlx::Error) -> Error {
        failed(self.database.operation(OPERATION), error)
    }

    async fn end(&self, connection: &mut PgConnection) -> Result<Position, sqlx::Error> {
        let row = self.database.sql.head.query().fetch_one(connection).await?;
        row.try_get("head").map(from_i64)
    }

    async fn change_events(
        &self,
        connection: &mut PgConnection,
        step: &ArchiveStep,
        archive: &Archive,
    ) -> Result<(), Error> {
        let (sql, number) = (&self.database.sql, to_number(archive.number));
        match step {
            ArchiveStep::Close { .. } => {
                let close = sql.close_ids.query().bind(number).bind(texts(&archive.ids));
                close.execute(&mut *connection).await.map_err(|error| self.failed(error))?;
            }
            ArchiveStep::Remove { .. } => {
                let remove = sql.remove_events.query().bind(number).fetch_one(&mut *connection).await;
                let (events, first, last) =
                    remove.and_then(|row| removed(&row)).map_err(|error| self.failed(error))?;
                step.check_removed(events, first, last, &self.database.name)?;
            }
        }
        Ok(())
    }

    /// Replaces tombstones by their events. Returns how many there were.
    async fn put_back(&self, connection: &mut PgConnection, records: &[Record]) -> Result<u64, Error> {
        let mut metadata = Vec::with_capacity(records.len());
        for record in records {
            metadata.push(serde_json::to_string(record.metadata()?).unwrap_or_default());
        }
        let all = || records.iter();
        let put_back = self
            .database
            .sql
            .return_events
            .query()
            .bind(all().map(|one| to_i64(one.position)).collect::<Vec<_>>())
            .bind(all().map(|one| one.id).collect::<Vec<_>>())
            .bind(all().map(|one| one.name.as_ref()).collect::<Vec<&str>>())
            .bind(all().map(|one| i64::from(one.version)).collect::<Vec<_>>())
            .bind(all().map(|one| Time(one.recorded_at)).collect::<Vec<_>>())
            .bind(all().map(|one| array_literal(one.tags.iter().map(Tag::as_str))).collect::<Vec<_>>())
            .bind(metadata)
            .bind(all().map(|one| one.data.as_str()).collect::<Vec<_>>());
        let row = put_back.fetch_one(connection).await;
        let returned: Result<i64, _> = row.and_then(|row| row.try_get("events"));
        returned.map(i64::unsigned_abs).map_err(|error| self.failed(error))
    }
}

/// Adds or replaces an archive of another log.
pub(crate) async fn import(
    database: &Database,
    connection: &mut PgConnection,
    archive: &Archive,
) -> Result<(), sqlx::Error> {
    let number = to_number(archive.number);
    database.sql.open_ids.query().bind(number).execute(&mut *connection).await?;
    if archive.is_closed() {
        let close = database.sql.close_ids.query().bind(number).bind(texts(&archive.ids));
        close.execute(&mut *connection).await?;
    }
    save(database, connection, archive).await
}

async fn save(
    database: &Database,
    connection: &mut PgConnection,
    archive: &Archive,
) -> Result<(), sqlx::Error> {
    let record = archive.to_json().map_err(|error| sqlx::Error::Encode(error.into()))?;
    let last_removed = archive.removed.as_ref().map_or(0, |removed| to_i64(removed.last));
    let save = database.sql.save_archive.query();
    let save = save.bind(to_number(archive.number)).bind(to_number(archive.version));
    save.bind(last_removed).bind(record).execute(connection).await.map(drop)
}

const OPERATION: &str = "archive events of";

/// An archive from its stored text.
pub(crate) fn parse(record: &str) -> Result<Archive, sqlx::Error> {
    Archive::from_json(record).map_err(|error| sqlx::Error::Decode(error.into()))
}

fn parse_all(database: &Database, rows: &[PgRow]) -> Result<Vec<Archive>, Error> {
    let archive = |row: &PgRow| parse(row.try_get::<&str, _>("record")?);
    rows.iter().map(archive).collect::<Result<_, _>>().map_err(|error| database.read_error(error))
}

fn removed(row: &PgRow) -> Result<(u64, Position, Position), sqlx::Error> {
    let events: i64 = row.try_get("events")?;
    Ok((events.unsigned_abs(), from_i64(row.try_get("first")?), from_i64(row.try_get("last")?)))
}

fn to_number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn texts(ids: &[Tag]) -> Vec<&str> {
    ids.iter().map(Tag::as_str).collect()
}
