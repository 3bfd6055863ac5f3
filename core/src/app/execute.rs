//! The write path: load, decide, append under the exact condition; on conflict, again.

use std::{
    any::type_name,
    borrow::Cow,
    fmt::Debug,
    future::{Future, IntoFuture},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
};

use serde::Serialize;
use uuid::Uuid;

use super::{App, Inner, Journal};
use crate::{
    command::Command,
    context::Context,
    dispatch::{Dispatcher, Handler, Loader, Plan},
    error::{Error, ExecuteError, Invalid, panic_message},
    event::{Events, IntoEvents},
    payload::Payload,
    query::Item,
    record::{CommandId, Draft, Metadata, Name, Position},
    rows::InlineId,
    store::{Append, Appended, Batch, CommandKey, Condition, Journaled, Receipt},
    time::Timestamp,
};

type Answer<E> = Pin<Box<dyn Future<Output = Result<Receipt, ExecuteError<E>>> + Send>>;

/// A command that is about to be executed; `.await` it.
///
/// # Errors
/// [`ExecuteError::Rejected`] with the decision's own error; else why it could not be decided or written.
#[must_use = "nothing is executed before it is awaited"]
#[derive(Debug)]
pub struct Execute<C> {
    command: C,
    call: Call,
}

impl<C: Command> Execute<C> {
    pub(super) fn new(app: App, command: C) -> Self {
        Self { command, call: Call::new(app) }
    }

    /// Makes it idempotent: with the same id the command is accepted once, and each later time gives the first receipt,
    /// also when the first answer was lost. A rejection is not remembered. The id stands for the command's name and the
    /// ids that it reads by; with others it is refused, and whatever else the second command says is not looked at.
    pub fn id(mut self, id: impl Into<CommandId>) -> Self {
        self.call.id = Some(id.into());
        self
    }

    /// Who asks: 1 to 200 bytes.
    pub fn actor(mut self, actor: impl Into<Cow<'static, str>>) -> Self {
        self.call.actor = Some(actor.into());
        self
    }

    /// What the command belongs to: 1 to 200 bytes. By default the command's id.
    pub fn correlation(mut self, correlation: impl Into<Cow<'static, str>>) -> Self {
        self.call.correlation = Some(correlation.into());
        self
    }

    /// What led to the command, usually the id of an event: 1 to 200 bytes.
    pub fn causation(mut self, causation: impl Into<Cow<'static, str>>) -> Self {
        self.call.causation = Some(causation.into());
        self
    }

    /// The trace context of the caller, as a W3C `traceparent`.
    pub fn trace(mut self, traceparent: impl Into<Cow<'static, str>>) -> Self {
        self.call.trace = Some(traceparent.into());
        self
    }
}

impl<C: Command> IntoFuture for Execute<C> {
    type Output = Result<Receipt, ExecuteError<C::Error>>;
    type IntoFuture = Answer<C::Error>;

    fn into_future(self) -> Self::IntoFuture {
        self.command.dispatch(self.call)
    }
}

/// What the caller said about a command.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) app: App,
    pub(crate) id: Option<CommandId>,
    pub(crate) actor: Option<Cow<'static, str>>,
    pub(crate) correlation: Option<Cow<'static, str>>,
    pub(crate) causation: Option<Cow<'static, str>>,
    pub(crate) trace: Option<Cow<'static, str>>,
    /// How many policies stand between somebody's command and this one.
    pub(crate) hops: u32,
}

impl Call {
    /// Nothing is said.
    pub(crate) fn new(app: App) -> Self {
        Self { app, id: None, actor: None, correlation: None, causation: None, trace: None, hops: 0 }
    }

    /// Executes a command that stays with the caller, who may want to send it again. It is borrowed for nobody else and lent
    /// to no one across an await, so that it need not be `Sync`.
    pub(crate) async fn answer<C, S, R, E>(
        self,
        command: &mut C,
        handler: &Handler<C, S, R, E>,
    ) -> Result<Receipt, ExecuteError<E>>
    where
        C: Serialize + Send,
        R: IntoEvents,
        E: Debug + Send,
    {
        let request = Request::new(self, &*command, handler)?;
        let mut decide = move |request: &Request, time, batches: &[Batch]| {
            request.decide(time, batches, &*command, handler)
        };
        request.run(&mut decide).await
    }
}

impl Dispatcher for Call {
    type Out<E: Debug + Send + 'static> = Answer<E>;

    fn run<C, S, R, E>(self, mut command: C, handler: Handler<C, S, R, E>) -> Answer<E>
    where
        C: Serialize + Send + 'static,
        S: Send + 'static,
        R: IntoEvents + 'static,
        E: Debug + Send + 'static,
    {
        Box::pin(async move { self.answer(&mut command, &handler).await })
    }

    fn map<A, B>(out: Answer<A>, convert: fn(A) -> B) -> Answer<B>
    where
        A: Debug + Send + 'static,
        B: Debug + Send + 'static,
    {
        Box::pin(async move {
            out.await.map_err(|error| match error {
                ExecuteError::Rejected(rejection) => guard(type_name::<B>(), || Ok(convert(rejection)))
                    .map_or_else(ExecuteError::from, ExecuteError::Rejected),
                error => error.map(convert),
            })
        })
    }
}

/// A command on its way through the tries: everything that stays the same from one to the next.
struct Request {
    app: App,
    name: &'static str,
    metadata: Metadata,
    key: Option<CommandKey>,
    plan: Plan,
    body: Option<Payload>,
}

/// Decides once, at this time and on these batches. States and all are dropped when it returns.
type Decide<'a, E> =
    dyn FnMut(&Request, Timestamp, &[Batch]) -> Result<Result<Vec<Draft>, E>, Error> + Send + 'a;

/// How a try ended.
enum Tried<E> {
    Accepted(Receipt),
    Rejected(E),
    Conflict(Position),
}

impl Request {
    fn new<C: Serialize, S, R, E>(
        call: Call,
        command: &C,
        handler: &Handler<C, S, R, E>,
    ) -> Result<Self, Error> {
        let Call { app, id, actor, correlation, causation, trace, hops } = call;
        let name = handler.name;
        let plan = guard(name, || Loader::plan(|loader| (handler.load)(command, loader)))?;
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
        let body = guard(name, || app.body(name, command))?;
        Ok(Self { app, name, metadata, key, plan, body })
    }

    /// Tries until there is an answer. After a lost answer only success can be told for sure: whatever else comes later,
    /// the lost append may still arrive.
    async fn run<E: Debug + Send>(&self, decide: &mut Decide<'_, E>) -> Result<Receipt, ExecuteError<E>> {
        let _inside = self.app.inner.doors.enter()?;
        let (retry, turns) = (self.app.inner.settings.retry, &self.app.inner.turns);
        let (mut tries, mut lost, mut turn) = (0, None, None);
        loop {
            tries += 1;
            if turn.is_none() && (tries > 1 || turns.are_taken(&self.plan.reads)) {
                turn = Some(turns.take(&self.plan.reads).await);
            }
            let failed = match self.attempt(decide).await {
                Ok(Tried::Accepted(receipt)) => return Ok(receipt),
                Ok(Tried::Rejected(rejection)) => ExecuteError::Rejected(rejection),
                Ok(Tried::Conflict(met)) => ExecuteError::Conflict { tries, met },
                Err(error) => error.into(),
            };
            let again = match &failed {
                ExecuteError::Conflict { .. } => true,
                ExecuteError::Unknown(_) => self.key.is_some(),
                _ => false,
            };
            if !again || tries >= retry.tries() {
                return Err(lost.unwrap_or(failed));
            }
            tracing::debug!(
                command = self.name,
                tries,
                unknown = matches!(failed, ExecuteError::Unknown(_)),
                "trying again"
            );
            if matches!(failed, ExecuteError::Unknown(_)) {
                lost = Some(failed);
            }
            tokio::time::sleep(retry.pause(tries)).await;
        }
    }

    async fn attempt<E: Debug + Send>(&self, decide: &mut Decide<'_, E>) -> Result<Tried<E>, Error> {
        let store = &self.app.inner.store;
        let batches =
            if self.plan.reads.is_empty() { Vec::new() } else { store.read(&self.plan.reads).await? };
        let time = self.app.inner.clock.now();
        match decide(self, time, &batches) {
            Ok(Ok(events)) => self.append(time, events, &batches).await,
            Ok(Err(rejection)) => self.rejected(time, rejection).await,
            Err(error) => self.accepted_before().await?.map(Tried::Accepted).ok_or(error),
        }
    }

    /// One decision, from the records read to the drafts to append. Panics of the user's code end here.
    fn decide<C, S, R: IntoEvents, E>(
        &self,
        time: Timestamp,
        batches: &[Batch],
        command: &C,
        handler: &Handler<C, S, R, E>,
    ) -> Result<Result<Vec<Draft>, E>, Error> {
        let inner = &self.app.inner;
        let context = Context::decision(time, &self.metadata);
        guard(self.name, || {
            let states =
                Loader::fold(&self.plan, batches, &inner.codec, |loader| (handler.load)(command, loader))?;
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

    async fn append<E>(
        &self,
        time: Timestamp,
        events: Vec<Draft>,
        batches: &[Batch],
    ) -> Result<Tried<E>, Error> {
        if events.is_empty() && self.key.is_none() && self.body.is_none() {
            return Ok(Tried::Accepted(Receipt::default()));
        }
        let read = self.plan.reads.iter().zip(batches);
        let conditions =
            read.map(|(read, batch)| Condition { criteria: read.criteria.clone(), marker: batch.marker });
        let append = Append {
            inline: self.app.inner.read_side.inline(&events),
            events,
            conditions: conditions.collect(),
            key: self.key.clone(),
            ..self.message(time, None)
        };
        Ok(match self.app.append(append).await? {
            Appended::Done(receipt) | Appended::Already(receipt) => {
                self.app.inner.hub.appended(receipt.position());
                Tried::Accepted(receipt)
            }
            Appended::Conflict { met, .. } => Tried::Conflict(met),
            Appended::Inline(missing) => return Err(self.app.not_kept_inline(&missing)),
        })
    }

    /// A decision that says no today may have said yes when the id was first used: then that answer stands.
    async fn rejected<E: Debug + Send>(&self, time: Timestamp, rejection: E) -> Result<Tried<E>, Error> {
        if let Some(receipt) = self.accepted_before().await? {
            return Ok(Tried::Accepted(receipt));
        }
        if self.app.inner.settings.journal == Journal::All {
            let rejected = self.message(time, Some(told(self.name, &rejection)));
            self.app.inner.store.append(rejected).await.map_err(not_journaled)?;
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
        let journal = self.body.clone().map(|body| Journaled { body, rejection });
        Append { recorded_at: time, metadata: self.metadata.clone(), journal, ..Append::default() }
    }
}

impl App {
    /// Appends, and brings the inline builds along that the store asks for, as far as this program keeps them.
    async fn append(&self, append: Append) -> Result<Appended, Error> {
        let Inner { store, read_side, .. } = &*self.inner;
        if !read_side.keeps_inline() {
            let answer = store.append(append).await;
            if let Ok(Appended::Inline(_)) = &answer {
                read_side.look();
            }
            return answer;
        }
        let mut answer = store.append(append.clone()).await?;
        // Once is enough, unless builds are switched just then.
        for _ in 0..3 {
            let Appended::Inline(wanted) = &answer else { break };
            let Some(inline) = read_side.inline_of(wanted) else { break };
            answer = store.append(Append { inline, ..append.clone() }).await?;
        }
        Ok(answer)
    }

    fn not_kept_inline(&self, missing: &[InlineId]) -> Error {
        let operation = format!("append to {}", self.inner.store.describe());
        if self.inner.read_side.inline_of(missing).is_some() {
            return Error::unavailable(operation, "what is kept inline has just changed; try again");
        }
        let names: Vec<_> =
            missing.iter().map(|id| format!("`{}` version {}", id.projection, id.version)).collect();
        let reason = format!(
            "its appends keep {} up to date, and this program does not: start it with `.projection_with::<…>(Keep::new()\
             .inline())` for each",
            names.join(", ")
        );
        Error::unusable(operation, reason)
    }

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
        Error::Unknown { operation, reason, source } => Error::Unavailable { operation, reason, source },
        error => error,
    }
}

/// A rejection in its own words.
pub(crate) fn told<E: Debug>(command: &str, rejection: &E) -> String {
    guard(command, || Ok(format!("{rejection:?}"))).unwrap_or_else(|error| error.to_string())
}

/// Runs the user's code; a panic becomes an error that names what was running.
pub(super) fn guard<T>(running: &str, user_code: impl FnOnce() -> Result<T, Invalid>) -> Result<T, Error> {
    match catch_unwind(AssertUnwindSafe(user_code)) {
        Ok(result) => result.map_err(Error::from),
        Err(panic) => Err(Error::Panicked {
            function: format!("the code of `{running}`"),
            message: panic_message(&*panic),
        }),
    }
}
