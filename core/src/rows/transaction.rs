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
///
/// ```
/// # use annalist_doc_tests::*;
/// use annalist::{projection::{InTransaction, Transactional}, raw::error::BoxError};
/// use annalist::{Position, store::{CommitOutcome, LogId, RowChange, RowStore, Table}};
///
/// /// Writes a number into a table of the application.
/// struct SetTotal(i64);
///
/// #[async_trait::async_trait]
/// impl InTransaction<Database> for SetTotal {
///     async fn run(&self, connection: &mut Totals) -> Result<(), BoxError> {
///         connection.insert("ann".into(), self.0);
///         Ok(())
///     }
/// }
///
/// # run(async {
/// let table = Table { projection: "totals", version: 1, build: 0, columns: &[] }; // only a checkpoint
/// let database = Database::default();
/// database.define(&table, "", LogId::fresh()).await?;
/// let change = RowChange::new(&table, Position::START, Position::new(1));
/// assert_eq!(database.commit_with(change.clone(), &SetTotal(5)).await?.unwrap(), CommitOutcome::Done);
///
/// // The checkpoint has moved, so the same change is refused, and its work does not run.
/// let outcome = database.commit_with(change, &SetTotal(7)).await?.unwrap();
/// assert_eq!(outcome, CommitOutcome::Stale(Position::new(1)));
/// assert_eq!(database.totals().await["ann"], 5);
/// # Ok(())
/// # });
/// ```
#[async_trait]
pub trait InTransaction<S: Transactional + ?Sized>: Send + Sync {
    /// Runs inside the transaction. Must not commit or roll back.
    ///
    /// # Errors
    /// Any error; the transaction is then rolled back.
    async fn run(&self, connection: &mut S::Connection) -> Result<(), BoxError>;
}
