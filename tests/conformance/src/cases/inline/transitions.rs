//! Transitions: a build becomes inline and asynchronous again without losing or repeating an event.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use annalist_core::{
    Error,
    record::Position,
    rows::{InlineOutcome, PromoteOutcome, Table},
    store::{AppendOutcome, LogId},
};

use super::{notes::*, support::*};
use crate::{
    Failure,
    failure::Outcome,
    support::{
        concurrency::{run_concurrently, yield_now},
        fixtures::*,
        log::Log,
        rows::*,
    },
};

cases!("inline_transitions" needs [Rows, Inline]: [
    make_inline_folds_the_remaining_events,
    build_far_behind_must_catch_up_before_make_inline,
    failed_make_inline_changes_nothing,
    inline_build_accepts_no_other_changes,
    make_async_continues_at_the_end_of_the_log,
    inline_builds_are_compared_at_the_end_of_the_log,
    program_without_the_fold_makes_the_build_asynchronous_and_appends,
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
    // A runner has processed the first two events; `make_inline` folds the others.
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
    ensure_eq!(rows.make_inline(Arc::clone(&fold[0])).await?, InlineOutcome::Done, "result of `make_inline`");
    let build = handles[1].rows().build_of(&NOTES).await?;
    ensure!(build.inline && !build.live, "the build must be inline and not live, but is {build:?}");
    ensure!(
        build.checkpoint.position >= last,
        "an inline build must be at the end of the log, but is at {}",
        build.checkpoint.position
    );
    ensure_eq!(build.checkpoint.stopped, None, "reported reason after `make_inline`");
    log.expect_rows_equal_fold(&fold[0]).await?;
    // A second call through any handle changes nothing.
    for handle in &handles {
        ensure_eq!(
            handle.rows().make_inline(Arc::clone(&fold[0])).await?,
            InlineOutcome::Done,
            "result of the second `make_inline`"
        );
        log.expect_rows_equal_fold(&fold[0]).await?;
    }
    handles[1].expect_accepted_with(append([note_event("written", &["a"], 5)]), &fold).await?;
    let found = log.expect_rows_equal_fold(&fold[0]).await?;
    ensure_eq!(found[0][1], text("w1 e2 w4 w5 "), "history of a note, from before and after `make_inline`");
    ensure_eq!(
        rows.build_of(&NOTES).await?.checkpoint,
        build.checkpoint,
        "checkpoint of an inline build after an append"
    );
    Ok(())
}

async fn build_far_behind_must_catch_up_before_make_inline(log: Log) -> Outcome {
    let fold = notes_of(NOTES, &["written"]);
    let rows = log.rows();
    rows.define_table(&NOTES).await?;
    let others = (0..500).map(|n| note_event("edited", &["a"], n));
    let own =
        (0..InlineOutcome::MAX_CATCH_UP + 1).map(|n| note_event("written", &[["a", "b", "c"][n % 3]], n));
    let at = positions(&log.expect_accepted(append(others.chain(own))).await?);
    log.wait_until_settled(at[at.len() - 1]).await?;
    let first = at[500].get();
    let before = rows.build_of(&NOTES).await?;
    ensure_eq!(
        rows.make_inline(Arc::clone(&fold)).await?,
        InlineOutcome::Behind,
        "result of `make_inline` of a build with too many remaining events"
    );
    ensure_eq!(rows.build_of(&NOTES).await?, before, "build after `make_inline` returned `Behind`");
    ensure_eq!(rows.all_rows(&NOTES).await?.len(), 0, "number of rows after `make_inline` returned `Behind`");
    log.expect_accepted(append([note_event("edited", &["a"], 1)])).await?;
    // After the first event few enough remain, but one event is parked.
    let expected = folded_rows(&*fold, &log.read_all().await?[..501])?;
    let row_change = change(&NOTES, 0, first).upserting(expected).with_anchor(anchor(first));
    rows.expect_committed(row_change.parking(vec![parked(first, &["a"], "no", 1)])).await?;
    let before = rows.build_of(&NOTES).await?;
    ensure_eq!(
        rows.make_inline(Arc::clone(&fold)).await?,
        InlineOutcome::Behind,
        "result of `make_inline` of a build with a parked event"
    );
    ensure_eq!(
        rows.build_of(&NOTES).await?,
        before,
        "build with a parked event after `make_inline` returned `Behind`"
    );
    rows.expect_committed(change(&NOTES, first, first).if_parked(1).unparking([first])).await?;
    ensure_eq!(
        rows.make_inline(Arc::clone(&fold)).await?,
        InlineOutcome::Done,
        "result of `make_inline` of a build with few enough remaining events"
    );
    log.expect_rows_equal_fold(&fold).await.map(drop)
}

async fn failed_make_inline_changes_nothing(log: Log) -> Outcome {
    let rows = log.rows();
    let fold = notes(NOTES);
    expect_unusable(rows.make_inline(Arc::clone(&fold)).await)?;
    ensure_eq!(rows.builds("notes").await?, [], "builds after `make_inline` of an undefined one");
    rows.define(&NOTES, "", LogId::fresh()).await?;
    let before = rows.builds("notes").await?;
    let error = expect_unusable(rows.make_inline(Arc::clone(&fold)).await)?;
    ensure!(error.contains("notes_v1"), "the error must contain the name of the table: {error}");
    ensure_eq!(rows.builds("notes").await?, before, "builds after `make_inline` of one of another log");
    for (build, step) in (1..).zip(["keys", "fold"]) {
        let failing = notes(NOTES.built(build));
        rows.define_table(failing.table()).await?;
        log.expect_accepted(append([note_event("written", &["b"], 1), failing_event(step)])).await?;
        let before = rows.build_of(failing.table()).await?;
        let result = rows.make_inline(Arc::clone(&failing)).await;
        ensure!(
            matches!(result, Err(Error::Invalid(_) | Error::Unusable { .. })),
            "the fold fails: `make_inline` must return `Error::Invalid` or `Error::Unusable`, but returned {result:?}"
        );
        ensure_eq!(rows.build_of(failing.table()).await?, before, "build after its fold failed");
        ensure_eq!(
            rows.all_rows(failing.table()).await?.len(),
            0,
            "number of rows of a build after its fold failed"
        );
    }
    // No build is inline, so the append requires no fold.
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
        let row_change = change(&NOTES, from, to);
        let all = row_change
            .clone()
            .upserting(vec![note_row("b", "x", Position::new(9))])
            .parking(vec![parked(1, &[], "no", 1)]);
        for row_change in [row_change, all] {
            let error = expect_unusable(rows.commit(row_change).await)?;
            ensure!(error.contains("notes_v1"), "the error must contain the name of the table: {error}");
        }
    }
    expect_unusable(rows.discard(&NOTES).await)?;
    ensure_eq!(rows.build_of(&NOTES).await?, before, "inline build after refused changes");
    log.expect_rows_equal_fold(&fold).await?;
    // It is defined again and promoted like other builds.
    ensure_eq!(
        rows.define_table(&NOTES).await?,
        before.checkpoint,
        "checkpoint of an inline build that is defined again"
    );
    rows.expect_promoted(&NOTES, true).await?;
    let build = rows.build_of(&NOTES).await?;
    ensure!(build.inline && build.live, "the build must be inline and live, but is {build:?}");
    log.expect_accepted_with(append([note_event("written", &["a"], 2)]), std::slice::from_ref(&fold)).await?;
    log.expect_rows_equal_fold(&fold).await.map(drop)
}

async fn make_async_continues_at_the_end_of_the_log(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let rows = handles[1].rows();
    let fold = [notes(NOTES)];
    expect_unusable(rows.make_async(&NOTES).await)?;
    let fresh = rows.define_table(&NOTES).await?;
    ensure_eq!(
        rows.make_async(&NOTES).await?,
        fresh,
        "result of `make_async` of a build that was never inline"
    );
    log.define_inline(&fold[0]).await?;
    log.expect_accepted_with(append([note_event("written", &["a"], 1), event("other", &[])]), &fold).await?;
    let last = log.expect_accepted_with(append([note_event("written", &["a", "b"], 2)]), &fold).await?;
    let left = rows.make_async(&NOTES).await?;
    ensure!(
        left.position >= last.position(),
        "`make_async` must return a checkpoint after the last event, but returned {}, and the receipt is {last:?}",
        left.position
    );
    ensure!(
        left.anchor.is_none_or(|anchor| anchor.position <= left.position),
        "the anchor must not be after the checkpoint, but is {:?}",
        left.anchor
    );
    if let Some(anchor) = left.anchor {
        let record = log.read_all().await?.into_iter().find(|record| record.position == anchor.position);
        ensure_eq!(
            record.map(|record| record.id),
            Some(anchor.event),
            "id of the event at the position of the anchor"
        );
    }
    ensure_eq!(
        (left.parked, &left.stopped),
        (0, &None),
        "number of parked events and reason after `make_async`"
    );
    let build = log.rows().build_of(&NOTES).await?;
    ensure!(!build.inline, "the build must not be inline after `make_async`, but is {build:?}");
    ensure_eq!(build.checkpoint, left, "checkpoint of a build after `make_async`");
    ensure_eq!(rows.make_async(&NOTES).await?, left, "result of the second `make_async`");
    log.expect_rows_equal_fold(&fold[0]).await?;
    // Appends require no fold any more, and a runner continues from the checkpoint without losing or repeating an event.
    ensure_eq!(
        log.expect_inline_required(append([note_event("written", &["a"], 3)]).with_folds(&fold)).await?,
        [],
        "required builds after `make_async`"
    );
    let next = log.expect_accepted(append([note_event("written", &["a"], 3)])).await?.position();
    log.wait_until_settled(next).await?;
    let rest = log.feed_until(&folded_events(&*fold[0]), left.position, 10, next).await?;
    ensure_eq!(positions_of(&rest), [next], "positions of the events after the checkpoint");
    let counted = folded_rows(&*fold[0], &log.read_all().await?)?;
    rows.expect_committed(change(&NOTES, left.position.get(), next.get()).upserting(counted)).await?;
    log.expect_rows_equal_fold(&fold[0]).await?;
    log.expect_accepted(append([note_event("edited", &["b"], 4)])).await?;
    ensure_eq!(
        rows.make_inline(Arc::clone(&fold[0])).await?,
        InlineOutcome::Done,
        "result of `make_inline` after `make_async`"
    );
    log.expect_accepted_with(append([note_event("edited", &["b"], 5)]), &fold).await?;
    log.expect_rows_equal_fold(&fold[0]).await?;
    rows.make_async(&NOTES).await?;
    ensure!(rows.discard(&NOTES).await?, "`discard` of a build after `make_async` must return `true`");
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
        "outcome of comparing an inline build with an asynchronous one"
    );
    ensure_eq!(
        rows.builds("notes").await?,
        before,
        "builds after a comparison of an inline build with an asynchronous one"
    );
    log.define_inline(second).await?;
    // Both are at the end of the log, although they became inline at different positions.
    log.expect_accepted_with(append([note_event("written", &["a"], 2)]), &folds[..2]).await?;
    rows.expect_promoted(second.table(), true).await?;
    rows.define_table(third.table()).await?;
    let wrong = vec![note_row("a", "wrong ", Position::new(1)), note_row("c", "wrong ", Position::new(1))];
    rows.expect_committed(change(third.table(), 0, 0).upserting(wrong)).await?;
    log.define_inline(third).await?;
    let PromoteOutcome::Differs(difference) = rows.promote(third.table(), true).await? else {
        return Err(Failure::new("inline builds with different rows: `promote` must return `Differs`"));
    };
    ensure_eq!(
        (difference.missing, difference.added, difference.changed),
        (0, 1, 1),
        "number of missing, added and changed rows"
    );
    ensure_eq!(difference.example, Some(vec![text("a")]), "smallest key with a difference");
    Ok(())
}

/// A new program makes its build inline again and again. An old one, which does not have the fold and does not know the columns, makes
/// the build asynchronous whenever its append is refused. Both append. As in an app, which pauses before it makes a build inline
/// again, the old program appends an event between two changes.
async fn program_without_the_fold_makes_the_build_asynchronous_and_appends(log: Log) -> Outcome {
    let new = Table { version: 2, ..NOTES };
    let (fold, unknown) = ([notes(new)], Table { columns: &[], ..new });
    log.define_inline(&fold[0]).await?;
    let (handles, rounds, old_appended) =
        (log.handles(3).await?, log.rounds(30), Arc::new(AtomicUsize::new(0)));
    let [old_program, new_program, switcher] = &handles[..] else { unreachable!("three handles") };
    let (old_program, new_program, switcher) = (old_program.clone(), new_program.clone(), switcher.clone());
    let (one, other) = (fold.clone(), fold.clone());
    let appended = Arc::clone(&old_appended);
    let old_appends = async move {
        let append_all = async {
            for round in 0..rounds {
                let append = append([note_event("written", &["a", "b"], round)]);
                while let AppendOutcome::InlineRequired { builds, .. } =
                    old_program.append_one(append.clone()).await?
                {
                    ensure_eq!(builds, [build_id(&one[0])], "required builds");
                    old_program.rows().make_async(&unknown).await?;
                }
                appended.fetch_add(1, Ordering::SeqCst);
            }
            Ok(())
        };
        let result = append_all.await;
        // After an error too, so that the other task ends.
        appended.store(rounds, Ordering::SeqCst);
        result
    };
    let new_appends = async move {
        for round in 0..rounds {
            let append = append([note_event("edited", &["a"], round)]);
            new_program.append_with_required_folds(append, &other).await?;
        }
        Ok(())
    };
    let switching = {
        let fold = Arc::clone(&fold[0]);
        async move {
            let appended = || old_appended.load(Ordering::SeqCst);
            while appended() < rounds {
                let before = appended();
                switcher.catch_up_and_make_inline(&fold).await?;
                while appended() == before && before < rounds {
                    yield_now().await;
                }
            }
            switcher.catch_up_and_make_inline(&fold).await
        }
    };
    type Task = Pin<Box<dyn Future<Output = Outcome> + Send>>;
    let tasks: [Task; 3] = [Box::pin(old_appends), Box::pin(new_appends), Box::pin(switching)];
    run_concurrently(tasks).await?;
    log.catch_up_and_make_inline(&fold[0]).await?;
    let rows = log.expect_rows_equal_fold(&fold[0]).await?;
    ensure_eq!(rows.len(), 2, "number of notes");
    ensure_eq!(log.read_all().await?.len(), 2 * rounds, "number of events");
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
    ensure_eq!(log.rows().build_of(&NOTES).await?, before, "inline build after the log was reopened");
    let both = append([note_event("written", &["a"], 2), note_event("edited", &["a"], 3)]);
    ensure_eq!(
        log.expect_inline_required(both.clone()).await?,
        [build_id(&folds[1]), build_id(&folds[0])],
        "required builds after the log was reopened"
    );
    log.expect_accepted_with(both, &folds).await?;
    for fold in &folds {
        log.expect_rows_equal_fold(fold).await?;
    }
    log.rows().make_async(&NOTES).await?;
    let log = log.reopened().await?;
    ensure!(
        !log.rows().build_of(&NOTES).await?.inline,
        "a build that was made asynchronous must not be inline after the log was reopened"
    );
    log.expect_accepted(append([note_event("written", &["a"], 4)])).await.map(drop)
}
