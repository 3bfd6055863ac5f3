//! The names of the event types in the log, with the positions of their first and last events.

use annalist_core::store::StoredType;

use crate::{
    failure::Outcome,
    support::{fixtures::*, log::Log},
};

cases!("stored_types": [
    empty_log_has_no_event_types,
    each_event_type_has_its_first_and_last_position,
    event_types_are_in_the_order_of_their_bytes,
    refused_events_have_no_event_type,
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
            None => expected.push(StoredType { name: name.to_owned(), first: position, last: position }),
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
