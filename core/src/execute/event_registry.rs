//! Which Rust type owns which stored name. Two Rust types that write the same name would read each other's events.

use std::{
    collections::{HashMap, HashSet},
    sync::{PoisonError, RwLock},
};

use crate::{
    error::Invalid,
    event::{EventType, IdKind, Types},
};

/// The event types that the app uses.
#[derive(Debug, Default)]
pub(crate) struct EventRegistry(RwLock<Registrations>);

#[derive(Debug, Default)]
struct Registrations {
    /// Addresses of the tables that were registered: nearly every call finds its table here.
    tables: HashSet<usize>,
    /// Stored name to Rust type.
    names: HashMap<&'static str, &'static str>,
    kinds: HashMap<&'static str, IdKind>,
}

impl EventRegistry {
    /// Registers the names and id kinds of a table for the Rust types that the table names.
    ///
    /// # Errors
    /// [`Invalid::DuplicateName`] if another Rust type owns one of them.
    pub(crate) fn register(&self, types: &'static Types) -> Result<(), Invalid> {
        let address = std::ptr::from_ref(types).addr();
        if self.0.read().unwrap_or_else(PoisonError::into_inner).tables.contains(&address) {
            return Ok(());
        }
        let mut registrations = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let mut result = Ok(());
        types.each(&mut |event| {
            if result.is_ok() {
                result = registrations.add(event);
            }
        });
        if result.is_ok() {
            registrations.tables.insert(address);
        }
        result
    }
}

impl Registrations {
    fn add(&mut self, event: &EventType) -> Result<(), Invalid> {
        for name in std::iter::once(&event.name).chain(event.aliases) {
            self.add_name(name, event.rust)?;
        }
        event.ids.iter().try_for_each(|kind| self.add_kind(*kind))
    }

    fn add_name(&mut self, name: &'static str, rust: &'static str) -> Result<(), Invalid> {
        match self.names.insert(name, rust) {
            Some(first) if first != rust => {
                self.names.insert(name, first);
                Err(Invalid::DuplicateName {
                    what: "the event name",
                    name: name.to_owned(),
                    first: first.to_owned(),
                    second: rust.to_owned(),
                    advice: "give one of them another `name` or `prefix`",
                })
            }
            _ => Ok(()),
        }
    }

    fn add_kind(&mut self, kind: IdKind) -> Result<(), Invalid> {
        let first = *self.kinds.entry(kind.kind).or_insert(kind);
        if first.rust() == kind.rust() || (first.shared && kind.shared) {
            return Ok(());
        }
        Err(Invalid::DuplicateName {
            what: "the id kind",
            name: kind.kind.to_owned(),
            first: first.rust().to_owned(),
            second: kind.rust().to_owned(),
            advice: "rename one with `#[id(kind = \"…\")]`, or write the same kind on both if they mean the same things",
        })
    }
}
