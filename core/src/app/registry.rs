//! Who claims which stored name. Two Rust types that write the same name would read each other's events.

use std::{
    collections::{HashMap, HashSet},
    sync::{PoisonError, RwLock},
};

use crate::{
    error::Invalid,
    event::{EventType, IdKind, Types},
};

#[derive(Debug, Default)]
pub(super) struct Registry(RwLock<Claims>);

#[derive(Debug, Default)]
struct Claims {
    /// Addresses of the tables that were checked: the way that nearly every call takes.
    checked: HashSet<usize>,
    names: HashMap<&'static str, &'static str>,
    kinds: HashMap<&'static str, IdKind>,
}

impl Registry {
    /// Claims the names of a table for the Rust types that it names.
    pub(super) fn claim(&self, types: &'static Types) -> Result<(), Invalid> {
        let address = std::ptr::from_ref(types).addr();
        if self.0.read().unwrap_or_else(PoisonError::into_inner).checked.contains(&address) {
            return Ok(());
        }
        let mut claims = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let mut result = Ok(());
        types.each(&mut |one| {
            if result.is_ok() {
                result = claims.add(one);
            }
        });
        if result.is_ok() {
            claims.checked.insert(address);
        }
        result
    }
}

impl Claims {
    fn add(&mut self, one: &EventType) -> Result<(), Invalid> {
        for name in std::iter::once(&one.name).chain(one.aliases) {
            self.add_name(name, one.rust)?;
        }
        one.ids.iter().try_for_each(|kind| self.add_kind(*kind))
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
