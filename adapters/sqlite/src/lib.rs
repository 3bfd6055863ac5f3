//! The event store in a SQLite file: nothing to install, and an acknowledged append is on disk.
//!
//! ```no_run
//! # async fn example() -> Result<(), annalist_core::Error> {
//! use annalist_sqlite::Sqlite;
//!
//! let store = Sqlite::open("bank.db").await?;
//! # Ok(()) }
//! ```
//!
//! One writer orders the log: conditions are checked and positions drawn inside its transaction (`BEGIN IMMEDIATE`), so
//! positions have no gaps, several processes may share a file, and whatever can be read is settled. Appends that wait at
//! the same time share one transaction and its sync to disk.
//!
//! A file also keeps rows of projections, of its own log or of another one. They are tables with typed columns:
//! `annalist_rows_balances_v1` for version 1 of the projection `balances` (`…_v1_2` if that was built anew twice), and the
//! view `annalist_rows_balances`, which selects from the live one: until there is one, from the one that was defined first.
//! UUIDs are texts with hyphens, times are texts such as `2026-01-31T12:00:00.000000Z`, so both sort and SQLite's own
//! functions understand them.
//!
//! SQLite is compiled in, by sqlx 0.9. A program can hold only one copy of it, so this crate does not go together with a
//! version of rusqlite that brings another.

mod append;
mod builds;
mod changes;
mod conditions;
mod error;
mod feed;
mod inline;
mod journal;
mod ledger;
mod lent;
mod locked;
mod migrate;
mod options;
mod read;
mod row_store;
mod row_values;
mod rows;
mod settings;
mod snapshots;
mod sql;
mod tables;
mod walks;
mod writer;

use std::{fmt, iter::once, path::Path, sync::Arc};

use annalist_core::{
    criteria::Criteria,
    error::Error,
    record::{Position, Record},
    rows::SharedRows,
    store::{
        Append, AppendOutcome, Batch, CommandKey, Entry, EventStore, LogId, Marker, Page, Read, Receipt,
        Settled, Snapshot, SnapshotKey,
    },
    time::Timestamp,
};
use async_trait::async_trait;
use sqlx::{SqlitePool, pool::PoolConnection};
use tokio::sync::{mpsc, oneshot};

use self::{
    error::failed,
    ledger::Known,
    migrate::Migration,
    row_values::Rows,
    settings::Settings,
    sql::{Prefix, Sql},
    writer::{Job, Writer},
};
pub use self::{migrate::migration_sql, options::Options};

/// How many appends stand or fall together at most.
const MOST_AT_ONCE: usize = 64;

/// A log in a SQLite file. Clones share its connections, and the last one closes them.
///
/// It belongs to the tokio runtime that it was opened in: when that ends, appends answer [`Error::Unusable`].
#[derive(Clone)]
pub struct Sqlite {
    log: Arc<Log>,
}

struct Log {
    /// "sqlite log `bank.db`", for messages.
    title: String,
    id: LogId,
    sql: Arc<Sql>,
    rows: Rows,
    writer: SqlitePool,
    readers: SqlitePool,
    jobs: mpsc::Sender<Job>,
    /// What the connections of a pool that is not ours must be like. Without it the pools are ours to close.
    demands: Option<Settings>,
}

impl Sqlite {
    /// Opens the log in a file with the default options; see [`Options::open`].
    ///
    /// # Errors
    /// As [`Options::open`].
    pub async fn open(location: impl AsRef<Path>) -> Result<Self, Error> {
        Self::options().open(location).await
    }

    /// Another prefix for the tables, other numbers, a pool of your own.
    pub fn options() -> Options {
        Options::default()
    }

    /// Waits until the transactions that have begun are finished, and closes the file. Afterwards every call, and every
    /// append that was still waiting, answers [`Error::Unavailable`].
    ///
    /// A pool of your own stays open: close it yourself.
    pub async fn close(&self) {
        if self.log.demands.is_none() {
            self.log.writer.close().await;
            self.log.readers.close().await;
        }
    }

    async fn start(
        title: String,
        prefix: Prefix,
        migrations: &[Migration],
        writer: SqlitePool,
        readers: SqlitePool,
        demands: Option<Settings>,
    ) -> Result<Self, Error> {
        let operation = format!("open {title}");
        let sql = Arc::new(Sql::new(&prefix));
        let mut connection = writer.acquire().await.map_err(|error| failed(&operation, error))?;
        let id = migrate::migrate(&mut connection, &sql, &prefix, migrations, &operation).await;
        let id = id.inspect_err(|_| connection.close_on_drop())?;
        drop(connection);
        let operation = format!("append to {title}");
        let rows = Rows::new(&prefix);
        let (pool, sql_of_task, rows_of_task) = (writer.clone(), sql.clone(), rows.clone());
        let task = Writer { pool, sql: sql_of_task, rows: rows_of_task, demands, operation };
        let jobs = task.start();
        Ok(Self { log: Arc::new(Log { title, id, sql, rows, writer, readers, jobs, demands }) })
    }
}

impl Log {
    async fn connection(
        &self,
        pool: &SqlitePool,
        operation: &str,
    ) -> Result<PoolConnection<sqlx::Sqlite>, Error> {
        pool.acquire().await.map_err(|error| failed(operation, error))
    }

    /// A connection to write with that keeps the promises of a log.
    async fn writing(&self, operation: &str) -> Result<PoolConnection<sqlx::Sqlite>, Error> {
        let mut connection = self.connection(&self.writer, operation).await?;
        let Some(demands) = self.demands else { return Ok(connection) };
        let complaint = demands.complaint(&mut connection).await.map_err(|error| failed(operation, error));
        match retire(&mut connection, complaint)? {
            None => Ok(connection),
            Some(complaint) => retire(&mut connection, Err(Error::unusable(operation, complaint))),
        }
    }
}

/// Keeps a connection that met an error of the database from anybody else: some of them end a transaction behind the
/// driver's back.
fn retire<T>(connection: &mut PoolConnection<sqlx::Sqlite>, answer: Result<T, Error>) -> Result<T, Error> {
    if matches!(&answer, Err(error) if !matches!(error, Error::Invalid(_))) {
        connection.close_on_drop();
    }
    answer
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

    async fn read(&self, reads: &[Read]) -> Result<Vec<Batch>, Error> {
        let operation = format!("read {}", self.log.title);
        let mut connection = self.log.connection(&self.log.readers, &operation).await?;
        let answer = read::read(&mut connection, &self.log.sql, &operation, reads).await;
        retire(&mut connection, answer)
    }

    async fn read_chunked(
        &self,
        read: &Read,
        each: &mut (dyn FnMut(Vec<Record>) -> Result<(), Error> + Send),
    ) -> Result<Marker, Error> {
        let operation = format!("read {}", self.log.title);
        let mut connection = self.log.connection(&self.log.readers, &operation).await?;
        let answer = read::read_chunked(&mut connection, &self.log.sql, &operation, read, each).await;
        retire(&mut connection, answer)
    }

    fn max_batch(&self) -> usize {
        MOST_AT_ONCE
    }

    async fn append(&self, appends: Vec<Append>) -> Result<AppendOutcome, Error> {
        let operation = || format!("append to {}", self.log.title);
        Append::check_batch(&appends, MOST_AT_ONCE, operation)?;
        let (answer, answered) = oneshot::channel();
        if self.log.jobs.send(Job { appends, answer }).await.is_err() {
            let reason = "its writer ended with the runtime that opened it; open the store again in this one";
            return Err(Error::unusable(operation(), reason));
        }
        match answered.await {
            Ok(answer) => answer,
            Err(gone) => Err(Error::unknown(operation(), gone)),
        }
    }

    async fn receipt(&self, key: &CommandKey) -> Result<Option<Receipt>, Error> {
        let operation = format!("find a receipt in {}", self.log.title);
        let mut connection = self.log.connection(&self.log.readers, &operation).await?;
        let known = Known::read(&mut connection, &self.log.sql, once(key)).await;
        let receipt = known.map_err(|error| failed(&operation, error));
        let receipt = receipt.and_then(|known| known.receipt(&operation, key));
        retire(&mut connection, receipt)
    }

    async fn feed(&self, filter: &Criteria, after: Position, limit: usize) -> Result<Page, Error> {
        let operation = format!("read the feed of {}", self.log.title);
        let mut connection = self.log.connection(&self.log.readers, &operation).await?;
        let answer = feed::feed(&mut connection, &self.log.sql, &operation, filter, after, limit).await;
        retire(&mut connection, answer)
    }

    async fn settled(&self) -> Result<Settled, Error> {
        let operation = format!("find the end of {}", self.log.title);
        let mut connection = self.log.connection(&self.log.readers, &operation).await?;
        let answer = read::head(&mut connection, &self.log.sql).await;
        let position = retire(&mut connection, answer.map_err(|error| failed(&operation, error)))?;
        Ok(Settled { position, gap: None })
    }

    async fn position_at(&self, time: Timestamp) -> Result<Position, Error> {
        let operation = format!("find a time in {}", self.log.title);
        let mut connection = self.log.connection(&self.log.readers, &operation).await?;
        let answer = feed::position_at(&mut connection, &self.log.sql, time).await;
        retire(&mut connection, answer.map_err(|error| failed(&operation, error)))
    }

    async fn journal(&self, after: u64, limit: usize) -> Result<Vec<Entry>, Error> {
        let operation = format!("read the journal of {}", self.log.title);
        let mut connection = self.log.connection(&self.log.readers, &operation).await?;
        let answer = journal::journal(&mut connection, &self.log.sql, &operation, after, limit).await;
        retire(&mut connection, answer)
    }

    async fn count(&self, criteria: &Criteria, after: Position, up_to: Position) -> Result<u64, Error> {
        let operation = format!("count events of {}", self.log.title);
        let mut connection = self.log.connection(&self.log.readers, &operation).await?;
        let answer = read::count_between(&mut connection, &self.log.sql, criteria, after, up_to).await;
        retire(&mut connection, answer.map_err(|error| failed(&operation, error)))
    }

    async fn snapshot(&self, key: &SnapshotKey) -> Result<Option<Snapshot>, Error> {
        self.log.snapshot(key).await
    }

    async fn save_snapshot(&self, key: &SnapshotKey, snapshot: &Snapshot) -> Result<(), Error> {
        self.log.save_snapshot(key, snapshot).await
    }

    async fn purge_command_ids(&self, before: Timestamp) -> Result<u64, Error> {
        let operation = format!("forget commands of {}", self.log.title);
        let mut forgotten = 0;
        loop {
            // Given back after every part, so that the writer gets its turn.
            let mut connection = self.log.connection(&self.log.writer, &operation).await?;
            let answer = ledger::forget(&mut connection, &self.log.sql, before).await;
            match retire(&mut connection, answer.map_err(|error| failed(&operation, error)))? {
                0 => return Ok(forgotten),
                part => forgotten += part,
            }
        }
    }

    fn row_store(&self) -> Option<SharedRows> {
        Some(Arc::new(self.clone()))
    }
}
