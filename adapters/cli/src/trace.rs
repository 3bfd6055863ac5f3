//! `trace`: shows what followed from a command, as a tree of commands and events across policies.

use std::collections::HashMap;

use annalist_core::{
    error::Error,
    record::{Name, Record},
    store::EventStore,
    time::Timestamp,
};
use clap::Args;
use serde::Serialize;
use uuid::Uuid;

use crate::{
    events::{EventLine, each_page, name_of, tags_of},
    failure::Failure,
    output::{Format, Output},
    selection::Selection,
    text::printable,
};

/// The options of `trace`.
#[derive(Args, Clone, Debug)]
pub struct Trace {
    /// The correlation id: that of the first command, or the one that its caller gave.
    correlation: String,
    /// Search only events recorded at this time or later. The whole log is searched otherwise.
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    #[command(flatten)]
    pub(crate) format: Format,
}

impl Trace {
    pub(crate) async fn run(self, store: &dyn EventStore, output: &mut Output<'_>) -> Result<(), Failure> {
        let selection = Selection::of_correlation(self.correlation.clone(), self.since);
        let mut tree = Tree::default();
        each_page(store, &selection, &mut |records| {
            for record in records {
                tree.add(record)?;
            }
            Ok(true)
        })
        .await?;
        if tree.commands.is_empty() {
            return Err(Failure::NotFound(format!("no event has the correlation `{}`", self.correlation)));
        }
        output.print("trace", || tree.lines_for_programs(), || tree.text())
    }
}

/// The events of a correlation, by the command that they are of.
#[derive(Default)]
struct Tree {
    /// In the order of their first events.
    commands: Vec<Command>,
    /// The command with this id.
    by_id: HashMap<Option<Name>, usize>,
    /// The command and the index of the event with this id.
    events: HashMap<Uuid, usize>,
    /// The commands at the top, which no event of the correlation has caused.
    top: Vec<usize>,
}

struct Command {
    name: Option<Name>,
    id: Option<Name>,
    actor: Option<Name>,
    events: Vec<Record>,
    /// The commands that each event has caused, as indexes, beside the id of the event.
    caused: Vec<(Uuid, usize)>,
}

impl Tree {
    /// Adds the next event in the order of the log. Only events that were added before count as causes, so the tree has no circle,
    /// whatever the metadata say.
    fn add(&mut self, record: Record) -> Result<(), Error> {
        let metadata = record.metadata()?;
        let id = metadata.command_id.clone();
        let index = match self.by_id.get(&id) {
            Some(index) => *index,
            None => {
                let index = self.commands.len();
                let cause =
                    metadata.causation.as_ref().and_then(|cause| Uuid::parse_str(cause.as_str()).ok());
                match cause.and_then(|cause| Some((cause, *self.events.get(&cause)?))) {
                    Some((cause, parent)) => self.commands[parent].caused.push((cause, index)),
                    None => self.top.push(index),
                }
                let (name, actor) = (metadata.command.clone(), metadata.actor.clone());
                self.commands.push(Command {
                    name,
                    id: id.clone(),
                    actor,
                    events: Vec::new(),
                    caused: Vec::new(),
                });
                self.by_id.insert(id, index);
                index
            }
        };
        self.events.insert(record.id, index);
        self.commands[index].events.push(record);
        Ok(())
    }

    /// The lines of the tree. The depth is that of the longest chain of policies, so the nodes to visit are on a stack of their own.
    fn text(&self) -> String {
        let mut lines = Vec::new();
        let mut nodes: Vec<Node<'_>> = self.top.iter().rev().map(|index| Node::Command(*index, 0)).collect();
        while let Some(node) = nodes.pop() {
            match node {
                Node::Command(index, depth) => {
                    let command = &self.commands[index];
                    lines.push(format!("{}{}", indent(depth), command.line()));
                    nodes.extend(
                        command.events.iter().rev().map(|event| Node::Event(event, index, depth + 1)),
                    );
                }
                Node::Event(event, index, depth) => {
                    lines.push(format!("{}{}", indent(depth), event_line(event)));
                    let caused = self.caused_by(index, event).rev();
                    nodes.extend(caused.map(|index| Node::Command(index, depth + 1)));
                }
            }
        }
        lines.join("\n")
    }

    fn caused_by(&self, index: usize, event: &Record) -> impl DoubleEndedIterator<Item = usize> {
        let caused = self.commands[index].caused.iter();
        let id = event.id;
        caused.filter(move |(cause, _)| *cause == id).map(|(_, command)| *command)
    }

    /// The commands in the order of their first events. Each says which event has caused it.
    fn lines_for_programs(&self) -> Vec<CommandLine<'_>> {
        self.commands.iter().map(Command::line_for_programs).collect()
    }
}

enum Node<'a> {
    /// The index of a command, and its depth.
    Command(usize, usize),
    /// An event, the index of its command, and its depth.
    Event(&'a Record, usize, usize),
}

fn indent(depth: usize) -> String {
    "  ".repeat(depth)
}

fn event_line(event: &Record) -> String {
    printable(format!("{} {} {}", event.position, name_of(event), tags_of(event)).trim_end())
}

impl Command {
    fn line(&self) -> String {
        let Self { name, id, actor, events, .. } = self;
        // The id of a policy's command is made of those of the policy, the log and the event, and only long.
        let id = id.as_ref().filter(|id| !id.as_str().starts_with("policy/"));
        let name = name.as_ref().map_or("a command without a name", Name::as_str);
        let id = id.map(|id| format!(" {id}")).unwrap_or_default();
        let actor = actor.as_ref().map(|actor| format!(" by {actor}")).unwrap_or_default();
        let time = events.first().map(|event| format!(" at {}", event.recorded_at)).unwrap_or_default();
        printable(&format!("{name}{id}{actor}{time}"))
    }

    fn line_for_programs(&self) -> CommandLine<'_> {
        let first = self.events.first().and_then(|event| event.metadata().ok());
        CommandLine {
            command: self.name.as_ref(),
            command_id: self.id.as_ref(),
            actor: self.actor.as_ref(),
            causation: first.and_then(|metadata| metadata.causation.as_ref()),
            events: self.events.iter().map(EventLine::of).collect(),
        }
    }
}

/// A command of a trace for programs.
#[derive(Serialize)]
struct CommandLine<'a> {
    command: Option<&'a Name>,
    command_id: Option<&'a Name>,
    actor: Option<&'a Name>,
    causation: Option<&'a Name>,
    events: Vec<EventLine<'a>>,
}
