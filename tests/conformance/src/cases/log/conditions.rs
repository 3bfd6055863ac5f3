//! Conditions: an append succeeds if and only if no matching event was appended after the marker.

use annalist_core::{
    criteria::Criteria,
    record::Position,
    store::{Marker, PageLimit, Read, Receipt},
};

use super::reads::three_events;
use crate::{
    failure::Outcome,
    support::{fixtures::*, handle::Handle, log::Log},
};

cases!("conditions": [
    conditions_with_new_matches_fail,
    conditions_without_new_matches_hold,
    criteria_all_and_none_as_conditions,
    refused_append_leaves_no_trace,
    marker_of_an_empty_read_detects_new_events,
    marker_of_an_empty_read_ignores_other_events,
    events_that_do_not_match_are_no_conflict,
    marker_holds_over_many_unrelated_events,
    marker_covers_events_excluded_by_after,
    marker_does_not_cover_events_excluded_by_up_to,
    marker_of_a_read_up_to_a_future_position_detects_new_events,
    every_read_has_its_own_marker,
    markers_are_valid_through_every_handle,
    each_condition_is_checked_and_reported_by_index,
    conflict_reports_the_newest_match,
    own_events_are_no_conflict,
    earlier_append_of_the_same_writer_is_a_conflict,
    hundred_conditions_on_one_append,
]);

/// The marker of a read of these criteria that stops at a position.
async fn marker(log: &Handle, criteria: &Criteria, up_to: Position) -> Outcome<Marker> {
    Ok(log.read_one(Read::all(criteria.clone()).up_to(up_to)).await?.marker)
}

async fn conditions_with_new_matches_fail(log: Log) -> Outcome {
    let [e1, e2, e3] = three_events(&log).await?;
    let b_or_c = Criteria::from(item(&[], &["b:1"])).or(item(&[], &["c:1"]));
    let pairs = Criteria::from(item(&["type2"], &["b:1"])).or(item(&["type3"], &["c:1"]));
    let refused = [
        ("everything", Criteria::all(), None, e3),
        ("everything after 1", Criteria::all(), Some(e1), e3),
        ("type1", criteria_for(&["type1"], &[]), None, e1),
        ("type2 after 1", criteria_for(&["type2"], &[]), Some(e1), e2),
        ("type1 or type2 after 1", criteria_for(&["type1", "type2"], &[]), Some(e1), e2),
        ("x", criteria_for(&[], &["x:1"]), None, e1),
        ("a after 1", criteria_for(&[], &["a:1"]), Some(e1), e3),
        ("a after 2", criteria_for(&[], &["a:1"]), Some(e2), e3),
        ("type1 and x", criteria_for(&["type1"], &["x:1"]), None, e1),
        ("a and b", criteria_for(&[], &["a:1", "b:1"]), None, e2),
        ("b or c", b_or_c, None, e3),
        ("type2 and b, or type3 and c", pairs, None, e3),
    ];
    let before = log.read_all().await?;
    for (what, criteria, after, conflicting_position) in refused {
        let marker = match after {
            Some(after) => marker(&log, &criteria, after).await?,
            None => Marker::START,
        };
        // The event itself matches none of the criteria: only the condition can refuse it.
        let conflict =
            log.expect_conflict(append([event("type9", &["y:1"])]).if_unchanged(criteria, marker)).await?;
        ensure_eq!(
            conflict,
            (0, conflicting_position),
            "failed condition and conflicting position for a condition on {what}"
        );
    }
    ensure_eq!(log.read_all().await?, before, "events after refused appends");
    Ok(())
}

async fn conditions_without_new_matches_hold(log: Log) -> Outcome {
    let [e1, e2, e3] = three_events(&log).await?;
    let crossed = Criteria::from(item(&["type2"], &["c:1"])).or(item(&["type3"], &["b:1"]));
    let accepted = [
        ("an unused type", criteria_for(&["type4"], &[]), None),
        ("an unused tag", criteria_for(&[], &["d:1"]), None),
        ("the right value of another kind", criteria_for(&[], &["d:1"]), None),
        ("type1 after 1", criteria_for(&["type1"], &[]), Some(e1)),
        ("x after 1", criteria_for(&[], &["x:1"]), Some(e1)),
        ("type2 after 2", criteria_for(&["type2"], &[]), Some(e2)),
        ("a after 3", criteria_for(&[], &["a:1"]), Some(e3)),
        ("type1 and a, on different events", criteria_for(&["type1"], &["a:1"]), None),
        ("b and c, on different events", criteria_for(&[], &["b:1", "c:1"]), None),
        ("type2 and c, or type3 and b, on different events", crossed, None),
        ("everything after 3", Criteria::all(), Some(e3)),
    ];
    for (what, criteria, after) in accepted {
        let marker = match after {
            Some(after) => marker(&log, &criteria, after).await?,
            None => Marker::START,
        };
        let request = empty_append().if_unchanged(criteria.clone(), marker);
        log.expect_accepted(request).await.map_err(|failure| {
            failure.in_context(format_args!("with a condition on {what}, {criteria:?}"))
        })?;
    }
    Ok(())
}

async fn criteria_all_and_none_as_conditions(log: Log) -> Outcome {
    let none = Criteria::none();
    let batch = log.read_one(Read::all(Criteria::all())).await?;
    log.expect_accepted(append([event("a", &[])]).if_unchanged(none.clone(), Marker::START)).await?;
    let conflicting_position = log
        .expect_accepted(append([event("b", &["x:1"])]).if_unchanged(none.clone(), Marker::START))
        .await?
        .position();
    let conflict =
        log.expect_conflict(append([event("a", &[])]).if_unchanged(Criteria::all(), batch.marker)).await?;
    ensure_eq!(
        conflict,
        (0, conflicting_position),
        "failed condition and conflicting position with the marker of an empty log"
    );
    let unread = log.read_one(Read::all(none.clone())).await?;
    log.expect_accepted(append([event("a", &["x:1"])]).if_unchanged(none, unread.marker)).await?;
    let batch = log.read_one(Read::all(Criteria::all())).await?;
    log.expect_accepted(append([event("a", &[])]).if_unchanged(Criteria::all(), batch.marker)).await?;
    log.expect_conflict(append([event("a", &[])]).if_unchanged(Criteria::all(), batch.marker)).await?;
    Ok(())
}

async fn refused_append_leaves_no_trace(log: Log) -> Outcome {
    let conflicting_position = log.expect_accepted(append([event("a", &["x:1"])])).await?.position();
    let id = command_key("c-1", "open", &["x:1"]);
    for _ in 0..10 {
        let events = [event("a", &["y:1"]), event("b", &["x:1", "y:1"])];
        let request = append(events)
            .if_unchanged(criteria_for(&["a"], &["x:1"]), Marker::START)
            .with_key(id.clone())
            .with_journal("{}");
        ensure_eq!(
            log.expect_conflict(request).await?,
            (0, conflicting_position),
            "failed condition and conflicting position"
        );
    }
    ensure_eq!(log.read_all().await?.len(), 1, "number of events after refused appends");
    ensure_eq!(log.read_one(read(&[], &["y:1"])).await?.records, [], "events with a tag of refused appends");
    ensure_eq!(log.journal(0, PageLimit::records(10)).await?, [], "journal entries of refused appends");
    ensure_eq!(log.receipt(&id).await?, None, "receipt of the command id of refused appends");
    // The feed does not wait for a position of a refused append.
    let next = log.expect_accepted(append([event("a", &["y:1"])])).await?.position();
    let fed = log.feed_until(&Criteria::all(), Position::START, 10, next).await?;
    ensure_eq!(
        positions_of(&fed),
        [conflicting_position, next],
        "positions in the feed after refused appends"
    );
    Ok(())
}

async fn marker_of_an_empty_read_detects_new_events(log: Log) -> Outcome {
    let criteria = [
        criteria_for(&["a"], &[]),
        criteria_for(&[], &["x:1"]),
        criteria_for(&["a"], &["x:1"]),
        criteria_for(&["a", "b"], &["x:1", "y:1"]),
    ];
    let reads: Vec<Read> = criteria.iter().cloned().map(Read::all).collect();
    let batches = log.read(&reads).await?;
    let conflicting_position = log.expect_accepted(append([event("a", &["x:1", "y:1"])])).await?.position();
    for (criteria, batch) in criteria.iter().zip(batches) {
        ensure_eq!(batch.records, [], "records before the first matching event");
        let request = append([event("a", &["x:1", "y:1"])]).if_unchanged(criteria.clone(), batch.marker);
        ensure_eq!(
            log.expect_conflict(request).await?,
            (0, conflicting_position),
            "failed condition and conflicting position with the marker of an empty read of {criteria:?}"
        );
    }
    Ok(())
}

async fn marker_of_an_empty_read_ignores_other_events(log: Log) -> Outcome {
    three_events(&log).await?;
    let criteria = criteria_for(&["c"], &["z:1"]);
    let empty = log.read_one(Read::all(criteria.clone())).await?;
    ensure_eq!(empty.records, [], "records before the first matching event");
    log.expect_accepted(append([event("c", &["x:1"]), event("a", &["z:1"])])).await?;
    log.expect_accepted(empty_append().if_unchanged(criteria.clone(), empty.marker)).await?;
    let conflicting_position = log.expect_accepted(append([event("c", &["z:1"])])).await?.position();
    log.expect_accepted(append([event("a", &["z:1"])])).await?;
    let conflict =
        log.expect_conflict(append([event("c", &["z:1"])]).if_unchanged(criteria, empty.marker)).await?;
    ensure_eq!(
        conflict,
        (0, conflicting_position),
        "failed condition and conflicting position with the marker of an empty read"
    );
    Ok(())
}

async fn events_that_do_not_match_are_no_conflict(log: Log) -> Outcome {
    log.expect_accepted(append([event("a", &["x:1", "y:1"])])).await?;
    let watched = [criteria_for(&["a"], &["x:1"]), criteria_for(&["a", "b"], &["x:1", "y:1"])];
    let reads: Vec<Read> = watched.iter().cloned().map(Read::all).collect();
    let batches = log.read(&reads).await?;
    // The type without the tags, the tags without the type, other values, a part of the tags.
    let others = [
        event("a", &["x:2"]),
        event("c", &["x:1", "y:1"]),
        event("a", &["z:1"]),
        event("b", &["x:1"]),
        event("a", &["y:1"]),
    ];
    log.expect_accepted(append(others)).await?;
    for (criteria, batch) in watched.into_iter().zip(batches) {
        log.expect_accepted(empty_append().if_unchanged(criteria.clone(), batch.marker)).await?;
        log.expect_accepted(append([event("d", &["x:1"])]).if_unchanged(criteria, batch.marker)).await?;
    }
    Ok(())
}

async fn marker_holds_over_many_unrelated_events(log: Log) -> Outcome {
    log.expect_accepted(append([event("a", &["x:1"])])).await?;
    let criteria = criteria_for(&["a"], &["x:1"]);
    let old = log.read_one(Read::all(criteria.clone())).await?.marker;
    for _ in 0..30 {
        log.expect_accepted(append((0..10).map(|n| event("b", &["x:1", &format!("n:{n}")])))).await?;
    }
    log.expect_accepted(empty_append().if_unchanged(criteria.clone(), old)).await?;
    let conflicting_position = log
        .expect_accepted(append([event("a", &["x:1"])]).if_unchanged(criteria.clone(), old))
        .await?
        .position();
    ensure_eq!(
        log.expect_conflict(empty_append().if_unchanged(criteria, old)).await?,
        (0, conflicting_position),
        "failed condition and conflicting position with the old marker"
    );
    Ok(())
}

async fn marker_covers_events_excluded_by_after(log: Log) -> Outcome {
    let x = criteria_for(&[], &["x:1"]);
    let first = log
        .expect_accepted(append([event("a", &["x:1"]), event("a", &["x:1"]), event("b", &[])]))
        .await?
        .position();
    let batch = log.read_one(Read::all(x.clone()).after(first)).await?;
    ensure_eq!(batch.records, [], "records after the third event");
    log.expect_accepted(empty_append().if_unchanged(x.clone(), batch.marker)).await?;
    let second = log.expect_accepted(append([event("a", &["x:1"])])).await?.position();
    ensure_eq!(
        log.expect_conflict(empty_append().if_unchanged(x.clone(), batch.marker)).await?,
        (0, second),
        "failed condition and conflicting position with the marker of a read that started after the matching events"
    );
    let batch = log.read_one(Read::all(x.clone()).after(first)).await?;
    ensure_eq!(positions_of(&batch.records), [second], "positions of the records after the third event");
    log.expect_accepted(append([event("a", &["x:1"])]).if_unchanged(x, batch.marker)).await?;
    Ok(())
}

async fn marker_does_not_cover_events_excluded_by_up_to(log: Log) -> Outcome {
    let [e1, e2, e3] = three_events(&log).await?;
    let (all, a) = (Criteria::all(), criteria_for(&[], &["a:1"]));
    for (criteria, up_to, conflicting_position) in [
        (&all, e1, Some(e3)),
        (&all, e2, Some(e3)),
        (&all, e3, None),
        (&a, Position::START, Some(e3)),
        (&a, e1, Some(e3)),
        (&a, e2, Some(e3)),
        (&a, e3, None),
    ] {
        let batch = log.read_one(Read::all(criteria.clone()).up_to(up_to)).await?;
        let request = empty_append().if_unchanged(criteria.clone(), batch.marker);
        match conflicting_position {
            // Events after `up_to` were in the log, but were not read.
            Some(conflicting_position) => ensure_eq!(
                log.expect_conflict(request).await?,
                (0, conflicting_position),
                "failed condition and conflicting position with the marker of a read of {criteria:?} up to {up_to}"
            ),
            None => drop(log.expect_accepted(request).await?),
        }
    }
    Ok(())
}

async fn marker_of_a_read_up_to_a_future_position_detects_new_events(log: Log) -> Outcome {
    let x = criteria_for(&[], &["x:1"]);
    log.expect_accepted(append([event("a", &["x:1"])])).await?;
    for up_to in [Position::new(1_000_000), Position::END, Position::new(u64::MAX)] {
        let batch = log.read_one(Read::all(x.clone()).up_to(up_to)).await?;
        let conflicting_position = log
            .expect_accepted(append([event("a", &["x:1"])]).if_unchanged(x.clone(), batch.marker))
            .await?
            .position();
        let conflict = log.expect_conflict(empty_append().if_unchanged(x.clone(), batch.marker)).await?;
        ensure_eq!(
            conflict,
            (0, conflicting_position),
            "failed condition and conflicting position with the marker of a read up to {up_to}"
        );
    }
    Ok(())
}

async fn every_read_has_its_own_marker(log: Log) -> Outcome {
    let [e1, _, e3] = three_events(&log).await?;
    let (all, a, none) = (Criteria::all(), criteria_for(&[], &["a:1"]), Criteria::none());
    let reads = [
        Read::all(all.clone()),
        Read::all(a.clone()).up_to(e1),
        Read::all(none.clone()),
        Read::all(a.clone()),
    ];
    let markers: Vec<Marker> = log.read(&reads).await?.iter().map(|batch| batch.marker).collect();
    log.expect_accepted(empty_append().if_unchanged(all.clone(), markers[0])).await?;
    ensure_eq!(
        log.expect_conflict(empty_append().if_unchanged(a.clone(), markers[1])).await?,
        (0, e3),
        "failed condition and conflicting position with the marker of the second read"
    );
    log.expect_accepted(
        empty_append()
            .if_unchanged(none, markers[2])
            .if_unchanged(a.clone(), markers[3])
            .if_unchanged(all, markers[0]),
    )
    .await?;
    let request = empty_append().if_unchanged(a.clone(), markers[3]).if_unchanged(a, markers[1]);
    ensure_eq!(
        log.expect_conflict(request).await?,
        (1, e3),
        "failed condition and conflicting position of two conditions with the same criteria"
    );
    Ok(())
}

async fn markers_are_valid_through_every_handle(log: Log) -> Outcome {
    let x = criteria_for(&[], &["x:1"]);
    let handles = log.handles(3).await?;
    for round in 0..9 {
        let (reader, writer, other) =
            (&handles[round % 3], &handles[(round + 1) % 3], &handles[(round + 2) % 3]);
        let seen = reader.read_one(Read::all(x.clone())).await?.marker;
        other.expect_accepted(append([event("b", &["y:1"])])).await?;
        let conflicting_position = writer
            .expect_accepted(append([event("a", &["x:1"])]).if_unchanged(x.clone(), seen))
            .await?
            .position();
        for handle in &handles {
            let conflict =
                handle.expect_conflict(append([event("a", &["x:1"])]).if_unchanged(x.clone(), seen)).await?;
            ensure_eq!(
                conflict,
                (0, conflicting_position),
                "failed condition and conflicting position with a marker of another handle"
            );
        }
    }
    Ok(())
}

async fn each_condition_is_checked_and_reported_by_index(log: Log) -> Outcome {
    let mut at = vec![];
    for n in 0..3 {
        at.push(log.expect_accepted(append([event("a", &[&format!("n:{n}")])])).await?.position());
    }
    let watch: Vec<Criteria> = (0..3).map(|n| criteria_for(&[], &[&format!("n:{n}")])).collect();
    let reads: Vec<Read> = watch.iter().cloned().map(Read::all).collect();
    let seen: Vec<Marker> = log.read(&reads).await?.iter().map(|batch| batch.marker).collect();
    for (failing, conflicting_position) in at.iter().enumerate() {
        let request = watch.iter().zip(&seen).enumerate().fold(
            empty_append(),
            |request, (number, (criteria, marker))| {
                request
                    .if_unchanged(criteria.clone(), if number == failing { Marker::START } else { *marker })
            },
        );
        ensure_eq!(
            log.expect_conflict(request).await?,
            (failing, *conflicting_position),
            "failed condition and conflicting position of three conditions"
        );
    }
    let all = watch
        .iter()
        .zip(&seen)
        .fold(empty_append(), |request, (criteria, marker)| request.if_unchanged(criteria.clone(), *marker));
    log.expect_accepted(all).await?;
    // If several conditions fail, the store may report any of them, with its own conflicting position.
    let request = empty_append()
        .if_unchanged(watch[2].clone(), seen[2])
        .if_unchanged(watch[1].clone(), Marker::START)
        .if_unchanged(watch[0].clone(), Marker::START);
    let conflict = log.expect_conflict(request).await?;
    ensure!(
        [(1, at[1]), (2, at[0])].contains(&conflict),
        "two conditions fail, but {conflict:?} is neither of them"
    );
    Ok(())
}

async fn conflict_reports_the_newest_match(log: Log) -> Outcome {
    let x = criteria_for(&["a"], &["x:1"]);
    let seen = log.read_one(Read::all(x.clone())).await?.marker;
    for round in 0..5 {
        let request = append((0..=round).map(|_| event("a", &["x:1"])));
        let conflicting_position = log.expect_accepted(request).await?.position();
        log.expect_accepted(append([event("b", &["x:1"]), event("a", &[])])).await?;
        ensure_eq!(
            log.expect_conflict(empty_append().if_unchanged(x.clone(), seen)).await?,
            (0, conflicting_position),
            "failed condition and conflicting position: the newest of several matches"
        );
    }
    Ok(())
}

async fn own_events_are_no_conflict(log: Log) -> Outcome {
    for round in 0..3 {
        let watched = [criteria_for(&[], &["x:1"]), criteria_for(&["a"], &[]), Criteria::all()];
        let reads: Vec<Read> = watched.iter().cloned().map(Read::all).collect();
        let batches = log.read(&reads).await?;
        let request = append((0..3).map(|_| event("a", &["x:1"])));
        let request = watched
            .iter()
            .zip(batches)
            .fold(request, |request, (criteria, batch)| request.if_unchanged(criteria.clone(), batch.marker));
        log.expect_accepted(request).await?;
        ensure_eq!(
            log.read_all().await?.len(),
            3 * (round + 1),
            "number of events after appends that match their own conditions"
        );
    }
    Ok(())
}

async fn earlier_append_of_the_same_writer_is_a_conflict(log: Log) -> Outcome {
    let x = criteria_for(&[], &["x:1"]);
    let old = log.read_one(Read::all(x.clone())).await?.marker;
    let mut newest = old;
    let mut last = Receipt::default();
    for _ in 0..4 {
        last = log.expect_accepted(append([event("a", &["x:1"])]).if_unchanged(x.clone(), newest)).await?;
        newest = log.read_one(Read::all(x.clone()).after(last.position())).await?.marker;
    }
    let conflict = log.expect_conflict(append([event("a", &["x:1"])]).if_unchanged(x, old)).await?;
    ensure_eq!(
        conflict,
        (0, last.position()),
        "failed condition and conflicting position with a marker from before the writer's own appends"
    );
    Ok(())
}

async fn hundred_conditions_on_one_append(log: Log) -> Outcome {
    let watch: Vec<Criteria> =
        (0..100).map(|n| criteria_for(&["a", "b"], &[&format!("n:{n}"), "all:1"])).collect();
    let reads: Vec<Read> = watch.iter().cloned().map(Read::all).collect();
    let seen: Vec<Marker> = log.read(&reads).await?.iter().map(|batch| batch.marker).collect();
    let with_conditions = |request| {
        watch.iter().zip(&seen).fold(request, |request: annalist_core::store::Append, (criteria, marker)| {
            request.if_unchanged(criteria.clone(), *marker)
        })
    };
    log.expect_accepted(with_conditions(append([event("c", &["n:70", "all:1"])]))).await?;
    let conflicting_position =
        log.expect_accepted(with_conditions(append([event("b", &["n:70", "all:1"])]))).await?.position();
    ensure_eq!(
        log.expect_conflict(with_conditions(empty_append())).await?,
        (70, conflicting_position),
        "failed condition and conflicting position of a hundred conditions"
    );
    Ok(())
}
