//! The table of stored names behind an event type, known at compile time.

use std::any::type_name;

use crate::id::{Id, Ids};

/// One event type of the log.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct EventType {
    /// The stored name.
    pub name: &'static str,
    /// The schema version that this program writes, and the newest it reads.
    pub version: u32,
    /// Older stored names that are read as this one.
    pub aliases: &'static [&'static str],
    /// The Rust type or variant, for messages.
    pub rust: &'static str,
    /// The ids it carries under `#[id]`, as far as they are known.
    pub ids: &'static [IdKind],
    /// Whether it carries no ids of other kinds.
    only_these: bool,
}

impl EventType {
    /// Version 1 of a type, written by the Rust type `rust`.
    pub const fn new(name: &'static str, rust: &'static str) -> Self {
        Self { name, version: 1, aliases: &[], rust, ids: &[], only_these: false }
    }

    /// The same with another version.
    #[must_use]
    pub const fn version(self, version: u32) -> Self {
        Self { version, ..self }
    }

    /// The same with older names.
    #[must_use]
    pub const fn aliases(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    /// The same with the ids it carries, and no others: who waits for an event with another id waits in vain, and is told so
    /// when the program is built.
    #[must_use]
    pub const fn ids(self, ids: &'static [IdKind]) -> Self {
        Self { ids, only_these: true, ..self }
    }

    /// The same with ids that are not listed, because a function finds them in the event.
    #[must_use]
    pub const fn and_others(self) -> Self {
        Self { only_these: false, ..self }
    }

    const fn mixed_into(&self, hash: u64) -> u64 {
        let mut hash = mixed(hash, self.name.as_bytes());
        let mut i = 0;
        while i < self.aliases.len() {
            hash = mixed(hash, self.aliases[i].as_bytes());
            i += 1;
        }
        hash
    }

    const fn contains(&self, name: &str) -> bool {
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

/// Which Rust type gives a kind of id its name.
#[derive(Clone, Copy, Debug)]
pub struct IdKind {
    /// The kind.
    pub kind: &'static str,
    /// Whether the type wrote its kind out, which lets several types share it.
    pub shared: bool,
    rust: fn() -> &'static str,
}

impl IdKind {
    /// The kind of the ids under an `#[id]` field.
    pub const fn of<I: Ids>() -> Self {
        Self { kind: <I::Id as Id>::KIND, shared: <I::Id as Id>::SHARED, rust: type_name::<I::Id> }
    }

    /// The Rust type.
    pub fn rust(&self) -> &'static str {
        (self.rust)()
    }
}

/// A set of event types: one, or the sum of several sets.
#[derive(Clone, Copy, Debug)]
pub enum Types {
    /// One event type.
    One(EventType),
    /// All of these.
    Sum(&'static [&'static Types]),
}

impl Types {
    /// The stored names of the set, mixed into a hash.
    pub(crate) const fn mixed_into(&self, hash: u64) -> u64 {
        match self {
            Self::One(one) => one.mixed_into(hash),
            Self::Sum(sets) => {
                let (mut hash, mut i) = (hash, 0);
                while i < sets.len() {
                    hash = sets[i].mixed_into(hash);
                    i += 1;
                }
                hash
            }
        }
    }

    /// Whether a stored name, or one of its older forms, belongs to the set.
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

    /// Whether both sets own a name, or an older name, of the other.
    pub const fn overlaps(&self, other: &Types) -> bool {
        match self {
            Self::One(one) => {
                if other.contains(one.name) {
                    return true;
                }
                let mut i = 0;
                while i < one.aliases.len() {
                    if other.contains(one.aliases[i]) {
                        return true;
                    }
                    i += 1;
                }
                false
            }
            Self::Sum(sets) => {
                let mut i = 0;
                while i < sets.len() {
                    if sets[i].overlaps(other) {
                        return true;
                    }
                    i += 1;
                }
                false
            }
        }
    }

    /// Whether no two members of a sum own the same name.
    pub const fn distinct(&self) -> bool {
        let Self::Sum(sets) = self else { return true };
        let mut i = 0;
        while i < sets.len() {
            if !sets[i].distinct() {
                return false;
            }
            let mut j = i + 1;
            while j < sets.len() {
                if sets[i].overlaps(sets[j]) {
                    return false;
                }
                j += 1;
            }
            i += 1;
        }
        true
    }

    /// Whether an event type of the set may carry ids of this kind.
    pub const fn carries(&self, kind: &str) -> bool {
        match self {
            Self::One(one) => {
                if !one.only_these {
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

    /// Calls `visit` with each event type of the set.
    pub fn each(&self, visit: &mut dyn FnMut(&EventType)) {
        match self {
            Self::One(one) => visit(one),
            Self::Sum(sets) => sets.iter().for_each(|set| set.each(visit)),
        }
    }

    /// The stored names of the set, older ones included: what a criteria item has to ask for.
    pub fn names(&self) -> Vec<&'static str> {
        let mut names = Vec::new();
        self.each(&mut |one| {
            names.push(one.name);
            names.extend(one.aliases);
        });
        names
    }
}

/// Bytes and their number mixed into a hash: FNV-1a (Fowler, Noll, Vo).
pub(crate) const fn mixed(hash: u64, bytes: &[u8]) -> u64 {
    let (mut hash, mut i) = (hash ^ bytes.len() as u64, 0);
    while i < bytes.len() {
        hash = (hash ^ bytes[i] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        i += 1;
    }
    hash
}

const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
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
mod tests {
    use super::*;

    const OPENED: Types = Types::One(EventType::new("opened", "Opened").aliases(&["created"]));
    const CLOSED: Types = Types::One(EventType::new("closed", "Closed"));
    const BOTH: Types = Types::Sum(&[&OPENED, &CLOSED]);
    const CREATED: Types = Types::One(EventType::new("created", "Created"));

    #[test]
    fn sets_meet_where_they_own_the_same_name() {
        assert!(BOTH.contains("created") && !BOTH.contains("open"));
        assert!(BOTH.overlaps(&CLOSED) && CLOSED.overlaps(&BOTH));
        assert!(!OPENED.overlaps(&CLOSED));
        assert!(CREATED.overlaps(&OPENED) && OPENED.overlaps(&CREATED));
        assert!(BOTH.distinct() && !Types::Sum(&[&BOTH, &CREATED]).distinct());
        assert_eq!(BOTH.names(), ["opened", "created", "closed"]);
    }
}
