//! Logs that are longer than a batch: prefetched events count only when they are committed.

use std::sync::Arc;

use annalist_core::{record::Position, rows::Table};

use super::{
    balances::{BALANCES, Balance, Defect, Fact},
    engine::{expect_own_rows_equal_fold, expect_rows_equal_fold, run, start},
    faulty_stores::{CallFault, FaultyLog, FaultyRows},
    poison_events::expect_stopped_before,
};
use crate::{
    failure::Outcome,
    support::{
        fixtures::{append, read},
        handle::Handle,
        log::Log,
    },
};

cases!("projection_long_logs" needs [Rows]: [
    long_log_is_folded_in_few_batches,
    next_batch_is_read_during_a_commit,
    concurrent_runners_fold_a_long_log,
    projection_stops_deep_in_a_long_log,
    failing_log_is_read_completely,
]);

/// Appends this many random facts in one append.
async fn facts(log: &Log, count: usize) -> Outcome<Position> {
    let mut random = log.random("facts");
    let facts = (0..count).map(|_| Fact::random(&mut random).draft());
    Ok(log.expect_accepted(append(facts)).await?.position())
}

async fn long_log_is_folded_in_few_batches(log: Log) -> Outcome {
    let last = facts(&log, 6_000).await?;
    let rows = Arc::new(FaultyRows::new(log.rows().store(), BALANCES.version));
    let runner = run::<Balance>(log.store(), rows.clone());
    runner.wait_for(last).await?;
    expect_own_rows_equal_fold(&log, last).await?;
    // One call for the table and two for each of four growing batches.
    ensure!(
        rows.calls() <= 9,
        "6,000 events must be folded with at most 9 calls to the row store, but it took {}",
        rows.calls()
    );
    Ok(())
}

async fn next_batch_is_read_during_a_commit(log: Log) -> Outcome {
    facts(&log, 2_500).await?;
    let feed = Arc::new(FaultyLog::new(log.store(), 1_000));
    // The row store hangs in the commit of the first batch.
    let rows =
        Arc::new(FaultyRows::new(log.rows().store(), BALANCES.version).with(2, CallFault::HangsBefore));
    let _runner = run::<Balance>(feed.clone(), rows.clone());
    rows.hangs.notified().await;
    feed.wait_for_page_after(Position::START).await;
    ensure_eq!(
        log.rows().checkpoint_of(&BALANCES).await?.position,
        Position::START,
        "checkpoint while the first batch is being committed"
    );
    Ok(())
}

async fn concurrent_runners_fold_a_long_log(log: Log) -> Outcome {
    let handles: Vec<Handle> = log.handles(2).await?;
    let last = facts(&log, 4_000).await?;
    let runners = [start(&handles[0]), start(&handles[1])];
    for (runner, handle) in runners.iter().zip(&handles) {
        runner.wait_for(last).await?;
        expect_own_rows_equal_fold(handle, last).await?;
    }
    Ok(())
}

async fn projection_stops_deep_in_a_long_log(log: Log) -> Outcome {
    facts(&log, 2_600).await?;
    log.expect_accepted(append([Fact::Defective(3, Defect::Panic).draft()])).await?;
    let defective = log.read_one(read(&["defective"], &[])).await?.records.remove(0);
    facts(&log, 1_500).await?;
    let runner = start(&log);
    expect_stopped_before(&log, &runner, &BALANCES, &defective).await
}

async fn failing_log_is_read_completely(log: Log) -> Outcome {
    let last = facts(&log, 6_000).await?;
    for (every, version) in [2, 3, 5].into_iter().zip(1..) {
        let feed = Arc::new(FaultyLog::new(log.store(), 1_000).failing_every(every));
        let rows = Arc::new(FaultyRows::new(log.rows().store(), version));
        let runner = run::<Balance>(feed, rows);
        runner.wait_for(last).await?;
        let table = Table { version, ..BALANCES };
        expect_rows_equal_fold(&log, &log.rows(), &table, last).await?;
    }
    Ok(())
}
