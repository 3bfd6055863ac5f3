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
    doubles::Reluctant,
    engine::{Running, ensure_folded, ensure_own, run, start, write},
};
use crate::{
    failure::Outcome,
    given::{append, event},
    log::{Handle, Log, pause_if},
    rows::{Does as _, Rows, change},
};

cases!("projection_log" needs [Rows]: [
    events_here_and_rows_elsewhere,
    events_elsewhere_and_rows_here,
    rows_of_another_log_are_left_alone,
    a_log_that_lost_its_end_is_noticed,
    a_log_that_went_another_way_is_noticed,
    a_log_that_lost_only_events_of_others_is_noticed,
    a_log_that_kept_everything_goes_on,
]);

fn in_memory() -> Handle {
    Handle::new(Arc::new(Memory::new()))
}

async fn events_here_and_rows_elsewhere(log: Log) -> Outcome {
    let elsewhere = Rows::of(in_memory().rows().shared(), log.log_id());
    let handles = log.handles(2).await?;
    let runners = handles.iter().map(|handle| run::<Balance>(handle.store(), elsewhere.shared()));
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

async fn events_elsewhere_and_rows_here(log: Log) -> Outcome {
    let elsewhere = in_memory();
    let handles = log.handles(2).await?;
    let runners = handles.iter().map(|handle| run::<Balance>(elsewhere.store(), handle.rows().shared()));
    let runners: Vec<_> = runners.collect();
    for round in 0..3 {
        let last = write(&elsewhere, &mut log.random(round), 10).await?;
        for runner in &runners {
            runner.reached(last).await?;
        }
        ensure_folded(&elsewhere, &log.rows(), &BALANCES, last).await?;
    }
    ensure_eq!(log.everything().await?.len(), 0, "events in the store of the rows");
    Ok(())
}

async fn rows_of_another_log_are_left_alone(log: Log) -> Outcome {
    let healthy = start(&log);
    let last = write(&log, &mut log.random("facts"), 5).await?;
    healthy.reached(last).await?;
    let intruder = in_memory();
    write(&intruder, &mut log.random("other facts"), 5).await?;
    let runner: Running<Balance> = run(intruder.store(), log.rows().shared());
    let (reached, stopped) = runner.stopped().await?;
    ensure_eq!(reached, Position::START, "how far a runner of another log is");
    for id in [log.log_id(), intruder.log_id()].map(|id: LogId| id.to_string()) {
        ensure!(stopped.error.contains(&id), "the error must name both logs: {}", stopped.error);
    }
    // Those whose rows they are do not even notice.
    ensure_eq!(
        log.rows().standing(&BALANCES).await?.stopped,
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
    let last = handle.accepted(append(events.clone())).await?.position();
    let runner = run::<Balance>(handle.store(), log.rows().shared());
    runner.reached(last).await?;
    // Also what it does only when there is time: the place behind events of others.
    let rows = Rows::of(log.rows().shared(), handle.log_id());
    while rows.standing(&BALANCES).await?.position < last {
        pause_if(true).await;
    }
    runner.killed().await;
    Ok(Restored { id: handle.log_id(), events, rows, last })
}

/// A log that is restored from a copy has the old identity and some of the old events.
struct Restored {
    id: LogId,
    events: Vec<annalist_core::record::Draft>,
    rows: Rows,
    last: Position,
}

impl Restored {
    /// The log again, with the first of its events and then others. Runs the projection on it.
    async fn with(&self, kept: usize, new: usize) -> Outcome<(Handle, Running<Balance>)> {
        let copy = Handle::new(Arc::new(Reluctant::new(Arc::new(Memory::new()), 1_000).named(self.id)));
        let new = (0..new).map(|_| Fact::Deposited(9, 9).draft());
        copy.accepted(append(self.events[..kept].iter().cloned().chain(new))).await?;
        let runner = run(copy.store(), self.rows.shared());
        Ok((copy, runner))
    }

    /// That the projection stops, and leaves the rows as they were.
    async fn is_noticed(&self, kept: usize, new: usize) -> Outcome {
        let before = (self.rows.all(&BALANCES).await?, self.rows.standing(&BALANCES).await?.position);
        let (_, runner) = self.with(kept, new).await?;
        let (_, stopped) = runner.stopped().await?;
        for part in ["restored", "balances", "rebuild", &self.last.to_string()] {
            ensure!(stopped.error.contains(part), "the error must say {part:?}: {}", stopped.error);
        }
        let checkpoint = self.rows.standing(&BALANCES).await?;
        ensure!(
            checkpoint.stopped.is_some(),
            "the stored checkpoint must say why the projection stands still"
        );
        ensure_eq!((self.rows.all(&BALANCES).await?, checkpoint.position), before, "rows of a restored log");
        Ok(())
    }
}

async fn a_log_that_lost_its_end_is_noticed(log: Log) -> Outcome {
    let restored = made_of(&log, 6, 0).await?;
    for kept in [0, 1, 5] {
        restored.is_noticed(kept, 0).await?;
    }
    Ok(())
}

async fn a_log_that_went_another_way_is_noticed(log: Log) -> Outcome {
    let restored = made_of(&log, 6, 0).await?;
    for (kept, new) in [(5, 1), (5, 10), (0, 6), (3, 2)] {
        restored.is_noticed(kept, new).await?;
    }
    Ok(())
}

async fn a_log_that_lost_only_events_of_others_is_noticed(log: Log) -> Outcome {
    // Else what is appended in their place would be skipped.
    let restored = made_of(&log, 3, 3).await?;
    for (kept, new) in [(3, 0), (3, 2), (3, 3), (4, 10), (5, 1)] {
        restored.is_noticed(kept, new).await?;
    }
    Ok(())
}

async fn a_log_that_kept_everything_goes_on(log: Log) -> Outcome {
    let restored = made_of(&log, 3, 3).await?;
    let (copy, runner) = restored.with(6, 4).await?;
    let end = copy.settled().await?.position;
    runner.reached(end).await?;
    ensure_folded(&copy, &restored.rows, &BALANCES, end).await?;
    runner.killed().await;
    // An anchor from before the log was known so well is enough, too.
    let at = restored.rows.standing(&BALANCES).await?.position.get();
    let third = copy.everything().await?[2].clone();
    let anchor = Anchor { position: third.position, event: third.id };
    let answer = restored.rows.commit(change(&BALANCES, at, at).anchored(anchor)).await?;
    ensure_eq!(answer, CommitOutcome::Done, "a change that only moves the anchor");
    let runner: Running<Balance> = run(copy.store(), restored.rows.shared());
    let last = write(&copy, &mut log.random("more"), 3).await?;
    runner.reached(last).await?;
    ensure_folded(&copy, &restored.rows, &BALANCES, last).await?;
    runner.killed().await;
    // And one that names an event that never was is not.
    let at = restored.rows.standing(&BALANCES).await?.position.get();
    let anchor = Anchor { position: third.position, event: Uuid::from_u128(7) };
    restored.rows.done(change(&BALANCES, at, at).anchored(anchor)).await?;
    let runner: Running<Balance> = run(copy.store(), restored.rows.shared());
    let (_, stopped) = runner.stopped().await?;
    ensure_eq!(stopped.event, Some(Uuid::from_u128(7)), "the event that is not there");
    ensure_eq!(stopped.position, Some(third.position), "where it is not");
    Ok(())
}
