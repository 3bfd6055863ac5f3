//! Options, and opening a log with them.

use std::{path::Path, str::FromStr, time::Duration};

use annalist_core::error::Error;
use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous},
};

use crate::{
    Sqlite,
    connections::{Connections, Users},
    error::failed,
    migrate::{MIGRATIONS, Migration},
    settings::{IN_MEMORY, Settings, write_ahead},
    sql::TablePrefix,
};

/// The number of rows that the thread of a connection reads ahead: as many as a page of a feed has, so that it need not wait
/// for the task that receives them.
const ROW_BUFFER: usize = 1024;

/// The longest busy timeout that SQLite supports: about 24 days.
const MAX_BUSY_TIMEOUT: Duration = Duration::from_millis(i32::MAX as u64);

/// Options of a log; [`Options::open`] or [`Options::with_pool`] opens it.
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
    /// Sets the prefix of the names of the tables (default `annalist_`). A file can contain several logs with different
    /// prefixes, and other tables. The prefix must not contain `rows_`, which marks the tables of projections.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Sets how many connections read at the same time (at least 1, default 4). Ignored by [`Options::with_pool`].
    pub fn readers(mut self, readers: u32) -> Self {
        self.readers = readers.max(1);
        self
    }

    /// Sets how long to wait for a lock that another connection or process holds, and for a connection (at least one second)
    /// until a call returns [`Error::Unavailable`]; 5 seconds by default.
    ///
    /// With [`Options::with_pool`] it limits the wait for a connection of that pool and for other appends; the lock is waited for
    /// as long as the busy timeout of its connections says.
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout.min(MAX_BUSY_TIMEOUT);
        self
    }

    /// Trades durability for speed: with `synchronous=NORMAL` the last acknowledged appends can be lost if the power fails or
    /// the system crashes (not if only the process crashes). The log stays consistent.
    pub fn relaxed_durability(mut self) -> Self {
        self.settings.relaxed = true;
        self
    }

    /// Opens the log in a file: a path, or a URL such as `sqlite://bank.db` or `sqlite://bank.db?mode=ro`.
    ///
    /// Creates the file and the tables if they do not exist. The file is set to write-ahead logging (WAL), and every append
    /// is on disk before it is acknowledged. The rows of projections are synced with the next append: a power failure can lose them only
    /// together with their checkpoint, and they are folded again from the log.
    ///
    /// # Errors
    /// [`Error::Unusable`] if the file cannot be opened or created, is not a database, is in memory, or was written by a newer
    /// program; [`Error::Unavailable`] if another process held a lock for longer than the busy timeout.
    pub async fn open(self, location: impl AsRef<Path>) -> Result<Sqlite, Error> {
        let title = self.title(location.as_ref());
        let operation = format!("open {title}");
        require_runtime(&operation)?;
        let map_err = |error| failed(&operation, error);
        let prefix = TablePrefix::new(&self.prefix)?;
        let connect = self.connect_options(location.as_ref(), &operation)?;
        // One connection writes: the write lock orders the log, so others would only wait for it.
        let writer = own_pool(1).max_lifetime(None).idle_timeout(None);
        let writer = writer.connect_with(connect.clone()).await.map_err(map_err)?;
        let mut connection = writer.acquire().await.map_err(map_err)?;
        write_ahead(&mut connection, self.busy_timeout, &operation).await?;
        drop(connection);
        let readers = own_pool(self.readers);
        let connect = connect.pragma("query_only", "ON").row_buffer_size(ROW_BUFFER);
        let readers = readers.connect_lazy_with(connect);
        let writer = Connections::new(writer, self.busy_timeout, Users::Writers);
        let writer = if self.settings.relaxed { writer } else { writer.allow_unsynced() };
        let readers = Connections::new(readers, self.busy_timeout, Users::Readers);
        Sqlite::start(title, prefix, self.migrations, writer, readers, None).await
    }

    /// Opens the log in the database of an existing pool, which other code may use too.
    ///
    /// The store neither changes nor closes the pool. Its connections must have the settings that a log needs: a file, a
    /// journal mode that survives a crash (`WAL` is by far the best), no `read_uncommitted`, and `synchronous=FULL` unless
    /// [`Options::relaxed_durability`] allows `NORMAL`. This is checked now and before every write.
    ///
    /// # Errors
    /// [`Error::Unusable`] if they do not have these settings, and the errors of [`Options::open`].
    pub async fn with_pool(self, pool: SqlitePool) -> Result<Sqlite, Error> {
        let title = self.title(pool.connect_options().get_filename());
        let operation = format!("open {title}");
        require_runtime(&operation)?;
        let prefix = TablePrefix::new(&self.prefix)?;
        let pool = Connections::new(pool, self.busy_timeout, Users::Shared);
        let mut connection = pool.acquire().await.map_err(|error| failed(&operation, error))?;
        let violation = self.settings.violation(&mut connection).await;
        if let Some(violation) = violation.map_err(|error| failed(&operation, error))? {
            return Err(Error::unusable(operation, violation));
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
        let path = text.strip_prefix("sqlite://").or(text.strip_prefix("sqlite:")).unwrap_or(&text);
        let address = if path.is_empty() || path.starts_with('?') {
            return Err(Error::unusable(operation, NO_FILE));
        } else if path == ":memory:" {
            return Err(Error::unusable(operation, IN_MEMORY));
        } else if text.starts_with("sqlite:") {
            let address = SqliteConnectOptions::from_str(&text).map_err(|error| failed(operation, error))?;
            let has_mode = text.split_once('?').is_some_and(|(_, query)| query.contains("mode="));
            if has_mode { address } else { address.create_if_missing(true) }
        } else if text.starts_with("file:") || text.contains("://") {
            return Err(Error::unusable(
                operation,
                "the location must be a path, or a URL such as `sqlite://bank.db`",
            ));
        } else {
            SqliteConnectOptions::new().filename(location).create_if_missing(true)
        };
        let synchronous =
            if self.settings.relaxed { SqliteSynchronous::Normal } else { SqliteSynchronous::Full };
        let address = address.busy_timeout(self.busy_timeout).synchronous(synchronous);
        // On macOS fsync alone does not reach the disk, `fullfsync` does; other systems ignore it.
        let address = address.pragma("fullfsync", "ON");
        // The rows of discarded builds may have secrets of a forgotten subject.
        Ok(address.pragma("secure_delete", "ON"))
    }
}

/// Why a location without a file is refused: SQLite would create a temporary file and delete it on close.
const NO_FILE: &str = "the name of the file is missing; write for example `sqlite://bank.db`";

/// A pool of the store. Its connections do not become stale while idle, so they are not tested each time.
fn own_pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new().max_connections(connections).test_before_acquire(false)
}

/// Checks that there is a tokio runtime: without one, pools would panic.
fn require_runtime(operation: &str) -> Result<(), Error> {
    match tokio::runtime::Handle::try_current() {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::unusable(operation, format!("the store needs a tokio runtime: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use sqlx::query_scalar;

    use super::*;

    #[tokio::test]
    async fn location_without_a_file_is_refused() {
        for location in ["", "sqlite:", "sqlite://", "sqlite://?mode=rwc"] {
            let error = Sqlite::open(location).await.unwrap_err().to_string();
            assert!(error.contains("the name of the file is missing"), "{location:?}: {error}");
        }
        for location in [":memory:", "sqlite::memory:"] {
            let error = Sqlite::open(location).await.unwrap_err().to_string();
            assert!(error.contains("in memory is not supported"), "{location:?}: {error}");
        }
    }

    #[tokio::test]
    async fn connections_of_the_store_have_the_settings_required_of_a_users_pool() {
        let dir = tempfile::tempdir().unwrap();
        for relaxed in [false, true] {
            let mut options = Sqlite::options();
            options.settings.relaxed = relaxed;
            let store = options.open(dir.path().join("log.db")).await.unwrap();
            for (pool, query_only) in [(&store.log.writer, 0), (&store.log.readers, 1)] {
                let mut connection = pool.acquire().await.unwrap();
                assert_eq!(Settings { relaxed }.violation(&mut connection).await.unwrap(), None);
                for (pragma, expected) in [
                    ("PRAGMA synchronous", if relaxed { 1 } else { 2 }),
                    ("PRAGMA fullfsync", 1),
                    ("PRAGMA query_only", query_only),
                    ("PRAGMA secure_delete", 1),
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
