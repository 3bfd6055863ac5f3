//! The supervisor of a follower: runs its builds, promotes complete ones, and restarts runners that panicked.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    FollowerControl, State, Status, Stopped,
    build_plan::{BuildPlan, ServedBuild},
    claimant::{Claimant, ReleaseOnDrop, Role},
    inline_mode::InlineMode,
    retry_request::RetryWorker,
    runner_handle::RunnerHandle,
    status_publisher::StatusPublisher,
};
use crate::{
    backoff::Backoff,
    error::Error,
    panics::catch_future,
    record::Position,
    rows::{Build, Pause, RowChange, SharedRows, Table},
    store::losses,
    telemetry::{FollowerMetrics, Reminder},
};

/// How often the stored builds are read again, since other processes change them too.
pub(super) const IDLE_INTERVAL: Duration = Duration::from_secs(1);
/// The same while a promotion or a switch to inline is expected.
pub(super) const BUSY_INTERVAL: Duration = Duration::from_millis(50);
/// Pauses before a store that does not respond is tried again, or a runner that panicked is restarted.
const RETRY: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));

/// Supervises one follower in one process.
pub(crate) struct Supervisor {
    pub(super) control: Arc<FollowerControl>,
    pub(super) status: Arc<StatusPublisher>,
    runners: Vec<RunnerHandle>,
    /// The stored builds, as of the last reconcile.
    builds: Vec<Build>,
    pub(super) plan: BuildPlan,
    /// Why a complete build cannot be promoted now, but may be later.
    pub(super) promotion_delayed: Option<String>,
    /// The settled position when a build was last about to become inline.
    pub(super) settled: Option<Position>,
    /// The epoch of the log in which the runners were started.
    pub(super) epoch: u64,
    /// The settled position at the last reconcile, if the build that queries read is inline.
    inline_position: Position,
    /// Whether the reconcile was requested, or is the first one.
    pub(super) requested: bool,
    backoff: Backoff,
    pub(super) metrics: FollowerMetrics,
    /// Why it waits, or a runner was restarted.
    trouble: Reminder,
    /// Why a build is stopped.
    pub(super) stopped: Reminder,
    pub(super) reconcile_at: Instant,
    pub(super) inline_mode: InlineMode,
    pub(super) role: Role,
    /// The checkpoint of the other process, as of the last reconcile in standby.
    pub(super) standby_position: Position,
    /// Pauses between two reconciles in standby while the other process has events to handle.
    pub(super) standby_pause: Backoff,
    /// The pause that an operator has requested.
    pub(super) pause: Option<Pause>,
    /// How many restarts operators had requested at the last reconcile.
    pub(super) restarts: Option<u64>,
    pub(super) retry: RetryWorker,
    /// The claim, if the follower runs in one process at a time. Dropped after the runners.
    pub(super) claim: Option<ReleaseOnDrop>,
}

impl Supervisor {
    /// Reconciles once. If a store does not respond, this is retried later.
    ///
    /// # Errors
    /// [`Error::Unusable`] or [`Error::Invalid`] if the stored rows have other columns, are folded from other
    /// events or belong to another log.
    pub(crate) async fn start(
        control: Arc<FollowerControl>,
        status: Arc<StatusPublisher>,
    ) -> Result<Self, Error> {
        let (follower, rows) = (&control.follower, &control.rows);
        let claimant = || Claimant::new(SharedRows::clone(rows), follower.table());
        let claim = follower.is_exclusive().then(|| ReleaseOnDrop::new(claimant()));
        let metrics = FollowerMetrics::new(follower.table().projection);
        let mut supervisor = Self {
            epoch: control.watcher.store().epoch(),
            role: if claim.is_some() { Role::Standby } else { Role::Runner },
            standby_position: Position::START,
            standby_pause: Backoff::new(BUSY_INTERVAL, IDLE_INTERVAL),
            inline_mode: InlineMode::NEW,
            pause: None,
            restarts: None,
            retry: RetryWorker::new(),
            claim,
            control,
            status,
            runners: Vec::new(),
            builds: Vec::new(),
            plan: BuildPlan::default(),
            promotion_delayed: None,
            settled: None,
            inline_position: Position::START,
            requested: true,
            backoff: RETRY,
            metrics,
            trouble: Reminder::default(),
            stopped: Reminder::default(),
            reconcile_at: Instant::now(),
        };
        match supervisor.reconcile().await {
            Err(error) if is_transient(&error) => supervisor.wait_for_store(&error),
            result => result?,
        }
        supervisor.publish();
        Ok(supervisor)
    }

    /// Runs until the shutdown.
    pub(crate) async fn run(mut self) {
        loop {
            let shutdown = self.control.shutdown.clone();
            if shutdown.run_until_cancelled(self.wait_for_wakeup()).await.is_none() {
                break;
            }
            let mut requested = self.control.take_reconcile_request();
            if self.status.take_restart_request() {
                self.stopped.clear();
                self.end_runners().await;
            }
            requested |= self.begin_epoch().await;
            self.reap();
            let can_promote = self.promotion_delayed.is_none() && self.promotable().is_some();
            if requested || self.reconcile_at <= Instant::now() || can_promote {
                self.requested |= requested;
                self.try_reconcile().await;
            }
            self.publish();
        }
        self.end_runners().await;
        self.retry.release(&self.control).await;
        self.release_claim().await;
    }

    /// Ends all runners if the log has lost events since they were started: others start from the stored checkpoints and compare them
    /// with the log. Returns `true` if so.
    async fn begin_epoch(&mut self) -> bool {
        let epoch = self.control.watcher.store().epoch();
        let is_new = epoch != self.epoch;
        if is_new {
            if losses(epoch) == losses(self.epoch) {
                tracing::info!(
                    name = self.name(),
                    "a subject was forgotten; starting again from the stored checkpoint"
                );
            } else {
                tracing::warn!(
                    name = self.name(),
                    "the log has lost events; starting again from the stored checkpoint"
                );
            }
            self.end_runners().await;
            (self.epoch, self.settled, self.inline_position) = (epoch, None, Position::START);
        }
        is_new
    }

    async fn try_reconcile(&mut self) {
        let known = self.runners.len();
        match self.reconcile().await {
            // If no runner had to be started, those started before are alive.
            Ok(()) if self.runners.len() <= known => {
                self.backoff.reset();
                self.trouble.clear();
            }
            Ok(()) => {}
            Err(error) if is_transient(&error) => self.wait_for_store(&error),
            Err(error) => self.stop(&error),
        }
    }

    /// Reads the stored builds and acts on them, until there is no more to do. A panic of a store becomes an error.
    async fn reconcile(&mut self) -> Result<(), Error> {
        let name = self.name();
        let reconciled = catch_future(async {
            loop {
                let read_at = Instant::now();
                self.builds = self.load_builds().await?;
                self.plan = BuildPlan::new(self.control.follower.table(), &self.builds);
                if self.apply_requests().await {
                    continue;
                }
                self.update_role(read_at).await?;
                if self.pause.is_some() {
                    break;
                }
                self.update_retry().await?;
                self.observe_inline();
                if self.make_async().await? {
                    continue;
                }
                self.run_builds().await?;
                if !(self.make_inline().await? || self.try_promote().await?) {
                    break;
                }
            }
            if self.is_inline() {
                self.inline_position = self.control.watcher.store().settled().await?.position;
            }
            self.requested = false;
            let interval = if self.is_busy() { BUSY_INTERVAL } else { IDLE_INTERVAL };
            self.reconcile_at = Instant::now() + self.standby_interval().unwrap_or(interval);
            Ok(())
        })
        .await;
        reconciled.unwrap_or_else(|panic| Err(panic.into_error(format!("the row store of `{name}`"))))
    }

    /// The stored builds. Defines one of this program's version if there is none.
    async fn load_builds(&self) -> Result<Vec<Build>, Error> {
        let FollowerControl { follower, watcher, rows, .. } = &*self.control;
        let (own, events, log) = (follower.table(), follower.events(), watcher.store().log_id());
        let mut builds = rows.builds(own.projection).await?;
        if builds.iter().all(|build| build.version != own.version) {
            rows.define(&own, &events, log).await?;
            builds = rows.builds(own.projection).await?;
        }
        let mut own_builds = builds.iter().filter(|build| build.version == own.version);
        own_builds.clone().try_for_each(|build| build.check_stored(&own, &events, log))?;
        let is_new = own_builds
            .next_back()
            .is_some_and(|build| !build.live && build.checkpoint.position == Position::START);
        // At the first reconcile only: events appended later are not to be skipped.
        if follower.starts_at_end() && is_new && self.plan.runs.is_empty() {
            let settled = watcher.store().settled().await?.position;
            // If another process was first, its position holds and this commit is stale.
            rows.commit(RowChange::new(&own, Position::START, settled)).await?;
            return rows.builds(own.projection).await;
        }
        Ok(builds)
    }

    /// Ends runners that are not needed, and starts missing ones. Inline builds need none.
    pub(super) async fn run_builds(&mut self) -> Result<(), Error> {
        let is_inline = |table: &Table| self.build(table).is_some_and(|build| build.inline);
        let runs = match self.role {
            Role::Runner => self.plan.runs.iter().filter(|table| !is_inline(table)).copied().collect(),
            Role::Standby => Vec::new(),
            // The stopped runner stays, with its status.
            Role::Stopped => return Ok(()),
        };
        // A runner whose claim was lost has ended; the claim may be held again.
        self.runners.retain(|runner| runs.contains(&runner.table) && !runner.is_cancelled());
        for table in runs {
            if self.runner(&table).is_some() {
                continue;
            }
            let build = self.build(&table);
            let checkpoint = build.map(|build| build.checkpoint.clone()).unwrap_or_default();
            let target = match build {
                Some(build) if build.live => Position::START,
                _ => self.control.watcher.store().settled().await?.position,
            };
            let claimant = self.claim.as_ref().map(|claim| Arc::clone(claim.claimant()));
            if build.is_some_and(|build| !build.live) && checkpoint.position < target {
                let (position, target) = (checkpoint.position.get(), target.get());
                tracing::info!(name = self.name(), build = table.name(), position, target, "building");
            }
            self.runners.push(RunnerHandle::start(&self.control, table, &checkpoint, target, claimant));
        }
        Ok(())
    }

    /// Whether a change is expected that does not wake the supervisor.
    fn is_busy(&self) -> bool {
        if self.pause.is_some() {
            return false;
        }
        matches!(self.plan.served, Some(ServedBuild::Other(_)))
            || (self.plan.candidate.is_some()
                && self.promotion_blocked().is_none()
                && self.promotion_delayed.is_none())
            || self.next_inline().is_some()
    }

    /// A build, as of the last reconcile.
    pub(super) fn build(&self, table: &Table) -> Option<&Build> {
        self.builds.iter().find(|build| build.order() == table.order())
    }

    /// All builds, oldest first.
    pub(super) fn builds(&self) -> &[Build] {
        &self.builds
    }

    /// The live build.
    pub(super) fn live(&self) -> Option<&Build> {
        self.builds.iter().find(|build| build.live)
    }

    pub(super) fn runners(&self) -> &[RunnerHandle] {
        &self.runners
    }

    /// Keeps the runners for which `is_needed` returns `true`, and aborts the others.
    pub(super) fn retain_runners(&mut self, is_needed: impl Fn(&RunnerHandle) -> bool) {
        self.runners.retain(is_needed);
    }

    pub(super) fn runner(&self, table: &Table) -> Option<&RunnerHandle> {
        self.runners.iter().find(|runner| runner.table == *table)
    }

    /// Ends the runner of a build after its current batch.
    pub(super) async fn end_runner(&mut self, table: &Table) {
        if let Some(index) = self.runners.iter().position(|runner| runner.table == *table) {
            self.runners.swap_remove(index).end().await;
        }
    }

    pub(super) async fn end_runners(&mut self) {
        self.runners.iter().for_each(RunnerHandle::cancel);
        for runner in self.runners.drain(..) {
            runner.end().await;
        }
    }

    /// Removes runners that panicked. The next reconcile, after a growing pause, starts them again.
    fn reap(&mut self) {
        let known = self.runners.len();
        self.runners.retain(|runner| !runner.is_dead());
        if self.runners.len() < known {
            let reason = "the runner panicked and is restarted";
            let pause = self.pause();
            if self.trouble.is_due(reason) {
                tracing::error!(name = self.name(), ?pause, "{reason}");
            }
            self.status.set_state(State::Waiting { reason: reason.to_owned() });
        }
    }

    fn wait_for_store(&mut self, error: &Error) {
        if self.trouble.is_due(&error.to_string()) {
            tracing::warn!(name = self.name(), %error, "waiting for a store");
        }
        self.pause();
        if self.runners.is_empty() {
            self.status.set_state(State::Waiting { reason: error.to_string() });
        }
    }

    fn pause(&mut self) -> Duration {
        let pause = self.backoff.next_pause();
        self.reconcile_at = Instant::now() + pause;
        pause
    }

    /// Stops the follower because of an error that a retry does not cure.
    fn stop(&mut self, error: &Error) {
        self.reconcile_at = Instant::now() + IDLE_INTERVAL;
        (self.runners, self.builds, self.plan) = (Vec::new(), Vec::new(), BuildPlan::default());
        self.pause = None;
        let stopped = Stopped::without_event(error);
        self.log_stop(None, &stopped);
        self.status.set_state(State::Stopped(stopped));
        self.status.publish_epoch(self.epoch);
    }

    fn publish(&mut self) {
        self.log_stops();
        match self.current_status() {
            Some(status) => {
                self.observe(&status);
                self.status.publish(status);
                self.status.publish_epoch(self.epoch);
            }
            None => self.observe(&self.status.current()),
        }
    }

    /// The status according to the plan and the runners; `None` while the runners that matter are not started.
    fn current_status(&self) -> Option<Status> {
        if let Some(status) = self.paused_status().or_else(|| self.standby_status()) {
            return Some(status);
        }
        let candidate = self.plan.candidate.and_then(|table| self.runner(&table)).map(RunnerHandle::status);
        let building = candidate.as_ref().and_then(|status| status.building.clone());
        let promotion_blocked = self.promotion_blocked().or_else(|| self.promotion_delayed.clone());
        let status = match (&self.plan.served, candidate) {
            (Some(ServedBuild::Own(table)), _) if self.is_inline() => {
                let (position, state, reads) = (self.inline_position, State::Inline, Some(*table));
                let status = Status { position, state, reads, promotion_blocked, ..Status::NEW };
                status.with_inline_position(self.control.watcher.acknowledged())
            }
            (Some(ServedBuild::Own(table)), candidate) => {
                let runner = self.runner(table)?;
                let promotion_blocked = promotion_blocked.or_else(|| candidate.as_ref().and_then(stop_of));
                let reads = runner.is_at_target().then_some(*table);
                Status { reads, promotion_blocked, ..self.with_stored_parked(table, runner.status()) }
            }
            // Other programs update the served build, so it moves even if the candidate is stopped.
            (Some(ServedBuild::Other(table)), candidate) => {
                let live = self.live().map(|live| live.checkpoint.clone()).unwrap_or_default();
                let promotion_blocked = promotion_blocked.or_else(|| candidate.as_ref().and_then(stop_of));
                let state = match candidate?.state {
                    State::Waiting { reason } => State::Waiting { reason },
                    _ => State::CatchingUp,
                };
                let (position, parked, reads) = (live.position, live.parked, Some(*table));
                Status { position, state, parked, reads, building: None, promotion_blocked }
            }
            (None, candidate) => Status { reads: None, promotion_blocked, ..candidate? },
        };
        Some(Status { building: building.or(status.building), ..status })
    }

    /// The status of a runner with the stored number of parked events, if another process has retried or discarded some: at one
    /// position it only falls.
    fn with_stored_parked(&self, table: &Table, status: Status) -> Status {
        let stored = self.build(table).map(|build| &build.checkpoint);
        let stored = stored.filter(|stored| stored.position == status.position).map(|stored| stored.parked);
        Status { parked: stored.map_or(status.parked, |stored| stored.min(status.parked)), ..status }
    }

    /// Why the candidate cannot be promoted without an intervention.
    pub(super) fn promotion_blocked(&self) -> Option<String> {
        self.plan.candidate.and_then(|table| self.control.promotion_blocked(&table))
    }

    pub(super) fn name(&self) -> &'static str {
        self.control.follower.table().projection
    }
}

/// Why a build is stopped, if it is.
fn stop_of(status: &Status) -> Option<String> {
    match &status.state {
        State::Stopped(stopped) => Some(stopped.to_string()),
        _ => None,
    }
}

/// Whether a retry may succeed: a store was unavailable, a response was lost, or user code panicked.
pub(super) fn is_transient(error: &Error) -> bool {
    error.is_unavailable() || error.is_unknown() || matches!(error, Error::Panicked { .. })
}
