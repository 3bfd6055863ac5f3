//! Races of appends, transitions and readers: inline rows equal the fold of the log, in its order.

use std::{collections::HashMap, sync::Arc};

use annalist_core::{
    criteria::Criteria,
    rows::{Inline, InlineOutcome, Table, Value},
    store::{AppendOutcome, Read},
};

use super::{notes::*, support::*};
use crate::{
    failure::Outcome,
    support::{
        concurrency::{cancel_after_polls, run_concurrently, yield_now},
        fixtures::*,
        log::Log,
        workers::{Round, Workers},
    },
};

cases!("inline_races" needs [Rows, Inline]: [
    concurrent_appends_to_one_row_are_folded_in_order,
    overlapping_appends_do_not_deadlock,
    conditional_appends_with_inline_rows,
    concurrent_repeats_of_a_command_change_rows_once,
    rows_are_never_visible_before_their_events,
    transitions_during_appends_lose_nothing,
    concurrent_transitions_agree,
    inline_build_is_replaced_during_appends,
    cancelled_append_changes_rows_with_its_events_or_not_at_all,
]);

/// Appends concurrently through all handles; each task takes the notes of its events from the list in turn.
async fn append_concurrently(
    log: &Log,
    folds: &[Arc<dyn Inline>],
    tasks: usize,
    rounds: usize,
    notes: &'static [&'static [&'static str]],
) -> Outcome {
    let handles = log.handles(3).await?;
    let tasks = (0..tasks).map(|task| {
        let (handle, folds) = (handles[task % 3].clone(), folds.to_vec());
        async move {
            for round in 0..rounds {
                let events = notes[(task + round) % notes.len()].chunks(2);
                let events = events.map(|some| note_event("written", some, task * 1_000 + round));
                let result = handle.append_with_required_folds(append(events), &folds).await?;
                ensure!(
                    matches!(result, AppendOutcome::Appended(_)),
                    "the append has no conditions: the outcome must be `Appended`, but is {result:?}"
                );
                yield_now().await;
            }
            Ok(())
        }
    });
    run_concurrently(tasks).await.map(drop)
}

async fn concurrent_appends_to_one_row_are_folded_in_order(log: Log) -> Outcome {
    let fold = [notes(NOTES)];
    log.define_inline(&fold[0]).await?;
    let rounds = log.rounds(10);
    append_concurrently(&log, &fold, 8, rounds, &[&["a"]]).await?;
    let rows = log.expect_rows_equal_fold(&fold[0]).await?;
    ensure_eq!(rows.len(), 1, "number of rows of one note");
    ensure_eq!(log.read_all().await?.len(), 8 * rounds, "number of events of one note");
    Ok(())
}

async fn overlapping_appends_do_not_deadlock(log: Log) -> Outcome {
    let folds =
        [notes(NOTES), notes(NOTES.built(1)), notes_of(Table { projection: "edits", ..NOTES }, &["written"])];
    for fold in &folds {
        log.define_inline(fold).await?;
    }
    let notes: &[&[&str]] = &[&["a", "b"], &["b", "a", "c"], &["c", "b"], &["d", "a", "b", "c"], &["e"]];
    append_concurrently(&log, &folds, 6, log.rounds(10), notes).await?;
    for fold in &folds {
        log.expect_rows_equal_fold(fold).await?;
    }
    Ok(())
}

async fn conditional_appends_with_inline_rows(log: Log) -> Outcome {
    let handles = log.handles(3).await?;
    let fold = [notes(NOTES)];
    log.define_inline(&fold[0]).await?;
    let rounds = log.rounds(8);
    let tasks = (0..6).map(|task| {
        let (handle, fold) = (handles[task % 3].clone(), fold.clone());
        async move {
            let mut done = 0;
            while done < rounds {
                // Each event has the number of earlier events of its note.
                let note = ["a", "b"][(task + done) % 2];
                let own = criteria_for(&[], &[&format!("note:{note}")]);
                let seen = handle.read_one(Read::all(own.clone())).await?;
                yield_now().await;
                let request = append([note_event("written", &[note], seen.records.len())])
                    .if_unchanged(own, seen.marker);
                match handle.append_with_required_folds(request, &fold).await? {
                    AppendOutcome::Appended(_) => done += 1,
                    AppendOutcome::Conflict { .. } => {}
                    other => {
                        return Err(crate::Failure::new(format!(
                            "the outcome must be `Appended` or `Conflict`, but is {other:?}"
                        )));
                    }
                }
            }
            Ok(())
        }
    });
    run_concurrently(tasks).await?;
    let rows = log.expect_rows_equal_fold(&fold[0]).await?;
    for row in rows {
        let Value::Text(history) = &row[1] else { continue };
        let numbered: String = (0..history.split_whitespace().count()).map(|n| format!("w{n} ")).collect();
        ensure_eq!(*history, numbered, "history of {:?}: each number once, in order", row[0]);
    }
    Ok(())
}

async fn concurrent_repeats_of_a_command_change_rows_once(log: Log) -> Outcome {
    let handles = log.handles(3).await?;
    let fold = [notes(NOTES)];
    log.define_inline(&fold[0]).await?;
    for round in 0..log.rounds(5) {
        let request = append([note_event("written", &["a", "b"], round)]).with_key(command_key(
            format!("c-{round}"),
            "write",
            &[],
        ));
        let tasks = (0..10).map(|task| {
            let (handle, request, fold) = (handles[task % 3].clone(), request.clone(), fold.clone());
            async move { handle.append_with_required_folds(request, &fold).await }
        });
        let results = run_concurrently(tasks).await?;
        let done = results.iter().filter(|one| matches!(one, AppendOutcome::Appended(_))).count();
        ensure_eq!(done, 1, "number of accepted repetitions of one command, of {results:?}");
        log.expect_rows_equal_fold(&fold[0]).await?;
    }
    Ok(())
}

async fn rows_are_never_visible_before_their_events(log: Log) -> Outcome {
    let handles = log.handles(3).await?;
    let folds = [notes(NOTES), notes(Table { projection: "edits", ..NOTES })];
    for fold in &folds {
        log.define_inline(fold).await?;
    }
    let mut writers = writers(&log, &folds, log.rounds(15)).await?;
    for _ in 0..log.rounds(20) {
        writers.wait_for_progress().await;
        // Rows are read first: each must equal the fold of the log up to its last event.
        let rows = handles[2].rows().all_rows(&NOTES).await?;
        let log = handles[2].read_all().await?;
        for row in rows {
            let Value::Int(last) = row[2] else { continue };
            let until: Vec<_> =
                log.iter().filter(|one| one.position.get().cast_signed() <= last).cloned().collect();
            let expected = folded_rows(&*folds[0], &until)?;
            ensure!(
                expected.contains(&row),
                "a reader sees {row:?}, but the fold of the log up to its last event is {expected:?}"
            );
        }
    }
    writers.finish().await?;
    for fold in &folds {
        log.expect_rows_equal_fold(fold).await?;
    }
    Ok(())
}

async fn transitions_during_appends_lose_nothing(log: Log) -> Outcome {
    let handles = log.handles(3).await?;
    let folds = [notes(NOTES), notes_of(Table { projection: "edits", ..NOTES }, &["edited"])];
    for fold in &folds {
        log.rows().define_table(fold.table()).await?;
    }
    let mut writers = writers(&log, &folds, log.rounds(25)).await?;
    for turn in 0..log.rounds(12) {
        writers.wait_for_progress().await;
        let (fold, rows) = (&folds[turn % 2], handles[turn % 3].rows());
        // From inline to asynchronous, or back.
        match rows.build_of(fold.table()).await?.inline {
            true => drop(rows.make_async(fold.table()).await?),
            false => handles[turn % 3].catch_up_and_make_inline(fold).await?,
        }
    }
    writers.finish().await?;
    for fold in &folds {
        log.catch_up_and_make_inline(fold).await?;
        log.expect_rows_equal_fold(fold).await?;
    }
    Ok(())
}

/// Starts writers of random note events on all handles.
async fn writers(log: &Log, folds: &[Arc<dyn Inline>], rounds: usize) -> Outcome<Workers> {
    let handles = log.handles(3).await?;
    let writers = (0..4).map(|task| {
        let (handle, folds) = (handles[task % 3].clone(), folds.to_vec());
        let mut random = log.random(("writer", task));
        move |round| {
            let events =
                (0..random.usize(1..3)).map(|_| random_note_event(&mut random, task * 1_000 + round));
            let (request, handle, folds) = (append(events), handle.clone(), folds.clone());
            let round = async move {
                let result = handle.append_with_required_folds(request, &folds).await?;
                ensure!(
                    matches!(result, AppendOutcome::Appended(_)),
                    "the append has no conditions: the outcome must be `Appended`, but is {result:?}"
                );
                Ok(())
            };
            Box::pin(round) as Round
        }
    });
    Ok(Workers::start(writers.collect(), rounds))
}

async fn concurrent_transitions_agree(log: Log) -> Outcome {
    let handles = log.handles(3).await?;
    let fold = [notes(NOTES)];
    log.rows().define_table(&NOTES).await?;
    for round in 0..log.rounds(8) {
        log.expect_accepted(append([note_event("written", &["a", "b"], round)])).await?;
        let tasks = (0..6).map(|task| {
            let (rows, fold) = (handles[(round + task) % 3].rows(), Arc::clone(&fold[0]));
            async move { Ok(rows.make_inline(fold).await?) }
        });
        let results = run_concurrently(tasks).await?;
        ensure!(
            results.iter().all(|one| *one == InlineOutcome::Done),
            "concurrent calls of `make_inline` must all return `Done`, but returned {results:?}"
        );
        log.expect_rows_equal_fold(&fold[0]).await?;
        let last =
            log.expect_accepted_with(append([note_event("edited", &["a"], round)]), &fold).await?.position();
        let tasks = (0..6).map(|task| {
            let rows = handles[(round + task) % 3].rows();
            async move { Ok(rows.make_async(&NOTES).await?) }
        });
        let left = run_concurrently(tasks).await?;
        ensure!(
            left.iter().all(|one| *one == left[0]),
            "concurrent calls of `make_async` must return the same checkpoint, but returned {left:?}"
        );
        ensure!(
            left[0].position >= last,
            "`make_async` must return a checkpoint after the last event, but returned {}, and the event is at {last}",
            left[0].position
        );
    }
    Ok(())
}

async fn inline_build_is_replaced_during_appends(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let folds: Vec<_> = (0..6).map(|build| notes(NOTES.built(build))).collect();
    log.define_inline(&folds[0]).await?;
    log.rows().expect_promoted(&NOTES, false).await?;
    let mut writers = writers(&log, &folds, log.rounds(20)).await?;
    for (turn, pair) in folds.windows(2).enumerate() {
        let ([old, new], handle) = (pair, &handles[turn % 2]) else { continue };
        writers.wait_for_progress().await;
        handle.rows().define_table(new.table()).await?;
        handle.catch_up_and_make_inline(new).await?;
        // Events appended meanwhile are folded into both builds.
        handle.rows().expect_promoted(new.table(), true).await?;
        handle.rows().make_async(old.table()).await?;
        ensure!(
            handle.rows().discard(old.table()).await?,
            "`discard` of the replaced build must return `true`"
        );
    }
    writers.finish().await?;
    log.expect_rows_equal_fold(&folds[5]).await?;
    ensure_eq!(
        log.rows().builds("notes").await?.len(),
        1,
        "number of builds after each was replaced by the next"
    );
    Ok(())
}

async fn cancelled_append_changes_rows_with_its_events_or_not_at_all(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let fold = [notes(NOTES)];
    log.define_inline(&fold[0]).await?;
    let rounds = log.rounds(30);
    let tasks = (0..3).map(|task| {
        let (handle, fold) = (handles[task % 2].clone(), fold.clone());
        async move {
            let mut acknowledged = vec![];
            for round in 0..rounds {
                let number = task * 1_000 + round;
                let request = append([
                    note_event("written", &["a", "b"], number),
                    note_event("written", &["b", "c"], number),
                ])
                .with_folds(&fold);
                if let Some(result) = cancel_after_polls(round % 7, handle.append_one(request)).await {
                    ensure!(
                        matches!(result?, AppendOutcome::Appended(_)),
                        "the append was not cancelled: the outcome must be `Appended`"
                    );
                    acknowledged.push(number);
                }
            }
            // This append is not cancelled: it must succeed after the others.
            handle
                .expect_accepted_with(append([note_event("written", &["a", "b", "c"], task)]), &fold)
                .await?;
            Ok(acknowledged)
        }
    });
    let acknowledged = run_concurrently(tasks).await?.concat();
    log.expect_rows_equal_fold(&fold[0]).await?;
    let mut found: HashMap<String, usize> = HashMap::new();
    for record in log.read_one(Read::all(Criteria::all())).await?.records {
        *found.entry(record.data.as_str().to_owned()).or_default() += 1;
    }
    for number in acknowledged {
        let count = found.get(&number.to_string()).copied().unwrap_or_default();
        ensure!(
            count >= 2,
            "append {number} of two events was acknowledged, but {count} of them are in the log"
        );
    }
    Ok(())
}
