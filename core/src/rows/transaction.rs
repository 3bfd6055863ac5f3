//! Custom writes in the transaction that moves a checkpoint, for projections that write tables of their own.

use async_trait::async_trait;

use super::{CommitOutcome, RowChange, RowStore};
use crate::error::{BoxError, Error};

/// A store of rows that runs code of the application inside its transaction.
#[async_trait]
pub trait Transactional: RowStore {
    /// A connection of the store's driver, with a transaction open.
    type Connection: Send;

    /// As [`RowStore::commit`], and runs `work` in the same transaction after the checkpoint was compared. If the work fails,
    /// nothing is written, and the inner result is its error. The work does not run if the outcome is
    /// [`CommitOutcome::Stale`].
    ///
    /// # Errors
    /// As [`RowStore::commit`].
    async fn commit_with(
        &self,
        change: RowChange,
        work: &dyn InTransaction<Self>,
    ) -> Result<Result<CommitOutcome, BoxError>, Error>;
}

/// Work inside an open transaction.
#[async_trait]
pub trait InTransaction<S: Transactional + ?Sized>: Send + Sync {
    /// Runs inside the transaction. Must not commit or roll back.
    ///
    /// # Errors
    /// Any error; the transaction is then rolled back.
    async fn run(&self, connection: &mut S::Connection) -> Result<(), BoxError>;
}
