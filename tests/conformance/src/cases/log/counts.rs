//! Counts: the number of matching events that a feed would return, without reading them.

use annalist_core::{criteria::Criteria, record::Position, store::Marker};

use super::reads::three_events;
use crate::{
    failure::Outcome,
    support::{
        concurrency::cancel_after_polls,
        fixtures::*,
        handle::Handle,
        log::Log,
        workers::{Round, Workers},
    },
};

cases!("counts": [
    count_of_an_empty_log_is_zero,
    three_events_are_counted_by_type_and_tag,
    event_that_matches_two_items_counts_once,
    bounds_limit_the_count,
    refused_and_cancelled_appends_are_not_counted,
    count_equals_the_length_of_the_feed,
    count_up_to_the_settled_position_never_changes,
]);

async fn count_all(log: &Handle, criteria: &Criteria) -> Outcome<u64> {
    Ok(log.count(criteria, Position::START, Position::END).await?)
}

async fn count_of_an_empty_log_is_zero(log: Log) -> Outcome {
    for criteria in
        [Criteria::all(), Criteria::none(), criteria_for(&["type1"], &[]), criteria_for(&[], &["a:1"])]
    {
        ensure_eq!(count_all(&log, &criteria).await?, 0, "count of {criteria:?} in an empty log");
    }
    Ok(())
}

async fn three_events_are_counted_by_type_and_tag(log: Log) -> Outcome {
    let [.., last] = three_events(&log).await?;
    log.wait_until_settled(last).await?;
    let b_or_c = Criteria::from(item(&[], &["b:1"])).or(item(&[], &["c:1"]));
    let expected = [
        ("everything", Criteria::all(), 3),
        ("nothing", Criteria::none(), 0),
        ("type1", criteria_for(&["type1"], &[]), 1),
        ("type1 or type3", criteria_for(&["type1", "type3"], &[]), 2),
        ("an unused type", criteria_for(&["type4"], &[]), 0),
        ("a", criteria_for(&[], &["a:1"]), 2),
        ("a and b", criteria_for(&[], &["a:1", "b:1"]), 1),
        ("b and c", criteria_for(&[], &["b:1", "c:1"]), 0),
        ("type3 and a", criteria_for(&["type3"], &["a:1"]), 1),
        ("type1 and a, on different events", criteria_for(&["type1"], &["a:1"]), 0),
        ("b or c", b_or_c, 2),
    ];
    for (what, criteria, count) in expected {
        ensure_eq!(count_all(&log, &criteria).await?, count, "count of {what}");
    }
    Ok(())
}

async fn event_that_matches_two_items_counts_once(log: Log) -> Outcome {
    let [.., last] = three_events(&log).await?;
    log.wait_until_settled(last).await?;
    let twice = Criteria::from(item(&[], &["a:1"]));
    let expected = [
        ("a, or a", twice.clone().or(item(&[], &["a:1"])), 2),
        ("a, or b", twice.clone().or(item(&[], &["b:1"])), 2),
        ("a, or type2", twice.clone().or(item(&["type2"], &[])), 2),
        ("a, or everything", twice.or(item(&[], &[])), 3),
    ];
    for (what, criteria, count) in expected {
        ensure_eq!(count_all(&log, &criteria).await?, count, "count of {what}");
    }
    Ok(())
}

async fn bounds_limit_the_count(log: Log) -> Outcome {
    let [e1, e2, e3] = three_events(&log).await?;
    log.wait_until_settled(e3).await?;
    let (start, end) = (Position::START, Position::END);
    let bounds = [
        (start, e1, 1),
        (start, e2, 2),
        (start, e3, 3),
        (e1, e3, 2),
        (e1, e2, 1),
        (e2, e2, 0),
        (e2, e1, 0),
        (e3, end, 0),
        (end, end, 0),
        (end, start, 0),
        (start, start, 0),
        (Position::new(e3.get() + 100), end, 0),
        (start, Position::new(e3.get() + 100), 3),
    ];
    for (after, up_to, count) in bounds {
        for (what, criteria) in [("everything", Criteria::all()), ("a", criteria_for(&[], &["a:1"]))] {
            // Only the first event does not have this tag.
            let first = u64::from(what == "a" && after < e1 && up_to >= e1);
            let found = log.count(&criteria, after, up_to).await?;
            ensure_eq!(found, count - first, "count of {what} after {after} up to {up_to}");
        }
    }
    Ok(())
}

async fn refused_and_cancelled_appends_are_not_counted(log: Log) -> Outcome {
    let mut last = log.expect_accepted(append([event("written", &["a:1"])])).await?.position();
    for round in 0..log.rounds(20) {
        let refused = append([event("written", &["a:1"])]).if_unchanged(Criteria::all(), Marker::START);
        log.expect_conflict(refused).await?;
        drop(cancel_after_polls(round % 4, log.append_one(append([event("cancelled", &["a:1"])]))).await);
        last = log.expect_accepted(append([event("written", &["a:1"])])).await?.position();
    }
    log.wait_until_settled(last).await?;
    for criteria in [
        Criteria::all(),
        criteria_for(&["written"], &[]),
        criteria_for(&["cancelled"], &[]),
        criteria_for(&[], &["a:1"]),
    ] {
        let fed = log.feed_until(&criteria, Position::START, 1_000, last).await?;
        let found = log.count(&criteria, Position::START, last).await?;
        ensure_eq!(
            found,
            fed.len() as u64,
            "count of {criteria:?} after refused and cancelled appends, compared with the feed"
        );
    }
    Ok(())
}

async fn count_equals_the_length_of_the_feed(log: Log) -> Outcome {
    let mut random = log.random("counts");
    let mut last = Position::START;
    for _ in 0..log.rounds(3) {
        let events: Vec<_> = (0..random.usize(1..60)).map(|_| random_event(&mut random)).collect();
        last = log.expect_accepted(append(events)).await?.position();
    }
    log.wait_until_settled(last).await?;
    for _ in 0..log.rounds(60) {
        let criteria = random_criteria(&mut random);
        let (after, up_to) = (random.u64(0..=last.get() + 1), random.u64(0..=last.get() + 1));
        let (after, up_to) = (Position::new(after), Position::new(up_to));
        let fed = log.feed_until(&criteria, after, 50, last).await?;
        let expected = fed.iter().filter(|record| record.position <= up_to).count() as u64;
        let found = log.count(&criteria, after, up_to).await?;
        ensure_eq!(
            found,
            expected,
            "count of {criteria:?} after {after} up to {up_to}, compared with the feed"
        );
    }
    Ok(())
}

async fn count_up_to_the_settled_position_never_changes(log: Log) -> Outcome {
    let mut writers = writers(&log).await?;
    let criteria = [Criteria::all(), criteria_for(&["type1", "type2"], &[]), criteria_for(&[], &["a:1"])];
    let mut counts = vec![];
    for round in 0..log.rounds(40) {
        writers.wait_for_progress().await;
        let (criteria, settled) = (&criteria[round % 3], log.settled().await?.position);
        counts.push((criteria, settled, log.count(criteria, Position::START, settled).await?));
        // Events that are not settled yet are not counted.
        let whole = count_all(&log, criteria).await?;
        let settled_now = log.settled().await?.position;
        let reached = log.count(criteria, Position::START, settled_now).await?;
        ensure!(
            whole <= reached,
            "a count must not include unsettled events, but {whole} were counted and {reached} are settled a moment later"
        );
    }
    writers.finish().await?;
    for (criteria, settled, count) in counts {
        let now = log.count(criteria, Position::START, settled).await?;
        ensure_eq!(
            count,
            now,
            "count of {criteria:?} up to {settled} during appends, compared with a count after them"
        );
    }
    Ok(())
}

/// Starts writers of random events on all handles. A quarter of their appends have a condition that fails.
async fn writers(log: &Log) -> Outcome<Workers> {
    let handles = log.handles(3).await?;
    let writers = (0..4).map(|writer| {
        let (handle, mut random) = (handles[writer % 3].clone(), log.random(("writer", writer)));
        move |_| {
            let request = append((0..random.usize(1..4)).map(|_| random_event(&mut random)));
            let refused = random.u8(0..4) == 0;
            let request =
                if refused { request.if_unchanged(Criteria::all(), Marker::START) } else { request };
            let handle = handle.clone();
            Box::pin(async move { Ok(handle.append_one(request).await.map(drop)?) }) as Round
        }
    });
    Ok(Workers::start(writers.collect(), log.rounds(20)))
}
