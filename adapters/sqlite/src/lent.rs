//! A transaction that is lent out: somebody else's statements in it, and nobody else's end of it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
};

use annalist_core::{
    error::{BoxError, Error},
    rows::{CommitOutcome, InTransaction, RowChange, Transactional, sql::TableSql},
};
use async_trait::async_trait;
use sqlx::{SqliteConnection, pool::PoolConnection, query, sqlite::LockedSqliteHandle};

use crate::{
    Sqlite,
    error::{failed, panic_message},
    locked::Locked,
};

/// What a work gets to hear that ended the transaction itself.
const ENDED: &str = "the work ended the transaction that it was lent, so nothing was written; leave COMMIT and ROLLBACK to the store";

#[async_trait]
impl Transactional for Sqlite {
    /// The work must not wait for an append to the same store: that waits for the transaction to end. On a pool of your own,
    /// a commit hook that you have set on a connection is removed.
    type Connection = SqliteConnection;

    /// A panic of the work counts as its error.
    async fn commit_with(
        &self,
        change: RowChange<'_>,
        work: &dyn InTransaction<Sqlite>,
    ) -> Result<Result<CommitOutcome, BoxError>, Error> {
        TableSql::new(&self.log.rows, change.table)?.check(&change.upserts, &change.deletes)?;
        let operation = self.log.rows_of("change", change.table);
        let mut lent = Lent { connection: self.log.writing(&operation).await?, sound: false };
        let locked = Locked::begin(&self.log, &mut lent.connection, &operation).await?;
        let answer = locked.change_with(change, work).await;
        lent.sound = matches!(answer, Ok(Ok(_)));
        answer
    }
}

/// A connection that goes back to its pool only if all went well. Otherwise nobody knows what was done to it, and closing it
/// rolls back, also when this is dropped half-way.
struct Lent {
    connection: PoolConnection<sqlx::Sqlite>,
    sound: bool,
}

impl Drop for Lent {
    fn drop(&mut self) {
        if !self.sound {
            self.connection.close_on_drop();
        }
    }
}

impl Locked<'_> {
    async fn change_with(
        mut self,
        change: RowChange<'_>,
        work: &dyn InTransaction<Sqlite>,
    ) -> Result<Result<CommitOutcome, BoxError>, Error> {
        match self.write(change).await? {
            CommitOutcome::Done => {}
            stale => return self.give_up(Ok(stale)).await,
        }
        match self.lend(work).await? {
            Ok(()) => self.commit(Ok(CommitOutcome::Done)).await,
            Err(error) => {
                // What is still open then is rolled back when the connection is closed.
                let _ = self.give_up(()).await;
                Ok(Err(error))
            }
        }
    }

    /// Runs the work. A savepoint tells whether the transaction is still the same afterwards, and a hook refuses its commit.
    async fn lend(&mut self, work: &dyn InTransaction<Sqlite>) -> Result<Result<(), BoxError>, Error> {
        let refused = Arc::new(AtomicBool::new(false));
        let refuse = {
            let refused = Arc::clone(&refused);
            move || {
                refused.store(true, Ordering::Release);
                false
            }
        };
        self.run(query("SAVEPOINT annalist_lent")).await?;
        self.handle().await?.set_commit_hook(refuse);
        let done = caught(work, self.connection()).await;
        if refused.load(Ordering::Acquire) {
            return Err(Error::unusable(self.operation, ENDED));
        }
        if done.is_err() {
            return Ok(done);
        }
        if query("RELEASE annalist_lent").execute(self.connection()).await.is_err() {
            return Err(Error::unusable(self.operation, ENDED));
        }
        self.handle().await?.remove_commit_hook();
        Ok(done)
    }

    async fn handle(&mut self) -> Result<LockedSqliteHandle<'_>, Error> {
        let operation = self.operation;
        self.connection().lock_handle().await.map_err(|error| failed(operation, error))
    }
}

/// Runs a work; a panic of it becomes its error.
async fn caught(work: &dyn InTransaction<Sqlite>, connection: &mut SqliteConnection) -> Result<(), BoxError> {
    let mut work = pin!(async { work.run(connection).await });
    std::future::poll_fn(|context| {
        catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))).unwrap_or_else(|panic| {
            let function = "the work in the transaction of a change of rows".to_owned();
            Poll::Ready(Err(Error::Panicked { function, message: panic_message(&*panic) }.into()))
        })
    })
    .await
}
