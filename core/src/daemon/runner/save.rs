//! Saves what a runner has handled, with the checkpoint.

use tokio::time::Instant;

use super::{IDLE_SAVE, Runner, SaveOutcome};
use crate::{
    daemon::{BatchHandler, anchor::anchor_at, stop_reason::StopReason},
    error::Error,
    record::{Position, Record},
    rows::{Build, CommitOutcome, RowChange},
};

impl<H: BatchHandler> Runner<H> {
    /// A change that moves the checkpoint from where it is.
    pub(super) fn change(&self, to: Position) -> RowChange {
        RowChange { parked: self.parking.count(), ..RowChange::new(self.handler.table(), self.saved, to) }
    }

    /// Commits a change that moves the checkpoint forward.
    pub(super) async fn save(
        &mut self,
        records: &[Record],
        change: RowChange,
    ) -> Result<SaveOutcome, StopReason> {
        let to = change.to;
        self.save_at = Instant::now() + IDLE_SAVE;
        if to <= self.saved { Ok(SaveOutcome::Done) } else { self.commit(records, change).await }
    }

    pub(super) async fn commit(
        &mut self,
        records: &[Record],
        change: RowChange,
    ) -> Result<SaveOutcome, StopReason> {
        let to = change.to;
        let committed = match self.handler.commit(&*self.rows, records, change).await {
            Err(error @ Error::Unusable { .. }) => return Err(self.reason_of_unusable(error).await?),
            committed => committed?,
        };
        match committed {
            Ok(CommitOutcome::Done) => {
                self.saved = to;
                Ok(SaveOutcome::Done)
            }
            Ok(CommitOutcome::Stale(position))
                if position != self.saved && self.parking.is_disabled() && self.claimant.is_none() =>
            {
                self.resume_at(position);
                Ok(SaveOutcome::Moved)
            }
            Ok(CommitOutcome::Stale(_)) => self.reload_checkpoint().await,
            Err(error) => Ok(SaveOutcome::Refused(error)),
        }
    }

    /// Why the rows cannot be written: a build that is inline now may become asynchronous again, so that is retried.
    async fn reason_of_unusable(&self, error: Error) -> Result<StopReason, Error> {
        let operation = format!("write rows of `{}`", self.name());
        let is_inline = self.build().await?.is_some_and(|build| build.inline);
        Ok(if is_inline { Error::unavailable(operation, error).into() } else { error.into() })
    }

    /// Its build, as stored.
    pub(super) async fn build(&self) -> Result<Option<Build>, Error> {
        let table = self.handler.table();
        let builds = self.rows.builds(table.projection).await?;
        Ok(builds.into_iter().find(|build| build.order() == table.order()))
    }

    /// Continues from the stored checkpoint, which another runner has moved.
    async fn reload_checkpoint(&mut self) -> Result<SaveOutcome, StopReason> {
        if let Some(claimant) = &self.claimant
            && !claimant.is_still_held().await?
        {
            return Err(self.give_way());
        }
        let table = *self.handler.table();
        let Some(Build { checkpoint, .. }) = self.build().await? else {
            return Err(table.undefined_error().into());
        };
        if (checkpoint.position, checkpoint.parked) == (self.saved, self.parking.count()) {
            // Retrying at once would have the same result.
            let operation = format!("write rows of `{}`", table.projection);
            let reason = format!(
                "the store reports checkpoint {position}, but rejected a commit that expects {position}",
                position = self.saved
            );
            return Err(Error::unavailable(operation, reason).into());
        }
        self.resume(&checkpoint).await?;
        self.retry_newer().await?;
        Ok(SaveOutcome::Moved)
    }

    pub(super) async fn save_idle(&mut self) -> Result<(), StopReason> {
        let position = self.feed.position();
        if position > self.saved {
            let anchor = anchor_at(&**self.feed.watcher().store(), position).await?;
            self.save(&[], RowChange { anchor, ..self.change(position) }).await?;
        }
        Ok(())
    }
}
