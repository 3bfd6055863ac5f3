//! The secret fields that event types declare, by the stored names that they are read from.

#[cfg(feature = "secrets")]
use std::collections::BTreeMap;

use super::types::{EventType, Types};

/// The secret fields of one type that reads the stored events with a name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadSecrets {
    /// The stored name.
    pub(crate) name: &'static str,
    /// The newest version of the name that the type reads.
    pub(crate) version: u32,
    /// The fields, each with the field of its subject.
    fields: &'static [(&'static str, &'static str)],
}

impl ReadSecrets {
    /// Returns `true` if the type declares these fields, which are secret in a version, or is of a later version.
    pub(crate) fn knows(&self, fields: &[String], version: u32) -> bool {
        let declares = |field: &String| self.fields.iter().any(|(own, _)| own == field);
        self.version > version || fields.iter().all(declares)
    }
}

/// Calls `visit` with each type and each stored name that it reads: its own name, its aliases, and those of the retired types that it is made
/// from.
pub(crate) fn each_read(types: &Types, visit: &mut dyn FnMut(ReadSecrets)) {
    types.each(&mut |one| each_name(one, one.secrets, visit));
}

fn each_name(
    one: &EventType,
    fields: &'static [(&'static str, &'static str)],
    visit: &mut dyn FnMut(ReadSecrets),
) {
    let version = one.version;
    for name in [one.name].into_iter().chain(one.aliases.iter().copied()) {
        visit(ReadSecrets { name, version, fields });
    }
    Types::Sum(one.sources).each(&mut |source| each_name(source, fields, visit));
}

/// The secret fields and the version of each stored name from which a type of the set with secrets is read.
#[cfg(feature = "secrets")]
pub(crate) fn secret_fields(types: &Types) -> BTreeMap<&'static str, (Vec<String>, u32)> {
    let mut found: BTreeMap<&'static str, (Vec<String>, u32)> = BTreeMap::new();
    each_read(types, &mut |read| {
        if read.fields.is_empty() {
            return;
        }
        let (fields, version) = found.entry(read.name).or_default();
        fields.extend(read.fields.iter().map(|(field, _)| (*field).to_owned()));
        fields.sort_unstable();
        fields.dedup();
        *version = read.version.max(*version);
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const MADE: Types = Types::One(EventType { secrets: &[], ..EventType::new("made", "Made").version(3) });
    const RESERVED: EventType = EventType {
        secrets: &[("guest", "id"), ("email", "id")],
        ..EventType::new("reserved", "Reserved").version(2).aliases(&["held"]).made_from(&[&MADE])
    };

    #[test]
    fn secrets_are_found_by_every_name_that_is_read() {
        let mut read = Vec::new();
        each_read(&Types::One(RESERVED), &mut |one| read.push((one.name, one.version)));
        assert_eq!(read, [("reserved", 2), ("held", 2), ("made", 3)]);
        each_read(&MADE, &mut |one| assert!(!one.knows(&["email".to_owned()], 3)));
    }

    #[test]
    fn type_knows_its_own_fields_and_the_fields_of_older_versions() {
        let read = ReadSecrets { name: "reserved", version: 2, fields: RESERVED.secrets };
        let knows = |fields: &[&str], version| {
            read.knows(&fields.iter().map(|field| (*field).to_owned()).collect::<Vec<_>>(), version)
        };
        assert!(knows(&["email"], 2) && knows(&["email", "guest"], 9) && knows(&["renamed"], 1));
        assert!(!knows(&["email", "phone"], 2));
    }
}
