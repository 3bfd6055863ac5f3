//! A server, and a database of its own for each test.
#![allow(dead_code)] // each test program uses its part

use std::{future::Future, time::Duration};

use annalist_core::BoxError;
use annalist_postgres::{Options, Postgres};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, postgres::PgPoolOptions};
use tokio::time::{Instant, sleep};

/// How long a test waits for a condition that must become true. Only a failing test waits this long.
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// The address of the server to test on, or why there is none.
pub(crate) fn server() -> Result<String, String> {
    std::env::var("ANNALIST_POSTGRES_URL")
        .map_err(|_| "set ANNALIST_POSTGRES_URL to the address of a PostgreSQL superuser".to_owned())
}

/// A unique name for a schema, a database or a role.
pub(crate) fn fresh_name(what: &str) -> String {
    format!("{what}_{:012x}", fastrand::u64(..1 << 48))
}

/// Runs statements.
pub(crate) async fn run(url: &str, sql: &str) -> Result<(), BoxError> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await?;
    connection.close().await?;
    Ok(())
}

/// Polls until a condition holds.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let deadline = Instant::now() + DEFAULT_TIMEOUT;
    while !is_so().await {
        assert!(Instant::now() < deadline, "timed out: {what}");
        sleep(Duration::from_millis(2)).await;
    }
}

/// The database of one test, with the address of a superuser.
#[derive(Clone)]
pub(crate) struct TestDatabase {
    server: String,
    pub(crate) database: String,
    pub(crate) url: String,
}

impl TestDatabase {
    pub(crate) async fn fresh(server: &str) -> Result<Self, BoxError> {
        let database = fresh_name("annalist");
        run(server, &format!("CREATE DATABASE {database} ENCODING 'UTF8' TEMPLATE template0")).await?;
        let url = url_of(server, &database);
        Ok(Self { server: server.to_owned(), database, url })
    }

    pub(crate) async fn remove(self) -> Result<(), BoxError> {
        run(&self.server, &format!("DROP DATABASE {} WITH (FORCE)", self.database)).await?;
        run(&self.server, &format!("DROP ROLE IF EXISTS {}_role", self.database)).await
    }

    /// Opens the log with a pool of its own.
    pub(crate) async fn open(&self) -> Postgres {
        Postgres::connect(&self.url).await.unwrap()
    }

    /// Runs statements without the store.
    pub(crate) async fn run(&self, sql: &str) {
        run(&self.url, sql).await.unwrap();
    }

    /// The single value that a query returns.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        let mut connection = self.connection().await;
        sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut connection).await.unwrap()
    }

    pub(crate) async fn connection(&self) -> PgConnection {
        PgConnection::connect(&self.url).await.unwrap()
    }

    /// A role that may only connect, and the address for it.
    pub(crate) async fn role(&self) -> (String, String) {
        let role = format!("{}_role", self.database);
        self.run(&format!("CREATE ROLE {role} LOGIN")).await;
        let (_, host) = self.url.rsplit_once('@').unwrap();
        let url = format!("postgres://{role}@{host}");
        (role, url)
    }

    /// A pool whose sessions start with these settings.
    pub(crate) async fn pool(&self, settings: &'static str) -> PgPool {
        let options = PgPoolOptions::new().max_connections(2).after_connect(move |connection, _| {
            Box::pin(async move { sqlx::raw_sql(settings).execute(connection).await.map(drop) })
        });
        options.connect(&self.url).await.unwrap()
    }

    pub(crate) async fn open_with(&self, settings: &'static str) -> Postgres {
        Options::default().with_pool(self.pool(settings).await).await.unwrap()
    }

    /// Whether at least so many sessions of this database are waiting for a lock.
    pub(crate) async fn waiting(&self, sessions: i64) -> bool {
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        self.number(waiting).await >= sessions
    }
}

pub(crate) fn url_of(url: &str, database: &str) -> String {
    let (before, _) = url.rsplit_once('/').unwrap();
    format!("{before}/{database}")
}
