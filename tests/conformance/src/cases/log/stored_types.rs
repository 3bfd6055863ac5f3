//! The names and versions of the event types in the log, with the positions of their first and last events, and their numbers.

use annalist_core::{
    record::{Draft, Position},
    store::{StoredType, StoredVersion},
};

use crate::{
    failure::Outcome,
    support::{fixtures::*, log::Log},
};

cases!("stored_types": [
    empty_log_has_no_event_types,
    each_event_type_has_its_first_and_last_position,
    event_types_are_in_the_order_of_their_bytes,
    refused_events_have_no_event_type,
    each_later_version_has_its_first_and_last_position,
    events_of_a_type_and_of_a_version_are_counted_up_to_a_limit,
]);

async fn empty_log_has_no_event_types(log: Log) -> Outcome {
    ensure_eq!(log.stored_types().await?, [], "event types of an empty log");
    Ok(())
}

async fn each_event_type_has_its_first_and_last_position(log: Log) -> Outcome {
    let mut expected: Vec<StoredType> = Vec::new();
    for name in ["b", "a", "b", "c", "a", "b"] {
        // Without tags too, and without waiting until the event is settled.
        let tags: &[&str] = if expected.len() == 1 { &[] } else { &["x:1"] };
        let position = log.expect_accepted(append([event(name, tags)])).await?.position();
        match expected.iter_mut().find(|one| one.name == name) {
            Some(known) => known.last = position,
            None => expected.push(stored(name, position, position)),
        }
        expected.sort_by(|one, other| one.name.cmp(&other.name));
        ensure_eq!(log.stored_types().await?, expected, "event types after {name:?} was appended");
    }
    Ok(())
}

async fn event_types_are_in_the_order_of_their_bytes(log: Log) -> Outcome {
    let mut names = ["order.placed", "Order", "order", "order-x", "order.Placed", "ärger", "z", "_", "1"];
    log.expect_accepted(append(names.map(|name| event(name, &[])))).await?;
    names.sort_unstable();
    let found: Vec<String> = log.stored_types().await?.into_iter().map(|one| one.name).collect();
    ensure_eq!(found, names, "names of the event types");
    Ok(())
}

async fn refused_events_have_no_event_type(log: Log) -> Outcome {
    log.expect_accepted(append([event("written", &["a:1"])])).await?;
    let refused = append([event("refused", &["a:1"])])
        .if_unchanged(criteria_for(&["written"], &[]), annalist_core::store::Marker::START);
    log.expect_conflict(refused).await?;
    let found: Vec<String> = log.stored_types().await?.into_iter().map(|one| one.name).collect();
    ensure_eq!(found, ["written"], "names of the event types");
    Ok(())
}

/// Events of types and versions, in an order in which no version is together. `a` has no version 2, `c` only a later one.
const VERSIONS: [(&str, u32); 10] =
    [("a", 1), ("b", 3), ("a", 3), ("b", 2), ("a", 1), ("c", 7), ("b", 3), ("a", 3), ("b", 1), ("b", 2)];

/// Appends an event of each of [`VERSIONS`], and returns the position of the first one.
async fn append_versions(log: &Log) -> Outcome<u64> {
    let draft = |(name, version)| Draft::new(name, version, tags(&["x:1"]), payload("{}"));
    let drafts: Vec<Draft> = VERSIONS.into_iter().map(draft).collect::<Result<_, _>>()?;
    let receipt = log.expect_accepted(append(drafts)).await?;
    Ok(receipt.events[0].position.get())
}

async fn each_later_version_has_its_first_and_last_position(log: Log) -> Outcome {
    let start = append_versions(&log).await?;
    let at = |index: u64| Position::new(start + index);
    let version = |version, first, last| StoredVersion { version, first: at(first), last: at(last) };
    let expected = [
        StoredType { later_versions: vec![version(3, 2, 7)], ..stored("a", at(0), at(7)) },
        StoredType { later_versions: vec![version(2, 3, 9), version(3, 1, 6)], ..stored("b", at(1), at(9)) },
        StoredType { later_versions: vec![version(7, 5, 5)], ..stored("c", at(5), at(5)) },
    ];
    ensure_eq!(log.stored_types().await?, expected, "event types and versions");
    Ok(())
}

async fn events_of_a_type_and_of_a_version_are_counted_up_to_a_limit(log: Log) -> Outcome {
    append_versions(&log).await?;
    for (name, version, count) in [
        ("a", None, 4),
        ("b", None, 5),
        ("b", Some(2), 2),
        ("b", Some(3), 2),
        ("a", Some(2), 0),
        ("c", Some(7), 1),
        ("d", None, 0),
        ("d", Some(2), 0),
    ] {
        for limit in [0, 1, 3, u64::MAX] {
            let found = log.count_type(name, version, limit).await?;
            ensure_eq!(found, count.min(limit), "events {name:?} of version {version:?}, at most {limit}");
        }
    }
    Ok(())
}

/// A type whose events are all of version 1.
fn stored(name: &str, first: Position, last: Position) -> StoredType {
    StoredType { name: name.to_owned(), first, last, later_versions: Vec::new() }
}
