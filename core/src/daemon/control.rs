//! Handle of the admin API to a follower: builds, parked events, and requests to its supervisor.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::{Follower, Status, backlog::Backlog, status_publisher::StatusPublisher};
use crate::{
    error::Error,
    feed::LogWatcher,
    record::Position,
    rows::{
        Build, CommitOutcome, FollowerRequests, Parked, Pause, PromoteOutcome, RetryRequest, RetryState,
        RowChange, SharedRows, Table,
    },
    time::Timestamp,
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
    /// The first event that the build which queries read has not handled, as the supervisor last saw it.
    pub(super) backlog: Backlog,
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
        let backlog = Backlog::default();
        Self { follower, watcher, rows, shutdown, status, wakeup, reconcile_requested, backlog, blocked }
    }

    /// The status of the follower, while there is a supervisor.
    pub(super) fn status(&self) -> Option<watch::Receiver<Status>> {
        self.status.upgrade().map(|status| status.subscribe())
    }

    /// The age of the first event that was read and not handled; zero if there is none. It reads no store.
    pub(crate) fn backlog_age(&self) -> Duration {
        self.backlog.since().map_or(Duration::ZERO, |since| self.watcher.age_of(since))
    }

    /// Makes the supervisor read the builds and act on them now.
    pub(crate) fn request_reconcile(&self) {
        self.reconcile_requested.store(true, Ordering::Release);
        self.wakeup.notify_one();
    }

    /// Makes the supervisor restart its runners, stopped ones included, and retry a blocked promotion. A stop that was
    /// published before is withdrawn at once.
    pub(crate) fn request_restart(&self) {
        self.unblock_promotion();
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

    /// Lets the supervisor retry a blocked promotion.
    pub(super) fn unblock_promotion(&self) {
        *self.blocked() = None;
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

    /// Stores that the follower is paused.
    pub(crate) async fn pause(&self, pause: Pause) -> Result<(), Error> {
        pause.check()?;
        let own = self.follower.table();
        let is_inline =
            self.follower.inline(own).is_some() || self.builds().await?.iter().any(|build| build.inline);
        if is_inline {
            let reason = "it is inline: its rows change in the transactions of the appends, so there is nothing to pause; start it \
                          in the background first";
            return Err(Error::unusable(self.operation("pause"), reason));
        }
        self.update_requests(|requests| {
            requests.pause = Some(pause.clone());
            true
        })
        .await?;
        tracing::info!(name = self.follower.table().projection, %pause, "a pause of the projection or policy is requested");
        self.request_reconcile();
        Ok(())
    }

    /// Stores that the follower is no longer paused, and that stopped runners start again.
    pub(crate) async fn resume(&self) -> Result<(), Error> {
        self.update_requests(|requests| {
            requests.pause = None;
            requests.restarts += 1;
            true
        })
        .await?;
        tracing::info!(name = self.follower.table().projection, "the projection or policy is resumed");
        self.request_restart();
        Ok(())
    }

    /// Stores a request to retry the parked events, and returns its number. A request without an outcome is not repeated.
    pub(crate) async fn request_retry(&self, actor: Option<String>, at: Timestamp) -> Result<u64, Error> {
        self.check_not_paused("retry the parked events of").await?;
        let requests = self
            .update_requests(|requests| {
                let last = requests.retry.as_ref();
                if last.is_some_and(|last| !last.state.is_complete()) {
                    return false;
                }
                let number = last.map_or(0, |last| last.number) + 1;
                requests.retry =
                    Some(RetryRequest { number, actor: actor.clone(), at, state: RetryState::Waiting });
                true
            })
            .await?;
        self.request_reconcile();
        Ok(requests.retry.map_or(0, |retry| retry.number))
    }

    /// Fails if the follower is paused.
    pub(crate) async fn check_not_paused(&self, verb: &str) -> Result<(), Error> {
        match self.requests().await?.pause {
            Some(pause) => {
                Err(Error::unusable(self.operation(verb), format!("it is {pause}; resume it first")))
            }
            None => Ok(()),
        }
    }

    /// The stored requests.
    pub(crate) async fn requests(&self) -> Result<FollowerRequests, Error> {
        let newest = self.builds().await?.pop();
        newest.map(|build| build.requests).ok_or_else(|| self.follower.table().undefined_error())
    }

    /// Changes the stored requests with a function, which returns whether there is something to store.
    pub(super) async fn update_requests(
        &self,
        change: impl Fn(&mut FollowerRequests) -> bool,
    ) -> Result<FollowerRequests, Error> {
        loop {
            let mut requests = self.requests().await?;
            if !change(&mut requests) || self.replace_requests(requests.clone()).await? {
                return Ok(requests);
            }
        }
    }

    /// Stores the next revision of the requests, unless others have been stored since these were read. Returns whether it did.
    pub(super) async fn replace_requests(&self, requests: FollowerRequests) -> Result<bool, Error> {
        let requests = FollowerRequests { revision: requests.revision + 1, ..requests };
        self.rows.replace_requests(&self.follower.table(), &requests).await
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
    pub(crate) async fn served(&self) -> Result<(Table, Build), Error> {
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
