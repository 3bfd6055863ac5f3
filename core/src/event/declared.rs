//! The constants with which the `Event` derive declares event types.

use super::{
    id_kind::IdKind,
    types::{EventType, Types},
    vtable::{EventVTable, VersionStep},
};

/// The set of one event type. `ids` are the ids of its fields, `collected_ids` the fields from which a function collects ids.
#[doc(hidden)]
pub const fn event_type(
    name: &'static str,
    rust: &'static str,
    version: u32,
    aliases: &'static [&'static str],
    ids: &'static [IdKind],
    collected_ids: &'static [&'static str],
    vtable: Option<EventVTable>,
) -> Types {
    let one = EventType::new(name, rust).version(version).aliases(aliases).with_ids(ids);
    let one = if collected_ids.is_empty() { one } else { one.with_open_ids() };
    Types::One(EventType { collected_ids, vtable, ..one })
}

/// As [`event_type`], for the variant of an enum to which `Deserialize` gives the number of `vtable`.
#[doc(hidden)]
pub const fn variant_type(
    name: &'static str,
    rust: &'static str,
    version: u32,
    aliases: &'static [&'static str],
    ids: &'static [IdKind],
    collected_ids: &'static [&'static str],
    vtable: Option<EventVTable>,
) -> Types {
    match event_type(name, rust, version, aliases, ids, collected_ids, vtable) {
        Types::One(one) => Types::One(EventType { is_variant: true, ..one }),
        sum @ Types::Sum(_) => sum,
    }
}

/// The same event type, with the steps from its older versions.
#[doc(hidden)]
pub const fn with_steps(types: Types, steps: &'static [VersionStep]) -> Types {
    match types {
        Types::One(one) => Types::One(EventType { steps, ..one }),
        sum @ Types::Sum(_) => sum,
    }
}

/// The same event type, whose conversion from older versions or retired events uses their context.
#[doc(hidden)]
pub const fn in_context(types: Types) -> Types {
    match types {
        Types::One(one) => Types::One(one.with_context()),
        sum @ Types::Sum(_) => sum,
    }
}

/// The same event type, with secrets in these fields, each with the field of its subject.
#[doc(hidden)]
pub const fn with_secrets(types: Types, fields: &'static [(&'static str, &'static str)]) -> Types {
    match types {
        Types::One(one) => Types::One(EventType { secrets: fields, ..one }),
        sum @ Types::Sum(_) => sum,
    }
}

/// The same event type, made from retired ones by these functions.
#[doc(hidden)]
pub const fn made_from(
    types: Types,
    sources: &'static [&'static Types],
    functions: &'static [&'static str],
) -> Types {
    match types {
        Types::One(one) => Types::One(EventType { source_functions: functions, ..one.made_from(sources) }),
        sum @ Types::Sum(_) => sum,
    }
}

/// The same event type, of which no new event is written.
#[doc(hidden)]
pub const fn retired(types: Types) -> Types {
    match types {
        Types::One(one) => Types::One(one.retired()),
        sum @ Types::Sum(_) => sum,
    }
}

/// Returns `true` if stored events of `source` may carry each kind of id of an event type that is made from them. Otherwise a reader by
/// such an id would not see them.
#[doc(hidden)]
pub const fn carries_ids_of(source: &Types, made: &Types, variant: usize) -> bool {
    let one = match made {
        Types::One(one) => one,
        Types::Sum(variants) => match variants[variant] {
            Types::One(one) => one,
            Types::Sum(_) => return true,
        },
    };
    let mut i = 0;
    while i < one.ids.len() {
        if !each_carries(source, one.ids[i].kind) {
            return false;
        }
        i += 1;
    }
    true
}

/// Returns `true` if each event type of a set may carry ids of a kind.
const fn each_carries(types: &Types, kind: &str) -> bool {
    match types {
        Types::One(_) => types.carries(kind),
        Types::Sum(sets) => {
            let mut i = 0;
            while i < sets.len() {
                if !each_carries(sets[i], kind) {
                    return false;
                }
                i += 1;
            }
            true
        }
    }
}
