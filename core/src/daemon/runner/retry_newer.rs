//! Retries the events that were parked because an older program could not read their versions.

use super::Runner;
use crate::{
    daemon::{
        BatchHandler, Parking, Stopped,
        retry_parked::{Handled, Round, records_of},
        stop_reason::StopReason,
    },
    error::Error,
    rows::{Build, CommitOutcome},
};

impl<H: BatchHandler> Runner<H> {
    /// Handles the parked events that needed a newer program, if this one reads their versions, with the events that wait for them, in
    /// the order of the log. Each is tried until it succeeds or is parked for another reason. Other parked events stay as they are.
    pub(super) async fn retry_newer(&mut self) -> Result<(), StopReason> {
        let mut has_changed = false;
        while self.parking.has_newer()
            && let Some((build, round)) = self.next_round().await?
        {
            let Some(handled) = self.handle_again(&build, round).await? else { continue };
            match handled.commit(&mut self.handler, &*self.rows, &build).await? {
                Ok(CommitOutcome::Done) => {
                    self.retry.add(&handled);
                    has_changed = true;
                }
                // Another runner has moved the checkpoint. A store that never waits must not starve it.
                Ok(CommitOutcome::Stale(_)) => {
                    tokio::task::yield_now().await;
                    continue;
                }
                Err(error) => return Err(StopReason::Stopped(Stopped::without_event(error))),
            }
            if let Some((record, error)) = handled.retry_later {
                return Err(StopReason::retry_event(&record, &error));
            }
        }
        if has_changed {
            let build = self.build().await?.ok_or_else(|| self.undefined())?;
            self.resume(&build.checkpoint).await?;
        }
        Ok(())
    }

    /// The build, and the parked events to handle next; `None` if there are none.
    async fn next_round(&mut self) -> Result<Option<(Build, Round)>, StopReason> {
        if let Some(claimant) = &self.claimant
            && !claimant.is_held().await?
        {
            return Err(self.give_way());
        }
        let table = *self.handler.table();
        let build = self.build().await?.ok_or_else(|| self.undefined())?;
        let parked = self.rows.parked(&table).await?;
        self.retry.begin(table);
        let round = self.retry.next_round(&parked, |parked| parked.needs_newer, Parking::retry(false));
        Ok(round.can_succeed.then_some((build, round)))
    }

    /// Handles the events of a round; `None` if this program cannot read some of them either, which are left out of the next one.
    async fn handle_again(&mut self, build: &Build, round: Round) -> Result<Option<Handled>, StopReason> {
        let Round { new: mut parked, failed, .. } = round;
        let records = records_of(self.feed.watcher(), &parked, self.name()).await?;
        parked.truncate(records.len());
        if records.iter().any(|record| self.handler.is_newer(record)) {
            let unread = records.iter().filter(|record| self.handler.is_newer(record));
            self.retry.exclude(unread.map(|record| record.position));
            return Ok(None);
        }
        let at = build.checkpoint.position;
        Ok(Some(Handled::new(&mut self.handler, at, parked, records, &failed).await?))
    }

    fn undefined(&self) -> Error {
        self.handler.table().undefined_error()
    }
}
