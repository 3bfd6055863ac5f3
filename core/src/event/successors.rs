//! The successors of event names that the types of a program declare: by their aliases, and by the retired events that they are made
//! from. Also their secret fields.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

use super::{
    declared_secrets::{ReadSecrets, each_read},
    types::{EventType, Types},
};

/// An older name of an event type, or that of a retired one from which it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Predecessor {
    pub(crate) name: &'static str,
    /// Whether it is an alias.
    pub(crate) is_alias: bool,
}

/// The successors that a program declares, and the secret fields of its types.
#[derive(Debug, Default)]
pub(crate) struct DeclaredSuccessors {
    predecessors: RwLock<HashMap<&'static str, Vec<Predecessor>>>,
    /// By the stored names.
    secrets: RwLock<HashMap<&'static str, Vec<ReadSecrets>>>,
}

impl DeclaredSuccessors {
    /// Adds those of a set of types.
    pub(crate) fn declare(&self, types: &Types) {
        {
            let mut secrets = self.secrets.write().unwrap_or_else(PoisonError::into_inner);
            each_read(types, &mut |read| secrets.entry(read.name).or_default().push(read));
        }
        self.declare_predecessors(types);
    }

    /// Returns `true` if a type that reads the stored events with a name declares these fields as secrets, or is of a later version than the one
    /// in which they are; or if no type of the program reads them.
    pub(crate) fn knows_secrets(&self, name: &str, fields: &[String], version: u32) -> bool {
        let secrets = self.secrets.read().unwrap_or_else(PoisonError::into_inner);
        secrets.get(name).is_none_or(|read| read.iter().any(|one| one.knows(fields, version)))
    }

    fn declare_predecessors(&self, types: &Types) {
        types.each(&mut |event| {
            if !event.aliases.is_empty() || !event.sources.is_empty() {
                self.declare_event(event);
            }
            Types::Sum(event.sources).each(&mut |source| self.declare_predecessors(&Types::One(*source)));
        });
    }

    fn declare_event(&self, event: &EventType) {
        let mut declared = self.predecessors.write().unwrap_or_else(PoisonError::into_inner);
        let predecessors = declared.entry(event.name).or_default();
        let aliases = event.aliases.iter().map(|name| Predecessor { name, is_alias: true });
        let sources = Types::Sum(event.sources).names().into_iter();
        for one in aliases.chain(sources.map(|name| Predecessor { name, is_alias: false })) {
            if one.name != event.name && !predecessors.iter().any(|other| other.name == one.name) {
                predecessors.push(one);
            }
        }
    }

    /// The predecessors of a name.
    pub(crate) fn predecessors(&self, name: &str) -> Vec<Predecessor> {
        let declared = self.predecessors.read().unwrap_or_else(PoisonError::into_inner);
        declared.get(name).cloned().unwrap_or_default()
    }

    /// Returns `true` if a type with the name `successor` is declared that has `name` as an alias, or is made from it.
    fn is_declared(&self, name: &str, successor: &str) -> bool {
        self.has(successor, |one| one.name == name)
    }

    /// Returns `true` if a type with the name `successor` is declared that is made from a retired one with the name `name`.
    fn is_made_from(&self, name: &str, successor: &str) -> bool {
        self.has(successor, |one| one.name == name && !one.is_alias)
    }

    /// Returns `true` if a successor is known to a reader of these names: the program declares it, or it is made from the older name and
    /// the reader reads others that are. A reader need not read all parts of a retired event.
    pub(crate) fn covers<'a>(
        &self,
        of: &str,
        successor: &str,
        is_rename: bool,
        mut names: impl Iterator<Item = &'a str>,
    ) -> bool {
        self.is_declared(of, successor) || (!is_rename && names.any(|name| self.is_made_from(of, name)))
    }

    fn has(&self, successor: &str, is_wanted: impl FnMut(&Predecessor) -> bool) -> bool {
        let declared = self.predecessors.read().unwrap_or_else(PoisonError::into_inner);
        declared.get(successor).is_some_and(|all| all.iter().any(is_wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Types = Types::One(EventType::new("made.first", "First").retired());
    const MADE: Types =
        Types::One(EventType::new("made", "Made").aliases(&["old.made"]).made_from(&[&FIRST]).retired());
    const RESERVED: Types =
        Types::One(EventType::new("reserved", "Reserved").aliases(&["held"]).made_from(&[&MADE]));

    #[test]
    fn aliases_and_all_sources_are_predecessors() {
        let declared = DeclaredSuccessors::default();
        declared.declare(&Types::Sum(&[&RESERVED]));
        declared.declare(&RESERVED);
        let names = |name| {
            let all = declared.predecessors(name).into_iter();
            all.map(|one| (one.name, one.is_alias)).collect::<Vec<_>>()
        };
        let expected = [("held", true), ("made", false), ("old.made", false), ("made.first", false)];
        assert_eq!(names("reserved"), expected);
        assert_eq!(names("made"), [("old.made", true), ("made.first", false)]);
        assert!(names("held").is_empty() && names("paid").is_empty());
        assert!(declared.is_declared("held", "reserved") && !declared.is_made_from("held", "reserved"));
        assert!(declared.is_made_from("made.first", "reserved") && !declared.is_declared("reserved", "made"));
    }
}
