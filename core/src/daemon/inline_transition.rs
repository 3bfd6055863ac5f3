//! Switching a build between inline (written by the appends) and asynchronous (written by a runner).

use std::sync::Arc;

use tokio::time::Instant;

use super::{build_plan::ServedBuild, runner_handle::RunnerHandle, supervisor::Supervisor};
use crate::{
    error::Error,
    rows::{Build, Inline, InlineOutcome, Table},
};

impl Supervisor {
    /// Delays the next attempt to make the build that queries read inline, if another program made it asynchronous.
    pub(super) fn observe_inline(&mut self) {
        let Some(ServedBuild::Own(table)) = self.plan.served else { return };
        let is_inline = self.is_inline();
        if self.wants_inline() && self.inline_mode.observe(table.order(), is_inline, Instant::now()) {
            tracing::warn!(
                name = self.name(),
                build = table.name(),
                "a program without its fold appends, so the build is updated in the background; it becomes inline again later"
            );
        }
    }

    /// Whether the build that queries read is inline, in this program or another.
    pub(super) fn is_inline(&self) -> bool {
        let Some(ServedBuild::Own(table)) = &self.plan.served else { return false };
        self.build(table).is_some_and(|build| build.inline)
    }

    /// Whether this program declares the projection inline.
    pub(super) fn wants_inline(&self) -> bool {
        self.control.follower.inline(self.control.follower.table()).is_some()
    }

    /// Makes inline builds asynchronous: builds of older versions, superseded builds, and builds that this program declares
    /// asynchronous. If programs declare a projection differently, the one started or reconciled on request last wins.
    /// Returns whether it changed a build.
    pub(super) async fn make_async(&self) -> Result<bool, Error> {
        let own = self.control.follower.table();
        let unwanted = self.requested && !self.wants_inline();
        let live = self.live().map(Build::order);
        let mut changed = false;
        for build in self.builds().iter().filter(|build| build.inline) {
            let is_own = build.version == own.version;
            let is_superseded = is_own && Some(build.order()) < live;
            if build.version < own.version || is_superseded || (is_own && unwanted) {
                let table = Table { version: build.version, ..own.built(build.build) };
                self.control.rows.make_async(&table).await?;
                changed = true;
            }
        }
        Ok(changed)
    }

    /// Makes the next build inline, if one is due and has reached the end of the log. Returns whether it did.
    pub(super) async fn make_inline(&mut self) -> Result<bool, Error> {
        let Some((table, inline)) = self.next_inline() else { return Ok(false) };
        if !self.is_at_end(&table).await? {
            return Ok(false);
        }
        self.end_runner(&table).await;
        match self.control.rows.make_inline(inline).await {
            Ok(outcome) => {
                let is_done = outcome == InlineOutcome::Done;
                // Another program may make it asynchronous before it is read again.
                self.inline_mode.observe(table.order(), is_done, Instant::now());
                Ok(is_done)
            }
            // The runner is started again, meets the same event and reports it.
            Err(error @ (Error::Invalid(_) | Error::Panicked { .. })) => {
                tracing::warn!(name = self.name(), %error, "the build cannot be made inline yet");
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// The build to make inline next: the one that queries read, or the candidate that replaces an inline build.
    pub(super) fn next_inline(&self) -> Option<(Table, Arc<dyn Inline>)> {
        let newest = self.builds().last()?;
        let live = self.live().filter(|_| self.promotion_blocked().is_none());
        let table = match (&self.plan.served, self.plan.candidate) {
            (_, Some(candidate)) => live.filter(|live| live.inline).map(|_| candidate)?,
            (Some(ServedBuild::Own(table)), None) => *table,
            _ => return None,
        };
        let is_newest = newest.order() == table.order();
        let is_due = self.inline_mode.may_switch(Instant::now())
            && is_newest
            && !newest.inline
            && newest.checkpoint.parked == 0;
        let inline = self.control.follower.inline(table).filter(|_| is_due)?;
        Some((table, inline))
    }

    /// Whether a build is at the end of the log, or at the end as of the last check. An event that fails then fails in its
    /// runner, and not in somebody's append.
    async fn is_at_end(&mut self, table: &Table) -> Result<bool, Error> {
        let settled = self.control.watcher.store().settled().await?.position;
        let before = self.settled.replace(settled);
        let status = self.runner(table).map(RunnerHandle::status);
        let was_reached = status.is_some_and(|status| {
            status.parked == 0 && before.is_some_and(|before| status.position >= before)
        });
        Ok(was_reached || self.build(table).is_some_and(|build| build.checkpoint.position >= settled))
    }
}
