//! A running runner, as its supervisor sees it.

use std::sync::Arc;

use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use super::{
    FollowerControl, Runner, State, Status, Stopped, backlog::Backlog, claimant::Claimant, handler_scope,
    progress_meter::ProgressCounters,
};
use crate::{
    record::Position,
    rows::{Checkpoint, SharedRows, Table},
    time::Timestamp,
};

/// A runner in a task of its own. Dropping the handle aborts it.
pub(super) struct RunnerHandle {
    pub(super) table: Table,
    status: watch::Receiver<Status>,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
    /// How far it is on the way to the position at which its build is complete.
    progress: Arc<ProgressCounters>,
    /// The first event that it has not handled.
    backlog: Arc<Backlog>,
    /// Whether the batch handler needs no setup before its first event.
    is_set_up: bool,
}

impl Drop for RunnerHandle {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl RunnerHandle {
    /// Starts a runner of a build with this stored checkpoint. The build is complete at `target`.
    pub(super) fn start(
        control: &FollowerControl,
        table: Table,
        checkpoint: &Checkpoint,
        target: Position,
        claimant: Option<Arc<Claimant>>,
    ) -> Self {
        let FollowerControl { follower, watcher, rows, wakeup, .. } = control;
        let (shutdown, progress) =
            (CancellationToken::new(), Arc::new(ProgressCounters::new(&table, target)));
        let backlog = Arc::<Backlog>::default();
        let handler = follower.batch_handler(table, SharedRows::clone(rows));
        let is_set_up = !handler.needs_setup();
        let (runner, status) = Runner::new(Arc::clone(watcher), SharedRows::clone(rows), handler);
        let runner = runner
            .error_policy(follower.error_policy())
            .with_shutdown(shutdown.clone())
            .with_claimant(claimant)
            .with_progress(Arc::clone(&progress))
            .with_backlog(Arc::clone(&backlog))
            .with_wakeup(Arc::clone(wakeup))
            .starting_at(checkpoint);
        let (wake_on_drop, scope) = (WakeOnDrop(Arc::clone(wakeup)), control.status());
        let task = tokio::spawn(async move {
            let _wake_on_drop = wake_on_drop;
            handler_scope::run(scope, runner.run()).await;
        });
        Self { table, status, shutdown, task, progress, backlog, is_set_up }
    }

    /// Its status, with the progress of its build.
    pub(super) fn status(&self) -> Status {
        let status = self.status.borrow().clone();
        Status { building: self.progress.progress(status.position), ..status }
    }

    /// The recorded time of the first event that it has read and not handled.
    pub(super) fn backlog_since(&self) -> Option<Timestamp> {
        self.backlog.since()
    }

    /// Whether it has read everything that was settled when it was started.
    pub(super) fn is_at_target(&self) -> bool {
        self.status.borrow().position >= self.progress.target()
    }

    /// Whether its build may be promoted: the rows were found to belong to this log, and it is at the target. In an empty
    /// log there are no rows to check.
    pub(super) fn is_complete(&self) -> bool {
        let was_empty = self.progress.target() == Position::START && self.is_set_up;
        (was_empty || self.status.borrow().reads.is_some()) && self.is_at_target()
    }

    /// Whether it has read everything settled and waits for more.
    pub(super) fn is_caught_up(&self) -> bool {
        self.status.borrow().state == State::CaughtUp
    }

    /// Whether its task ended without being asked to, and without reporting a stop: it panicked.
    pub(super) fn is_dead(&self) -> bool {
        self.task.is_finished() && !self.is_stopped() && !self.is_cancelled()
    }

    /// Whether it was signalled to end, by its supervisor or because its claim was lost.
    pub(super) fn is_cancelled(&self) -> bool {
        self.shutdown.is_cancelled()
    }

    /// Whether it is stopped before an event.
    pub(super) fn is_stopped(&self) -> bool {
        matches!(self.status.borrow().state, State::Stopped(_))
    }

    /// Why it is stopped, if it is.
    pub(super) fn stop(&self) -> Option<Stopped> {
        self.status.borrow().stop().cloned()
    }

    /// Signals it to end after its current batch.
    pub(super) fn cancel(&self) {
        self.shutdown.cancel();
    }

    /// Ends it after its current batch, and waits for that.
    pub(super) async fn end(mut self) {
        self.cancel();
        let _ = (&mut self.task).await;
    }
}

/// Wakes the supervisor when a task ends, even if it panicked.
struct WakeOnDrop(Arc<Notify>);

impl Drop for WakeOnDrop {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}
