//! When the appends keep a build, and when its runners do.

use std::sync::Arc;

use super::{build_plan::ServedBuild, runner_handle::RunnerHandle, supervisor::Supervisor};
use crate::{
    error::Error,
    rows::{Build, Inline, InlineOutcome, Table},
};

impl Supervisor {
    /// Whether what questions read changes with the appends, of this program or of another.
    pub(super) fn is_inline(&self) -> bool {
        let Some(ServedBuild::Own(table)) = &self.plan.reads else { return false };
        self.build(table).is_some_and(|build| build.inline)
    }

    /// Whether this program wants its appends to keep the rows.
    pub(super) fn wants_inline(&self) -> bool {
        self.control.follower.inline(self.control.follower.table()).is_some()
    }

    /// Takes out of the appends: builds of older versions, those that another has taken over from, and what this program
    /// keeps in the background. Of programs that disagree about the last, the one that was started or asked last is right.
    /// Gives whether something changed.
    pub(super) async fn make_async(&self) -> Result<bool, Error> {
        let own = self.control.follower.table();
        let unwanted = self.asked && !self.wants_inline();
        let live = self.live().map(Build::order);
        let mut changed = false;
        for build in self.builds().iter().filter(|build| build.inline) {
            let is_own = build.version == own.version;
            let is_old = is_own && Some(build.order()) < live;
            if build.version < own.version || is_old || (is_own && unwanted) {
                let table = Table { version: build.version, ..own.built(build.build) };
                self.control.rows.make_async(&table).await?;
                changed = true;
            }
        }
        Ok(changed)
    }

    /// Lets the appends keep a build, if that is wished and nothing lies behind it. Gives whether something changed.
    pub(super) async fn make_inline(&mut self) -> Result<bool, Error> {
        let Some((table, inline)) = self.next_inline() else { return Ok(false) };
        if !self.is_at_the_end(&table).await? {
            return Ok(false);
        }
        self.end_runner(&table).await;
        match self.control.rows.make_inline(inline).await {
            Ok(inlined) => Ok(inlined == InlineOutcome::Done),
            // Its runner will meet the event, and say so.
            Err(error @ (Error::Invalid(_) | Error::Panicked { .. })) => {
                tracing::warn!(name = self.name(), %error, "it cannot be kept inline yet");
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// The build that the appends are to keep next: what questions read, or what takes over from a build that is inline.
    pub(super) fn next_inline(&self) -> Option<(Table, Arc<dyn Inline>)> {
        let newest = self.builds().last()?;
        let live = self.live().filter(|_| self.refused().is_none());
        let table = match (&self.plan.reads, self.plan.candidate) {
            (_, Some(candidate)) => live.filter(|live| live.inline).map(|_| candidate)?,
            (Some(ServedBuild::Own(table)), None) => *table,
            _ => return None,
        };
        let is_newest = newest.order() == table.order();
        let waits = is_newest && !newest.inline && newest.checkpoint.parked == 0;
        let inline = self.control.follower.inline(table).filter(|_| waits)?;
        Some((table, inline))
    }

    /// Whether a build has read the log to its end, or to where that was at the last look: its runner, and not an append, is
    /// to meet what cannot be taken.
    async fn is_at_the_end(&mut self, table: &Table) -> Result<bool, Error> {
        let settled = self.control.watcher.store().settled().await?.position;
        let before = self.settled.replace(settled);
        let status = self.running(table).map(RunnerHandle::status);
        let far = status.is_some_and(|status| {
            status.parked == 0 && before.is_some_and(|before| status.position >= before)
        });
        Ok(far || self.build(table).is_some_and(|build| build.checkpoint.position >= settled))
    }
}
