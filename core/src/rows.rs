//! The port of the read side: what a store of rows promises. It may be the store of the events, or another one.
//!
//! Rows and the checkpoint of a projection change in one transaction, so that every event counts exactly once whatever
//! dies in between.

mod build;
mod cells;
mod change;
mod find;
mod inline;
mod json;
pub mod sql;
mod table;
mod transaction;
mod value;

use std::{fmt, sync::Arc};

use async_trait::async_trait;

pub use self::{
    build::{Build, Difference, PromoteOutcome, PromotionStep},
    cells::{RowReader, RowWriter},
    change::{Anchor, Checkpoint, CommitOutcome, Folded, Parked, RowChange},
    find::{Bound, Filter, RowQuery, Sort},
    inline::{BuildId, Inline, InlineOutcome},
    json::JsonField,
    table::{Column, ColumnType, Key, Role, Row, Table, key_text},
    transaction::{InTransaction, Transactional},
    value::{Field, Value},
};
use crate::{error::Error, log_id::LogId};

/// A store of rows and checkpoints.
///
/// A projection's rows are kept in **builds**: a table for each version, and for a version that is built anew one more.
/// At any time one build is live: it is what queries and the stable view, which is named after the projection, show.
#[async_trait]
pub trait RowStore: Send + Sync + 'static {
    /// What and where the store is, for messages.
    fn describe_rows(&self) -> String;

    /// The builds of a projection, oldest version first, and of one version the oldest first; none if it was never
    /// defined.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer.
    async fn builds(&self, projection: &str) -> Result<Vec<Build>, Error>;

    /// Makes the table of a build and its checkpoint at [`Position::START`](crate::record::Position::START), unless they are there, and points the
    /// stable view named after the projection at the table unless one is there. It is not live yet. A table without columns
    /// is a checkpoint alone, with neither table nor view. Several processes may do so at once.
    ///
    /// # Errors
    /// [`Error::Unusable`] if the table is there with other columns, or belongs to another log: nothing is changed then.
    async fn define(&self, table: &Table, log: LogId) -> Result<Checkpoint, Error>;

    /// The rows with these keys, in their order, one answer for each, also for a key that comes twice; none where
    /// there is no row.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer or a row does not have the table's columns.
    async fn rows(&self, table: &Table, keys: &[Key]) -> Result<Vec<Option<Row>>, Error>;

    /// Changes rows, parks events and moves the checkpoint in one transaction, if the checkpoint still stands where the
    /// change starts and as many events are parked as it says. The comparison is the transaction's first statement: of two
    /// runners one waits and then finds it moved. What [`report`](RowStore::report) said is over when the checkpoint moves.
    ///
    /// # Errors
    /// [`Error::Unusable`] if the build is kept inline; [`Error::OutcomeUnknown`] if the answer was lost: the checkpoint tells
    /// whether it happened. With every other error nothing was written.
    async fn commit(&self, change: RowChange<'_>) -> Result<CommitOutcome, Error>;

    /// Writes down why a build stands still, or with `None` that it does not; for people and other processes. A
    /// build that was never defined is not reported on.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer.
    async fn report(&self, table: &Table, stopped: Option<&str>) -> Result<(), Error>;

    /// The rows that a query asks for.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer or a row does not have the table's columns.
    async fn find(&self, query: &RowQuery<'_>) -> Result<Vec<Row>, Error>;

    /// The parked events of a build, in the order of their positions.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer.
    async fn parked(&self, table: &Table) -> Result<Vec<Parked>, Error>;

    /// Makes a build live, and points the view at it, in one transaction. Only a newer build takes over: a higher version, or
    /// the same version built later. If it is asked to compare, it does so in the same transaction, and changes
    /// nothing unless the rows of both builds are equal.
    ///
    /// # Errors
    /// [`Error::Unusable`] if the build was never defined, if builds of different columns are to be compared, or if something
    /// in the database depends on the view and stands in the way.
    async fn promote(&self, table: &Table, compare: bool) -> Result<PromoteOutcome, Error>;

    /// Removes a build that is neither live nor kept inline, with its rows, checkpoint and parked events. Gives whether there was one.
    ///
    /// # Errors
    /// [`Error::Unusable`] if it is live or inline: nothing is changed then.
    async fn discard(&self, table: &Table) -> Result<bool, Error>;

    /// From now on the rows of a build change in the transactions of the appends: see [`Inline`]. While no append is under
    /// way, what lies behind the checkpoint is folded, and the checkpoint stays where the log then ends.
    ///
    /// # Errors
    /// [`Error::Unusable`] if the rows are not beside the log that they are made of, or the fold fails.
    async fn make_inline(&self, inline: Arc<dyn Inline>) -> Result<InlineOutcome, Error> {
        let table = inline.table().name();
        Err(Error::unusable(
            format!("keep `{table}` inline in {}", self.describe_rows()),
            "these rows cannot change in the transactions of appends; keep them in the background",
        ))
    }

    /// From now on the rows of a build change in the background again, from the end that the log has now. Gives the
    /// checkpoint. Nothing changes if it is not inline.
    ///
    /// # Errors
    /// [`Error::Unusable`] if it was never defined.
    async fn make_async(&self, table: &Table) -> Result<Checkpoint, Error>;

    /// The checkpoint of the newest build of a version; none if it was never defined.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer.
    async fn checkpoint(&self, projection: &str, version: u32) -> Result<Option<Checkpoint>, Error> {
        let builds = self.builds(projection).await?;
        Ok(builds.into_iter().rfind(|build| build.version == version).map(|build| build.checkpoint))
    }
}

impl fmt::Debug for dyn RowStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.describe_rows())
    }
}

/// A shared store of rows.
pub type SharedRows = Arc<dyn RowStore>;

/// A row store as the app takes it: by value, or in an `Arc`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a row store",
    label = "a row store is needed here",
    note = "pass a store that implements `RowStore`, an `Arc` of one, or an `Arc<dyn RowStore>`"
)]
pub trait IntoRowStore {
    /// The store in an `Arc`.
    fn into_row_store(self) -> SharedRows;
}

impl<S: RowStore> IntoRowStore for S {
    fn into_row_store(self) -> SharedRows {
        Arc::new(self)
    }
}

impl<S: RowStore> IntoRowStore for Arc<S> {
    fn into_row_store(self) -> SharedRows {
        self
    }
}

impl IntoRowStore for SharedRows {
    fn into_row_store(self) -> SharedRows {
        self
    }
}
