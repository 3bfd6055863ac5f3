//! Options of a projection, and the follower that runs it.

use std::{marker::PhantomData, sync::Arc};

use super::{Projection, RowFolder, inline_fold::InlineFold};
use crate::{
    codec::Codec,
    daemon::{BatchHandler, ErrorPolicy, Follower, FollowerSpec},
    error::{Error, Invalid},
    limits::refuse,
    rows::{Inline, SharedRows, Table},
};

/// How the rows of a projection are kept: where, and what happens when something goes wrong.
#[derive(Clone, Default)]
#[must_use]
pub struct ProjectionOptions {
    pub(crate) rows: Option<SharedRows>,
    pub(crate) error_policy: ErrorPolicy,
    pub(crate) compares_builds: bool,
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
        Self { compares_builds: true, ..self }
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

/// The follower of a projection, to be started.
pub(crate) fn projection_spec<P: Projection>(options: ProjectionOptions) -> FollowerSpec {
    let (rows, inline) = (options.rows.clone(), options.inline);
    let make =
        |codec: &Codec| Arc::new(Projected::<P> { options, codec: codec.clone(), row: PhantomData }) as _;
    FollowerSpec::new(make).rows(rows).row_type::<P>().inline(inline)
}

/// A projection as a follower of the log.
struct Projected<P> {
    options: ProjectionOptions,
    codec: Codec,
    row: PhantomData<fn() -> P>,
}

impl<P: Projection> Follower for Projected<P> {
    fn table(&self) -> Table {
        P::TABLE
    }

    fn batch_handler(&self, table: Table, rows: SharedRows) -> Box<dyn BatchHandler> {
        Box::new(RowFolder::<P>::build(table, rows, self.codec.clone()))
    }

    fn error_policy(&self) -> ErrorPolicy {
        self.options.error_policy
    }

    fn compares_builds(&self) -> bool {
        self.options.compares_builds
    }

    fn inline(&self, table: Table) -> Option<Arc<dyn Inline>> {
        self.options.inline.then(|| Arc::new(InlineFold::<P>::new(table, self.codec.clone())) as _)
    }

    fn check(&self) -> Result<(), Error> {
        let no_key = || refuse("projection", P::TABLE.projection, "mark its key field with `#[key]`");
        P::TABLE.key().next().ok_or_else(no_key)?;
        P::TABLE.check().map_err(Invalid::into)
    }
}
