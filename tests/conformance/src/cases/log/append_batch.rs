//! Batches: several appends in one transaction are written completely and in order, or not at all.

use annalist_core::{
    Error, Invalid,
    criteria::Criteria,
    record::{Position, Record},
    store::{Append, AppendOutcome, Marker, Outcome as JournalOutcome, PageLimit, Read, Receipt},
};

use crate::{
    failure::Outcome,
    support::{fixtures::*, handle::Handle, log::Log, rows::expect_unusable},
};

cases!("append_batch" needs [AppendBatch]: [
    batch_is_written_in_order,
    empty_and_single_element_batches,
    conflict_of_one_append_refuses_the_batch,
    duplicate_id_of_one_append_refuses_the_batch,
    reused_id_of_one_append_fails_the_batch,
    events_of_the_batch_are_no_conflict,
    marker_after_a_receipt_detects_new_events,
    ids_and_journal_entries_are_stored_for_each_append,
    same_id_twice_in_a_batch_is_an_error,
    batch_of_the_maximum_size,
] durable [acknowledged_batch_survives_reopen]);

/// An event of this type about `x:1`.
fn about_x(name: &'static str) -> Append {
    append([event(name, &["x:1"])])
}

fn x() -> Criteria {
    criteria_for(&[], &["x:1"])
}

/// The events of the log and the length of its journal.
#[derive(Debug, PartialEq)]
struct Contents {
    records: Vec<Record>,
    journal: usize,
}

async fn contents(log: &Handle) -> Outcome<Contents> {
    Ok(Contents {
        records: log.read_all().await?,
        journal: log.journal(0, PageLimit::records(usize::MAX)).await?.len(),
    })
}

/// Expects that nothing was written, and that the feed is not blocked.
async fn expect_unchanged(log: &Handle, before: &Contents, what: &str) -> Outcome {
    ensure_eq!(contents(log).await?, *before, "contents of the log after {what}");
    let next = log.expect_accepted(append([event("next", &[])])).await?.position();
    let fed = log.feed_until(&Criteria::all(), Position::START, 10, next).await?;
    let mut expected = positions_of(&before.records);
    expected.push(next);
    ensure_eq!(positions_of(&fed), expected, "positions in the feed after {what}");
    Ok(())
}

async fn batch_is_written_in_order(log: Log) -> Outcome {
    log.expect_accepted(about_x("before")).await?;
    let drafts: Vec<Vec<_>> = vec![
        vec![event("a", &["x:1"]), event("b", &["y:1"])],
        vec![],
        vec![event_with("a", &["x:1", "y:2"], "[1]")],
        vec![event("c", &[]), event("a", &["x:2"]), event("b", &["x:1"])],
    ];
    let all = drafts.iter().zip(1..).map(|(drafts, second)| append(drafts.clone()).recorded_at(second));
    let receipts = log.expect_batch_accepted(all.collect()).await?;
    let mut expected = vec![];
    for ((drafts, receipt), second) in drafts.iter().zip(&receipts).zip(1..) {
        for (draft, event) in drafts.iter().zip(&receipt.events) {
            let record = draft.clone().record(
                event.position,
                seconds_since_1970(second),
                annalist_core::record::Metadata::default(),
            );
            expected.push(record);
        }
    }
    for handle in log.handles(2).await? {
        ensure_eq!(handle.read_all().await?[1..], expected, "events of a batch of four appends");
        let of_x: Vec<Position> =
            expected.iter().filter(|one| x().matches(&one.name, &one.tags)).map(|one| one.position).collect();
        ensure_eq!(
            positions_of(&handle.read_one(Read::all(x())).await?.records)[1..],
            of_x,
            "positions of the matching events of the batch"
        );
        let end = receipts[3].position();
        let fed = handle.feed_until(&Criteria::all(), Position::START, 2, end).await?;
        ensure_eq!(fed[1..], expected, "feed of the events of the batch");
    }
    Ok(())
}

async fn empty_and_single_element_batches(log: Log) -> Outcome {
    ensure_eq!(log.append(vec![]).await?, AppendOutcome::Appended(vec![]), "outcome of an empty batch");
    let receipt = log
        .expect_batch_accepted(vec![about_x("a").with_key(command_key("c-1", "write", &[]))])
        .await?
        .remove(0);
    ensure_eq!(
        positions_of(&log.read_all().await?),
        positions(&receipt),
        "positions of the events of a batch with one append"
    );
    let conflict =
        AppendOutcome::Conflict { index: 0, condition: 0, conflicting_position: receipt.position() };
    let refused = about_x("a").if_unchanged(x(), Marker::START);
    ensure_eq!(
        log.expect_batch_refused(vec![refused]).await?,
        conflict,
        "index and outcome of a conflict in a batch with one append"
    );
    let known = about_x("a").with_key(command_key("c-1", "write", &[]));
    let duplicate = AppendOutcome::Duplicate { index: 0, receipt };
    ensure_eq!(
        log.expect_batch_refused(vec![known]).await?,
        duplicate,
        "index and outcome of a duplicate in a batch with one append"
    );
    let receipts = log.expect_batch_accepted(vec![empty_append(), empty_append()]).await?;
    ensure_eq!(
        receipts,
        [Receipt::default(), Receipt::default()],
        "receipts of a batch of appends without events"
    );
    ensure_eq!(log.read_all().await?.len(), 1, "number of events");
    Ok(())
}

async fn conflict_of_one_append_refuses_the_batch(log: Log) -> Outcome {
    let conflicting_position = log.expect_accepted(about_x("a")).await?.position();
    let before = contents(&log).await?;
    let id = |nth: usize| command_key(format!("c-{nth}"), "write", &["y:1"]);
    for refused in 0..3 {
        let all = (0..3).map(|nth| {
            let request = append([event("b", &["y:1"]), event("a", &["y:1", "x:1"])]).with_key(id(nth));
            let request =
                request.with_journal("{}").if_unchanged(criteria_for(&["b"], &["y:1"]), Marker::START);
            if nth == refused { request.if_unchanged(x(), Marker::START) } else { request }
        });
        let result = log.expect_batch_refused(all.collect()).await?;
        let conflict = AppendOutcome::Conflict { index: refused, condition: 1, conflicting_position };
        ensure_eq!(result, conflict, "index and outcome of the refused append of three");
        ensure_eq!(
            contents(&log).await?,
            before,
            "contents of the log after append {refused} of three was refused"
        );
        for nth in 0..3 {
            ensure_eq!(log.receipt(&id(nth)).await?, None, "receipt of command {nth} of a refused batch");
        }
    }
    expect_unchanged(&log, &before, "refused batches").await?;
    // The conflict of an append without events refuses the batch, too.
    let all = vec![append([event("b", &["y:1"])]), empty_append().if_unchanged(x(), Marker::START)];
    ensure_eq!(
        log.expect_batch_refused(all).await?,
        AppendOutcome::Conflict { index: 1, condition: 0, conflicting_position },
        "index and outcome of the refused append without events"
    );
    let all = vec![
        append([event("b", &["y:1"])]).if_unchanged(x(), Marker::START),
        append([event("b", &["y:1"])]).if_unchanged(criteria_for(&["a"], &[]), Marker::START),
    ];
    let refused = log.expect_batch_refused(all).await?;
    ensure!(
        matches!(refused, AppendOutcome::Conflict { condition: 0, conflicting_position: at, .. } if at == conflicting_position),
        "two appends conflict with position {conflicting_position}: the outcome must name one of them, but is {refused:?}"
    );
    ensure_eq!(log.read_one(read(&[], &["y:1"])).await?.records, [], "events of refused batches");
    Ok(())
}

async fn duplicate_id_of_one_append_refuses_the_batch(log: Log) -> Outcome {
    let id = command_key("c-1", "write", &["x:1"]);
    let first = log.expect_accepted(about_x("a").with_key(id.clone())).await?;
    let before = contents(&log).await?;
    for known in 0..3 {
        let all = (0..3).map(|nth| match nth == known {
            // The id is checked before the condition, which fails.
            true => about_x("b").with_key(id.clone()).if_unchanged(x(), Marker::START).with_journal("1"),
            false => {
                about_x("b").with_key(command_key(format!("other-{nth}"), "write", &[])).with_journal("2")
            }
        });
        let result = log.expect_batch_refused(all.collect()).await?;
        ensure_eq!(
            result,
            AppendOutcome::Duplicate { index: known, receipt: first.clone() },
            "index and outcome of the duplicate of three commands"
        );
        for nth in 0..3 {
            let other = command_key(format!("other-{nth}"), "write", &[]);
            ensure_eq!(
                log.receipt(&other).await?,
                None,
                "receipt of another command of a batch with a duplicate"
            );
        }
    }
    expect_unchanged(&log, &before, "a batch with a duplicate").await
}

async fn reused_id_of_one_append_fails_the_batch(log: Log) -> Outcome {
    log.expect_accepted(about_x("a").with_key(command_key("c-1", "write", &["x:1"]))).await?;
    let before = contents(&log).await?;
    for reused in 0..3 {
        let all = (0..3).map(|nth| match nth == reused {
            true => about_x("b").with_key(command_key("c-1", "erase", &["x:1"])),
            false => about_x("b").with_journal("{}"),
        });
        let result = log.append(all.collect()).await;
        let is_reused = matches!(result, Err(Error::Invalid(Invalid::CommandIdReused { .. })));
        ensure!(
            is_reused,
            "one id belongs to another command: `append` must return `CommandIdReused`, but returned {result:?}"
        );
    }
    expect_unchanged(&log, &before, "a batch with a reused id").await
}

async fn events_of_the_batch_are_no_conflict(log: Log) -> Outcome {
    for round in 0..3 {
        let watched = [x(), criteria_for(&["a"], &["x:1"]), criteria_for(&["a"], &[]), Criteria::all()];
        let reads: Vec<Read> = watched.iter().cloned().map(Read::all).collect();
        let seen = log.read(&reads).await?;
        // Each append has the markers from before the batch, although earlier appends of the batch match its conditions.
        let request = |nth: usize| {
            let batches = watched.iter().zip(&seen).skip(nth % 2);
            batches.fold(append([event("a", &["x:1"]), event("b", &[])]), |request, (criteria, batch)| {
                request.if_unchanged(criteria.clone(), batch.marker)
            })
        };
        log.expect_batch_accepted((0..4).map(request).collect()).await?;
        ensure_eq!(
            log.read_all().await?.len(),
            8 * (round + 1),
            "number of events after batches whose events match the conditions of later appends"
        );
    }
    Ok(())
}

async fn marker_after_a_receipt_detects_new_events(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let (watched, other) = (criteria_for(&["a"], &["x:1"]), criteria_for(&["c"], &[]));
    let mut marker = log.read_one(Read::all(watched.clone())).await?.marker;
    for _ in 0..5 {
        let all = (0..3).map(|nth| {
            let request =
                append([event("a", &["x:1"]), event("b", &["x:1"])]).if_unchanged(watched.clone(), marker);
            if nth == 1 { request.if_unchanged(other.clone(), Marker::START) } else { request }
        });
        let receipts = log.expect_batch_accepted(all.collect()).await?;
        marker = Marker::after(&receipts[2]);
        // The marker holds for the conditions of every append of the batch, also after events that do not match.
        handles[1].expect_accepted(append([event("b", &["x:1"]), event("a", &["x:2"])])).await?;
        log.expect_accepted(
            empty_append().if_unchanged(watched.clone(), marker).if_unchanged(other.clone(), marker),
        )
        .await?;
        let too_early = empty_append().if_unchanged(watched.clone(), Marker::after(&receipts[1]));
        let conflicting_position = receipts[2].events[0].position;
        ensure_eq!(
            log.expect_conflict(too_early).await?,
            (0, conflicting_position),
            "failed condition and conflicting position with the marker after the second of three appends"
        );
    }
    let conflicting_position = handles[1].expect_accepted(about_x("a")).await?.position();
    let conflict = AppendOutcome::Conflict { index: 1, condition: 0, conflicting_position };
    let all = vec![append([event("b", &[])]), about_x("a").if_unchanged(watched, marker)];
    ensure_eq!(
        log.expect_batch_refused(all).await?,
        conflict,
        "index and outcome of an append with an outdated marker"
    );
    Ok(())
}

async fn ids_and_journal_entries_are_stored_for_each_append(log: Log) -> Outcome {
    let id = |nth: usize| command_key(format!("c-{nth}"), "write", &[&format!("n:{nth}")]);
    let request = |nth: usize| match nth {
        1 => empty_append().with_key(id(nth)).with_journal("1"),
        2 => append([event("a", &[])]).with_journal("2"),
        3 => append([event("a", &[])]).with_key(id(nth)),
        _ => append([event("a", &[]), event("b", &[])]).with_key(id(nth)).with_journal(&nth.to_string()),
    };
    let receipts = log.expect_batch_accepted((0..5).map(request).collect()).await?;
    for (nth, receipt) in receipts.iter().enumerate().filter(|(nth, _)| *nth != 2) {
        ensure_eq!(log.receipt(&id(nth)).await?.as_ref(), Some(receipt), "receipt of command {nth}");
        ensure_eq!(
            log.expect_duplicate(request(nth)).await?,
            *receipt,
            "receipt of the repeated command {nth}"
        );
    }
    let mut entries: Vec<_> = log.journal(0, PageLimit::records(10)).await?;
    // The order of the journal numbers within a batch is not specified.
    entries.sort_by_key(|entry| entry.body.as_str().to_owned());
    let journaled: Vec<_> =
        entries.into_iter().map(|entry| (entry.body.to_string(), entry.outcome)).collect();
    let expected =
        [0, 1, 2, 4].map(|nth| (nth.to_string(), JournalOutcome::Accepted(positions(&receipts[nth]))));
    ensure_eq!(journaled, expected, "bodies and outcomes in the journal of five appends");
    Ok(())
}

async fn same_id_twice_in_a_batch_is_an_error(log: Log) -> Outcome {
    let before = contents(&log).await?;
    let id = || command_key("c-1", "write", &["x:1"]);
    for other in [id(), command_key("c-1", "erase", &["x:1"])] {
        let all =
            vec![about_x("a").with_key(id()), about_x("a"), about_x("a").with_key(other).with_journal("{}")];
        expect_unusable(log.append(all).await)?;
        ensure_eq!(log.receipt(&id()).await?, None, "receipt of an id that was twice in a batch");
    }
    expect_unchanged(&log, &before, "a batch that contains an id twice").await
}

async fn batch_of_the_maximum_size(log: Log) -> Outcome {
    let max = log.max_batch();
    let before = contents(&log).await?;
    let own_criteria = |nth: usize| criteria_for(&["a"], &[&format!("n:{nth}")]);
    let request = |nth: usize| {
        let request = append([event("a", &[&format!("n:{nth}"), "x:1"]), event("b", &[])]);
        request
            .if_unchanged(own_criteria(nth), Marker::START)
            .with_key(command_key(format!("c-{nth}"), "write", &[]))
            .with_journal("{}")
    };
    expect_unusable(log.append((0..=max).map(request).collect()).await)?;
    expect_unchanged(&log, &before, "a batch larger than `max_batch`").await?;
    let receipts = log.expect_batch_accepted((0..max).map(request).collect()).await?;
    let read = log.read_one(Read::all(x())).await?.records;
    let firsts: Vec<Position> = receipts.iter().map(|receipt| receipt.events[0].position).collect();
    ensure_eq!(positions_of(&read), firsts, "positions of the events of a batch of {max} appends");
    let last = request(max).if_unchanged(own_criteria(max - 1), Marker::after(&receipts[max - 2]));
    let conflict =
        AppendOutcome::Conflict { index: max - 1, condition: 1, conflicting_position: firsts[max - 1] };
    let all = (max + 1..2 * max).map(request).chain([last]).collect();
    ensure_eq!(
        log.expect_batch_refused(all).await?,
        conflict,
        "index and outcome of the refused last append of {max}"
    );
    Ok(())
}

async fn acknowledged_batch_survives_reopen(log: Log) -> Outcome {
    let id = |nth: usize| command_key(format!("c-{nth}"), "write", &[]);
    let all = (0..4).map(|nth| about_x("a").with_key(id(nth)).with_journal("{}"));
    let receipts = log.expect_batch_accepted(all.collect()).await?;
    let before = contents(&log).await?;
    let log = log.reopened().await?;
    ensure_eq!(contents(&log).await?, before, "contents of the log after it was reopened");
    for (nth, receipt) in receipts.into_iter().enumerate() {
        ensure_eq!(log.receipt(&id(nth)).await?, Some(receipt), "receipt of command {nth}");
    }
    Ok(())
}
