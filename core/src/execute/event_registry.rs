//! Which Rust type owns which stored name. Two Rust types that write the same name would read each other's events or snapshots.

use std::{
    any::TypeId,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::{Arc, PoisonError, RwLock},
};

use crate::{
    dispatch::{AggregateVTable, CommandTypes},
    error::Invalid,
    event::{DeclaredSuccessors, EventType, IdKind, Types},
    record::{Draft, Name},
    store::{Rewrite, RewriteState, RewriteTarget, Successors},
};

/// The event types and the aggregates with snapshots that the app uses, and the commands that it knows.
#[derive(Debug, Default)]
pub(crate) struct EventRegistry {
    registrations: RwLock<Registrations>,
    successors: Arc<DeclaredSuccessors>,
}

/// What is registered by now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Registrations {
    /// Addresses of the tables that were registered: nearly every call finds its table here.
    tables: BTreeSet<usize>,
    /// The event types that commands read and write, by their stored names and aliases. Each has one Rust type.
    names: BTreeMap<&'static str, EventType>,
    /// The event types that only projections and policies read. They may read with other Rust types.
    read: BTreeMap<&'static str, EventType>,
    /// Of each stored name and alias, the newest version that all registered types read, and the type that reads no later one.
    versions: BTreeMap<&'static str, (u32, &'static str)>,
    kinds: HashMap<&'static str, IdKind>,
    /// Stored name of a command to Rust type.
    commands: HashMap<&'static str, &'static str>,
    /// The types of aggregates for which a warning was logged.
    warned: HashSet<&'static str>,
    /// Name of snapshots to aggregate.
    snapshots: HashMap<&'static str, (TypeId, &'static str)>,
}

impl EventRegistry {
    /// Registers the names and id kinds of a table for the Rust types that the table names.
    ///
    /// # Errors
    /// [`Invalid::DuplicateName`] if another Rust type owns one of them.
    pub(crate) fn register(&self, types: &'static Types) -> Result<(), Invalid> {
        let address = std::ptr::from_ref(types).addr();
        if self.registrations.read().unwrap_or_else(PoisonError::into_inner).tables.contains(&address) {
            return Ok(());
        }
        let mut registrations = self.registrations.write().unwrap_or_else(PoisonError::into_inner);
        let mut result = Ok(());
        types.each(&mut |event| {
            if result.is_ok() {
                result = registrations.add(event);
            }
        });
        if result.is_ok() {
            self.successors.declare(types);
            registrations.tables.insert(address);
        }
        result
    }

    /// Registers event types that a projection or a policy reads, with types that need not own the names.
    pub(crate) fn register_read(&self, types: &'static Types) {
        self.successors.declare(types);
        let mut registrations = self.registrations.write().unwrap_or_else(PoisonError::into_inner);
        types.each(&mut |event| registrations.add_read(event));
    }

    /// Registers the names of commands, and the event types that their decisions read and write.
    ///
    /// # Errors
    /// [`Invalid::DuplicateName`] if another Rust type owns one of the names.
    pub(crate) fn register_commands(&self, types: &CommandTypes) -> Result<(), Invalid> {
        let mut registrations = self.registrations.write().unwrap_or_else(PoisonError::into_inner);
        let mut commands = types.commands().iter().filter(|command| !command.name.is_empty());
        commands.try_for_each(|command| registrations.add_command(command.name, command.rust))?;
        drop(registrations);
        types.events().try_for_each(|types| self.register(types))
    }

    /// Checks that events have the ids that stored events got in a pass, or that their types know these ids; and that their types know the
    /// secrets that stored events have encrypted. Types of events that are appended are registered.
    ///
    /// # Errors
    /// [`Invalid::IdsUnknown`] or [`Invalid::SecretsUnknown`] with an event that does not.
    pub(crate) fn check_rewrites(&self, list: &Successors, events: &[Draft]) -> Result<(), Invalid> {
        for rewrite in list.rewrites() {
            let Rewrite { name, target, state, .. } = rewrite;
            let mut named = events.iter().filter(|event| event.name() == name);
            match target {
                RewriteTarget::Tags { kind } => {
                    let is_without = |event: &Draft| !event.tags().iter().any(|tag| tag.kind() == kind);
                    if *state != RewriteState::Running && named.any(is_without) && !self.knows_id(name, kind)
                    {
                        return Err(Invalid::IdsUnknown { name: name.clone(), kind: kind.clone() });
                    }
                }
                RewriteTarget::Secrets { .. } if named.next().is_some() => self.check_secrets(rewrite)?,
                RewriteTarget::Secrets { .. } => {}
            }
        }
        Ok(())
    }

    /// Checks that the types of the program know the secrets that a pass has encrypted, if it is such a pass.
    ///
    /// # Errors
    /// [`Invalid::SecretsUnknown`] if they do not.
    pub(crate) fn check_secrets(&self, rewrite: &Rewrite) -> Result<(), Invalid> {
        let knows =
            |name: &str, fields: &[String], version| self.successors.knows_secrets(name, fields, version);
        rewrite.unknown_secrets(knows).map_or(Ok(()), Err)
    }

    /// Whether the registered event type with a name declares ids of a kind.
    fn knows_id(&self, name: &str, kind: &str) -> bool {
        let registrations = self.registrations.read().unwrap_or_else(PoisonError::into_inner);
        registrations.names.get(name).is_some_and(|event| event.ids.iter().any(|id| id.kind == kind))
    }

    /// The successors of event names that the registered types declare.
    pub(crate) fn successors(&self) -> &Arc<DeclaredSuccessors> {
        &self.successors
    }

    /// Logs a warning that names the successors which the log has, and no registered type reads, of names that one reads.
    pub(crate) fn warn_of_unread_successors(&self, log: &str, list: &Successors) {
        let registrations = self.registrations.read().unwrap_or_else(PoisonError::into_inner);
        let unread = list.all().iter().filter(|successor| {
            let (of, name) = (successor.of(), successor.name());
            let read = registrations.names.keys().chain(registrations.read.keys()).copied();
            registrations.event(of).is_some()
                && registrations.event(name).is_none()
                && !self.successors.covers(of, name, successor.is_rename(), read)
        });
        let unread: Vec<String> =
            unread.map(|successor| format!("`{}` by `{}`", successor.of(), successor.name())).collect();
        if !unread.is_empty() {
            tracing::warn!(
                log,
                superseded = unread.join(", "),
                "newer programs append events under names that this program does not read: commands, loads and followers that \
                 read the older names are refused; deploy the newer program"
            );
        }
    }

    /// Whether an event type with a stored name or alias is registered.
    pub(crate) fn is_read(&self, name: &str) -> bool {
        self.registrations.read().unwrap_or_else(PoisonError::into_inner).event(name).is_some()
    }

    /// Whether a warning was logged for a type of aggregate.
    pub(crate) fn has_warned(&self, aggregate: &str) -> bool {
        self.registrations.read().unwrap_or_else(PoisonError::into_inner).warned.contains(aggregate)
    }

    /// Notes a warning for a type of aggregate. Returns `true` at the first call.
    pub(crate) fn warn_once(&self, aggregate: &'static str) -> bool {
        self.registrations.write().unwrap_or_else(PoisonError::into_inner).warned.insert(aggregate)
    }

    /// What is registered by now.
    pub(crate) fn registrations(&self) -> Registrations {
        self.registrations.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Registers the name of the snapshots of an aggregate, if it has any.
    ///
    /// # Errors
    /// [`Invalid::DuplicateName`] if another aggregate owns the name; [`Invalid`] if it is not a valid name.
    pub(crate) fn register_snapshots(&self, aggregate: &AggregateVTable) -> Result<(), Invalid> {
        let Some(snapshots) = &aggregate.snapshots else { return Ok(()) };
        let (name, new) = (snapshots.name, (aggregate.aggregate, (aggregate.name)()));
        let owner =
            self.registrations.read().unwrap_or_else(PoisonError::into_inner).snapshots.get(name).copied();
        let owner = match owner {
            Some(owner) => owner,
            None => {
                Name::new("snapshot name", name)?;
                let mut registrations = self.registrations.write().unwrap_or_else(PoisonError::into_inner);
                *registrations.snapshots.entry(name).or_insert(new)
            }
        };
        if owner.0 == new.0 {
            return Ok(());
        }
        Err(Invalid::DuplicateName {
            what: "the snapshot name",
            name: name.to_owned(),
            first: owner.1.to_owned(),
            second: new.1.to_owned(),
            advice: "give one of them another name: `snapshot(every = …, name = \"…\")`; for the instances of a generic aggregate it is a constant of the parameter: `name = T::NAME`",
        })
    }
}

impl Registrations {
    /// The event type with a stored name or alias.
    pub(crate) fn event(&self, name: &str) -> Option<&EventType> {
        self.names.get(name).or_else(|| self.read.get(name))
    }

    /// The newest version of a stored name that all registered types read, and the type that reads no later one.
    pub(crate) fn newest_version(&self, name: &str) -> Option<(u32, &'static str)> {
        self.versions.get(name).copied()
    }

    /// An event type with the same prefix: the part of the stored name before its last dot. A variant of an enum, if there is one.
    pub(crate) fn with_prefix_of(&self, name: &str) -> Option<&EventType> {
        let (prefix, _) = name.rsplit_once('.')?;
        let has_prefix = |other: &str| other.rsplit_once('.').is_some_and(|(other, _)| other == prefix);
        let others = self.names.iter().chain(&self.read).filter(|(other, _)| has_prefix(other));
        others.map(|(_, event)| event).max_by_key(|event| event.is_variant)
    }

    /// Whether an event type carries ids of a kind.
    pub(crate) fn has_kind(&self, kind: &str) -> bool {
        let mut read = self.read.values().flat_map(|event| event.ids);
        self.kinds.contains_key(kind) || read.any(|id| id.kind == kind)
    }

    /// Whether nothing is registered.
    pub(crate) fn is_empty(&self) -> bool {
        self.names.is_empty() && self.read.is_empty()
    }

    /// Whether an event type has all ids of its events: it is written by this program, or a variant of an enum. A struct that only
    /// a projection reads may have a part of the fields.
    pub(crate) fn owns(&self, event: &EventType) -> bool {
        event.is_variant || self.names.contains_key(event.name)
    }

    /// Whether commands are registered.
    pub(crate) fn has_commands(&self) -> bool {
        !self.commands.is_empty()
    }

    fn add(&mut self, event: &EventType) -> Result<(), Invalid> {
        for name in std::iter::once(&event.name).chain(event.aliases) {
            self.add_version(name, event);
            let first = *self.names.entry(name).or_insert(*event);
            let advice = "give one of them another `name` or `prefix`";
            check_same("the event name", name, first.rust, event.rust, advice)?;
        }
        event.ids.iter().try_for_each(|kind| self.add_kind(*kind))?;
        let mut result = Ok(());
        Types::Sum(event.sources).each(&mut |source| {
            if result.is_ok() {
                result = self.add(source);
            }
        });
        result
    }

    fn add_read(&mut self, event: &EventType) {
        for name in std::iter::once(&event.name).chain(event.aliases) {
            self.add_version(name, event);
            let read = self.read.entry(name).or_insert(*event);
            // A variant of an enum says more than a struct.
            if event.is_variant && !read.is_variant {
                *read = *event;
            }
        }
        Types::Sum(event.sources).each(&mut |source| self.add_read(source));
    }

    fn add_version(&mut self, name: &'static str, event: &EventType) {
        let new = (event.version, event.rust);
        let known = self.versions.entry(name).or_insert(new);
        *known = (*known).min(new);
    }

    fn add_kind(&mut self, kind: IdKind) -> Result<(), Invalid> {
        let first = *self.kinds.entry(kind.kind).or_insert(kind);
        if first.is_secret != kind.is_secret {
            let advice = "one of them is personal (`#[id(secret)]`) and the other is not, so the log would have the ids in two forms: declare both in \
                          the same way";
            return check_same("the id kind", kind.kind, first.rust(), kind.rust(), advice);
        }
        if first.shared && kind.shared {
            return Ok(());
        }
        let advice = "rename one with `#[id(kind = \"…\")]`, or write the same kind on both if they mean the same things";
        check_same("the id kind", kind.kind, first.rust(), kind.rust(), advice)
    }

    fn add_command(&mut self, name: &'static str, rust: &'static str) -> Result<(), Invalid> {
        let first = *self.commands.entry(name).or_insert(rust);
        check_same("the command name", name, first, rust, "give one of them another `name`")
    }
}

/// Checks that the Rust type which owns a name is the one that uses it now.
fn check_same(
    what: &'static str,
    name: &str,
    first: &str,
    second: &str,
    advice: &'static str,
) -> Result<(), Invalid> {
    if first == second {
        return Ok(());
    }
    Err(Invalid::DuplicateName {
        what,
        name: name.to_owned(),
        first: first.to_owned(),
        second: second.to_owned(),
        advice,
    })
}
