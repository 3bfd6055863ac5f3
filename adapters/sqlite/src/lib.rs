//! An event store in a SQLite file. It needs no server, and an acknowledged append is on disk.
//!
//! ```
//! use annalist_core::store::EventStore;
//! use annalist_sqlite::Sqlite;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let file = folder.path().join("bank.db");
//! let store = Sqlite::open(&file).await?; // creates the file if it does not exist
//! assert!(store.describe().contains("bank.db"));
//! # store.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! SQLite has one writer at a time. Conditions are checked and positions assigned inside its transaction (`BEGIN
//! IMMEDIATE`), so positions have no gaps, several processes may share a file, and every event that can be read is settled.
//! Appends that wait at the same time share one transaction and its sync to disk (group commit).
//!
//! A file also stores the rows of projections, of its own log or of another one. They are tables with typed columns:
//! `annalist_rows_balances_v1` for version 1 of the projection `balances` (`…_v1_2` for its second rebuild), and the view
//! `annalist_rows_balances`, which selects from the live build: until there is one, from the build that was defined first.
//! UUIDs are texts with hyphens, times are texts such as `2026-01-31T12:00:00.000000Z`, so both sort correctly and SQLite's
//! own functions understand them.
//!
//! The file has `secure_delete`: what is deleted is overwritten with zeros, so that the rows of a projection do not keep the secrets of a
//! forgotten subject. A pool of the user should have this setting too, if there are secrets. When a subject was forgotten, the write-ahead
//! log is written into the file and truncated. SQLite may keep a part of a moved row in the unused space of a page: `VACUUM` removes that
//! too. Keys are stored encrypted, in `annalist_subject_keys`.
//!
//! [`verify_sql`] is a script that checks a log and its builds, to be run by hand on a file or a copy of it; `App::verify` runs the same
//! statements.
//!
//! SQLite is compiled in, by sqlx 0.9. A program can link only one copy of it, so this crate cannot be combined with a
//! version of rusqlite that links another one.

mod append;
mod archive;
mod builds;
mod command_ids;
mod commit_rows;
mod conditions;
mod connections;
mod decimal_text;
mod error;
mod feed;
mod file;
mod import;
mod index_scans;
mod inline;
mod inline_folds;
mod journal;
mod keys;
mod log;
mod migrate;
mod options;
mod policies;
mod read;
mod rewrite;
mod row_store;
mod row_tables;
mod row_values;
mod rows;
mod seen;
mod settings;
mod snapshots;
mod sql;
mod stored_builds;
mod successors;
mod user_transaction;
mod verify;
mod write_transaction;
mod writer;

use std::{fmt, iter::once, ops::Range, path::Path, sync::Arc};

use annalist_core::{
    criteria::Criteria,
    error::Error,
    finding::{VerifyCursor, VerifyPage},
    keys::SharedKeys,
    record::{Position, Record},
    rows::SharedRows,
    store::{
        AcceptedCommand, Append, AppendOutcome, Archive, ArchiveStep, Batch, CommandKey, Entry, EventRef,
        EventStore, FeedPage, ImportTransaction, LogId, Marker, PageLimit, PolicyCheckpoint, Prefix, Read,
        Receipt, RestoreStep, Rewrite, RewriteStep, SeenLog, Settled, Snapshot, SnapshotKey, StoredType,
        Successors,
    },
    time::Timestamp,
};
use async_trait::async_trait;

use self::{
    append::Target,
    command_ids::AcceptedCommands,
    connections::Connections,
    error::failed,
    file::LogFile,
    import::Import,
    log::{Log, Operation},
    migrate::Migration,
    row_values::RowDialect,
    settings::Settings,
    sql::{Sql, TablePrefix},
    write_transaction::run_detached,
    writer::{AppendQueue, Writer},
};
pub use self::{migrate::migration_sql, options::Options, verify::verify_sql};

/// The largest number of appends in one call.
const MAX_BATCH: usize = 64;

/// A log in a SQLite file. Clones share its connections, and dropping the last one closes them.
///
/// It belongs to the tokio runtime that it was opened in: after that runtime has ended, appends return [`Error::Unusable`].
#[derive(Clone)]
pub struct Sqlite {
    log: Arc<Log>,
    /// The queue of the task that appends.
    appends: AppendQueue,
}

impl Sqlite {
    /// Opens the log in a file with the default options; see [`Options::open`].
    ///
    /// # Errors
    /// As [`Options::open`].
    pub async fn open(location: impl AsRef<Path>) -> Result<Self, Error> {
        Self::options().open(location).await
    }

    /// Returns the default options: change them, then call [`Options::open`] or [`Options::with_pool`].
    pub fn options() -> Options {
        Options::default()
    }

    /// Waits until the running transactions have finished, and closes the file. Afterwards every call, and every append that
    /// was still queued, returns [`Error::Unavailable`].
    ///
    /// A pool that was passed to [`Options::with_pool`] stays open.
    pub async fn close(&self) {
        if self.log.required_settings.is_none() {
            self.log.writer.pool.close().await;
            self.log.readers.pool.close().await;
        }
    }

    async fn start(
        title: String,
        prefix: TablePrefix,
        migrations: &[Migration],
        writer: Connections,
        readers: Connections,
        required_settings: Option<Settings>,
    ) -> Result<Self, Error> {
        let operation = format!("open {title}");
        let sql = Arc::new(Sql::new(&prefix));
        let mut connection = writer.acquire().await.map_err(|error| failed(&operation, error))?;
        let id = migrate::migrate(&mut connection, &sql, &prefix, migrations, &operation).await;
        let id = id.inspect_err(|_| connection.close_on_drop())?;
        drop(connection);
        let dialect = RowDialect::new(&prefix);
        let operation = format!("append to {title}");
        let seen = Arc::<SeenLog>::default();
        let file = Arc::new(LogFile::open_at(writer.pool.connect_options().get_filename()));
        let target = Target {
            sql: Arc::clone(&sql),
            dialect: dialect.clone(),
            seen: Arc::clone(&seen),
            file: Arc::clone(&file),
            title: title.clone(),
            operation,
        };
        let appends = Writer::new(writer.clone(), target, required_settings).start();
        let log = Log { title, id, seen, file, sql, dialect, writer, readers, required_settings };
        Ok(Self { log: Arc::new(log), appends })
    }
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sqlite")
            .field("title", &self.log.title)
            .field("id", &self.log.id)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl EventStore for Sqlite {
    fn describe(&self) -> String {
        self.log.title.clone()
    }

    fn log_id(&self) -> LogId {
        self.log.id
    }

    fn epoch(&self) -> u64 {
        self.log.seen.now().epoch
    }

    async fn read(&self, reads: &[Read]) -> Result<Vec<Batch>, Error> {
        let log = &*self.log;
        let read = async |connection: &mut _| {
            let seen = log.seen.now();
            let (mut batches, end) = read::read(connection, &log.sql, reads).await?;
            log.saw_by_reading(connection, seen, &end, reads).await?;
            for batch in &mut batches {
                batch.marker = batch.marker.in_epoch(seen.epoch);
            }
            Ok(batches)
        };
        log.with_reader(Operation::Log("read"), read).await
    }

    async fn read_all_chunked(
        &self,
        reads: &[Read],
        each: &mut (dyn FnMut(usize, Vec<Record>) -> Result<(), Error> + Send),
    ) -> Result<Vec<Marker>, Error> {
        let log = &*self.log;
        let read = async |connection: &mut _| {
            let seen = log.seen.now();
            let (markers, end) = read::read_all_chunked(connection, &log.sql, reads, each).await?;
            log.saw_by_reading(connection, seen, &end, reads).await?;
            Ok(markers.into_iter().map(|marker| marker.in_epoch(seen.epoch)).collect())
        };
        log.with_reader(Operation::Log("read"), read).await
    }

    fn max_batch(&self) -> usize {
        MAX_BATCH
    }

    async fn append(&self, appends: Vec<Append>) -> Result<AppendOutcome, Error> {
        let operation = || self.log.describe(Operation::Log("append to"));
        Append::check_batch(&appends, MAX_BATCH, operation)?;
        self.appends.append(appends, operation).await
    }

    async fn receipt(&self, key: &CommandKey) -> Result<Option<Receipt>, Error> {
        let Log { sql, .. } = &*self.log;
        let find =
            async |connection: &mut _| AcceptedCommands::load(connection, sql, once(key)).await?.receipt(key);
        self.log.with_reader(Operation::Log("find a receipt in"), find).await
    }

    async fn feed(&self, filter: &Criteria, after: Position, limit: PageLimit) -> Result<FeedPage, Error> {
        let Log { sql, .. } = &*self.log;
        let read = async |connection: &mut _| feed::feed(connection, sql, filter, after, limit).await;
        self.log.with_reader(Operation::Log("read the feed of"), read).await
    }

    async fn settled(&self) -> Result<Settled, Error> {
        let operation = Operation::Log("find the end of");
        if let Some(defect) = self.log.file.defect() {
            return Err(Error::unusable(self.log.describe(operation), defect));
        }
        let find = async |connection: &mut _| Ok(self.log.end(connection).await?);
        let end = self.log.with_reader(operation, find).await?;
        Ok(Settled { position: end.position, gap: None })
    }

    /// Every event that was seen is settled.
    fn known_settled(&self) -> Position {
        self.log.seen.now().newest.map_or(Position::START, |newest| newest.position)
    }

    async fn prefix_at(&self, time: Timestamp) -> Result<Prefix, Error> {
        let Log { sql, .. } = &*self.log;
        let find = async |connection: &mut _| Ok(feed::prefix_at(connection, sql, time).await?);
        self.log.with_reader(Operation::Log("find a time in"), find).await
    }

    async fn journal(&self, after: u64, limit: PageLimit) -> Result<Vec<Entry>, Error> {
        let Log { sql, .. } = &*self.log;
        let read = async |connection: &mut _| journal::journal(connection, sql, after, limit).await;
        self.log.with_reader(Operation::Log("read the journal of"), read).await
    }

    async fn count(&self, criteria: &Criteria, after: Position, up_to: Position) -> Result<u64, Error> {
        let Log { sql, .. } = &*self.log;
        let count = async |connection: &mut _| {
            Ok(read::count_between(connection, sql, criteria, after, up_to).await?)
        };
        self.log.with_reader(Operation::Log("count events of"), count).await
    }

    async fn stored_types(&self) -> Result<Vec<StoredType>, Error> {
        let Log { sql, .. } = &*self.log;
        let read = async |connection: &mut _| Ok(read::stored_types(connection, sql).await?);
        self.log.with_reader(Operation::Log("list the event types of"), read).await
    }

    async fn count_type(&self, name: &str, version: Option<u32>, limit: u64) -> Result<u64, Error> {
        let Log { sql, .. } = &*self.log;
        let count =
            async |connection: &mut _| Ok(read::count_type(connection, sql, (name, version), limit).await?);
        self.log.with_reader(Operation::Log("count the events of a type of"), count).await
    }

    async fn successors(&self) -> Result<Successors, Error> {
        let Log { sql, .. } = &*self.log;
        let read = async |connection: &mut _| successors::load(connection, sql).await;
        self.log.with_reader(Operation::Log("list the successors of event names of"), read).await
    }

    async fn rewrite(&self, step: RewriteStep) -> Result<Rewrite, Error> {
        step.check()?;
        let operation = Operation::Log("rewrite events of");
        if let Some(defect) = self.log.file.defect() {
            return Err(Error::unusable(self.log.describe(operation), defect));
        }
        run_detached(&self.log, operation, |transaction| Box::pin(rewrite::write(transaction, step))).await
    }

    async fn overwrite_replaced(&self) -> Result<(), Error> {
        self.log.overwrite_erased(Operation::Log("overwrite what was replaced in")).await
    }

    async fn archives(&self) -> Result<Vec<Archive>, Error> {
        let Log { sql, .. } = &*self.log;
        let read = async |connection: &mut _| archive::load(connection, sql).await;
        self.log.with_reader(Operation::Log("list the archives of"), read).await
    }

    async fn archive(&self, step: ArchiveStep) -> Result<Archive, Error> {
        let operation = Operation::Log("archive events of");
        if let Some(defect) = self.log.file.defect() {
            return Err(Error::unusable(self.log.describe(operation), defect));
        }
        run_detached(&self.log, operation, |transaction| Box::pin(archive::write(transaction, step))).await
    }

    async fn restore(&self, step: RestoreStep) -> Result<Archive, Error> {
        let operation = Operation::Log("restore events of");
        if let Some(defect) = self.log.file.defect() {
            return Err(Error::unusable(self.log.describe(operation), defect));
        }
        run_detached(&self.log, operation, |transaction| Box::pin(archive::restore(transaction, step))).await
    }

    async fn tombstones(&self, after: Position, limit: PageLimit) -> Result<Vec<EventRef>, Error> {
        let Log { sql, .. } = &*self.log;
        let list =
            async |connection: &mut _| archive::tombstones(connection, sql, after, limit.records).await;
        self.log.with_reader(Operation::Log("read"), list).await
    }

    async fn event_at(&self, position: Position) -> Result<Option<EventRef>, Error> {
        let Log { sql, .. } = &*self.log;
        let find = async |connection: &mut _| Ok(archive::event_at(connection, sql, position).await?);
        self.log.with_reader(Operation::Log("read"), find).await
    }

    async fn snapshot(&self, key: &SnapshotKey) -> Result<Option<Snapshot>, Error> {
        let Log { sql, .. } = &*self.log;
        let operation = Operation::Log("find a snapshot in");
        let find = async |connection: &mut _| Ok(snapshots::find(connection, sql, key).await?);
        let found = self.log.with_reader(operation, find).await?;
        found
            .map(|(position, state)| {
                Snapshot::from_stored(&self.log.describe(operation), key, position, state)
            })
            .transpose()
    }

    async fn save_snapshot(&self, key: &SnapshotKey, snapshot: &Snapshot) -> Result<(), Error> {
        let operation = Operation::Log("save a snapshot in");
        let mut connection = self.log.write_connection(operation).await?;
        let result = snapshots::save(&mut connection, &self.log.sql, key, snapshot).await;
        self.log.finish(&mut connection, operation, result)
    }

    async fn purge_command_ids(&self, before: Timestamp, ids: Range<&str>) -> Result<u64, Error> {
        let operation = Operation::Log("purge command ids of");
        let mut purged = 0;
        loop {
            // Returned to the pool after every chunk, so that appends can run in between.
            let mut connection = self.log.acquire_writer(operation).await?;
            let result = command_ids::purge_chunk(&mut connection, &self.log.sql, before, &ids).await;
            match self.log.finish(&mut connection, operation, result)? {
                0 => return Ok(purged),
                chunk => purged += chunk,
            }
        }
    }

    async fn purge_journal(&self, before: Timestamp) -> Result<u64, Error> {
        let operation = Operation::Log("purge the journal of");
        let mut purged = 0;
        loop {
            let chunk = run_detached(&self.log, operation, move |transaction| {
                Box::pin(journal::purge_chunk(transaction, before))
            });
            match chunk.await? {
                0 => return Ok(purged),
                chunk => purged += chunk,
            }
        }
    }

    async fn command_ids(&self, after: &str, limit: PageLimit) -> Result<Vec<AcceptedCommand>, Error> {
        let Log { sql, .. } = &*self.log;
        let list = async |connection: &mut _| command_ids::list(connection, sql, after, limit).await;
        self.log.with_reader(Operation::Log("list the command ids of"), list).await
    }

    async fn policies(&self) -> Result<Vec<PolicyCheckpoint>, Error> {
        let Log { sql, id, .. } = &*self.log;
        let list = async |connection: &mut _| policies::list(connection, sql, *id).await;
        self.log.with_reader(Operation::Log("list the policies of"), list).await
    }

    async fn import(&self) -> Result<Box<dyn ImportTransaction>, Error> {
        Ok(Box::new(Import::begin(Arc::clone(&self.log)).await?))
    }

    async fn verify(&self, up_to: Position, after: &VerifyCursor) -> Result<VerifyPage, Error> {
        let Log { sql, .. } = &*self.log;
        let verify = async |connection: &mut _| verify::verify(connection, sql, up_to, after).await;
        self.log.with_reader(Operation::Log("verify"), verify).await
    }

    fn row_store(&self) -> Option<SharedRows> {
        Some(Arc::new(self.clone()))
    }

    fn key_store(&self) -> Option<SharedKeys> {
        Some(Arc::new(self.clone()))
    }
}
