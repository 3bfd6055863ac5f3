//! A log that is longer than a batch: what is read ahead counts only when its turn comes.

use std::sync::Arc;

use annalist_core::{record::Position, rows::Table};

use super::{
    balances::{BALANCES, Balance, Fact, Spoil},
    engine::{ensure_folded, ensure_own, run, start},
    faulty_stores::{Reluctant, Trouble, Unsteady},
    poison_events::ensure_stopped,
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
    failing_log_is_read_to_its_end,
]);

/// Appends so many random facts at once.
async fn facts(log: &Log, count: usize) -> Outcome<Position> {
    let mut random = log.random("facts");
    let facts = (0..count).map(|_| Fact::random(&mut random).draft());
    Ok(log.expect_accepted(append(facts)).await?.position())
}

async fn long_log_is_folded_in_few_batches(log: Log) -> Outcome {
    let last = facts(&log, 6_000).await?;
    let rows = Arc::new(Unsteady::new(log.rows().store(), BALANCES.version));
    let runner = run::<Balance>(log.store(), rows.clone());
    runner.reached(last).await?;
    ensure_own(&log, last).await?;
    // The table, and four batches, twice as large each second time, each of which reads and writes.
    ensure!(rows.calls() <= 9, "6,000 events are folded in few batches, not with {} calls", rows.calls());
    Ok(())
}

async fn next_batch_is_read_during_a_commit(log: Log) -> Outcome {
    facts(&log, 2_500).await?;
    let feed = Arc::new(Reluctant::new(log.store(), 1_000));
    // It hangs in the commit of the first batch.
    let rows = Arc::new(Unsteady::new(log.rows().store(), BALANCES.version).with(2, Trouble::HangsBefore));
    let _runner = run::<Balance>(feed.clone(), rows.clone());
    rows.hangs.notified().await;
    feed.asked_behind(Position::START).await;
    ensure_eq!(
        log.rows().checkpoint_of(&BALANCES).await?.position,
        Position::START,
        "what is read counts later"
    );
    Ok(())
}

async fn concurrent_runners_fold_a_long_log(log: Log) -> Outcome {
    let handles: Vec<Handle> = log.handles(2).await?;
    let last = facts(&log, 4_000).await?;
    let runners = [start(&handles[0]), start(&handles[1])];
    for (runner, handle) in runners.iter().zip(&handles) {
        runner.reached(last).await?;
        ensure_own(handle, last).await?;
    }
    Ok(())
}

async fn projection_stops_deep_in_a_long_log(log: Log) -> Outcome {
    facts(&log, 2_600).await?;
    log.expect_accepted(append([Fact::Spoiled(3, Spoil::Panic).draft()])).await?;
    let spoiled = log.read_one(read(&["spoiled"], &[])).await?.records.remove(0);
    facts(&log, 1_500).await?;
    let runner = start(&log);
    ensure_stopped(&log, &runner, &BALANCES, &spoiled).await
}

async fn failing_log_is_read_to_its_end(log: Log) -> Outcome {
    let last = facts(&log, 6_000).await?;
    for (every, version) in [2, 3, 5].into_iter().zip(1..) {
        let feed = Arc::new(Reluctant::new(log.store(), 1_000).failing_each(every));
        let rows = Arc::new(Unsteady::new(log.rows().store(), version));
        let runner = run::<Balance>(feed, rows);
        runner.reached(last).await?;
        let table = Table { version, ..BALANCES };
        ensure_folded(&log, &log.rows(), &table, last).await?;
    }
    Ok(())
}
