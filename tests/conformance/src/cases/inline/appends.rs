//! Rows of inline builds change in the transaction of the append: always together with its events, and in the order of
//! the log.

use std::sync::Arc;

use annalist_core::{
    Error,
    criteria::Criteria,
    rows::Table,
    store::{AppendOutcome, Marker, PageLimit},
};

use super::{notes::*, support::*};
use crate::{
    failure::Outcome,
    support::{fixtures::*, log::Log, rows::*},
};

cases!("inline" needs [Rows, Inline]: [
    append_without_a_required_fold_is_refused,
    rows_change_with_the_append,
    append_must_carry_exactly_the_required_folds,
    events_of_other_types_require_no_fold,
    refused_append_changes_no_rows,
    repeated_command_changes_rows_once,
    failing_fold_writes_nothing,
    several_builds_change_in_one_append,
    many_rows_change_in_one_append,
]);

async fn append_without_a_required_fold_is_refused(log: Log) -> Outcome {
    let fold = notes(NOTES);
    log.define_inline(&fold).await?;
    let request = append([note_event("written", &["a"], 1), note_event("edited", &["a"], 2)])
        .with_key(command_key("c-1", "write", &[]))
        .with_journal("{}");
    for _ in 0..2 {
        ensure_eq!(
            log.expect_inline_required(request.clone()).await?,
            [build_id(&fold)],
            "builds that an append without folds requires"
        );
    }
    ensure_eq!(log.read_all().await?, [], "events after an append without a required fold");
    ensure_eq!(
        log.rows().all_rows(&NOTES).await?.len(),
        0,
        "number of rows after an append without a required fold"
    );
    ensure_eq!(
        log.journal(0, PageLimit::records(10)).await?,
        [],
        "journal after an append without a required fold"
    );
    ensure_eq!(
        log.receipt(&command_key("c-1", "write", &[])).await?,
        None,
        "receipt of an append without a required fold"
    );
    let receipt = log.expect_accepted_with(request, &[Arc::clone(&fold)]).await?;
    ensure_eq!(
        positions_of(&log.read_all().await?),
        positions(&receipt),
        "positions of the events of an append with the required fold"
    );
    ensure_eq!(
        log.expect_rows_equal_fold(&fold).await?,
        [note_row("a", "w1 e2 ", receipt.position())],
        "rows after an append with the required fold"
    );
    ensure_eq!(
        log.journal(0, PageLimit::records(10)).await?.len(),
        1,
        "number of journal entries after an append with the required fold"
    );
    Ok(())
}

async fn rows_change_with_the_append(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let fold = [notes(NOTES)];
    log.define_inline(&fold[0]).await?;
    let events = [
        note_event("written", &["a", "b"], 1),
        note_event("written", &["b"], 2),
        note_event("edited", &["a", "c"], 3),
        note_event("written", &["d"], 4),
        note_event("deleted", &["c"], 5),
        note_event("written", &[], 6),
    ];
    let at = positions(&log.expect_accepted_with(append(events), &fold).await?);
    let expected =
        [note_row("a", "w1 e3 ", at[2]), note_row("b", "w1 w2 ", at[1]), note_row("d", "w4 ", at[3])];
    for handle in &handles {
        // Immediately, and through every handle.
        ensure_eq!(handle.rows().all_rows(&NOTES).await?, expected, "rows right after the append");
    }
    let events = [
        note_event("deleted", &["a", "z"], 7),
        note_event("written", &["a"], 8),
        note_event("deleted", &["d"], 9),
    ];
    let at = positions(&handles[1].expect_accepted_with(append(events), &fold).await?);
    for handle in &handles {
        let found = handle.expect_rows_equal_fold(&fold[0]).await?;
        ensure_eq!(found, [note_row("a", "w8 ", at[1]), expected[1].clone()], "rows after a second append");
    }
    Ok(())
}

async fn append_must_carry_exactly_the_required_folds(log: Log) -> Outcome {
    let folds = [notes(NOTES), notes(NOTES.built(1)), notes(Table { projection: "edits", ..NOTES })];
    let [first, second, edits] = &folds;
    let one = || append([note_event("written", &["a"], 1)]);
    for fold in &folds {
        log.rows().define_table(fold.table()).await?;
    }
    ensure_eq!(
        log.expect_inline_required(one().with_folds(std::slice::from_ref(first))).await?,
        [],
        "required builds while no build is inline"
    );
    log.define_inline(second).await?;
    let wrong =
        [vec![], vec![first], vec![first, second], vec![second, second], vec![edits], vec![second, edits]];
    for folds in wrong {
        let folds: Vec<_> = folds.into_iter().cloned().collect();
        ensure_eq!(
            log.expect_inline_required(one().with_folds(&folds)).await?,
            [build_id(second)],
            "required builds of an append with the folds {folds:?}"
        );
    }
    log.define_inline(first).await?;
    log.define_inline(edits).await?;
    // Sorted by name, version and build, in whatever order they became inline.
    let expected = [build_id(edits), build_id(first), build_id(second)];
    for folds in [vec![], vec![first, second], vec![edits], vec![first, second, edits, first]] {
        let folds: Vec<_> = folds.into_iter().cloned().collect();
        ensure_eq!(
            log.expect_inline_required(one().with_folds(&folds)).await?,
            expected,
            "required builds of an append with the folds {folds:?}"
        );
    }
    ensure_eq!(log.read_all().await?, [], "events after appends with the wrong folds");
    // The folds of an append may be in any order.
    for folds in [[first, second, edits], [edits, second, first]] {
        log.expect_accepted_with(one(), &folds.map(Arc::clone)).await?;
    }
    for fold in &folds {
        log.expect_rows_equal_fold(fold).await?;
    }
    Ok(())
}

async fn events_of_other_types_require_no_fold(log: Log) -> Outcome {
    let (written, edited) = (
        notes_of(NOTES, &["written"]),
        notes_of(Table { projection: "edits", ..NOTES }, &["edited", "renamed"]),
    );
    for fold in [&written, &edited] {
        log.define_inline(fold).await?;
    }
    let [only_written, only_edited, other] = [
        || append([note_event("written", &["a"], 1)]),
        || append([note_event("edited", &["a"], 2)]),
        // Names that are similar to their types.
        || {
            append(
                ["writte", "writtena", "written.", "Written", "writ", "rename"]
                    .map(|name| event(name, &["note:a"])),
            )
        },
    ];
    ensure_eq!(
        log.expect_inline_required(only_written()).await?,
        [build_id(&written)],
        "required builds of an event of the first type"
    );
    ensure_eq!(
        log.expect_inline_required(only_edited()).await?,
        [build_id(&edited)],
        "required builds of an event of the second type"
    );
    for folds in [vec![Arc::clone(&written)], vec![written.clone(), edited.clone()]] {
        ensure_eq!(
            log.expect_inline_required(other().with_folds(&folds)).await?,
            [],
            "required builds of events of other types"
        );
    }
    log.expect_accepted(other()).await?;
    log.expect_accepted_with(only_written(), std::slice::from_ref(&written)).await?;
    log.expect_accepted_with(only_edited(), std::slice::from_ref(&edited)).await?;
    let both = append([
        note_event("edited", &["a"], 3),
        event("other", &["note:a"]),
        note_event("written", &["a"], 4),
    ]);
    ensure_eq!(
        log.expect_inline_required(both.clone()).await?,
        [build_id(&edited), build_id(&written)],
        "required builds of events of both types"
    );
    log.expect_accepted_with(both, &[Arc::clone(&written), Arc::clone(&edited)]).await?;
    ensure_eq!(
        log.expect_rows_equal_fold(&written).await?[0][1],
        text("w1 w4 "),
        "history of the note, written events only"
    );
    ensure_eq!(
        log.expect_rows_equal_fold(&edited).await?[0][1],
        text("e2 e3 "),
        "history of the note, edited events only"
    );
    // An append without events requires no fold.
    log.expect_accepted(empty_append()).await?;
    log.expect_accepted(empty_append().with_key(command_key("c-1", "write", &[]))).await?;
    log.expect_accepted(empty_append().with_rejection("{}", "no")).await.map(drop)
}

async fn refused_append_changes_no_rows(log: Log) -> Outcome {
    let fold = [notes(NOTES)];
    log.define_inline(&fold[0]).await?;
    log.expect_accepted_with(append([note_event("written", &["a"], 1)]), &fold).await?;
    let rows = log.rows().all_rows(&NOTES).await?;
    let refused = append([note_event("written", &["a", "b"], 2)])
        .if_unchanged(criteria_for(&[], &["note:a"]), Marker::START);
    log.expect_conflict(refused.clone().with_folds(&fold)).await?;
    // Conditions are checked before the folds, so a conflict is reported without them, too.
    log.expect_conflict(refused).await?;
    ensure_eq!(log.expect_rows_equal_fold(&fold[0]).await?, rows, "rows after a refused append");
    let marker = log.read_one(read(&[], &["note:a"])).await?.marker;
    let request =
        append([note_event("written", &["a"], 3)]).if_unchanged(criteria_for(&[], &["note:a"]), marker);
    log.expect_accepted_with(request.clone(), &fold).await?;
    log.expect_conflict(request.with_folds(&fold)).await?;
    ensure_eq!(
        log.expect_rows_equal_fold(&fold[0]).await?[0][1],
        text("w1 w3 "),
        "the history after appends with conditions"
    );
    Ok(())
}

async fn repeated_command_changes_rows_once(log: Log) -> Outcome {
    let fold = [notes(NOTES)];
    log.define_inline(&fold[0]).await?;
    let request = append([note_event("written", &["a"], 1)])
        .with_key(command_key("c-1", "write", &["note:a"]))
        .with_journal("{}");
    let receipt = log.expect_accepted_with(request.clone(), &fold).await?;
    for again in [
        request.clone().with_folds(&fold),
        request.clone(),
        request.clone().if_unchanged(Criteria::all(), Marker::START),
    ] {
        ensure_eq!(log.expect_duplicate(again).await?, receipt, "receipt of a repeated command");
    }
    let other = append([note_event("written", &["a"], 1)]).with_key(command_key("c-1", "edit", &["note:a"]));
    for other in [other.clone(), other.with_folds(&fold)] {
        let result = log.append_one(other).await;
        ensure!(
            matches!(result, Err(Error::Invalid(_))),
            "the id belongs to another command: `append` must return `Error::Invalid`, but returned {result:?}"
        );
    }
    ensure_eq!(
        log.expect_rows_equal_fold(&fold[0]).await?,
        [note_row("a", "w1 ", receipt.position())],
        "the row after one command and its repetitions"
    );
    Ok(())
}

async fn failing_fold_writes_nothing(log: Log) -> Outcome {
    let folds = [notes(NOTES), notes_of(Table { projection: "summaries", ..NOTES }, &["written"])];
    log.define_inline(&folds[0]).await?;
    log.expect_accepted_with(append([note_event("written", &["a"], 1)]), &folds[..1]).await?;
    log.define_inline(&folds[1]).await?;
    let before = log.read_all().await?;
    for step in ["keys", "fold"] {
        let request = append([note_event("written", &["b"], 2), failing_event(step)])
            .with_key(command_key("c-1", "write", &[]))
            .with_journal("{}");
        let result = log.append_one(request.with_folds(&folds)).await;
        ensure!(
            matches!(result, Err(Error::Invalid(_))),
            "a fold fails: `append` must return `Error::Invalid`, but returned {result:?}"
        );
        ensure_eq!(log.read_all().await?, before, "events after a failed fold");
        ensure_eq!(log.journal(0, PageLimit::records(10)).await?, [], "journal after a failed fold");
        ensure_eq!(
            log.receipt(&command_key("c-1", "write", &[])).await?,
            None,
            "receipt after a failed fold"
        );
        for fold in &folds {
            log.expect_rows_equal_fold(fold).await?;
        }
        // The feed is not blocked.
        log.wait_until_settled(before[0].position).await?;
    }
    let only_one = append([event_with("edited", &["note:a"], "\"fold\""), note_event("written", &["a"], 3)]);
    let result = log.append_one(only_one.with_folds(&folds)).await;
    ensure!(
        matches!(result, Err(Error::Invalid(_))),
        "one of two folds fails: `append` must return `Error::Invalid`, but returned {result:?}"
    );
    for fold in &folds {
        log.expect_rows_equal_fold(fold).await?;
    }
    let last = log
        .expect_accepted_with(
            append([note_event("written", &["a"], 4)]).with_key(command_key("c-1", "write", &[])),
            &folds,
        )
        .await?
        .position();
    log.wait_until_settled(last).await?;
    ensure_eq!(
        log.expect_rows_equal_fold(&folds[0]).await?,
        [note_row("a", "w1 w4 ", last)],
        "the row after failed folds"
    );
    Ok(())
}

async fn several_builds_change_in_one_append(log: Log) -> Outcome {
    let folds =
        [NOTES, NOTES.built(1), Table { version: 2, ..NOTES }, Table { projection: "edits", ..NOTES }]
            .map(notes);
    for fold in &folds {
        log.define_inline(fold).await?;
    }
    let mut random = log.random("notes");
    for number in 0..log.rounds(20) {
        let events: Vec<_> =
            (0..random.usize(1..4)).map(|_| random_note_event(&mut random, number)).collect();
        let result = log.append_with_required_folds(append(events), &folds).await?;
        ensure!(
            matches!(result, AppendOutcome::Appended(_)),
            "the append has no conditions: the outcome must be `Appended`, but is {result:?}"
        );
    }
    let result = log
        .append_with_required_folds(append([note_event("written", &["a"], log.rounds(20))]), &folds)
        .await?;
    ensure!(
        matches!(result, AppendOutcome::Appended(_)),
        "the append has no conditions: the outcome must be `Appended`, but is {result:?}"
    );
    let rows = log.expect_rows_equal_fold(&folds[0]).await?;
    for fold in &folds {
        ensure_eq!(log.expect_rows_equal_fold(fold).await?, rows, "rows of one of four builds of the log");
    }
    Ok(())
}

async fn many_rows_change_in_one_append(log: Log) -> Outcome {
    let fold = [notes(NOTES)];
    log.define_inline(&fold[0]).await?;
    let names: Vec<String> = (0..1_500).map(|n| format!("note {n}")).collect();
    let events = |start: usize| {
        names.iter().enumerate().map(move |(n, name)| note_event("written", &[name, "all"], start + n))
    };
    log.expect_accepted_with(append(events(0)), &fold).await?;
    log.expect_accepted_with(append(events(10_000)), &fold).await?;
    ensure_eq!(
        log.expect_rows_equal_fold(&fold[0]).await?.len(),
        1_501,
        "number of rows after two large appends"
    );
    Ok(())
}
