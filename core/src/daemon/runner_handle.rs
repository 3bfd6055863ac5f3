//! A runner at work, as its keeper sees it.

use std::sync::Arc;

use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
};

use super::{FollowerControl, Runner, ShutdownSignal, State, Status};
use crate::{
    record::Position,
    rows::{SharedRows, Table},
};

/// A runner in a task of its own. It is killed when it is dropped.
pub(super) struct RunnerHandle {
    pub(super) table: Table,
    status: watch::Receiver<Status>,
    shutdown: ShutdownSignal,
    task: JoinHandle<()>,
    /// Where it has to be before its build is complete.
    target: Position,
    /// Nothing is to be made before its first event.
    is_set_up: bool,
}

impl Drop for RunnerHandle {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl RunnerHandle {
    /// Starts a runner of a build whose checkpoint stands at a position.
    pub(super) fn start(control: &FollowerControl, table: Table, at: Position, target: Position) -> Self {
        let FollowerControl { follower, watcher, rows, wakeup, .. } = control;
        let shutdown = ShutdownSignal::default();
        let handler = follower.batch_handler(table, SharedRows::clone(rows));
        let is_set_up = !handler.needs_setup();
        let (runner, status) = Runner::new(Arc::clone(watcher), SharedRows::clone(rows), handler);
        let runner =
            runner.error_policy(follower.error_policy()).with_shutdown(shutdown.clone()).starting_at(at);
        let runner = runner.with_target(target).with_wakeup(Arc::clone(wakeup));
        let rings = WakeOnDrop(Arc::clone(wakeup));
        let task = tokio::spawn(async move {
            let _rings = rings;
            runner.run().await;
        });
        Self { table, status, shutdown, task, target, is_set_up }
    }

    /// How it does.
    pub(super) fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// Whether its build has everything that was settled when it was started.
    pub(super) fn is_there(&self) -> bool {
        self.status.borrow().position >= self.target
    }

    /// Whether its build may take over: it was found to be of this log, and is there. In an empty log there is nothing to
    /// find.
    pub(super) fn is_complete(&self) -> bool {
        let was_empty = self.target == Position::START && self.is_set_up;
        (was_empty || self.status.borrow().reads.is_some()) && self.is_there()
    }

    /// Whether it has read everything that was settled, and follows.
    pub(super) fn is_caught_up(&self) -> bool {
        self.status.borrow().state == State::CaughtUp
    }

    /// Whether it came to an end that it did not choose.
    pub(super) fn is_dead(&self) -> bool {
        self.task.is_finished() && !matches!(self.status.borrow().state, State::Stopped(_))
    }

    /// Asks it to end after what it is at.
    pub(super) fn ask_to_end(&self) {
        self.shutdown.ask();
    }

    /// Waits until it has ended, as it was asked to.
    pub(super) async fn end(mut self) {
        self.ask_to_end();
        let _ = (&mut self.task).await;
    }
}

/// Rings when a task is over, also when it panicked.
struct WakeOnDrop(Arc<Notify>);

impl Drop for WakeOnDrop {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}
