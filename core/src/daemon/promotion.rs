//! Promotion: a complete build becomes the live one.

use std::sync::Arc;

use super::{
    Runner,
    build_plan::ServedBuild,
    supervisor::{Supervisor, is_transient},
};
use crate::{
    error::Error,
    rows::{Build, Difference, PromoteOutcome, SharedRows, Table, Value},
};

impl Supervisor {
    /// The build to promote now, if one is complete.
    pub(super) fn promotable(&self) -> Option<Table> {
        let table = self.plan.candidate.filter(|_| self.promotion_blocked().is_none())?;
        if self.build(&table)?.inline {
            return Some(table);
        }
        let runner = self.runner(&table).filter(|runner| runner.is_complete())?;
        match self.live() {
            // It becomes inline first.
            Some(live) if live.inline && self.wants_inline() => None,
            // Queries must not see an earlier position than before.
            Some(live) => {
                let position = runner.status().position;
                let is_ahead = live.inline || position >= live.checkpoint.position;
                // A log that was restored from an older copy ends before the position of the live build.
                let is_at_end = runner.is_caught_up() && position >= self.control.watcher.settled();
                (is_ahead || is_at_end).then_some(table)
            }
            None => Some(table),
        }
    }

    /// Promotes the candidate if it is complete. Returns whether the builds changed.
    pub(super) async fn try_promote(&mut self) -> Result<bool, Error> {
        self.promotion_delayed = None;
        self.report_blocked().await?;
        let Some(table) = self.promotable() else { return Ok(false) };
        match self.promote(&table).await {
            Ok(outcome @ (PromoteOutcome::Done | PromoteOutcome::Superseded)) => {
                tracing::info!(name = self.name(), build = table.name(), ?outcome, "the build is complete");
                Ok(true)
            }
            Ok(PromoteOutcome::NotComparable) => {
                self.promotion_delayed = Some(self.not_comparable(&table));
                self.run_builds().await?;
                Ok(false)
            }
            Ok(PromoteOutcome::Differs(difference)) => self.block(&table, differs(&table, &difference)).await,
            Err(error) if is_transient(&error) => Err(error),
            Err(error) => self.block(&table, error.to_string()).await,
        }
    }

    async fn promote(&mut self, table: &Table) -> Result<PromoteOutcome, Error> {
        if !self.compares(table) {
            return self.control.rows.promote(table, false).await;
        }
        let outcome = self.control.rows.promote(table, true).await?;
        if outcome != PromoteOutcome::NotComparable || !self.align(table).await? {
            return Ok(outcome);
        }
        self.control.rows.promote(table, true).await
    }

    fn compares(&self, table: &Table) -> bool {
        let same_columns = self.live().is_some_and(|live| live.shape == table.shape());
        self.control.follower.compares_builds() && same_columns && !table.is_checkpoint_only()
    }

    /// Brings the live build and the candidate to the same position, if this program can. Returns whether it did.
    async fn align(&mut self, candidate: &Table) -> Result<bool, Error> {
        let Some(ServedBuild::Own(live)) = self.plan.served else { return Ok(false) };
        let has_parked = |build: Option<&Build>| build.is_some_and(|build| build.checkpoint.parked > 0);
        if has_parked(self.build(&live)) || has_parked(self.build(candidate)) {
            return Ok(false);
        }
        self.end_runners().await;
        let builds = self.control.builds().await?;
        let position_of = |table: &Table| {
            let build = builds.iter().find(|build| build.order() == table.order());
            build.map(|build| build.checkpoint.position).ok_or_else(|| table.undefined_error())
        };
        let (live_at, candidate_at) = (position_of(&live)?, position_of(candidate)?);
        let (end, lagging) =
            (live_at.max(candidate_at), if live_at < candidate_at { live } else { *candidate });
        // A log that was restored from an older copy may never reach that position.
        if end > self.control.watcher.store().settled().await?.position {
            return Ok(false);
        }
        let (follower, rows) = (&self.control.follower, SharedRows::clone(&self.control.rows));
        let handler = follower.batch_handler(lagging, SharedRows::clone(&rows));
        let (runner, _) = Runner::new(Arc::clone(&self.control.watcher), rows, handler);
        runner.error_policy(follower.error_policy()).run_to(end).await?;
        Ok(true)
    }

    /// Blocks the promotion of the candidate until an intervention through the admin API. Returns whether the builds changed.
    async fn block(&mut self, table: &Table, reason: String) -> Result<bool, Error> {
        let build = table.name();
        tracing::error!(name = self.name(), build, reason, "the build is complete but cannot be promoted");
        let inline = self.build(table).is_some_and(|build| build.inline);
        self.control.block_promotion(*table, reason.clone());
        if inline {
            self.control.rows.make_async(table).await?;
        }
        self.control.rows.report(table, Some(&reason)).await?;
        Ok(inline)
    }

    /// Saves again why the promotion is blocked: a move of the candidate's checkpoint has cleared it.
    async fn report_blocked(&self) -> Result<(), Error> {
        let (Some(table), Some(reason)) = (self.plan.candidate, self.promotion_blocked()) else {
            return Ok(());
        };
        let is_cleared = self.build(&table).is_some_and(|build| build.checkpoint.stopped.is_none());
        if is_cleared { self.control.rows.report(&table, Some(&reason)).await } else { Ok(()) }
    }

    fn not_comparable(&self, candidate: &Table) -> String {
        let describe = |build: Option<&Build>| {
            build.map_or_else(String::new, |Build { checkpoint, .. }| {
                format!("position {} with {} parked events", checkpoint.position, checkpoint.parked)
            })
        };
        format!(
            "build `{}` is complete, but builds can be compared only at the same position and without parked events: the \
             live build is at {}, this one at {}",
            candidate.name(),
            describe(self.live()),
            describe(self.build(candidate)),
        )
    }
}

fn differs(candidate: &Table, difference: &Difference) -> String {
    let Difference { missing, added, changed, example } = difference;
    let mut text = format!(
        "build `{}` is complete but differs from the live build: {missing} rows missing, {added} extra, {changed} changed",
        candidate.name()
    );
    if let Some(key) = example {
        let key: Vec<String> = key.iter().map(Value::to_text).collect();
        text.push_str(&format!(" (for example key {})", key.join(", ")));
    }
    text
}
