//! Rows belong to a log: they may be in another store, but are never mixed with rows of another log.

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
    engine::{
        RunningProjection, append_random, expect_own_rows_equal_fold, expect_rows_equal_fold, run, start,
    },
    faulty_stores::FaultyLog,
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
    log_that_is_replaced_under_a_running_projection_is_detected,
]);

fn in_memory() -> Handle {
    Handle::new(Arc::new(Memory::new()))
}

async fn rows_in_another_store(log: Log) -> Outcome {
    let other_rows = TestRows::new(in_memory().rows().store(), log.log_id());
    let handles = log.handles(2).await?;
    let runners = handles.iter().map(|handle| run::<Balance>(handle.store(), other_rows.store()));
    let runners: Vec<_> = runners.collect();
    for round in 0..3 {
        let last = append_random(&log, &mut log.random(round), 10).await?;
        for runner in &runners {
            runner.wait_for(last).await?;
        }
        expect_rows_equal_fold(&log, &other_rows, &BALANCES, last).await?;
    }
    ensure_eq!(log.rows().checkpoint("balances", 1).await?, None, "checkpoint in the store of the events");
    Ok(())
}

async fn events_in_another_store(log: Log) -> Outcome {
    let other_log = in_memory();
    let handles = log.handles(2).await?;
    let runners = handles.iter().map(|handle| run::<Balance>(other_log.store(), handle.rows().store()));
    let runners: Vec<_> = runners.collect();
    for round in 0..3 {
        let last = append_random(&other_log, &mut log.random(round), 10).await?;
        for runner in &runners {
            runner.wait_for(last).await?;
        }
        expect_rows_equal_fold(&other_log, &log.rows(), &BALANCES, last).await?;
    }
    ensure_eq!(log.read_all().await?.len(), 0, "number of events in the store of the rows");
    Ok(())
}

async fn rows_of_another_log_are_not_changed(log: Log) -> Outcome {
    let owner = start(&log);
    let last = append_random(&log, &mut log.random("facts"), 5).await?;
    owner.wait_for(last).await?;
    let other = in_memory();
    append_random(&other, &mut log.random("other facts"), 5).await?;
    let runner: RunningProjection<Balance> = run(other.store(), log.rows().store());
    let (reached, stopped) = runner.wait_until_stopped().await?;
    ensure_eq!(reached, Position::START, "position of a runner of another log");
    for id in [log.log_id(), other.log_id()].map(|id: LogId| id.to_string()) {
        ensure!(
            stopped.error.contains(&id),
            "the error must contain the ids of both logs: {}",
            stopped.error
        );
    }
    // The projection that owns the rows is not affected.
    ensure_eq!(
        log.rows().checkpoint_of(&BALANCES).await?.stopped,
        None,
        "reported reason of the projection that owns the rows"
    );
    let last = append_random(&log, &mut log.random("more facts"), 5).await?;
    owner.wait_for(last).await?;
    expect_own_rows_equal_fold(&log, last).await
}

/// No call of the log fails, and the other log is longer: only its epoch and its events are others.
async fn log_that_is_replaced_under_a_running_projection_is_detected(log: Log) -> Outcome {
    let deposits = |count| (0..count).map(|_| Fact::Deposited(1, 1).draft());
    let (first, second) = (Arc::new(FaultyLog::new(Arc::new(Memory::new()), 1_000)), in_memory());
    let handle = Handle::new(Arc::clone(&first) as _);
    let last = handle.expect_accepted(append(deposits(3))).await?.position();
    second.expect_accepted(append(deposits(5))).await?;
    let runner = run::<Balance>(handle.store(), log.rows().store());
    runner.wait_for(last).await?;
    let rows = TestRows::new(log.rows().store(), handle.log_id());
    let before = rows.all_rows(&BALANCES).await?;

    first.replace_with(second.store());
    let (_, stopped) = runner.wait_until_stopped().await?;
    ensure!(stopped.error.contains("restored"), "the error must say what has happened: {}", stopped.error);
    ensure_eq!(
        (rows.all_rows(&BALANCES).await?, rows.checkpoint_of(&BALANCES).await?.position),
        (before, last),
        "rows and position after the log was replaced"
    );
    Ok(())
}

/// Builds rows from a log with deposits and then unrelated events, which is restored from a backup later.
async fn rows_before_restore(log: &Log, deposits: usize, others: usize) -> Outcome<Restored> {
    let deposits = (0..deposits).map(|_| Fact::Deposited(1, 1).draft());
    let others = (0..others).map(|_| event("unrelated", &[]));
    let first = Memory::new();
    let (events, handle) = (deposits.chain(others).collect::<Vec<_>>(), Handle::new(Arc::new(first.clone())));
    let last = handle.expect_accepted(append(events.clone())).await?.position();
    let runner = run::<Balance>(handle.store(), log.rows().store());
    runner.wait_for(last).await?;
    // Waits for the checkpoint after the unrelated events, which is saved with a delay.
    let rows = TestRows::new(log.rows().store(), handle.log_id());
    while rows.checkpoint_of(&BALANCES).await?.position < last {
        pause_if(true).await;
    }
    runner.kill().await;
    Ok(Restored { id: handle.log_id(), events, rows, last })
}

/// A log that is restored from a backup: with the same id and some of the events.
struct Restored {
    id: LogId,
    events: Vec<annalist_core::record::Draft>,
    rows: TestRows,
    last: Position,
}

impl Restored {
    /// Restores the first events, appends new ones, and runs the projection on the log.
    async fn with(
        &self,
        restored_events: usize,
        new: usize,
    ) -> Outcome<(Handle, RunningProjection<Balance>)> {
        let copy = Handle::new(Arc::new(FaultyLog::new(Arc::new(Memory::new()), 1_000).with_log_id(self.id)));
        let new = (0..new).map(|_| Fact::Deposited(9, 9).draft());
        copy.expect_accepted(append(self.events[..restored_events].iter().cloned().chain(new))).await?;
        let runner = run(copy.store(), self.rows.store());
        Ok((copy, runner))
    }

    /// Expects that the projection stops and does not change the rows.
    async fn expect_detected(&self, restored_events: usize, new: usize) -> Outcome {
        let before =
            (self.rows.all_rows(&BALANCES).await?, self.rows.checkpoint_of(&BALANCES).await?.position);
        let (_, runner) = self.with(restored_events, new).await?;
        let (_, stopped) = runner.wait_until_stopped().await?;
        for part in ["restored", "balances", "rebuild", &self.last.to_string()] {
            ensure!(stopped.error.contains(part), "the error must contain {part:?}: {}", stopped.error);
        }
        let checkpoint = self.rows.checkpoint_of(&BALANCES).await?;
        ensure!(checkpoint.stopped.is_some(), "the stored checkpoint must have the reason of the stop");
        ensure_eq!(
            (self.rows.all_rows(&BALANCES).await?, checkpoint.position),
            before,
            "rows and position after the restored log was detected"
        );
        Ok(())
    }
}

async fn truncated_log_is_detected(log: Log) -> Outcome {
    let restored = rows_before_restore(&log, 6, 0).await?;
    for restored_events in [0, 1, 5] {
        restored.expect_detected(restored_events, 0).await?;
    }
    Ok(())
}

async fn diverged_log_is_detected(log: Log) -> Outcome {
    let restored = rows_before_restore(&log, 6, 0).await?;
    for (restored_events, new) in [(5, 1), (5, 10), (0, 6), (3, 2)] {
        restored.expect_detected(restored_events, new).await?;
    }
    Ok(())
}

async fn loss_of_unrelated_events_is_detected(log: Log) -> Outcome {
    // If this went undetected, events appended at their positions would be skipped.
    let restored = rows_before_restore(&log, 3, 3).await?;
    for (restored_events, new) in [(3, 0), (3, 2), (3, 3), (4, 10), (5, 1)] {
        restored.expect_detected(restored_events, new).await?;
    }
    Ok(())
}

async fn complete_log_continues(log: Log) -> Outcome {
    let restored = rows_before_restore(&log, 3, 3).await?;
    let (copy, runner) = restored.with(6, 4).await?;
    let end = copy.settled().await?.position;
    runner.wait_for(end).await?;
    expect_rows_equal_fold(&copy, &restored.rows, &BALANCES, end).await?;
    runner.kill().await;
    // An earlier anchor is sufficient, too.
    let at = restored.rows.checkpoint_of(&BALANCES).await?.position.get();
    let third = copy.read_all().await?[2].clone();
    let anchor = Anchor { position: third.position, event: third.id };
    let result = restored.rows.commit(change(&BALANCES, at, at).with_anchor(anchor)).await?;
    ensure_eq!(result, CommitOutcome::Done, "outcome of a change that only moves the anchor");
    let runner: RunningProjection<Balance> = run(copy.store(), restored.rows.store());
    let last = append_random(&copy, &mut log.random("more"), 3).await?;
    runner.wait_for(last).await?;
    expect_rows_equal_fold(&copy, &restored.rows, &BALANCES, last).await?;
    runner.kill().await;
    // An anchor with the id of a missing event is detected.
    let at = restored.rows.checkpoint_of(&BALANCES).await?.position.get();
    let anchor = Anchor { position: third.position, event: Uuid::from_u128(7) };
    restored.rows.expect_committed(change(&BALANCES, at, at).with_anchor(anchor)).await?;
    let runner: RunningProjection<Balance> = run(copy.store(), restored.rows.store());
    let (_, stopped) = runner.wait_until_stopped().await?;
    ensure_eq!(stopped.event, Some(Uuid::from_u128(7)), "id of the missing event");
    ensure_eq!(stopped.position, Some(third.position), "position of the missing event");
    Ok(())
}
