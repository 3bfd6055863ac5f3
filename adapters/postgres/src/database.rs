//! The database of a log, as all parts of the store share it.

use std::{future::Future, time::Duration};

use annalist_core::{error::Error, store::LogId};
use futures_util::{TryStreamExt, future::join_all};
use sqlx::{
    Connection, PgPool, Postgres,
    pool::PoolConnection,
    postgres::{PgArguments, PgRow},
    query::Query,
};
use tokio::time::timeout;

use crate::{
    error::{failed, is_lost_connection},
    sql::Sql,
};

/// How long a connection may take to answer before it is replaced, after another one was lost.
const PING_TIMEOUT: Duration = Duration::from_secs(2);

pub(crate) struct Database {
    pub(crate) pool: PgPool,
    pub(crate) sql: Sql,
    /// How the log is called in messages: "postgres log `annalist` of bank on localhost:5432".
    pub(crate) name: String,
    pub(crate) id: LogId,
    /// How long changes of builds wait for locks.
    pub(crate) timeout: Duration,
}

impl Database {
    /// The text of an operation for messages: "read postgres log `annalist` of bank on localhost:5432".
    pub(crate) fn operation(&self, what: &str) -> String {
        format!("{what} {}", self.name)
    }

    /// The error of a failed read.
    pub(crate) fn read_error(&self, error: sqlx::Error) -> Error {
        failed(self.operation("read"), error)
    }

    /// Runs a call that can be repeated. If its connection is lost, the call is repeated once, after all lost connections were
    /// removed from the pool.
    pub(crate) async fn repeat_if_lost<T, F>(&self, mut call: impl FnMut() -> F) -> Result<T, sqlx::Error>
    where
        F: Future<Output = Result<T, sqlx::Error>>,
    {
        match call().await {
            Err(error) if is_lost_connection(&error) => {
                self.close_lost_connections().await;
                call().await
            }
            result => result,
        }
    }

    /// Calls `each` with the rows of a read while they arrive. If the connection is lost before the first row, the read is
    /// repeated as in [`Database::repeat_if_lost`].
    pub(crate) async fn for_each_row<'q>(
        &self,
        query: impl Fn() -> Query<'q, Postgres, PgArguments>,
        mut each: impl FnMut(PgRow) -> Result<(), Error>,
    ) -> Result<Result<(), Error>, sqlx::Error> {
        let mut can_repeat = true;
        loop {
            let mut rows = query().fetch(&self.pool);
            let lost = loop {
                match rows.try_next().await {
                    Ok(None) => return Ok(Ok(())),
                    Ok(Some(row)) => {
                        can_repeat = false;
                        if let Err(error) = each(row) {
                            return Ok(Err(error));
                        }
                    }
                    Err(error) if can_repeat && is_lost_connection(&error) => break error,
                    Err(error) => return Err(error),
                }
            };
            drop(rows);
            tracing::debug!(log = self.name, error = %lost, "a connection was lost; the read is repeated");
            can_repeat = false;
            self.close_lost_connections().await;
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

/// Returns a connection to its pool if it answers, and closes it otherwise.
async fn close_if_lost(mut connection: PoolConnection<Postgres>) {
    if !matches!(timeout(PING_TIMEOUT, connection.ping()).await, Ok(Ok(()))) {
        drop(connection.detach());
    }
}
