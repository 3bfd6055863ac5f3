//! Runs statements of the user in a transaction of the store, and prevents them from committing or rolling it back.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use annalist_core::{
    error::{BoxError, Error},
    panics,
    rows::{CommitOutcome, InTransaction, RowChange, Transactional, sql::TableSql},
};
use async_trait::async_trait;
use sqlx::{SqliteConnection, pool::PoolConnection, query};

use crate::{
    Sqlite, commit_rows, connections::Durability, error::TransactionError, log::Operation,
    write_transaction::WriteTransaction,
};

const TRANSACTION_ENDED: &str = "the code that ran in the transaction ended it, so nothing was written; leave COMMIT and ROLLBACK to the store";

#[async_trait]
impl Transactional for Sqlite {
    /// The code in the transaction must not wait for an append to the same store, which would wait for the transaction to
    /// end. On a pool of the user's, the commit hook of the connection is removed.
    type Connection = SqliteConnection;

    /// A panic of `work` is returned as its error.
    async fn commit_with(
        &self,
        change: RowChange,
        work: &dyn InTransaction<Sqlite>,
    ) -> Result<Result<CommitOutcome, BoxError>, Error> {
        TableSql::new(&self.log.dialect, &change.table)?.check(&change.upserts, &change.deletes)?;
        let operation = Operation::Rows("change", change.table);
        let connection = self.log.write_connection(operation).await?;
        let mut guard = TransactionGuard { connection, is_clean: false };
        let transaction =
            WriteTransaction::begin(&self.log, &mut guard.connection, operation, Durability::Synced).await;
        let result = match transaction {
            Ok(transaction) => commit_with(transaction, change, work).await,
            Err(error) => Err(error.into()),
        };
        guard.is_clean = matches!(result, Ok(Ok(_)));
        result.map_err(|error| error.into_error(|| self.log.describe(operation)))
    }
}

/// Returns a connection to its pool only after a success. Otherwise the state of the connection is unknown; closing it rolls
/// back, even if the future is dropped.
struct TransactionGuard {
    connection: PoolConnection<sqlx::Sqlite>,
    is_clean: bool,
}

impl Drop for TransactionGuard {
    fn drop(&mut self) {
        if !self.is_clean {
            self.connection.close_on_drop();
        }
    }
}

async fn commit_with(
    mut transaction: WriteTransaction<'_>,
    change: RowChange,
    work: &dyn InTransaction<Sqlite>,
) -> Result<Result<CommitOutcome, BoxError>, TransactionError> {
    match commit_rows::write(&mut transaction, change).await? {
        CommitOutcome::Done => {}
        stale => return transaction.rollback(Ok(stale)).await,
    }
    match run(&mut transaction, work).await? {
        Ok(()) => transaction.commit(Ok(CommitOutcome::Done)).await,
        Err(error) => {
            // If this fails, closing the connection rolls back.
            let _ = transaction.rollback(()).await;
            Ok(Err(error))
        }
    }
}

/// Runs the user's code. A commit hook prevents it from committing; a savepoint shows whether the transaction is still the
/// same afterwards.
async fn run(
    transaction: &mut WriteTransaction<'_>,
    work: &dyn InTransaction<Sqlite>,
) -> Result<Result<(), BoxError>, TransactionError> {
    let ended = || TransactionError::Unusable(TRANSACTION_ENDED.to_owned());
    let commit_refused = Arc::new(AtomicBool::new(false));
    let refuse_commit = {
        let commit_refused = Arc::clone(&commit_refused);
        move || {
            commit_refused.store(true, Ordering::Release);
            false
        }
    };
    transaction.execute(query("SAVEPOINT annalist_user")).await?;
    transaction.connection().lock_handle().await?.set_commit_hook(refuse_commit);
    let connection = transaction.connection();
    // The call itself may panic too, so it is inside the future.
    let result = panics::catch_future(async { work.run(connection).await })
        .await
        .unwrap_or_else(|panic| Err(panic.into_error("the code in the transaction of a row change").into()));
    if commit_refused.load(Ordering::Acquire) {
        return Err(ended());
    }
    if result.is_err() {
        return Ok(result);
    }
    if query("RELEASE annalist_user").execute(transaction.connection()).await.is_err() {
        return Err(ended());
    }
    transaction.connection().lock_handle().await?.remove_commit_hook();
    Ok(result)
}
