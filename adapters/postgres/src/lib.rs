//! The event store on PostgreSQL 13 and later: exact append conditions, a feed that misses no event, no extension needed.
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
//! A log is a schema: a database can have any number of them, which share nothing. Opening a log creates its schema or applies
//! missing migrations. With [`Options::migrate`]`(false)` it does neither; the SQL for the administrators of the database is
//! [`Postgres::migrations_sql`].
//!
//! # Requirements
//!
//! A database in UTF8, transaction isolation `read committed` (PostgreSQL's default) for the role that connects, and the primary
//! for appends and decisions. The only session state are prepared statements, and none behind a pooler that shares sessions, such as
//! PgBouncer in transaction mode: see [`Options::transaction_pooling`]. A role that appends needs
//! `USAGE` on the schema and its sequences, `SELECT` and `INSERT` on its tables, and `UPDATE` on `log` and `snapshots`. A role that
//! only reads needs `USAGE` and `SELECT`; at a gap that a failed append left, it waits for another process to close the gap.
//!
//! # Several processes
//!
//! A process that appends notifies the others by NOTIFY, after its commits and at most a hundred times a second. A process that
//! follows the log listens on one connection besides those of its pool. Neither needs privileges. Where LISTEN does not work (on a
//! standby, behind a pooler that shares sessions), and with [`Options::listen_notify`]`(false)`, a process finds the appends of other
//! processes by polling, within 50 milliseconds.
//!
//! # Rows of projections
//!
//! A log also stores rows of projections, made from its own events or from those of another log. They are tables with typed columns
//! in a schema beside that of the log, `annalist_rows` for `annalist`: `balances_v1` for version 1 of the projection `balances`, and
//! the view `balances`, which selects from the live build. Query the view in SQL, but write only through the projection. When
//! another build with the same columns becomes live, the privileges on the view and the objects that depend on it stay. If the
//! columns are different, the privileges on the whole view stay, and objects that depend on it have to be dropped first.
//!
//! An import restarts the sequences, so it needs the role that owns the log. A role that adds tags to stored events (`annalist::operate::retag`)
//! also needs `UPDATE` on `events` and `event_retags`, and one that encrypts them (`App::encrypt_stored`) also `DELETE` on `snapshots`. One that archives ids (`App::archive`) also needs `UPDATE` on `events` and `archives`,
//! and `DELETE` on `event_tags`, `archived_ids` and `snapshots`.
//!
//! A role that runs projections also needs `UPDATE` on the log's `builds` and `INSERT`, `UPDATE` and `DELETE` on `parked`,
//! and `USAGE` on the schema of the rows with `SELECT`, `INSERT`, `UPDATE` and `DELETE` on its tables. A role that creates, promotes and
//! discards builds also needs `INSERT` and `DELETE` on `builds` and `CREATE` in the schema of the rows, and has to own the tables and
//! views there. A role that makes builds inline also needs `INSERT` and `DELETE` on `inline_types`.
//!
//! # Keys of subjects
//!
//! The keys of secrets are in the tables `subject_keys`, `erased_keys`, `erasures` and `key_state`. A role that writes secrets needs
//! `UPDATE` on `subject_keys` and `key_state`; one that forgets subjects also `UPDATE` on `erasures` and `DELETE` on `subject_keys`.
//! What is erased stays in the file of its table until a vacuum, as every deleted row, and in the server's write-ahead log and its archive
//! as long as these exist. These bytes are keys that are encrypted with the master key: alone they reveal nothing. The same holds for the
//! rows of projections that are folded again when a subject is forgotten: the file of a discarded table is removed, not overwritten, and
//! rows that were changed before stay in the write-ahead log.
//!
//! # Verification
//!
//! `SELECT * FROM annalist.verify()` checks the log and the builds in its schema, as `App::verify` does, and returns a row for each
//! defect: kind, position, place, problem and advice. `annalist.verify(1000000, 2000000)` checks only the events after one position
//! and up to another. A role that only reads may call it. It is one statement with one snapshot: check a large log in ranges.
//!
//! # How the store fulfils its promises
//!
//! - An append is one call of a function in the database. It acquires advisory locks for the criteria of its conditions and for its
//!   events, checks the conditions in a snapshot that is taken under those locks, and inserts. See `sql/schema/25_append.sql`.
//! - A feed continues to a row only if its position is the next one. A gap left by a rolled-back append is filled with a tombstone
//!   row; the primary key decides races. See `sql/schema/24_close_gaps.sql`.

mod append;
mod archive;
mod batcher;
mod builds;
mod coalesce;
mod database;
mod error;
mod high_water;
mod import;
mod keys;
mod open;
mod read;
mod rewrite;
mod runtimes;
mod sql;
mod values;

use std::{fmt, ops::Range, sync::Arc};

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
        Receipt, Reservation, RestoreStep, Rewrite, RewriteStep, Settled, Snapshot, SnapshotKey, StoredType,
        Successors, Wakeups,
    },
    time::Timestamp,
};
use async_trait::async_trait;
pub use sqlx::PgPool;

pub use self::open::options::Options;
use self::{
    append::{job::MAX_ATOMIC, locks::AdvisoryKeys, queue::AppendQueue, reservations::Reservations},
    archive::Archives,
    builds::{
        changes::Changes, inline_transition::InlineTransition, lifecycle::Lifecycle, policies,
        tables::RowTables,
    },
    database::Database,
    high_water::{mark::HighWater, notify::Notifier},
    import::Imports,
    keys::Keys,
    open::{migrate::Migrations, schema_name::SchemaName},
    read::{feed::Feed, history::HistoryReader, journal, snapshots, stored_types, successors, verify},
    rewrite::Rewrites,
};

/// A log on PostgreSQL. Clones share connections and state.
#[derive(Clone)]
pub struct Postgres {
    store: Arc<Store>,
}

/// The parts of the store.
struct Store {
    database: Arc<Database>,
    appends: Arc<AppendQueue>,
    reservations: Reservations,
    history: HistoryReader,
    feed: Feed,
    high_water: Arc<HighWater>,
    /// `None` if the process finds appends of other processes by polling only.
    notifier: Option<Arc<Notifier>>,
    tables: Arc<RowTables>,
    changes: Changes,
    lifecycle: Lifecycle,
    inline_transition: InlineTransition,
    imports: Imports,
    keys: Arc<Keys>,
    rewrites: Rewrites,
    archives: Archives,
}

impl Postgres {
    /// Opens the log in the schema `annalist` of a database. Creates the schema if it does not exist.
    ///
    /// The address is `postgres://user:password@host:5432/database?sslmode=require`; missing parts are taken from the environment
    /// variables that `psql` uses.
    ///
    /// # Errors
    /// As [`Options::connect`].
    pub async fn connect(url: &str) -> Result<Self, Error> {
        Self::options().connect(url).await
    }

    /// Options to open a log with.
    pub fn options() -> Options {
        Options::default()
    }

    /// The SQL that creates a log in this schema, for administrators to review and run.
    ///
    /// # Errors
    /// [`Error::Unusable`] if the name of the schema is invalid: see [`Options::schema`].
    pub fn migrations_sql(schema: &str) -> Result<String, Error> {
        let schema = SchemaName::parse(schema);
        let schema = schema.map_err(|reason| Error::unusable("print the migrations", reason))?;
        Ok(Migrations::released().script(&schema))
    }

    /// Saves the high-water mark (an optimisation for the next start) and closes the pool. Not required for correctness.
    pub async fn close(&self) {
        self.store.high_water.save().await;
        self.store.database.pool.close().await;
    }

    fn new(database: Database, schema: &SchemaName, keys: AdvisoryKeys, listen_notify: bool) -> Self {
        let (database, keys) = (Arc::new(database), Arc::new(keys));
        let high_water = Arc::new(HighWater::new(Arc::clone(&database)));
        let notifier = listen_notify.then(|| Arc::new(Notifier::new(Arc::clone(&database), schema)));
        let tables = Arc::new(RowTables::new(Arc::clone(&database), schema));
        let appends = AppendQueue::new(
            Arc::clone(&database),
            Arc::clone(&keys),
            Arc::clone(&tables),
            Arc::clone(&high_water),
            notifier.clone(),
        );
        let store = Store {
            appends: Arc::new(appends),
            reservations: Reservations::new(Arc::clone(&database), Arc::clone(&keys)),
            history: HistoryReader::new(Arc::clone(&database)),
            imports: Imports {
                database: Arc::clone(&database),
                keys: Arc::clone(&keys),
                high_water: Arc::clone(&high_water),
                notifier: notifier.clone(),
            },
            keys: Arc::new(Keys::new(Arc::clone(&database), &keys)),
            rewrites: Rewrites { database: Arc::clone(&database), keys: Arc::clone(&keys) },
            archives: Archives { database: Arc::clone(&database), keys: Arc::clone(&keys) },
            feed: Feed::new(Arc::clone(&database), Arc::clone(&high_water)),
            high_water,
            notifier,
            changes: Changes::new(Arc::clone(&tables)),
            lifecycle: Lifecycle::new(Arc::clone(&tables), Arc::clone(&keys)),
            inline_transition: InlineTransition::new(Arc::clone(&tables), keys),
            tables,
            database,
        };
        Self { store: Arc::new(store) }
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Database { name, id, shares_sessions, .. } = &*self.store.database;
        let mut text = f.debug_struct("Postgres");
        text.field("log", name).field("id", id).field("shares_sessions", shares_sessions).finish()
    }
}

#[async_trait]
impl EventStore for Postgres {
    fn describe(&self) -> String {
        self.store.database.name.clone()
    }

    fn log_id(&self) -> LogId {
        self.store.database.id
    }

    fn epoch(&self) -> u64 {
        self.store.database.seen.now().epoch
    }

    async fn read(&self, reads: &[Read]) -> Result<Vec<Batch>, Error> {
        self.store.history.read(reads).await
    }

    async fn read_all_chunked(
        &self,
        reads: &[Read],
        each: &mut (dyn FnMut(usize, Vec<Record>) -> Result<(), Error> + Send),
    ) -> Result<Vec<Marker>, Error> {
        self.store.history.read_all_chunked(reads, each).await
    }

    fn max_batch(&self) -> usize {
        MAX_ATOMIC
    }

    async fn append(&self, appends: Vec<Append>) -> Result<AppendOutcome, Error> {
        self.store.appends.append(appends).await
    }

    async fn reserve(&self, criteria: &[Criteria]) -> Reservation {
        self.store.reservations.reserve(criteria).await
    }

    async fn receipt(&self, key: &CommandKey) -> Result<Option<Receipt>, Error> {
        self.store.history.receipt(key).await
    }

    async fn feed(&self, filter: &Criteria, after: Position, limit: PageLimit) -> Result<FeedPage, Error> {
        self.store.feed.page(filter, after, limit).await
    }

    async fn recent_page(
        &self,
        filter: &Criteria,
        after: Position,
        limit: PageLimit,
    ) -> Result<Option<FeedPage>, Error> {
        Ok(self.store.feed.recent_page(filter, after, limit))
    }

    async fn settled(&self) -> Result<Settled, Error> {
        self.store.high_water.settled().await
    }

    fn known_settled(&self) -> Position {
        self.store.high_water.position()
    }

    fn wakeups(&self) -> Wakeups {
        self.store.notifier.as_ref().map_or_else(Wakeups::none, Notifier::wakeups)
    }

    async fn prefix_at(&self, time: Timestamp) -> Result<Prefix, Error> {
        self.store.feed.prefix_at(time).await
    }

    async fn journal(&self, after: u64, limit: PageLimit) -> Result<Vec<Entry>, Error> {
        journal::entries(&self.store.database, after, limit).await
    }

    async fn count(&self, criteria: &Criteria, after: Position, up_to: Position) -> Result<u64, Error> {
        self.store.feed.count(criteria, after, up_to).await
    }

    async fn stored_types(&self) -> Result<Vec<StoredType>, Error> {
        stored_types::list(&self.store.database).await
    }

    async fn count_type(&self, name: &str, version: Option<u32>, limit: u64) -> Result<u64, Error> {
        stored_types::count(&self.store.database, name, version, limit).await
    }

    async fn successors(&self) -> Result<Successors, Error> {
        successors::load_from_pool(&self.store.database).await
    }

    async fn rewrite(&self, step: RewriteStep) -> Result<Rewrite, Error> {
        self.store.rewrites.write(&step).await
    }

    async fn archives(&self) -> Result<Vec<Archive>, Error> {
        self.store.archives.list().await
    }

    async fn archive(&self, step: ArchiveStep) -> Result<Archive, Error> {
        self.store.archives.write(&step).await
    }

    async fn restore(&self, step: RestoreStep) -> Result<Archive, Error> {
        self.store.archives.restore(step).await
    }

    async fn tombstones(&self, after: Position, limit: PageLimit) -> Result<Vec<EventRef>, Error> {
        self.store.archives.tombstones(after, limit).await
    }

    async fn event_at(&self, position: Position) -> Result<Option<EventRef>, Error> {
        self.store.archives.event_at(position).await
    }

    async fn snapshot(&self, key: &SnapshotKey) -> Result<Option<Snapshot>, Error> {
        snapshots::load(&self.store.database, key).await
    }

    async fn save_snapshot(&self, key: &SnapshotKey, snapshot: &Snapshot) -> Result<(), Error> {
        snapshots::save(&self.store.database, key, snapshot).await
    }

    async fn purge_command_ids(&self, before: Timestamp, ids: Range<&str>) -> Result<u64, Error> {
        journal::purge_command_ids(&self.store.database, before, ids).await
    }

    async fn purge_journal(&self, before: Timestamp) -> Result<u64, Error> {
        journal::purge(&self.store.database, before).await
    }

    async fn command_ids(&self, after: &str, limit: PageLimit) -> Result<Vec<AcceptedCommand>, Error> {
        journal::command_ids(&self.store.database, after, limit).await
    }

    async fn policies(&self) -> Result<Vec<PolicyCheckpoint>, Error> {
        policies::list(&self.store.database).await
    }

    async fn import(&self) -> Result<Box<dyn ImportTransaction>, Error> {
        Ok(Box::new(self.store.imports.begin().await?))
    }

    async fn verify(&self, up_to: Position, after: &VerifyCursor) -> Result<VerifyPage, Error> {
        verify::verify(&self.store.database, up_to, after).await
    }

    fn row_store(&self) -> Option<SharedRows> {
        Some(Arc::new(self.clone()))
    }

    fn key_store(&self) -> Option<SharedKeys> {
        Some(Arc::clone(&self.store.keys) as SharedKeys)
    }
}
