//! What the sessions of a database can be relied on for.
//!
//! A pooler may give a session to another connection after each transaction. And servers that speak the protocol of PostgreSQL may
//! accept its locks without locking, or show a transaction what was committed before it began only: append conditions would not
//! hold on them.

use std::time::Duration;

use annalist_core::{
    error::Error,
    rows::sql::quoted,
    store::{EventRef, SeenLog},
};
use futures_util::future::try_join;
use sqlx::{
    AssertSqlSafe, Connection, Decode, PgConnection, Postgres, Row, Type, postgres::PgConnectOptions,
};
use tokio::time::{error::Elapsed, timeout};
use uuid::Uuid;

use crate::error::{failed, is_connection_limit, is_invisible_commit, unusable};

/// What to do about a server on which append conditions would not hold.
const USE_POSTGRES: &str = "append conditions would not hold on this server; use PostgreSQL itself, and its isolation `read committed`";

/// Refuses a server whose locks do not exclude other sessions, or whose statements do not see what was committed while they waited
/// for a lock. Returns whether sessions are shared: what the caller knows, or else what is found out with a second connection.
pub(super) async fn check(
    connection: &mut PgConnection,
    address: &PgConnectOptions,
    shares_sessions: Option<bool>,
    limit: Duration,
    operation: &str,
) -> Result<bool, Error> {
    let check = async {
        let mut other = match PgConnection::connect_with(address).await {
            Err(error) if is_connection_limit(&error) => {
                tracing::warn!(operation, %error, "the locks of the server could not be checked with a second connection");
                return Ok((shares_sessions.unwrap_or(false), None));
            }
            other => other?,
        };
        let shares_sessions = match shares_sessions {
            Some(known) => known,
            None => are_shared(connection, &mut other).await?,
        };
        let defect = defect(connection, &mut other).await?;
        // Errors on close do not matter.
        drop(other.close().await);
        Ok::<_, sqlx::Error>((shares_sessions, defect))
    };
    let checked = timeout(limit, check).await.map_err(|elapsed| no_second_session(operation, elapsed))?;
    let (shares_sessions, defect) = checked.map_err(|error| check_failed(operation, error))?;
    if let Some(defect) = defect {
        return Err(Error::unusable(operation, format!("{defect}: {USE_POSTGRES}")));
    }
    if shares_sessions {
        tracing::info!(
            operation,
            "a pooler shares the sessions of the server: each call is a transaction of its own, which needs more round trips than in session mode"
        );
    }
    Ok(shares_sessions)
}

fn no_second_session(operation: &str, elapsed: Elapsed) -> Error {
    Error::Unavailable {
        operation: operation.to_owned(),
        reason: "the server gave no second session in time, or did not answer; if connections lead to a pooler, it needs at least two sessions of the server".to_owned(),
        source: Some(elapsed.into()),
    }
}

fn check_failed(operation: &str, error: sqlx::Error) -> Error {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    match code.as_deref() {
        // A function or a feature is missing.
        Some("42883" | "0A000") => unusable(operation.to_owned(), USE_POSTGRES, error),
        _ => failed(operation.to_owned(), error),
    }
}

/// Whether two connections share the sessions of the server. They run transactions in an order in which a pooler gives the first
/// connection another session than before, whether it prefers the session that was released last or first.
async fn are_shared(first: &mut PgConnection, second: &mut PgConnection) -> Result<bool, sqlx::Error> {
    for second_ends_first in [false, true] {
        let (mut one, two) = (first.begin().await?, second.begin().await?);
        let before: i32 = value(&mut one, include_str!("../../sql/session.sql").to_owned()).await?;
        let (earlier, later) = if second_ends_first { (two, one) } else { (one, two) };
        earlier.commit().await?;
        later.commit().await?;
        let mut next = first.begin().await?;
        let after: i32 = value(&mut next, include_str!("../../sql/session.sql").to_owned()).await?;
        next.commit().await?;
        if before != after {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Why append conditions would not hold, if so: one transaction holds a lock and commits while the other waits for it. A server that
/// accepts no appends is not checked.
async fn defect(
    first: &mut PgConnection,
    second: &mut PgConnection,
) -> Result<Option<&'static str>, sqlx::Error> {
    let (mut one, mut two) = (first.begin().await?, second.begin().await?);
    if value(&mut one, include_str!("../../sql/is_standby.sql").to_owned()).await? {
        return Ok(None);
    }
    let key = Uuid::now_v7().as_u64_pair().1.cast_signed();
    let with_key = |text: &str| text.replace("{key}", &key.to_string());
    let transaction: String = value(&mut one, with_key(include_str!("../../sql/lock_and_name.sql"))).await?;
    if value(&mut two, with_key(include_str!("../../sql/try_lock.sql"))).await? {
        return Ok(Some("advisory locks do not exclude other sessions"));
    }
    let session: i32 = value(&mut two, include_str!("../../sql/session.sql").to_owned()).await?;
    let wait = with_key(include_str!("../../sql/lock_and_look.sql")).replace("{transaction}", &transaction);
    let waits = async { sqlx::raw_sql(AssertSqlSafe(wait)).execute(&mut *two).await };
    let commits = async {
        let is_waiting = include_str!("../../sql/is_waiting.sql").replace("{session}", &session.to_string());
        while !value::<bool>(&mut one, is_waiting.clone()).await? {}
        one.commit().await
    };
    match try_join(waits, commits).await {
        Ok(_) => two.commit().await.map(|()| None),
        Err(error) if is_invisible_commit(&error) => {
            Ok(Some("a statement does not see what was committed while it waited for a lock"))
        }
        Err(error) => Err(error),
    }
}

/// Checks, on a new connection, that the log still has the newest event that this process has seen: after a failover, new
/// connections lead to another server.
pub(super) async fn check_log(
    connection: &mut PgConnection,
    schema: &str,
    seen: &SeenLog,
) -> Result<(), sqlx::Error> {
    let now = seen.now();
    let Some(EventRef { position, id }) = now.newest else { return Ok(()) };
    let sql = include_str!("../../sql/has_event.sql").replace("{schema}", &quoted(schema));
    let sql = sql.replace("{position}", &position.to_string()).replace("{id}", &id.to_string());
    match value(connection, sql).await {
        Ok(true) => Ok(()),
        Ok(false) => {
            drop(seen.lost(now, &format!("postgres log `{schema}`"), "connect".to_owned()));
            Ok(())
        }
        // Such as a schema that was dropped: the call that needed the connection returns it.
        Err(sqlx::Error::Database(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The single value of a query without parameters, which is sent in one message: so it works with every pooler.
async fn value<T>(connection: &mut PgConnection, sql: String) -> Result<T, sqlx::Error>
where
    T: for<'r> Decode<'r, Postgres> + Type<Postgres>,
{
    sqlx::raw_sql(AssertSqlSafe(sql)).fetch_one(connection).await?.try_get(0)
}
