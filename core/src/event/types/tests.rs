//! Sets of event types, and their hashes.

use super::*;

const OPENED: Types = Types::One(EventType::new("opened", "Opened").aliases(&["created"]));
const CLOSED: Types = Types::One(EventType::new("closed", "Closed"));
const BOTH: Types = Types::Sum(&[&OPENED, &CLOSED]);
const CREATED: Types = Types::One(EventType::new("created", "Created"));

#[test]
fn later_version_is_newer_under_each_name_that_is_read() {
    const MADE: Types = Types::One(EventType::new("made", "Made").aliases(&["booked"]).version(2).retired());
    const HELD: Types = Types::One(EventType::new("held", "Held").version(3).made_from(&[&MADE]));
    const BOTH: Types = Types::Sum(&[&HELD, &CLOSED]);
    for (name, known) in [("held", 3), ("made", 2), ("booked", 2), ("closed", 1)] {
        assert!(!BOTH.is_newer(name, known) && BOTH.is_newer(name, known + 1), "{name}");
    }
    assert!(!BOTH.is_newer("opened", 9));
}

#[test]
fn hash_covers_versions_steps_and_sources() {
    const MADE: Types = Types::One(EventType::new("made", "Made").retired());
    let held = EventType::new("held", "Held").version(2);
    let with_steps = |steps| EventType { steps, ..held };
    let made_by = |source_functions| EventType { source_functions, ..held.made_from(&[&MADE]) };
    let kinds = [
        held,
        held.version(3),
        held.aliases(&["kept"]),
        with_steps(const { &[VersionStep::same(1)] }),
        with_steps(const { &[VersionStep::new(1, "from_v1", || None)] }),
        with_steps(const { &[VersionStep::new(1, "from_first", || None)] }),
        made_by(&["from_made"]),
        made_by(&["Held::from"]),
    ];
    let hashes: HashSet<u64> = kinds.iter().map(|one| one.hash_into(7)).collect();
    assert_eq!(hashes.len(), kinds.len());
}

#[test]
fn sets_overlap_in_names_and_aliases() {
    assert!(BOTH.contains("created") && !BOTH.contains("open"));
    assert!(BOTH.overlaps(&CLOSED) && CLOSED.overlaps(&BOTH));
    assert!(!OPENED.overlaps(&CLOSED));
    assert!(CREATED.overlaps(&OPENED) && OPENED.overlaps(&CREATED));
    assert!(BOTH.distinct() && !Types::Sum(&[&BOTH, &CREATED]).distinct());
    assert_eq!(BOTH.names(), ["opened", "created", "closed"]);
}
