//! Rows belong to a log: they may stand in another store, but are never mixed with those of another log.

use std::sync::Arc;

use annalist_core::{
    record::Position,
    rows::{Anchor, CommitOutcome},
    store::LogId,
};
use annalist_memory::Memory;
use uuid::Uuid;

use super::{
    balances::{BALANCES, Balance, Fact},
    engine::{Running, ensure_folded, ensure_own, run, start, write},
    faulty_stores::Reluctant,
};
use crate::{
    failure::Outcome,
    support::{
        concurrency::pause_if,
        fixtures::{append, event},
        handle::Handle,
        log::Log,
        rows::{RowChangeExt as _, TestRows, change},
    },
};

cases!("projection_logs" needs [Rows]: [
    rows_in_another_store,
    events_in_another_store,
    rows_of_another_log_are_not_changed,
    truncated_log_is_detected,
    diverged_log_is_detected,
    loss_of_unrelated_events_is_detected,
    complete_log_continues,
]);

fn in_memory() -> Handle {
    Handle::new(Arc::new(Memory::new()))
}

async fn rows_in_another_store(log: Log) -> Outcome {
    let elsewhere = TestRows::new(in_memory().rows().store(), log.log_id());
    let handles = log.handles(2).await?;
    let runners = handles.iter().map(|handle| run::<Balance>(handle.store(), elsewhere.store()));
    let runners: Vec<_> = runners.collect();
    for round in 0..3 {
        let last = write(&log, &mut log.random(round), 10).await?;
        for runner in &runners {
            runner.reached(last).await?;
        }
        ensure_folded(&log, &elsewhere, &BALANCES, last).await?;
    }
    ensure_eq!(log.rows().checkpoint("balances", 1).await?, None, "a checkpoint in the store of the events");
    Ok(())
}

async fn events_in_another_store(log: Log) -> Outcome {
    let elsewhere = in_memory();
    let handles = log.handles(2).await?;
    let runners = handles.iter().map(|handle| run::<Balance>(elsewhere.store(), handle.rows().store()));
    let runners: Vec<_> = runners.collect();
    for round in 0..3 {
        let last = write(&elsewhere, &mut log.random(round), 10).await?;
        for runner in &runners {
            runner.reached(last).await?;
        }
        ensure_folded(&elsewhere, &log.rows(), &BALANCES, last).await?;
    }
    ensure_eq!(log.read_all().await?.len(), 0, "events in the store of the rows");
    Ok(())
}

async fn rows_of_another_log_are_not_changed(log: Log) -> Outcome {
    let healthy = start(&log);
    let last = write(&log, &mut log.random("facts"), 5).await?;
    healthy.reached(last).await?;
    let intruder = in_memory();
    write(&intruder, &mut log.random("other facts"), 5).await?;
    let runner: Running<Balance> = run(intruder.store(), log.rows().store());
    let (reached, stopped) = runner.stopped().await?;
    ensure_eq!(reached, Position::START, "how far a runner of another log is");
    for id in [log.log_id(), intruder.log_id()].map(|id: LogId| id.to_string()) {
        ensure!(stopped.error.contains(&id), "the error must name both logs: {}", stopped.error);
    }
    // Those whose rows they are do not even notice.
    ensure_eq!(
        log.rows().checkpoint_of(&BALANCES).await?.stopped,
        None,
        "what stops the projection that is healthy"
    );
    let last = write(&log, &mut log.random("more facts"), 5).await?;
    healthy.reached(last).await?;
    ensure_own(&log, last).await
}

/// Rows that were made of a log with so many deposits and then so many events of others, before it was restored.
async fn made_of(log: &Log, deposits: usize, others: usize) -> Outcome<Restored> {
    let deposits = (0..deposits).map(|_| Fact::Deposited(1, 1).draft());
    let others = (0..others).map(|_| event("noticed", &[]));
    let first = Memory::new();
    let (events, handle) = (deposits.chain(others).collect::<Vec<_>>(), Handle::new(Arc::new(first.clone())));
    let last = handle.expect_accepted(append(events.clone())).await?.position();
    let runner = run::<Balance>(handle.store(), log.rows().store());
    runner.reached(last).await?;
    // Also what it does only when there is time: the place behind events of others.
    let rows = TestRows::new(log.rows().store(), handle.log_id());
    while rows.checkpoint_of(&BALANCES).await?.position < last {
        pause_if(true).await;
    }
    runner.killed().await;
    Ok(Restored { id: handle.log_id(), events, rows, last })
}

/// A log that is restored from a copy has the old identity and some of the old events.
struct Restored {
    id: LogId,
    events: Vec<annalist_core::record::Draft>,
    rows: TestRows,
    last: Position,
}

impl Restored {
    /// The log again, with the first of its events and then others. Runs the projection on it.
    async fn with(&self, kept: usize, new: usize) -> Outcome<(Handle, Running<Balance>)> {
        let copy = Handle::new(Arc::new(Reluctant::new(Arc::new(Memory::new()), 1_000).named(self.id)));
        let new = (0..new).map(|_| Fact::Deposited(9, 9).draft());
        copy.expect_accepted(append(self.events[..kept].iter().cloned().chain(new))).await?;
        let runner = run(copy.store(), self.rows.store());
        Ok((copy, runner))
    }

    /// That the projection stops, and leaves the rows as they were.
    async fn is_noticed(&self, kept: usize, new: usize) -> Outcome {
        let before =
            (self.rows.all_rows(&BALANCES).await?, self.rows.checkpoint_of(&BALANCES).await?.position);
        let (_, runner) = self.with(kept, new).await?;
        let (_, stopped) = runner.stopped().await?;
        for part in ["restored", "balances", "rebuild", &self.last.to_string()] {
            ensure!(stopped.error.contains(part), "the error must say {part:?}: {}", stopped.error);
        }
        let checkpoint = self.rows.checkpoint_of(&BALANCES).await?;
        ensure!(
            checkpoint.stopped.is_some(),
            "the stored checkpoint must say why the projection stands still"
        );
        ensure_eq!(
            (self.rows.all_rows(&BALANCES).await?, checkpoint.position),
            before,
            "rows of a restored log"
        );
        Ok(())
    }
}

async fn truncated_log_is_detected(log: Log) -> Outcome {
    let restored = made_of(&log, 6, 0).await?;
    for kept in [0, 1, 5] {
        restored.is_noticed(kept, 0).await?;
    }
    Ok(())
}

async fn diverged_log_is_detected(log: Log) -> Outcome {
    let restored = made_of(&log, 6, 0).await?;
    for (kept, new) in [(5, 1), (5, 10), (0, 6), (3, 2)] {
        restored.is_noticed(kept, new).await?;
    }
    Ok(())
}

async fn loss_of_unrelated_events_is_detected(log: Log) -> Outcome {
    // Else what is appended in their place would be skipped.
    let restored = made_of(&log, 3, 3).await?;
    for (kept, new) in [(3, 0), (3, 2), (3, 3), (4, 10), (5, 1)] {
        restored.is_noticed(kept, new).await?;
    }
    Ok(())
}

async fn complete_log_continues(log: Log) -> Outcome {
    let restored = made_of(&log, 3, 3).await?;
    let (copy, runner) = restored.with(6, 4).await?;
    let end = copy.settled().await?.position;
    runner.reached(end).await?;
    ensure_folded(&copy, &restored.rows, &BALANCES, end).await?;
    runner.killed().await;
    // An anchor from before the log was known so well is enough, too.
    let at = restored.rows.checkpoint_of(&BALANCES).await?.position.get();
    let third = copy.read_all().await?[2].clone();
    let anchor = Anchor { position: third.position, event: third.id };
    let answer = restored.rows.commit(change(&BALANCES, at, at).with_anchor(anchor)).await?;
    ensure_eq!(answer, CommitOutcome::Done, "a change that only moves the anchor");
    let runner: Running<Balance> = run(copy.store(), restored.rows.store());
    let last = write(&copy, &mut log.random("more"), 3).await?;
    runner.reached(last).await?;
    ensure_folded(&copy, &restored.rows, &BALANCES, last).await?;
    runner.killed().await;
    // And one that names an event that never was is not.
    let at = restored.rows.checkpoint_of(&BALANCES).await?.position.get();
    let anchor = Anchor { position: third.position, event: Uuid::from_u128(7) };
    restored.rows.expect_committed(change(&BALANCES, at, at).with_anchor(anchor)).await?;
    let runner: Running<Balance> = run(copy.store(), restored.rows.store());
    let (_, stopped) = runner.stopped().await?;
    ensure_eq!(stopped.event, Some(Uuid::from_u128(7)), "the event that is not there");
    ensure_eq!(stopped.position, Some(third.position), "where it is not");
    Ok(())
}
