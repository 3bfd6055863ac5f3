//! Keeps a follower going: runs its builds, lets a complete one take over, and starts again what died.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use super::{
    FollowerControl, State, Status, Stopped,
    build_plan::{BuildPlan, ServedBuild},
    runner_handle::RunnerHandle,
};
use crate::{
    error::Error,
    panics::catch_future,
    record::Position,
    rows::{Build, RowChange, Table},
};

/// How often it looks whether another process has done something: seldom, and more often while something is to happen.
const LOOKS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_millis(50));
/// The first and the longest pause before a store that did not answer is asked again, or a runner that died is started.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// Keeps one follower going, in one process.
pub(crate) struct Supervisor {
    pub(super) control: Arc<FollowerControl>,
    status: Arc<watch::Sender<Status>>,
    runners: Vec<RunnerHandle>,
    /// The builds, when they were last looked at.
    builds: Vec<Build>,
    pub(super) plan: BuildPlan,
    /// Why a complete build does not take over now, and may later.
    pub(super) delayed: Option<String>,
    /// Up to where the log was settled when something was last about to go inline.
    pub(super) settled: Option<Position>,
    /// Whether somebody is waiting for this look, or it is the first.
    pub(super) asked: bool,
    pause: Duration,
    look_at: Instant,
}

impl Supervisor {
    /// Looks once. A store that does not answer is waited for later.
    ///
    /// # Errors
    /// [`Error::Unusable`] or [`Error::Invalid`] if the rows are of another shape or another log.
    pub(crate) async fn start(
        control: Arc<FollowerControl>,
        status: Arc<watch::Sender<Status>>,
    ) -> Result<Self, Error> {
        let mut supervisor = Self {
            control,
            status,
            runners: Vec::new(),
            builds: Vec::new(),
            plan: BuildPlan::default(),
            delayed: None,
            settled: None,
            asked: true,
            pause: PAUSES.0,
            look_at: Instant::now(),
        };
        match supervisor.reconcile().await {
            Err(error) if passes(&error) => supervisor.wait(&error),
            result => result?,
        }
        supervisor.publish();
        Ok(supervisor)
    }

    /// Keeps going until it is asked to end.
    pub(crate) async fn run(mut self) {
        loop {
            let rings = timeout_at(self.look_at, self.control.wakeup.notified());
            if self.control.shutdown.or(rings).await.is_none() {
                break;
            }
            let (asked, restart) = self.control.take_requests();
            if restart {
                self.end_runners().await;
            }
            self.reap();
            let is_due = self.delayed.is_none() && self.due().is_some();
            if asked || self.look_at <= Instant::now() || is_due {
                self.asked |= asked;
                self.look().await;
            }
            self.publish();
        }
        self.end_runners().await;
    }

    async fn look(&mut self) {
        let known = self.runners.len();
        match self.reconcile().await {
            // Nothing was revived: what was started before lives.
            Ok(()) if self.runners.len() <= known => self.pause = PAUSES.0,
            Ok(()) => {}
            Err(error) if passes(&error) => self.wait(&error),
            Err(error) => self.stop(&error),
        }
    }

    /// Looks at the builds, and does what is to be done. A store that panics does not end it.
    async fn reconcile(&mut self) -> Result<(), Error> {
        let name = self.name();
        let reconciled = catch_future(async {
            loop {
                self.builds = self.defined().await?;
                self.plan = BuildPlan::of(self.control.follower.table(), &self.builds);
                if self.make_async().await? {
                    continue;
                }
                self.run_builds().await?;
                if !(self.make_inline().await? || self.try_promote().await?) {
                    break;
                }
            }
            self.asked = false;
            self.look_at = Instant::now() + if self.is_busy() { LOOKS.1 } else { LOOKS.0 };
            Ok(())
        })
        .await;
        reconciled.unwrap_or_else(|panic| Err(panic.into_error(format!("the store of the rows of `{name}`"))))
    }

    /// The builds that are there, one of this program's version among them.
    async fn defined(&self) -> Result<Vec<Build>, Error> {
        let FollowerControl { follower, watcher, rows, .. } = &*self.control;
        let (own, log) = (follower.table(), watcher.store().log_id());
        let mut builds = rows.builds(own.projection).await?;
        if builds.iter().all(|build| build.version != own.version) {
            rows.define(&own, log).await?;
            builds = rows.builds(own.projection).await?;
        }
        let mut known = builds.iter().filter(|build| build.version == own.version);
        known.clone().try_for_each(|build| own.check_stored(&build.shape, build.log, log))?;
        let is_new = known
            .next_back()
            .is_some_and(|build| !build.live && build.checkpoint.position == Position::START);
        // At its first look only: what comes later is what it is there for.
        if follower.starts_at_end() && is_new && self.plan.runs.is_empty() {
            let settled = watcher.store().settled().await?.position;
            // Whoever was first has decided.
            rows.commit(RowChange::new(&own, Position::START, settled)).await?;
            return rows.builds(own.projection).await;
        }
        Ok(builds)
    }

    /// Ends runners that are not needed, and starts those that are missing. What the appends keep needs none.
    pub(super) async fn run_builds(&mut self) -> Result<(), Error> {
        let inline = |table: &Table| self.build(table).is_some_and(|build| build.inline);
        let runs: Vec<Table> = self.plan.runs.iter().filter(|table| !inline(table)).copied().collect();
        self.runners.retain(|running| runs.contains(&running.table));
        for table in runs {
            if self.running(&table).is_some() {
                continue;
            }
            let build = self.build(&table);
            let at = build.map_or(Position::START, |build| build.checkpoint.position);
            let target = match build {
                Some(build) if build.live => Position::START,
                _ => self.control.watcher.store().settled().await?.position,
            };
            self.runners.push(RunnerHandle::start(&self.control, table, at, target));
        }
        Ok(())
    }

    /// Whether something is about to happen that no bell announces.
    fn is_busy(&self) -> bool {
        matches!(self.plan.reads, Some(ServedBuild::Other(_)))
            || (self.plan.candidate.is_some() && self.refused().is_none() && self.delayed.is_none())
            || self.next_inline().is_some()
    }

    /// A build as it was when it was last looked at.
    pub(super) fn build(&self, table: &Table) -> Option<&Build> {
        self.builds.iter().find(|build| build.order() == table.order())
    }

    /// All of them, oldest first.
    pub(super) fn builds(&self) -> &[Build] {
        &self.builds
    }

    /// The build that queries and the view show.
    pub(super) fn live(&self) -> Option<&Build> {
        self.builds.iter().find(|build| build.live)
    }

    pub(super) fn running(&self, table: &Table) -> Option<&RunnerHandle> {
        self.runners.iter().find(|running| running.table == *table)
    }

    /// Ends the runner of a build, after what it is at.
    pub(super) async fn end_runner(&mut self, table: &Table) {
        if let Some(place) = self.runners.iter().position(|running| running.table == *table) {
            self.runners.swap_remove(place).end().await;
        }
    }

    pub(super) async fn end_runners(&mut self) {
        self.runners.iter().for_each(RunnerHandle::ask_to_end);
        for running in self.runners.drain(..) {
            running.end().await;
        }
    }

    /// Takes away runners that died. They are started again, after a pause that grows.
    fn reap(&mut self) {
        let known = self.runners.len();
        self.runners.retain(|running| !running.is_dead());
        if self.runners.len() < known {
            let reason = "its runner died, and is started again";
            tracing::error!(name = self.name(), pause = ?self.pause, "{reason}");
            self.pause();
            self.set_state(State::Waiting { reason: reason.to_owned() });
        }
    }

    fn wait(&mut self, error: &Error) {
        tracing::warn!(name = self.name(), %error, "waiting for a store");
        self.pause();
        if self.runners.is_empty() {
            self.set_state(State::Waiting { reason: error.to_string() });
        }
    }

    fn pause(&mut self) {
        self.look_at = Instant::now() + self.pause;
        self.pause = (self.pause * 2).min(PAUSES.1);
    }

    /// Something is wrong that time does not cure.
    fn stop(&mut self, error: &Error) {
        self.look_at = Instant::now() + LOOKS.0;
        (self.runners, self.builds, self.plan) = (Vec::new(), Vec::new(), BuildPlan::default());
        if self.set_state(State::Stopped(Stopped::because(error))) {
            tracing::error!(name = self.name(), %error, "it stands still");
        }
    }

    /// Tells how it does, and gives whether that is news.
    fn set_state(&self, state: State) -> bool {
        self.status.send_if_modified(|status| {
            let news = status.state != state;
            status.state = state;
            news
        })
    }

    /// Tells what questions read now, and how it does.
    fn publish(&self) {
        let Some(told) = self.told() else { return };
        self.status.send_if_modified(|status| {
            let news = *status != told && !self.control.is_restarting();
            if news {
                *status = told;
            }
            news
        });
    }

    /// The status as it follows from the plan and from its runners; none while those that matter are not there.
    fn told(&self) -> Option<Status> {
        let candidate = self.plan.candidate.and_then(|table| self.running(&table)).map(RunnerHandle::status);
        let building = candidate.as_ref().and_then(|status| status.building.clone());
        let promotion_blocked = self.refused().or_else(|| self.delayed.clone());
        let status = match (&self.plan.reads, candidate) {
            (Some(ServedBuild::Own(table)), _) if self.is_inline() => {
                let (position, state, reads) = (Position::END, State::Inline, Some(*table));
                Status { position, state, reads, promotion_blocked, ..Status::NEW }
            }
            (Some(ServedBuild::Own(table)), candidate) => {
                let running = self.running(table)?;
                let promotion_blocked = promotion_blocked.or_else(|| candidate.as_ref().and_then(stop));
                Status { reads: running.is_there().then_some(*table), promotion_blocked, ..running.status() }
            }
            // It moves whatever becomes of the candidate.
            (Some(ServedBuild::Other(table)), candidate) => {
                let live = self.live().map(|live| live.checkpoint.clone()).unwrap_or_default();
                let promotion_blocked = promotion_blocked.or_else(|| candidate.as_ref().and_then(stop));
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

    /// Why the candidate does not take over until somebody does something about it.
    pub(super) fn refused(&self) -> Option<String> {
        self.plan.candidate.and_then(|table| self.control.refused(&table))
    }

    pub(super) fn name(&self) -> &'static str {
        self.control.follower.table().projection
    }
}

/// Why a build stands still, if it does.
fn stop(status: &Status) -> Option<String> {
    match &status.state {
        State::Stopped(stopped) => Some(stopped.to_string()),
        _ => None,
    }
}

/// Whether time may cure it: a store is away, an answer was lost, or somebody's code panicked.
pub(super) fn passes(error: &Error) -> bool {
    error.is_unavailable() || error.is_unknown() || matches!(error, Error::Panicked { .. })
}
