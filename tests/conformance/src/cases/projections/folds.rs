//! For any writers and runners, the rows equal the fold of the log.

use annalist_core::record::Position;

use super::{
    balances::{BALANCES, Balance, Fact},
    engine::{append_concurrently, append_random, expect_own_rows_equal_fold, run, start},
    faulty_stores::FaultyLog,
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
    batches_of_every_size_produce_equal_rows,
    concurrent_runners_count_every_event_once,
    runners_killed_at_random_lose_nothing,
    checkpoint_moves_over_unrelated_events,
    several_projections_run_independently,
] durable [
    projection_continues_after_reopen,
]);

async fn rows_equal_the_fold_of_the_log(log: Log) -> Outcome {
    let handles = log.handles(3).await?;
    let before = append_random(&log, &mut log.random("before"), 20).await?;
    let runner = start(&log);
    runner.wait_for(before).await?;
    expect_own_rows_equal_fold(&log, before).await?;
    // Appends through several handles while the projection runs.
    for round in 0..log.rounds(3) {
        let last = append_concurrently(&log, &handles, 15 + round).await?;
        runner.wait_for(last).await?;
        expect_own_rows_equal_fold(&log, last).await?;
    }
    Ok(())
}

async fn unrelated_events_change_no_rows(log: Log) -> Outcome {
    let runner = start(&log);
    let first = log.expect_accepted(append([event("unrelated", &["account:1"])])).await?.position();
    runner.wait_for(first).await?;
    ensure_eq!(log.rows().all_rows(&BALANCES).await?.len(), 0, "number of rows after unrelated events only");
    let facts = [Fact::Deposited(1, 5).draft(), event("unrelated", &["account:1"])];
    let last = log.expect_accepted(append(facts)).await?.position();
    runner.wait_for(last).await?;
    expect_own_rows_equal_fold(&log, last).await
}

async fn event_with_two_keys_changes_both_rows(log: Log) -> Outcome {
    let runner = start(&log);
    let facts = [Fact::Moved(1, 2, 40), Fact::Moved(2, 1, 10), Fact::Moved(3, 3, 7)];
    let last = log.expect_accepted(append(facts.map(Fact::draft))).await?.position();
    runner.wait_for(last).await?;
    let rows = log.rows().all_rows(&BALANCES).await?;
    let counts: Vec<_> = rows.iter().map(|row| row[..2].to_vec()).collect();
    // An event that names the same row twice counts once.
    ensure_eq!(
        counts,
        [[int(1), int(2)], [int(2), int(2)], [int(3), int(1)]],
        "accounts and their event counts"
    );
    expect_own_rows_equal_fold(&log, last).await
}

async fn deleted_row_is_created_from_its_initial_state(log: Log) -> Outcome {
    let runner = start(&log);
    let (deposit, close) = (Fact::Deposited(1, 5), Fact::Closed(1));
    let batches = [
        vec![deposit, deposit],
        vec![close],
        // The row now has a value that its initial state does not have.
        vec![deposit, Fact::Moved(1, 1, 3)],
        // In one batch: deleted and created, created and deleted, deleted without a row.
        vec![close, deposit, Fact::Deposited(2, 1), Fact::Closed(2), Fact::Closed(3)],
        vec![close, close],
        vec![Fact::Closed(2), deposit, close, deposit],
    ];
    for (batch, row_count) in batches.into_iter().zip([1, 0, 1, 1, 0, 1]) {
        let last = log.expect_accepted(append(batch.iter().map(|fact| fact.draft()))).await?.position();
        runner.wait_for(last).await?;
        ensure_eq!(log.rows().all_rows(&BALANCES).await?.len(), row_count, "number of rows after {batch:?}");
        expect_own_rows_equal_fold(&log, last).await?;
    }
    Ok(())
}

async fn batches_of_every_size_produce_equal_rows(log: Log) -> Outcome {
    for limit in [1, 2, 7, 1_000] {
        let log = log.another_log().await?;
        let store = std::sync::Arc::new(FaultyLog::new(log.store(), limit));
        let before = append_random(&log, &mut log.random("facts"), 15).await?;
        let runner = run::<Balance>(store, log.rows().store());
        runner.wait_for(before).await?;
        expect_own_rows_equal_fold(&log, before).await?;
        let last = append_random(&log, &mut log.random("more facts"), 15).await?;
        runner.wait_for(last).await?;
        expect_own_rows_equal_fold(&log, last).await?;
    }
    Ok(())
}

async fn concurrent_runners_count_every_event_once(log: Log) -> Outcome {
    let handles = log.handles(3).await?;
    let before = append_random(&log, &mut log.random("before"), 15).await?;
    let slow = std::sync::Arc::new(FaultyLog::new(handles[2].store(), 3));
    let runners = [start(&handles[0]), start(&handles[1]), run::<Balance>(slow, handles[2].rows().store())];
    for runner in &runners {
        runner.wait_for(before).await?;
    }
    expect_own_rows_equal_fold(&log, before).await?;
    for round in 0..log.rounds(3) {
        let last = append_concurrently(&log, &handles, 10 + round).await?;
        for (runner, handle) in runners.iter().zip(&handles) {
            runner.wait_for(last).await?;
            expect_own_rows_equal_fold(handle, last).await?;
        }
    }
    Ok(())
}

async fn runners_killed_at_random_lose_nothing(log: Log) -> Outcome {
    let handles = log.handles(3).await?;
    let writing = {
        let (handle, mut random, appends) = (handles[2].clone(), log.random("facts"), log.rounds(60));
        tokio::spawn(async move { append_random(&handle, &mut random, appends).await })
    };
    let mut random = log.random("kills");
    for round in 0..log.rounds(40) {
        let handle = &handles[round % 2];
        let pages = std::sync::Arc::new(FaultyLog::new(handle.store(), random.usize(1..5)));
        let runner = run::<Balance>(pages, handle.rows().store());
        for _ in 0..random.u32(0..200) {
            yield_now().await;
        }
        // Half of the runners are killed at once, the others after they have processed this append.
        if random.bool() {
            let fact = Fact::random(&mut random).draft();
            let last = log.expect_accepted(append([fact])).await?.position();
            runner.wait_for(last).await?;
        }
        match random.bool() {
            true => runner.kill().await,
            false => drop(runner),
        }
    }
    let last = writing.await.map_err(crate::failure::panicked)??;
    let runner = start(&log);
    let last = log.expect_accepted(append([Fact::Deposited(1, 1).draft()])).await?.position().max(last);
    runner.wait_for(last).await?;
    expect_own_rows_equal_fold(&log, last).await
}

/// Waits until the stored checkpoint has reached a position.
async fn wait_for_checkpoint(rows: &TestRows, position: Position) -> Outcome {
    while rows.checkpoint_of(&BALANCES).await?.position < position {
        pause_if(true).await;
    }
    Ok(())
}

async fn checkpoint_moves_over_unrelated_events(log: Log) -> Outcome {
    let rows = log.rows();
    let runner = start(&log);
    let others = || append((0..50).map(|_| event("unrelated", &[])));
    let mut last = log.expect_accepted(others()).await?.position();
    runner.wait_for(last).await?;
    wait_for_checkpoint(&rows, last).await?;
    for round in 0..3 {
        log.expect_accepted(append([Fact::Deposited(round, 1).draft()])).await?;
        last = log.expect_accepted(others()).await?.position();
        wait_for_checkpoint(&rows, last).await?;
        let anchor = rows.checkpoint_of(&BALANCES).await?.anchor;
        ensure_eq!(anchor.map(|anchor| anchor.position), Some(last), "position of the anchor");
        expect_own_rows_equal_fold(&log, last).await?;
    }
    // A runner starts from this checkpoint.
    runner.kill().await;
    let runner = start(&log);
    runner.wait_for(last).await?;
    last = log.expect_accepted(append([Fact::Deposited(1, 1).draft()])).await?.position();
    runner.wait_for(last).await?;
    expect_own_rows_equal_fold(&log, last).await
}

async fn several_projections_run_independently(log: Log) -> Outcome {
    use super::faulty_stores::FaultyRows;
    use crate::support::rows::change;
    let handles = log.handles(2).await?;
    let runners: Vec<_> = (1..=6_u32)
        .map(|version| {
            let handle = &handles[version as usize % 2];
            let rows = FaultyRows::new(handle.rows().store(), version);
            run::<Balance>(handle.store(), std::sync::Arc::new(rows))
        })
        .collect();
    let last = append_concurrently(&log, &handles, 15).await?;
    for (runner, version) in runners.iter().zip(1..) {
        runner.wait_for(last).await?;
        let table = annalist_core::rows::Table { version, ..BALANCES };
        super::engine::expect_rows_equal_fold(&log, &log.rows(), &table, last).await?;
        // No runner has moved the checkpoint of another version.
        let at = log.rows().checkpoint_of(&table).await?.position;
        // Meanwhile the runner may have passed unrelated events.
        let then = log.rows().expect_stale(change(&table, u64::MAX >> 2, 0)).await?;
        let ends = [at, then, last];
        ensure!(
            ends.is_sorted(),
            "the checkpoint of version {version} must not go back or pass the log, but is at {at}, then at {then}, in a log up to {last}"
        );
    }
    Ok(())
}

async fn projection_continues_after_reopen(log: Log) -> Outcome {
    let mut log = log;
    for round in 0..3 {
        let runner = start(&log);
        let last = append_random(&log, &mut log.random(("facts", round)), 10).await?;
        runner.wait_for(last).await?;
        runner.kill().await;
        log = log.reopened().await?;
        expect_own_rows_equal_fold(&log, last).await?;
    }
    Ok(())
}
