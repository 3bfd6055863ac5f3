//! Commands of any type, kept until they have an answer.

use std::{fmt::Debug, pin::Pin};

use serde::Serialize;

use crate::{
    app::Call,
    dispatch::{Dispatcher, Handler},
    error::{ExecuteError, Invalid},
    event::IntoEvents,
    payload::Payload,
    store::Receipt,
};

/// A command with its decision, which may be sent again when the store did not answer.
pub(crate) trait BoxedCommand: Send {
    /// The stored name.
    fn name(&self) -> &'static str;

    /// The command as JSON.
    fn body(&self) -> Result<Payload, Invalid>;

    /// Executes it. Of a rejection only what it says is told.
    fn send(&mut self, call: Call) -> Sent<'_>;
}

/// The answer to a command of any type.
pub(crate) type Sent<'a> = Pin<Box<dyn Future<Output = Result<Receipt, ExecuteError<String>>> + Send + 'a>>;

/// Keeps commands: a dispatcher that does nothing else.
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
        Box::new(Decidable { command, handler })
    }

    /// A rejection is told in its own words, whatever it is turned into.
    fn map<A, B>(out: Box<dyn BoxedCommand>, _: fn(A) -> B) -> Box<dyn BoxedCommand>
    where
        A: Debug + Send + 'static,
        B: Debug + Send + 'static,
    {
        out
    }
}

struct Decidable<C, S, R, E> {
    command: C,
    handler: Handler<C, S, R, E>,
}

impl<C, S, R, E> BoxedCommand for Decidable<C, S, R, E>
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

    fn send(&mut self, call: Call) -> Sent<'_> {
        Box::pin(async move {
            let answer = call.answer(&mut self.command, &self.handler).await;
            answer.map_err(|error| error.map(|rejection| crate::app::told(self.handler.name, &rejection)))
        })
    }
}
