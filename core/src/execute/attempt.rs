//! One attempt to execute a command: load the states, decide, append.

use std::fmt::Debug;

use tracing::Instrument;

use super::{
    activity::Step,
    admission::Admission,
    event_index::EventIndex,
    executor::Journal,
    pending_events::{BatchOutcome, ModifiedState},
    prepared::{Decide, Decision, PreparedCommand},
};
use crate::{
    dispatch::VersionedState,
    error::Error,
    panics::catch,
    position::Position,
    record::Draft,
    store::{Append, AppendOutcome, Condition, KnownSuccessors, Receipt, Successors},
    telemetry::{append_span, decide_span, load_span},
    time::Timestamp,
};

/// One attempt to execute a command.
pub(super) struct Attempt<'a> {
    pub(super) command: &'a PreparedCommand,
    pub(super) admission: Admission,
}

/// The outcome of one attempt.
pub(super) enum AttemptOutcome<E> {
    Accepted(Receipt),
    Rejected(E),
    Conflict(Position),
    /// The inline builds of the log have changed, or the successors of event names in another command of the batch; retry. Contains the
    /// error if this was the last attempt.
    StoreChanged(Error),
    /// Another command of the batch failed, or the log has other successors of event names; retry. (That command made progress, and
    /// successors are rare, so this is not a livelock.)
    Retry {
        unbatched: bool,
    },
}

impl Attempt<'_> {
    /// Loads the states, decides and appends. A decision on states that may be stale is repeated if nothing is appended.
    ///
    /// # Errors
    /// [`Error`] if a state cannot be loaded, the command cannot be decided, or the store cannot append.
    pub(super) async fn run<E: Debug + Send>(
        self,
        decide: &mut Decide<'_, E>,
        mut bypass_cache: bool,
    ) -> Result<AttemptOutcome<E>, Error> {
        let command = self.command;
        let clock = &command.executor.clock;
        let successors = match command.check_successors().await {
            Ok(successors) => successors,
            Err(refused) => {
                return command.finish_without_append(clock.now(), Err(refused), Position::START).await;
            }
        };
        loop {
            command.activity.begin(Step::Loading);
            let span = load_span(command.aggregates.len());
            let loading =
                command.load_states(&self.admission.batch, bypass_cache, successors.retag_version());
            let loaded = match loading.instrument(span.clone()).await {
                Ok(loaded) => loaded,
                // A command that was accepted before stays accepted, even if the history cannot be read any more.
                Err(error @ (Error::Invalid(_) | Error::Panicked { .. })) => {
                    return command.finish_without_append(clock.now(), Err(error), Position::START).await;
                }
                Err(error) => return Err(error),
            };
            span.record("events", loaded.replayed);
            let reservation = &self.admission.batch.reservation;
            if !reservation.is_none() && !reservation.has_waited() && !loaded.has_news {
                command.aggregates.iter().for_each(|key| command.executor.contention.record_quiet(key));
            }
            let time = clock.now();
            command.activity.begin(Step::Deciding);
            match decide_span().in_scope(|| decide(command, time, &loaded.states)) {
                Ok(Ok(events)) if command.needs_append(&events) => {
                    if let Err(unknown) = command.executor.registry.check_rewrites(&successors, &events) {
                        let based_on = last_position(&loaded.states);
                        return command.finish_without_append(time, Err(unknown.into()), based_on).await;
                    }
                    return self.append(time, events, loaded.states, &successors).await;
                }
                decision if loaded.is_authoritative => {
                    let based_on = last_position(&loaded.states);
                    command.cache_loaded(loaded.states);
                    return command.finish_without_append(time, decision, based_on).await;
                }
                decision if self.admission.batch.has_pending() => {
                    drop(loaded);
                    // On the heap, so that the future of every command is not as large as this rare one.
                    return Box::pin(self.await_batch(time, decision, successors.version)).await;
                }
                _ => bypass_cache = true,
            }
        }
    }

    /// Adds the append to the batch, passes the batch on or writes it, and waits for the outcome.
    async fn append<E>(
        mut self,
        time: Timestamp,
        events: Vec<Draft>,
        states: Vec<VersionedState>,
        successors: &Successors,
    ) -> Result<AttemptOutcome<E>, Error> {
        let (based_on, span) = (last_position(&states), append_span(events.len()));
        let known = self.command.executor.watcher.successors().known(successors, &events);
        if !self.add_to_batch(time, events, states, known) {
            return self.retry_unbatched().await;
        }
        let Self { command, admission } = self;
        command.activity.begin(Step::Appending);
        let outcome = admission.flush_or_pass(&command.executor).instrument(span).await;
        Ok(match command.attempt_outcome(outcome, successors.version).await? {
            AttemptOutcome::Accepted(receipt) => AttemptOutcome::Accepted(receipt.based_on(based_on)),
            other => other,
        })
    }

    /// Adds the append to the batch, and the states that it modifies. Returns `false` if it cannot be written together with the
    /// appends of the batch.
    fn add_to_batch(
        &mut self,
        time: Timestamp,
        events: Vec<Draft>,
        states: Vec<VersionedState>,
        successors: KnownSuccessors,
    ) -> bool {
        let Self { command, admission } = self;
        let cache = &command.executor.cache;
        let mut append = Append {
            inline: command.executor.inline.of_events(&events),
            events,
            key: command.key.clone(),
            successors: Some(successors),
            ..command.base_append(time, None)
        };
        let Append { events, conditions, .. } = &mut append;
        conditions.reserve_exact(states.len());
        let events_by_tag = EventIndex::new(events.iter());
        let mut modified = Vec::with_capacity(states.len());
        let reads = command.plan.reads.iter().zip(&command.plan.aggregates).zip(&command.aggregates);
        for (((read, vtable), key), state) in reads.zip(states) {
            let criteria = &read.criteria;
            let is_changed = events_by_tag.has_match(criteria);
            if is_changed {
                command.profile.record_write(vtable.aggregate);
            }
            let is_queued = admission.holds(key);
            if is_queued && admission.batch.has_pending() {
                continue;
            }
            conditions.push(Condition { criteria: criteria.clone(), marker: state.marker });
            if is_changed || is_queued {
                // Events are folded into the state later, which is possible only if the cache does not refer to it.
                drop(cache.take(key));
                modified.push(ModifiedState::new(key.clone(), criteria.clone(), state));
            } else {
                cache.put(key.clone(), state);
            }
        }
        cache.invalidate(&append.events);
        let can_add = admission.batch.can_add(&append);
        if can_add {
            admission.batch.add(append, modified);
        }
        can_add
    }

    /// Waits until the batch on which the decision is based is written; only then is the decision valid.
    async fn await_batch<E: Debug + Send>(
        mut self,
        time: Timestamp,
        decision: Result<Decision<E>, Error>,
        successors: u64,
    ) -> Result<AttemptOutcome<E>, Error> {
        // A state of another aggregate may come from the cache, and the batch does not check it.
        if !self.command.aggregates.iter().all(|key| self.admission.holds(key)) {
            return self.retry_unbatched().await;
        }
        let command = self.command;
        let outcome = self.admission.batch.add_dependent();
        command.activity.begin(Step::Appending);
        self.admission.flush_or_pass(&command.executor).await;
        match command.attempt_outcome::<E>(outcome.await.ok(), successors).await? {
            AttemptOutcome::Accepted(receipt) => {
                command.finish_without_append(time, decision, receipt.position()).await
            }
            other => Ok(other),
        }
    }

    async fn retry_unbatched<E>(self) -> Result<AttemptOutcome<E>, Error> {
        self.command.activity.begin(Step::Appending);
        self.admission.flush_or_pass(&self.command.executor).await;
        Ok(AttemptOutcome::Retry { unbatched: true })
    }
}

impl PreparedCommand {
    /// The outcome of an attempt whose append has this outcome; `None` if its batch was not written.
    /// `successors` is the version of the list of successors that the command was checked with.
    async fn attempt_outcome<E>(
        &self,
        outcome: Option<BatchOutcome>,
        successors: u64,
    ) -> Result<AttemptOutcome<E>, Error> {
        let executor = &self.executor;
        match outcome {
            Some(BatchOutcome::Answered(outcome)) => match outcome {
                AppendOutcome::Appended(receipt) | AppendOutcome::Duplicate { receipt, .. } => {
                    Ok(AttemptOutcome::Accepted(receipt))
                }
                AppendOutcome::Conflict { conflicting_position, .. } => {
                    Ok(AttemptOutcome::Conflict(conflicting_position))
                }
                AppendOutcome::InlineRequired { builds, .. } => {
                    executor.end_inline_mode(&builds).await.map(AttemptOutcome::StoreChanged)
                }
                AppendOutcome::SuccessorsChanged { .. } => {
                    if executor.read_successors(successors).await? {
                        return Ok(AttemptOutcome::Retry { unbatched: false });
                    }
                    // Another append of the batch did not know it, or the log has gone back.
                    let operation = format!("append to {}", executor.store.describe());
                    let reason = "the successors of event names keep changing; try again";
                    Ok(AttemptOutcome::StoreChanged(Error::unavailable(operation, reason)))
                }
            },
            Some(BatchOutcome::Failed(error)) => Err(error),
            Some(BatchOutcome::RetryUnbatched) => Ok(AttemptOutcome::Retry { unbatched: true }),
            // The command that held the batch was cancelled before it was written.
            None => Ok(AttemptOutcome::Retry { unbatched: false }),
        }
    }

    /// The outcome of a decision that is not appended and is based on the events up to a position.
    async fn finish_without_append<E: Debug + Send>(
        &self,
        time: Timestamp,
        decision: Result<Decision<E>, Error>,
        based_on: Position,
    ) -> Result<AttemptOutcome<E>, Error> {
        let outcome = match decision {
            Ok(Ok(_)) => AttemptOutcome::Accepted(Receipt::default()),
            Ok(Err(rejection)) => self.finish_rejected(time, rejection).await?,
            Err(error) => self.earlier_receipt().await?.map(AttemptOutcome::Accepted).ok_or(error)?,
        };
        Ok(match outcome {
            AttemptOutcome::Accepted(receipt) => AttemptOutcome::Accepted(receipt.based_on(based_on)),
            other => other,
        })
    }

    /// A command that is rejected now may have been accepted under its id before: then the first receipt counts.
    async fn finish_rejected<E: Debug + Send>(
        &self,
        time: Timestamp,
        rejection: E,
    ) -> Result<AttemptOutcome<E>, Error> {
        if let Some(receipt) = self.earlier_receipt().await? {
            return Ok(AttemptOutcome::Accepted(receipt));
        }
        if self.executor.settings.journal == Journal::All {
            let append = self.base_append(time, Some(rejection_text(self.name, &rejection)));
            self.executor.store.append_one(append).await.map_err(journal_error)?;
        }
        Ok(AttemptOutcome::Rejected(rejection))
    }

    /// The receipt of an earlier acceptance of the command id.
    async fn earlier_receipt(&self) -> Result<Option<Receipt>, Error> {
        match &self.key {
            Some(key) => self.executor.store.receipt(key).await,
            None => Ok(None),
        }
    }
}

/// The position of the last event that states are based on.
fn last_position(states: &[VersionedState]) -> Position {
    states.iter().map(VersionedState::last_position).max().unwrap_or_default()
}

/// If the outcome of an append of the journal alone is unknown, still nothing of the command was written.
fn journal_error(error: Error) -> Error {
    match error {
        Error::OutcomeUnknown { operation, reason, source } => {
            Error::Unavailable { operation, reason, source }
        }
        error => error,
    }
}

/// The `Debug` text of a rejection.
pub(crate) fn rejection_text<E: Debug>(command: &str, rejection: &E) -> String {
    let text = catch(|| format!("{rejection:?}"));
    text.unwrap_or_else(|panic| panic.into_error(format!("the code of `{command}`")).to_string())
}
