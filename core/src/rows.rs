//! The port of the read side: the contract of a store for the rows of projections. It can be the store of the events, or
//! another one.
//!
//! The rows and the checkpoint of a projection change in one transaction, so that every event counts exactly once, even if
//! the process or the database crashes in between.

mod build;
mod change;
mod claim;
mod column;
mod column_of;
mod date;
mod decimal;
mod fields;
pub(crate) mod folded_events;
mod inline;
mod json;
pub(crate) mod nul;
mod requests;
mod row_codec;
mod row_query;
mod secret_column;
pub mod sql;
mod table;
mod transaction;
mod value;
mod value_text;
mod variant;

use std::{fmt, sync::Arc};

use async_trait::async_trait;

pub use self::{
    build::{Build, Difference, PromoteOutcome, PromotionStep},
    change::{Anchor, Checkpoint, CommitOutcome, FoldedRows, Parked, RowChange},
    claim::Claim,
    column::{Column, ColumnType, Role},
    column_of::{ColumnOf, NotAColumn},
    date::{Date, TimeOfDay},
    decimal::Decimal,
    inline::{BuildId, Inline, InlineOutcome},
    json::JsonField,
    requests::{FollowerRequests, Pause, RetryRequest, RetryState},
    row_codec::{RowReader, RowWriter},
    row_query::{Bound, Filter, RowQuery, Sort},
    secret_column::{RowSubject, SecretColumn, SecretSubject},
    table::{Key, Row, Table, key_text},
    transaction::{InTransaction, Transactional},
    value::{Field, Value},
    variant::{variant_from_value, variant_to_value},
};
use crate::{
    error::Error,
    finding::{VerifyCursor, VerifyPage},
    log_id::LogId,
};

/// A store of rows and checkpoints.
///
/// The rows of a projection are in **builds**: one table for each version, and one more for each rebuild of a version. At
/// any time at most one build is live: queries read it, and the stable view, which has the name of the projection, selects
/// from it.
#[async_trait]
pub trait RowStore: Send + Sync + 'static {
    /// Returns the kind and the location of the store, for messages.
    fn describe_rows(&self) -> String;

    /// Returns the builds of a projection, sorted by version and then by build number; none if it was never defined.
    ///
    /// # Errors
    /// [`Error`] if the store fails.
    async fn builds(&self, projection: &str) -> Result<Vec<Build>, Error>;

    /// Creates the table of a build and its checkpoint at [`Position::START`](crate::position::Position::START) unless they
    /// exist, and the stable view unless it exists. The build is not live yet. A table without columns is only a checkpoint,
    /// with neither table nor view. Several processes may call this at the same time.
    ///
    /// `events` describes the events that the build folds: a text to store and to compare with [`Build::check_stored`]. It is
    /// empty for a policy, which may react to other events at any time.
    ///
    /// # Errors
    /// [`Error::Unusable`] if the table exists with other columns, folds other events or belongs to another log, or does not exist and
    /// a later build of its version is live: see [`Build::check_new`]; nothing is changed.
    async fn define(&self, table: &Table, events: &str, log: LogId) -> Result<Checkpoint, Error>;

    /// Returns one entry per key, in the order of the keys, also for repeated keys: the row, or `None` if there is none.
    ///
    /// # Errors
    /// [`Error`] if the store fails or a row does not have the table's columns.
    async fn rows(&self, table: &Table, keys: &[Key]) -> Result<Vec<Option<Row>>, Error>;

    /// Changes rows, parks events and moves the checkpoint in one transaction, if the checkpoint is at the position from
    /// which the change starts and the number of parked events is as expected. The transaction compares them first, so
    /// that of two concurrent runners one waits and then finds the checkpoint moved. Moving the checkpoint also clears the
    /// stop reason set by [`report`](RowStore::report).
    ///
    /// # Errors
    /// [`Error::Unusable`] if the build is inline; [`Error::OutcomeUnknown`] if the response was lost: the checkpoint shows
    /// whether the change was written. After any other error nothing was written.
    async fn commit(&self, change: RowChange) -> Result<CommitOutcome, Error>;

    /// Stores the reason why a build is stopped, or clears it with `None`, for operators and other processes. Does nothing
    /// for a build that was never defined.
    ///
    /// # Errors
    /// [`Error`] if the store fails.
    async fn report(&self, table: &Table, stopped: Option<&str>) -> Result<(), Error>;

    /// Replaces the claim on a build if it is as expected; `None` is no claim. Returns `true` if it did, and `false` also for a build
    /// that was never defined. Of several processes that expect the same claim at most one succeeds. The checkpoint and the time of
    /// its last change stay as they are.
    ///
    /// # Errors
    /// [`Error::OutcomeUnknown`] if the response was lost: the stored claim shows whether it was replaced. After any other error
    /// nothing was written.
    async fn replace_claim(
        &self,
        table: &Table,
        expected: Option<Claim>,
        claim: Option<Claim>,
    ) -> Result<bool, Error>;

    /// Stores the requests to the projection of `table`, for all of its builds, if the stored revision is one less than that of `requests`; 0
    /// if none are stored. Returns `true` if it did. They stay when builds are discarded. Of several processes that store the same revision
    /// at most one succeeds.
    ///
    /// # Errors
    /// [`Error::OutcomeUnknown`] if the response was lost: the stored requests show whether they were replaced. After any other error
    /// nothing was written.
    async fn replace_requests(&self, table: &Table, requests: &FollowerRequests) -> Result<bool, Error>;

    /// Returns the rows that a query selects, in its order.
    ///
    /// # Errors
    /// [`Error`] if the store fails or a row does not have the table's columns.
    async fn find(&self, query: &RowQuery<'_>) -> Result<Vec<Row>, Error>;

    /// Returns the number of rows that match the filters of a query. Its order, its start and its limit have no effect.
    ///
    /// The default reads all these rows.
    ///
    /// # Errors
    /// [`Error`] if the store fails.
    async fn count_rows(&self, query: &RowQuery<'_>) -> Result<u64, Error> {
        Ok(self.find(&query.of_all_rows()).await?.len() as u64)
    }

    /// Returns the sum of a column of whole numbers over the rows that match the filters of a query. NULL counts as 0. The
    /// order of the query, its start and its limit have no effect.
    ///
    /// The default reads all these rows.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the column does not exist or holds no whole numbers; otherwise [`Error`] if the store fails.
    async fn sum_column(&self, query: &RowQuery<'_>, column: usize) -> Result<i128, Error> {
        query.table.check_sum(column)?;
        let rows = self.find(&query.of_all_rows()).await?;
        Ok(rows.iter().filter_map(|row| row.get(column)).map(Value::as_summand).sum())
    }

    /// Returns the parked events of a build, sorted by position.
    ///
    /// # Errors
    /// [`Error`] if the store fails.
    async fn parked(&self, table: &Table) -> Result<Vec<Parked>, Error>;

    /// Makes a build live and points the view at it, in one transaction. Only a newer build can replace the live one: a
    /// higher version, or a later build of the same version. With `compare`, the same transaction compares the rows of both
    /// builds, and changes nothing unless they are equal.
    ///
    /// # Errors
    /// [`Error::Unusable`] if the build was never defined, if the builds to compare have different columns, or if the view
    /// cannot be replaced because another object of the database depends on it.
    async fn promote(&self, table: &Table, compare: bool) -> Result<PromoteOutcome, Error>;

    /// Removes a build that is neither live nor inline, with its rows, checkpoint and parked events. Returns `true` if it
    /// existed.
    ///
    /// # Errors
    /// [`Error::Unusable`] if the build is live or inline; nothing is changed.
    async fn discard(&self, table: &Table) -> Result<bool, Error>;

    /// Overwrites what deleted rows and discarded builds have left in the files of the store, as far as it can. It is called after the rows
    /// of a forgotten subject were deleted. By default nothing is done.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if something still uses these files.
    async fn overwrite_deleted(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Removes what the secrets of forgotten subjects have left in the rows of a build: the texts that cannot be decrypted any more, and the keyed
    /// hashes by which the rows were found. By default nothing is done: only a store that encrypts secrets recognizes them.
    ///
    /// # Errors
    /// [`Error`] if the store fails, or the rows change too often meanwhile.
    async fn remove_forgotten(&self, table: &Table) -> Result<(), Error> {
        let _ = table;
        Ok(())
    }

    /// Returns the store that holds the rows as they are stored, if this one encrypts their secrets.
    fn as_stored(&self) -> Option<&SharedRows> {
        None
    }

    /// Makes a build inline: from now on its rows change in the transactions of the appends; see [`Inline`]. The store
    /// locks out appends, folds the events after the checkpoint, and sets the checkpoint to the end of the log.
    ///
    /// # Errors
    /// [`Error::Unusable`] if the rows are not in the store of their log, or the fold fails.
    async fn make_inline(&self, inline: Arc<dyn Inline>) -> Result<InlineOutcome, Error> {
        let table = inline.table().name();
        Err(Error::unusable(
            format!("make `{table}` inline in {}", self.describe_rows()),
            "this store cannot change rows in the transactions of appends; run the projection in the background",
        ))
    }

    /// Makes an inline build asynchronous: from now on its rows change in the background, starting at the current end of the
    /// log. Returns the checkpoint. Does nothing if the build is not inline.
    ///
    /// # Errors
    /// [`Error::Unusable`] if the build was never defined.
    async fn make_async(&self, table: &Table) -> Result<Checkpoint, Error>;

    /// Checks one page of the stored builds of all projections and policies and their parked events, as
    /// [`EventStore::verify`](crate::store::EventStore::verify) does for the log. Builds of the log of this store are compared with its
    /// events; for builds of other logs the page returns the events to which they refer.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer. Damaged data is a finding, never an error.
    async fn verify_rows(&self, after: &VerifyCursor) -> Result<VerifyPage, Error>;

    /// Returns the checkpoint of the newest build of a version; `None` if it was never defined.
    ///
    /// # Errors
    /// [`Error`] if the store fails.
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
