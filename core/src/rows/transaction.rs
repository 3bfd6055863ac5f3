//! Projections that write their own tables, in the transaction that moves their checkpoint.

use async_trait::async_trait;

use super::{CommitOutcome, RowChange, RowStore};
use crate::error::{BoxError, Error};

/// A store of rows that lends out its open transaction.
#[async_trait]
pub trait Transactional: RowStore {
    /// A connection of the store's driver, with a transaction open.
    type Connection: Send;

    /// As [`RowStore::commit`], with some work done in the same transaction, behind the comparison. If the work fails, nothing
    /// of the change is written, and its error comes back inside. It is not run where the answer is [`CommitOutcome::Stale`].
    ///
    /// # Errors
    /// As [`RowStore::commit`].
    async fn commit_with(
        &self,
        change: RowChange<'_>,
        work: &dyn InTransaction<Self>,
    ) -> Result<Result<CommitOutcome, BoxError>, Error>;
}

/// What is to be done inside an open transaction.
#[async_trait]
pub trait InTransaction<S: Transactional + ?Sized>: Send + Sync {
    /// Does it. It neither commits nor rolls back.
    ///
    /// # Errors
    /// Anything: the transaction is rolled back then.
    async fn run(&self, connection: &mut S::Connection) -> Result<(), BoxError>;
}
