//! Parked events: parked and unparked in the transaction that writes rows and checkpoint. Their number is compared like
//! the checkpoint.

use annalist_core::{
    record::Position,
    rows::{CommitOutcome, Parked, Table},
};

use crate::{
    failure::Outcome,
    support::{
        concurrency::{cancel_after_polls, run_concurrently, yield_now},
        log::Log,
        rows::*,
    },
};

cases!("parked_events" needs [Rows]: [
    events_are_parked_and_unparked_with_rows_and_checkpoint,
    change_with_another_number_of_parked_events_is_stale,
    change_planned_before_a_retry_is_stale,
    one_of_concurrent_retries_wins,
    parking_an_event_again_replaces_it,
    unparking_an_event_that_is_not_parked_changes_nothing,
    parked_events_are_listed_by_position,
    keys_and_errors_keep_every_byte,
    thousands_of_parked_events,
    each_build_has_its_own_parked_events,
    concurrent_retries_and_runners_count_each_event_once,
    cancelled_change_parks_completely_or_not_at_all,
] durable [
    parked_events_survive_reopen,
]);

/// The parked events. Checks their number in the checkpoint.
async fn parked_events(rows: &TestRows) -> Outcome<Vec<Parked>> {
    let parked = rows.parked(&THINGS).await?;
    ensure_eq!(
        rows.build_of(&THINGS).await?.checkpoint.parked,
        parked.len() as u64,
        "number of parked events in the checkpoint, compared with the list"
    );
    Ok(parked)
}

fn sample(position: u64) -> Parked {
    let needs_newer = position.is_multiple_of(5);
    Parked { needs_newer, ..parked(position, &["things:1", "things:2"], "it does not fit", 1) }
}

async fn events_are_parked_and_unparked_with_rows_and_checkpoint(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let rows = log.rows();
    ensure_eq!(rows.define_table(&THINGS).await?.parked, 0, "number of parked events of a new build");
    ensure_eq!(parked_events(&rows).await?, [], "parked events of a new build");
    let first = change(&THINGS, 0, 5).upserting(vec![thing(1, "a", 1)]).with_anchor(anchor(5));
    rows.expect_committed(first.parking(vec![sample(3), sample(5)])).await?;
    for handle in &handles {
        let rows = handle.rows();
        ensure_eq!(parked_events(&rows).await?, [sample(3), sample(5)], "parked events");
        ensure_eq!(
            rows.all_rows(&THINGS).await?,
            [thing(1, "a", 1)],
            "rows after a change that parks events"
        );
        let checkpoint = rows.build_of(&THINGS).await?.checkpoint;
        ensure_eq!(checkpoint.position, Position::new(5), "position after a change that parks events");
        ensure_eq!(checkpoint.anchor, Some(anchor(5)), "anchor after a change that parks events");
    }
    // A retry unparks one of them without moving the checkpoint; the next change unparks the other and parks a third.
    let rows = handles[1].rows();
    rows.expect_committed(
        change(&THINGS, 5, 5).if_parked(2).upserting(vec![thing(2, "b", 2)]).unparking([3]),
    )
    .await?;
    ensure_eq!(parked_events(&rows).await?, [sample(5)], "parked events after a retry");
    ensure_eq!(rows.all_rows(&THINGS).await?.len(), 2, "number of rows after a retry");
    let both = change(&THINGS, 5, 9)
        .if_parked(1)
        .deleting(vec![vec![int(1)]])
        .parking(vec![sample(8)])
        .unparking([5]);
    rows.expect_committed(both).await?;
    ensure_eq!(
        parked_events(&rows).await?,
        [sample(8)],
        "parked events after one was parked and one unparked"
    );
    ensure_eq!(
        rows.all_rows(&THINGS).await?,
        [thing(2, "b", 2)],
        "rows after one event was parked and one unparked"
    );
    rows.expect_committed(change(&THINGS, 9, 10).if_parked(1)).await?;
    ensure_eq!(parked_events(&rows).await?, [sample(8)], "parked events after the checkpoint moved");
    Ok(())
}

async fn change_with_another_number_of_parked_events_is_stale(log: Log) -> Outcome {
    let rows = log.rows();
    rows.write_rows(&THINGS, vec![thing(1, "a", 1)]).await?;
    rows.expect_committed(change(&THINGS, 1, 5).parking(vec![sample(3), sample(4)])).await?;
    rows.report(&THINGS, Some("a reason")).await?;
    let before = (rows.build_of(&THINGS).await?, parked_events(&rows).await?, rows.all_rows(&THINGS).await?);
    for count in [0, 1, 3, u64::MAX >> 1] {
        for to in [5, 6] {
            let row_change = change(&THINGS, 5, to).if_parked(count);
            let writes = row_change.clone().upserting(vec![thing(2, "b", 2)]).with_anchor(anchor(6));
            for row_change in [
                row_change.clone(),
                writes,
                row_change.clone().parking(vec![sample(6)]),
                row_change.unparking([3]),
            ] {
                let checkpoint = rows.expect_stale(row_change).await?;
                ensure_eq!(
                    checkpoint,
                    Position::new(5),
                    "checkpoint in the outcome of a change with another number of parked events"
                );
            }
        }
    }
    // The right number with another checkpoint is stale, too.
    ensure_eq!(
        rows.expect_stale(change(&THINGS, 4, 6).if_parked(2).unparking([3])).await?,
        Position::new(5),
        "checkpoint in the outcome of a change from another position"
    );
    let after = (rows.build_of(&THINGS).await?, parked_events(&rows).await?, rows.all_rows(&THINGS).await?);
    ensure_eq!(
        after,
        before,
        "build, parked events and rows after changes with another number of parked events"
    );
    Ok(())
}

async fn change_planned_before_a_retry_is_stale(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let (runner, retry) = (handles[0].rows(), handles[1].rows());
    runner.define_table(&THINGS).await?;
    runner.expect_committed(change(&THINGS, 0, 5).parking(vec![sample(4), sample(5)])).await?;
    // The event at 7 shares a key with the parked events, so the runner plans to park it, too.
    let planned = change(&THINGS, 5, 7).if_parked(2).parking(vec![sample(7)]).with_anchor(anchor(7));
    retry
        .expect_committed(
            change(&THINGS, 5, 5).if_parked(2).upserting(vec![thing(1, "a", 1)]).unparking([4, 5]),
        )
        .await?;
    ensure_eq!(
        runner.expect_stale(planned).await?,
        Position::new(5),
        "checkpoint in the outcome of the runner's change"
    );
    ensure_eq!(parked_events(&runner).await?, [], "parked events after the runner's change was stale");
    // The reverse: a retry that was planned before the runner moved the checkpoint.
    runner.expect_committed(change(&THINGS, 5, 7).parking(vec![sample(7)])).await?;
    let planned = change(&THINGS, 7, 7).if_parked(1).unparking([7]);
    runner.expect_committed(change(&THINGS, 7, 8).if_parked(1).parking(vec![sample(8)])).await?;
    ensure_eq!(
        retry.expect_stale(planned).await?,
        Position::new(8),
        "checkpoint in the outcome of the retry"
    );
    ensure_eq!(
        parked_events(&retry).await?,
        [sample(7), sample(8)],
        "parked events after the retry was stale"
    );
    Ok(())
}

async fn one_of_concurrent_retries_wins(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let rows = log.rows();
    rows.define_table(&THINGS).await?;
    let rounds = log.rounds(15) as u64;
    for at in (0..rounds).map(|round| round * 10) {
        rows.expect_committed(change(&THINGS, at, at + 10).parking(vec![sample(at + 9)])).await?;
        let tasks = (0..4_i64).map(|task| {
            let rows = handles[task as usize % 2].rows();
            async move {
                let row_change = change(&THINGS, at + 10, at + 10).if_parked(1).unparking([at + 9]);
                Ok(rows.commit(row_change.upserting(vec![thing(1, "retry", task)])).await?)
            }
        });
        let results = run_concurrently(tasks).await?;
        let winners: Vec<i64> =
            (0..).zip(&results).filter(|(_, one)| **one == CommitOutcome::Done).map(|(n, _)| n).collect();
        ensure_eq!(winners.len(), 1, "number of committed retries of one event, of {results:?}");
        let lost = results.iter().filter(|one| **one == CommitOutcome::Stale(Position::new(at + 10)));
        ensure_eq!(lost.count(), 3, "number of stale retries, of {results:?}");
        ensure_eq!(
            rows.all_rows(&THINGS).await?,
            [thing(1, "retry", winners[0])],
            "row of the committed retry"
        );
        ensure_eq!(parked_events(&rows).await?, [], "parked events after retries");
    }
    Ok(())
}

async fn parking_an_event_again_replaces_it(log: Log) -> Outcome {
    let rows = log.rows();
    rows.define_table(&THINGS).await?;
    rows.expect_committed(change(&THINGS, 0, 5).parking(vec![sample(2), sample(4)])).await?;
    let again = parked(2, &["things:3"], "it still does not fit", 2);
    rows.expect_committed(change(&THINGS, 5, 5).if_parked(2).parking(vec![again.clone()])).await?;
    ensure_eq!(
        parked_events(&rows).await?,
        [again.clone(), sample(4)],
        "parked events after one was parked again"
    );
    let third = Parked { attempts: 3, error: String::new(), keys: vec![], ..again };
    let row_change =
        change(&THINGS, 5, 6).if_parked(2).parking(vec![sample(6), third.clone()]).unparking([4]);
    rows.expect_committed(row_change).await?;
    ensure_eq!(
        parked_events(&rows).await?,
        [third, sample(6)],
        "parked events after one was parked again, one parked and one unparked"
    );
    Ok(())
}

async fn unparking_an_event_that_is_not_parked_changes_nothing(log: Log) -> Outcome {
    let rows = log.rows();
    rows.define_table(&THINGS).await?;
    rows.expect_committed(change(&THINGS, 0, 5).unparking([1, 2, 3])).await?;
    ensure_eq!(
        parked_events(&rows).await?,
        [],
        "parked events after positions without parked events were unparked"
    );
    rows.expect_committed(change(&THINGS, 5, 6).parking(vec![sample(6)]).unparking([4])).await?;
    ensure_eq!(
        parked_events(&rows).await?,
        [sample(6)],
        "parked events after one was parked and a position without one unparked"
    );
    rows.expect_committed(change(&THINGS, 6, 6).if_parked(1).unparking([5, 6, 7])).await?;
    ensure_eq!(parked_events(&rows).await?, [], "parked events after the last one was unparked");
    Ok(())
}

async fn parked_events_are_listed_by_position(log: Log) -> Outcome {
    let rows = log.rows();
    rows.define_table(&THINGS).await?;
    let end = Position::END.get();
    rows.expect_committed(change(&THINGS, 0, 200).parking([100, 9, 10, 2].map(sample).into())).await?;
    rows.expect_committed(
        change(&THINGS, 200, end).if_parked(4).parking([end, 101, 1 << 40, 11, 1].map(sample).into()),
    )
    .await?;
    let positions: Vec<u64> = parked_events(&rows).await?.iter().map(|one| one.position.get()).collect();
    ensure_eq!(positions, [1, 2, 9, 10, 11, 100, 101, 1 << 40, end], "positions of the parked events");
    Ok(())
}

async fn keys_and_errors_keep_every_byte(log: Log) -> Outcome {
    let rows = log.rows();
    rows.define_table(&THINGS).await?;
    let controls: String =
        (1..=0x1f).chain([0x7f, 0x80, 0xffff, 0x1_0000, 0x10_ffff]).filter_map(char::from_u32).collect();
    let texts = [
        "", " ", "a", "A", ",", "{a,b}", "[\"a\"]", "\"", "'", "\\", "\\x00", "\n", "NULL", "null", "é",
        "e\u{301}", "😀", "%", "$1", "?",
    ];
    let texts: Vec<&str> = texts.into_iter().chain([controls.as_str()]).collect();
    let long = "é'\"\\\n%{},".repeat(20_000);
    let mut expected: Vec<Parked> =
        (1..).zip(&texts).map(|(at, text)| parked(at, &[text], text, 1)).collect();
    // Keys keep their order and their duplicates.
    expected.push(parked(100, &texts, "many keys", 0));
    expected.push(parked(101, &["b", "a", "b", "a"], "the same keys", u32::MAX));
    expected.push(parked(102, &[], &long, 7));
    expected.push(parked(103, &[&long, "short"], "a long key", 7));
    rows.expect_committed(change(&THINGS, 0, 200).parking(expected.clone())).await?;
    ensure_eq!(parked_events(&rows).await?, expected, "parked events with special characters");
    Ok(())
}

async fn thousands_of_parked_events(log: Log) -> Outcome {
    let rows = log.rows();
    rows.define_table(&THINGS).await?;
    let many: Vec<Parked> = (1..=5_000).map(sample).collect();
    rows.expect_committed(change(&THINGS, 0, 6_000).parking(many.iter().rev().cloned().collect())).await?;
    ensure!(
        parked_events(&rows).await? == many,
        "the list of 5,000 parked events differs from the events that were parked"
    );
    let (unparked, left): (Vec<Parked>, Vec<Parked>) =
        many.into_iter().partition(|one| one.position.get() % 2 == 1);
    let unparked: Vec<u64> = unparked.iter().map(|one| one.position.get()).collect();
    let more: Vec<Parked> = (6_001..=8_000).map(sample).collect();
    rows.expect_committed(
        change(&THINGS, 6_000, 8_000).if_parked(5_000).unparking(unparked).parking(more.clone()),
    )
    .await?;
    ensure!(
        parked_events(&rows).await? == [left, more].concat(),
        "the list of parked events after half of 5,000 were unparked is wrong"
    );
    Ok(())
}

async fn each_build_has_its_own_parked_events(log: Log) -> Outcome {
    let rows = log.rows();
    let builds = [
        THINGS,
        THINGS.built(1),
        table("things", 2, THINGS.columns.to_vec()),
        table("others", 1, THINGS.columns.to_vec()),
    ];
    for (n, table) in (1..).zip(&builds) {
        rows.define_table(table).await?;
        rows.expect_committed(change(table, 0, 9).parking((1..=n).map(sample).collect())).await?;
    }
    rows.expect_committed(change(&builds[1], 9, 9).if_parked(2).unparking([1, 2])).await?;
    for (table, count) in builds.iter().zip([1, 0, 3, 4]) {
        let expected: Vec<Parked> = (1..=count).map(sample).collect();
        ensure_eq!(rows.parked(table).await?, expected, "parked events of `{}`", table.name());
        ensure_eq!(
            rows.build_of(table).await?.checkpoint.parked,
            count,
            "number of parked events in the checkpoint of `{}`",
            table.name()
        );
    }
    let undefined = rows.parked(&Table { version: 3, ..THINGS }).await;
    ensure!(undefined.is_err(), "`parked` of an undefined build must fail, but returned {undefined:?}");
    Ok(())
}

async fn concurrent_retries_and_runners_count_each_event_once(log: Log) -> Outcome {
    let handles = log.handles(4).await?;
    log.rows().define_table(&THINGS).await?;
    let end = log.rounds(40) as u64;
    // Two runners park every event, and two retries count each of them once.
    let runners = (0..2).map(|n| {
        let rows = handles[n].rows();
        async move {
            loop {
                let checkpoint = rows.build_of(&THINGS).await?.checkpoint;
                let at = checkpoint.position.get();
                if at == end {
                    return Ok(());
                }
                rows.commit(
                    change(&THINGS, at, at + 1).if_parked(checkpoint.parked).parking(vec![sample(at + 1)]),
                )
                .await?;
                yield_now().await;
            }
        }
    });
    let retries = (2..4).map(|n| {
        let rows = handles[n].rows();
        async move {
            loop {
                let checkpoint = rows.build_of(&THINGS).await?.checkpoint;
                let waiting = rows.parked(&THINGS).await?;
                let Some(first) = waiting.first().map(|one| one.position.get()) else {
                    if checkpoint.position.get() == end && checkpoint.parked == 0 {
                        return Ok(());
                    }
                    yield_now().await;
                    continue;
                };
                let key = vec![int(first.cast_signed())];
                let before = rows.row(&THINGS, key).await?;
                let count = if before.is_some() { 2 } else { 1 };
                let row = thing(first.cast_signed(), "counted", count);
                let at = checkpoint.position.get();
                rows.commit(
                    change(&THINGS, at, at)
                        .if_parked(checkpoint.parked)
                        .upserting(vec![row])
                        .unparking([first]),
                )
                .await?;
            }
        }
    });
    let tasks: Vec<std::pin::Pin<Box<dyn Future<Output = Outcome> + Send>>> =
        runners.map(|task| Box::pin(task) as _).chain(retries.map(|task| Box::pin(task) as _)).collect();
    run_concurrently(tasks).await?;
    let expected: Vec<_> = (1..=end.cast_signed()).map(|n| thing(n, "counted", 1)).collect();
    ensure_eq!(
        log.rows().all_rows(&THINGS).await?,
        expected,
        "rows after every event was parked and retried"
    );
    Ok(())
}

async fn cancelled_change_parks_completely_or_not_at_all(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let rows = log.rows();
    rows.write_rows(&THINGS, vec![thing(1, "a", 0)]).await?;
    rows.expect_committed(change(&THINGS, 1, 10).parking(vec![sample(10)])).await?;
    // The checkpoint, and the position of the last change that was written.
    let (mut at, mut last) = (10, 10);
    for round in 0..log.rounds(60) {
        let next = at + 10;
        let row_change = change(&THINGS, at, next)
            .if_parked(1)
            .upserting(vec![thing(1, "a", next.cast_signed())])
            .parking(vec![sample(next)])
            .unparking([last]);
        let result =
            cancel_after_polls(round % 8, handles[round % 2].rows().commit(row_change)).await.transpose()?;
        // This commit waits for the cancelled one or precedes it: its outcome shows whether the cancelled one was written.
        match handles[(round / 2) % 2].rows().commit(change(&THINGS, at, next).if_parked(1)).await? {
            CommitOutcome::Done => {
                ensure!(result.is_none(), "the change returned {result:?}, but was not written");
            }
            CommitOutcome::Stale(now) => {
                ensure_eq!(now.get(), next, "checkpoint after a cancelled change");
                last = next;
            }
        }
        at = next;
        ensure_eq!(
            parked_events(&rows).await?,
            [sample(last)],
            "parked events after a change was cancelled in round {round}"
        );
        let amount = if last == 10 { 0 } else { last.cast_signed() };
        ensure_eq!(
            rows.all_rows(&THINGS).await?,
            [thing(1, "a", amount)],
            "rows after a change was cancelled"
        );
    }
    Ok(())
}

async fn parked_events_survive_reopen(log: Log) -> Outcome {
    let rows = log.rows();
    rows.define_table(&THINGS).await?;
    let expected = vec![sample(3), parked(9, &["é", ""], "a reason\n", 12)];
    rows.expect_committed(change(&THINGS, 0, 9).parking(expected.clone())).await?;
    let before = rows.build_of(&THINGS).await?;
    drop(rows);
    let log = log.reopened().await?;
    ensure_eq!(
        log.rows().build_of(&THINGS).await?,
        before,
        "build with parked events after the log was reopened"
    );
    ensure_eq!(parked_events(&log.rows()).await?, expected, "parked events after the log was reopened");
    log.rows().expect_committed(change(&THINGS, 9, 9).if_parked(2).unparking([3, 9])).await?;
    ensure_eq!(parked_events(&log.rows()).await?, [], "parked events after the log was reopened and a retry");
    Ok(())
}
