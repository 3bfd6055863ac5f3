//! Opening a log.

use std::{str::FromStr, sync::Arc, time::Duration};

use annalist_core::error::Error;
use sqlx::{
    Connection, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::{
    Postgres, Store,
    error::{failed, unusable},
    feed::Mark,
    group::Group,
    keys::Keys,
    migrate,
    readers::Readers,
    row_values::Rows,
    sql::Sql,
    wakeups::Talk,
};

/// Longest name of a schema, so that the server need not cut the names that it makes from it.
const MAX_SCHEMA: usize = 48;
/// A connection that was idle for longer than this is tried before it is used: an append on a dead one would leave its caller
/// in doubt.
const TRUSTED: Duration = Duration::from_secs(1);

/// How to open a log. [`Postgres::options`] makes it; [`Options::connect`] or [`Options::with_pool`] uses it.
#[derive(Clone, Debug)]
#[must_use = "options do nothing until they connect"]
pub struct Options {
    schema: String,
    max_connections: u32,
    timeout: Duration,
    migrate: bool,
    talk: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            schema: "annalist".to_owned(),
            max_connections: 10,
            timeout: Duration::from_secs(5),
            migrate: true,
            talk: true,
        }
    }
}

impl Options {
    /// The schema in which the log lives; `annalist` unless said otherwise. `[a-z][a-z0-9_]*`, at most 48 bytes, not
    /// ending with `_rows`: that is where rows of projections are.
    pub fn schema(mut self, name: impl Into<String>) -> Self {
        self.schema = name.into();
        self
    }

    /// How many connections are opened at most; 10 unless said otherwise, at least 1. A pool of your own brings its own number.
    /// One more listens for other processes in those that follow the log: see [`Options::polling_only`].
    pub fn max_connections(mut self, connections: u32) -> Self {
        self.max_connections = connections.max(1);
        self
    }

    /// How long a call waits for a connection before it answers [`Error::Unavailable`]; 5 seconds unless said otherwise. A
    /// pool of your own brings its own time. Changes of builds wait as long for locks of others, who wait behind them.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Opens only a schema that is there and current; never makes or changes one.
    pub fn verify_only(mut self) -> Self {
        self.migrate = false;
        self
    }

    /// Neither tells other processes of appends nor listens to them: they are found by looking. For a database behind a
    /// proxy that does not pass on what is said, or where a connection more for each process is one too many.
    pub fn polling_only(mut self) -> Self {
        self.talk = false;
        self
    }

    /// Connects and opens the log.
    ///
    /// # Errors
    /// [`Error::Unusable`] if the address, the credentials, the rights, the database's settings or the schema have to be
    /// changed first; the message says what. [`Error::Unavailable`] if the server cannot be reached now.
    pub async fn connect(self, url: &str) -> Result<Postgres, Error> {
        let opening = format!("open postgres log `{}`", self.schema);
        let address = address(url).map_err(|reason| Error::unusable(&opening, reason))?;
        reach(&address, self.timeout, &opening).await?;
        let pool = PgPoolOptions::new()
            .max_connections(self.max_connections)
            .acquire_timeout(self.timeout)
            .test_before_acquire(false)
            .before_acquire(|connection, known| {
                Box::pin(async move {
                    if known.idle_for > TRUSTED {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_lazy_with(address);
        self.with_pool(pool).await
    }

    /// Opens the log on connections that you configured. The pool stays yours: other queries may use it too.
    ///
    /// # Errors
    /// As [`Options::connect`].
    pub async fn with_pool(self, pool: PgPool) -> Result<Postgres, Error> {
        let Self { schema, migrate, talk, timeout, .. } = self;
        let name = title(&schema, &pool.connect_options());
        check(&schema).map_err(|reason| Error::unusable(format!("open {name}"), reason))?;
        let keys = Keys::new(&schema);
        let found = migrate::open(&pool, &schema, &keys, migrate, &format!("open {name}")).await?;
        let (sql, rows, mark) = (Sql::new(&schema), Rows::new(&schema), Mark::at(found.settled));
        let connections = pool.options().get_max_connections();
        let (group, readers) = (Group::new(connections), Readers::new(connections));
        let talk = talk.then(|| Arc::new(Talk::new(&schema)));
        let store = Store { pool, name, id: found.id, sql, rows, keys, mark, group, readers, talk, timeout };
        Ok(Postgres { store: Arc::new(store) })
    }
}

/// Refuses what is no plain identifier. It is put into SQL as it is.
pub(crate) fn check(schema: &str) -> Result<(), String> {
    let mut bytes = schema.bytes();
    let starts = bytes.next().is_some_and(|byte| byte.is_ascii_lowercase());
    let goes_on = bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if starts
        && goes_on
        && schema.len() <= MAX_SCHEMA
        && !schema.starts_with("pg_")
        && !schema.ends_with("_rows")
    {
        return Ok(());
    }
    Err(format!(
        "the schema's name {schema:?} must be `[a-z][a-z0-9_]*` of at most {MAX_SCHEMA} bytes, not start with `pg_`, and not end with `_rows`, which is for projections"
    ))
}

fn address(url: &str) -> Result<PgConnectOptions, String> {
    let form = "an address looks like postgres://user:password@host:5432/database";
    if !(url.starts_with("postgres://") || url.starts_with("postgresql://")) {
        return Err(form.to_owned());
    }
    PgConnectOptions::from_str(url).map_err(|error| format!("{error}; {form}"))
}

/// Connects once by hand: the pool would try until its time is over and then only say that it is.
async fn reach(address: &PgConnectOptions, timeout: Duration, opening: &str) -> Result<(), Error> {
    let to = format!("{opening} on {}:{}", address.get_host(), address.get_port());
    match tokio::time::timeout(timeout, PgConnection::connect_with(address)).await {
        Ok(Ok(connection)) => {
            // Whether it says goodbye politely is of no interest.
            drop(connection.close().await);
            Ok(())
        }
        Ok(Err(error @ (sqlx::Error::Tls(_) | sqlx::Error::Configuration(_)))) => {
            Err(unusable(to, "check `sslmode` and the certificates that the address names", error))
        }
        Ok(Err(error)) => Err(failed(to, error)),
        Err(late) => Err(Error::unavailable(to, late)),
    }
}

fn title(schema: &str, address: &PgConnectOptions) -> String {
    let database = address.get_database().unwrap_or(address.get_username());
    format!("postgres log `{schema}` of {database} on {}:{}", address.get_host(), address.get_port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_a_plain_identifier() {
        for good in ["annalist", "a", "tenant_42"] {
            assert_eq!(check(good), Ok(()));
        }
        for bad in ["", "Annalist", "1st", "a-b", "a\"b", "a;b", "é", "pg_log", "log_rows", &"a".repeat(49)]
        {
            assert!(check(bad).unwrap_err().contains("[a-z]"), "{bad}");
        }
    }

    #[test]
    fn an_address_that_is_none_is_not_repeated() {
        for bad in ["", "mysql://u:secret@h/d", "postgres://u:secret@h:port/d"] {
            let reason = address(bad).unwrap_err();
            assert!(reason.contains("postgres://user") && !reason.contains("secret"), "{reason}");
        }
    }
}
