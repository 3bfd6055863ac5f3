//! Conditions: an append succeeds if, and only if, nothing that matches has appeared since the marker.

use annalist_core::{
    criteria::Criteria,
    record::Position,
    store::{Marker, Read, Receipt},
};

use super::reads::three_events;
use crate::{
    failure::Outcome,
    given::*,
    log::{Handle, Log},
};

cases!("condition": [
    what_must_fail_on_three_events,
    what_must_hold_on_three_events,
    everything_and_nothing_as_criteria,
    a_refused_append_leaves_nothing,
    an_empty_read_guards,
    an_empty_read_guards_on_a_log_with_other_events,
    what_does_not_match_is_no_conflict,
    a_marker_holds_over_many_unrelated_events,
    a_marker_covers_what_after_left_out,
    a_marker_stands_for_what_up_to_cut_off,
    a_marker_up_to_a_future_position_guards,
    every_read_has_its_own_marker,
    markers_mean_the_same_through_every_handle,
    each_condition_is_checked_and_named,
    the_newest_match_is_named,
    own_events_are_no_conflict,
    an_earlier_own_append_counts_unless_it_was_read,
    a_hundred_conditions,
]);

/// The marker of a read of these criteria that stops at a position.
async fn marker(log: &Handle, criteria: &Criteria, up_to: Position) -> Outcome<Marker> {
    Ok(log.look(Read::all(criteria.clone()).up_to(up_to)).await?.marker)
}

async fn what_must_fail_on_three_events(log: Log) -> Outcome {
    let [e1, e2, e3] = three_events(&log).await?;
    let b_or_c = Criteria::from(item(&[], &["b:1"])).or(item(&[], &["c:1"]));
    let pairs = Criteria::from(item(&["type2"], &["b:1"])).or(item(&["type3"], &["c:1"]));
    let refused = [
        ("everything", Criteria::all(), None, e3),
        ("everything after 1", Criteria::all(), Some(e1), e3),
        ("type1", of(&["type1"], &[]), None, e1),
        ("type2 after 1", of(&["type2"], &[]), Some(e1), e2),
        ("type1 or type2 after 1", of(&["type1", "type2"], &[]), Some(e1), e2),
        ("x", of(&[], &["x:1"]), None, e1),
        ("a after 1", of(&[], &["a:1"]), Some(e1), e3),
        ("a after 2", of(&[], &["a:1"]), Some(e2), e3),
        ("type1 and x", of(&["type1"], &["x:1"]), None, e1),
        ("a and b", of(&[], &["a:1", "b:1"]), None, e2),
        ("b or c", b_or_c, None, e3),
        ("type2 and b, or type3 and c", pairs, None, e3),
    ];
    let before = log.everything().await?;
    for (what, criteria, after, conflicting_position) in refused {
        let marker = match after {
            Some(after) => marker(&log, &criteria, after).await?,
            None => Marker::START,
        };
        // An event that matches nothing of it, so that only the condition can be the reason.
        let answer = log.conflict(append([event("type9", &["y:1"])]).under(criteria, marker)).await?;
        ensure_eq!(answer, (0, conflicting_position), "which condition failed and what it met, for {what}");
    }
    ensure_eq!(log.everything().await?, before, "the log after appends that were refused");
    Ok(())
}

async fn what_must_hold_on_three_events(log: Log) -> Outcome {
    let [e1, e2, e3] = three_events(&log).await?;
    let crossed = Criteria::from(item(&["type2"], &["c:1"])).or(item(&["type3"], &["b:1"]));
    let accepted = [
        ("a type nobody used", of(&["type4"], &[]), None),
        ("a tag nobody used", of(&[], &["d:1"]), None),
        ("the right value of another kind", of(&[], &["d:1"]), None),
        ("type1 after 1", of(&["type1"], &[]), Some(e1)),
        ("x after 1", of(&[], &["x:1"]), Some(e1)),
        ("type2 after 2", of(&["type2"], &[]), Some(e2)),
        ("a after 3", of(&[], &["a:1"]), Some(e3)),
        ("type1 and a, which never meet", of(&["type1"], &["a:1"]), None),
        ("b and c, which never meet", of(&[], &["b:1", "c:1"]), None),
        ("type2 and c, or type3 and b, which never meet", crossed, None),
        ("everything after 3", Criteria::all(), Some(e3)),
    ];
    for (what, criteria, after) in accepted {
        let marker = match after {
            Some(after) => marker(&log, &criteria, after).await?,
            None => Marker::START,
        };
        let sent = nothing().under(criteria.clone(), marker);
        log.accepted(sent)
            .await
            .map_err(|failure| failure.within(format_args!("under {what}, {criteria:?}")))?;
    }
    Ok(())
}

async fn everything_and_nothing_as_criteria(log: Log) -> Outcome {
    let none = Criteria::none();
    let batch = log.look(Read::all(Criteria::all())).await?;
    log.accepted(append([event("a", &[])]).under(none.clone(), Marker::START)).await?;
    let conflicting_position =
        log.accepted(append([event("b", &["x:1"])]).under(none.clone(), Marker::START)).await?.position();
    let answer = log.conflict(append([event("a", &[])]).under(Criteria::all(), batch.marker)).await?;
    ensure_eq!(answer, (0, conflicting_position), "what the marker of the empty log met");
    let unread = log.look(Read::all(none.clone())).await?;
    log.accepted(append([event("a", &["x:1"])]).under(none, unread.marker)).await?;
    let batch = log.look(Read::all(Criteria::all())).await?;
    log.accepted(append([event("a", &[])]).under(Criteria::all(), batch.marker)).await?;
    log.conflict(append([event("a", &[])]).under(Criteria::all(), batch.marker)).await?;
    Ok(())
}

async fn a_refused_append_leaves_nothing(log: Log) -> Outcome {
    let conflicting_position = log.accepted(append([event("a", &["x:1"])])).await?.position();
    let id = key("c-1", "open", &["x:1"]);
    for _ in 0..10 {
        let events = [event("a", &["y:1"]), event("b", &["x:1", "y:1"])];
        let sent =
            append(events).under(of(&["a"], &["x:1"]), Marker::START).keyed(id.clone()).journaled("{}");
        ensure_eq!(
            log.conflict(sent).await?,
            (0, conflicting_position),
            "which condition failed and what it met"
        );
    }
    ensure_eq!(log.everything().await?.len(), 1, "events after refused appends");
    ensure_eq!(log.look(read(&[], &["y:1"])).await?.records, [], "tags after refused appends");
    ensure_eq!(log.journal(0, 10).await?, [], "journal entries of refused appends");
    ensure_eq!(log.receipt(&id).await?, None, "the command id of a refused append");
    // Nor a position for which the feed waits.
    let next = log.accepted(append([event("a", &["y:1"])])).await?.position();
    let fed = log.drain(&Criteria::all(), Position::START, 10, next).await?;
    ensure_eq!(places(&fed), [conflicting_position, next], "the feed past refused appends");
    Ok(())
}

async fn an_empty_read_guards(log: Log) -> Outcome {
    let criteria =
        [of(&["a"], &[]), of(&[], &["x:1"]), of(&["a"], &["x:1"]), of(&["a", "b"], &["x:1", "y:1"])];
    let reads: Vec<Read> = criteria.iter().cloned().map(Read::all).collect();
    let batches = log.read(&reads).await?;
    let conflicting_position = log.accepted(append([event("a", &["x:1", "y:1"])])).await?.position();
    for (criteria, batch) in criteria.iter().zip(batches) {
        ensure_eq!(batch.records, [], "there was nothing to read yet");
        let sent = append([event("a", &["x:1", "y:1"])]).under(criteria.clone(), batch.marker);
        ensure_eq!(
            log.conflict(sent).await?,
            (0, conflicting_position),
            "what the marker of an empty read of {criteria:?} met"
        );
    }
    Ok(())
}

async fn an_empty_read_guards_on_a_log_with_other_events(log: Log) -> Outcome {
    three_events(&log).await?;
    let criteria = of(&["c"], &["z:1"]);
    let empty = log.look(Read::all(criteria.clone())).await?;
    ensure_eq!(empty.records, [], "there is nothing to read yet");
    log.accepted(append([event("c", &["x:1"]), event("a", &["z:1"])])).await?;
    log.accepted(nothing().under(criteria.clone(), empty.marker)).await?;
    let conflicting_position = log.accepted(append([event("c", &["z:1"])])).await?.position();
    log.accepted(append([event("a", &["z:1"])])).await?;
    let answer = log.conflict(append([event("c", &["z:1"])]).under(criteria, empty.marker)).await?;
    ensure_eq!(answer, (0, conflicting_position), "what the marker of an empty read of a full log met");
    Ok(())
}

async fn what_does_not_match_is_no_conflict(log: Log) -> Outcome {
    log.accepted(append([event("a", &["x:1", "y:1"])])).await?;
    let watched = [of(&["a"], &["x:1"]), of(&["a", "b"], &["x:1", "y:1"])];
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
    log.accepted(append(others)).await?;
    for (criteria, batch) in watched.into_iter().zip(batches) {
        log.accepted(nothing().under(criteria.clone(), batch.marker)).await?;
        log.accepted(append([event("d", &["x:1"])]).under(criteria, batch.marker)).await?;
    }
    Ok(())
}

async fn a_marker_holds_over_many_unrelated_events(log: Log) -> Outcome {
    log.accepted(append([event("a", &["x:1"])])).await?;
    let criteria = of(&["a"], &["x:1"]);
    let old = log.look(Read::all(criteria.clone())).await?.marker;
    for _ in 0..30 {
        log.accepted(append((0..10).map(|n| event("b", &["x:1", &format!("n:{n}")])))).await?;
    }
    log.accepted(nothing().under(criteria.clone(), old)).await?;
    let conflicting_position =
        log.accepted(append([event("a", &["x:1"])]).under(criteria.clone(), old)).await?.position();
    ensure_eq!(
        log.conflict(nothing().under(criteria, old)).await?,
        (0, conflicting_position),
        "what the old marker met"
    );
    Ok(())
}

async fn a_marker_covers_what_after_left_out(log: Log) -> Outcome {
    let x = of(&[], &["x:1"]);
    let first =
        log.accepted(append([event("a", &["x:1"]), event("a", &["x:1"]), event("b", &[])])).await?.position();
    let batch = log.look(Read::all(x.clone()).after(first)).await?;
    ensure_eq!(batch.records, [], "nothing is new behind the third event");
    log.accepted(nothing().under(x.clone(), batch.marker)).await?;
    let second = log.accepted(append([event("a", &["x:1"])])).await?.position();
    ensure_eq!(log.conflict(nothing().under(x.clone(), batch.marker)).await?, (0, second), "what came since");
    let batch = log.look(Read::all(x.clone()).after(first)).await?;
    ensure_eq!(places(&batch.records), [second], "what is new behind the third event");
    log.accepted(append([event("a", &["x:1"])]).under(x, batch.marker)).await?;
    Ok(())
}

async fn a_marker_stands_for_what_up_to_cut_off(log: Log) -> Outcome {
    let [e1, e2, e3] = three_events(&log).await?;
    let (all, a) = (Criteria::all(), of(&[], &["a:1"]));
    for (criteria, up_to, conflicting_position) in [
        (&all, e1, Some(e3)),
        (&all, e2, Some(e3)),
        (&all, e3, None),
        (&a, Position::START, Some(e3)),
        (&a, e1, Some(e3)),
        (&a, e2, Some(e3)),
        (&a, e3, None),
    ] {
        let batch = log.look(Read::all(criteria.clone()).up_to(up_to)).await?;
        let sent = nothing().under(criteria.clone(), batch.marker);
        match conflicting_position {
            // What lies behind `up_to` was not read, although it was there.
            Some(conflicting_position) => ensure_eq!(
                log.conflict(sent).await?,
                (0, conflicting_position),
                "what a read of {criteria:?} up to {up_to} met"
            ),
            None => drop(log.accepted(sent).await?),
        }
    }
    Ok(())
}

async fn a_marker_up_to_a_future_position_guards(log: Log) -> Outcome {
    let x = of(&[], &["x:1"]);
    log.accepted(append([event("a", &["x:1"])])).await?;
    for up_to in [Position::new(1_000_000), Position::END, Position::new(u64::MAX)] {
        let batch = log.look(Read::all(x.clone()).up_to(up_to)).await?;
        let conflicting_position =
            log.accepted(append([event("a", &["x:1"])]).under(x.clone(), batch.marker)).await?.position();
        let answer = log.conflict(nothing().under(x.clone(), batch.marker)).await?;
        ensure_eq!(answer, (0, conflicting_position), "what appeared below {up_to} after the read");
    }
    Ok(())
}

async fn every_read_has_its_own_marker(log: Log) -> Outcome {
    let [e1, _, e3] = three_events(&log).await?;
    let (all, a, none) = (Criteria::all(), of(&[], &["a:1"]), Criteria::none());
    let reads = [
        Read::all(all.clone()),
        Read::all(a.clone()).up_to(e1),
        Read::all(none.clone()),
        Read::all(a.clone()),
    ];
    let markers: Vec<Marker> = log.read(&reads).await?.iter().map(|batch| batch.marker).collect();
    log.accepted(nothing().under(all.clone(), markers[0])).await?;
    ensure_eq!(
        log.conflict(nothing().under(a.clone(), markers[1])).await?,
        (0, e3),
        "what the second read cut off"
    );
    log.accepted(nothing().under(none, markers[2]).under(a.clone(), markers[3]).under(all, markers[0]))
        .await?;
    let sent = nothing().under(a.clone(), markers[3]).under(a, markers[1]);
    ensure_eq!(log.conflict(sent).await?, (1, e3), "which of two markers of the same criteria failed");
    Ok(())
}

async fn markers_mean_the_same_through_every_handle(log: Log) -> Outcome {
    let x = of(&[], &["x:1"]);
    let handles = log.handles(3).await?;
    for round in 0..9 {
        let (reader, writer, other) =
            (&handles[round % 3], &handles[(round + 1) % 3], &handles[(round + 2) % 3]);
        let seen = reader.look(Read::all(x.clone())).await?.marker;
        other.accepted(append([event("b", &["y:1"])])).await?;
        let conflicting_position =
            writer.accepted(append([event("a", &["x:1"])]).under(x.clone(), seen)).await?.position();
        for handle in &handles {
            let answer = handle.conflict(append([event("a", &["x:1"])]).under(x.clone(), seen)).await?;
            ensure_eq!(answer, (0, conflicting_position), "what a marker met through another handle");
        }
    }
    Ok(())
}

async fn each_condition_is_checked_and_named(log: Log) -> Outcome {
    let mut at = vec![];
    for n in 0..3 {
        at.push(log.accepted(append([event("a", &[&format!("n:{n}")])])).await?.position());
    }
    let watch: Vec<Criteria> = (0..3).map(|n| of(&[], &[&format!("n:{n}")])).collect();
    let reads: Vec<Read> = watch.iter().cloned().map(Read::all).collect();
    let seen: Vec<Marker> = log.read(&reads).await?.iter().map(|batch| batch.marker).collect();
    for (failing, conflicting_position) in at.iter().enumerate() {
        let sent =
            watch.iter().zip(&seen).enumerate().fold(nothing(), |sent, (number, (criteria, marker))| {
                sent.under(criteria.clone(), if number == failing { Marker::START } else { *marker })
            });
        ensure_eq!(
            log.conflict(sent).await?,
            (failing, *conflicting_position),
            "which of three conditions failed"
        );
    }
    let all = watch
        .iter()
        .zip(&seen)
        .fold(nothing(), |sent, (criteria, marker)| sent.under(criteria.clone(), *marker));
    log.accepted(all).await?;
    // If several fail, any of them may be named, with what it met itself.
    let sent = nothing()
        .under(watch[2].clone(), seen[2])
        .under(watch[1].clone(), Marker::START)
        .under(watch[0].clone(), Marker::START);
    let answer = log.conflict(sent).await?;
    ensure!([(1, at[1]), (2, at[0])].contains(&answer), "of two conditions that fail, {answer:?} is neither");
    Ok(())
}

async fn the_newest_match_is_named(log: Log) -> Outcome {
    let x = of(&["a"], &["x:1"]);
    let seen = log.look(Read::all(x.clone())).await?.marker;
    for round in 0..5 {
        let sent = append((0..=round).map(|_| event("a", &["x:1"])));
        let conflicting_position = log.accepted(sent).await?.position();
        log.accepted(append([event("b", &["x:1"]), event("a", &[])])).await?;
        ensure_eq!(
            log.conflict(nothing().under(x.clone(), seen)).await?,
            (0, conflicting_position),
            "the newest of several matches"
        );
    }
    Ok(())
}

async fn own_events_are_no_conflict(log: Log) -> Outcome {
    for round in 0..3 {
        let watched = [of(&[], &["x:1"]), of(&["a"], &[]), Criteria::all()];
        let reads: Vec<Read> = watched.iter().cloned().map(Read::all).collect();
        let batches = log.read(&reads).await?;
        let sent = append((0..3).map(|_| event("a", &["x:1"])));
        let sent = watched
            .iter()
            .zip(batches)
            .fold(sent, |sent, (criteria, batch)| sent.under(criteria.clone(), batch.marker));
        log.accepted(sent).await?;
        ensure_eq!(log.everything().await?.len(), 3 * (round + 1), "events that match their own conditions");
    }
    Ok(())
}

async fn an_earlier_own_append_counts_unless_it_was_read(log: Log) -> Outcome {
    let x = of(&[], &["x:1"]);
    let old = log.look(Read::all(x.clone())).await?.marker;
    let mut fresh = old;
    let mut last = Receipt::default();
    for _ in 0..4 {
        last = log.accepted(append([event("a", &["x:1"])]).under(x.clone(), fresh)).await?;
        fresh = log.look(Read::all(x.clone()).after(last.position())).await?.marker;
    }
    let answer = log.conflict(append([event("a", &["x:1"])]).under(x, old)).await?;
    ensure_eq!(answer, (0, last.position()), "who wrote the newer event does not matter");
    Ok(())
}

async fn a_hundred_conditions(log: Log) -> Outcome {
    let watch: Vec<Criteria> = (0..100).map(|n| of(&["a", "b"], &[&format!("n:{n}"), "all:1"])).collect();
    let reads: Vec<Read> = watch.iter().cloned().map(Read::all).collect();
    let seen: Vec<Marker> = log.read(&reads).await?.iter().map(|batch| batch.marker).collect();
    let guarded = |sent| {
        watch.iter().zip(&seen).fold(sent, |sent: annalist_core::store::Append, (criteria, marker)| {
            sent.under(criteria.clone(), *marker)
        })
    };
    log.accepted(guarded(append([event("c", &["n:70", "all:1"])]))).await?;
    let conflicting_position =
        log.accepted(guarded(append([event("b", &["n:70", "all:1"])]))).await?.position();
    ensure_eq!(
        log.conflict(guarded(nothing())).await?,
        (70, conflicting_position),
        "which of a hundred conditions failed"
    );
    Ok(())
}
