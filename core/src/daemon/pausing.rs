//! Requests of operators, as the supervisor of a process obeys them.

use super::{State, Status, build_plan::ServedBuild, claimant::Role, supervisor::Supervisor};
use crate::{
    error::Error,
    rows::{Build, FollowerRequests, Table},
};

impl Supervisor {
    /// Ends the runners if the follower is paused or a restart was requested since the last reconcile. Returns whether any ended: the builds
    /// have other checkpoints then.
    pub(super) async fn apply_requests(&mut self) -> bool {
        let requests = self.builds().last().map(|build| build.requests.clone()).unwrap_or_default();
        let restarts = self.restarts.replace(requests.restarts);
        let is_restart = restarts.is_some_and(|restarts| restarts < requests.restarts);
        if is_restart {
            self.control.unblock_promotion();
        }
        // The appends change the rows of an inline build, so it takes no notice of a pause.
        let is_inline = self.builds().iter().any(|build| build.inline);
        self.pause = requests.pause.filter(|_| !is_inline);
        let ends = (is_restart || self.pause.is_some()) && !self.runners().is_empty();
        if ends {
            self.end_runners().await;
        }
        ends
    }

    /// Handles the request to retry parked events, if this process runs the follower.
    pub(super) async fn update_retry(&mut self) -> Result<(), Error> {
        if self.role != Role::Runner {
            return Ok(());
        }
        let Some(requests) = self.requests() else { return Ok(()) };
        let control = std::sync::Arc::clone(&self.control);
        self.retry.update(&control, &requests).await
    }

    /// The status while the follower is paused: that of the stored builds.
    pub(super) fn paused_status(&self) -> Option<Status> {
        let pause = self.pause.clone()?;
        let table = match self.plan.served {
            Some(ServedBuild::Own(table) | ServedBuild::Other(table)) => Some(table),
            None => self.plan.candidate,
        };
        let build = table.and_then(|table| self.build(&table));
        let checkpoint = build.map(|build| build.checkpoint.clone()).unwrap_or_default();
        let is_read = |_: &Table| self.plan.served.is_some() && build.is_some_and(|build| build.live);
        let (position, parked, reads) = (checkpoint.position, checkpoint.parked, table.filter(is_read));
        let promotion_blocked = self.promotion_blocked();
        Some(Status {
            position,
            parked,
            reads,
            promotion_blocked,
            state: State::Paused(pause),
            building: None,
        })
    }

    fn requests(&self) -> Option<FollowerRequests> {
        self.builds().last().map(|build: &Build| build.requests.clone())
    }
}
