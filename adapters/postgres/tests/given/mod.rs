//! A server, and places in it that no other test uses.
#![allow(dead_code)] // each test program uses its part

use annalist_core::BoxError;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, postgres::PgPoolOptions};

/// The address of the server to test on, or why there is none.
pub(crate) fn server() -> Result<String, String> {
    std::env::var("ANNALIST_POSTGRES_URL")
        .map_err(|_| "set ANNALIST_POSTGRES_URL to the address of a PostgreSQL superuser".to_owned())
}

/// A name for a schema, a database or a role that nothing else has.
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

/// Connections to do things behind the store's back.
pub(crate) async fn pool(url: &str) -> Result<PgPool, BoxError> {
    Ok(PgPoolOptions::new().max_connections(32).connect(url).await?)
}

/// The same server, with another database, and maybe another user.
pub(crate) fn url_of(url: &str, role: &str, database: &str) -> String {
    let host = url.rsplit_once('@').map_or(url, |(_, host)| host);
    let host = host.split_once('/').map_or(host, |(host, _)| host);
    format!("postgres://{role}@{host}/{database}")
}
