//! Stores that fail, hang, lose answers or are away for a while: the rows come out right all the same.

use std::{future::poll_fn, pin::pin, sync::Arc, task::Poll, time::Duration};

use annalist_core::{
    projection::State,
    record::Position,
    rows::{RowStore, Table},
};

use super::{
    balances::{BALANCES, Balance, Fact},
    engine::{Running, ensure_folded, ensure_own, run, write},
    faulty_stores::{Reluctant, Trouble, Unsteady},
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

/// Runs with trouble at the first call, then at the second, and so on, until a run has none. Each run has rows of its own.
async fn trouble_at_every_call(log: Log, trouble: Trouble) -> Outcome {
    let last = write(&log, &mut log.random("facts"), 8).await?;
    let pages: Arc<Reluctant> = Arc::new(Reluctant::new(log.store(), 2));
    for (call, version) in (0..).zip(1..) {
        let rows = Arc::new(Unsteady::new(log.rows().store(), version).with(call, trouble));
        let mut runner: Running<Balance> = run(pages.clone(), rows.clone());
        if matches!(trouble, Trouble::HangsBefore | Trouble::HangsAfter) {
            let reached = first(runner.reached(last), rows.hangs.notified()).await.transpose()?.is_some();
            if !reached {
                // It dies in the middle of the call, and another takes over.
                runner.killed().await;
                runner = run(pages.clone(), Arc::new(Unsteady::new(log.rows().store(), version)));
            }
        }
        runner.reached(last).await?;
        ensure_folded(&log, &log.rows(), &Table { version, ..BALANCES }, last)
            .await
            .map_err(|failure| failure.in_context(format!("with trouble at call {call} ({trouble:?})")))?;
        if !rows.had_trouble() {
            ensure!(call > 5, "a run has only {call} calls: the case shows too little");
            return Ok(());
        }
        runner.killed().await;
    }
    Ok(())
}

/// The answer to a question, unless something else comes first.
async fn first<T>(question: impl Future<Output = T>, other: impl Future) -> Option<T> {
    let (mut question, mut other) = (pin!(question), pin!(other));
    poll_fn(|context| match question.as_mut().poll(context) {
        Poll::Ready(answer) => Poll::Ready(Some(answer)),
        Poll::Pending => other.as_mut().poll(context).map(|_| None),
    })
    .await
}

async fn failed_call_is_retried(log: Log) -> Outcome {
    trouble_at_every_call(log, Trouble::Refuses).await
}

async fn lost_response_counts_nothing_twice(log: Log) -> Outcome {
    trouble_at_every_call(log, Trouble::LosesTheAnswer).await
}

async fn runner_killed_before_a_call_loses_nothing(log: Log) -> Outcome {
    trouble_at_every_call(log, Trouble::HangsBefore).await
}

async fn runner_killed_after_a_call_counts_nothing_twice(log: Log) -> Outcome {
    trouble_at_every_call(log, Trouble::HangsAfter).await
}

/// Waits until the runner waits for a store, and asks it about an event that it cannot have counted.
async fn waits(runner: &Running<Balance>, missing: Position) -> Outcome {
    let status = runner.becomes(|status| matches!(status.state, State::Waiting { .. })).await?;
    ensure!(
        matches!(&status.state, State::Waiting { reason } if reason.contains("it is down for a while")),
        "the status must say what the store said: {status:?}"
    );
    ensure!(status.position < missing, "the event at {missing} is not in the rows, but it says {status:?}");
    let reason = runner.behind(missing, Duration::ZERO).await?;
    ensure!(
        reason.contains("it is down for a while"),
        "the reason to be behind must name the store's: {reason}"
    );
    Ok(())
}

async fn projection_catches_up_after_an_outage_of_the_rows(log: Log) -> Outcome {
    let rows = Arc::new(Unsteady::new(log.rows().store(), 1));
    let runner: Running<Balance> = run(log.store(), rows.clone());
    for round in 0..3 {
        let before = write(&log, &mut log.random(("before", round)), 5).await?;
        runner.reached(before).await?;
        rows.set_down(true);
        let missing = log.expect_accepted(append([Fact::Deposited(1, 7).draft()])).await?.position();
        waits(&runner, missing).await?;
        let last = write(&log, &mut log.random(("meanwhile", round)), 5).await?;
        rows.set_down(false);
        runner.reached(last).await?;
        ensure_own(&log, last).await?;
    }
    Ok(())
}

async fn projection_catches_up_after_an_outage_of_the_log(log: Log) -> Outcome {
    let store = Arc::new(Reluctant::new(log.store(), 1_000));
    let runner: Running<Balance> = run(store.clone(), log.rows().store());
    for round in 0..3 {
        let before = write(&log, &mut log.random(("before", round)), 5).await?;
        runner.reached(before).await?;
        store.set_down(true);
        let last = write(&log, &mut log.random(("meanwhile", round)), 5).await?;
        // The runner may not have noticed: without the log it does not know that there is more.
        runner.behind(last, Duration::ZERO).await?;
        store.set_down(false);
        runner.reached(last).await?;
        ensure_own(&log, last).await?;
    }
    Ok(())
}

async fn projection_waits_for_unavailable_rows_at_the_start(log: Log) -> Outcome {
    let last = write(&log, &mut log.random("facts"), 5).await?;
    let rows = Arc::new(Unsteady::new(log.rows().store(), 1));
    rows.set_down(true);
    let runner: Running<Balance> = run(log.store(), rows.clone());
    waits(&runner, last).await?;
    ensure!(rows.checkpoint("balances", 1).await.is_err(), "a store that is down answers");
    rows.set_down(false);
    runner.reached(last).await?;
    ensure_own(&log, last).await
}
