//! A command struct as the `Command` derive defines it: its handler, for a dispatcher or for [`CommandTypes`].

use std::fmt::Debug;

use serde::Serialize;

use super::Command;
use crate::{
    dispatch::{CommandTypes, Dispatcher, Handler},
    event::IntoEvents,
};

/// A command struct with a derived handler.
#[doc(hidden)]
pub trait Handled: Command {
    /// Passes on the handler.
    fn handler<U: UseHandler<Self>>(user: U) -> U::Out<Self::Error>
    where
        Self: Sized;
}

/// What a handler is passed to.
#[doc(hidden)]
pub trait UseHandler<C>: Sized {
    /// The result, for the error `E` of the command.
    type Out<E: Debug + Send + 'static>;

    /// Uses the handler.
    fn use_handler<S, R, E>(self, handler: Handler<C, S, R, E>) -> Self::Out<E>
    where
        S: Send + 'static,
        R: IntoEvents + 'static,
        E: Debug + Send + 'static;
}

/// A command on its way to a dispatcher.
struct Dispatch<C, D> {
    command: C,
    dispatcher: D,
}

impl<C: Command + Serialize, D: Dispatcher> UseHandler<C> for Dispatch<C, D> {
    type Out<E: Debug + Send + 'static> = D::Out<E>;

    fn use_handler<S, R, E>(self, handler: Handler<C, S, R, E>) -> D::Out<E>
    where
        S: Send + 'static,
        R: IntoEvents + 'static,
        E: Debug + Send + 'static,
    {
        self.dispatcher.run(self.command, handler)
    }
}

impl<C: Command> UseHandler<C> for &mut CommandTypes {
    type Out<E: Debug + Send + 'static> = ();

    fn use_handler<S, R, E>(self, handler: Handler<C, S, R, E>)
    where
        S: Send + 'static,
        R: IntoEvents + 'static,
        E: Debug + Send + 'static,
    {
        self.add::<C>(handler.name).writes::<R>();
    }
}

/// [`Command::dispatch`] of a command struct.
#[doc(hidden)]
pub fn dispatch<C: Handled + Serialize, D: Dispatcher>(command: C, dispatcher: D) -> D::Out<C::Error> {
    C::handler(Dispatch { command, dispatcher })
}
