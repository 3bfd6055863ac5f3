//! A log that is longer than a batch: what is read ahead counts only when its turn comes.

use std::sync::Arc;

use annalist_core::{record::Position, rows::Table};

use super::{
    balances::{BALANCES, Balance, Fact, Spoil},
    doubles::{Reluctant, Trouble, Unsteady},
    engine::{ensure_folded, ensure_own, run, start},
    poison::ensure_stopped,
};
use crate::{
    failure::Outcome,
    given::{append, read},
    log::{Handle, Log},
};

cases!("projection" needs [Rows]: [
    a_long_past_is_folded_in_few_batches,
    the_next_batch_is_read_while_one_is_written,
    two_runners_share_a_long_past,
    it_stops_deep_in_a_long_past,
    a_log_that_fails_now_and_then_is_read_to_its_end,
]);

/// Appends so many random facts at once.
async fn facts(log: &Log, count: usize) -> Outcome<Position> {
    let mut random = log.random("facts");
    let facts = (0..count).map(|_| Fact::random(&mut random).draft());
    Ok(log.accepted(append(facts)).await?.position())
}

async fn a_long_past_is_folded_in_few_batches(log: Log) -> Outcome {
    let last = facts(&log, 6_000).await?;
    let rows = Arc::new(Unsteady::new(log.rows().shared(), BALANCES.version));
    let runner = run::<Balance>(log.store(), rows.clone());
    runner.reached(last).await?;
    ensure_own(&log, last).await?;
    // The table, and four batches, twice as large each second time, each of which reads and writes.
    ensure!(rows.calls() <= 9, "6,000 events are folded in few batches, not with {} calls", rows.calls());
    Ok(())
}

async fn the_next_batch_is_read_while_one_is_written(log: Log) -> Outcome {
    facts(&log, 2_500).await?;
    let feed = Arc::new(Reluctant::new(log.store(), 1_000));
    // It hangs in the commit of the first batch.
    let rows = Arc::new(Unsteady::new(log.rows().shared(), BALANCES.version).with(2, Trouble::HangsBefore));
    let _runner = run::<Balance>(feed.clone(), rows.clone());
    rows.hangs.notified().await;
    feed.asked_behind(Position::START).await;
    ensure_eq!(log.rows().standing(&BALANCES).await?.position, Position::START, "what is read counts later");
    Ok(())
}

async fn two_runners_share_a_long_past(log: Log) -> Outcome {
    let handles: Vec<Handle> = log.handles(2).await?;
    let last = facts(&log, 4_000).await?;
    let runners = [start(&handles[0]), start(&handles[1])];
    for (runner, handle) in runners.iter().zip(&handles) {
        runner.reached(last).await?;
        ensure_own(handle, last).await?;
    }
    Ok(())
}

async fn it_stops_deep_in_a_long_past(log: Log) -> Outcome {
    facts(&log, 2_600).await?;
    log.accepted(append([Fact::Spoiled(3, Spoil::Panic).draft()])).await?;
    let spoiled = log.look(read(&["spoiled"], &[])).await?.records.remove(0);
    facts(&log, 1_500).await?;
    let runner = start(&log);
    ensure_stopped(&log, &runner, &BALANCES, &spoiled).await
}

async fn a_log_that_fails_now_and_then_is_read_to_its_end(log: Log) -> Outcome {
    let last = facts(&log, 6_000).await?;
    for (every, version) in [2, 3, 5].into_iter().zip(1..) {
        let feed = Arc::new(Reluctant::new(log.store(), 1_000).failing_each(every));
        let rows = Arc::new(Unsteady::new(log.rows().shared(), version));
        let runner = run::<Balance>(feed, rows);
        runner.reached(last).await?;
        let table = Table { version, ..BALANCES };
        ensure_folded(&log, &log.rows(), &table, last).await?;
    }
    Ok(())
}
