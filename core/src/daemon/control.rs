//! Handle of the admin API to a follower: builds, parked events, and requests to its supervisor.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::{Follower, Status, status_publisher::StatusPublisher};
use crate::{
    error::Error,
    feed::LogWatcher,
    record::Position,
    rows::{Build, CommitOutcome, Parked, PromoteOutcome, RowChange, SharedRows, Table},
};

/// What the supervisor of a follower shares with the admin API.
pub(crate) struct FollowerControl {
    pub(crate) follower: Arc<dyn Follower>,
    pub(crate) watcher: Arc<LogWatcher>,
    pub(crate) rows: SharedRows,
    pub(crate) shutdown: CancellationToken,
    /// Published by the supervisor, while there is one.
    status: Weak<StatusPublisher>,
    /// Wakes the supervisor.
    pub(super) wakeup: Arc<Notify>,
    reconcile_requested: AtomicBool,
    /// The complete build that cannot be promoted without an intervention, and why.
    blocked: Mutex<Option<(Table, String)>>,
}

impl FollowerControl {
    pub(crate) fn new(
        follower: Arc<dyn Follower>,
        watcher: Arc<LogWatcher>,
        rows: SharedRows,
        shutdown: CancellationToken,
        status: &Arc<StatusPublisher>,
    ) -> Self {
        let (status, wakeup, blocked) = (Arc::downgrade(status), Arc::default(), Mutex::default());
        let reconcile_requested = AtomicBool::new(false);
        Self { follower, watcher, rows, shutdown, status, wakeup, reconcile_requested, blocked }
    }

    /// The status of the follower, while there is a supervisor.
    pub(super) fn status(&self) -> Option<watch::Receiver<Status>> {
        self.status.upgrade().map(|status| status.subscribe())
    }

    /// Makes the supervisor read the builds and act on them now.
    pub(crate) fn request_reconcile(&self) {
        self.reconcile_requested.store(true, Ordering::Release);
        self.wakeup.notify_one();
    }

    /// Makes the supervisor restart its runners, stopped ones included, and retry a blocked promotion. A stop that was
    /// published before is withdrawn at once.
    pub(crate) fn request_restart(&self) {
        *self.blocked() = None;
        if let Some(status) = self.status.upgrade() {
            status.request_restart();
        }
        self.request_reconcile();
    }

    /// As [`request_restart`](Self::request_restart), after the parked events of a build have changed: publishes their number
    /// at once.
    pub(super) fn request_restart_with_parked(&self, table: &Table, parked: u64) {
        if let Some(status) = self.status.upgrade() {
            status.set_parked(table, parked);
        }
        self.request_restart();
    }

    /// Whether a reconcile was requested since the last call.
    pub(super) fn take_reconcile_request(&self) -> bool {
        self.reconcile_requested.swap(false, Ordering::AcqRel)
    }

    /// Records why a complete build cannot be promoted.
    pub(super) fn block_promotion(&self, table: Table, reason: String) {
        *self.blocked() = Some((table, reason));
    }

    /// Why a complete build cannot be promoted, if it is blocked.
    pub(super) fn promotion_blocked(&self, table: &Table) -> Option<String> {
        self.blocked().as_ref().filter(|(blocked, _)| blocked == table).map(|(_, reason)| reason.clone())
    }

    fn blocked(&self) -> MutexGuard<'_, Option<(Table, String)>> {
        self.blocked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The stored builds of all versions, oldest first.
    pub(crate) async fn builds(&self) -> Result<Vec<Build>, Error> {
        self.rows.builds(self.follower.table().projection).await
    }

    /// Starts a new build of the program's version, unless one is already running.
    pub(crate) async fn rebuild(&self) -> Result<(), Error> {
        let (own, builds) = (self.follower.table(), self.builds().await?);
        let operation = || format!("rebuild `{}`", own.projection);
        if own.is_checkpoint_only() {
            return Err(Error::unusable(
                operation(),
                "it has no rows of its own, so there is nothing to rebuild",
            ));
        }
        if let Some(newer) = builds.iter().find(|build| build.live && build.version > own.version) {
            let reason =
                format!("version {} is live, and this program has version {}", newer.version, own.version);
            return Err(Error::unusable(operation(), reason));
        }
        if let Some(newest) = builds.iter().rfind(|build| build.version == own.version) {
            let is_blocked = self.promotion_blocked(&own.built(newest.build)).is_some();
            // A stopped or blocked build would never be promoted.
            if newest.live || is_blocked || newest.checkpoint.stopped.is_some() {
                let (new, events) = (own.built(newest.build + 1), self.follower.events());
                self.rows.define(&new, &events, self.watcher.store().log_id()).await?;
            }
        }
        self.request_reconcile();
        Ok(())
    }

    /// Promotes the newest build of the program's version without comparing it.
    pub(crate) async fn promote(&self) -> Result<(), Error> {
        let (own, builds) = (self.follower.table(), self.builds().await?);
        let newest =
            builds.iter().rfind(|build| build.version == own.version).ok_or_else(|| own.undefined_error())?;
        let outcome = self.rows.promote(&own.built(newest.build), false).await?;
        self.request_restart();
        match outcome {
            PromoteOutcome::Superseded => {
                let reason = format!("a newer version than {}, that of this program, is live", own.version);
                Err(Error::unusable(self.operation("promote"), reason))
            }
            _ => Ok(()),
        }
    }

    /// Deletes all builds that are older than the live one, and returns how many.
    pub(crate) async fn discard_old(&self) -> Result<usize, Error> {
        let (own, builds) = (self.follower.table(), self.builds().await?);
        let live = builds.iter().find(|build| build.live).map(Build::order);
        let mut discarded = 0;
        for build in builds.iter().filter(|build| Some(build.order()) < live) {
            let table = Table { version: build.version, ..own.built(build.build) };
            discarded += usize::from(self.rows.discard(&table).await?);
        }
        Ok(discarded)
    }

    /// Overwrites what deleted rows have left in the files of the store.
    #[cfg(feature = "secrets")]
    pub(crate) async fn overwrite_deleted(&self) -> Result<(), Error> {
        self.rows.overwrite_deleted().await
    }

    /// The parked events of the build that queries read.
    pub(crate) async fn parked(&self) -> Result<Vec<Parked>, Error> {
        let (table, _) = self.served().await?;
        self.rows.parked(&table).await
    }

    /// Deletes the parked event at a position, and returns whether there was one. Events that wait for it stay parked until
    /// they are retried.
    pub(crate) async fn discard_parked(&self, position: Position) -> Result<bool, Error> {
        loop {
            let (table, build) = self.served().await?;
            let parked = self.rows.parked(&table).await?;
            if parked.iter().all(|parked| parked.position != position) {
                return Ok(false);
            }
            let at = build.checkpoint.position;
            let change = RowChange {
                parked: build.checkpoint.parked,
                unpark: vec![position],
                ..RowChange::new(&table, at, at)
            };
            if self.rows.commit(change).await? == CommitOutcome::Done {
                self.request_restart_with_parked(&table, parked.len() as u64 - 1);
                return Ok(true);
            }
        }
    }

    /// The build of the program's version that queries read, or will read once it is complete.
    pub(super) async fn served(&self) -> Result<(Table, Build), Error> {
        let (own, builds) = (self.follower.table(), self.builds().await?);
        let mut builds: Vec<Build> =
            builds.into_iter().filter(|build| build.version == own.version).collect();
        let index = builds.iter().position(|build| build.live).or_else(|| builds.len().checked_sub(1));
        let build = builds.swap_remove(index.ok_or_else(|| own.undefined_error())?);
        Ok((own.built(build.build), build))
    }

    pub(super) fn operation(&self, verb: &str) -> String {
        format!("{verb} `{}`", self.follower.table().projection)
    }
}

impl fmt::Debug for FollowerControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FollowerControl").field(&self.follower.table().projection).finish()
    }
}
