//! Reads: matching events, bounds, and several reads in one call.

use annalist_core::{
    criteria::Criteria,
    record::{Position, Record},
    store::Read,
};

use crate::{
    failure::Outcome,
    support::{fixtures::*, handle::Handle, log::Log},
};

cases!("reads": [
    three_events_are_found_by_type_and_tag,
    order_of_items_does_not_matter,
    after_and_up_to_limit_the_result,
    several_reads_return_one_batch_each,
    random_criteria_return_exactly_the_matching_events,
]);

/// Appends e1 (type1; x), e2 (type2; a, b) and e3 (type3; a, c) and returns their positions.
pub(super) async fn three_events(log: &Handle) -> Outcome<[Position; 3]> {
    let mut at = [Position::START; 3];
    for (slot, draft) in at.iter_mut().zip(drafts()) {
        *slot = log.expect_accepted(append([draft])).await?.position();
    }
    Ok(at)
}

fn drafts() -> [annalist_core::record::Draft; 3] {
    [event("type1", &["x:1"]), event("type2", &["a:1", "b:1"]), event("type3", &["a:1", "c:1"])]
}

async fn three_events_are_found_by_type_and_tag(log: Log) -> Outcome {
    let [e1, e2, e3] = three_events(&log).await?;
    let b_or_c = Criteria::from(item(&[], &["b:1"])).or(item(&[], &["c:1"]));
    let pairs = Criteria::from(item(&["type2"], &["b:1"])).or(item(&["type3"], &["c:1"]));
    let crossed = Criteria::from(item(&["type2"], &["c:1"])).or(item(&["type3"], &["b:1"]));
    let selections: &[(&str, Criteria, &[Position])] = &[
        ("everything", Criteria::all(), &[e1, e2, e3]),
        ("nothing", Criteria::none(), &[]),
        ("type1", criteria_for(&["type1"], &[]), &[e1]),
        ("an unused type", criteria_for(&["type4"], &[]), &[]),
        ("type1 or an unused type", criteria_for(&["type4", "type1"], &[]), &[e1]),
        ("type1 or type3", criteria_for(&["type1", "type3"], &[]), &[e1, e3]),
        ("an unused tag", criteria_for(&[], &["a:2"]), &[]),
        ("a", criteria_for(&[], &["a:1"]), &[e2, e3]),
        ("a and b", criteria_for(&[], &["a:1", "b:1"]), &[e2]),
        ("b and c", criteria_for(&[], &["b:1", "c:1"]), &[]),
        ("a and an unused tag", criteria_for(&[], &["a:1", "d:1"]), &[]),
        ("type1 and a, on different events", criteria_for(&["type1"], &["a:1"]), &[]),
        ("type3 and a", criteria_for(&["type3"], &["a:1"]), &[e3]),
        ("type2 or type3, and a and c", criteria_for(&["type2", "type3"], &["a:1", "c:1"]), &[e3]),
        ("b or c", b_or_c, &[e2, e3]),
        ("type2 and b, or type3 and c", pairs, &[e2, e3]),
        ("type2 and c, or type3 and b", crossed, &[]),
        ("a, or everything", Criteria::from(item(&[], &["a:1"])).or(item(&[], &[])), &[e1, e2, e3]),
    ];
    for (what, criteria, expected) in selections {
        let found = log.read_one(Read::all(criteria.clone())).await?.records;
        ensure_eq!(positions_of(&found), *expected, "positions of {what}");
        let fed = log.feed_until(criteria, Position::START, 10, e3).await?;
        ensure_eq!(fed, found, "the feed of {what}");
    }
    Ok(())
}

async fn order_of_items_does_not_matter(log: Log) -> Outcome {
    let [e1, e2, e3] = three_events(&log).await?;
    let items =
        [item(&["type3"], &[]), item(&[], &["a:1"]), item(&["type1"], &["x:1"]), item(&[], &["b:1", "a:1"])];
    for shift in 0..items.len() {
        let mut rotated = items.to_vec();
        rotated.rotate_left(shift);
        let mut reversed = rotated.clone();
        reversed.reverse();
        for items in [rotated, reversed] {
            let criteria: Criteria = items.into_iter().collect();
            let found = log.read_one(Read::all(criteria)).await?.records;
            ensure_eq!(
                positions_of(&found),
                [e1, e2, e3],
                "positions, each once, in order, whatever the order of items"
            );
        }
    }
    Ok(())
}

async fn after_and_up_to_limit_the_result(log: Log) -> Outcome {
    let mut at = vec![];
    for n in 0..6 {
        at.push(log.expect_accepted(append([event("even", &[&format!("n:{}", n % 2)])])).await?.position());
    }
    let bounds =
        [vec![Position::START], at.clone(), vec![Position::new(at[5].get() + 100), Position::END]].concat();
    for criteria in [Criteria::all(), criteria_for(&[], &["n:0"]), criteria_for(&["even"], &["n:1"])] {
        let all = log.read_one(Read::all(criteria.clone())).await?.records;
        for &after in &bounds {
            for &up_to in &bounds {
                let read = Read::all(criteria.clone()).after(after).up_to(up_to);
                let found = log.read_one(read).await?.records;
                let within = |record: &&Record| record.position > after && record.position <= up_to;
                let expected: Vec<_> = all.iter().filter(within).cloned().collect();
                ensure_eq!(
                    positions_of(&found),
                    positions_of(&expected),
                    "positions of the events of {criteria:?} after {after} up to {up_to}"
                );
            }
        }
    }
    Ok(())
}

async fn several_reads_return_one_batch_each(log: Log) -> Outcome {
    let [e1, e2, e3] = three_events(&log).await?;
    let reads = [
        read(&[], &["c:1"]),
        Read::all(Criteria::none()),
        Read::all(Criteria::all()).after(e1),
        read(&["type1"], &[]),
        read(&[], &["c:1"]),
        Read::all(Criteria::all()).up_to(e2),
        read(&["type9"], &[]),
    ];
    let found: Vec<_> = log.read(&reads).await?.iter().map(|batch| positions_of(&batch.records)).collect();
    let expected = [vec![e3], vec![], vec![e2, e3], vec![e1], vec![e3], vec![e1, e2], vec![]];
    ensure_eq!(found, expected, "positions returned for seven reads, in the order of the reads");
    Ok(())
}

async fn random_criteria_return_exactly_the_matching_events(log: Log) -> Outcome {
    let mut random = log.random("random criteria");
    for _ in 0..40 {
        let count = random.usize(1..6);
        let events: Vec<_> = (0..count).map(|_| random_event(&mut random)).collect();
        log.expect_accepted(append(events)).await?;
    }
    let all = log.read_all().await?;
    let end = all[all.len() - 1].position;
    for _ in 0..log.rounds(60) {
        let criteria = random_criteria(&mut random);
        let expected: Vec<_> =
            all.iter().filter(|one| criteria.matches(&one.name, &one.tags)).cloned().collect();
        let found = log.read_one(Read::all(criteria.clone())).await?.records;
        ensure_eq!(positions_of(&found), positions_of(&expected), "positions of the events of {criteria:?}");
        let fed = log.feed_until(&criteria, Position::START, random.usize(1..20), end).await?;
        ensure_eq!(
            positions_of(&fed),
            positions_of(&expected),
            "positions of the events in the feed of {criteria:?}"
        );
    }
    Ok(())
}
