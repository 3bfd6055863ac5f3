//! What the decisions of commands read and write, known without a command.

use std::any::type_name;

use crate::{
    aggregate::Aggregate,
    event::{IntoEvents, Types},
};

/// The names of commands, and the event types that their decisions read and write. A command declares its own.
///
/// ```
/// # use annalist_doc_tests::*;
/// use annalist::raw::dispatch::CommandTypes;
///
/// let mut types = CommandTypes::default();
/// Open::declare(&mut types);
/// assert_eq!(types.names().collect::<Vec<_>>(), ["open"]);
/// ```
#[derive(Debug, Default)]
pub struct CommandTypes {
    /// The stored name of each command, and its Rust type.
    names: Vec<(&'static str, &'static str)>,
    events: Vec<&'static Types>,
}

impl CommandTypes {
    /// Declares a command by its stored name.
    pub fn add<C>(&mut self, name: &'static str) -> &mut Self {
        self.names.push((name, type_name::<C>()));
        self
    }

    /// Declares an aggregate whose state the decision gets.
    pub fn reads<A: Aggregate>(&mut self) -> &mut Self {
        self.events.extend(A::EVENTS);
        self
    }

    /// Declares the events that the decision returns.
    pub fn writes<E: IntoEvents>(&mut self) -> &mut Self {
        E::each_type(&mut |types| self.events.push(types));
        self
    }

    /// Returns the stored names of the commands.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.names.iter().map(|(name, _)| *name)
    }

    /// The stored name of each command with its Rust type.
    pub(crate) fn commands(&self) -> &[(&'static str, &'static str)] {
        &self.names
    }

    pub(crate) fn events(&self) -> &[&'static Types] {
        &self.events
    }
}
