//! How a log is opened.

use std::{path::Path, str::FromStr, time::Duration};

use annalist_core::error::Error;
use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous},
};

use crate::{
    Sqlite,
    error::failed,
    migrate::{MIGRATIONS, Migration},
    settings::{IN_MEMORY, Settings, write_ahead},
    sql::Prefix,
};

/// How many rows may lie between a connection's thread and who reads them: as many as a page of a feed has, so that the two
/// need not take turns.
const ROW_BUFFER: usize = 1024;

/// The longest busy timeout that SQLite can count: about 24 days.
const LONGEST: Duration = Duration::from_millis(i32::MAX as u64);

/// How a log is opened: ends with [`Options::open`] or [`Options::with_pool`].
#[derive(Clone, Debug)]
#[must_use = "options do nothing until they open a log"]
pub struct Options {
    prefix: String,
    readers: u32,
    busy_timeout: Duration,
    settings: Settings,
    /// [`MIGRATIONS`] except in tests.
    migrations: &'static [Migration],
}

impl Default for Options {
    fn default() -> Self {
        Self {
            prefix: "annalist_".to_owned(),
            readers: 4,
            busy_timeout: Duration::from_secs(5),
            settings: Settings::default(),
            migrations: MIGRATIONS,
        }
    }
}

impl Options {
    /// What the names of the tables start with; by default `annalist_`. A file can hold several logs with different
    /// prefixes, and other tables beside them. It must not contain `rows_`, with which the names of projections begin.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How many connections read at the same time, at least one; by default 4. Not for a pool of your own.
    pub fn readers(mut self, readers: u32) -> Self {
        self.readers = readers.max(1);
        self
    }

    /// How long to wait for a lock that another connection or process holds; by default 5 seconds. Not for a pool of your
    /// own.
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout.min(LONGEST);
        self
    }

    /// Gives up a part of durability for speed: with `synchronous=NORMAL` the last acknowledged appends can be lost when
    /// the power fails or the system crashes (not when the process dies). The log stays whole.
    pub fn relaxed_durability(mut self) -> Self {
        self.settings.relaxed = true;
        self
    }

    /// Opens the log in a file: a path, or a URL such as `sqlite://bank.db` or `sqlite://bank.db?mode=ro`.
    ///
    /// Makes the file and the tables if they do not exist. The file is set to write-ahead logging (WAL) and every commit
    /// is on disk before it is acknowledged.
    ///
    /// # Errors
    /// [`Error::Unusable`] if the file cannot be opened or made, is no database, is in memory, or was written by a newer
    /// program; [`Error::Unavailable`] if another process held it for longer than the busy timeout.
    pub async fn open(self, location: impl AsRef<Path>) -> Result<Sqlite, Error> {
        let title = self.title(location.as_ref());
        let operation = format!("open {title}");
        require_runtime(&operation)?;
        let said = |error| failed(&operation, error);
        let prefix = Prefix::new(&self.prefix)?;
        let connect = self.connect_options(location.as_ref(), &operation)?;
        // One writer: its lock is what orders the log, more of them would only wait for each other.
        let writer = own_pool(1).max_lifetime(None).idle_timeout(None);
        let writer = writer.connect_with(connect.clone()).await.map_err(said)?;
        let mut connection = writer.acquire().await.map_err(said)?;
        write_ahead(&mut connection, self.busy_timeout, &operation).await?;
        drop(connection);
        let readers = own_pool(self.readers);
        let connect = connect.pragma("query_only", "ON").row_buffer_size(ROW_BUFFER);
        let readers = readers.connect_lazy_with(connect);
        Sqlite::start(title, prefix, self.migrations, writer, readers, None).await
    }

    /// Opens the log in the database of a pool of your own, which other code may use too.
    ///
    /// The pool stays as it is and yours to close. Its connections must keep the promises of a log: a file, a journal mode
    /// that survives a crash (`WAL` is by far the best), no `read_uncommitted`, and `synchronous=FULL` unless
    /// [`Options::relaxed_durability`] accepts `NORMAL`. This is checked now and before every write.
    ///
    /// # Errors
    /// [`Error::Unusable`] if they do not, or as for [`Options::open`].
    pub async fn with_pool(self, pool: SqlitePool) -> Result<Sqlite, Error> {
        let title = self.title(pool.connect_options().get_filename());
        let operation = format!("open {title}");
        require_runtime(&operation)?;
        let prefix = Prefix::new(&self.prefix)?;
        let mut connection = pool.acquire().await.map_err(|error| failed(&operation, error))?;
        let complaint = self.settings.complaint(&mut connection).await;
        if let Some(complaint) = complaint.map_err(|error| failed(&operation, error))? {
            return Err(Error::unusable(operation, complaint));
        }
        drop(connection);
        Sqlite::start(title, prefix, self.migrations, pool.clone(), pool, Some(self.settings)).await
    }

    #[cfg(test)]
    pub(crate) fn migrations(mut self, migrations: &'static [Migration]) -> Self {
        self.migrations = migrations;
        self
    }

    fn title(&self, location: &Path) -> String {
        let path = location.to_string_lossy();
        let path = path.strip_prefix("sqlite://").or(path.strip_prefix("sqlite:")).unwrap_or(&path);
        match self.prefix == Self::default().prefix {
            true => format!("sqlite log `{path}`"),
            false => format!("sqlite log `{path}` (tables `{}…`)", self.prefix),
        }
    }

    fn connect_options(&self, location: &Path, operation: &str) -> Result<SqliteConnectOptions, Error> {
        let text = location.to_string_lossy();
        let address = if text.is_empty() || text == ":memory:" {
            return Err(Error::unusable(operation, IN_MEMORY));
        } else if text.starts_with("sqlite:") {
            let address = SqliteConnectOptions::from_str(&text).map_err(|error| failed(operation, error))?;
            let says_how = text.split_once('?').is_some_and(|(_, query)| query.contains("mode="));
            if says_how { address } else { address.create_if_missing(true) }
        } else if text.starts_with("file:") || text.contains("://") {
            return Err(Error::unusable(operation, "it must be a path, or a URL such as `sqlite://bank.db`"));
        } else {
            SqliteConnectOptions::new().filename(location).create_if_missing(true)
        };
        let synchronous =
            if self.settings.relaxed { SqliteSynchronous::Normal } else { SqliteSynchronous::Full };
        // Where fsync alone does not reach the disk (macOS), `fullfsync` does; elsewhere it means nothing.
        Ok(address.busy_timeout(self.busy_timeout).synchronous(synchronous).pragma("fullfsync", "ON"))
    }
}

/// Our connections do not go stale while they lie in a pool: no need to ask each time.
fn own_pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new().max_connections(connections).test_before_acquire(false)
}

/// Pools need a runtime, and would panic without one.
fn require_runtime(operation: &str) -> Result<(), Error> {
    match tokio::runtime::Handle::try_current() {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::unusable(operation, format!("it needs a tokio runtime: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use sqlx::query_scalar;

    use super::*;

    #[tokio::test]
    async fn own_connections_are_as_safe_as_those_of_others_must_be() {
        let dir = tempfile::tempdir().unwrap();
        for relaxed in [false, true] {
            let mut options = Sqlite::options();
            options.settings.relaxed = relaxed;
            let store = options.open(dir.path().join("log.db")).await.unwrap();
            for (pool, query_only) in [(&store.log.writer, 0), (&store.log.readers, 1)] {
                let mut connection = pool.acquire().await.unwrap();
                assert_eq!(Settings { relaxed }.complaint(&mut connection).await.unwrap(), None);
                for (pragma, expected) in [
                    ("PRAGMA synchronous", if relaxed { 1 } else { 2 }),
                    ("PRAGMA fullfsync", 1),
                    ("PRAGMA query_only", query_only),
                ] {
                    let value: i64 = query_scalar(pragma).fetch_one(&mut *connection).await.unwrap();
                    assert_eq!(value, expected, "{pragma}");
                }
                let journal: String =
                    query_scalar("PRAGMA journal_mode").fetch_one(&mut *connection).await.unwrap();
                assert_eq!(journal, "wal");
            }
        }
    }
}
