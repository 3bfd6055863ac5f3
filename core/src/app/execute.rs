//! How a command is called, and what is said about it.

use std::{
    any::type_name,
    borrow::Cow,
    fmt::Debug,
    future::{Future, IntoFuture},
    pin::Pin,
};

use serde::Serialize;

use super::{App, request::Request};
use crate::{
    command::Command,
    dispatch::{Dispatcher, Handler, Known},
    error::ExecuteError,
    event::IntoEvents,
    panics::run_user_code,
    record::CommandId,
    store::Receipt,
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
        let mut decide = move |request: &Request, time, known: &mut [Known]| {
            request.decide(time, known, &*command, handler)
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
                ExecuteError::Rejected(rejection) => {
                    run_user_code(type_name::<B>(), || Ok(convert(rejection)))
                        .map_or_else(ExecuteError::from, ExecuteError::Rejected)
                }
                error => error.map(convert),
            })
        })
    }
}

/// A rejection in its own words.
pub(crate) fn told<E: Debug>(command: &str, rejection: &E) -> String {
    run_user_code(command, || Ok(format!("{rejection:?}"))).unwrap_or_else(|error| error.to_string())
}
