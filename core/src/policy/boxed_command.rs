//! Commands with their types erased.

use std::{fmt::Debug, sync::Arc};

use futures_util::future::BoxFuture;

use serde::Serialize;

use crate::{
    dispatch::{Dispatcher, Handler},
    error::{ExecuteError, Invalid},
    event::IntoEvents,
    execute::{ExecuteOptions, Executor, rejection_text},
    payload::Payload,
    store::Receipt,
};

/// A command with its handler.
pub(crate) trait BoxedCommand: Send {
    /// The stored name.
    fn name(&self) -> &'static str;

    /// The command as JSON.
    fn body(&self) -> Result<Payload, Invalid>;

    /// Executes it. Returns the result, with a rejection as text, and the command, which can be sent again if the store did not
    /// respond.
    fn send(self: Box<Self>, executor: Arc<Executor>, options: ExecuteOptions) -> BoxFuture<'static, Sent>;
}

/// A command that was executed, and the result.
pub(crate) type Sent = (Box<dyn BoxedCommand>, Result<Receipt, ExecuteError<String>>);

/// A dispatcher that boxes the command instead of executing it.
pub(super) struct CollectCommands;

impl Dispatcher for CollectCommands {
    type Out<E: Debug + Send + 'static> = Box<dyn BoxedCommand>;

    fn run<C, S, R, E>(self, command: C, handler: Handler<C, S, R, E>) -> Box<dyn BoxedCommand>
    where
        C: Serialize + Send + 'static,
        S: Send + 'static,
        R: IntoEvents + 'static,
        E: Debug + Send + 'static,
    {
        Box::new(CommandWithHandler { command, handler })
    }

    /// Ignores the conversion of the rejection: its text is that of the original type.
    fn map<A, B>(out: Box<dyn BoxedCommand>, _: fn(A) -> B) -> Box<dyn BoxedCommand>
    where
        A: Debug + Send + 'static,
        B: Debug + Send + 'static,
    {
        out
    }
}

struct CommandWithHandler<C, S, R, E> {
    command: C,
    handler: Handler<C, S, R, E>,
}

impl<C, S, R, E> BoxedCommand for CommandWithHandler<C, S, R, E>
where
    C: Serialize + Send + 'static,
    S: Send + 'static,
    R: IntoEvents + 'static,
    E: Debug + Send + 'static,
{
    fn name(&self) -> &'static str {
        self.handler.name
    }

    fn body(&self) -> Result<Payload, Invalid> {
        self.handler.body(&self.command).map(|(body, _)| body)
    }

    fn send(
        mut self: Box<Self>,
        executor: Arc<Executor>,
        options: ExecuteOptions,
    ) -> BoxFuture<'static, Sent> {
        Box::pin(async move {
            let Self { command, handler } = &mut *self;
            let result = executor.execute(options, command, handler).await;
            let result =
                result.map_err(|error| error.map(|rejection| rejection_text(handler.name, &rejection)));
            (self as Box<dyn BoxedCommand>, result)
        })
    }
}
