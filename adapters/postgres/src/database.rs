//! The database of a log, as all parts of the store share it.

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use annalist_core::{
    error::Error,
    store::{LogId, Seen, SeenLog},
};
use futures_util::{TryStreamExt, future::join_all};
use sqlx::{
    Connection, Either, Executor, PgConnection, PgPool, Postgres, SqlSafeStr, Transaction,
    pool::PoolConnection,
    postgres::{PgArguments, PgRow},
    query::Query,
};
use tokio::time::timeout;

use crate::{
    error::{failed, is_lost_connection, no_connection},
    read::recent::RecentEvents,
    runtimes::Runtimes,
    sql::Sql,
};

/// How long a connection may take to answer before it is replaced, after another one was lost.
const PING_TIMEOUT: Duration = Duration::from_secs(2);

pub(crate) struct Database {
    pub(crate) pool: PgPool,
    pub(crate) runtimes: Runtimes,
    pub(crate) sql: Sql,
    /// How the log is called in messages: "postgres log `annalist` of bank on localhost:5432".
    pub(crate) name: String,
    pub(crate) id: LogId,
    /// What this process has seen of the log.
    pub(crate) seen: Arc<SeenLog>,
    /// The version of the list of successors of event names, read with or after the settled position that this process knows.
    pub(crate) successors: AtomicU64,
    /// The newest events that this process has appended.
    pub(crate) recent: RecentEvents,
    /// How long calls wait for a connection, and changes of builds for locks.
    pub(crate) timeout: Duration,
    /// Whether a pooler gives a session to another connection after each transaction.
    ///
    /// The driver sends a statement and its parameters one after the other. Outside of a transaction, the parameters could then
    /// reach another session, and whatever statement that one has.
    pub(crate) shares_sessions: bool,
}

/// What a statement returned.
#[derive(Default)]
struct Answer {
    rows: Vec<PgRow>,
    /// How many rows were changed.
    changed: u64,
}

/// A connection that its holder uses again and again; `None` until it is needed, and after it failed.
pub(crate) type HeldConnection = Option<PoolConnection<Postgres>>;

impl Database {
    /// The text of an operation for messages: "read postgres log `annalist` of bank on localhost:5432".
    pub(crate) fn operation(&self, what: &str) -> String {
        format!("{what} {}", self.name)
    }

    /// Records that the log does not have the newest seen event any more. Returns the error of the call that found out.
    pub(crate) fn lost_events(&self, seen: Seen, operation: String) -> Error {
        self.seen.lost(seen, &self.name, operation)
    }

    /// The error of a failed read.
    pub(crate) fn read_error(&self, error: sqlx::Error) -> Error {
        failed(self.operation("read"), error)
    }

    /// A connection of the pool. Waits for it no longer than the timeout, even if the pool is the user's and would wait longer.
    pub(crate) async fn acquire(&self) -> Result<PoolConnection<Postgres>, sqlx::Error> {
        self.close_connections_of_ended_runtimes();
        acquire(&self.pool, self.timeout).await
    }

    /// A transaction on a connection of the pool, which `statement` begins. Waits for the connection as [`Database::acquire`].
    pub(crate) async fn begin_with(
        &self,
        statement: impl SqlSafeStr,
    ) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        self.close_connections_of_ended_runtimes();
        let begun = timeout(self.timeout, self.pool.begin_with(statement)).await;
        begun.unwrap_or_else(|_| Err(no_connection(&self.pool, self.timeout)))
    }

    /// The error of a call that waited for a connection, or for the calls before it, until the timeout.
    pub(crate) fn not_started(&self, operation: String) -> Error {
        if self.pool.num_idle() == 0 {
            return failed(operation, no_connection(&self.pool, self.timeout));
        }
        let reason = format!(
            "the calls before it took longer than {:?}; look for locks that other sessions hold, and for what slows down the server",
            self.timeout
        );
        Error::unavailable(operation, reason)
    }

    /// The rows of a statement that can be repeated. If the connection is lost, the statement is repeated once, after all lost
    /// connections were removed from the pool.
    pub(crate) async fn fetch_all<'q>(
        &self,
        statement: impl Fn() -> Query<'q, Postgres, PgArguments>,
    ) -> Result<Vec<PgRow>, sqlx::Error> {
        Ok(self.repeat_if_lost(statement).await?.rows)
    }

    /// The first row of a statement if there is one, as [`Database::fetch_all`].
    pub(crate) async fn fetch_optional<'q>(
        &self,
        statement: impl Fn() -> Query<'q, Postgres, PgArguments>,
    ) -> Result<Option<PgRow>, sqlx::Error> {
        Ok(self.fetch_all(statement).await?.into_iter().next())
    }

    /// The first row of a statement, as [`Database::fetch_all`].
    pub(crate) async fn fetch_one<'q>(
        &self,
        statement: impl Fn() -> Query<'q, Postgres, PgArguments>,
    ) -> Result<PgRow, sqlx::Error> {
        self.fetch_optional(statement).await?.ok_or(sqlx::Error::RowNotFound)
    }

    /// Executes a statement, as [`Database::fetch_all`]. Returns how many rows it changed.
    pub(crate) async fn execute<'q>(
        &self,
        statement: impl Fn() -> Query<'q, Postgres, PgArguments>,
    ) -> Result<u64, sqlx::Error> {
        Ok(self.repeat_if_lost(statement).await?.changed)
    }

    async fn repeat_if_lost<'q>(
        &self,
        statement: impl Fn() -> Query<'q, Postgres, PgArguments>,
    ) -> Result<Answer, sqlx::Error> {
        match self.run(statement()).await {
            Err(error) if is_lost_connection(&error) => {
                self.close_lost_connections().await;
                self.run(statement()).await
            }
            result => result,
        }
    }

    /// The rows of a statement on a connection that is not in a transaction.
    pub(crate) async fn fetch_all_in(
        &self,
        connection: &mut PgConnection,
        statement: Query<'_, Postgres, PgArguments>,
    ) -> Result<Vec<PgRow>, sqlx::Error> {
        Ok(self.run_in(connection, statement).await?.rows)
    }

    async fn run_in(
        &self,
        connection: &mut PgConnection,
        statement: Query<'_, Postgres, PgArguments>,
    ) -> Result<Answer, sqlx::Error> {
        if !self.shares_sessions {
            return answer(connection, statement).await;
        }
        let mut transaction = connection.begin().await?;
        let answer = answer(&mut transaction, statement).await?;
        transaction.commit().await?;
        Ok(answer)
    }

    async fn run(&self, statement: Query<'_, Postgres, PgArguments>) -> Result<Answer, sqlx::Error> {
        let mut connection = self.acquire().await?;
        self.run_in(&mut connection, statement).await
    }

    /// Calls `each` with the rows of a read while they arrive, on a held connection. If the connection is lost before the first
    /// row, the read is repeated as in [`Database::fetch_all`].
    pub(crate) async fn for_each_row<'q>(
        &self,
        held: &mut HeldConnection,
        query: impl Fn() -> Query<'q, Postgres, PgArguments>,
        mut each: impl FnMut(PgRow) -> Result<(), Error>,
    ) -> Result<Result<(), Error>, sqlx::Error> {
        let mut can_repeat = true;
        loop {
            let result = self.read_once(held, query(), &mut can_repeat, &mut each).await;
            let lost = match result {
                Ok(Ok(())) => return Ok(Ok(())),
                Err(error) if can_repeat && is_lost_connection(&error) => error,
                failure => {
                    // The pool checks whether it is still usable.
                    *held = None;
                    return failure;
                }
            };
            tracing::debug!(log = self.name, error = %lost, "a connection was lost; the read is repeated");
            can_repeat = false;
            *held = None;
            self.close_lost_connections().await;
        }
    }

    async fn read_once(
        &self,
        held: &mut HeldConnection,
        query: Query<'_, Postgres, PgArguments>,
        is_untouched: &mut bool,
        each: &mut impl FnMut(PgRow) -> Result<(), Error>,
    ) -> Result<Result<(), Error>, sqlx::Error> {
        let connection = self.connection(held).await?;
        let mut transaction = None;
        let session = match self.shares_sessions {
            true => &mut **transaction.insert(connection.begin().await?),
            false => connection,
        };
        let mut rows = query.fetch(session);
        while let Some(row) = rows.try_next().await? {
            *is_untouched = false;
            if let Err(error) = each(row) {
                return Ok(Err(error));
            }
        }
        drop(rows);
        match transaction {
            Some(transaction) => transaction.commit().await.map(Ok),
            None => Ok(Ok(())),
        }
    }

    /// The held connection, or one of the pool, which is held from now on.
    pub(crate) async fn connection<'c>(
        &self,
        held: &'c mut HeldConnection,
    ) -> Result<&'c mut PgConnection, sqlx::Error> {
        Ok(match held {
            Some(connection) => connection,
            None => held.insert(self.acquire().await?),
        })
    }

    /// Closes all connections that are not in use if a runtime has ended: some may have been opened in it. A ping does not find these,
    /// because they work as long as the server answers without a delay.
    fn close_connections_of_ended_runtimes(&self) {
        if self.runtimes.enter() {
            while let Some(connection) = self.pool.try_acquire() {
                drop(connection.detach());
            }
        }
    }

    /// Removes lost connections from the pool: after a failover all of its connections are lost, and each would fail another call.
    pub(crate) async fn close_lost_connections(&self) {
        let mut idle = Vec::new();
        while let Some(connection) = self.pool.try_acquire() {
            idle.push(connection);
        }
        join_all(idle.into_iter().map(close_if_lost)).await;
    }
}

/// A connection of a pool, after `limit` at most.
pub(crate) async fn acquire(pool: &PgPool, limit: Duration) -> Result<PoolConnection<Postgres>, sqlx::Error> {
    match timeout(limit, pool.acquire()).await {
        Ok(Err(sqlx::Error::PoolTimedOut)) | Err(_) => Err(no_connection(pool, limit)),
        Ok(result) => result,
    }
}

async fn answer(
    connection: &mut PgConnection,
    statement: Query<'_, Postgres, PgArguments>,
) -> Result<Answer, sqlx::Error> {
    let mut answer = Answer::default();
    let mut parts = connection.fetch_many(statement);
    while let Some(part) = parts.try_next().await? {
        match part {
            Either::Left(done) => answer.changed += done.rows_affected(),
            Either::Right(row) => answer.rows.push(row),
        }
    }
    Ok(answer)
}

/// Returns a connection to its pool if it answers, and closes it otherwise.
async fn close_if_lost(mut connection: PoolConnection<Postgres>) {
    if !matches!(timeout(PING_TIMEOUT, connection.ping()).await, Ok(Ok(()))) {
        drop(connection.detach());
    }
}
