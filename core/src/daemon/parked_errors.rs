//! Removes the errors of parked events, which may have values of forgotten subjects, from followers whose rows are not folded again.

use super::FollowerControl;
use crate::{
    error::Error,
    rows::{Build, CommitOutcome, Parked, RowChange, Table},
};

/// What a parked event has in place of its error.
const ERROR_REMOVED: &str =
    "the error was removed when a subject was forgotten; a retry of the event shows it again";
/// How often parked events are read again because the checkpoint moves.
const MAX_ATTEMPTS: usize = 1_000;

impl FollowerControl {
    /// Replaces the errors of the parked events: they may have any text of the application. So may the reason of a stop: a stopped follower starts
    /// again, in each process. The keys of parked events have hashes of personal ids, and stay.
    pub(crate) async fn remove_errors(&self) -> Result<(), Error> {
        for build in self.builds().await? {
            self.replace_errors(build.order()).await?;
            if build.checkpoint.stopped.is_some() {
                self.update_requests(|requests| {
                    requests.restarts += 1;
                    true
                })
                .await?;
                self.request_restart();
            }
        }
        Ok(())
    }

    /// Replaces the errors of the parked events of a build.
    async fn replace_errors(&self, build: (u32, u32)) -> Result<(), Error> {
        let table = Table { version: build.0, ..self.follower.table().built(build.1) };
        for _ in 0..MAX_ATTEMPTS {
            let builds = self.builds().await?;
            let Some(Build { checkpoint, .. }) = builds.into_iter().find(|one| one.order() == build) else {
                return Ok(());
            };
            let parked = match checkpoint.parked {
                0 => Vec::new(),
                _ => self.rows.parked(&table).await?,
            };
            let park: Vec<Parked> = parked.into_iter().filter_map(without_error).collect();
            if park.is_empty() {
                return Ok(());
            }
            let at = checkpoint.position;
            let change = RowChange { parked: checkpoint.parked, park, ..RowChange::new(&table, at, at) };
            if self.rows.commit(change).await? == CommitOutcome::Done {
                return Ok(());
            }
        }
        let operation = self.operation("remove the errors of the parked events of");
        Err(Error::unavailable(operation, "its checkpoint moves all the time; repeat the call"))
    }
}

/// The parked event without its error. `None` if it has none of the application: an event that was not tried waits for another one, and its error
/// has only a position.
fn without_error(parked: Parked) -> Option<Parked> {
    let has_error = parked.attempts > 0 && parked.error != ERROR_REMOVED;
    has_error.then(|| Parked { error: ERROR_REMOVED.to_owned(), ..parked })
}
