//! Events that a projection cannot process: it stops before them, reports the error, and continues once it is fixed.

use annalist_core::{
    projection::{State, Stopped},
    record::{Position, Record},
    rows::Table,
};

use super::{
    balances::{BALANCES, Balance, DEFECTS, Defect, Fact, UNREADABLE},
    engine::{
        NO_TIMEOUT, RunningProjection, append_random, expect_own_rows_equal_fold, expect_rows_equal_fold,
        run, start,
    },
    faulty_stores::{FaultyLog, FaultyRows},
};
use crate::{
    failure::Outcome,
    support::{
        fixtures::append,
        handle::Handle,
        log::Log,
        rows::{RowChangeExt as _, change, int},
    },
};

cases!("poison_events" needs [Rows]: [
    projection_stops_before_a_poison_event,
    projection_stops_before_a_poison_event_with_batches_of_every_size,
    projection_stops_before_a_poison_event_at_the_start,
    other_projections_continue,
    concurrent_runners_stop_at_the_same_event,
    fixed_projection_continues_with_the_event,
    unreadable_row_stops_the_projection,
    waiting_beyond_the_stop_fails_at_once,
]);

/// Appends good events, a defective one and good events again. Returns the defective one and the last position.
async fn append_with_defect(log: &Handle, defect: Defect) -> Outcome<(Record, Position)> {
    let facts = [
        Fact::Deposited(1, 1),
        Fact::Moved(1, 2, 2),
        Fact::Deposited(3, 3),
        Fact::Closed(3),
        Fact::Defective(2, defect),
        Fact::Deposited(2, 4),
        Fact::Moved(1, 3, 5),
        Fact::Deposited(4, 6),
    ];
    let last = log.expect_accepted(append(facts.map(Fact::draft))).await?.position();
    let defective = log.read_one(crate::support::fixtures::read(&["defective"], &[])).await?.records.pop();
    defective
        .map(|defective| (defective, last))
        .ok_or_else(|| crate::Failure::new("the defective event is not in the log"))
}

/// The position before an event.
fn before(defective: &Record) -> Position {
    Position::new(defective.position.get() - 1)
}

/// Expects that a runner stopped before this event, and that its status and the stored checkpoint show the reason.
pub(super) async fn expect_stopped_before(
    log: &Handle,
    runner: &RunningProjection<Balance>,
    table: &Table,
    defective: &Record,
) -> Outcome {
    let (reached, stopped) = runner.wait_until_stopped().await?;
    let Stopped { position, event, name, error } = &stopped;
    ensure_eq!(*position, Some(defective.position), "position of the event in the status");
    ensure_eq!(*event, Some(defective.id), "id of the event in the status");
    ensure_eq!(name.as_deref(), Some(&*defective.name), "type of the event in the status");
    ensure!(!error.is_empty(), "the status must contain an error, but is {stopped:?}");
    ensure!(
        reached < defective.position,
        "the projection stopped before {}, but its status is at {reached}",
        defective.position
    );
    let checkpoint = log.rows().checkpoint_of(table).await?;
    ensure!(
        checkpoint.position < defective.position,
        "the projection stopped before {}, but its checkpoint is at {}",
        defective.position,
        checkpoint.position
    );
    let reported = checkpoint.stopped.unwrap_or_default();
    for part in [&defective.position.to_string(), &defective.id.to_string(), &*defective.name, error] {
        ensure!(reported.contains(part), "the stored reason must contain {part:?}: {reported}");
    }
    expect_rows_equal_fold(log, &log.rows(), table, before(defective)).await
}

async fn projection_stops_before_a_poison_event(log: Log) -> Outcome {
    for (defect, part) in
        DEFECTS.into_iter().zip(["version 2", "no key", "the handler panics on this event", "the limit is"])
    {
        let log = log.another_log().await?;
        let runner = start(&log);
        let last = append_random(&log, &mut log.random("before"), 5).await?;
        runner.wait_for(last).await?;
        let (defective, _) = append_with_defect(&log, defect).await?;
        expect_stopped_before(&log, &runner, &BALANCES, &defective).await?;
        let (_, stopped) = runner.wait_until_stopped().await?;
        ensure!(stopped.error.contains(part), "the error must contain {part:?}: {}", stopped.error);
    }
    Ok(())
}

async fn projection_stops_before_a_poison_event_with_batches_of_every_size(log: Log) -> Outcome {
    for (defect, version) in DEFECTS.into_iter().zip([10, 20, 30, 40]) {
        let log = log.another_log().await?;
        let (defective, _) = append_with_defect(&log, defect).await?;
        for (limit, version) in [1, 2, 3, 5].into_iter().zip(version..) {
            let pages = std::sync::Arc::new(FaultyLog::new(log.store(), limit));
            let rows = std::sync::Arc::new(FaultyRows::new(log.rows().store(), version));
            let runner = run::<Balance>(pages, rows);
            expect_stopped_before(&log, &runner, &Table { version, ..BALANCES }, &defective).await?;
        }
    }
    Ok(())
}

async fn projection_stops_before_a_poison_event_at_the_start(log: Log) -> Outcome {
    let first = log.expect_accepted(append([Fact::Defective(1, Defect::Panic).draft()])).await?;
    log.expect_accepted(append([Fact::Deposited(1, 1).draft()])).await?;
    let defective = log.read_all().await?.remove(0);
    let runner = start(&log);
    expect_stopped_before(&log, &runner, &BALANCES, &defective).await?;
    // Every restart has the same result.
    for _ in 0..3 {
        let again = start(&log);
        expect_stopped_before(&log, &again, &BALANCES, &defective).await?;
    }
    let checkpoint = log.rows().checkpoint_of(&BALANCES).await?;
    ensure!(
        checkpoint.position < first.position(),
        "the checkpoint must be before the event, but is at {}",
        checkpoint.position
    );
    Ok(())
}

async fn other_projections_continue(log: Log) -> Outcome {
    let other_rows = std::sync::Arc::new(FaultyRows::new(log.rows().store(), 2));
    let (stopped, other) = (start(&log), run::<Balance<true>>(log.store(), other_rows));
    let (defective, last) = append_with_defect(&log, Defect::Newer).await?;
    expect_stopped_before(&log, &stopped, &BALANCES, &defective).await?;
    other.wait_for(last).await?;
    let last = append_random(&log, &mut log.random("after"), 5).await?;
    other.wait_for(last).await?;
    let table = Table { version: 2, ..BALANCES };
    expect_rows_equal_fold(&log, &log.rows(), &table, last).await?;
    ensure_eq!(
        log.rows().checkpoint_of(&table).await?.stopped,
        None,
        "reported reason of the other projection"
    );
    expect_stopped_before(&log, &stopped, &BALANCES, &defective).await
}

async fn concurrent_runners_stop_at_the_same_event(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let runners = [start(&handles[0]), start(&handles[1])];
    let (defective, _) = append_with_defect(&log, Defect::Panic).await?;
    for runner in &runners {
        expect_stopped_before(&log, runner, &BALANCES, &defective).await?;
    }
    Ok(())
}

async fn fixed_projection_continues_with_the_event(log: Log) -> Outcome {
    for defect in DEFECTS {
        let log = log.another_log().await?;
        let runner = start(&log);
        let (defective, last) = append_with_defect(&log, defect).await?;
        expect_stopped_before(&log, &runner, &BALANCES, &defective).await?;
        runner.kill().await;
        let fixed = run::<Balance<true>>(log.store(), log.rows().store());
        fixed.wait_for(last).await?;
        expect_own_rows_equal_fold(&log, last).await?;
        ensure_eq!(
            log.rows().checkpoint_of(&BALANCES).await?.stopped,
            None,
            "reported reason of the fixed projection"
        );
        let last = append_random(&log, &mut log.random("after"), 5).await?;
        fixed.wait_for(last).await?;
        expect_own_rows_equal_fold(&log, last).await?;
    }
    Ok(())
}

async fn unreadable_row_stops_the_projection(log: Log) -> Outcome {
    let runner = start(&log);
    let last = log
        .expect_accepted(append([1, 2].map(|account| Fact::Deposited(account, 1).draft())))
        .await?
        .position();
    runner.wait_for(last).await?;
    runner.kill().await;
    // A row is damaged in the store.
    let rows = log.rows();
    let mut damaged = rows.row(&BALANCES, vec![int(2)]).await?.unwrap_or_default();
    let intact = damaged.clone();
    damaged[1] = int(UNREADABLE);
    let at = rows.checkpoint_of(&BALANCES).await?.position.get();
    rows.expect_committed(change(&BALANCES, at, at).upserting(vec![damaged.clone()])).await?;
    let runner = start(&log);
    let unaffected = log.expect_accepted(append([Fact::Deposited(1, 1).draft()])).await?.position();
    runner.wait_for(unaffected).await?;
    let receipt = log.expect_accepted(append([Fact::Moved(1, 2, 1).draft()])).await?;
    let (reached, stopped) = runner.wait_until_stopped().await?;
    ensure_eq!(
        stopped.position,
        Some(receipt.position()),
        "position of the event that needs the damaged row"
    );
    ensure!(reached < receipt.position(), "the status must be before the event, but is at {reached}");
    ensure!(
        stopped.error.contains("cannot be read"),
        "the error must contain `cannot be read`: {}",
        stopped.error
    );
    ensure_eq!(rows.row(&BALANCES, vec![int(2)]).await?, Some(damaged), "row that is damaged");
    // The row is repaired.
    let at = rows.checkpoint_of(&BALANCES).await?.position.get();
    rows.expect_committed(change(&BALANCES, at, at).upserting(vec![intact])).await?;
    let runner = start(&log);
    runner.wait_for(receipt.position()).await?;
    expect_own_rows_equal_fold(&log, receipt.position()).await
}

async fn waiting_beyond_the_stop_fails_at_once(log: Log) -> Outcome {
    let runner = start(&log);
    let (defective, last) = append_with_defect(&log, Defect::Panic).await?;
    // Without noticing the stop, the call would wait for a day.
    for position in [defective.position, last, Position::END] {
        let reason = runner.expect_not_caught_up(position, NO_TIMEOUT).await?;
        ensure!(
            reason.contains("the handler panics on this event"),
            "the reason must contain the error of the handler, for {position}: {reason}"
        );
    }
    runner.wait_until_stopped().await?;
    let status = runner.model.status();
    ensure!(matches!(status.state, State::Stopped(_)), "the status must still be stopped, but is {status:?}");
    Ok(())
}
