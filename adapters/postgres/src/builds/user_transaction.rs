//! Transactions that run the user's own SQL.

use annalist_core::{
    error::{BoxError, Error},
    panics::catch_future,
    rows::{CommitOutcome, InTransaction, RowChange, Transactional},
};
use async_trait::async_trait;
use sqlx::{Executor, PgConnection};

use super::changes::{Changes, TransactionGuard};
use crate::{
    Postgres,
    error::{append_failed, failed},
};

/// The error if the user's SQL runs COMMIT or ROLLBACK.
const TRANSACTION_ENDED: &str =
    "the work in the transaction of a change of rows has ended the transaction; leave that to the store";

#[async_trait]
impl Transactional for Postgres {
    type Connection = PgConnection;

    /// The transaction belongs to the caller's future: if that is dropped, nothing is written. A panic of the work is returned as its
    /// error.
    async fn commit_with(
        &self,
        change: RowChange,
        work: &dyn InTransaction<Self>,
    ) -> Result<Result<CommitOutcome, BoxError>, Error> {
        let changes = &self.store.changes;
        changes.check(&change)?;
        let connection = self.store.database.acquire().await;
        let connection = connection.map_err(|error| failed(changes.operation(&change.table), error))?;
        let mut guard = TransactionGuard::new(connection);
        let result = commit_with(changes, &mut guard.connection, &change, work).await;
        guard.is_clean = matches!(result, Ok(Ok(_)));
        result
    }
}

async fn commit_with(
    changes: &Changes,
    connection: &mut PgConnection,
    change: &RowChange,
    work: &dyn InTransaction<Postgres>,
) -> Result<Result<CommitOutcome, BoxError>, Error> {
    let operation = || changes.operation(&change.table);
    let write_error = |error| failed(operation(), error);
    let mut transaction = changes.tables.begin_change(connection, &change.table).await?;
    if !changes.move_checkpoint(&mut transaction, change).await.map_err(write_error)? {
        let stale = changes.stale(&mut transaction, &change.table).await?;
        transaction.rollback().await.map_err(write_error)?;
        return Ok(Ok(stale));
    }
    transaction.execute("SAVEPOINT annalist_work").await.map_err(write_error)?;
    if let Err(error) = run(work, &mut transaction).await {
        return Ok(Err(error));
    }
    // The savepoint no longer exists if the transaction was ended.
    if transaction.execute("RELEASE annalist_work").await.is_err() {
        return Err(Error::unknown(operation(), TRANSACTION_ENDED));
    }
    changes.write(&mut transaction, change).await?;
    transaction.commit().await.map_err(|error| append_failed(operation(), error.into()))?;
    Ok(Ok(CommitOutcome::Done))
}

/// Runs the user's code. A panic becomes its error.
async fn run(work: &dyn InTransaction<Postgres>, connection: &mut PgConnection) -> Result<(), BoxError> {
    let result = catch_future(async { work.run(connection).await }).await;
    result.map_err(|panic| panic.into_error("the work in the transaction of a change of rows"))?
}
