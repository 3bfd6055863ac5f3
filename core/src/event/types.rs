//! The stored names of event types, known at compile time.

use std::collections::HashSet;

use super::{
    hash::fnv_mix,
    id_kind::IdKind,
    vtable::{EventVTable, VersionStep},
};

/// One event type: its stored name, its version and its ids.
///
/// ```
/// use annalist::manual::{EventType, Types};
///
/// const OPENED: EventType = EventType::new("account.opened", "bank::Opened").version(2).aliases(&["account_opened"]);
/// const TYPES: Types = Types::One(OPENED);
///
/// assert_eq!(TYPES.names(), ["account.opened", "account_opened"]);
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct EventType {
    /// The stored name.
    pub name: &'static str,
    /// The schema version that this program writes, and the newest that it can read.
    pub version: u32,
    /// Older stored names of this type.
    pub aliases: &'static [&'static str],
    /// The Rust type or variant, for messages.
    pub rust: &'static str,
    /// The kinds of the ids that the event carries, as far as they are known.
    pub ids: &'static [IdKind],
    /// Whether `ids` is complete, so that the event carries no ids of other kinds.
    pub(super) ids_are_complete: bool,
    /// Whether this is a variant of an enum, which is expected to have all events with its prefix.
    pub(crate) is_variant: bool,
    /// Whether a conversion from an older version or a retired event uses the [`Context`](crate::context::Context) of the event.
    pub(super) needs_context: bool,
    /// The retired event types from whose stored events this one is made.
    pub(crate) sources: &'static [&'static Types],
    /// The functions that make it from these, in the same order, as they are written in the attribute.
    pub(crate) source_functions: &'static [&'static str],
    /// Whether no new event of this type is written any more.
    pub(crate) is_retired: bool,
    /// The fields with other types, from which a function collects ids.
    pub(crate) collected_ids: &'static [&'static str],
    /// The fields with secrets, each with the field of its subject.
    pub(crate) secrets: &'static [(&'static str, &'static str)],
    /// The steps from older versions.
    pub(crate) steps: &'static [VersionStep],
    /// The properties of the Rust type; `None` without the derive.
    pub(crate) vtable: Option<EventVTable>,
}

impl EventType {
    /// Creates version 1 of an event type, defined by the Rust type `rust`.
    ///
    /// ```
    /// use annalist::manual::EventType;
    ///
    /// let opened = EventType::new("account.opened", "bank::Opened");
    /// assert_eq!((opened.name, opened.version), ("account.opened", 1));
    /// ```
    pub const fn new(name: &'static str, rust: &'static str) -> Self {
        Self {
            name,
            version: 1,
            aliases: &[],
            rust,
            ids: &[],
            ids_are_complete: false,
            is_variant: false,
            needs_context: false,
            sources: &[],
            source_functions: &[],
            is_retired: false,
            collected_ids: &[],
            secrets: &[],
            steps: &[],
            vtable: None,
        }
    }

    /// Sets the version.
    ///
    /// ```
    /// use annalist::manual::EventType;
    ///
    /// assert_eq!(EventType::new("account.opened", "bank::Opened").version(2).version, 2);
    /// ```
    #[must_use]
    pub const fn version(self, version: u32) -> Self {
        Self { version, ..self }
    }

    /// Sets the older names.
    ///
    /// ```
    /// use annalist::manual::{EventType, Types};
    ///
    /// let opened = EventType::new("account.opened", "bank::Opened").aliases(&["account_opened"]);
    /// assert!(Types::One(opened).contains("account_opened"));
    /// ```
    #[must_use]
    pub const fn aliases(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    /// Declares the complete list of id kinds. Subscribing to this event by an id of any other kind is a compile error.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// use annalist::manual::{EventType, IdKind, Types};
    ///
    /// let opened = EventType::new("account.opened", "bank::Opened").with_ids(&[const { IdKind::of::<AccountId>() }]);
    /// assert!(Types::One(opened).carries("account") && !Types::One(opened).carries("order"));
    /// ```
    #[must_use]
    pub const fn with_ids(self, ids: &'static [IdKind]) -> Self {
        Self { ids, ids_are_complete: true, ..self }
    }

    /// Declares that the event may carry ids of other kinds too, because a function collects them.
    ///
    /// ```
    /// use annalist::manual::{EventType, Types};
    ///
    /// let opened = EventType::new("account.opened", "bank::Opened").with_open_ids();
    /// assert!(Types::One(opened).carries("order"));
    /// ```
    #[must_use]
    pub const fn with_open_ids(self) -> Self {
        Self { ids_are_complete: false, ..self }
    }

    /// Declares the retired event types from whose stored events this one is made. They are read as this event.
    ///
    /// ```
    /// use annalist::manual::{EventType, Types};
    ///
    /// const MADE: Types = Types::One(EventType::new("booking.made", "Made").retired());
    /// let reserved = Types::One(EventType::new("booking.reserved", "Reserved").made_from(&[&MADE]));
    /// assert!(reserved.reads("booking.made") && !reserved.contains("booking.made"));
    /// ```
    #[must_use]
    pub const fn made_from(self, sources: &'static [&'static Types]) -> Self {
        Self { sources, ..self }
    }

    /// Declares that no new event of this type is written any more. A command that writes one fails.
    ///
    /// ```
    /// use annalist::manual::{EventType, Types};
    ///
    /// assert!(Types::One(EventType::new("booking.made", "Made").retired()).is_retired());
    /// ```
    #[must_use]
    pub const fn retired(self) -> Self {
        Self { is_retired: true, ..self }
    }

    /// Declares that the conversion of an older version uses the [`Context`](crate::context::Context) of the event. A store then
    /// reads it for every fold.
    ///
    /// ```
    /// use annalist::manual::{EventType, Types};
    ///
    /// let opened = EventType::new("account.opened", "bank::Opened").version(2).with_context();
    /// assert!(Types::One(opened).needs_context());
    /// ```
    #[must_use]
    pub const fn with_context(self) -> Self {
        Self { needs_context: true, ..self }
    }

    /// Returns whether [`ids`](EventType::ids) has all kinds that the event may carry.
    pub(crate) const fn ids_are_complete(&self) -> bool {
        self.ids_are_complete
    }

    const fn hash_into(&self, hash: u64) -> u64 {
        let mut hash = fnv_mix(fnv_mix(hash, self.name.as_bytes()), &self.version.to_le_bytes());
        let mut i = 0;
        while i < self.aliases.len() {
            hash = fnv_mix(hash, self.aliases[i].as_bytes());
            i += 1;
        }
        let mut i = 0;
        while i < self.steps.len() {
            let VersionStep { version, function, .. } = self.steps[i];
            hash = fnv_mix(fnv_mix(hash, &version.to_le_bytes()), function.as_bytes());
            i += 1;
        }
        let mut i = 0;
        while i < self.source_functions.len() {
            hash = fnv_mix(hash, self.source_functions[i].as_bytes());
            i += 1;
        }
        Types::Sum(self.sources).hash_into(hash)
    }

    pub(super) const fn contains(&self, name: &str) -> bool {
        if same(self.name, name) {
            return true;
        }
        let mut i = 0;
        while i < self.aliases.len() {
            if same(self.aliases[i], name) {
                return true;
            }
            i += 1;
        }
        false
    }
}

/// A set of event types: one type, or the union of several sets.
///
/// ```
/// # use annalist_doc_tests::*;
/// use annalist::manual::Types;
///
/// const TYPES: Types = AccountEvent::TYPES;
///
/// assert_eq!(TYPES.names(), ["account.opened", "account.deposited"]);
/// assert!(TYPES.contains("account.opened") && !TYPES.contains("account.closed"));
/// assert!(TYPES.carries("account") && !TYPES.carries("order"));
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Types {
    /// One event type.
    One(EventType),
    /// All types of these sets.
    Sum(&'static [&'static Types]),
}

impl Types {
    /// Adds the stored names and the versions of the set to a hash, with the steps between versions and the sources of events.
    pub(crate) const fn hash_into(&self, hash: u64) -> u64 {
        match self {
            Self::One(one) => one.hash_into(hash),
            Self::Sum(sets) => {
                let (mut hash, mut i) = (hash, 0);
                while i < sets.len() {
                    hash = sets[i].hash_into(hash);
                    i += 1;
                }
                hash
            }
        }
    }

    /// Returns `true` if an event type of the set has this stored name or alias.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// assert!(AccountEvent::TYPES.contains("account.opened"));
    /// assert!(!AccountEvent::TYPES.contains("account.closed"));
    /// ```
    pub const fn contains(&self, name: &str) -> bool {
        match self {
            Self::One(one) => one.contains(name),
            Self::Sum(sets) => {
                let mut i = 0;
                while i < sets.len() {
                    if sets[i].contains(name) {
                        return true;
                    }
                    i += 1;
                }
                false
            }
        }
    }

    /// Returns `true` if stored events with this name are read as events of the set: it is the name or an alias of an event type, or of
    /// a retired one from which an event type is made.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// assert!(AccountEvent::TYPES.reads("account.opened"));
    /// assert!(!AccountEvent::TYPES.reads("account.closed"));
    /// ```
    pub const fn reads(&self, name: &str) -> bool {
        self.contains(name) || self.is_made_from(name)
    }

    /// Returns `true` if an event type of the set is made from a retired one with this stored name or alias.
    pub(super) const fn is_made_from(&self, name: &str) -> bool {
        match self {
            Self::One(one) => !one.sources.is_empty() && Self::Sum(one.sources).reads(name),
            Self::Sum(sets) => {
                let mut i = 0;
                while i < sets.len() {
                    if sets[i].is_made_from(name) {
                        return true;
                    }
                    i += 1;
                }
                false
            }
        }
    }

    /// Returns `true` if events with this stored name are read, but not in this version, because it is later than the newest one that is
    /// known: a newer program has written them.
    pub(crate) fn is_newer(&self, name: &str, version: u32) -> bool {
        match self {
            Self::One(one) => {
                (one.version < version && one.contains(name))
                    || Self::Sum(one.sources).is_newer(name, version)
            }
            Self::Sum(sets) => sets.iter().any(|set| set.is_newer(name, version)),
        }
    }

    /// Returns `true` if no event of the set is written any more.
    pub const fn is_retired(&self) -> bool {
        match self {
            Self::One(one) => one.is_retired,
            Self::Sum(sets) => {
                let mut i = 0;
                while i < sets.len() {
                    if !sets[i].is_retired() {
                        return false;
                    }
                    i += 1;
                }
                true
            }
        }
    }

    /// Returns `true` if an event type of the set is retired.
    pub(super) const fn has_retired(&self) -> bool {
        match self {
            Self::One(one) => one.is_retired,
            Self::Sum(sets) => {
                let mut i = 0;
                while i < sets.len() {
                    if sets[i].has_retired() {
                        return true;
                    }
                    i += 1;
                }
                false
            }
        }
    }

    /// Returns `true` if an event type of the set has secrets, or is made from one that has.
    pub(crate) fn has_secrets(&self) -> bool {
        let mut has_secrets = false;
        self.each(&mut |one| {
            has_secrets |= !one.secrets.is_empty()
                || one.ids.iter().any(|id| id.is_secret)
                || one.sources.iter().any(|source| source.has_secrets());
        });
        has_secrets
    }

    /// Returns `true` if the event type with this stored name is retired.
    pub(super) fn retires(&self, name: &str) -> bool {
        let mut is_retired = false;
        self.each(&mut |one| is_retired |= one.is_retired && one.name == name);
        is_retired
    }

    /// Returns `true` if an event type of the set may carry ids of this kind.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// assert!(AccountEvent::TYPES.carries("account"));
    /// assert!(!AccountEvent::TYPES.carries("order"));
    /// ```
    pub const fn carries(&self, kind: &str) -> bool {
        match self {
            Self::One(one) => {
                if !one.ids_are_complete {
                    return true;
                }
                let mut i = 0;
                while i < one.ids.len() {
                    if same(one.ids[i].kind, kind) {
                        return true;
                    }
                    i += 1;
                }
                false
            }
            Self::Sum(sets) => {
                let mut i = 0;
                while i < sets.len() {
                    if sets[i].carries(kind) {
                        return true;
                    }
                    i += 1;
                }
                false
            }
        }
    }

    /// Returns `true` if the conversion of an older version of an event type uses the context of the event.
    pub const fn needs_context(&self) -> bool {
        match self {
            Self::One(one) => one.needs_context,
            Self::Sum(sets) => {
                let mut i = 0;
                while i < sets.len() {
                    if sets[i].needs_context() {
                        return true;
                    }
                    i += 1;
                }
                false
            }
        }
    }

    /// Calls `visit` with each event type of the set.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// let mut versions = Vec::new();
    /// AccountEvent::TYPES.each(&mut |one| versions.push((one.name, one.version)));
    /// assert_eq!(versions, [("account.opened", 1), ("account.deposited", 1)]);
    /// ```
    pub fn each(&self, visit: &mut dyn FnMut(&EventType)) {
        match self {
            Self::One(one) => visit(one),
            Self::Sum(sets) => sets.iter().for_each(|set| set.each(visit)),
        }
    }

    /// Returns the stored names and aliases of the set, and those of the retired event types from which its event types are made, for an
    /// item of [`Criteria`](crate::criteria::Criteria).
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// assert_eq!(AccountEvent::TYPES.names(), ["account.opened", "account.deposited"]);
    /// ```
    pub fn names(&self) -> Vec<&'static str> {
        let mut names = Vec::new();
        self.each(&mut |one| {
            names.push(one.name);
            names.extend(one.aliases);
        });
        let own = names.len();
        self.each(&mut |one| {
            if !one.sources.is_empty() {
                names.extend(Self::Sum(one.sources).names());
            }
        });
        if names.len() > own {
            // Several event types can be made from one.
            let mut seen = HashSet::new();
            names.retain(|name| seen.insert(*name));
        }
        names
    }
}

/// Compares two texts, eight bytes at a time: a constant function cannot use `==`.
const fn same(a: &str, b: &str) -> bool {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    while let (Some((first, rest)), Some((other, other_rest))) =
        (a.split_first_chunk::<8>(), b.split_first_chunk::<8>())
    {
        if u64::from_ne_bytes(*first) != u64::from_ne_bytes(*other) {
            return false;
        }
        (a, b) = (rest, other_rest);
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

#[cfg(test)]
mod tests;
