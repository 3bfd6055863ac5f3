//! Options of a projection, and the follower that runs it.

use std::{marker::PhantomData, sync::Arc};

use super::{Projection, RowFolder, events_of, inline_fold::InlineFold, secrets::secrets_of};
use crate::{
    codec::Codec,
    daemon::{BatchHandler, ErrorPolicy, Follower, FollowerSpec, check_order},
    error::{Error, Invalid},
    id::Id,
    limits::refuse,
    rows::{Inline, IntoRowStore, SharedRows, Table},
};

/// Options of a projection: where its rows are stored, when they are updated, and what happens to an event that fails.
///
/// By default the rows are updated in the background, in the app's row store, and a failing event stops the projection.
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// use annalist::{Memory, projection::ProjectionOptions};
///
/// let options = ProjectionOptions::new().rows(Memory::new()).park();
/// let app = savings(options).await?;
/// app.execute(Deposit { account: id("ann"), cents: -5 }).await?; // fails in the projection
/// app.wait_until_caught_up().await?;
/// assert_eq!(app.parked("savings").await?.len(), 1);
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct ProjectionOptions {
    pub(crate) rows: Option<SharedRows>,
    pub(crate) error_policy: ErrorPolicy,
    /// The kind of the ids that order parked events, instead of the rows.
    pub(crate) order_by: Option<&'static str>,
    pub(crate) compares_builds: bool,
    pub(crate) inline: bool,
}

impl ProjectionOptions {
    /// Creates the default options.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// use annalist::{Memory, projection::ProjectionOptions};
    ///
    /// let app = App::builder(Memory::new()).projection_with::<Balance>(ProjectionOptions::new());
    /// let app = app.start().await?; // as with `projection::<Balance>()`
    /// assert_eq!(app.statuses()[0].0, "balances");
    /// # Ok(())
    /// # });
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Stores the rows in this store instead of the app's. It may be another database than that of the events, of another
    /// kind.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// use annalist::{Memory, projection::ProjectionOptions, store::RowStore};
    ///
    /// let rows = Memory::new();
    /// let options = ProjectionOptions::new().rows(rows.clone());
    /// let app = App::builder(Memory::new()).projection_with::<Balance>(options).start().await?;
    /// app.wait_until_caught_up().await?;
    /// assert_eq!(rows.builds("balances").await?.len(), 1);
    /// # Ok(())
    /// # });
    /// ```
    pub fn rows(self, rows: impl IntoRowStore) -> Self {
        Self { rows: Some(rows.into_row_store()), ..self }
    }

    /// Parks an event that fails instead of stopping: see [`ErrorPolicy::Park`].
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// use annalist::projection::ProjectionOptions;
    ///
    /// let app = savings(ProjectionOptions::new().park()).await?;
    /// app.execute(Deposit { account: id("ann"), cents: -5 }).await?; // fails in the projection
    /// app.execute(open("bob", "Bob")).await?;
    /// let receipt = app.execute(Deposit { account: id("bob"), cents: 7 }).await?;
    /// // Other rows go on.
    /// assert_eq!(app.find::<Savings>(&id("bob")).after(&receipt).await?.unwrap().cents, 7);
    /// # Ok(())
    /// # });
    /// ```
    pub fn park(self) -> Self {
        Self { error_policy: ErrorPolicy::Park, ..self }
    }

    /// Orders parked events by an id instead of by rows: later events wait for a parked event only if they carry the same id of
    /// this type. An event without one waits for no other, and none waits for it. An event that cannot be read can then be
    /// parked even if its rows are not known.
    ///
    /// By default later events of every row that the parked event changes wait. With another order, handlers of rows that
    /// several of these ids share run out of the order of the log. Retry or discard parked events before changing it.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// use annalist::projection::ProjectionOptions;
    ///
    /// let app = savings(ProjectionOptions::new().park().order_by::<AccountId>()).await?;
    /// app.execute(Deposit { account: id("ann"), cents: -5 }).await?; // fails in the projection
    /// app.execute(Deposit { account: id("ann"), cents: 7 }).await?; // waits for the event before it
    /// app.wait_until_caught_up().await?;
    /// assert_eq!(app.parked("savings").await?[1].keys, ["account:ann"]);
    /// # Ok(())
    /// # });
    /// ```
    pub fn order_by<I: Id>(self) -> Self {
        Self { order_by: Some(I::KIND), ..self }
    }

    /// Promotes a new build of the same columns only if its rows equal those of the live build. Otherwise the live build
    /// stays, and the difference is reported in [`Status::promotion_blocked`](super::Status::promotion_blocked);
    /// [`App::promote`](crate::app::App::promote) promotes it nevertheless.
    ///
    /// Builds are compared when both are at the same position and neither has parked events. If the live build has another
    /// version, that requires a running program of that version, or no appends since that program ended.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// use annalist::projection::ProjectionOptions;
    ///
    /// // Version 2 of the projection has other rows than the live version 1.
    /// # let store = std::sync::Arc::clone(app.store());
    /// # app.shut_down().await;
    /// let options = ProjectionOptions::new().compare();
    /// let app = App::builder(store).projection_with::<BalanceV2>(options).start().await?;
    /// let status = app.wait_until("balances", |status| status.promotion_blocked.is_some()).await?;
    /// assert!(status.promotion_blocked.unwrap().contains("3 changed"));
    /// # Ok(())
    /// # });
    /// ```
    pub fn compare(self) -> Self {
        Self { compares_builds: true, ..self }
    }

    /// Updates the rows in the transactions of the appends: after a command returns, its events are in the rows, and a command
    /// whose event cannot be folded is refused. The rows are stored with the events, and [`rows`](ProjectionOptions::rows) is
    /// ignored.
    ///
    /// The cost: appends of its events take several statements, and wait for others that change the same rows. A program
    /// that appends such events and does not know the projection is refused.
    ///
    /// While another process promotes a rebuild, and until this process has noticed that, a query without `after` can still read the
    /// superseded rows, which end at the promotion. A query with `after` waits.
    ///
    /// A program that runs another version of it, or runs it in the background, makes the rows asynchronous for as long as it
    /// appends: queries then wait with `after`, as for other projections. About a minute after the end of that program the rows
    /// are inline again. So a new version is deployed as usual; a new inline projection is deployed in the background first, if
    /// older programs append at the same time; and
    /// [`Builder::removed_projection`](crate::app::Builder::removed_projection) removes one.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// use annalist::{Memory, projection::ProjectionOptions};
    ///
    /// let options = ProjectionOptions::new().inline();
    /// let app = App::builder(Memory::new()).projection_with::<Balance>(options).start().await?;
    /// app.execute(open("ann", "Ann")).await?;
    /// assert_eq!(app.find::<Balance>(&id("ann")).await?.unwrap().owner, "Ann"); // without `after`
    /// # Ok(())
    /// # });
    /// ```
    pub fn inline(self) -> Self {
        Self { inline: true, ..self }
    }
}

/// The follower of a projection, to be started.
pub(crate) fn projection_spec<P: Projection>(options: ProjectionOptions) -> FollowerSpec {
    let (rows, inline) = (options.rows.clone(), options.inline);
    let make = |codec: &Codec| {
        Arc::new(ProjectionFollower::<P> { options, codec: codec.clone(), row: PhantomData }) as _
    };
    FollowerSpec::new::<P>(make).rows(rows).row_type::<P>().secrets(secrets_of::<P>()).inline(inline)
}

/// A projection as a follower of the log.
struct ProjectionFollower<P> {
    options: ProjectionOptions,
    codec: Codec,
    row: PhantomData<fn() -> P>,
}

impl<P: Projection> Follower for ProjectionFollower<P> {
    fn table(&self) -> Table {
        P::TABLE
    }

    fn batch_handler(&self, table: Table, rows: SharedRows) -> Box<dyn BatchHandler> {
        let folder = RowFolder::<P>::of_build(table, rows, self.codec.clone());
        Box::new(folder.ordered_by(self.options.order_by))
    }

    fn events(&self) -> String {
        events_of::<P>()
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
        check_order("projection", P::TABLE.projection, self.options.order_by, P::EVENTS)?;
        P::TABLE.check().map_err(Invalid::into)
    }
}
