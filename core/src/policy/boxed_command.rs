//! Commands with their types erased.

use std::{fmt::Debug, pin::Pin, sync::Arc};

use serde::Serialize;

use crate::{
    dispatch::{Dispatcher, Handler},
    error::{ExecuteError, Invalid},
    event::IntoEvents,
    execute::{ExecuteOptions, Executor, rejection_text},
    payload::Payload,
    store::Receipt,
};

/// A command with its handler. It can be sent again if the store did not respond.
pub(crate) trait BoxedCommand: Send {
    /// The stored name.
    fn name(&self) -> &'static str;

    /// The command as JSON.
    fn body(&self) -> Result<Payload, Invalid>;

    /// Executes it. A rejection is returned as text.
    fn send(&mut self, executor: Arc<Executor>, options: ExecuteOptions) -> Sent<'_>;
}

/// The execution of a command.
pub(crate) type Sent<'a> = Pin<Box<dyn Future<Output = Result<Receipt, ExecuteError<String>>> + Send + 'a>>;

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
        Payload::encode(self.handler.name, &self.command)
    }

    fn send(&mut self, executor: Arc<Executor>, options: ExecuteOptions) -> Sent<'_> {
        Box::pin(async move {
            let Self { command, handler } = self;
            let result = executor.execute(options, command, handler).await;
            result.map_err(|error| error.map(|rejection| rejection_text(handler.name, &rejection)))
        })
    }
}
