//! How a command is executed: the options of the caller, and the dispatcher that the generated code calls.

use std::{
    any::type_name,
    borrow::Cow,
    fmt::Debug,
    future::{Future, IntoFuture},
    pin::{Pin, pin},
    sync::Arc,
};

use serde::Serialize;
use tracing::Instrument;

use super::{
    executor::Executor, heuristics::CommandProfile, options::ExecuteOptions, prepared::PreparedCommand,
    retry_loop::execute_with_retry,
};
use crate::{
    command::Command,
    dispatch::{Dispatcher, Handler, VersionedState},
    error::ExecuteError,
    event::IntoEvents,
    panics::run_user_code,
    record::CommandId,
    store::Receipt,
    telemetry::{CommandOutcome, command_span, is_traceparent},
};

type BoxedResult<E> = Pin<Box<dyn Future<Output = Result<Receipt, ExecuteError<E>>> + Send>>;

/// Executes a command when awaited.
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// # let app = bank().await?;
/// let deposit = app.execute(Deposit { account: id("a"), cents: 5 }); // executes nothing yet
/// assert_eq!(app.load::<Account>(&id("a")).await?.cents, 10);
///
/// deposit.await?;
/// assert_eq!(app.load::<Account>(&id("a")).await?.cents, 15);
/// # Ok(())
/// # });
/// ```
///
/// # Errors
/// [`ExecuteError::Rejected`] with the error of the decision; another [`ExecuteError`] if the command could not be decided or
/// appended. One with [`Error::Busy`](crate::error::Error::Busy) if another command of the process was at work on an aggregate for
/// the whole time of [`Retry`](crate::app::Retry).
#[must_use = "nothing is executed before it is awaited"]
#[derive(Debug)]
pub struct Execute<C> {
    command: C,
    dispatcher: ExecuteDispatcher,
}

impl<C: Command> Execute<C> {
    pub(crate) fn new(executor: Arc<Executor>, command: C) -> Self {
        Self { command, dispatcher: ExecuteDispatcher { executor, options: ExecuteOptions::default() } }
    }

    /// Makes the command idempotent: a command with this id is accepted once; executing it again returns the first receipt, even
    /// if the first response was lost. A rejection is not remembered.
    ///
    /// The id is bound to the command: its name, the aggregate ids and all its fields. Reusing it for another command is the error
    /// [`Invalid::CommandIdReused`](crate::error::Invalid::CommandIdReused). So a command that is sent again must have equal
    /// fields: leave out the time of the request, and use a `BTreeSet` instead of a `HashSet`.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// for _ in 0..2 {
    ///     app.execute(Deposit { account: id("a"), cents: 5 }).id("payment-17").await?;
    /// }
    /// assert_eq!(app.load::<Account>(&id("a")).await?.cents, 15);
    ///
    /// let error = app.execute(Deposit { account: id("b"), cents: 5 }).id("payment-17").await.unwrap_err();
    /// assert!(error.to_string().contains("`payment-17` was already used"));
    /// # Ok(())
    /// # });
    /// ```
    pub fn id(mut self, id: impl Into<CommandId>) -> Self {
        self.dispatcher.options.id = Some(id.into());
        self
    }

    /// Sets the actor, the user or system that sends the command (1 to 200 bytes).
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// app.execute(Deposit { account: id("a"), cents: 5 }).actor("ann").await?;
    /// let history = app.history::<AccountEvent>(&id("a")).await?;
    /// assert_eq!(history[2].metadata.actor.as_ref().unwrap().as_str(), "ann");
    /// # Ok(())
    /// # });
    /// ```
    pub fn actor(mut self, actor: impl Into<Cow<'static, str>>) -> Self {
        self.dispatcher.options.actor = Some(actor.into());
        self
    }

    /// Sets the correlation id (1 to 200 bytes), which all events of one business process share. By default the command id.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// app.execute(Deposit { account: id("a"), cents: 5 }).correlation("order-7").await?;
    /// let history = app.history::<AccountEvent>(&id("a")).await?;
    /// assert_eq!(history[2].metadata.correlation.as_ref().unwrap().as_str(), "order-7");
    /// # Ok(())
    /// # });
    /// ```
    pub fn correlation(mut self, correlation: impl Into<Cow<'static, str>>) -> Self {
        self.dispatcher.options.correlation = Some(correlation.into());
        self
    }

    /// Sets the causation id (1 to 200 bytes): the id of the event that led to the command.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// let cause = app.history::<AccountEvent>(&id("a")).await?[0].id.to_string();
    /// app.execute(Deposit { account: id("a"), cents: 5 }).causation(cause.clone()).await?;
    /// let history = app.history::<AccountEvent>(&id("a")).await?;
    /// assert_eq!(history[2].metadata.causation.as_ref().unwrap().as_str(), cause);
    /// # Ok(())
    /// # });
    /// ```
    pub fn causation(mut self, causation: impl Into<Cow<'static, str>>) -> Self {
        self.dispatcher.options.causation = Some(causation.into());
        self
    }

    /// Sets the trace context of the caller, as a W3C `traceparent`: the header of an HTTP request of this name. It is stored with the
    /// events, and the commands that policies send because of them have the same one.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    /// app.execute(Deposit { account: id("a"), cents: 5 }).trace(traceparent).await?;
    /// let history = app.history::<AccountEvent>(&id("a")).await?;
    /// assert_eq!(history[2].metadata.trace.as_ref().unwrap().as_str(), traceparent);
    ///
    /// let error = app.execute(Deposit { account: id("a"), cents: 5 }).trace("17").await.unwrap_err();
    /// assert!(error.to_string().contains("traceparent \"17\" is not valid"));
    /// # Ok(())
    /// # });
    /// ```
    pub fn trace(mut self, traceparent: impl Into<Cow<'static, str>>) -> Self {
        self.dispatcher.options.trace = Some(traceparent.into());
        self
    }
}

impl<C: Command> IntoFuture for Execute<C> {
    type Output = Result<Receipt, ExecuteError<C::Error>>;
    type IntoFuture = BoxedResult<C::Error>;

    fn into_future(self) -> Self::IntoFuture {
        self.command.dispatch(self.dispatcher)
    }
}

/// Executes the commands that are dispatched to it.
#[derive(Debug)]
struct ExecuteDispatcher {
    executor: Arc<Executor>,
    options: ExecuteOptions,
}

impl Dispatcher for ExecuteDispatcher {
    type Out<E: Debug + Send + 'static> = BoxedResult<E>;

    fn run<C, S, R, E>(self, mut command: C, handler: Handler<C, S, R, E>) -> BoxedResult<E>
    where
        C: Serialize + Send + 'static,
        S: Send + 'static,
        R: IntoEvents + 'static,
        E: Debug + Send + 'static,
    {
        Box::pin(async move { self.executor.execute(self.options, &mut command, &handler).await })
    }

    fn map<A, B>(out: BoxedResult<A>, convert: fn(A) -> B) -> BoxedResult<B>
    where
        A: Debug + Send + 'static,
        B: Debug + Send + 'static,
    {
        Box::pin(async move {
            out.await.map_err(|error| match error {
                ExecuteError::Rejected(rejection) => {
                    run_user_code(type_name::<B>(), || Ok(convert(rejection)))
                        .map_or_else(ExecuteError::from, ExecuteError::Rejected)
                }
                error => error.map(convert),
            })
        })
    }
}

impl Executor {
    /// Executes a command that stays with the caller, which may execute it again. Takes `&mut C` so that `C` need not be `Sync`.
    ///
    /// # Errors
    /// As [`Execute`].
    pub(crate) async fn execute<C, S, R, E>(
        self: Arc<Self>,
        options: ExecuteOptions,
        command: &mut C,
        handler: &Handler<C, S, R, E>,
    ) -> Result<Receipt, ExecuteError<E>>
    where
        C: Serialize + Send,
        R: IntoEvents,
        E: Debug + Send,
    {
        let span = command_span(handler.name, options.trace.as_deref().filter(|text| is_traceparent(text)));
        // By reference: each future that contained it would be as large again.
        let profile = self.profiles.of(handler.name);
        let timer = profile.metrics.begin(handler.name);
        let execution = pin!(self.execute_in_span(Arc::clone(&profile), options, command, handler));
        let result = execution.instrument(span.clone()).await;
        let outcome = outcome(&result);
        timer.finish(outcome);
        span.record("outcome", outcome.text());
        if let Ok(receipt) = &result {
            span.record("events", receipt.events.len()).record("position", receipt.position().get());
        }
        result
    }

    async fn execute_in_span<C, S, R, E>(
        self: Arc<Self>,
        profile: Arc<CommandProfile>,
        options: ExecuteOptions,
        command: &mut C,
        handler: &Handler<C, S, R, E>,
    ) -> Result<Receipt, ExecuteError<E>>
    where
        C: Serialize + Send,
        R: IntoEvents,
        E: Debug + Send,
    {
        let (runtime, name) = (self.watcher.runtime().clone(), handler.name);
        runtime.check(|| format!("execute `{name}`"))?;
        let prepared = PreparedCommand::new(self, profile, options, &*command, handler)?;
        let mut decide = move |prepared: &PreparedCommand, time, states: &[VersionedState]| {
            prepared.decide(time, states, &*command, handler)
        };
        let execution = pin!(execute_with_retry(&prepared, &mut decide));
        match runtime.run_until_ended(execution).await {
            Some(Err(ExecuteError::Unavailable(_))) if runtime.has_ended() => {
                Err(prepared.runtime_ended().into())
            }
            Some(result) => result,
            None => Err(prepared.runtime_ended().into()),
        }
    }
}

/// How an execution ended.
fn outcome<E>(result: &Result<Receipt, ExecuteError<E>>) -> CommandOutcome {
    match result {
        Ok(_) => CommandOutcome::Accepted,
        Err(ExecuteError::Rejected(_)) => CommandOutcome::Rejected,
        Err(ExecuteError::Conflict { .. }) => CommandOutcome::Conflict,
        Err(ExecuteError::Invalid(_)) => CommandOutcome::Invalid,
        Err(ExecuteError::Panicked(_)) => CommandOutcome::Panicked,
        Err(ExecuteError::Unavailable(_)) => CommandOutcome::Unavailable,
        Err(ExecuteError::OutcomeUnknown(_)) => CommandOutcome::Unknown,
    }
}
