//! What follows the log under a name of its own: a projection, a user's own tables, a policy.

use std::{marker::PhantomData, sync::Arc};

use super::{BatchHandler, ErrorPolicy, Projection, RowFolder, inline::InlineFold};
use crate::{
    codec::Codec,
    error::{Error, Invalid},
    limits::refuse,
    rows::{Inline, SharedRows, Table},
};

/// Follows the log, and keeps its checkpoint in a store of rows.
pub trait Follower: Send + Sync + 'static {
    /// Its table, or its checkpoint alone: name, version and columns.
    fn table(&self) -> Table;

    /// What takes the events of a build of its version.
    fn consumer(&self, table: Table, rows: SharedRows) -> Box<dyn BatchHandler>;

    /// What becomes of an event that cannot be taken.
    fn error_policy(&self) -> ErrorPolicy {
        ErrorPolicy::Stop
    }

    /// Whether it passes over everything that was there when it was first started.
    fn starts_now(&self) -> bool {
        false
    }

    /// Whether a new build takes over only if its rows are those of the live one.
    fn compares(&self) -> bool {
        false
    }

    /// The fold of a build, if its rows are to change in the transactions of the appends.
    fn inline(&self, _table: Table) -> Option<Arc<dyn Inline>> {
        None
    }

    /// Checks what can be checked before anything is asked.
    ///
    /// # Errors
    /// [`Error::Invalid`] if its name or its columns are not valid.
    fn check(&self) -> Result<(), Error> {
        Ok(self.table().check()?)
    }
}

/// How the rows of a projection are kept: where, and what happens when something goes wrong.
#[derive(Clone, Default)]
#[must_use]
pub struct ProjectionOptions {
    pub(crate) rows: Option<SharedRows>,
    pub(crate) error_policy: ErrorPolicy,
    pub(crate) compares: bool,
    pub(crate) inline: bool,
}

impl ProjectionOptions {
    /// In the background, in the app's store of rows; an event that cannot be taken stops the projection.
    pub fn new() -> Self {
        Self::default()
    }

    /// In a store of their own. It may be another database than that of the events, and another kind.
    pub fn rows(self, rows: impl crate::rows::RowStore) -> Self {
        Self { rows: Some(Arc::new(rows)), ..self }
    }

    /// An event that cannot be taken is parked: see [`ErrorPolicy::Park`].
    pub fn park(self) -> Self {
        Self { error_policy: ErrorPolicy::Park, ..self }
    }

    /// A new build of the same columns takes over only if its rows equal those of the live one; else the live one stays,
    /// and the difference is told ([`Status::promotion_blocked`](super::Status::promotion_blocked)); [`App::promote`](crate::app::App::promote) makes it take over all the same.
    ///
    /// They are compared at a moment when both stand at one position and nothing is parked in either. With the live build of
    /// another version that comes only while a program still keeps that one, or nothing was appended since.
    pub fn compare(self) -> Self {
        Self { compares: true, ..self }
    }

    /// In the transactions of the appends: what a command decided is in the rows when it is answered, and a command whose
    /// event cannot be folded is not accepted. The rows are beside the events, whatever [`rows`](ProjectionOptions::rows) says.
    ///
    /// The price: appends of its events take several statements and wait for others that change the same rows; and every
    /// program that appends such events has to keep the projection inline too.
    pub fn inline(self) -> Self {
        Self { inline: true, ..self }
    }
}

/// A projection as it is kept in an app.
pub(crate) struct Projected<P> {
    keep: ProjectionOptions,
    codec: Codec,
    row: PhantomData<fn() -> P>,
}

impl<P: Projection> Projected<P> {
    pub(crate) fn new(keep: ProjectionOptions, codec: Codec) -> Self {
        Self { keep, codec, row: PhantomData }
    }
}

impl<P: Projection> Follower for Projected<P> {
    fn table(&self) -> Table {
        P::TABLE
    }

    fn consumer(&self, table: Table, rows: SharedRows) -> Box<dyn BatchHandler> {
        Box::new(RowFolder::<P>::build(table, rows, self.codec.clone()))
    }

    fn error_policy(&self) -> ErrorPolicy {
        self.keep.error_policy
    }

    fn compares(&self) -> bool {
        self.keep.compares
    }

    fn inline(&self, table: Table) -> Option<Arc<dyn Inline>> {
        self.keep.inline.then(|| Arc::new(InlineFold::<P>::new(table, self.codec.clone())) as _)
    }

    fn check(&self) -> Result<(), Error> {
        let no_key = || refuse("projection", P::TABLE.projection, "mark its key field with `#[key]`");
        P::TABLE.key().next().ok_or_else(no_key)?;
        P::TABLE.check().map_err(Invalid::into)
    }
}
