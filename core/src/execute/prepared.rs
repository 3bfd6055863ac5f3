//! A command that is ready to be executed.

use std::{borrow::Cow, sync::Arc};

use serde::Serialize;
use uuid::Uuid;

use super::{
    activity::Activity,
    aggregate_key::AggregateKey,
    executor::{Executor, Journal},
    heuristics::CommandProfile,
    options::ExecuteOptions,
};
use crate::{
    context::Context,
    criteria::Item,
    dispatch::{AggregateVTable, Handler, Loader, ReadPlan, VersionedState},
    error::{Error, Invalid, RUNTIME_ENDED},
    event::{Events, IntoEvents, Types},
    limits::refuse,
    message_id::new_message_id,
    panics::run_user_code,
    payload::Payload,
    record::{CommandId, Draft, Metadata, Name, Position},
    secret::{REJECTION, SEALED_REJECTION, Written, contains_secret, hide_secrets},
    store::{Append, CommandKey, JournalRecord, Successors},
    telemetry::is_traceparent,
    time::Timestamp,
};

/// What stays the same from one attempt of a command to the next.
pub(super) struct PreparedCommand {
    pub(super) executor: Arc<Executor>,
    pub(super) name: &'static str,
    pub(super) key: Option<CommandKey>,
    pub(super) plan: ReadPlan,
    /// The aggregate of each read.
    pub(super) aggregates: Vec<AggregateKey>,
    pub(super) profile: Arc<CommandProfile>,
    pub(super) activity: Arc<Activity>,
    metadata: Arc<Metadata>,
    /// The command as JSON, if it is recorded in the journal.
    body: Option<Payload>,
}

/// Decides once, at this time and on these states. Nothing refers to the states of the user when it returns.
pub(super) type Decide<'a, E> =
    dyn FnMut(&PreparedCommand, Timestamp, &[VersionedState]) -> Result<Decision<E>, Error> + Send + 'a;

/// The events, or the error with which the command is rejected.
pub(super) type Decision<E> = Result<Vec<Draft>, E>;

impl PreparedCommand {
    /// Plans the reads of a command and checks its names.
    ///
    /// # Errors
    /// [`Error::Invalid`] if a name is not valid or the command cannot be encoded; [`Error::Panicked`] if its code panicked.
    pub(super) fn new<C: Serialize, S, R, E>(
        executor: Arc<Executor>,
        profile: Arc<CommandProfile>,
        options: ExecuteOptions,
        command: &C,
        handler: &Handler<C, S, R, E>,
    ) -> Result<Self, Error> {
        let ExecuteOptions { id, actor, correlation, causation, trace, hops } = options;
        let name = handler.name;
        let plan = run_user_code(name, || Loader::plan(|loader| (handler.load)(command, loader)))?;
        let mut types = plan.aggregates.iter().flat_map(|vtable| vtable.events);
        types.try_for_each(|types| executor.registry.register(types))?;
        plan.aggregates.iter().try_for_each(|vtable| executor.registry.register_snapshots(vtable))?;

        let id = id.map(CommandId::name).transpose()?;
        match &id {
            Some(id) if hops == 0 => CommandId::check_user(id)?,
            _ => {}
        }
        let command_name = Name::new("command name", name)?;
        let body = run_user_code(name, || executor.body(command, handler, id.is_some()))?;
        let key = id.clone().zip(body.as_ref()).map(|(id, content)| {
            let items = plan.reads.iter().flat_map(|read| read.criteria.items());
            let tags = items.flat_map(Item::tags);
            CommandKey::new(id, command_name.clone(), tags.cloned()).with_content(&without_secrets(content))
        });
        let command_id = id.map_or_else(|| Name::new("command id", text_of(new_message_id())), Ok)?;
        let named = |what, text: Option<_>| text.map(|text| Name::new(what, text)).transpose();
        let metadata = Arc::new(Metadata {
            correlation: named("correlation", correlation)?.or_else(|| Some(command_id.clone())),
            causation: named("causation", causation)?,
            actor: named("actor", actor)?,
            trace: trace.map(check_traceparent).transpose()?,
            command: Some(command_name),
            command_id: Some(command_id),
            hops,
        });
        let body = body.filter(|_| executor.settings.journal != Journal::Off);
        let reads = plan.aggregates.iter().zip(&plan.reads);
        let aggregates = reads.map(|(vtable, read)| AggregateKey::new(vtable, read)).collect();
        let activity = Arc::new(Activity::new(name));
        Ok(Self { executor, name, key, plan, aggregates, profile, activity, metadata, body })
    }

    /// Decides once: from the states to the drafts of the events.
    ///
    /// # Errors
    /// [`Error::Invalid`] if an event cannot be encoded; [`Error::Panicked`] if the user's code
    /// panicked.
    pub(super) fn decide<C, S, R: IntoEvents, E>(
        &self,
        time: Timestamp,
        states: &[VersionedState],
        command: &C,
        handler: &Handler<C, S, R, E>,
    ) -> Result<Decision<E>, Error> {
        let Executor { codec, registry, settings, .. } = &*self.executor;
        let context = Context::decision(time, &self.metadata);
        run_user_code(self.name, || {
            let states = Loader::pass(&self.plan, states, |loader| (handler.load)(command, loader))?;
            let decided = match (handler.decide)(&states, command, &context) {
                Ok(decided) => decided,
                Err(rejection) => return Ok(Err(rejection)),
            };
            let mut events = Events::new(codec).max_payload(settings.max_payload);
            decided.write_events(&mut events)?;
            self.executor.check_secrets(self.name, events.secrets())?;
            let (drafts, types) = events.into_parts();
            types.into_iter().try_for_each(|types| registry.register(types))?;
            Ok(Ok(drafts))
        })
    }

    /// Checks that the command reads the successors of the event names that it reads, as far as this process knows them. Returns the
    /// list that was checked.
    ///
    /// # Errors
    /// [`Invalid::Superseded`] if it does not; [`Error::Unavailable`] while tags are added to events that it reads by them.
    pub(super) async fn check_successors(&self) -> Result<Arc<Successors>, Error> {
        let criteria = self.plan.reads.iter().map(|read| &read.criteria);
        self.executor.watcher.successors().check(criteria, Position::END).await
    }

    /// The error of a command that did not complete before the runtime of the app ended.
    pub(super) fn runtime_ended(&self) -> Error {
        let operation = format!("execute `{}`", self.name);
        match self.activity.may_have_appended() {
            true => Error::unknown(operation, RUNTIME_ENDED),
            false => Error::RuntimeEnded { operation },
        }
    }

    /// Returns `true` if the decision has to be appended. If so, the conditions of the append validate the decision.
    pub(super) fn needs_append(&self, events: &[Draft]) -> bool {
        !events.is_empty() || self.key.is_some() || self.body.is_some()
    }

    /// A rejection as it is given to the store, which encrypts it if it may have a value of a secret: of the command, or of a state.
    fn protected(&self, rejection: String, body: &Payload) -> String {
        let has_secrets = |vtable: &&'static AggregateVTable| vtable.events.iter().any(Types::has_secrets);
        let may_have_secrets = contains_secret(body.as_str())
            || self.plan.aggregates.iter().any(has_secrets)
            // A text that looks like an encrypted one is encrypted too.
            || [REJECTION, SEALED_REJECTION].iter().any(|start| rejection.starts_with(start));
        match self.executor.settings.has_keys && may_have_secrets {
            true => format!("{REJECTION}{rejection}"),
            false => rejection,
        }
    }

    /// An append without events and conditions.
    pub(super) fn base_append(&self, time: Timestamp, rejection: Option<String>) -> Append {
        Append {
            recorded_at: time,
            metadata: Arc::clone(&self.metadata),
            journal: self.body.clone().map(|body| {
                let rejection = rejection.map(|text| self.protected(text, &body));
                JournalRecord { body, rejection }
            }),
            events: Vec::new(),
            conditions: Vec::new(),
            key: None,
            inline: Vec::new(),
            successors: None,
        }
    }
}

/// Checks the trace context of the caller.
fn check_traceparent(text: Cow<'static, str>) -> Result<Name, Invalid> {
    if !is_traceparent(&text) {
        let rule = "it must be a `traceparent` as in the W3C recommendation \"Trace Context\", such as \
                    00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01: pass on the header of the request as it is, or leave it out";
        return Err(refuse("traceparent", &text, rule));
    }
    Name::new("traceparent", text)
}

/// The command as it is compared with a later one under its id. The log keeps a hash of it, which must not depend on secrets: short ones
/// could be guessed.
fn without_secrets(body: &Payload) -> Cow<'_, Payload> {
    match hide_secrets(body.as_str()) {
        Cow::Borrowed(_) => Cow::Borrowed(body),
        Cow::Owned(hidden) => Cow::Owned(Payload::from_stored(hidden)),
    }
}

/// The text of an id, without the machinery of `Display`.
fn text_of(id: Uuid) -> String {
    id.hyphenated().encode_lower(&mut Uuid::encode_buffer()).to_owned()
}

impl Executor {
    /// The command as JSON, if it has a command id or there is a journal.
    fn body<C: Serialize, S, R, E>(
        &self,
        command: &C,
        handler: &Handler<C, S, R, E>,
        has_id: bool,
    ) -> Result<Option<Payload>, Invalid> {
        let is_recorded = self.settings.journal != Journal::Off;
        if !is_recorded && !has_id {
            return Ok(None);
        }
        let (body, written) = handler.body(command)?;
        if is_recorded {
            let (name, size, limit) = (handler.name, body.as_str().len(), self.settings.max_payload);
            self.check_secrets(name, written)?;
            if size > limit {
                return Err(Invalid::TooLarge { what: format!("the command `{name}`"), size, limit });
            }
        }
        Ok(Some(body))
    }

    /// Checks that the secrets that were written can be encrypted.
    fn check_secrets(&self, name: &str, written: Written) -> Result<(), Invalid> {
        let name = || name.to_owned();
        match written {
            Written::WithoutSubject => Err(Invalid::SecretWithoutSubject { name: name() }),
            Written::WithSubject | Written::IdOutsideOfSecret if !self.settings.has_keys => {
                Err(Invalid::SecretWithoutKeys { name: name() })
            }
            Written::WithSubject | Written::IdOutsideOfSecret | Written::Nothing => Ok(()),
        }
    }
}
