//! Options of a log, and connecting to the database.

use std::{str::FromStr, sync::Arc, time::Duration};

use annalist_core::{error::Error, store::SeenLog};
use sqlx::{
    Connection, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::{
    migrate::{LogInfo, Migrations, Opening},
    schema_name::SchemaName,
    sessions::check_log,
};
use crate::{
    Postgres,
    append::locks::AdvisoryKeys,
    database::Database,
    error::{failed, unusable},
    read::recent::RecentEvents,
    runtimes::Runtimes,
    sql::Sql,
};

/// A connection that was idle for longer than this is pinged before it is used: an append on a broken connection would end with
/// an unknown outcome.
const PING_AFTER_IDLE: Duration = Duration::from_secs(1);

/// Options of a log. Created by [`Postgres::options`], used by [`Options::connect`] or [`Options::with_pool`].
#[derive(Clone, Debug)]
#[must_use = "options do nothing until they connect"]
pub struct Options {
    schema: String,
    max_connections: u32,
    timeout: Duration,
    migrate: bool,
    listen_notify: bool,
    transaction_pooling: Option<bool>,
    migrations: Migrations,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            schema: "annalist".to_owned(),
            max_connections: 10,
            timeout: Duration::from_secs(5),
            migrate: true,
            listen_notify: true,
            transaction_pooling: None,
            migrations: Migrations::released(),
        }
    }
}

impl Options {
    /// Sets the schema of the log; `annalist` by default. `[a-z][a-z0-9_]*`, at most 48 bytes, not ending with `_rows`, which is
    /// reserved for the rows of projections. Key words such as `user` are allowed; `information_schema` and names that start with
    /// `pg_` belong to the server.
    pub fn schema(mut self, name: impl Into<String>) -> Self {
        self.schema = name.into();
        self
    }

    /// Sets the maximum number of connections; 10 by default, at least 1. Ignored by [`Options::with_pool`]. A process that
    /// follows the log uses one more connection to listen: see [`Options::listen_notify`].
    pub fn max_connections(mut self, connections: u32) -> Self {
        self.max_connections = connections.max(1);
        self
    }

    /// Sets how long a call waits for a connection of the pool, and for the calls before it, until it returns
    /// [`Error::Unavailable`]; 5 seconds by default. It also limits the waits on a pool of yours, whose own timeout may be longer.
    /// Changes of builds wait this long for locks, because others queue behind them.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets whether opening may create the schema or apply missing migrations; `true` by default. With `false`, a schema
    /// that is missing or out of date is an error.
    pub fn migrate(mut self, migrate: bool) -> Self {
        self.migrate = migrate;
        self
    }

    /// Sets whether processes notify each other of appends by LISTEN and NOTIFY; `true` by default. With `false`, appends of
    /// other processes are found by polling: for databases behind a proxy that does not support LISTEN, or to save the connection
    /// that listens.
    pub fn listen_notify(mut self, listen_notify: bool) -> Self {
        self.listen_notify = listen_notify;
        self
    }

    /// Sets whether a pooler gives the sessions of the server to other connections after each transaction, as PgBouncer does in
    /// transaction mode. By default this is found out when the log is opened; set it if that does not succeed, for example
    /// because the pooler has only one session at that time.
    ///
    /// With `true` the store keeps nothing in a session: no prepared statement and no LISTEN, so appends of other processes are
    /// found by polling. Each call is a transaction of its own, with four round trips instead of one. The user's own SQL on the
    /// same connections has to use `persistent(false)` too.
    pub fn transaction_pooling(mut self, shares_sessions: bool) -> Self {
        self.transaction_pooling = Some(shares_sessions);
        self
    }

    /// Adds a migration after the released ones: the tests of this package upgrade a schema with it.
    #[doc(hidden)]
    pub fn test_migration(mut self, statements: &'static [&'static str]) -> Self {
        self.migrations.push(statements);
        self
    }

    /// Connects to the database and opens the log.
    ///
    /// Logs a warning if other roles have rights by which they could run code in the appends of this log or change what it stores:
    /// `PUBLIC` with more than `SELECT`, or roles that may create objects in the schema of the log, own objects there, have `TRIGGER`
    /// or `TRUNCATE` on its tables, or may change events. Superusers, the owner of the schema and roles that this role is a
    /// member of are trusted, and the rights that the documentation of this crate asks for are not reported.
    ///
    /// # Errors
    /// [`Error::Unusable`] if the address, the credentials, the privileges, the settings of the database or the schema have to
    /// be changed first; the message says how. [`Error::Unavailable`] if the server cannot be reached now.
    pub async fn connect(self, url: &str) -> Result<Postgres, Error> {
        let operation = format!("open postgres log `{}`", self.schema);
        let address = parse_url(url).map_err(|reason| Error::unusable(&operation, reason))?;
        try_connecting(&address, self.timeout, &operation).await?;
        let seen = Arc::new(SeenLog::default());
        let (schema, known) = (self.schema.clone(), Arc::clone(&seen));
        let pool = PgPoolOptions::new()
            .max_connections(self.max_connections)
            .acquire_timeout(self.timeout)
            .test_before_acquire(false)
            .before_acquire(|connection, info| {
                Box::pin(async move {
                    if info.idle_for > PING_AFTER_IDLE {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .after_connect(move |connection, _| {
                let (schema, seen) = (schema.clone(), Arc::clone(&known));
                Box::pin(async move { check_log(connection, &schema, &seen).await })
            })
            .connect_lazy_with(address);
        self.open(pool, seen).await
    }

    /// Opens the log on a pool of connections that you configured. The pool remains yours: other queries may use it too.
    ///
    /// The search_path of its sessions is yours too, except that it must not name `pg_catalog` after another schema, whose functions
    /// and operators would then replace those of the server.
    ///
    /// # Errors
    /// As [`Options::connect`].
    pub async fn with_pool(self, pool: PgPool) -> Result<Postgres, Error> {
        self.open(pool, Arc::default()).await
    }

    async fn open(self, pool: PgPool, seen: Arc<SeenLog>) -> Result<Postgres, Error> {
        let Self { schema, migrate, migrations, listen_notify, timeout, transaction_pooling, .. } = self;
        let name = log_name(&schema, &pool.connect_options());
        let operation = format!("open {name}");
        let schema = SchemaName::parse(&schema).map_err(|reason| Error::unusable(&operation, reason))?;
        let keys = AdvisoryKeys::new(schema.as_str());
        let opening =
            Opening { migrations: &migrations, schema: &schema, keys: &keys, operation: &operation };
        let log = opening.open(&pool, migrate, transaction_pooling, timeout).await?;
        let LogInfo { id, shares_sessions, high_water, newest, successors } = log;
        newest.into_iter().for_each(|newest| seen.saw(0, newest));
        seen.saw_settled(0, high_water);
        let sql = Sql::new(&schema, shares_sessions);
        let runtimes = Runtimes::default();
        runtimes.enter();
        let successors = successors.into();
        let recent = RecentEvents::default();
        let database =
            Database { pool, runtimes, sql, name, id, seen, successors, recent, timeout, shares_sessions };
        Ok(Postgres::new(database, &schema, keys, listen_notify))
    }
}

/// Parses an address. The error does not repeat it, because it may contain a password.
fn parse_url(url: &str) -> Result<PgConnectOptions, String> {
    let form = "an address looks like postgres://user:password@host:5432/database";
    if !(url.starts_with("postgres://") || url.starts_with("postgresql://")) {
        return Err(form.to_owned());
    }
    let address = PgConnectOptions::from_str(url).map_err(|error| format!("{error}; {form}"))?;
    // Poolers refuse this parameter by default, and values are sent in binary form, which it does not affect.
    Ok(address.extra_float_digits(None))
}

/// Connects once without the pool, to return the reason of a failure: the pool would retry until its timeout, and report only that.
async fn try_connecting(address: &PgConnectOptions, timeout: Duration, operation: &str) -> Result<(), Error> {
    let operation = format!("{operation} on {}:{}", address.get_host(), address.get_port());
    match tokio::time::timeout(timeout, PgConnection::connect_with(address)).await {
        Ok(Ok(connection)) => {
            // Errors on close do not matter.
            drop(connection.close().await);
            Ok(())
        }
        Ok(Err(error @ (sqlx::Error::Tls(_) | sqlx::Error::Configuration(_)))) => {
            Err(unusable(operation, "check `sslmode` and the certificates in the address", error))
        }
        Ok(Err(error)) => Err(failed(operation, error)),
        Err(elapsed) => Err(Error::unavailable(operation, elapsed)),
    }
}

/// The name of a log in messages.
fn log_name(schema: &str, address: &PgConnectOptions) -> String {
    let database = address.get_database().unwrap_or(address.get_username());
    format!("postgres log `{schema}` of {database} on {}:{}", address.get_host(), address.get_port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_address_is_refused_without_repeating_it() {
        for bad in ["", "mysql://u:secret@h/d", "postgres://u:secret@h:port/d"] {
            let reason = parse_url(bad).unwrap_err();
            assert!(reason.contains("postgres://user") && !reason.contains("secret"), "{reason}");
        }
    }
}
