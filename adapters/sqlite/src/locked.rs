//! A transaction that holds the write lock from its start: whatever it reads stays so until it ends.

use std::{pin::Pin, sync::Arc};

use annalist_core::{error::Error, rows::Build, rows::Table};
use sqlx::{
    AssertSqlSafe, Connection, Sqlite, SqliteConnection, Transaction, query, query::Query,
    sqlite::SqliteArguments,
};

use crate::{
    Log, builds,
    error::{Fault, failed_commit},
    retire,
};

/// The transaction, the log that it is about, and what it is for.
pub(crate) struct Locked<'c> {
    pub(crate) log: &'c Log,
    /// "change the rows of …", for messages.
    pub(crate) operation: &'c str,
    transaction: Transaction<'c, Sqlite>,
}

/// What a transaction comes to, once it has ended.
pub(crate) type Answer<'c, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'c>>;

impl Log {
    /// Does something in a transaction of its own, in a task of its own: a caller that goes away cannot stop it half-way.
    pub(crate) async fn locked<T: Send + 'static>(
        self: &Arc<Self>,
        operation: String,
        change: impl for<'c> FnOnce(Locked<'c>) -> Answer<'c, T> + Send + 'static,
    ) -> Result<T, Error> {
        let (log, what) = (Arc::clone(self), operation.clone());
        let task = tokio::spawn(async move {
            let mut connection = log.writing(&what).await?;
            let answer = match Locked::begin(&log, &mut connection, &what).await {
                Ok(locked) => change(locked).await,
                Err(error) => Err(error),
            };
            retire(&mut connection, answer)
        });
        task.await.unwrap_or_else(|ended| Err(Error::unknown(operation, ended)))
    }
}

impl<'c> Locked<'c> {
    pub(crate) async fn begin(
        log: &'c Log,
        connection: &'c mut SqliteConnection,
        operation: &'c str,
    ) -> Result<Self, Error> {
        let transaction = connection.begin_with("BEGIN IMMEDIATE").await;
        let transaction = transaction.map_err(|error| Fault::from(error).of(operation))?;
        Ok(Self { log, operation, transaction })
    }

    pub(crate) fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.transaction
    }

    pub(crate) fn said(&self, fault: impl Into<Fault>) -> Error {
        fault.into().of(self.operation)
    }

    /// Runs a statement of ours; gives how many rows it changed.
    pub(crate) async fn run(&mut self, statement: Query<'_, Sqlite, SqliteArguments>) -> Result<u64, Error> {
        let done = statement.execute(self.connection()).await;
        done.map(|done| done.rows_affected()).map_err(|error| self.said(error))
    }

    /// Runs a statement that was made for one table, once.
    pub(crate) async fn run_once(&mut self, statement: String) -> Result<u64, Error> {
        self.run(query(AssertSqlSafe(statement)).persistent(false)).await
    }

    /// The build of a table, if it was defined.
    pub(crate) async fn build(&mut self, table: &Table) -> Result<Option<Build>, Error> {
        let builds = self.builds(table.projection).await?;
        Ok(builds.into_iter().find(|build| build.order() == table.order()))
    }

    /// All builds of a projection.
    pub(crate) async fn builds(&mut self, projection: &str) -> Result<Vec<Build>, Error> {
        let (log, operation) = (self.log, self.operation);
        builds::read(self.connection(), &log.sql, operation, projection).await
    }

    /// Writes everything.
    pub(crate) async fn commit<T>(self, answer: T) -> Result<T, Error> {
        let committed = self.transaction.commit().await;
        committed.map(|()| answer).map_err(|error| failed_commit(self.operation, error.into()))
    }

    /// Writes nothing.
    pub(crate) async fn give_up<T>(self, answer: T) -> Result<T, Error> {
        let over = self.transaction.rollback().await;
        over.map(|()| answer).map_err(|error| Fault::from(error).of(self.operation))
    }
}
