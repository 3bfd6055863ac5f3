//! Counting: as many as a feed would give, without reading them.

use annalist_core::{criteria::Criteria, record::Position, store::Marker};

use super::{drops::dropped_after, reads::three_events};
use crate::{
    crowd::{Crowd, Round},
    failure::Outcome,
    given::*,
    log::{Handle, Log},
};

cases!("count": [
    an_empty_log_counts_nothing,
    three_events_by_type_and_tag,
    an_event_that_matches_twice_counts_once,
    bounds_cut_the_count,
    what_was_refused_or_dropped_is_not_counted,
    a_count_is_the_length_of_the_feed,
    what_is_settled_counts_the_same_for_ever,
]);

async fn counted(log: &Handle, criteria: &Criteria) -> Outcome<u64> {
    Ok(log.count(criteria, Position::START, Position::END).await?)
}

async fn an_empty_log_counts_nothing(log: Log) -> Outcome {
    for criteria in [Criteria::all(), Criteria::none(), of(&["type1"], &[]), of(&[], &["a:1"])] {
        ensure_eq!(counted(&log, &criteria).await?, 0, "events that match {criteria:?} in an empty log");
    }
    Ok(())
}

async fn three_events_by_type_and_tag(log: Log) -> Outcome {
    let [.., last] = three_events(&log).await?;
    log.settle(last).await?;
    let b_or_c = Criteria::from(item(&[], &["b:1"])).or(item(&[], &["c:1"]));
    let expected = [
        ("everything", Criteria::all(), 3),
        ("nothing", Criteria::none(), 0),
        ("type1", of(&["type1"], &[]), 1),
        ("type1 or type3", of(&["type1", "type3"], &[]), 2),
        ("a type nobody wrote", of(&["type4"], &[]), 0),
        ("a", of(&[], &["a:1"]), 2),
        ("a and b", of(&[], &["a:1", "b:1"]), 1),
        ("b and c", of(&[], &["b:1", "c:1"]), 0),
        ("type3 and a", of(&["type3"], &["a:1"]), 1),
        ("type1 and a, which never meet", of(&["type1"], &["a:1"]), 0),
        ("b or c", b_or_c, 2),
    ];
    for (what, criteria, count) in expected {
        ensure_eq!(counted(&log, &criteria).await?, count, "events of {what}");
    }
    Ok(())
}

async fn an_event_that_matches_twice_counts_once(log: Log) -> Outcome {
    let [.., last] = three_events(&log).await?;
    log.settle(last).await?;
    let twice = Criteria::from(item(&[], &["a:1"]));
    let expected = [
        ("a, or a", twice.clone().or(item(&[], &["a:1"])), 2),
        ("a, or b", twice.clone().or(item(&[], &["b:1"])), 2),
        ("a, or type2", twice.clone().or(item(&["type2"], &[])), 2),
        ("a, or everything", twice.or(item(&[], &[])), 3),
    ];
    for (what, criteria, count) in expected {
        ensure_eq!(counted(&log, &criteria).await?, count, "events of {what}");
    }
    Ok(())
}

async fn bounds_cut_the_count(log: Log) -> Outcome {
    let [e1, e2, e3] = three_events(&log).await?;
    log.settle(e3).await?;
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
        for (what, criteria) in [("everything", Criteria::all()), ("a", of(&[], &["a:1"]))] {
            // The first event alone has no such tag.
            let first = u64::from(what == "a" && after < e1 && up_to >= e1);
            let found = log.count(&criteria, after, up_to).await?;
            ensure_eq!(found, count - first, "events of {what} behind {after} and up to {up_to}");
        }
    }
    Ok(())
}

async fn what_was_refused_or_dropped_is_not_counted(log: Log) -> Outcome {
    let mut last = log.accepted(append([event("kept", &["a:1"])])).await?.position();
    for round in 0..log.rounds(20) {
        let refused = append([event("kept", &["a:1"])]).under(Criteria::all(), Marker::START);
        log.conflict(refused).await?;
        drop(dropped_after(round % 4, log.append_one(append([event("dropped", &["a:1"])]))).await);
        last = log.accepted(append([event("kept", &["a:1"])])).await?.position();
    }
    log.settle(last).await?;
    for criteria in [Criteria::all(), of(&["kept"], &[]), of(&["dropped"], &[]), of(&[], &["a:1"])] {
        let fed = log.drain(&criteria, Position::START, 1_000, last).await?;
        let found = log.count(&criteria, Position::START, last).await?;
        ensure_eq!(found, fed.len() as u64, "events that match {criteria:?} among some that are not there");
    }
    Ok(())
}

async fn a_count_is_the_length_of_the_feed(log: Log) -> Outcome {
    let mut random = log.random("counts");
    let mut last = Position::START;
    for _ in 0..log.rounds(3) {
        let events: Vec<_> = (0..random.usize(1..60)).map(|_| random_event(&mut random)).collect();
        last = log.accepted(append(events)).await?.position();
    }
    log.settle(last).await?;
    for _ in 0..log.rounds(60) {
        let criteria = random_criteria(&mut random);
        let (after, up_to) = (random.u64(0..=last.get() + 1), random.u64(0..=last.get() + 1));
        let (after, up_to) = (Position::new(after), Position::new(up_to));
        let fed = log.drain(&criteria, after, 50, last).await?;
        let wanted = fed.iter().filter(|record| record.position <= up_to).count() as u64;
        let found = log.count(&criteria, after, up_to).await?;
        ensure_eq!(found, wanted, "events that match {criteria:?} behind {after} and up to {up_to}");
    }
    Ok(())
}

async fn what_is_settled_counts_the_same_for_ever(log: Log) -> Outcome {
    let mut writers = writers(&log).await?;
    let criteria = [Criteria::all(), of(&["type1", "type2"], &[]), of(&[], &["a:1"])];
    let mut counts = vec![];
    for look in 0..log.rounds(40) {
        writers.moves().await;
        let (criteria, settled) = (&criteria[look % 3], log.settled().await?.position);
        counts.push((criteria, settled, log.count(criteria, Position::START, settled).await?));
        // What is not settled yet is not counted, however far the question reaches.
        let whole = counted(&log, criteria).await?;
        let by_now = log.settled().await?.position;
        let reached = log.count(criteria, Position::START, by_now).await?;
        ensure!(whole <= reached, "{whole} events were counted where {reached} are settled a moment later");
    }
    writers.end().await?;
    for (criteria, settled, count) in counts {
        let now = log.count(criteria, Position::START, settled).await?;
        ensure_eq!(count, now, "events that match {criteria:?} up to {settled}, counted while others wrote");
    }
    Ok(())
}

/// Writers of random events through all handles, some of whose appends are refused.
async fn writers(log: &Log) -> Outcome<Crowd> {
    let handles = log.handles(3).await?;
    let writers = (0..4).map(|writer| {
        let (handle, mut random) = (handles[writer % 3].clone(), log.random(("writer", writer)));
        move |_| {
            let sent = append((0..random.usize(1..4)).map(|_| random_event(&mut random)));
            let refused = random.u8(0..4) == 0;
            let sent = if refused { sent.under(Criteria::all(), Marker::START) } else { sent };
            let handle = handle.clone();
            Box::pin(async move { Ok(handle.append_one(sent).await.map(drop)?) }) as Round
        }
    });
    Ok(Crowd::at_work(writers.collect(), log.rounds(20)))
}
