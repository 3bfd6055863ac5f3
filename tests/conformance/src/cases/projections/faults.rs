//! Stores that fail, hang, lose responses or are unavailable for a while: the rows still equal the fold of the log.

use std::{future::poll_fn, pin::pin, sync::Arc, task::Poll, time::Duration};

use annalist_core::{
    projection::State,
    record::Position,
    rows::{RowStore, Table},
};

use super::{
    balances::{BALANCES, Balance, Fact},
    engine::{RunningProjection, append_random, expect_own_rows_equal_fold, expect_rows_equal_fold, run},
    faulty_stores::{CallFault, FaultyLog, FaultyRows},
};
use crate::{
    failure::Outcome,
    support::{fixtures::append, log::Log},
};

cases!("projection_faults" needs [Rows]: [
    failed_call_is_retried,
    lost_response_counts_nothing_twice,
    runner_killed_before_a_call_loses_nothing,
    runner_killed_after_a_call_counts_nothing_twice,
    projection_catches_up_after_an_outage_of_the_rows,
    projection_catches_up_after_an_outage_of_the_log,
    projection_waits_for_unavailable_rows_at_the_start,
]);

/// Runs with a fault at the first call, then at the second, and so on, until a run ends before the faulty call. Each run
/// has its own table.
async fn fault_at_every_call(log: Log, fault: CallFault) -> Outcome {
    let last = append_random(&log, &mut log.random("facts"), 8).await?;
    let pages: Arc<FaultyLog> = Arc::new(FaultyLog::new(log.store(), 2));
    for (call, version) in (0..).zip(1..) {
        let rows = Arc::new(FaultyRows::new(log.rows().store(), version).with(call, fault));
        let mut runner: RunningProjection<Balance> = run(pages.clone(), rows.clone());
        if matches!(fault, CallFault::HangsBefore | CallFault::HangsAfter) {
            let reached = first(runner.wait_for(last), rows.hangs.notified()).await.transpose()?.is_some();
            if !reached {
                // The runner is killed during the call, and another one continues.
                runner.kill().await;
                runner = run(pages.clone(), Arc::new(FaultyRows::new(log.rows().store(), version)));
            }
        }
        runner.wait_for(last).await?;
        expect_rows_equal_fold(&log, &log.rows(), &Table { version, ..BALANCES }, last)
            .await
            .map_err(|failure| failure.in_context(format!("with the fault {fault:?} at call {call}")))?;
        if !rows.fault_occurred() {
            ensure!(call > 5, "a run must have more than 5 calls for this case to be useful, but has {call}");
            return Ok(());
        }
        runner.kill().await;
    }
    Ok(())
}

/// The output of the first future, or `None` if the second one completes earlier.
async fn first<T>(future: impl Future<Output = T>, other: impl Future) -> Option<T> {
    let (mut future, mut other) = (pin!(future), pin!(other));
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => other.as_mut().poll(context).map(|_| None),
    })
    .await
}

async fn failed_call_is_retried(log: Log) -> Outcome {
    fault_at_every_call(log, CallFault::FailsBefore).await
}

async fn lost_response_counts_nothing_twice(log: Log) -> Outcome {
    fault_at_every_call(log, CallFault::LosesResponse).await
}

async fn runner_killed_before_a_call_loses_nothing(log: Log) -> Outcome {
    fault_at_every_call(log, CallFault::HangsBefore).await
}

async fn runner_killed_after_a_call_counts_nothing_twice(log: Log) -> Outcome {
    fault_at_every_call(log, CallFault::HangsAfter).await
}

/// Waits until the runner waits for a store, and expects that it has not processed an event.
async fn expect_waiting(runner: &RunningProjection<Balance>, missing: Position) -> Outcome {
    let status = runner.wait_for_status(|status| matches!(status.state, State::Waiting { .. })).await?;
    ensure!(
        matches!(&status.state, State::Waiting { reason } if reason.contains("the store is down")),
        "the status must contain the error of the store, but is {status:?}"
    );
    ensure!(
        status.position < missing,
        "the event at {missing} is not in the rows, but the status is {status:?}"
    );
    let reason = runner.expect_not_caught_up(missing, Duration::ZERO).await?;
    ensure!(
        reason.contains("the store is down"),
        "the reason must contain the error of the store, but is {reason}"
    );
    Ok(())
}

async fn projection_catches_up_after_an_outage_of_the_rows(log: Log) -> Outcome {
    let rows = Arc::new(FaultyRows::new(log.rows().store(), 1));
    let runner: RunningProjection<Balance> = run(log.store(), rows.clone());
    for round in 0..3 {
        let before = append_random(&log, &mut log.random(("before", round)), 5).await?;
        runner.wait_for(before).await?;
        rows.set_down(true);
        let missing = log.expect_accepted(append([Fact::Deposited(1, 7).draft()])).await?.position();
        expect_waiting(&runner, missing).await?;
        let last = append_random(&log, &mut log.random(("meanwhile", round)), 5).await?;
        rows.set_down(false);
        runner.wait_for(last).await?;
        expect_own_rows_equal_fold(&log, last).await?;
    }
    Ok(())
}

async fn projection_catches_up_after_an_outage_of_the_log(log: Log) -> Outcome {
    let store = Arc::new(FaultyLog::new(log.store(), 1_000));
    let runner: RunningProjection<Balance> = run(store.clone(), log.rows().store());
    for round in 0..3 {
        let before = append_random(&log, &mut log.random(("before", round)), 5).await?;
        runner.wait_for(before).await?;
        store.set_down(true);
        let last = append_random(&log, &mut log.random(("meanwhile", round)), 5).await?;
        // The runner may not have noticed the outage, so it cannot know that there are more events.
        runner.expect_not_caught_up(last, Duration::ZERO).await?;
        store.set_down(false);
        runner.wait_for(last).await?;
        expect_own_rows_equal_fold(&log, last).await?;
    }
    Ok(())
}

async fn projection_waits_for_unavailable_rows_at_the_start(log: Log) -> Outcome {
    let last = append_random(&log, &mut log.random("facts"), 5).await?;
    let rows = Arc::new(FaultyRows::new(log.rows().store(), 1));
    rows.set_down(true);
    let runner: RunningProjection<Balance> = run(log.store(), rows.clone());
    expect_waiting(&runner, last).await?;
    ensure!(rows.checkpoint("balances", 1).await.is_err(), "a row store that is down must fail");
    rows.set_down(false);
    runner.wait_for(last).await?;
    expect_own_rows_equal_fold(&log, last).await
}
