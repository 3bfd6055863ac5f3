//! A command on its way: its turn, what it reads, its decision, its append; on conflict, again.

use std::{collections::BTreeMap, fmt::Debug, sync::Arc};

use serde::Serialize;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::{
    App, Journal,
    chain::{Changed, Fate, Turn},
    execute::{Call, told},
    habits::Habit,
    states::{Instance, Remembered},
    to_the_end::ToTheEnd,
};
use crate::{
    context::Context,
    criteria::Item,
    dispatch::{Handler, Known, Loader, Plan},
    error::{Error, ExecuteError, Invalid},
    event::{Events, IntoEvents},
    panics::run_user_code,
    payload::Payload,
    record::{CommandId, Draft, Metadata, Name, Position},
    store::{Append, AppendOutcome, CommandKey, Condition, JournalRecord, Receipt},
    time::Timestamp,
};

/// Everything about a command that stays the same from one try to the next.
pub(super) struct Request {
    pub(super) app: App,
    pub(super) name: &'static str,
    metadata: Metadata,
    key: Option<CommandKey>,
    pub(super) plan: Plan,
    /// The aggregate of each read.
    pub(super) instances: Vec<Instance>,
    pub(super) habit: Arc<Habit>,
    body: Option<Payload>,
}

/// Decides once, at this time and on what is known. States and all are dropped when it returns.
type Decide<'a, E> = dyn FnMut(&Request, Timestamp, &mut [Known]) -> Result<Decision<E>, Error> + Send + 'a;

/// The events, or the error with which the command is rejected.
type Decision<E> = Result<Vec<Draft>, E>;

/// How a try ended.
enum Tried<E> {
    Accepted(Receipt),
    Rejected(E),
    Conflict(Position),
    /// It came to nothing because of another command in its chain, which has come further by it.
    Again {
        alone: bool,
    },
}

impl Request {
    pub(super) fn new<C: Serialize, S, R, E>(
        call: Call,
        command: &C,
        handler: &Handler<C, S, R, E>,
    ) -> Result<Self, Error> {
        let Call { app, id, actor, correlation, causation, trace, hops } = call;
        let name = handler.name;
        let plan = run_user_code(name, || Loader::plan(|loader| (handler.load)(command, loader)))?;
        plan.types.iter().copied().flatten().try_for_each(|types| app.inner.registry.claim(types))?;

        let given = id.map(CommandId::name).transpose()?;
        let command_name = Name::new("command name", name)?;
        let key = given.clone().map(|id| {
            let items = plan.reads.iter().flat_map(|read| read.criteria.items());
            let tags = items.flat_map(Item::tags);
            CommandKey::new(id, command_name.clone(), tags.cloned())
        });
        let command_id = given.map_or_else(|| Name::new("command id", Uuid::now_v7().to_string()), Ok)?;
        let named = |what, text: Option<_>| text.map(|text| Name::new(what, text)).transpose();
        let metadata = Metadata {
            correlation: named("correlation", correlation)?.or_else(|| Some(command_id.clone())),
            causation: named("causation", causation)?,
            actor: named("actor", actor)?,
            trace: named("trace", trace)?,
            command: Some(command_name),
            command_id: Some(command_id),
            hops,
        };
        let body = run_user_code(name, || app.body(name, command))?;
        let instances =
            plan.kinds.iter().zip(&plan.reads).map(|(kind, read)| Instance::new(kind, read)).collect();
        let habit = app.inner.habits.of(name);
        Ok(Self { app, name, metadata, key, plan, instances, habit, body })
    }

    /// Tries until there is an answer. After a lost answer only success can be told for sure: whatever else comes later,
    /// the lost append may still arrive.
    pub(super) async fn run<E: Debug + Send>(
        &self,
        decide: &mut Decide<'_, E>,
    ) -> Result<Receipt, ExecuteError<E>> {
        let _inside = self.app.inner.doors.enter()?;
        let retry = self.app.inner.settings.retry;
        let (mut tries, mut lost, mut alone) = (1, None, false);
        loop {
            let turn = self.turn(tries > 1, alone).await;
            let failed = match self.attempt(decide, turn, tries > 1).await {
                Ok(Tried::Accepted(receipt)) => return Ok(receipt),
                Ok(Tried::Rejected(rejection)) => ExecuteError::Rejected(rejection),
                Ok(Tried::Conflict(conflicting_position)) => {
                    ExecuteError::Conflict { tries, conflicting_position }
                }
                Ok(Tried::Again { alone: next }) => {
                    alone = next;
                    continue;
                }
                Err(error) => error.into(),
            };
            let again = match &failed {
                ExecuteError::Conflict { .. } => true,
                ExecuteError::OutcomeUnknown(_) => self.key.is_some(),
                _ => false,
            };
            if !again || tries >= retry.tries() {
                return Err(lost.unwrap_or(failed));
            }
            tracing::debug!(
                command = self.name,
                tries,
                unknown = matches!(failed, ExecuteError::OutcomeUnknown(_)),
                "trying again"
            );
            if matches!(failed, ExecuteError::OutcomeUnknown(_)) {
                lost = Some(failed);
            }
            tokio::time::sleep(retry.pause(tries)).await;
            tries += 1;
        }
    }

    /// Its turn with what commands of this type change; after a conflict, with everything that it reads.
    async fn turn(&self, again: bool, alone: bool) -> Turn {
        let kinds = self.plan.kinds.iter().zip(&self.instances);
        let changed = kinds.filter(|(kind, _)| again || self.habit.writes(kind.aggregate));
        // Ordered, so that no two commands wait for each other; each aggregate once, so that no command waits for itself.
        let mut wanted = BTreeMap::new();
        for (kind, instance) in changed {
            *wanted.entry(instance).or_insert(true) &= kind.is_chained();
        }
        let joins = !alone && wanted.len() == 1 && wanted.values().all(|chained| *chained);
        let mut turn = Turn { alone, ..Turn::default() };
        for instance in wanted.into_keys() {
            let (place, chain) = self.app.inner.queues.take(instance.clone(), joins).await;
            turn.places.push(place);
            turn.chain = chain;
        }
        turn
    }

    async fn attempt<E: Debug + Send>(
        &self,
        decide: &mut Decide<'_, E>,
        turn: Turn,
        mut fresh: bool,
    ) -> Result<Tried<E>, Error> {
        loop {
            let mut gathered = match self.gather(&turn, fresh).await {
                Ok(gathered) => gathered,
                // What was accepted before stays accepted, also if the past cannot be read any more.
                Err(error @ (Error::Invalid(_) | Error::Panicked { .. })) => {
                    return self.answer(self.app.inner.clock.now(), Err(error)).await;
                }
                Err(error) => return Err(error),
            };
            let time = self.app.inner.clock.now();
            let decided = decide(self, time, &mut gathered.known);
            match decided {
                Ok(Ok(events)) if self.leaves_a_trace(&events) => {
                    return self.write(time, events, gathered.known, turn).await;
                }
                decided if gathered.certain => {
                    self.remember(gathered.known);
                    return self.answer(time, decided).await;
                }
                decided if turn.is_chained() => {
                    drop(gathered);
                    return self.wait(time, decided, turn).await;
                }
                _ => fresh = true,
            }
        }
    }

    /// One decision, from what is known to the drafts to append. Panics of the user's code end here.
    pub(super) fn decide<C, S, R: IntoEvents, E>(
        &self,
        time: Timestamp,
        known: &mut [Known],
        command: &C,
        handler: &Handler<C, S, R, E>,
    ) -> Result<Decision<E>, Error> {
        let inner = &self.app.inner;
        let context = Context::decision(time, &self.metadata);
        run_user_code(self.name, || {
            let states =
                Loader::fold(&self.plan, known, &inner.codec, |loader| (handler.load)(command, loader))?;
            let decided = match (handler.decide)(&states, command, &context) {
                Ok(decided) => decided,
                Err(rejection) => return Ok(Err(rejection)),
            };
            let mut events = Events::new(&inner.codec).max_payload(inner.settings.max_payload);
            decided.write_events(&mut events)?;
            let (drafts, types) = events.into_parts();
            types.into_iter().try_for_each(|types| inner.registry.claim(types))?;
            Ok(Ok(drafts))
        })
    }

    /// Whether there is something to write, and so somebody who checks what the decision was taken on.
    fn leaves_a_trace(&self, events: &[Draft]) -> bool {
        !events.is_empty() || self.key.is_some() || self.body.is_some()
    }

    /// Writes what was decided, alone or with those that are decided on top of it.
    async fn write<E>(
        &self,
        time: Timestamp,
        events: Vec<Draft>,
        known: Vec<Known>,
        mut turn: Turn,
    ) -> Result<Tried<E>, Error> {
        let mut append = Append {
            inline: self.app.inner.daemon.inline(&events),
            events,
            key: self.key.clone(),
            ..self.message(time, None)
        };
        let mut changed = Vec::new();
        let reads = self.plan.reads.iter().zip(&self.plan.kinds).zip(&self.instances);
        for (((read, kind), instance), known) in reads.zip(known) {
            let criteria = &read.criteria;
            let changes = append.events.iter().any(|draft| criteria.matches(draft.name(), draft.tags()));
            if changes {
                self.habit.wrote(kind.aggregate);
            }
            let is_line = turn.is_of(instance);
            if is_line && turn.is_chained() {
                continue;
            }
            append.conditions.push(Condition { criteria: criteria.clone(), marker: known.marker });
            let Some(state) = Remembered::of(known) else { continue };
            if changes || is_line {
                // Folding it further needs it alone.
                self.app.inner.states.take(instance);
                changed.push(Changed::new(instance.clone(), criteria.clone(), state));
            } else {
                self.app.inner.states.put(instance.clone(), state);
            }
        }
        let own = (0..self.instances.len()).filter_map(|index| self.shared(index));
        self.app.inner.states.outdate(&append.events, own);
        if !turn.accepts(&append) {
            self.settle(turn).await;
            return Ok(Tried::Again { alone: true });
        }
        let fate = turn.add(append, changed);
        self.settle(turn).await;
        self.hear(fate).await
    }

    /// Waits with an answer that leaves no trace until what it was decided on is in the log.
    async fn wait<E: Debug + Send>(
        &self,
        time: Timestamp,
        decided: Result<Decision<E>, Error>,
        mut turn: Turn,
    ) -> Result<Tried<E>, Error> {
        if self.plan.reads.len() > 1 {
            self.settle(turn).await;
            return Ok(Tried::Again { alone: true });
        }
        let fate = turn.witness();
        self.settle(turn).await;
        match self.hear::<E>(fate).await? {
            Tried::Accepted(_) => self.answer(time, decided).await,
            other => Ok(other),
        }
    }

    /// Lets the next one in line decide, or writes. What is being written comes to its end also if the caller goes.
    async fn settle(&self, turn: Turn) {
        if let Some(turn) = turn.hand_on(&self.app) {
            ToTheEnd::of(turn.write(self.app.clone())).await;
        }
    }

    async fn hear<E>(&self, fate: oneshot::Receiver<Fate>) -> Result<Tried<E>, Error> {
        match fate.await {
            Ok(Fate::Answered(
                AppendOutcome::Appended(receipt) | AppendOutcome::Duplicate { receipt, .. },
            )) => Ok(Tried::Accepted(receipt)),
            Ok(Fate::Answered(AppendOutcome::Conflict { conflicting_position, .. })) => {
                Ok(Tried::Conflict(conflicting_position))
            }
            Ok(Fate::Answered(AppendOutcome::InlineRequired { builds: missing, .. })) => {
                Err(self.app.not_kept_inline(&missing))
            }
            Ok(Fate::Failed(error)) => Err(error),
            Ok(Fate::Alone) => Ok(Tried::Again { alone: true }),
            // Who held the chain has gone before it was written.
            Err(_) => Ok(Tried::Again { alone: false }),
        }
    }

    /// The answer to a decision that leaves no trace.
    async fn answer<E: Debug + Send>(
        &self,
        time: Timestamp,
        decided: Result<Decision<E>, Error>,
    ) -> Result<Tried<E>, Error> {
        match decided {
            Ok(Ok(_)) => Ok(Tried::Accepted(Receipt::default())),
            Ok(Err(rejection)) => self.rejected(time, rejection).await,
            Err(error) => self.accepted_before().await?.map(Tried::Accepted).ok_or(error),
        }
    }

    /// A decision that says no today may have said yes when the id was first used: then that answer stands.
    async fn rejected<E: Debug + Send>(&self, time: Timestamp, rejection: E) -> Result<Tried<E>, Error> {
        if let Some(receipt) = self.accepted_before().await? {
            return Ok(Tried::Accepted(receipt));
        }
        if self.app.inner.settings.journal == Journal::All {
            let rejected = self.message(time, Some(told(self.name, &rejection)));
            self.app.inner.store.append_one(rejected).await.map_err(not_journaled)?;
        }
        Ok(Tried::Rejected(rejection))
    }

    async fn accepted_before(&self) -> Result<Option<Receipt>, Error> {
        match &self.key {
            Some(key) => self.app.inner.store.receipt(key).await,
            None => Ok(None),
        }
    }

    /// An append without events and conditions.
    fn message(&self, time: Timestamp, rejection: Option<String>) -> Append {
        let journal = self.body.clone().map(|body| JournalRecord { body, rejection });
        Append { recorded_at: time, metadata: self.metadata.clone(), journal, ..Append::default() }
    }
}

impl App {
    /// The command as the journal keeps it, if there is a journal.
    fn body<C: Serialize>(&self, name: &str, command: &C) -> Result<Option<Payload>, Invalid> {
        if self.inner.settings.journal == Journal::Off {
            return Ok(None);
        }
        let body = Payload::encode(name, command)?;
        let (size, limit) = (body.as_str().len(), self.inner.settings.max_payload);
        if size > limit {
            return Err(Invalid::TooLarge { what: format!("the command `{name}`"), size, limit });
        }
        Ok(Some(body))
    }
}

/// Nothing of the command was to be written, so a lost answer leaves nothing unknown but a line of the journal.
fn not_journaled(error: Error) -> Error {
    match error {
        Error::OutcomeUnknown { operation, reason, source } => {
            Error::Unavailable { operation, reason, source }
        }
        error => error,
    }
}
