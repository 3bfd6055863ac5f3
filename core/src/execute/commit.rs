//! Writes a batch in one append, notifies the callers and caches the states.

use std::{iter, sync::Arc};

use tokio::sync::oneshot;

use super::{
    aggregate_key::AggregateKey,
    batch::CommandBatch,
    executor::Executor,
    keyed_queue::QueueGuard,
    pending_events::{BatchOutcome, ModifiedState, PendingAppend, PendingEvents},
};
use crate::{
    error::Error,
    position::Position,
    rows::BuildId,
    store::{Append, AppendOutcome, Marker, Receipt},
    telemetry::Stopwatch,
};

/// How often an append is repeated because the store requires other inline folds.
const MAX_INLINE_RETRIES: usize = 3;

/// Writes a batch, caches its states and notifies the callers. The guards are released at the end. Returns the outcome of the append
/// that has no sender, if there is one.
pub(super) async fn commit(
    executor: Arc<Executor>,
    guards: Vec<QueueGuard<AggregateKey, CommandBatch>>,
    batch: CommandBatch,
) -> Option<BatchOutcome> {
    let CommandBatch { appends, modified, dependents, reservation, guards: _ } = batch;
    let pending = PendingEvents::of(modified.iter(), &appends);
    let mut senders = Vec::with_capacity(appends.len());
    let appends: Vec<Append> = appends
        .into_iter()
        .map(|PendingAppend { append, sender }| {
            senders.push(sender);
            append
        })
        .collect();
    let is_batched = senders.len() > 1;
    let recorded = appends.iter().filter(|append| !append.events.is_empty()).map(|append| append.recorded_at);
    let recorded_at = recorded.max();
    let epoch = executor.store.epoch();
    let adding = appends.iter().find(|append| append.adds_successors());
    let new_successors = adding.and_then(|append| Some(append.successors.as_ref()?.version));
    let (events, stopwatch) = (appends.iter().map(|append| append.events.len()).sum(), Stopwatch::start());
    let outcome = executor.append(appends).await;
    drop(reservation);
    if let Some(version) = new_successors
        && let Err(error) = executor.read_successors(version).await
    {
        tracing::debug!(%error, "the successors of event names are read after the next append");
    }
    let own = match outcome {
        Ok(AppendOutcome::Appended(receipts)) => {
            executor.metrics.appended(senders.len(), events, stopwatch);
            executor.cache_written(modified, pending, &receipts, epoch);
            if let Some(last) = receipts.iter().map(Receipt::position).max() {
                executor.watcher.appended(last, epoch);
            }
            if let Some(recorded_at) = recorded_at {
                executor.watcher.appended_at(recorded_at);
            }
            let appended = |receipt| BatchOutcome::Answered(AppendOutcome::Appended(receipt));
            // A command without events may be based on the events of the commands before it.
            let mut last = Position::START;
            let complete = receipts.into_iter().map(|receipt| {
                let receipt = receipt.based_on(last);
                last = receipt.position();
                receipt
            });
            let own = notify(senders, complete.map(appended));
            for dependent in dependents {
                drop(dependent.send(appended(Receipt::default().based_on(last))));
            }
            own
        }
        Ok(refused) => {
            executor.cache_unchanged(modified);
            let refused = refused.map(|_| Receipt::default());
            notify(senders, (0..).map(|index| outcome_of(&refused, index)))
        }
        Err(error) => {
            executor.cache_unchanged(modified);
            let outcomes = failed(error, senders.len());
            notify(senders, outcomes)
        }
    };
    if is_batched || guards.iter().any(QueueGuard::has_waiters) {
        // Yields, so that callers that were just notified can queue their next command into the same batch.
        tokio::task::yield_now().await;
    }
    own
}

/// Sends the outcomes to the callers, and returns the one that has no sender. Callers that dropped their future are ignored.
fn notify(
    senders: Vec<Option<oneshot::Sender<BatchOutcome>>>,
    outcomes: impl Iterator<Item = BatchOutcome>,
) -> Option<BatchOutcome> {
    let mut own = None;
    for (sender, outcome) in senders.into_iter().zip(outcomes) {
        match sender {
            Some(sender) => drop(sender.send(outcome)),
            None => own = Some(outcome),
        }
    }
    own
}

/// The outcome of one of several appends that were refused together. A conflict and missing inline folds concern all of them.
fn outcome_of(refused: &AppendOutcome<Receipt>, append: usize) -> BatchOutcome {
    match refused {
        AppendOutcome::Duplicate { index, .. } if *index != append => BatchOutcome::RetryUnbatched,
        refused => BatchOutcome::Answered(refused.clone()),
    }
}

/// If the outcome is unknown, it is unknown for all commands. After any other error nothing was written, so each command
/// retries unbatched to find the one at fault.
fn failed(error: Error, commands: usize) -> Box<dyn Iterator<Item = BatchOutcome> + Send> {
    match error {
        error if commands == 1 => Box::new(iter::once(BatchOutcome::Failed(error))),
        Error::OutcomeUnknown { operation, reason, source } => {
            let source = source.map(Arc::<dyn std::error::Error + Send + Sync>::from);
            Box::new(iter::repeat_with(move || {
                let (operation, reason) = (operation.clone(), reason.clone());
                let source = source.as_ref().map(|source| Box::new(Arc::clone(source)) as _);
                BatchOutcome::Failed(Error::OutcomeUnknown { operation, reason, source })
            }))
        }
        _ => Box::new(iter::repeat_with(|| BatchOutcome::RetryUnbatched)),
    }
}

impl Executor {
    /// The number of commands that are written in one append. With inline projections it is one: the append may have to be
    /// repeated with other folds.
    pub(super) fn max_batch(&self) -> usize {
        if self.inline.is_used() { 1 } else { self.store.max_batch() }
    }

    /// Appends all or none, and repeats the append with the inline folds that the store requires, as far as this program has them.
    async fn append(&self, mut appends: Vec<Append>) -> Result<AppendOutcome, Error> {
        let Self { store, inline, .. } = self;
        if !inline.is_used() {
            let outcome = store.append(appends).await;
            if let Ok(AppendOutcome::InlineRequired { .. }) = &outcome {
                inline.request_reconcile();
            }
            return outcome;
        }
        let mut outcome = store.append(appends.clone()).await?;
        // One retry is enough, unless builds change at the same time.
        for _ in 0..MAX_INLINE_RETRIES {
            let AppendOutcome::InlineRequired { index, builds } = &outcome else { break };
            let (Some(folds), Some(append)) = (inline.of_builds(builds), appends.get_mut(*index)) else {
                break;
            };
            append.inline = folds;
            outcome = store.append(appends.clone()).await?;
        }
        Ok(outcome)
    }

    /// Prepares another attempt after an append without the inline folds that the store requires: builds of known projections whose
    /// fold this program does not have become asynchronous. Returns the error of the last attempt.
    ///
    /// # Errors
    /// [`Error::Unusable`] if this program does not know one of the projections.
    pub(super) async fn end_inline_mode(&self, builds: &[BuildId]) -> Result<Error, Error> {
        self.inline.request_reconcile();
        for id in builds.iter().filter(|id| self.inline.of_build(id).is_none()) {
            let (table, rows) = self
                .inline
                .known_table(id)
                .zip(self.store.row_store())
                .ok_or_else(|| self.unknown_inline(builds))?;
            rows.make_async(&table).await?;
            tracing::warn!(
                name = table.projection,
                build = table.name(),
                "this program appends without the fold of the inline build, which is updated in the background now"
            );
        }
        let operation = format!("append to {}", self.store.describe());
        Ok(Error::unavailable(operation, "the inline projections of the log keep changing; try again"))
    }

    /// Reads the successors of event names, of which an append knew the list of a version. Returns whether the list is another one.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer.
    pub(super) async fn read_successors(&self, version: u64) -> Result<bool, Error> {
        let list = self.watcher.successors().list_after(version).await?;
        let has_changed = list.version != version;
        if has_changed {
            self.registry.warn_of_unread_successors(&self.store.describe(), &list);
        }
        Ok(has_changed)
    }

    /// Some of these builds are of projections that this program does not know.
    fn unknown_inline(&self, builds: &[BuildId]) -> Error {
        let operation = format!("append to {}", self.store.describe());
        let builds = builds.iter().filter(|id| self.inline.known_table(id).is_none());
        let names: Vec<_> = builds.map(|id| format!("`{}` version {}", id.projection, id.version)).collect();
        let reason = format!(
            "{} are inline projections of this log, but this program does not run them: start it with \
             `.projection_with::<…>(ProjectionOptions::new().inline())` for each, or, if no program needs the rows any more, with \
             `.removed_projection(…)`",
            names.join(", ")
        );
        Error::unusable(operation, reason)
    }

    /// Folds the written events into the states and caches them. They were appended in this epoch of the log, or a later one.
    fn cache_written(
        &self,
        mut modified: Vec<ModifiedState>,
        pending: PendingEvents,
        receipts: &[Receipt],
        epoch: u64,
    ) {
        let lost = pending.fold(modified.iter_mut(), &self.codec, |event| event.position_in(receipts));
        let last = receipts.iter().max_by_key(|receipt| receipt.position());
        let marker =
            last.filter(|last| !last.events.is_empty()).map(|last| Marker::after(last).in_epoch(epoch));
        for (index, ModifiedState { key, mut state, .. }) in modified.into_iter().enumerate() {
            if lost.binary_search(&index).is_err() {
                state.marker = marker.unwrap_or(state.marker);
                self.save_snapshot_if_due(&key, &mut state);
                self.cache.put(key, state);
            }
        }
    }

    /// Caches states of a batch that was not written, unless events of the batch are folded in. A state that caused a conflict is
    /// stale, but the next command can read on from it.
    fn cache_unchanged(&self, modified: Vec<ModifiedState>) {
        let unchanged = modified.into_iter().filter(|modified| modified.folded_appends == 0);
        unchanged.for_each(|ModifiedState { key, state, .. }| self.cache.put(key, state));
    }
}
