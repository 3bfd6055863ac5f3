//! Many who append at once, go inline and leave: rows stay the fold of the log, in its order.

use std::{collections::HashMap, sync::Arc};

use annalist_core::{
    criteria::Criteria,
    rows::{Inline, InlineOutcome, Table, Value},
    store::{AppendOutcome, Read},
};

use super::{Brings, random_tale, tales::*};
use crate::{
    cases::drops::dropped_after,
    crowd::{Crowd, Round},
    failure::Outcome,
    given::*,
    log::{Log, room_for_others, together},
};

cases!("inline_race" needs [Rows, Inline]: [
    appends_to_one_row_are_told_in_their_order,
    appends_to_rows_in_any_order_block_nobody,
    decisions_over_inline_rows,
    one_command_at_once_counts_once,
    a_reader_sees_no_row_before_its_events,
    going_inline_while_others_append,
    many_go_inline_and_leave_at_once,
    an_inline_build_is_replaced_while_others_append,
    dropped_appends_change_rows_or_nothing,
]);

/// Lets tasks append, each round what it makes of its number, through all handles.
async fn written(
    log: &Log,
    folds: &[Arc<dyn Inline>],
    tasks: usize,
    rounds: usize,
    heroes: &'static [&'static [&'static str]],
) -> Outcome {
    let handles = log.handles(3).await?;
    let tasks = (0..tasks).map(|task| {
        let (handle, folds) = (handles[task % 3].clone(), folds.to_vec());
        async move {
            for round in 0..rounds {
                let events = heroes[(task + round) % heroes.len()].chunks(2);
                let events = events.map(|some| tale("told", some, task * 1_000 + round));
                let answer = handle.along(append(events), &folds).await?;
                ensure!(
                    matches!(answer, AppendOutcome::Appended(_)),
                    "an append without conditions gives {answer:?}"
                );
                room_for_others().await;
            }
            Ok(())
        }
    });
    together(tasks).await.map(drop)
}

async fn appends_to_one_row_are_told_in_their_order(log: Log) -> Outcome {
    let fold = [tales(TALES)];
    log.kept_inline(&fold[0]).await?;
    let rounds = log.rounds(10);
    written(&log, &fold, 8, rounds, &[&["a"]]).await?;
    let rows = log.rows_are_the_log(&fold[0]).await?;
    ensure_eq!(rows.len(), 1, "rows of one hero");
    ensure_eq!(log.everything().await?.len(), 8 * rounds, "events of one hero");
    Ok(())
}

async fn appends_to_rows_in_any_order_block_nobody(log: Log) -> Outcome {
    let folds =
        [tales(TALES), tales(TALES.built(1)), tales_of(Table { projection: "songs", ..TALES }, &["told"])];
    for fold in &folds {
        log.kept_inline(fold).await?;
    }
    let heroes: &[&[&str]] = &[&["a", "b"], &["b", "a", "c"], &["c", "b"], &["d", "a", "b", "c"], &["e"]];
    written(&log, &folds, 6, log.rounds(10), heroes).await?;
    for fold in &folds {
        log.rows_are_the_log(fold).await?;
    }
    Ok(())
}

async fn decisions_over_inline_rows(log: Log) -> Outcome {
    let handles = log.handles(3).await?;
    let fold = [tales(TALES)];
    log.kept_inline(&fold[0]).await?;
    let rounds = log.rounds(8);
    let tasks = (0..6).map(|task| {
        let (handle, fold) = (handles[task % 3].clone(), fold.clone());
        async move {
            let mut done = 0;
            while done < rounds {
                // The number of an event is how many of its hero came before: each comes once.
                let hero = ["a", "b"][(task + done) % 2];
                let own = of(&[], &[&format!("hero:{hero}")]);
                let seen = handle.look(Read::all(own.clone())).await?;
                room_for_others().await;
                let sent = append([tale("told", &[hero], seen.records.len())]).under(own, seen.marker);
                match handle.along(sent, &fold).await? {
                    AppendOutcome::Appended(_) => done += 1,
                    AppendOutcome::Conflict { .. } => {}
                    other => {
                        return Err(crate::Failure::new(format!(
                            "an append with a condition gives {other:?}"
                        )));
                    }
                }
            }
            Ok(())
        }
    });
    together(tasks).await?;
    let rows = log.rows_are_the_log(&fold[0]).await?;
    for row in rows {
        let Value::Text(tale) = &row[1] else { continue };
        let numbered: String = (0..tale.split_whitespace().count()).map(|n| format!("t{n} ")).collect();
        ensure_eq!(*tale, numbered, "the tale of {:?}, each number once", row[0]);
    }
    Ok(())
}

async fn one_command_at_once_counts_once(log: Log) -> Outcome {
    let handles = log.handles(3).await?;
    let fold = [tales(TALES)];
    log.kept_inline(&fold[0]).await?;
    for round in 0..log.rounds(5) {
        let sent = append([tale("told", &["a", "b"], round)]).keyed(key(format!("c-{round}"), "tell", &[]));
        let tasks = (0..10).map(|task| {
            let (handle, sent, fold) = (handles[task % 3].clone(), sent.clone(), fold.clone());
            async move { handle.along(sent, &fold).await }
        });
        let answers = together(tasks).await?;
        let done = answers.iter().filter(|one| matches!(one, AppendOutcome::Appended(_))).count();
        ensure_eq!(done, 1, "times that one command was accepted, of {answers:?}");
        log.rows_are_the_log(&fold[0]).await?;
    }
    Ok(())
}

async fn a_reader_sees_no_row_before_its_events(log: Log) -> Outcome {
    let handles = log.handles(3).await?;
    let folds = [tales(TALES), tales(Table { projection: "songs", ..TALES })];
    for fold in &folds {
        log.kept_inline(fold).await?;
    }
    let mut writers = writers(&log, &folds, log.rounds(15)).await?;
    for _ in 0..log.rounds(20) {
        writers.moves().await;
        // Rows first: whatever they tell is in the log by then, and each is the fold of a beginning of it.
        let rows = handles[2].rows().all(&TALES).await?;
        let log = handles[2].everything().await?;
        for row in rows {
            let Value::Int(last) = row[2] else { continue };
            let until: Vec<_> =
                log.iter().filter(|one| one.position.get().cast_signed() <= last).cloned().collect();
            let wanted = folded(&*folds[0], &until)?;
            ensure!(
                wanted.contains(&row),
                "a reader sees {row:?}, which the log up to there does not tell: {wanted:?}"
            );
        }
    }
    writers.end().await?;
    for fold in &folds {
        log.rows_are_the_log(fold).await?;
    }
    Ok(())
}

async fn going_inline_while_others_append(log: Log) -> Outcome {
    let handles = log.handles(3).await?;
    let folds = [tales(TALES), tales_of(Table { projection: "songs", ..TALES }, &["sung"])];
    for fold in &folds {
        log.rows().defined(fold.table()).await?;
    }
    let mut writers = writers(&log, &folds, log.rounds(25)).await?;
    for turn in 0..log.rounds(12) {
        writers.moves().await;
        let (fold, rows) = (&folds[turn % 2], handles[turn % 3].rows());
        // It goes inline, or leaves.
        match rows.build(fold.table()).await?.inline {
            true => drop(rows.make_async(fold.table()).await?),
            false => handles[turn % 3].goes_inline(fold).await?,
        }
    }
    writers.end().await?;
    for fold in &folds {
        log.goes_inline(fold).await?;
        log.rows_are_the_log(fold).await?;
    }
    Ok(())
}

/// Writers of random tales, through all handles.
async fn writers(log: &Log, folds: &[Arc<dyn Inline>], rounds: usize) -> Outcome<Crowd> {
    let handles = log.handles(3).await?;
    let writers = (0..4).map(|task| {
        let (handle, folds) = (handles[task % 3].clone(), folds.to_vec());
        let mut random = log.random(("writer", task));
        move |round| {
            let events = (0..random.usize(1..3)).map(|_| random_tale(&mut random, task * 1_000 + round));
            let (sent, handle, folds) = (append(events), handle.clone(), folds.clone());
            let round = async move {
                let answer = handle.along(sent, &folds).await?;
                ensure!(
                    matches!(answer, AppendOutcome::Appended(_)),
                    "an append without conditions gives {answer:?}"
                );
                Ok(())
            };
            Box::pin(round) as Round
        }
    });
    Ok(Crowd::at_work(writers.collect(), rounds))
}

async fn many_go_inline_and_leave_at_once(log: Log) -> Outcome {
    let handles = log.handles(3).await?;
    let fold = [tales(TALES)];
    log.rows().defined(&TALES).await?;
    for round in 0..log.rounds(8) {
        log.accepted(append([tale("told", &["a", "b"], round)])).await?;
        let tasks = (0..6).map(|task| {
            let (rows, fold) = (handles[(round + task) % 3].rows(), Arc::clone(&fold[0]));
            async move { Ok(rows.make_inline(fold).await?) }
        });
        let answers = together(tasks).await?;
        ensure!(
            answers.iter().all(|one| *one == InlineOutcome::Done),
            "going inline at once gives {answers:?}"
        );
        log.rows_are_the_log(&fold[0]).await?;
        let last = log.told(append([tale("sung", &["a"], round)]), &fold).await?.position();
        let tasks = (0..6).map(|task| {
            let rows = handles[(round + task) % 3].rows();
            async move { Ok(rows.make_async(&TALES).await?) }
        });
        let left = together(tasks).await?;
        ensure!(left.iter().all(|one| *one == left[0]), "leaving at once gives {left:?}");
        ensure!(left[0].position >= last, "a build that left stands at {}, before {last}", left[0].position);
    }
    Ok(())
}

async fn an_inline_build_is_replaced_while_others_append(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let folds: Vec<_> = (0..6).map(|build| tales(TALES.built(build))).collect();
    log.kept_inline(&folds[0]).await?;
    log.rows().goes_live(&TALES, false).await?;
    let mut writers = writers(&log, &folds, log.rounds(20)).await?;
    for (turn, pair) in folds.windows(2).enumerate() {
        let ([old, new], handle) = (pair, &handles[turn % 2]) else { continue };
        writers.moves().await;
        handle.rows().defined(new.table()).await?;
        handle.goes_inline(new).await?;
        // Whatever is appended meanwhile is in both of them, or in neither.
        handle.rows().goes_live(new.table(), true).await?;
        handle.rows().make_async(old.table()).await?;
        ensure!(handle.rows().discard(old.table()).await?, "the build that was replaced is not there");
    }
    writers.end().await?;
    log.rows_are_the_log(&folds[5]).await?;
    ensure_eq!(log.rows().builds("tales").await?.len(), 1, "builds after each was replaced by the next");
    Ok(())
}

async fn dropped_appends_change_rows_or_nothing(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let fold = [tales(TALES)];
    log.kept_inline(&fold[0]).await?;
    let rounds = log.rounds(30);
    let tasks = (0..3).map(|task| {
        let (handle, fold) = (handles[task % 2].clone(), fold.clone());
        async move {
            let mut acknowledged = vec![];
            for round in 0..rounds {
                let number = task * 1_000 + round;
                let sent = append([tale("told", &["a", "b"], number), tale("told", &["b", "c"], number)])
                    .brings(&fold);
                if let Some(answer) = dropped_after(round % 7, handle.append_one(sent)).await {
                    ensure!(matches!(answer?, AppendOutcome::Appended(_)), "an append that was not dropped");
                    acknowledged.push(number);
                }
            }
            // Nobody drops this one: it goes through behind all the others.
            handle.told(append([tale("told", &["a", "b", "c"], task)]), &fold).await?;
            Ok(acknowledged)
        }
    });
    let acknowledged = together(tasks).await?.concat();
    log.rows_are_the_log(&fold[0]).await?;
    let mut found: HashMap<String, usize> = HashMap::new();
    for record in log.look(Read::all(Criteria::all())).await?.records {
        *found.entry(record.data.as_str().to_owned()).or_default() += 1;
    }
    for number in acknowledged {
        let count = found.get(&number.to_string()).copied().unwrap_or_default();
        ensure!(count >= 2, "{number} was acknowledged, and {count} of its events are there");
    }
    Ok(())
}
