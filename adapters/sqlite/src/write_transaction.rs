//! Transactions that hold the write lock from their start: what they read stays valid until they end.

use std::{pin::Pin, sync::Arc};

use annalist_core::{
    error::Error,
    rows::{Build, Table},
};
use sqlx::{
    AssertSqlSafe, Sqlite, SqliteConnection, Transaction, query, query::Query, query_scalar,
    sqlite::SqliteArguments,
};

use crate::{
    connections::Durability,
    error::{TransactionError, failed_commit},
    log::{Log, Operation},
    stored_builds,
};

/// An open transaction.
pub(crate) struct WriteTransaction<'c> {
    pub(crate) log: &'c Log,
    operation: Operation<'c>,
    transaction: Transaction<'c, Sqlite>,
}

/// The result of a function that has ended its transaction.
pub(crate) type Ended<'c, T> = Pin<Box<dyn Future<Output = Result<T, TransactionError>> + Send + 'c>>;

/// Runs `change` in a transaction, in a task of its own: it completes even if the caller drops the future.
pub(crate) async fn run_detached<T: Send + 'static>(
    log: &Arc<Log>,
    operation: Operation<'static>,
    change: impl for<'c> FnOnce(WriteTransaction<'c>) -> Ended<'c, T> + Send + 'static,
) -> Result<T, Error> {
    run_detached_with(log, operation, Durability::Synced, change).await
}

/// As [`run_detached`], with this durability.
pub(crate) async fn run_detached_with<T: Send + 'static>(
    log: &Arc<Log>,
    operation: Operation<'static>,
    durability: Durability,
    change: impl for<'c> FnOnce(WriteTransaction<'c>) -> Ended<'c, T> + Send + 'static,
) -> Result<T, Error> {
    let owned = Arc::clone(log);
    let task = tokio::spawn(async move {
        let mut connection = owned.write_connection(operation).await?;
        let result = match WriteTransaction::begin(&owned, &mut connection, operation, durability).await {
            Ok(transaction) => change(transaction).await,
            Err(error) => Err(error.into()),
        };
        owned.finish(&mut connection, operation, result)
    });
    task.await.unwrap_or_else(|ended| Err(Error::unknown(log.describe(operation), ended)))
}

impl<'c> WriteTransaction<'c> {
    pub(crate) async fn begin(
        log: &'c Log,
        connection: &'c mut SqliteConnection,
        operation: Operation<'c>,
        durability: Durability,
    ) -> Result<Self, sqlx::Error> {
        let transaction = log.writer.begin(connection, durability).await?;
        Ok(Self { log, operation, transaction })
    }

    pub(crate) fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.transaction
    }

    /// Runs one of the log's statements. Returns how many rows it changed.
    pub(crate) async fn execute(
        &mut self,
        statement: Query<'_, Sqlite, SqliteArguments>,
    ) -> Result<u64, sqlx::Error> {
        statement.execute(self.connection()).await.map(|done| done.rows_affected())
    }

    /// Runs a statement that was generated for one table and is not cached.
    pub(crate) async fn execute_once(&mut self, statement: String) -> Result<(), sqlx::Error> {
        self.execute(query(AssertSqlSafe(statement)).persistent(false)).await.map(drop)
    }

    /// Returns the build of a table, if it is defined.
    pub(crate) async fn build(&mut self, table: &Table) -> Result<Option<Build>, TransactionError> {
        let builds = self.builds(table.projection).await?;
        Ok(builds.into_iter().find(|build| build.order() == table.order()))
    }

    /// Returns all builds of a projection.
    pub(crate) async fn builds(&mut self, projection: &str) -> Result<Vec<Build>, TransactionError> {
        let log = self.log;
        stored_builds::load(self.connection(), &log.sql, projection).await
    }

    pub(crate) async fn commit<T>(self, value: T) -> Result<T, TransactionError> {
        match self.transaction.commit().await {
            Ok(()) => Ok(value),
            Err(error) => Err(failed_commit(self.log.describe(self.operation), error.into()).into()),
        }
    }

    pub(crate) async fn rollback<T>(self, value: T) -> Result<T, TransactionError> {
        self.transaction.rollback().await?;
        Ok(value)
    }
}

/// Sets whether the connection overwrites what it deletes. Returns the setting before.
pub(crate) async fn secure_delete(
    transaction: &mut WriteTransaction<'_>,
    setting: i64,
) -> Result<i64, sqlx::Error> {
    let before = query_scalar("PRAGMA secure_delete").fetch_one(transaction.connection()).await?;
    let set = ["OFF", "ON", "FAST"].get(usize::try_from(setting).unwrap_or(1)).unwrap_or(&"ON");
    transaction.execute(query(AssertSqlSafe(format!("PRAGMA secure_delete = {set}")))).await?;
    Ok(before)
}
