//! The role of a process for a follower that runs in one process at a time.

use std::{pin::pin, sync::Arc, time::Duration};

use futures_util::future::{Either, select};
use tokio::time::{Instant, timeout_at};

use super::{
    State, Status,
    claimant::Role,
    runner_handle::RunnerHandle,
    supervisor::{BUSY_INTERVAL, IDLE_INTERVAL, Supervisor},
};
use crate::{error::Error, feed::LogEnd, rows::Build};

impl Supervisor {
    /// Takes, keeps or releases the claim, which was read after `read_at`. A follower that is stopped releases it, so that a process
    /// with other code can run it; a paused one too, so that any process can run it once it is resumed.
    pub(super) async fn update_role(&mut self, read_at: Instant) -> Result<(), Error> {
        let Some(claim) = &self.claim else { return Ok(()) };
        let claimant = Arc::clone(claim.claimant());
        let build = self.own_build();
        let (stored, position) =
            build.map(|build| (build.claim, build.checkpoint.position)).unwrap_or_default();
        // The event at which this process is stopped was handled by another one.
        self.retain_runners(|runner| !runner.is_stopped() || runner.status().position >= position);
        let is_wanted = self.pause.is_none() && !self.runners().iter().any(RunnerHandle::is_stopped);
        let role = claimant.update(stored, read_at, is_wanted).await?;
        if role != self.role {
            tracing::info!(name = self.name(), ?role, "the role of this process has changed");
            self.role = role;
        }
        Ok(())
    }

    /// Waits until there is a reason to look at runners or builds.
    pub(super) async fn wait_for_wakeup(&mut self) {
        let news = async {
            let (wakeup, epoch) =
                (self.control.wakeup.notified(), self.control.watcher.epoch_after(self.epoch));
            select(pin!(wakeup), pin!(epoch)).await;
        };
        let wakeup = timeout_at(self.reconcile_at, news);
        let checkpoint = match self.standby_build() {
            Some(build) if !self.is_behind(build) => build.checkpoint.position,
            _ => return drop(wakeup.await),
        };
        let more = self.control.watcher.settled_beyond(LogEnd { position: checkpoint, epoch: self.epoch });
        let has_moved = matches!(select(pin!(wakeup), pin!(more)).await, Either::Right(_));
        if has_moved {
            self.reconcile_at = self.reconcile_at.min(Instant::now() + BUSY_INTERVAL);
        }
    }

    /// The pause before the next reconcile, if another process runs the follower.
    pub(super) fn standby_interval(&mut self) -> Option<Duration> {
        let build = self.standby_build()?;
        let (position, is_behind) = (build.checkpoint.position, self.is_behind(build));
        if position != self.standby_position || !is_behind {
            self.standby_pause.reset();
        }
        self.standby_position = position;
        Some(if is_behind { self.standby_pause.next_pause() } else { IDLE_INTERVAL })
    }

    /// The status, if another process runs the follower.
    pub(super) fn standby_status(&self) -> Option<Status> {
        let build = self.standby_build()?;
        let (position, parked) = (build.checkpoint.position, build.checkpoint.parked);
        let reads = build.live.then(|| self.control.follower.table());
        Some(Status { position, state: State::Standby, parked, reads, ..Status::NEW })
    }

    /// Releases the claim, so that another process takes over at once.
    pub(super) async fn release_claim(&mut self) {
        let Some(claim) = self.claim.take() else { return };
        if let Err(error) = claim.claimant().release().await {
            tracing::warn!(name = self.name(), %error, "could not release the claim; another process takes over later");
        }
    }

    /// The build, if another process runs the follower.
    fn standby_build(&self) -> Option<&Build> {
        self.own_build().filter(|_| self.role == Role::Standby)
    }

    /// The build that the claim is on: only followers without rows are claimed, which have one build.
    fn own_build(&self) -> Option<&Build> {
        self.build(&self.control.follower.table())
    }

    /// Whether the process that runs the follower has events to handle, as far as this process knows.
    fn is_behind(&self, build: &Build) -> bool {
        !build.live || build.checkpoint.position < self.control.watcher.settled()
    }
}
