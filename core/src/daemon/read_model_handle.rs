//! A running follower, as queries and waiting callers see it.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, timeout, timeout_at},
};

use super::{
    anchor::check_receipt,
    control::FollowerControl,
    handler_scope,
    status::{State, Status, Stopped},
};
use crate::{
    app_runtime::AppRuntime,
    error::{Error, RUNTIME_ENDED},
    feed::LogWatcher,
    position::Position,
    rows::{SharedRows, Table},
    store::{Included, losses},
};

/// The interval at which a build that is no longer inline is checked again.
const RETRY_INTERVAL: Duration = Duration::from_millis(20);

/// How long a query waits for the build that replaces a deleted one. It is live already, so this takes the time of a few statements.
const REPLACEMENT_TIMEOUT: Duration = Duration::from_secs(5);

/// A projection or policy that follows the log: its name, the store of its rows, and its status.
#[derive(Clone, Debug)]
pub(crate) struct ReadModelHandle {
    pub(crate) name: &'static str,
    pub(crate) rows: SharedRows,
    pub(crate) status: watch::Receiver<Status>,
    /// `None` if the status is not that of a follower of an app.
    pub(crate) log: Option<StatusOfLog>,
    pub(crate) runtime: AppRuntime,
}

/// The log that a status is about.
#[derive(Clone, Debug)]
pub(crate) struct StatusOfLog {
    pub(crate) watcher: Arc<LogWatcher>,
    /// The epoch of the log that the status is of: in a later one the position may be lower.
    pub(crate) epoch: watch::Receiver<u64>,
    /// Reads the stored builds again on request.
    pub(crate) control: Arc<FollowerControl>,
}

impl StatusOfLog {
    /// Waits until the status is of the current epoch of the log, and checks that the log has the event of a receipt.
    async fn is_current(&self, wanted: Included) -> Result<(), Error> {
        let store = self.watcher.store();
        let mut epoch = self.epoch.clone();
        // An error means that the app has ended, which the caller sees in the status.
        drop(epoch.wait_for(|epoch| *epoch == store.epoch()).await);
        if losses(store.epoch()) > 0 { check_receipt(&**store, wanted).await } else { Ok(()) }
    }
}

impl ReadModelHandle {
    /// The epoch of the log that the rows are folded from.
    pub(crate) fn epoch(&self) -> u64 {
        self.log.as_ref().map_or(0, |log| log.watcher.store().epoch())
    }

    /// The current status: stopped, if the runtime of the app has ended.
    pub(crate) fn status(&self) -> Status {
        let status = self.status.borrow().clone();
        match self.runtime.has_ended() {
            true => Status { state: State::Stopped(Stopped::without_event(RUNTIME_ENDED)), ..status },
            false => status,
        }
    }

    /// Returns `true` once queries read another build than `table`, if that build was deleted: by this process or another one, which has
    /// promoted a later build before.
    pub(crate) async fn is_replaced(&self, table: &Table) -> bool {
        let Some(Ok(builds)) = self.run_until_stopped(self.rows.builds(self.name)).await else {
            return false;
        };
        if builds.iter().any(|build| build.order() == table.order()) {
            return false;
        }
        if let Some(log) = &self.log {
            log.control.request_reconcile();
        }
        let mut status = self.status.clone();
        let reads_another = |status: &Status| status.reads.is_some_and(|reads| reads != *table);
        let replaced = self.run_until_stopped(status.wait_for(reads_another));
        matches!(timeout(REPLACEMENT_TIMEOUT, replaced).await, Ok(Some(Ok(_))))
    }

    /// Runs a call until it completes. `None` if the app is stopped before or meanwhile, or its runtime ends.
    async fn run_until_stopped<T>(&self, call: impl Future<Output = T>) -> Option<T> {
        let call = self.runtime.run_until_ended(call);
        match &self.log {
            Some(log) => log.control.shutdown.run_until_cancelled(call).await.flatten(),
            None => call.await,
        }
    }

    fn state(&self) -> State {
        self.status.borrow().state.clone()
    }

    /// Waits until there is a build to read and it includes all events up to a position.
    ///
    /// # Errors
    /// [`Error::NotCaughtUp`] if it does not after `timeout`, is stopped before that position, or its own handler waits for it;
    /// [`Error::Building`] if the first complete build is not available after `timeout`; [`Error::RuntimeEnded`].
    pub(crate) async fn wait_for_position(
        &self,
        wanted: Included,
        timeout: Duration,
    ) -> Result<Status, Error> {
        let operation = || format!("wait for position {} of `{}`", wanted.position, self.name);
        self.runtime.run(operation, self.position_within(wanted, timeout)).await
    }

    async fn position_within(&self, wanted: Included, timeout: Duration) -> Result<Status, Error> {
        let is_own = handler_scope::is_own(&self.status);
        let limit = if is_own { Duration::ZERO } else { timeout };
        let reached = tokio::time::timeout(limit, self.status_including(wanted)).await;
        // A follower at the end of the log lacks the position: the log may have lost the event before it was opened.
        if let (Err(_), Some(log), State::CaughtUp) = (&reached, &self.log, &self.state())
            && !is_own
            && let Err(lost @ Error::Unusable { .. }) = check_receipt(&**log.watcher.store(), wanted).await
        {
            return Err(lost);
        }
        let wanted = wanted.position;
        let now = self.status.borrow().clone();
        let reason = match reached {
            Ok(Ok(Some(status))) => return Ok(status),
            Ok(Ok(None)) => now.stop_reason().unwrap_or_else(|| "the app was stopped".to_owned()),
            Ok(Err(error)) => return Err(error),
            Err(_) if is_own => handler_scope::own_wait(self.name),
            Err(_) => timeout_reason(&now, timeout),
        };
        let projection = self.name;
        match now.building {
            Some(progress)
                if now.reads.is_none()
                    && now.promotion_blocked.is_none()
                    && !is_stopped(&now.state)
                    && !is_own =>
            {
                Err(Error::Building { projection, progress: Box::new(progress) })
            }
            _ => Err(Error::NotCaughtUp { projection, wanted, reached: now.position, reason }),
        }
    }

    /// As [`wait_for_position`](Self::wait_for_position), and then until it is no longer catching up, if it runs the build that
    /// queries read: `version` is that of its own builds.
    ///
    /// # Errors
    /// As [`wait_for_position`](Self::wait_for_position).
    pub(crate) async fn wait_until_caught_up(
        &self,
        wanted: Position,
        version: u32,
        timeout: Duration,
    ) -> Result<(), Error> {
        let is_own = handler_scope::is_own(&self.status);
        let timeout = if is_own { Duration::ZERO } else { timeout };
        let end = Instant::now() + timeout;
        self.wait_for_position(wanted.into(), timeout).await?;
        let is_done = |status: &Status| {
            let is_own = status.reads.is_none_or(|table| table.version == version);
            status.state != State::CatchingUp || !is_own
        };
        let mut changes = self.status.clone();
        let done = self.runtime.run_until_ended(changes.wait_for(is_done));
        let has_changed = timeout_at(end, done).await.is_ok();
        if has_changed {
            // A follower that has ended meanwhile is reported.
            let left = end.saturating_duration_since(Instant::now());
            return self.wait_for_position(wanted.into(), left).await.map(drop);
        }
        let reached = self.status.borrow().position;
        let reason = match is_own {
            true => handler_scope::own_wait(self.name),
            false => format!("the projection was still catching up after {timeout:?}"),
        };
        Err(Error::NotCaughtUp { projection: self.name, wanted, reached, reason })
    }

    /// Waits until the status satisfies `wanted`, in a handler at most for 30 seconds.
    ///
    /// # Errors
    /// [`Error::Unusable`] if the app is stopped first, or a handler waits for its own follower or for too long.
    pub(crate) async fn wait_until(
        &self,
        wanted: impl FnMut(&Status) -> bool + Send,
    ) -> Result<Status, Error> {
        let operation = || format!("wait for `{}`", self.name);
        self.runtime.run(operation, self.status_that(wanted)).await
    }

    async fn status_that(&self, wanted: impl FnMut(&Status) -> bool + Send) -> Result<Status, Error> {
        let mut changes = self.status.clone();
        let found = changes.wait_for(wanted);
        let found = match handler_scope::longest_wait(&self.status) {
            Some(limit) => {
                timeout(limit, found).await.map_err(|_| match handler_scope::is_own(&self.status) {
                    true => handler_scope::own_wait(self.name),
                    false => {
                        format!("a handler waits for it at most {limit:?}, since it may wait for the handler")
                    }
                })
            }
            None => Ok(found.await),
        };
        let found = found.and_then(|found| match found {
            Ok(status) => Ok(status.clone()),
            Err(_) => Err("the app was stopped".to_owned()),
        });
        found.map_err(|reason| Error::unusable(format!("wait for `{}`", self.name), reason))
    }

    /// Waits for a status that includes a position of the log as it is now. Returns `None` if the projection is stopped before it.
    async fn status_including(&self, wanted: Included) -> Result<Option<Status>, Error> {
        // Any rows include the start of any log.
        if let Some(log) = self.log.as_ref().filter(|_| wanted.position > Position::START) {
            log.is_current(wanted).await?;
        }
        self.status_at(wanted.position).await
    }

    /// Waits for a status at or after a position. Returns `None` if the projection is stopped before it.
    async fn status_at(&self, wanted: Position) -> Result<Option<Status>, Error> {
        let includes = |status: &Status| {
            status.reads.is_some() && (status.state == State::Inline || status.position >= wanted)
        };
        let mut changes = self.status.clone();
        loop {
            let changed = changes.wait_for(|status| includes(status) || status.stop_reason().is_some()).await;
            let status = changed.ok().map(|status| status.clone()).filter(includes);
            let Some(status) = status else { return Ok(None) };
            if status.state != State::Inline || wanted == Position::START || self.is_inline(&status).await? {
                return Ok(Some(status));
            }
            // Another process took the build out of the appends. The supervisor of this process notices that, and may make
            // the build inline again before the status changes.
            if let Ok(Err(_)) = tokio::time::timeout(RETRY_INTERVAL, changes.changed()).await {
                return Ok(None);
            }
        }
    }

    /// Whether the build that queries read is still inline.
    async fn is_inline(&self, status: &Status) -> Result<bool, Error> {
        let builds = self.rows.builds(self.name).await?;
        let read =
            builds.iter().find(|build| status.reads.is_some_and(|table| table.order() == build.order()));
        Ok(read.is_some_and(|build| build.inline))
    }
}

fn is_stopped(state: &State) -> bool {
    matches!(state, State::Stopped(_) | State::Paused(_))
}

/// Why the position was not reached within the timeout.
fn timeout_reason(status: &Status, timeout: Duration) -> String {
    match &status.state {
        State::Stopped(stopped) => stopped.to_string(),
        State::Paused(pause) => pause.to_string(),
        State::Waiting { reason } => format!("the projection waits to try again: {reason}"),
        State::CatchingUp => format!("the projection was still catching up after {timeout:?}"),
        State::Standby => {
            format!("another process runs the policy, and had not reached this position after {timeout:?}")
        }
        State::CaughtUp | State::Inline => {
            format!("the log's high-water mark had not reached this position after {timeout:?}")
        }
    }
}
