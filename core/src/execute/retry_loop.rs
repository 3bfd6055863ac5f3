//! Attempts a command until it succeeds, fails for good, or was attempted often enough.

use std::fmt::Debug;

use tokio::time::Instant;

use super::{
    admission::Admission,
    attempt::{Attempt, AttemptOutcome},
    prepared::{Decide, PreparedCommand},
    retry::Retry,
};
use crate::{error::ExecuteError, store::Receipt};

/// Attempts a command again after a conflict, after a change of the inline builds or of the successors of event names, after the log
/// has lost events that the attempt was based on, and after an unknown outcome if it has a command id.
///
/// After an unknown outcome only an acceptance is certain: whatever later attempts find, the lost append may still arrive.
///
/// # Errors
/// [`ExecuteError`] of the last attempt, or the unknown outcome if there was one.
pub(super) async fn execute_with_retry<E: Debug + Send>(
    command: &PreparedCommand,
    decide: &mut Decide<'_, E>,
) -> Result<Receipt, ExecuteError<E>> {
    let _in_flight = command.executor.gate.try_enter()?;
    let retry = command.executor.settings.retry;
    let deadline = retry.deadline();
    let (mut tries, mut unknown, mut unbatched, mut after_conflict) = (1, None, false, false);
    loop {
        let (is_retry, mut store_changed) = (tries > 1, false);
        let epoch = command.executor.store.epoch();
        let mut is_reserved = false;
        let queue_deadline = Retry::queue_deadline(deadline);
        let attempted = match Admission::acquire(command, is_retry, unbatched, queue_deadline).await {
            Ok(mut admission) => {
                is_reserved = admission.reserve(command, after_conflict).await;
                Attempt { command, admission }.run(decide, is_retry || is_reserved).await
            }
            Err(busy) => Err(busy),
        };
        let failure = match attempted {
            Ok(AttemptOutcome::Accepted(receipt)) => return Ok(receipt),
            Ok(AttemptOutcome::Rejected(rejection)) => ExecuteError::Rejected(rejection),
            Ok(AttemptOutcome::Conflict(conflicting_position)) => {
                command.profile.metrics.conflict(command.name);
                ExecuteError::Conflict { tries, conflicting_position }
            }
            Ok(AttemptOutcome::StoreChanged(error)) => {
                store_changed = true;
                error.into()
            }
            Ok(AttemptOutcome::Retry { unbatched: next }) => {
                unbatched = next;
                continue;
            }
            Err(error) => error.into(),
        };
        let is_unknown = matches!(failure, ExecuteError::OutcomeUnknown(_));
        let is_retryable = match &failure {
            ExecuteError::Conflict { .. } => true,
            ExecuteError::OutcomeUnknown(_) => command.key.is_some(),
            ExecuteError::Unavailable(_) => store_changed || command.executor.store.epoch() != epoch,
            _ => store_changed,
        };
        let is_over = tries >= retry.tries() || deadline.is_some_and(|deadline| Instant::now() >= deadline);
        if !is_retryable || is_over {
            return Err(unknown.unwrap_or(failure));
        }
        tracing::debug!(command = command.name, tries, unknown = is_unknown, "trying again");
        // The store makes the next attempt wait for the others. If it does not, the conflicting commands pause for random times.
        after_conflict = !is_unknown && !store_changed;
        let waits_in_store = after_conflict && (tries == 1 || is_reserved);
        if is_unknown {
            unknown = Some(failure);
        }
        if !waits_in_store {
            tokio::time::sleep(retry.pause(tries)).await;
        }
        tries += 1;
    }
}
