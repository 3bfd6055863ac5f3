//! What the decisions of commands read and write, known without a command.

use std::any::type_name;

use super::started_fold::StartedFold;
use crate::{
    aggregate::{Aggregate, AggregateId},
    error::Invalid,
    event::{IntoEvents, MakeSchema, Types},
};

/// The names of commands, and what their decisions read and write. A command declares its own.
///
/// ```
/// # use annalist_doc_tests::*;
/// use annalist::raw::dispatch::CommandTypes;
///
/// let mut types = CommandTypes::default();
/// Open::declare(&mut types);
/// assert_eq!(types.names().collect::<Vec<_>>(), ["open"]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct CommandTypes {
    commands: Vec<DeclaredCommand>,
    /// The JSON Schema of the command that is declared next.
    schema: Option<MakeSchema>,
}

/// A command as it is declared.
#[derive(Clone, Debug)]
pub(crate) struct DeclaredCommand {
    pub(crate) name: &'static str,
    pub(crate) rust: &'static str,
    pub(crate) schema: Option<MakeSchema>,
    /// The states that the decision gets.
    pub(crate) reads: Vec<DeclaredState>,
    /// The events that the decision returns.
    pub(crate) writes: Vec<&'static Types>,
}

/// A state that a decision gets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DeclaredState {
    /// The field of the command that holds the id; empty if it is not known.
    pub(crate) field: &'static str,
    pub(crate) aggregate: DeclaredAggregate,
}

/// The properties of an aggregate type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DeclaredAggregate {
    pub(crate) rust: &'static str,
    /// The kind of its id; `None` for an aggregate without id.
    pub(crate) id: Option<&'static str>,
    pub(crate) events: &'static [Types],
    pub(crate) snapshot: Option<DeclaredSnapshot>,
    /// Starts the fold of the aggregate with the id that has a text.
    pub(crate) start: fn(&str) -> Result<StartedFold, Invalid>,
}

/// How snapshots of an aggregate are saved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DeclaredSnapshot {
    pub(crate) name: &'static str,
    pub(crate) every: u32,
    pub(crate) version: u32,
}

impl DeclaredAggregate {
    pub(crate) fn of<A: Aggregate>() -> Self {
        let snapshot = A::SNAPSHOTS.map(|snapshots| DeclaredSnapshot {
            name: snapshots.name,
            every: snapshots.every,
            version: snapshots.version,
        });
        Self {
            rust: type_name::<A>(),
            id: <A::Id as AggregateId>::TAG_KIND,
            events: A::EVENTS,
            snapshot,
            start: StartedFold::of::<A>,
        }
    }
}

impl CommandTypes {
    /// Declares a command by its stored name. What is declared next belongs to it.
    pub fn add<C>(&mut self, name: &'static str) -> &mut Self {
        let (rust, schema) = (type_name::<C>(), self.schema.take());
        self.commands.push(DeclaredCommand { name, rust, schema, reads: Vec::new(), writes: Vec::new() });
        self
    }

    /// Declares an aggregate whose state the decision gets.
    pub fn reads<A: Aggregate>(&mut self) -> &mut Self {
        self.reads_by::<A>("")
    }

    /// As [`reads`](Self::reads), of the id in the field with this name.
    pub fn reads_by<A: Aggregate>(&mut self, field: &'static str) -> &mut Self {
        let aggregate = DeclaredAggregate::of::<A>();
        self.command().reads.push(DeclaredState { field, aggregate });
        self
    }

    /// Declares the events that the decision returns.
    pub fn writes<E: IntoEvents>(&mut self) -> &mut Self {
        let command = self.command();
        E::each_type(&mut |types| command.writes.push(types));
        self
    }

    /// Sets the JSON Schema of the command that is added next.
    #[doc(hidden)]
    pub fn with_schema(&mut self, schema: Option<MakeSchema>) -> &mut Self {
        self.schema = schema;
        self
    }

    /// Returns the stored names of the commands.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.commands().iter().map(|command| command.name).filter(|name| !name.is_empty())
    }

    pub(crate) fn commands(&self) -> &[DeclaredCommand] {
        &self.commands
    }

    /// Adds the commands of another declaration.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.commands.append(&mut other.commands);
    }

    /// The event types that the decisions read and write.
    pub(crate) fn events(&self) -> impl Iterator<Item = &'static Types> {
        self.commands.iter().flat_map(|command| {
            let read = command.reads.iter().flat_map(|state| state.aggregate.events);
            read.chain(command.writes.iter().copied())
        })
    }

    /// The command that was declared last. What is declared before any command belongs to one without a name.
    fn command(&mut self) -> &mut DeclaredCommand {
        if self.commands.is_empty() {
            self.add::<()>("");
        }
        let last = self.commands.len() - 1;
        &mut self.commands[last]
    }
}
