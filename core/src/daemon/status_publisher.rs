//! The only writer of a follower's status.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{State, Status, Stopped};
use crate::{app_runtime::AppRuntime, rows::Table};

/// Publishes the [`Status`] of a follower. The supervisor owns it; a restart requested through the admin API withdraws a
/// published stop at once, and suppresses what the runners that are about to end still report.
#[derive(Debug)]
pub(crate) struct StatusPublisher {
    status: watch::Sender<Status>,
    /// The epoch of the log that the status is of.
    epoch: watch::Sender<u64>,
    restart_requested: AtomicBool,
    runtime: AppRuntime,
    shutdown: CancellationToken,
}

impl StatusPublisher {
    pub(crate) fn new(epoch: u64, runtime: AppRuntime, shutdown: CancellationToken) -> Self {
        Self {
            status: watch::Sender::new(Status::NEW),
            epoch: watch::Sender::new(epoch),
            restart_requested: AtomicBool::new(false),
            runtime,
            shutdown,
        }
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    pub(crate) fn subscribe_to_epoch(&self) -> watch::Receiver<u64> {
        self.epoch.subscribe()
    }

    /// Reports that the published status is of this epoch of the log.
    pub(super) fn publish_epoch(&self, epoch: u64) {
        self.epoch.send_if_modified(|known| std::mem::replace(known, epoch) != epoch);
    }

    /// Withdraws a published stop, and publishes no status before [`take_restart_request`](Self::take_restart_request).
    pub(super) fn request_restart(&self) {
        self.restart_requested.store(true, Ordering::SeqCst);
        self.status.send_if_modified(Status::clear_stop);
    }

    /// Whether a restart was requested since the last call.
    pub(super) fn take_restart_request(&self) -> bool {
        self.restart_requested.swap(false, Ordering::SeqCst)
    }

    /// Publishes a status of the runners, unless they are about to be restarted.
    pub(super) fn publish(&self, new: Status) {
        self.status.send_if_modified(|status| {
            let changed = *status != new && !self.restart_requested.load(Ordering::SeqCst);
            if changed {
                *status = new;
            }
            changed
        });
    }

    /// Publishes the number of parked events of a build, if the status is about that build.
    pub(super) fn set_parked(&self, table: &Table, parked: u64) {
        self.status.send_if_modified(|status| {
            let changed = status.parked != parked && status.reads.is_none_or(|reads| reads == *table);
            if changed {
                status.parked = parked;
            }
            changed
        });
    }

    /// Publishes a state without its position and builds, and returns whether it differs from the last one.
    pub(super) fn set_state(&self, state: State) -> bool {
        self.status.send_if_modified(|status| {
            let changed = status.state != state;
            status.state = state;
            changed
        })
    }

    /// Why the follower is stopped, if it is.
    pub(super) fn stop(&self) -> Option<Stopped> {
        self.status.borrow().stop().cloned()
    }

    /// The published status.
    pub(super) fn current(&self) -> Status {
        self.status.borrow().clone()
    }

    #[cfg(test)]
    fn borrow(&self) -> watch::Ref<'_, Status> {
        self.status.borrow()
    }
}

impl Drop for StatusPublisher {
    /// Without a shutdown only the end of the runtime drops the supervisor. It is reported before the subscribers notice the drop.
    fn drop(&mut self) {
        if !self.shutdown.is_cancelled() {
            self.runtime.report_end();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::Position;

    fn stopped() -> Status {
        let state = State::Stopped(Stopped::without_event("poison"));
        Status { state, position: Position::new(7), ..Status::NEW }
    }

    /// Without a shutdown the runtime has dropped the supervisor. Subscribers that notice the drop find the cause reported.
    #[test]
    fn drop_reports_the_end_of_the_runtime_unless_there_is_a_shutdown() {
        for is_shut_down in [false, true] {
            let (runtime, shutdown) = (AppRuntime::default(), CancellationToken::new());
            let publisher = StatusPublisher::new(0, runtime.clone(), shutdown.clone());
            let status = publisher.subscribe();
            if is_shut_down {
                shutdown.cancel();
            }
            drop(publisher);
            assert!(status.has_changed().is_err());
            assert_eq!(runtime.has_ended(), !is_shut_down);
        }
    }

    #[test]
    fn a_restart_request_withdraws_the_stop_and_suppresses_reports_until_it_is_taken() {
        let publisher = StatusPublisher::new(0, AppRuntime::default(), CancellationToken::new());
        publisher.publish(stopped());
        publisher.request_restart();
        assert_eq!(publisher.borrow().state, State::CatchingUp);
        publisher.publish(stopped());
        assert_eq!(publisher.borrow().state, State::CatchingUp);
        assert!(publisher.take_restart_request() && !publisher.take_restart_request());
        publisher.publish(stopped());
        assert_eq!(*publisher.borrow(), stopped());
    }
}
