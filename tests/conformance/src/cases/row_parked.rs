//! Parked events: put aside and taken back in the transaction that moves rows and checkpoint, and known by their number.

use annalist_core::{
    record::Position,
    rows::{CommitOutcome, Parked, Table},
};

use super::drops::dropped_after;
use crate::{
    failure::Outcome,
    log::{Log, room_for_others, together},
    rows::*,
};

cases!("parked" needs [Rows]: [
    events_park_and_leave_with_rows_and_checkpoint,
    the_number_of_parked_events_is_compared,
    a_runner_that_planned_before_a_retry_is_stale,
    of_two_retries_one_wins,
    an_event_that_is_parked_again_is_written_anew,
    only_what_is_parked_leaves,
    parked_events_come_in_the_order_of_their_positions,
    keys_and_errors_keep_every_byte,
    thousands_of_parked_events,
    each_build_parks_its_own,
    retries_and_runners_at_once,
    dropped_changes_park_wholly_or_not_at_all,
] durable [
    parked_events_outlive_the_handle,
]);

/// The parked events and their number, which must fit.
async fn aside(rows: &Rows) -> Outcome<Vec<Parked>> {
    let parked = rows.parked(&THINGS).await?;
    ensure_eq!(
        rows.build(&THINGS).await?.checkpoint.parked,
        parked.len() as u64,
        "the number of parked events"
    );
    Ok(parked)
}

fn some(position: u64) -> Parked {
    parked(position, &["things:1", "things:2"], "it does not fit", 1)
}

async fn events_park_and_leave_with_rows_and_checkpoint(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let rows = log.rows();
    ensure_eq!(rows.defined(&THINGS).await?.parked, 0, "events parked by a new build");
    ensure_eq!(aside(&rows).await?, [], "events parked by a new build");
    let first = change(&THINGS, 0, 5).writes(vec![thing(1, "a", 1)]).anchored(anchor(5));
    rows.done(first.parks(vec![some(3), some(5)])).await?;
    for handle in &handles {
        let rows = handle.rows();
        ensure_eq!(aside(&rows).await?, [some(3), some(5)], "parked events");
        ensure_eq!(rows.all(&THINGS).await?, [thing(1, "a", 1)], "rows beside parked events");
        let checkpoint = rows.build(&THINGS).await?.checkpoint;
        ensure_eq!(checkpoint.position, Position::new(5), "the checkpoint behind parked events");
        ensure_eq!(checkpoint.anchor, Some(anchor(5)), "the anchor behind parked events");
    }
    // A retry takes one of them, where the checkpoint stands; the next page takes the other and parks a third.
    let rows = handles[1].rows();
    rows.done(change(&THINGS, 5, 5).with(2).writes(vec![thing(2, "b", 2)]).unparks([3])).await?;
    ensure_eq!(aside(&rows).await?, [some(5)], "parked events after a retry");
    ensure_eq!(rows.all(&THINGS).await?.len(), 2, "rows after a retry");
    let both = change(&THINGS, 5, 9).with(1).deletes(vec![vec![int(1)]]).parks(vec![some(8)]).unparks([5]);
    rows.done(both).await?;
    ensure_eq!(aside(&rows).await?, [some(8)], "parked events after one came and one went");
    ensure_eq!(rows.all(&THINGS).await?, [thing(2, "b", 2)], "rows after one came and one went");
    rows.done(change(&THINGS, 9, 10).with(1)).await?;
    ensure_eq!(aside(&rows).await?, [some(8)], "parked events after the checkpoint moved on");
    Ok(())
}

async fn the_number_of_parked_events_is_compared(log: Log) -> Outcome {
    let rows = log.rows();
    rows.write(&THINGS, vec![thing(1, "a", 1)]).await?;
    rows.done(change(&THINGS, 1, 5).parks(vec![some(3), some(4)])).await?;
    rows.report(&THINGS, Some("a reason")).await?;
    let before = (rows.build(&THINGS).await?, aside(&rows).await?, rows.all(&THINGS).await?);
    for count in [0, 1, 3, u64::MAX >> 1] {
        for to in [5, 6] {
            let sent = change(&THINGS, 5, to).with(count);
            let writes = sent.clone().writes(vec![thing(2, "b", 2)]).anchored(anchor(6));
            for sent in [sent.clone(), writes, sent.clone().parks(vec![some(6)]), sent.unparks([3])] {
                let at = rows.stale(sent).await?;
                ensure_eq!(at, Position::new(5), "where a build stands that a change takes for another");
            }
        }
    }
    // The right number at the wrong place is no better.
    ensure_eq!(rows.stale(change(&THINGS, 4, 6).with(2).unparks([3])).await?, Position::new(5), "the place");
    let after = (rows.build(&THINGS).await?, aside(&rows).await?, rows.all(&THINGS).await?);
    ensure_eq!(after, before, "a build after changes with another number of parked events");
    Ok(())
}

async fn a_runner_that_planned_before_a_retry_is_stale(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let (runner, retry) = (handles[0].rows(), handles[1].rows());
    runner.defined(&THINGS).await?;
    runner.done(change(&THINGS, 0, 5).parks(vec![some(4), some(5)])).await?;
    // The event at 7 shares a key with those that are parked, so the runner means to park it, too.
    let planned = change(&THINGS, 5, 7).with(2).parks(vec![some(7)]).anchored(anchor(7));
    retry.done(change(&THINGS, 5, 5).with(2).writes(vec![thing(1, "a", 1)]).unparks([4, 5])).await?;
    ensure_eq!(runner.stale(planned).await?, Position::new(5), "where the runner finds the checkpoint");
    ensure_eq!(aside(&runner).await?, [], "parked events after a runner was too late");
    // And the other way round: a retry that was planned before the runner moved on.
    runner.done(change(&THINGS, 5, 7).parks(vec![some(7)])).await?;
    let planned = change(&THINGS, 7, 7).with(1).unparks([7]);
    runner.done(change(&THINGS, 7, 8).with(1).parks(vec![some(8)])).await?;
    ensure_eq!(retry.stale(planned).await?, Position::new(8), "where the retry finds the checkpoint");
    ensure_eq!(aside(&retry).await?, [some(7), some(8)], "parked events after a retry was too late");
    Ok(())
}

async fn of_two_retries_one_wins(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let rows = log.rows();
    rows.defined(&THINGS).await?;
    let rounds = log.rounds(15) as u64;
    for at in (0..rounds).map(|round| round * 10) {
        rows.done(change(&THINGS, at, at + 10).parks(vec![some(at + 9)])).await?;
        let tasks = (0..4_i64).map(|task| {
            let rows = handles[task as usize % 2].rows();
            async move {
                let sent = change(&THINGS, at + 10, at + 10).with(1).unparks([at + 9]);
                Ok(rows.commit(sent.writes(vec![thing(1, "retry", task)])).await?)
            }
        });
        let answers = together(tasks).await?;
        let winners: Vec<i64> =
            (0..).zip(&answers).filter(|(_, one)| **one == CommitOutcome::Done).map(|(n, _)| n).collect();
        ensure_eq!(winners.len(), 1, "retries of one event that were done, of {answers:?}");
        let lost = answers.iter().filter(|one| **one == CommitOutcome::Stale(Position::new(at + 10)));
        ensure_eq!(lost.count(), 3, "retries that were stale, of {answers:?}");
        ensure_eq!(
            rows.all(&THINGS).await?,
            [thing(1, "retry", winners[0])],
            "the row of the retry that won"
        );
        ensure_eq!(aside(&rows).await?, [], "parked events after retries");
    }
    Ok(())
}

async fn an_event_that_is_parked_again_is_written_anew(log: Log) -> Outcome {
    let rows = log.rows();
    rows.defined(&THINGS).await?;
    rows.done(change(&THINGS, 0, 5).parks(vec![some(2), some(4)])).await?;
    let again = parked(2, &["things:3"], "it still does not fit", 2);
    rows.done(change(&THINGS, 5, 5).with(2).parks(vec![again.clone()])).await?;
    ensure_eq!(aside(&rows).await?, [again.clone(), some(4)], "parked events after one was parked again");
    let third = Parked { attempts: 3, error: String::new(), keys: vec![], ..again };
    let sent = change(&THINGS, 5, 6).with(2).parks(vec![some(6), third.clone()]).unparks([4]);
    rows.done(sent).await?;
    ensure_eq!(
        aside(&rows).await?,
        [third, some(6)],
        "parked events after one stayed, one came and one went"
    );
    Ok(())
}

async fn only_what_is_parked_leaves(log: Log) -> Outcome {
    let rows = log.rows();
    rows.defined(&THINGS).await?;
    rows.done(change(&THINGS, 0, 5).unparks([1, 2, 3])).await?;
    ensure_eq!(aside(&rows).await?, [], "parked events after some left that were not there");
    rows.done(change(&THINGS, 5, 6).parks(vec![some(6)]).unparks([4])).await?;
    ensure_eq!(aside(&rows).await?, [some(6)], "parked events beside some that were not there");
    rows.done(change(&THINGS, 6, 6).with(1).unparks([5, 6, 7])).await?;
    ensure_eq!(aside(&rows).await?, [], "parked events after the last one left");
    Ok(())
}

async fn parked_events_come_in_the_order_of_their_positions(log: Log) -> Outcome {
    let rows = log.rows();
    rows.defined(&THINGS).await?;
    let end = Position::END.get();
    rows.done(change(&THINGS, 0, 200).parks([100, 9, 10, 2].map(some).into())).await?;
    rows.done(change(&THINGS, 200, end).with(4).parks([end, 101, 1 << 40, 11, 1].map(some).into())).await?;
    let places: Vec<u64> = aside(&rows).await?.iter().map(|one| one.position.get()).collect();
    ensure_eq!(places, [1, 2, 9, 10, 11, 100, 101, 1 << 40, end], "the positions of parked events");
    Ok(())
}

async fn keys_and_errors_keep_every_byte(log: Log) -> Outcome {
    let rows = log.rows();
    rows.defined(&THINGS).await?;
    let controls: String =
        (1..=0x1f).chain([0x7f, 0x80, 0xffff, 0x1_0000, 0x10_ffff]).filter_map(char::from_u32).collect();
    let odd = [
        "", " ", "a", "A", ",", "{a,b}", "[\"a\"]", "\"", "'", "\\", "\\x00", "\n", "NULL", "null", "é",
        "e\u{301}", "😀", "%", "$1", "?",
    ];
    let odd: Vec<&str> = odd.into_iter().chain([controls.as_str()]).collect();
    let long = "é'\"\\\n%{},".repeat(20_000);
    let mut wanted: Vec<Parked> = (1..).zip(&odd).map(|(at, text)| parked(at, &[text], text, 1)).collect();
    // Keys keep their order and come as often as they are given.
    wanted.push(parked(100, &odd, "many keys", 0));
    wanted.push(parked(101, &["b", "a", "b", "a"], "the same keys", u32::MAX));
    wanted.push(parked(102, &[], &long, 7));
    wanted.push(parked(103, &[&long, "short"], "a long key", 7));
    rows.done(change(&THINGS, 0, 200).parks(wanted.clone())).await?;
    ensure_eq!(aside(&rows).await?, wanted, "odd texts of parked events");
    Ok(())
}

async fn thousands_of_parked_events(log: Log) -> Outcome {
    let rows = log.rows();
    rows.defined(&THINGS).await?;
    let many: Vec<Parked> = (1..=5_000).map(some).collect();
    rows.done(change(&THINGS, 0, 6_000).parks(many.iter().rev().cloned().collect())).await?;
    ensure!(aside(&rows).await? == many, "5,000 parked events are not the ones that were parked");
    let (gone, left): (Vec<Parked>, Vec<Parked>) =
        many.into_iter().partition(|one| one.position.get() % 2 == 1);
    let gone: Vec<u64> = gone.iter().map(|one| one.position.get()).collect();
    let more: Vec<Parked> = (6_001..=8_000).map(some).collect();
    rows.done(change(&THINGS, 6_000, 8_000).with(5_000).unparks(gone).parks(more.clone())).await?;
    ensure!(aside(&rows).await? == [left, more].concat(), "the wrong ones of 5,000 parked events left");
    Ok(())
}

async fn each_build_parks_its_own(log: Log) -> Outcome {
    let rows = log.rows();
    let builds = [
        THINGS,
        THINGS.built(1),
        table("things", 2, THINGS.columns.to_vec()),
        table("others", 1, THINGS.columns.to_vec()),
    ];
    for (n, table) in (1..).zip(&builds) {
        rows.defined(table).await?;
        rows.done(change(table, 0, 9).parks((1..=n).map(some).collect())).await?;
    }
    rows.done(change(&builds[1], 9, 9).with(2).unparks([1, 2])).await?;
    for (table, count) in builds.iter().zip([1, 0, 3, 4]) {
        let wanted: Vec<Parked> = (1..=count).map(some).collect();
        ensure_eq!(rows.parked(table).await?, wanted, "events parked by `{}`", table.name());
        ensure_eq!(rows.build(table).await?.checkpoint.parked, count, "their number in `{}`", table.name());
    }
    let undefined = rows.parked(&Table { version: 3, ..THINGS }).await;
    ensure!(undefined.is_err(), "parked events of a build that was never defined are {undefined:?}");
    Ok(())
}

async fn retries_and_runners_at_once(log: Log) -> Outcome {
    let handles = log.handles(4).await?;
    log.rows().defined(&THINGS).await?;
    let end = log.rounds(40) as u64;
    // Two runners park every event; two retries count each of them once.
    let runners = (0..2).map(|n| {
        let rows = handles[n].rows();
        async move {
            loop {
                let checkpoint = rows.build(&THINGS).await?.checkpoint;
                let at = checkpoint.position.get();
                if at == end {
                    return Ok(());
                }
                rows.commit(change(&THINGS, at, at + 1).with(checkpoint.parked).parks(vec![some(at + 1)]))
                    .await?;
                room_for_others().await;
            }
        }
    });
    let retries = (2..4).map(|n| {
        let rows = handles[n].rows();
        async move {
            loop {
                let checkpoint = rows.build(&THINGS).await?.checkpoint;
                let waiting = rows.parked(&THINGS).await?;
                let Some(first) = waiting.first().map(|one| one.position.get()) else {
                    if checkpoint.position.get() == end && checkpoint.parked == 0 {
                        return Ok(());
                    }
                    room_for_others().await;
                    continue;
                };
                let key = vec![int(first.cast_signed())];
                let before = rows.row(&THINGS, key).await?;
                let count = if before.is_some() { 2 } else { 1 };
                let row = thing(first.cast_signed(), "counted", count);
                let at = checkpoint.position.get();
                rows.commit(
                    change(&THINGS, at, at).with(checkpoint.parked).writes(vec![row]).unparks([first]),
                )
                .await?;
            }
        }
    });
    let tasks: Vec<std::pin::Pin<Box<dyn Future<Output = Outcome> + Send>>> =
        runners.map(|task| Box::pin(task) as _).chain(retries.map(|task| Box::pin(task) as _)).collect();
    together(tasks).await?;
    let wanted: Vec<_> = (1..=end.cast_signed()).map(|n| thing(n, "counted", 1)).collect();
    ensure_eq!(log.rows().all(&THINGS).await?, wanted, "rows of events that were all parked and retried");
    Ok(())
}

async fn dropped_changes_park_wholly_or_not_at_all(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let rows = log.rows();
    rows.write(&THINGS, vec![thing(1, "a", 0)]).await?;
    rows.done(change(&THINGS, 1, 10).parks(vec![some(10)])).await?;
    // Where the checkpoint stands, and the last change that was done.
    let (mut at, mut last) = (10, 10);
    for round in 0..log.rounds(60) {
        let next = at + 10;
        let sent = change(&THINGS, at, next)
            .with(1)
            .writes(vec![thing(1, "a", next.cast_signed())])
            .parks(vec![some(next)])
            .unparks([last]);
        let answer = dropped_after(round % 8, handles[round % 2].rows().commit(sent)).await.transpose()?;
        // This one waits for what was dropped, or comes before it: it tells whether that was done, and nothing can be later.
        match handles[(round / 2) % 2].rows().commit(change(&THINGS, at, next).with(1)).await? {
            CommitOutcome::Done => {
                ensure!(answer.is_none(), "a change was answered with {answer:?}, and then undone");
            }
            CommitOutcome::Stale(now) => {
                ensure_eq!(now.get(), next, "where a dropped change moved the checkpoint");
                last = next;
            }
        }
        at = next;
        ensure_eq!(
            aside(&rows).await?,
            [some(last)],
            "parked events after a change was dropped in round {round}"
        );
        let amount = if last == 10 { 0 } else { last.cast_signed() };
        ensure_eq!(rows.all(&THINGS).await?, [thing(1, "a", amount)], "the row after a change was dropped");
    }
    Ok(())
}

async fn parked_events_outlive_the_handle(log: Log) -> Outcome {
    let rows = log.rows();
    rows.defined(&THINGS).await?;
    let wanted = vec![some(3), parked(9, &["é", ""], "a reason\n", 12)];
    rows.done(change(&THINGS, 0, 9).parks(wanted.clone())).await?;
    let before = rows.build(&THINGS).await?;
    drop(rows);
    let log = log.restarted().await?;
    ensure_eq!(log.rows().build(&THINGS).await?, before, "a build with parked events after a restart");
    ensure_eq!(aside(&log.rows()).await?, wanted, "parked events after a restart");
    log.rows().done(change(&THINGS, 9, 9).with(2).unparks([3, 9])).await?;
    ensure_eq!(aside(&log.rows()).await?, [], "parked events after a restart and a retry");
    Ok(())
}
