//! Events that a projection cannot take: it stops before them, says so, and goes on with them when it can.

use annalist_core::{
    projection::{State, Stopped},
    record::{Position, Record},
    rows::Table,
};

use super::{
    balances::{BALANCES, Balance, Fact, SPOILS, Spoil, UNREADABLE},
    engine::{LONG, Running, ensure_folded, ensure_own, run, start, write},
    faulty_stores::{Reluctant, Unsteady},
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

/// Appends good events, a spoiled one and good events again; gives the spoiled one and the last position.
async fn spoil(log: &Handle, spoil: Spoil) -> Outcome<(Record, Position)> {
    let facts = [
        Fact::Deposited(1, 1),
        Fact::Moved(1, 2, 2),
        Fact::Deposited(3, 3),
        Fact::Closed(3),
        Fact::Spoiled(2, spoil),
        Fact::Deposited(2, 4),
        Fact::Moved(1, 3, 5),
        Fact::Deposited(4, 6),
    ];
    let last = log.expect_accepted(append(facts.map(Fact::draft))).await?.position();
    let spoiled = log.read_one(crate::support::fixtures::read(&["spoiled"], &[])).await?.records.pop();
    spoiled
        .map(|spoiled| (spoiled, last))
        .ok_or_else(|| crate::Failure::new("the spoiled event is not there"))
}

/// Just before an event.
fn before(spoiled: &Record) -> Position {
    Position::new(spoiled.position.get() - 1)
}

/// That a runner stopped at this event, and everybody can see why.
pub(super) async fn ensure_stopped(
    log: &Handle,
    runner: &Running<Balance>,
    table: &Table,
    spoiled: &Record,
) -> Outcome {
    let (reached, stopped) = runner.stopped().await?;
    let Stopped { position, event, name, error } = &stopped;
    ensure_eq!(*position, Some(spoiled.position), "the position of the event that it stopped at");
    ensure_eq!(*event, Some(spoiled.id), "the id of that event");
    ensure_eq!(name.as_deref(), Some(&*spoiled.name), "the type of that event");
    ensure!(!error.is_empty(), "there must be an error: {stopped:?}");
    ensure!(
        reached < spoiled.position,
        "it stands before {}, but says it has reached {reached}",
        spoiled.position
    );
    let checkpoint = log.rows().checkpoint_of(table).await?;
    ensure!(
        checkpoint.position < spoiled.position,
        "it stands before {}, but its checkpoint at {}",
        spoiled.position,
        checkpoint.position
    );
    let told = checkpoint.stopped.unwrap_or_default();
    for part in [&spoiled.position.to_string(), &spoiled.id.to_string(), &*spoiled.name, error] {
        ensure!(told.contains(part), "the stored checkpoint must tell {part:?}: {told}");
    }
    ensure_folded(log, &log.rows(), table, before(spoiled)).await
}

async fn projection_stops_before_a_poison_event(log: Log) -> Outcome {
    for (sort, part) in SPOILS.into_iter().zip(["version 2", "no key", "the handler cannot take it", "NUL"]) {
        let log = log.another_log().await?;
        let runner = start(&log);
        let last = write(&log, &mut log.random("before"), 5).await?;
        runner.reached(last).await?;
        let (spoiled, _) = spoil(&log, sort).await?;
        ensure_stopped(&log, &runner, &BALANCES, &spoiled).await?;
        let (_, stopped) = runner.stopped().await?;
        ensure!(stopped.error.contains(part), "the error must say {part:?}: {}", stopped.error);
    }
    Ok(())
}

async fn projection_stops_before_a_poison_event_with_batches_of_every_size(log: Log) -> Outcome {
    for (sort, version) in SPOILS.into_iter().zip([10, 20, 30, 40]) {
        let log = log.another_log().await?;
        let (spoiled, _) = spoil(&log, sort).await?;
        for (limit, version) in [1, 2, 3, 5].into_iter().zip(version..) {
            let pages = std::sync::Arc::new(Reluctant::new(log.store(), limit));
            let rows = std::sync::Arc::new(Unsteady::new(log.rows().store(), version));
            let runner = run::<Balance>(pages, rows);
            ensure_stopped(&log, &runner, &Table { version, ..BALANCES }, &spoiled).await?;
        }
    }
    Ok(())
}

async fn projection_stops_before_a_poison_event_at_the_start(log: Log) -> Outcome {
    let first = log.expect_accepted(append([Fact::Spoiled(1, Spoil::Panic).draft()])).await?;
    log.expect_accepted(append([Fact::Deposited(1, 1).draft()])).await?;
    let spoiled = log.read_all().await?.remove(0);
    let runner = start(&log);
    ensure_stopped(&log, &runner, &BALANCES, &spoiled).await?;
    // As often as it is started again, it is the same.
    for _ in 0..3 {
        let again = start(&log);
        ensure_stopped(&log, &again, &BALANCES, &spoiled).await?;
    }
    let checkpoint = log.rows().checkpoint_of(&BALANCES).await?;
    ensure!(checkpoint.position < first.position(), "the checkpoint moved to {}", checkpoint.position);
    Ok(())
}

async fn other_projections_continue(log: Log) -> Outcome {
    let other_rows = std::sync::Arc::new(Unsteady::new(log.rows().store(), 2));
    let (sick, other) = (start(&log), run::<Balance<true>>(log.store(), other_rows));
    let (spoiled, last) = spoil(&log, Spoil::Newer).await?;
    ensure_stopped(&log, &sick, &BALANCES, &spoiled).await?;
    other.reached(last).await?;
    let last = write(&log, &mut log.random("behind"), 5).await?;
    other.reached(last).await?;
    let table = Table { version: 2, ..BALANCES };
    ensure_folded(&log, &log.rows(), &table, last).await?;
    ensure_eq!(log.rows().checkpoint_of(&table).await?.stopped, None, "what stops the other projection");
    ensure_stopped(&log, &sick, &BALANCES, &spoiled).await
}

async fn concurrent_runners_stop_at_the_same_event(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let runners = [start(&handles[0]), start(&handles[1])];
    let (spoiled, _) = spoil(&log, Spoil::Panic).await?;
    for runner in &runners {
        ensure_stopped(&log, runner, &BALANCES, &spoiled).await?;
    }
    Ok(())
}

async fn fixed_projection_continues_with_the_event(log: Log) -> Outcome {
    for sort in SPOILS {
        let log = log.another_log().await?;
        let runner = start(&log);
        let (spoiled, last) = spoil(&log, sort).await?;
        ensure_stopped(&log, &runner, &BALANCES, &spoiled).await?;
        runner.killed().await;
        let cured = run::<Balance<true>>(log.store(), log.rows().store());
        cured.reached(last).await?;
        ensure_own(&log, last).await?;
        ensure_eq!(log.rows().checkpoint_of(&BALANCES).await?.stopped, None, "what stops it after the cure");
        let last = write(&log, &mut log.random("behind"), 5).await?;
        cured.reached(last).await?;
        ensure_own(&log, last).await?;
    }
    Ok(())
}

async fn unreadable_row_stops_the_projection(log: Log) -> Outcome {
    let runner = start(&log);
    let last = log
        .expect_accepted(append([1, 2].map(|account| Fact::Deposited(account, 1).draft())))
        .await?
        .position();
    runner.reached(last).await?;
    runner.killed().await;
    // Somebody damages a row behind its back.
    let rows = log.rows();
    let mut damaged = rows.row(&BALANCES, vec![int(2)]).await?.unwrap_or_default();
    let sound = damaged.clone();
    damaged[1] = int(UNREADABLE);
    let at = rows.checkpoint_of(&BALANCES).await?.position.get();
    rows.expect_committed(change(&BALANCES, at, at).upserting(vec![damaged.clone()])).await?;
    let runner = start(&log);
    let fine = log.expect_accepted(append([Fact::Deposited(1, 1).draft()])).await?.position();
    runner.reached(fine).await?;
    let wanted = log.expect_accepted(append([Fact::Moved(1, 2, 1).draft()])).await?;
    let (reached, stopped) = runner.stopped().await?;
    ensure_eq!(stopped.position, Some(wanted.position()), "the event that needs the damaged row");
    ensure!(reached < wanted.position(), "it has reached {reached}");
    ensure!(stopped.error.contains("cannot be read"), "the error must say what is wrong: {}", stopped.error);
    ensure_eq!(rows.row(&BALANCES, vec![int(2)]).await?, Some(damaged), "the damaged row");
    // And somebody mends it.
    let at = rows.checkpoint_of(&BALANCES).await?.position.get();
    rows.expect_committed(change(&BALANCES, at, at).upserting(vec![sound])).await?;
    let runner = start(&log);
    runner.reached(wanted.position()).await?;
    ensure_own(&log, wanted.position()).await
}

async fn waiting_beyond_the_stop_fails_at_once(log: Log) -> Outcome {
    let runner = start(&log);
    let (spoiled, last) = spoil(&log, Spoil::Panic).await?;
    // It would wait for a day if it did not see that nothing comes any more.
    for wanted in [spoiled.position, last, Position::END] {
        let reason = runner.behind(wanted, LONG).await?;
        ensure!(reason.contains("the handler cannot take it"), "why it is behind {wanted}: {reason}");
    }
    runner.stopped().await?;
    let status = runner.model.status();
    ensure!(matches!(status.state, State::Stopped(_)), "the status afterwards: {status:?}");
    Ok(())
}
