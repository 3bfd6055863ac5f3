//! Transactions that are lent to the user's own SQL.

use std::{
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
};

use annalist_core::{
    error::{BoxError, Error},
    rows::{CommitOutcome, InTransaction, RowChange, Transactional},
};
use async_trait::async_trait;
use sqlx::{Connection, Executor, PgConnection, pool::PoolConnection};

use crate::{
    Postgres, Store,
    error::{append_failed, failed, panicked},
};

/// What is wrong with work that says COMMIT or ROLLBACK.
const ENDED: &str =
    "the work in the transaction of a change of rows has ended the transaction; leave that to the store";

#[async_trait]
impl Transactional for Postgres {
    type Connection = PgConnection;

    /// The transaction is that of the caller's future: dropped, it writes nothing. A panic of the work counts as its error.
    async fn commit_with(
        &self,
        change: RowChange<'_>,
        work: &dyn InTransaction<Self>,
    ) -> Result<Result<CommitOutcome, BoxError>, Error> {
        let store = &self.store;
        store.check(&change)?;
        let connection = store.pool.acquire().await;
        let connection = connection.map_err(|error| failed(store.rows_of("change", change.table), error))?;
        let mut lent = Lent { connection, sound: false };
        let answer = store.change_with(&mut lent.connection, &change, work).await;
        lent.sound = matches!(answer, Ok(Ok(_)));
        answer
    }
}

/// A connection that goes back to its pool only if all went well. Otherwise nobody knows what was done to it, and closing it
/// rolls back, also when this is dropped half-way.
struct Lent {
    connection: PoolConnection<sqlx::Postgres>,
    sound: bool,
}

impl Drop for Lent {
    fn drop(&mut self) {
        if !self.sound {
            self.connection.close_on_drop();
        }
    }
}

impl Store {
    async fn change_with(
        &self,
        connection: &mut PgConnection,
        change: &RowChange<'_>,
        work: &dyn InTransaction<Postgres>,
    ) -> Result<Result<CommitOutcome, BoxError>, Error> {
        let doing = || self.rows_of("change", change.table);
        let said = |error| failed(doing(), error);
        let mut transaction = connection.begin().await.map_err(said)?;
        if !self.advance(&mut transaction, change).await.map_err(said)? {
            transaction.rollback().await.map_err(said)?;
            return self.stale(change.table).await.map(Ok);
        }
        transaction.execute("SAVEPOINT annalist_lent").await.map_err(said)?;
        if let Err(error) = caught(work, &mut transaction).await {
            return Ok(Err(error));
        }
        // There is nothing to release if it is not the same transaction any more.
        if transaction.execute("RELEASE annalist_lent").await.is_err() {
            return Err(Error::unknown(doing(), ENDED));
        }
        self.write(&mut transaction, change).await?;
        transaction.commit().await.map_err(|error| append_failed(doing(), error.into()))?;
        Ok(Ok(CommitOutcome::Done))
    }
}

/// Runs a work; a panic of it becomes its error.
async fn caught(work: &dyn InTransaction<Postgres>, connection: &mut PgConnection) -> Result<(), BoxError> {
    let mut work = pin!(async { work.run(connection).await });
    poll_fn(|context| {
        catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))).unwrap_or_else(|panic| {
            let function = "the work in the transaction of a change of rows";
            Poll::Ready(Err(panicked(function.to_owned(), &*panic).into()))
        })
    })
    .await
}
