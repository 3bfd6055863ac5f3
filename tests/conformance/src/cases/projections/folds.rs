//! Whoever writes and whoever runs: the rows are the fold of the log.

use annalist_core::record::Position;

use super::{
    balances::{BALANCES, Balance, Fact},
    engine::{ensure_own, run, start, write, write_at_once},
    faulty_stores::Reluctant,
};
use crate::{
    failure::Outcome,
    support::{
        concurrency::{pause_if, yield_now},
        fixtures::{append, event},
        log::Log,
        rows::{TestRows, int},
    },
};

cases!("projections" needs [Rows]: [
    rows_equal_the_fold_of_the_log,
    unrelated_events_change_no_rows,
    event_with_two_keys_changes_both_rows,
    deleted_row_is_created_from_its_initial_state,
    batches_of_every_size_give_the_same_rows,
    concurrent_runners_count_every_event_once,
    runners_killed_at_random_lose_nothing,
    checkpoint_moves_over_unrelated_events,
    several_projections_run_independently,
] durable [
    projection_continues_after_reopen,
]);

async fn rows_equal_the_fold_of_the_log(log: Log) -> Outcome {
    let handles = log.handles(3).await?;
    let before = write(&log, &mut log.random("before"), 20).await?;
    let runner = start(&log);
    runner.reached(before).await?;
    ensure_own(&log, before).await?;
    // And now what happens while it runs, from several sides.
    for round in 0..log.rounds(3) {
        let last = write_at_once(&log, &handles, 15 + round).await?;
        runner.reached(last).await?;
        ensure_own(&log, last).await?;
    }
    Ok(())
}

async fn unrelated_events_change_no_rows(log: Log) -> Outcome {
    let runner = start(&log);
    let first = log.expect_accepted(append([event("noticed", &["account:1"])])).await?.position();
    runner.reached(first).await?;
    ensure_eq!(log.rows().all_rows(&BALANCES).await?.len(), 0, "rows without an event of theirs");
    let facts = [Fact::Deposited(1, 5).draft(), event("noticed", &["account:1"])];
    let last = log.expect_accepted(append(facts)).await?.position();
    runner.reached(last).await?;
    ensure_own(&log, last).await
}

async fn event_with_two_keys_changes_both_rows(log: Log) -> Outcome {
    let runner = start(&log);
    let facts = [Fact::Moved(1, 2, 40), Fact::Moved(2, 1, 10), Fact::Moved(3, 3, 7)];
    let last = log.expect_accepted(append(facts.map(Fact::draft))).await?.position();
    runner.reached(last).await?;
    let rows = log.rows().all_rows(&BALANCES).await?;
    let counts: Vec<_> = rows.iter().map(|row| row[..2].to_vec()).collect();
    // One that names the same row twice still happened once.
    ensure_eq!(counts, [[int(1), int(2)], [int(2), int(2)], [int(3), int(1)]], "accounts and their events");
    ensure_own(&log, last).await
}

async fn deleted_row_is_created_from_its_initial_state(log: Log) -> Outcome {
    let runner = start(&log);
    let (deposit, close) = (Fact::Deposited(1, 5), Fact::Closed(1));
    let batches = [
        vec![deposit, deposit],
        vec![close],
        // Now there is a value that the row will lack when it starts anew.
        vec![deposit, Fact::Moved(1, 1, 3)],
        // Within one batch: gone and back, there and gone, never there.
        vec![close, deposit, Fact::Deposited(2, 1), Fact::Closed(2), Fact::Closed(3)],
        vec![close, close],
        vec![Fact::Closed(2), deposit, close, deposit],
    ];
    for (batch, there) in batches.into_iter().zip([1, 0, 1, 1, 0, 1]) {
        let last = log.expect_accepted(append(batch.iter().map(|fact| fact.draft()))).await?.position();
        runner.reached(last).await?;
        ensure_eq!(log.rows().all_rows(&BALANCES).await?.len(), there, "rows after {batch:?}");
        ensure_own(&log, last).await?;
    }
    Ok(())
}

async fn batches_of_every_size_give_the_same_rows(log: Log) -> Outcome {
    for limit in [1, 2, 7, 1_000] {
        let log = log.another_log().await?;
        let store = std::sync::Arc::new(Reluctant::new(log.store(), limit));
        let before = write(&log, &mut log.random("facts"), 15).await?;
        let runner = run::<Balance>(store, log.rows().store());
        runner.reached(before).await?;
        ensure_own(&log, before).await?;
        let last = write(&log, &mut log.random("more facts"), 15).await?;
        runner.reached(last).await?;
        ensure_own(&log, last).await?;
    }
    Ok(())
}

async fn concurrent_runners_count_every_event_once(log: Log) -> Outcome {
    let handles = log.handles(3).await?;
    let before = write(&log, &mut log.random("before"), 15).await?;
    let slow = std::sync::Arc::new(Reluctant::new(handles[2].store(), 3));
    let runners = [start(&handles[0]), start(&handles[1]), run::<Balance>(slow, handles[2].rows().store())];
    for runner in &runners {
        runner.reached(before).await?;
    }
    ensure_own(&log, before).await?;
    for round in 0..log.rounds(3) {
        let last = write_at_once(&log, &handles, 10 + round).await?;
        for (runner, handle) in runners.iter().zip(&handles) {
            runner.reached(last).await?;
            ensure_own(handle, last).await?;
        }
    }
    Ok(())
}

async fn runners_killed_at_random_lose_nothing(log: Log) -> Outcome {
    let handles = log.handles(3).await?;
    let writing = {
        let (handle, mut random, appends) = (handles[2].clone(), log.random("facts"), log.rounds(60));
        tokio::spawn(async move { write(&handle, &mut random, appends).await })
    };
    let mut random = log.random("deaths");
    for round in 0..log.rounds(40) {
        let handle = &handles[round % 2];
        let pages = std::sync::Arc::new(Reluctant::new(handle.store(), random.usize(1..5)));
        let runner = run::<Balance>(pages, handle.rows().store());
        for _ in 0..random.u32(0..200) {
            yield_now().await;
        }
        // Half of them are gone at once, the others when they have come at least to the end of this append.
        if random.bool() {
            let fact = Fact::random(&mut random).draft();
            let last = log.expect_accepted(append([fact])).await?.position();
            runner.reached(last).await?;
        }
        match random.bool() {
            true => runner.killed().await,
            false => drop(runner),
        }
    }
    let last = writing.await.map_err(crate::failure::panicked)??;
    let runner = start(&log);
    let last = log.expect_accepted(append([Fact::Deposited(1, 1).draft()])).await?.position().max(last);
    runner.reached(last).await?;
    ensure_own(&log, last).await
}

/// Waits until the stored checkpoint has come to a position: nothing else in the case moves, so it does or is stuck.
async fn saved(rows: &TestRows, position: Position) -> Outcome {
    while rows.checkpoint_of(&BALANCES).await?.position < position {
        pause_if(true).await;
    }
    Ok(())
}

async fn checkpoint_moves_over_unrelated_events(log: Log) -> Outcome {
    let rows = log.rows();
    let runner = start(&log);
    let others = || append((0..50).map(|_| event("noticed", &[])));
    let mut last = log.expect_accepted(others()).await?.position();
    runner.reached(last).await?;
    saved(&rows, last).await?;
    for round in 0..3 {
        log.expect_accepted(append([Fact::Deposited(round, 1).draft()])).await?;
        last = log.expect_accepted(others()).await?.position();
        saved(&rows, last).await?;
        let anchor = rows.checkpoint_of(&BALANCES).await?.anchor;
        ensure_eq!(anchor.map(|anchor| anchor.position), Some(last), "the event that tells the log");
        ensure_own(&log, last).await?;
    }
    // What is saved so is a place to start from.
    runner.killed().await;
    let runner = start(&log);
    runner.reached(last).await?;
    last = log.expect_accepted(append([Fact::Deposited(1, 1).draft()])).await?.position();
    runner.reached(last).await?;
    ensure_own(&log, last).await
}

async fn several_projections_run_independently(log: Log) -> Outcome {
    use super::faulty_stores::Unsteady;
    use crate::support::rows::change;
    let handles = log.handles(2).await?;
    let runners: Vec<_> = (1..=6_u32)
        .map(|version| {
            let handle = &handles[version as usize % 2];
            let rows = Unsteady::new(handle.rows().store(), version);
            run::<Balance>(handle.store(), std::sync::Arc::new(rows))
        })
        .collect();
    let last = write_at_once(&log, &handles, 15).await?;
    for (runner, version) in runners.iter().zip(1..) {
        runner.reached(last).await?;
        let table = annalist_core::rows::Table { version, ..BALANCES };
        super::engine::ensure_folded(&log, &log.rows(), &table, last).await?;
        // None of them has moved the checkpoint of another.
        let at = log.rows().checkpoint_of(&table).await?.position;
        // Meanwhile it may have passed over what it does not fold.
        let then = log.rows().expect_stale(change(&table, u64::MAX >> 2, 0)).await?;
        let ends = [at, then, last];
        ensure!(ends.is_sorted(), "version {version} stands at {at}, then at {then}, in a log up to {last}");
    }
    Ok(())
}

async fn projection_continues_after_reopen(log: Log) -> Outcome {
    let mut log = log;
    for round in 0..3 {
        let runner = start(&log);
        let last = write(&log, &mut log.random(("facts", round)), 10).await?;
        runner.reached(last).await?;
        runner.killed().await;
        log = log.reopened().await?;
        ensure_own(&log, last).await?;
    }
    Ok(())
}
