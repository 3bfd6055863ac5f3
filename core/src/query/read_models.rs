//! The read models of an app, as one query sees them.

use std::{
    any::{TypeId, type_name},
    fmt,
    future::pending,
    pin::pin,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use futures_util::future::{Either, select};
use tokio::{sync::watch, time::Instant};

use super::{find::Find, list::List, read_model::ReadModel};
use crate::{
    daemon::{ReadModelHandle, State, Status},
    error::Error,
    feed::{LogEnd, LogWatcher},
    projection::Projection,
    store::Included,
};

/// Where queries find the read models of a running app. The app implements it, so that queries do not depend on the app.
pub(crate) trait ReadModelDirectory: Send + Sync {
    /// The read model whose rows have this type.
    ///
    /// # Errors
    /// [`Error::Unusable`] if the app does not run that projection.
    fn by_row_type(&self, row: TypeId, row_name: &'static str) -> Result<ReadModelHandle, Error>;

    /// The projection or policy with this name.
    ///
    /// # Errors
    /// [`Error::Unusable`] if the app does not run it.
    fn by_name(&self, name: &str) -> Result<ReadModelHandle, Error>;

    /// The watcher of the log's end.
    fn watcher(&self) -> &Arc<LogWatcher>;
}

impl fmt::Debug for dyn ReadModelDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReadModelDirectory")
    }
}

impl dyn ReadModelDirectory + '_ {
    /// The read model of a projection.
    ///
    /// # Errors
    /// [`Error::Unusable`] if the app does not run the projection.
    pub(crate) fn model<P: Projection>(&self) -> Result<ReadModel<P>, Error> {
        self.by_row_type(TypeId::of::<P>(), type_name::<P>()).map(ReadModel::from_handle)
    }
}

/// The read models of an app, as one query sees them. Every look-up waits until its rows include the position that the
/// caller of the query asked for; all look-ups together share the caller's timeout.
///
/// A hand-written [`Query`](super::Query) receives it in `answer`; see the example there.
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// # let app = bank().await?;
/// use annalist::query::ReadModels;
///
/// /// How much money two accounts have together.
/// struct Sum(AccountId, AccountId);
///
/// impl Query for Sum {
///     type Answer = i64;
///
///     async fn answer(&self, models: &ReadModels) -> Result<i64, Error> {
///         let one = models.find::<Balance>(&self.0).await?;
///         let other = models.find::<Balance>(&self.1).await?;
///         Ok([one, other].into_iter().flatten().map(|balance| balance.cents).sum())
///     }
/// }
///
/// assert_eq!(app.ask(Sum(id("a"), id("b"))).await?, 40);
/// # Ok(())
/// # });
/// ```
#[derive(Debug)]
pub struct ReadModels {
    directory: Arc<dyn ReadModelDirectory>,
    wanted: Included,
    deadline: Instant,
    dependencies: Mutex<Vec<Dependency>>,
}

/// A projection that an answer was computed from, in the state it had before the answer was computed.
#[derive(Debug)]
pub(super) struct Dependency {
    pub(super) projection: &'static str,
    /// Changes of the status after the answer.
    pub(super) status: watch::Receiver<Status>,
    /// For inline rows, which change with every append: the log, and its end at that time.
    log: Option<(Weak<LogWatcher>, LogEnd)>,
    /// Whether the projection has ended, so that its rows will not change any more.
    pub(super) ended: bool,
}

impl Dependency {
    /// Waits until the rows have changed or the projection has ended. Returns `true` if the rows have changed.
    pub(super) async fn changed(&mut self) -> bool {
        let Self { status, log, ended, .. } = self;
        let status_changed = pin!(status.changed());
        let log_changed = pin!(async {
            match log.as_ref().and_then(|(watcher, seen)| Some((watcher.upgrade()?, seen))) {
                Some((watcher, seen)) => watcher.settled_beyond(*seen).await,
                None => pending().await,
            }
        });
        *ended = match select(status_changed, log_changed).await {
            Either::Left((changed, _)) => changed.is_err(),
            Either::Right(((), _)) => false,
        };
        !*ended
    }
}

impl ReadModels {
    pub(super) fn new(directory: Arc<dyn ReadModelDirectory>, wanted: Included, timeout: Duration) -> Self {
        let now = Instant::now();
        // A timeout too long for the clock becomes the longest possible one.
        let deadline = now.checked_add(timeout).unwrap_or_else(|| now + Duration::from_secs(u32::MAX.into()));
        Self { directory, wanted, deadline, dependencies: Mutex::default() }
    }

    /// Looks up the row of a projection with this key.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// use annalist::query::ReadModels;
    ///
    /// struct OwnerOf(AccountId);
    ///
    /// impl Query for OwnerOf {
    ///     type Answer = Option<String>;
    ///
    ///     async fn answer(&self, models: &ReadModels) -> Result<Self::Answer, Error> {
    ///         let balance = models.find::<Balance>(&self.0).await?;
    ///         Ok(balance.map(|balance| balance.owner))
    ///     }
    /// }
    ///
    /// assert_eq!(app.ask(OwnerOf(id("a"))).await?.unwrap(), "Ada");
    /// # Ok(())
    /// # });
    /// ```
    pub fn find<P: Projection>(&self, key: &P::Key) -> Find<P> {
        Find::new(self.model(), key.clone()).after(self.wanted).timeout(self.remaining())
    }

    /// Lists rows of a projection: by key or index, sorted, one page at a time.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// use annalist::query::ReadModels;
    ///
    /// struct Richest;
    ///
    /// impl Query for Richest {
    ///     type Answer = Option<Balance>;
    ///
    ///     async fn answer(&self, models: &ReadModels) -> Result<Self::Answer, Error> {
    ///         let page = models.list::<Balance>().order_by("cents").descending().limit(1).await?;
    ///         Ok(page.rows.into_iter().next())
    ///     }
    /// }
    ///
    /// assert_eq!(app.ask(Richest).await?.unwrap().owner, "Bob");
    /// # Ok(())
    /// # });
    /// ```
    pub fn list<P: Projection>(&self) -> List<P> {
        List::new(self.model()).after(self.wanted).timeout(self.remaining())
    }

    /// Waits until the rows of a projection include the position that the caller asked for. Call it before SQL of your own.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// use annalist::query::ReadModels;
    ///
    /// struct Total;
    ///
    /// impl Query for Total {
    ///     type Answer = i64;
    ///
    ///     async fn answer(&self, models: &ReadModels) -> Result<Self::Answer, Error> {
    ///         models.wait_for::<Balance>().await?;
    ///         // SELECT sum(cents) FROM balances
    /// #         Ok(models.list::<Balance>().await?.rows.iter().map(|row| row.cents).sum())
    ///     }
    /// }
    ///
    /// assert_eq!(app.ask(Total).await?, 60);
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`Error::NotCaughtUp`] if they do not in time; [`Error::Unusable`] if the app does not run the projection.
    pub async fn wait_for<P: Projection>(&self) -> Result<(), Error> {
        self.model::<P>()?;
        self.wait_for_name(P::TABLE.projection).await
    }

    /// As [`wait_for`](ReadModels::wait_for), for a projection that is known only by its name, such as a custom projection
    /// with tables of its own.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// use annalist::query::ReadModels;
    ///
    /// struct Total;
    ///
    /// impl Query for Total {
    ///     type Answer = i64;
    ///
    ///     async fn answer(&self, models: &ReadModels) -> Result<Self::Answer, Error> {
    ///         models.wait_for_name("balances").await?;
    ///         // SELECT sum(cents) FROM balances
    /// #         Ok(models.list::<Balance>().await?.rows.iter().map(|row| row.cents).sum())
    ///     }
    /// }
    ///
    /// assert_eq!(app.ask(Total).await?, 60);
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    /// As [`wait_for`](ReadModels::wait_for).
    pub async fn wait_for_name(&self, name: &str) -> Result<(), Error> {
        let handle = self.directory.by_name(name)?;
        self.depends_on(handle.name, handle.status.clone());
        handle.wait_for_position(self.wanted, self.remaining()).await.map(drop)
    }

    fn model<P: Projection>(&self) -> Result<ReadModel<P>, Error> {
        let model = self.directory.model::<P>()?;
        self.depends_on(P::TABLE.projection, model.changes());
        Ok(model)
    }

    /// Records that the answer depends on a projection. Changes after this moment make the answer outdated.
    fn depends_on(&self, projection: &'static str, mut status: watch::Receiver<Status>) {
        let mut dependencies = self.dependencies.lock().unwrap_or_else(PoisonError::into_inner);
        if dependencies.iter().any(|dependency| dependency.projection == projection) {
            return;
        }
        let inline = status.borrow_and_update().state == State::Inline;
        let watcher = self.directory.watcher();
        let log = inline.then(|| (Arc::downgrade(watcher), watcher.end()));
        dependencies.push(Dependency { projection, status, log, ended: false });
    }

    /// The time left before the deadline.
    fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// The projections that the query has read.
    pub(super) fn into_dependencies(self) -> Vec<Dependency> {
        self.dependencies.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}
