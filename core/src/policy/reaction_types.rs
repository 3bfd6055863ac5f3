//! The commands that the reactions of a policy can send, known without an event.

use std::marker::PhantomData;

use crate::{command::Command, dispatch::CommandTypes};

/// The commands that the handlers of a policy return, by their types.
#[derive(Clone, Debug, Default)]
pub struct ReactionTypes {
    pub(crate) commands: CommandTypes,
    /// Whether a handler can also return commands that its type does not name.
    pub(crate) has_unknown: bool,
}

impl ReactionTypes {
    /// Adds a command.
    pub fn add_command<C: Command>(&mut self) {
        C::declare(&mut self.commands);
    }

    /// Adds commands that are not known before the reaction.
    pub fn add_unknown(&mut self) {
        self.has_unknown = true;
    }
}

/// A handler of the policy `P` for the event `E`, for the commands that it returns. A handler with another signature returns unknown
/// commands here: where it is called, it is an error.
#[doc(hidden)]
#[derive(Debug)]
pub struct HandlerOf<P, E, F>(PhantomData<fn(P, E, F)>);

impl<P, E, F> HandlerOf<P, E, F> {
    /// The handler.
    pub fn new(_: F) -> Self {
        Self(PhantomData)
    }
}
