//! The pools of a log, and how their transactions begin. Every wait for a connection has a limit, and its error says what uses the
//! connections.

use std::{error, fmt, time::Duration};

use sqlx::{Connection, Sqlite, SqliteConnection, SqlitePool, Transaction, pool::PoolConnection};
use tokio::time::timeout;

/// A pool, and how long calls wait for a connection of it.
#[derive(Clone)]
pub(crate) struct Connections {
    pub(crate) pool: SqlitePool,
    /// At least [`MIN_LIMIT`].
    limit: Duration,
    users: Users,
    /// Whether transactions choose their durability.
    allows_unsynced: bool,
}

/// The shortest time that calls wait for a connection: opening one takes time too, whatever the busy timeout is.
const MIN_LIMIT: Duration = Duration::from_secs(1);

/// Whether a commit is on disk before it is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// It is, unless the user allows otherwise.
    Synced,
    /// It may not be: if the power fails it can be lost, with everything that was committed after it.
    Unsynced,
}

/// What uses the connections of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Users {
    /// Only the store, to write.
    Writers,
    /// Only the store, to read.
    Readers,
    /// The user's own code too.
    Shared,
}

impl Connections {
    pub(crate) fn new(pool: SqlitePool, busy_timeout: Duration, users: Users) -> Self {
        Self { pool, limit: busy_timeout.max(MIN_LIMIT), users, allows_unsynced: false }
    }

    /// Lets transactions be unsynced. The pool must belong to the store, because its settings are changed, and its commits be synced
    /// without this.
    pub(crate) fn allow_unsynced(self) -> Self {
        Self { allows_unsynced: true, ..self }
    }

    /// Begins a transaction that holds the write lock. It sets its own durability, so that it does not depend on the one before it.
    pub(crate) async fn begin<'c>(
        &self,
        connection: &'c mut SqliteConnection,
        durability: Durability,
    ) -> Result<Transaction<'c, Sqlite>, sqlx::Error> {
        connection.begin_with(self.begin_statement(durability)).await
    }

    /// The statement that begins such a transaction.
    pub(crate) fn begin_statement(&self, durability: Durability) -> &'static str {
        match durability {
            _ if !self.allows_unsynced => "BEGIN IMMEDIATE",
            Durability::Synced => "PRAGMA synchronous = FULL; BEGIN IMMEDIATE",
            Durability::Unsynced => "PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE",
        }
    }

    /// How long calls wait for a connection.
    pub(crate) fn limit(&self) -> Duration {
        self.limit
    }

    /// A connection of the pool, after the limit at most, even if the pool is the user's and would wait longer.
    pub(crate) async fn acquire(&self) -> Result<PoolConnection<Sqlite>, sqlx::Error> {
        match timeout(self.limit, self.pool.acquire()).await {
            Ok(Err(sqlx::Error::PoolTimedOut)) | Err(_) => Err(self.exhausted()),
            Ok(result) => result,
        }
    }

    /// The error if no connection became free in time.
    pub(crate) fn exhausted(&self) -> sqlx::Error {
        let waited = self.limit.min(self.pool.options().get_acquire_timeout());
        let max = self.pool.options().get_max_connections();
        let reason = match self.users {
            Users::Writers => format!(
                "the store's connection for writes did not become free within {waited:?}: another change of this log is still running, perhaps the SQL of a projection, or waits for a transaction that stays open, perhaps one of your own"
            ),
            Users::Readers => format!(
                "no connection for reads became free within {waited:?}: all {max} are in use; allow more with `readers`"
            ),
            Users::Shared => format!(
                "no connection of the pool became free within {waited:?}: all {max} are in use, perhaps by transactions of the caller; end them first, or give the store a pool of its own or a larger one"
            ),
        };
        sqlx::Error::Configuration(NoConnection(reason).into())
    }
}

/// Why no connection became free. Inside a [`sqlx::Error`] on the way to the error of the call.
#[derive(Debug)]
pub(crate) struct NoConnection(pub(crate) String);

impl fmt::Display for NoConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl error::Error for NoConnection {}

impl NoConnection {
    /// The reason in an error, if this is what it contains.
    pub(crate) fn within(error: &sqlx::Error) -> Option<&Self> {
        match error {
            sqlx::Error::Configuration(error) => error.downcast_ref(),
            _ => None,
        }
    }
}
