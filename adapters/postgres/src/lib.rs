//! The event store on PostgreSQL 13 and later: exact append conditions, a feed that misses nothing, no extension needed.
//!
//! ```no_run
//! # async fn open() -> Result<(), annalist_core::Error> {
//! use annalist_postgres::Postgres;
//!
//! let store = Postgres::connect("postgres://app@localhost/bank").await?;
//! let other = Postgres::options().schema("branch").max_connections(4).connect("postgres://app@localhost/bank").await?;
//! # Ok(()) }
//! ```
//!
//! A log is a schema: as many as you like live in one database and share nothing. Opening makes the schema or brings it
//! up to date; [`Options::migrate`] leaves that to others, who find the SQL in [`Postgres::migrations_sql`].
//!
//! # What it needs
//!
//! A database in UTF8, transaction isolation `read committed` (PostgreSQL's default) for the role that connects, and the primary
//! for appends and decisions. No session state is kept beyond prepared statements. A role that appends needs
//! `USAGE` on the schema and its sequences, `SELECT` and `INSERT` on its tables, and `UPDATE` on `log` and `snapshots`; one that
//! only reads needs `USAGE` and `SELECT`, and waits for others to close the gaps that a failed append leaves.
//!
//! # Several processes
//!
//! A process that appends tells the others by NOTIFY, after its commits and at most a hundred times a second; one that follows
//! the log listens, on one connection besides those of its pool. Both need no rights. Where it does not work (on a standby, behind
//! a proxy that shares sessions), and with [`Options::listen_notify`], a process finds what others append by looking,
//! within 50 milliseconds.
//!
//! # Rows of projections
//!
//! A log also keeps rows, of its own events or of those of another log. They are tables with typed columns in a schema
//! beside that of the log, `annalist_rows` for `annalist`: `balances_v1` for version 1 of the projection `balances`, and
//! the view `balances`, which selects from the build that is live. Ask it in SQL; leave writing to the projection. What
//! others may do with a view, and what is built on it, stays when another build with the same columns takes over; with
//! other columns, what was granted on the whole view stays, and a view on top of it stands in the way.
//!
//! A role that runs projections needs `UPDATE` on the log's `builds` and `INSERT`, `UPDATE` and `DELETE` on `parked` besides,
//! and `USAGE` on the schema of the rows with `SELECT`, `INSERT`, `UPDATE` and `DELETE` on its tables. One that makes, switches and
//! discards builds needs `INSERT` and `DELETE` on `builds` and `CREATE` in the schema of the rows, and owns the tables and
//! views there. One that takes builds inline needs `INSERT` and `DELETE` on `inline_types`.
//!
//! # How it keeps its promises
//!
//! - An append is one call of a function in the database: it takes advisory locks for what its conditions watch and its
//!   events touch, checks the conditions in a snapshot behind those locks, and inserts. See `sql/schema/25_append.sql`.
//! - A feed goes on to a row only if its position is the next one. A position that its writer gave up is closed with a
//!   tombstone under the primary key, which is the only arbiter. See `sql/schema/24_close_gaps.sql`.

mod append;
mod builds;
mod errand;
mod error;
mod feed;
mod group;
mod inline;
mod journal;
mod keys;
mod lent;
mod open;
mod parked;
mod read;
mod readers;
mod row_store;
mod row_values;
mod rows;
mod snapshots;
mod sql;
mod wakeups;

use std::{fmt, sync::Arc, time::Duration};

use annalist_core::{
    criteria::Criteria,
    error::Error,
    record::{Position, Record},
    rows::SharedRows,
    store::{
        Append, AppendOutcome, Batch, CommandKey, Entry, EventStore, LogId, Marker, Page, Read, Receipt,
        Settled, Snapshot, SnapshotKey, Wakeups,
    },
    time::Timestamp,
};
use async_trait::async_trait;
pub use sqlx::PgPool;

pub use self::open::Options;
use self::{
    feed::Mark,
    group::Group,
    keys::Keys,
    open::{SchemaName, migrate::Migrations},
    readers::Readers,
    row_values::Rows,
    sql::Sql,
    wakeups::Talk,
};

/// A log on PostgreSQL. Clones share its connections and what it knows.
#[derive(Clone)]
pub struct Postgres {
    store: Arc<Store>,
}

/// What the clones share.
struct Store {
    pool: PgPool,
    name: String,
    id: LogId,
    sql: Sql,
    rows: Rows,
    keys: Keys,
    mark: Mark,
    group: Group,
    readers: Readers,
    /// None if it only looks.
    talk: Option<Arc<Talk>>,
    timeout: Duration,
}

impl Postgres {
    /// Opens the log in the schema `annalist` of the database that a URL names, and makes it if need be.
    ///
    /// `postgres://user:password@host:5432/database?sslmode=require`; what is missing is taken from the environment
    /// variables that `psql` knows too.
    ///
    /// # Errors
    /// As [`Options::connect`].
    pub async fn connect(url: &str) -> Result<Self, Error> {
        Self::options().connect(url).await
    }

    /// Other ways to open a log.
    pub fn options() -> Options {
        Options::default()
    }

    /// The SQL that makes a log in this schema from nothing, to be read, kept and run by those who look after the
    /// database.
    ///
    /// # Errors
    /// [`Error::Unusable`] if the schema's name is not `[a-z][a-z0-9_]*` of at most 48 bytes.
    pub fn migrations_sql(schema: &str) -> Result<String, Error> {
        let schema = SchemaName::parse(schema);
        let schema = schema.map_err(|reason| Error::unusable("print the migrations", reason))?;
        Ok(Migrations::released().script(&schema))
    }

    /// Ends the use of the log: keeps how far it is settled, so that the next process need not find out again, and closes the
    /// connections. Not needed for correctness.
    pub async fn close(&self) {
        self.store.keep_mark().await;
        self.store.pool.close().await;
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres").field("log", &self.store.name).field("id", &self.store.id).finish()
    }
}

impl Store {
    /// What is being done, for messages: "read postgres log `annalist` of bank on localhost:5432".
    fn doing(&self, what: &str) -> String {
        format!("{what} {}", self.name)
    }
}

#[async_trait]
impl EventStore for Postgres {
    fn describe(&self) -> String {
        self.store.name.clone()
    }

    fn log_id(&self) -> LogId {
        self.store.id
    }

    async fn read(&self, reads: &[Read]) -> Result<Vec<Batch>, Error> {
        self.store.read(reads).await
    }

    async fn read_chunked(
        &self,
        read: &Read,
        each: &mut (dyn FnMut(Vec<Record>) -> Result<(), Error> + Send),
    ) -> Result<Marker, Error> {
        self.store.read_chunked(read, each).await
    }

    fn max_batch(&self) -> usize {
        group::AT_ONCE
    }

    async fn append(&self, appends: Vec<Append>) -> Result<AppendOutcome, Error> {
        self.store.append(appends).await
    }

    async fn receipt(&self, key: &CommandKey) -> Result<Option<Receipt>, Error> {
        self.store.receipt(key).await
    }

    async fn feed(&self, filter: &Criteria, after: Position, limit: usize) -> Result<Page, Error> {
        self.store.feed(filter, after, limit).await
    }

    async fn settled(&self) -> Result<Settled, Error> {
        self.store.settle().await
    }

    fn wakeups(&self) -> Wakeups {
        self.store.wakeups()
    }

    async fn position_at(&self, time: Timestamp) -> Result<Position, Error> {
        self.store.position_at(time).await
    }

    async fn journal(&self, after: u64, limit: usize) -> Result<Vec<Entry>, Error> {
        self.store.journal(after, limit).await
    }

    async fn count(&self, criteria: &Criteria, after: Position, up_to: Position) -> Result<u64, Error> {
        self.store.count(criteria, after, up_to).await
    }

    async fn snapshot(&self, key: &SnapshotKey) -> Result<Option<Snapshot>, Error> {
        self.store.snapshot(key).await
    }

    async fn save_snapshot(&self, key: &SnapshotKey, snapshot: &Snapshot) -> Result<(), Error> {
        self.store.save_snapshot(key, snapshot).await
    }

    async fn purge_command_ids(&self, before: Timestamp) -> Result<u64, Error> {
        self.store.purge_command_ids(before).await
    }
    fn row_store(&self) -> Option<SharedRows> {
        Some(Arc::new(self.clone()))
    }
}
