//! Into the appends and out of them again: nothing is lost on the way.

use std::sync::Arc;

use annalist_core::{
    Error,
    record::Position,
    rows::{InlineOutcome, PromoteOutcome, Table},
    store::LogId,
};

use super::{notes::*, support::*};
use crate::{
    Failure,
    failure::Outcome,
    support::{fixtures::*, log::Log, rows::*},
};

cases!("inline_transitions" needs [Rows, Inline]: [
    make_inline_folds_the_remaining_events,
    build_far_behind_must_catch_up_before_make_inline,
    failed_make_inline_changes_nothing,
    inline_build_accepts_no_other_changes,
    make_async_continues_at_the_end_of_the_log,
    inline_builds_are_compared_at_the_end_of_the_log,
] durable [
    inline_builds_survive_reopen,
]);

async fn make_inline_folds_the_remaining_events(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let fold = [notes(NOTES)];
    let rows = log.rows();
    rows.define_table(&NOTES).await?;
    let first = log
        .expect_accepted(append([note_event("written", &["a", "b"], 1), note_event("edited", &["a"], 2)]))
        .await?
        .position();
    log.wait_until_settled(first).await?;
    // A runner took the first two; the other events are left for the transaction that makes it inline.
    let counted = folded_rows(&*fold[0], &log.read_all().await?)?;
    rows.expect_committed(change(&NOTES, 0, first.get()).upserting(counted)).await?;
    let events = [
        note_event("deleted", &["b"], 3),
        event("other", &["note:a"]),
        note_event("written", &["a", "c"], 4),
        event("other", &[]),
    ];
    let last = log.expect_accepted(append(events)).await?.position();
    rows.report(&NOTES, Some("a reason")).await?;
    ensure_eq!(
        rows.make_inline(Arc::clone(&fold[0])).await?,
        InlineOutcome::Done,
        "the answer to going inline"
    );
    let build = handles[1].rows().build_of(&NOTES).await?;
    ensure!(build.inline && !build.live, "a build that went inline says {build:?}");
    ensure!(
        build.checkpoint.position >= last,
        "a build that went inline stands at {}",
        build.checkpoint.position
    );
    ensure_eq!(build.checkpoint.stopped, None, "why a build stands still that went inline");
    log.expect_rows_equal_fold(&fold[0]).await?;
    // Once is enough, from every handle.
    for handle in &handles {
        ensure_eq!(
            handle.rows().make_inline(Arc::clone(&fold[0])).await?,
            InlineOutcome::Done,
            "the answer the second time"
        );
        log.expect_rows_equal_fold(&fold[0]).await?;
    }
    handles[1].expect_accepted_with(append([note_event("written", &["a"], 5)]), &fold).await?;
    let found = log.expect_rows_equal_fold(&fold[0]).await?;
    ensure_eq!(found[0][1], text("w1 e2 w4 w5 "), "history of a note, from before and after `make_inline`");
    ensure_eq!(rows.build_of(&NOTES).await?.checkpoint, build.checkpoint, "the checkpoint, which stays");
    Ok(())
}

async fn build_far_behind_must_catch_up_before_make_inline(log: Log) -> Outcome {
    let fold = notes_of(NOTES, &["written"]);
    let rows = log.rows();
    rows.define_table(&NOTES).await?;
    let others = (0..500).map(|n| note_event("edited", &["a"], n));
    let own = (0..InlineOutcome::AT_MOST + 1).map(|n| note_event("written", &[["a", "b", "c"][n % 3]], n));
    let at = positions(&log.expect_accepted(append(others.chain(own))).await?);
    log.wait_until_settled(at[at.len() - 1]).await?;
    let first = at[500].get();
    let before = rows.build_of(&NOTES).await?;
    ensure_eq!(
        rows.make_inline(Arc::clone(&fold)).await?,
        InlineOutcome::Behind,
        "the answer to a build that is far behind"
    );
    ensure_eq!(rows.build_of(&NOTES).await?, before, "a build that is far behind");
    ensure_eq!(rows.all_rows(&NOTES).await?.len(), 0, "rows of a build that is far behind");
    log.expect_accepted(append([note_event("edited", &["a"], 1)])).await?;
    // With the first one counted it is near enough, but for an event that is parked.
    let wanted = folded_rows(&*fold, &log.read_all().await?[..501])?;
    let sent = change(&NOTES, 0, first).upserting(wanted).with_anchor(anchor(first));
    rows.expect_committed(sent.parking(vec![parked(first, &["a"], "no", 1)])).await?;
    let before = rows.build_of(&NOTES).await?;
    ensure_eq!(
        rows.make_inline(Arc::clone(&fold)).await?,
        InlineOutcome::Behind,
        "the answer to a build with a parked event"
    );
    ensure_eq!(rows.build_of(&NOTES).await?, before, "a build with a parked event");
    rows.expect_committed(change(&NOTES, first, first).if_parked(1).unparking([first])).await?;
    ensure_eq!(
        rows.make_inline(Arc::clone(&fold)).await?,
        InlineOutcome::Done,
        "the answer to a build that is near enough"
    );
    log.expect_rows_equal_fold(&fold).await.map(drop)
}

async fn failed_make_inline_changes_nothing(log: Log) -> Outcome {
    let rows = log.rows();
    let fold = notes(NOTES);
    expect_unusable(rows.make_inline(Arc::clone(&fold)).await)?;
    ensure_eq!(rows.builds("notes").await?, [], "builds after one went inline that was never defined");
    rows.define(&NOTES, LogId::fresh()).await?;
    let before = rows.builds("notes").await?;
    let error = expect_unusable(rows.make_inline(Arc::clone(&fold)).await)?;
    ensure!(error.contains("notes_v1"), "the error must name the table: {error}");
    ensure_eq!(rows.builds("notes").await?, before, "a build of another log");
    for (build, step) in (1..).zip(["keys", "fold"]) {
        let failing = notes(NOTES.built(build));
        rows.define_table(failing.table()).await?;
        log.expect_accepted(append([note_event("written", &["b"], 1), failing_event(step)])).await?;
        let before = rows.build_of(failing.table()).await?;
        let answer = rows.make_inline(Arc::clone(&failing)).await;
        ensure!(
            matches!(answer, Err(Error::Invalid(_) | Error::Unusable { .. })),
            "a fold that fails gives {answer:?}"
        );
        ensure_eq!(rows.build_of(failing.table()).await?, before, "a build whose fold failed");
        ensure_eq!(rows.all_rows(failing.table()).await?.len(), 0, "rows of a build whose fold failed");
    }
    // Nothing went inline, so nothing has to be brought.
    log.expect_accepted(append([note_event("written", &["a"], 2)])).await.map(drop)
}

async fn inline_build_accepts_no_other_changes(log: Log) -> Outcome {
    let rows = log.rows();
    let fold = notes(NOTES);
    log.define_inline(&fold).await?;
    log.expect_accepted_with(append([note_event("written", &["a"], 1)]), std::slice::from_ref(&fold)).await?;
    let before = rows.build_of(&NOTES).await?;
    let at = before.checkpoint.position.get();
    for (from, to) in [(at, at + 1), (at, at), (at + 1, at + 2), (0, 1)] {
        let sent = change(&NOTES, from, to);
        let all = sent.clone().upserting(vec![note_row("b", "x", Position::new(9))]).parking(vec![parked(
            1,
            &[],
            "no",
            1,
        )]);
        for sent in [sent, all] {
            let error = expect_unusable(rows.commit(sent).await)?;
            ensure!(error.contains("notes_v1"), "the error must name the table: {error}");
        }
    }
    expect_unusable(rows.discard(&NOTES).await)?;
    ensure_eq!(rows.build_of(&NOTES).await?, before, "an inline build after other changes");
    log.expect_rows_equal_fold(&fold).await?;
    // It is defined again and goes live like any other.
    ensure_eq!(rows.define_table(&NOTES).await?, before.checkpoint, "an inline build, defined again");
    rows.expect_promoted(&NOTES, true).await?;
    let build = rows.build_of(&NOTES).await?;
    ensure!(build.inline && build.live, "an inline build that went live says {build:?}");
    log.expect_accepted_with(append([note_event("written", &["a"], 2)]), std::slice::from_ref(&fold)).await?;
    log.expect_rows_equal_fold(&fold).await.map(drop)
}

async fn make_async_continues_at_the_end_of_the_log(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let rows = handles[1].rows();
    let fold = [notes(NOTES)];
    expect_unusable(rows.make_async(&NOTES).await)?;
    let fresh = rows.define_table(&NOTES).await?;
    ensure_eq!(rows.make_async(&NOTES).await?, fresh, "the checkpoint of a build that was never inline");
    log.define_inline(&fold[0]).await?;
    log.expect_accepted_with(append([note_event("written", &["a"], 1), event("other", &[])]), &fold).await?;
    let last = log.expect_accepted_with(append([note_event("written", &["a", "b"], 2)]), &fold).await?;
    let left = rows.make_async(&NOTES).await?;
    ensure!(
        left.position >= last.position(),
        "a build that left stands at {}, before {last:?}",
        left.position
    );
    ensure!(
        left.anchor.is_none_or(|anchor| anchor.position <= left.position),
        "its anchor is {:?}",
        left.anchor
    );
    if let Some(anchor) = left.anchor {
        let there = log.read_all().await?.into_iter().find(|record| record.position == anchor.position);
        ensure_eq!(there.map(|record| record.id), Some(anchor.event), "the event of its anchor");
    }
    ensure_eq!((left.parked, &left.stopped), (0, &None), "what else stands in its checkpoint");
    let build = log.rows().build_of(&NOTES).await?;
    ensure!(!build.inline, "a build that left says {build:?}");
    ensure_eq!(build.checkpoint, left, "the checkpoint of a build that left");
    ensure_eq!(rows.make_async(&NOTES).await?, left, "the checkpoint of a build that left twice");
    log.expect_rows_equal_fold(&fold[0]).await?;
    // Appends need no fold any more, and a runner goes on from there, with nothing missing and nothing counted twice.
    ensure_eq!(
        log.expect_inline_required(append([note_event("written", &["a"], 3)]).with_folds(&fold)).await?,
        [],
        "what an append needs"
    );
    let next = log.expect_accepted(append([note_event("written", &["a"], 3)])).await?.position();
    log.wait_until_settled(next).await?;
    let behind = log.feed_until(&taken_events(&*fold[0]), left.position, 10, next).await?;
    ensure_eq!(positions_of(&behind), [next], "events behind a build that left");
    let counted = folded_rows(&*fold[0], &log.read_all().await?)?;
    rows.expect_committed(change(&NOTES, left.position.get(), next.get()).upserting(counted)).await?;
    log.expect_rows_equal_fold(&fold[0]).await?;
    log.expect_accepted(append([note_event("edited", &["b"], 4)])).await?;
    ensure_eq!(
        rows.make_inline(Arc::clone(&fold[0])).await?,
        InlineOutcome::Done,
        "the answer to going inline again"
    );
    log.expect_accepted_with(append([note_event("edited", &["b"], 5)]), &fold).await?;
    log.expect_rows_equal_fold(&fold[0]).await?;
    rows.make_async(&NOTES).await?;
    ensure!(rows.discard(&NOTES).await?, "a build that left was there, and was not discarded");
    Ok(())
}

async fn inline_builds_are_compared_at_the_end_of_the_log(log: Log) -> Outcome {
    let rows = log.rows();
    let folds = [NOTES, NOTES.built(1), NOTES.built(2)].map(notes);
    let [first, second, third] = &folds;
    log.define_inline(first).await?;
    rows.expect_promoted(&NOTES, false).await?;
    log.expect_accepted_with(append([note_event("written", &["a", "b"], 1)]), &folds[..1]).await?;
    rows.define_table(second.table()).await?;
    let before = rows.builds("notes").await?;
    ensure_eq!(
        rows.promote(second.table(), true).await?,
        PromoteOutcome::NotComparable,
        "the comparison of one that is inline"
    );
    ensure_eq!(rows.builds("notes").await?, before, "builds of which one is inline");
    log.define_inline(second).await?;
    // Both follow the log, wherever they went inline.
    log.expect_accepted_with(append([note_event("written", &["a"], 2)]), &folds[..2]).await?;
    rows.expect_promoted(second.table(), true).await?;
    rows.define_table(third.table()).await?;
    let wrong = vec![note_row("a", "wrong ", Position::new(1)), note_row("c", "wrong ", Position::new(1))];
    rows.expect_committed(change(third.table(), 0, 0).upserting(wrong)).await?;
    log.define_inline(third).await?;
    let PromoteOutcome::Differs(difference) = rows.promote(third.table(), true).await? else {
        return Err(Failure::new("inline builds with other rows must differ"));
    };
    ensure_eq!((difference.missing, difference.added, difference.changed), (0, 1, 1), "rows that differ");
    ensure_eq!(difference.example, Some(vec![text("a")]), "the first key that differs");
    Ok(())
}

async fn inline_builds_survive_reopen(log: Log) -> Outcome {
    let folds = [notes(NOTES), notes_of(Table { projection: "edits", ..NOTES }, &["edited"])];
    for fold in &folds {
        log.define_inline(fold).await?;
    }
    log.expect_accepted_with(append([note_event("written", &["a"], 1)]), &folds[..1]).await?;
    let before = log.rows().build_of(&NOTES).await?;
    let log = log.reopened().await?;
    ensure_eq!(log.rows().build_of(&NOTES).await?, before, "an inline build after a restart");
    let both = append([note_event("written", &["a"], 2), note_event("edited", &["a"], 3)]);
    ensure_eq!(
        log.expect_inline_required(both.clone()).await?,
        [build_id(&folds[1]), build_id(&folds[0])],
        "what an append needs after a restart"
    );
    log.expect_accepted_with(both, &folds).await?;
    for fold in &folds {
        log.expect_rows_equal_fold(fold).await?;
    }
    log.rows().make_async(&NOTES).await?;
    let log = log.reopened().await?;
    ensure!(!log.rows().build_of(&NOTES).await?.inline, "a build that left is inline after a restart");
    log.expect_accepted(append([note_event("written", &["a"], 4)])).await.map(drop)
}
