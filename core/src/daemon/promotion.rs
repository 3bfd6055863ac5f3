//! A build that is complete takes over from the live one.

use std::sync::Arc;

use super::{
    Runner,
    build_plan::ServedBuild,
    supervisor::{Supervisor, passes},
};
use crate::{
    error::Error,
    rows::{Build, Difference, PromoteOutcome, SharedRows, Table},
};

impl Supervisor {
    /// The build that is complete and is to take over, if there is one.
    pub(super) fn due(&self) -> Option<Table> {
        let table = self.plan.candidate.filter(|_| self.refused().is_none())?;
        if self.build(&table)?.inline {
            return Some(table);
        }
        let running = self.running(&table).filter(|running| running.is_complete())?;
        match self.live() {
            // It goes inline first.
            Some(live) if live.inline && self.wants_inline() => None,
            // Questions do not go back in time.
            Some(live) => {
                let far = live.inline || running.status().position >= live.checkpoint.position;
                (far || running.is_caught_up()).then_some(table)
            }
            None => Some(table),
        }
    }

    /// Lets the candidate take over if it is complete. Gives whether something changed.
    pub(super) async fn try_promote(&mut self) -> Result<bool, Error> {
        self.delayed = None;
        self.repeat().await?;
        let Some(table) = self.due() else { return Ok(false) };
        match self.promote(&table).await {
            Ok(switched @ (PromoteOutcome::Done | PromoteOutcome::Superseded)) => {
                tracing::info!(build = table.name(), ?switched, "the build is complete");
                Ok(true)
            }
            Ok(PromoteOutcome::NotComparable) => {
                self.delayed = Some(self.apart(&table));
                self.run_builds().await?;
                Ok(false)
            }
            Ok(PromoteOutcome::Differs(difference)) => self.refuse(&table, differs(&difference)).await,
            Err(error) if passes(&error) => Err(error),
            Err(error) => self.refuse(&table, error.to_string()).await,
        }
    }

    async fn promote(&mut self, table: &Table) -> Result<PromoteOutcome, Error> {
        if !self.compares_builds(table) {
            return self.control.rows.promote(table, false).await;
        }
        let switched = self.control.rows.promote(table, true).await?;
        if switched != PromoteOutcome::NotComparable || !self.align(table).await? {
            return Ok(switched);
        }
        self.control.rows.promote(table, true).await
    }

    fn compares_builds(&self, table: &Table) -> bool {
        let alike = self.live().is_some_and(|live| live.shape == table.shape());
        self.control.follower.compares_builds() && alike && !table.is_checkpoint_only()
    }

    /// Brings the live build and the candidate to the same position, if this program can. Gives whether it did.
    async fn align(&mut self, candidate: &Table) -> Result<bool, Error> {
        let Some(ServedBuild::Own(live)) = self.plan.reads else { return Ok(false) };
        let parked = |build: Option<&Build>| build.is_some_and(|build| build.checkpoint.parked > 0);
        if parked(self.build(&live)) || parked(self.build(candidate)) {
            return Ok(false);
        }
        self.end_runners().await;
        let builds = self.control.builds().await?;
        let at = |table: &Table| {
            let build = builds.iter().find(|build| build.order() == table.order());
            build.map(|build| build.checkpoint.position).ok_or_else(|| table.undefined())
        };
        let (live_at, candidate_at) = (at(&live)?, at(candidate)?);
        let (end, behind) =
            (live_at.max(candidate_at), if live_at < candidate_at { live } else { *candidate });
        // A log that was restored from an older copy may never come so far.
        if end > self.control.watcher.store().settled().await?.position {
            return Ok(false);
        }
        let (follower, rows) = (&self.control.follower, SharedRows::clone(&self.control.rows));
        let handler = follower.batch_handler(behind, SharedRows::clone(&rows));
        let (runner, _) = Runner::new(Arc::clone(&self.control.watcher), rows, handler);
        runner.error_policy(follower.error_policy()).run_to(end).await?;
        Ok(true)
    }

    /// The candidate does not take over, until somebody does something about it.
    async fn refuse(&mut self, table: &Table, reason: String) -> Result<bool, Error> {
        let build = table.name();
        tracing::error!(build, reason, "the build is complete and does not take over");
        let inline = self.build(table).is_some_and(|build| build.inline);
        self.control.refuse(*table, reason.clone());
        if inline {
            self.control.rows.make_async(table).await?;
        }
        self.control.rows.report(table, Some(&reason)).await?;
        Ok(inline)
    }

    /// Writes down again why the candidate does not take over: what is written is over when its checkpoint moves.
    async fn repeat(&self) -> Result<(), Error> {
        let (Some(table), Some(reason)) = (self.plan.candidate, self.refused()) else { return Ok(()) };
        let is_silent = self.build(&table).is_some_and(|build| build.checkpoint.stopped.is_none());
        if is_silent { self.control.rows.report(&table, Some(&reason)).await } else { Ok(()) }
    }

    fn apart(&self, candidate: &Table) -> String {
        let stands = |build: Option<&Build>| {
            build.map_or_else(String::new, |Build { checkpoint, .. }| {
                format!("position {} with {} parked events", checkpoint.position, checkpoint.parked)
            })
        };
        format!(
            "it is complete, and can be compared with the live build only where both stand at one position with nothing \
             parked; the live one stands at {}, it at {}",
            stands(self.live()),
            stands(self.build(candidate)),
        )
    }
}

fn differs(difference: &Difference) -> String {
    let Difference { missing, added, changed, example } = difference;
    let mut text = format!(
        "it is complete, and its rows are not those of the live build: {missing} are missing, {added} are new, {changed} are \
         others"
    );
    if let Some(key) = example {
        let key: Vec<String> = key.iter().map(crate::rows::Value::to_text).collect();
        text.push_str(&format!(", such as that of {}", key.join(", ")));
    }
    text
}
