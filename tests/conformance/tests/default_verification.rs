//! The verification of a store that has none of its own, which checks the records of the feed, and its counts of types, which read it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod default_verification {
    pub(crate) mod unverified;
}

use annalist_core::{
    payload::Payload,
    record::Draft,
    store::{Append, EventStore},
    verify::{VerifyReport, verify},
};

use self::default_verification::unverified::Unverified;

/// The report of a verification.
fn report(store: &Unverified) -> VerifyReport {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(verify(store, &[])).unwrap()
}

fn log(events: usize) -> Unverified {
    let store = Unverified::default();
    let payload = |index| if index == 7 { Payload::from_stored("{") } else { Payload::parse("{}").unwrap() };
    let draft = |index| Draft::new("added", 1, [], payload(index)).unwrap();
    let append = Append { events: (0..events).map(draft).collect(), ..Append::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(store.append_one(append)).unwrap();
    store
}

#[test]
fn records_of_all_pages_are_checked() {
    let report = report(&log(2500));
    assert_eq!((report.events, report.total), (2500, 1));
    assert_eq!(report.findings[0].place, "position 8");
    assert!(report.findings[0].problem.contains("not JSON"), "{report}");
}

#[test]
fn damaged_records_are_findings_and_the_others_are_checked() {
    for damaged in [&[3][..], &[1], &[20], &[3, 5], &[3, 4, 5], &[9, 11, 15, 20], &[7, 8, 9]] {
        let mut store = log(20);
        store.damaged.extend(damaged);
        let report = report(&store);
        let mut expected: Vec<u64> = damaged.to_vec();
        expected.push(8);
        expected.sort_unstable();
        expected.dedup();
        let mut found: Vec<u64> = report.findings.iter().map(|one| one.position.unwrap().get()).collect();
        found.sort_unstable();
        assert_eq!((found, report.events), (expected, 20), "{damaged:?}: {report}");
    }
}

#[test]
fn types_are_counted_in_pages_of_the_feed() {
    let store = Unverified::default();
    let draft = |index: u32| Draft::new("added", 1 + index % 3, [], Payload::parse("{}").unwrap()).unwrap();
    let append = Append { events: (0..2500).map(draft).collect(), ..Append::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        store.append_one(append).await.unwrap();
        for (version, limit, expected) in [
            (None, 5000, 2500),
            (Some(2), 5000, 833),
            (Some(4), 5000, 0),
            (None, 1200, 1200),
            (Some(3), 0, 0),
        ] {
            assert_eq!(store.count_type("added", version, limit).await.unwrap(), expected);
        }
        assert_eq!(store.count_type("removed", None, 9).await.unwrap(), 0);
    });
}
