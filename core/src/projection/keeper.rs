//! Keeps a follower going: runs its builds, lets a complete one take over, and starts again what died.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
    time::{Instant, timeout_at},
};

use super::{
    Desk, Ending, Runner, State, Status, Stopped,
    plan::{Plan, Reads},
};
use crate::{
    error::Error,
    record::Position,
    rows::{Build, Inlined, RowChange, SharedRows, Switched, Table},
};

/// How often it looks whether another process has done something: seldom, and more often while something is to happen.
const LOOKS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_millis(50));
/// The first and the longest pause before a runner that died is started again.
const REVIVALS: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(10));

/// Keeps one follower going, in one process.
pub(crate) struct Keeper {
    desk: Arc<Desk>,
    status: watch::Sender<Status>,
    runners: Vec<Running>,
    plan: Plan,
    /// The live build, when it was last looked at.
    live: Option<Build>,
    /// Why a complete build does not take over.
    refused: Option<String>,
    pause: Duration,
    look_at: Instant,
}

/// A runner at work. It is killed when it is dropped.
struct Running {
    table: Table,
    status: watch::Receiver<Status>,
    ending: Ending,
    task: JoinHandle<()>,
    /// Where it has to be before its build is complete.
    target: Position,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Running {
    fn is_complete(&self) -> bool {
        let status = self.status.borrow();
        status.position >= self.target && matches!(status.state, State::CatchingUp | State::CaughtUp)
    }

    /// It came to an end that it did not choose.
    fn is_dead(&self) -> bool {
        self.task.is_finished() && !matches!(self.status.borrow().state, State::Stopped(_))
    }

    async fn end(mut self) {
        self.ending.ask();
        let _ = (&mut self.task).await;
    }
}

impl Keeper {
    /// Looks once. A store that does not answer is waited for later.
    ///
    /// # Errors
    /// [`Error::Unusable`] or [`Error::Invalid`] if the rows are of another shape or another log.
    pub(crate) async fn start(desk: Arc<Desk>) -> Result<(Self, watch::Receiver<Status>), Error> {
        let status = Status {
            position: Position::START,
            state: State::CatchingUp,
            parked: 0,
            reads: None,
            building: None,
        };
        let (status, receiver) = watch::channel(status);
        let mut keeper = Self {
            desk,
            status,
            runners: Vec::new(),
            plan: Plan::default(),
            live: None,
            refused: None,
            pause: REVIVALS.0,
            look_at: Instant::now(),
        };
        match keeper.tend().await {
            Err(error) if error.is_unavailable() => keeper.wait(&error),
            result => result?,
        }
        Ok((keeper, receiver))
    }

    /// Keeps going until it is asked to end.
    pub(crate) async fn run(mut self) {
        loop {
            let rings = timeout_at(self.look_at, self.desk.bell.notified());
            if self.desk.ending.or(rings).await.is_none() {
                break;
            }
            let (asked, restart) = self.desk.orders();
            if restart {
                self.refused = None;
                self.end_runners().await;
            }
            self.bury();
            if asked || self.look_at <= Instant::now() || self.is_due() {
                match self.tend().await {
                    Ok(()) => {}
                    Err(error) if error.is_unavailable() => self.wait(&error),
                    Err(error) => self.stand_still(&error),
                }
            }
            self.publish();
        }
        self.end_runners().await;
    }

    /// Looks at the builds, and does what is to be done.
    async fn tend(&mut self) -> Result<(), Error> {
        loop {
            let builds = self.builds().await?;
            let own = self.desk.follower.table();
            self.plan = Plan::of(own, &builds);
            self.live = builds.iter().find(|build| build.live).cloned();
            self.leave_inline(&builds).await?;
            if self.is_inline() {
                self.runners.clear();
            } else {
                self.run_builds(&builds).await?;
            }
            if !(self.take_over().await? || self.go_inline(&builds).await?) {
                break;
            }
        }
        self.look_at = Instant::now() + if self.is_busy() { LOOKS.1 } else { LOOKS.0 };
        self.publish();
        Ok(())
    }

    /// The builds that are there, one of this program's version among them.
    async fn builds(&self) -> Result<Vec<Build>, Error> {
        let Desk { follower, hub, rows, .. } = &*self.desk;
        let (own, log) = (follower.table(), hub.store().log_id());
        let builds = rows.builds(own.projection).await?;
        let known = builds.iter().filter(|build| build.version == own.version);
        known.clone().try_for_each(|build| own.check_stored(&build.shape, build.log, log))?;
        // A program may have died between defining it and saying where it starts. What is live has started.
        let starts_now =
            follower.starts_now() && self.plan.runs.is_empty() && !builds.iter().any(|build| build.live);
        if known.count() > 0 && !starts_now {
            return Ok(builds);
        }
        let checkpoint = rows.define(&own, log).await?;
        if starts_now && checkpoint.position == Position::START {
            let settled = hub.store().settled().await?.position;
            // Whoever was first has decided.
            rows.commit(RowChange::new(&own, Position::START, settled)).await?;
        }
        rows.builds(own.projection).await
    }

    /// Ends runners that are not needed, and starts those that are missing.
    async fn run_builds(&mut self, builds: &[Build]) -> Result<(), Error> {
        self.runners.retain(|running| self.plan.runs.contains(&running.table));
        for table in self.plan.runs.clone() {
            if self.runners.iter().any(|running| running.table == table) {
                continue;
            }
            let build = builds.iter().find(|build| build.order() == table.order());
            let target = match build {
                Some(build) if build.live => Position::START,
                _ => self.desk.hub.store().settled().await?.position,
            };
            let at = build.map_or(Position::START, |build| build.checkpoint.position);
            self.runners.push(self.spawn(table, at, target));
        }
        Ok(())
    }

    fn spawn(&self, table: Table, at: Position, target: Position) -> Running {
        let Desk { follower, hub, rows, bell, .. } = &*self.desk;
        let (ending, bell) = (Ending::default(), Arc::clone(bell));
        let consumer = follower.consumer(table, SharedRows::clone(rows));
        let (runner, status) = Runner::new(Arc::clone(hub), SharedRows::clone(rows), consumer);
        let runner = runner.on_poison(follower.on_poison()).until(ending.clone()).standing_at(at);
        let runner = runner.towards(target).ringing(Arc::clone(&bell));
        let task = tokio::spawn(async move {
            let _rings = Rings(bell);
            runner.run().await;
        });
        Running { table, status, ending, task, target }
    }

    /// Lets the candidate take over if it is complete. Gives whether something changed.
    async fn take_over(&mut self) -> Result<bool, Error> {
        if !self.is_due() {
            return Ok(false);
        }
        let Some(table) = self.plan.candidate else { return Ok(false) };
        let rows = &self.desk.rows;
        let alike = self.live.as_ref().is_some_and(|live| live.shape == table.shape());
        let compare = self.desk.follower.compares() && alike && !table.is_rowless();
        let mut switched = rows.switch(&table, compare).await?;
        if switched == Switched::Apart {
            self.align(&table).await?;
            switched = self.desk.rows.switch(&table, compare).await?;
        }
        let name = table.name();
        match switched {
            Switched::Done => tracing::info!(build = name, "the build is complete and has taken over"),
            Switched::Older => tracing::info!(build = name, "the build is complete, and a newer one is live"),
            // Somebody else moved one of them. There will be another moment.
            Switched::Apart => return Ok(false),
            Switched::Differs(difference) => {
                let text = format!(
                    "the build is complete and does not take over: {} rows are missing, {} are new, {} are others, such \
                     as that of {:?}",
                    difference.missing, difference.added, difference.changed, difference.example
                );
                tracing::error!(build = name, "{text}");
                self.desk.rows.report(&table, Some(&text)).await?;
                self.refused = Some(text);
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Brings the live build and the candidate to the same position.
    async fn align(&mut self, candidate: &Table) -> Result<(), Error> {
        self.end_runners().await;
        let builds = self.desk.rows.builds(candidate.projection).await?;
        let Some(live) = builds.iter().find(|build| build.live) else { return Ok(()) };
        let Some(new) = builds.iter().find(|build| build.order() == candidate.order()) else { return Ok(()) };
        let (end, behind) = if live.checkpoint.position < new.checkpoint.position {
            (new.checkpoint.position, live)
        } else {
            (live.checkpoint.position, new)
        };
        if behind.version != candidate.version || behind.checkpoint.position == end {
            return Ok(());
        }
        let Desk { follower, hub, rows, .. } = &*self.desk;
        let consumer = follower.consumer(candidate.built(behind.build), SharedRows::clone(rows));
        let (runner, _) = Runner::new(Arc::clone(hub), SharedRows::clone(rows), consumer);
        runner.on_poison(follower.on_poison()).run_to(end).await
    }

    /// Takes builds of older versions, and what this program keeps in the background, out of the appends.
    async fn leave_inline(&mut self, builds: &[Build]) -> Result<(), Error> {
        let own = self.desk.follower.table();
        let wants = self.desk.follower.inline(own).is_some();
        let first = self.runners.is_empty() && self.status.borrow().reads.is_none();
        for build in builds.iter().filter(|build| build.inline) {
            let older = build.version < own.version;
            let unwanted = build.version == own.version && !wants && first;
            if older || unwanted {
                let table = Table { version: build.version, ..own.built(build.build) };
                self.desk.rows.leave_inline(&table).await?;
            }
        }
        Ok(())
    }

    /// Lets the appends keep the live build, if that is wished. Gives whether something changed.
    async fn go_inline(&mut self, builds: &[Build]) -> Result<bool, Error> {
        let Some(Reads::Own(table)) = &self.plan.reads else { return Ok(false) };
        let Some(inline) = self.desk.follower.inline(*table) else { return Ok(false) };
        let Some(newest) = builds.last().filter(|build| build.order() == table.order()) else {
            return Ok(false);
        };
        let settled = self.desk.hub.store().settled().await?.position;
        let far = settled.get().saturating_sub(newest.checkpoint.position.get()) > Inlined::AT_MOST as u64;
        if self.is_inline() || far {
            return Ok(false);
        }
        self.end_runners().await;
        // Behind or not: the builds are looked at again.
        Ok(self.desk.rows.go_inline(inline).await? == Inlined::Done)
    }

    /// Whether what questions read changes with the appends, by the wish of this program.
    fn is_inline(&self) -> bool {
        let Some(Reads::Own(table)) = &self.plan.reads else { return false };
        let inline = self.live.as_ref().is_some_and(|live| live.inline && live.order() == table.order());
        inline && self.desk.follower.inline(*table).is_some()
    }

    /// Whether a complete build waits to take over.
    fn is_due(&self) -> bool {
        let candidate = self.plan.candidate.filter(|_| self.refused.is_none());
        candidate.and_then(|table| self.running(&table)).is_some_and(Running::is_complete)
    }

    /// Whether something is about to happen that no bell announces.
    fn is_busy(&self) -> bool {
        let wants_inline = self.desk.follower.inline(self.desk.follower.table()).is_some();
        matches!(self.plan.reads, Some(Reads::Other(_)))
            || (self.plan.candidate.is_some() && self.refused.is_none())
            || (wants_inline && !self.is_inline())
    }

    fn running(&self, table: &Table) -> Option<&Running> {
        self.runners.iter().find(|running| running.table == *table)
    }

    async fn end_runners(&mut self) {
        for running in self.runners.drain(..) {
            running.end().await;
        }
    }

    /// Takes away runners that died. They are started again, after a pause that grows.
    fn bury(&mut self) {
        let known = self.runners.len();
        self.runners.retain(|running| !running.is_dead());
        if self.runners.len() < known {
            tracing::error!(name = self.name(), pause = ?self.pause, "a runner died; it is started again");
            self.look_at = Instant::now() + self.pause;
            self.pause = (self.pause * 2).min(REVIVALS.1);
        } else if !self.runners.is_empty() && self.look_at <= Instant::now() {
            self.pause = REVIVALS.0;
        }
    }

    fn wait(&mut self, error: &Error) {
        tracing::warn!(name = self.name(), %error, "waiting for a store");
        self.look_at = Instant::now() + LOOKS.1;
        if self.runners.is_empty() {
            self.status.send_modify(|status| status.state = State::Waiting { reason: error.to_string() });
        }
    }

    /// Something is wrong that time does not cure.
    fn stand_still(&mut self, error: &Error) {
        self.look_at = Instant::now() + LOOKS.0;
        self.runners.clear();
        let state = State::Stopped(Stopped::because(error));
        let news = self.status.send_if_modified(|status| {
            let news = status.state != state;
            status.state = state;
            news
        });
        if news {
            tracing::error!(name = self.name(), %error, "it stands still");
        }
    }

    /// Tells what questions read now, and how it does.
    fn publish(&self) {
        let candidate = self.plan.candidate.and_then(|table| self.running(&table));
        let told = match &self.plan.reads {
            Some(Reads::Own(table)) if self.is_inline() => Some(Status {
                position: Position::END,
                state: State::Inline,
                parked: 0,
                reads: Some(*table),
                building: None,
            }),
            Some(Reads::Own(table)) => self.running(table).map(|running| running.status.borrow().clone()),
            Some(Reads::Other(table)) => candidate.map(|running| Status {
                position: self.live.as_ref().map_or(Position::START, |live| live.checkpoint.position),
                reads: Some(*table),
                ..running.status.borrow().clone()
            }),
            None => candidate.map(|running| Status { reads: None, ..running.status.borrow().clone() }),
        };
        let Some(mut told) = told else { return };
        told.building = candidate.and_then(|running| running.status.borrow().building.clone());
        self.status.send_if_modified(|status| {
            let news = *status != told;
            *status = told;
            news
        });
    }

    fn name(&self) -> &'static str {
        self.desk.follower.table().projection
    }
}

/// Rings when a task is over, also when it panicked.
struct Rings(Arc<Notify>);

impl Drop for Rings {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}
