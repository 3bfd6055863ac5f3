//! Reading one's own writes, from any process, and what is answered when that cannot be.

use std::{sync::Arc, time::Duration};

use annalist_core::{Error, app::App, projection::State, record::Position, store::Receipt};

use super::{
    balances::{BALANCES, Balance, Fact, Spoil},
    engine::{LONG, ensure_own, write, write_at_once},
    faulty_stores::Unsteady,
};
use crate::{
    Failure,
    failure::Outcome,
    support::{concurrency::run_concurrently, fixtures::append, handle::Handle, log::Log, rows::int},
};

cases!("read_models" needs [Rows]: [
    own_write_is_read_back_under_load,
    write_of_another_process_is_read_back,
    wait_until_caught_up_covers_the_whole_log,
    list_pages_through_every_row,
    stopped_projection_reports_its_error,
    stopped_app_is_reported,
    unavailable_rows_are_an_error,
    app_continues_where_another_stopped,
    app_refuses_rows_of_another_log,
]);

/// An app that keeps balances beside the events.
async fn app(handle: &Handle) -> Outcome<App> {
    Ok(App::builder(handle.store()).projection::<Balance>().start().await?)
}

async fn deposit(handle: &Handle, account: i64) -> Outcome<Receipt> {
    handle.expect_accepted(append([Fact::Deposited(account, 1).draft()])).await
}

/// The number of events in a row, as somebody sees it who has a receipt.
async fn count(app: &App, account: i64, receipt: &Receipt) -> Outcome<i64> {
    let row = app.find::<Balance>(&account).after(receipt).timeout(LONG).await?;
    row.map(|row| row.count())
        .ok_or_else(|| Failure::new(format!("account {account} has no row after {receipt:?}")))
}

/// Each task has an account of its own, writes through one handle and reads through an app on another.
async fn read_back(log: &Log, apps: &[App], handles: &[Handle]) -> Outcome {
    let rounds = i64::try_from(log.rounds(15)).unwrap_or(i64::MAX);
    let tasks = (0..6).map(|task| {
        let app = apps[task % apps.len()].clone();
        let handle = handles[task % handles.len()].clone();
        async move {
            // Out of the way of the random facts.
            let account = 100 + i64::try_from(task).unwrap_or(0);
            for round in 1..=rounds {
                let receipt = deposit(&handle, account).await?;
                ensure_eq!(count(&app, account, &receipt).await?, round, "events of account {account}");
            }
            Ok(())
        }
    });
    run_concurrently(tasks).await?;
    Ok(())
}

async fn own_write_is_read_back_under_load(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let app = app(&handles[0]).await?;
    let noise = {
        let (handle, mut random) = (handles[1].clone(), log.random("noise"));
        let appends = log.rounds(40);
        tokio::spawn(async move { write(&handle, &mut random, appends).await })
    };
    read_back(&log, &[app], &handles[..1]).await?;
    noise.await.map_err(crate::failure::panicked)??;
    Ok(())
}

async fn write_of_another_process_is_read_back(log: Log) -> Outcome {
    let handles = log.handles(3).await?;
    // Two apps share the work, and everybody reads where he did not write.
    let apps = [app(&handles[0]).await?, app(&handles[1]).await?];
    read_back(&log, &apps, &[handles[2].clone(), handles[0].clone(), handles[1].clone()]).await
}

async fn wait_until_caught_up_covers_the_whole_log(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let app = app(&handles[0]).await?;
    for round in 0..log.rounds(4) {
        let last = write_at_once(&log, &handles[1..], 10 + round).await?;
        handles[0].wait_until_settled(last).await?;
        app.wait_until_caught_up().await?;
        ensure_own(&log, last).await?;
    }
    Ok(())
}

async fn list_pages_through_every_row(log: Log) -> Outcome {
    let app = app(&log).await?;
    let facts =
        (0..40).flat_map(|account| (0..=account % 3).map(move |_| Fact::Deposited(account, 1).draft()));
    let receipt = log.expect_accepted(append(facts)).await?;
    let (mut seen, mut cursor) = (vec![], None);
    loop {
        let list = app.list::<Balance>().range("count", 2_i64..).order_by("count").descending().limit(7);
        let list = match cursor.take() {
            Some(cursor) => list.from(cursor),
            None => list,
        };
        let page = list.after(&receipt).timeout(LONG).await?;
        ensure!(page.rows.len() <= 7, "a page of at most 7 rows has {}", page.rows.len());
        seen.extend(page.rows.iter().map(|row| (row.count(), row.account())));
        match page.next {
            Some(next) => cursor = Some(next.to_string().parse()?),
            None => break,
        }
    }
    let mut wanted: Vec<(i64, i64)> =
        (0..40).map(|account| (account % 3 + 1, account)).filter(|(count, _)| *count >= 2).collect();
    wanted.sort_unstable_by(|one, other| other.cmp(one));
    ensure_eq!(seen, wanted, "counts and accounts of a list in pages of 7");
    Ok(())
}

/// That a question is not answered because the rows are behind, and why.
async fn behind(app: &App, receipt: &Receipt, patience: Duration) -> Outcome<String> {
    match app.find::<Balance>(&1).after(receipt).timeout(patience).await {
        Err(Error::NotCaughtUp { projection, wanted, reached, reason }) => {
            ensure_eq!(projection, BALANCES.projection, "the projection that is behind");
            ensure_eq!(wanted, receipt.position(), "the position that was asked for");
            ensure!(reached < wanted, "it is behind {wanted}, but has reached {reached}");
            Ok(reason)
        }
        other => {
            Err(Failure::new(format!("nobody can have reached {receipt:?}, but the answer is {other:?}")))
        }
    }
}

async fn stopped_projection_reports_its_error(log: Log) -> Outcome {
    let app = app(&log).await?;
    let good = deposit(&log, 1).await?;
    ensure_eq!(count(&app, 1, &good).await?, 1, "events before the spoiled one");
    let spoiled = log.expect_accepted(append([Fact::Spoiled(2, Spoil::Panic).draft()])).await?;
    let later = deposit(&log, 1).await?;
    for receipt in [&spoiled, &later] {
        let reason = behind(&app, receipt, LONG).await?;
        for part in ["the handler cannot take it", "spoiled", &spoiled.position().to_string()] {
            ensure!(reason.contains(part), "the reason must tell {part:?}: {reason}");
        }
    }
    ensure!(
        matches!(app.wait_until_caught_up().await, Err(Error::NotCaughtUp { .. })),
        "an app with a stopped projection is caught up"
    );
    // What was before is there still.
    ensure_eq!(count(&app, 1, &good).await?, 1, "events before the spoiled one, afterwards");
    let statuses = app.statuses();
    ensure!(
        matches!(&statuses[..], [("balances", status)] if matches!(status.state, State::Stopped(_))),
        "the statuses of the app: {statuses:?}"
    );
    Ok(())
}

async fn stopped_app_is_reported(log: Log) -> Outcome {
    let app = app(&log).await?;
    let before = deposit(&log, 1).await?;
    ensure_eq!(count(&app, 1, &before).await?, 1, "events before the app was stopped");
    app.stop();
    // One that was on its way may still be counted; a runner that is gone counts no more.
    let mut counted = 0;
    let reason = loop {
        let receipt = deposit(&log, 1).await?;
        match app.find::<Balance>(&1).after(&receipt).timeout(LONG).await {
            Ok(_) if counted < 10 => counted += 1,
            Ok(_) => return Err(Failure::new("a stopped app goes on and on")),
            Err(Error::NotCaughtUp { reason, .. }) => break reason,
            Err(error) => return Err(error.into()),
        }
    };
    ensure!(reason.contains("stopped"), "the reason must say that the app was stopped: {reason}");
    Ok(())
}

async fn unavailable_rows_are_an_error(log: Log) -> Outcome {
    let rows = Arc::new(Unsteady::new(log.rows().store(), 1));
    let app = App::builder(log.store()).projection_in::<Balance>(Arc::clone(&rows)).start().await?;
    let good = deposit(&log, 1).await?;
    ensure_eq!(count(&app, 1, &good).await?, 1, "events before the rows went away");
    rows.set_down(true);
    let missing = deposit(&log, 1).await?;
    behind(&app, &missing, Duration::ZERO).await?;
    let answer = app.find::<Balance>(&1).after(&good).await;
    ensure!(
        matches!(&answer, Err(error) if error.is_unavailable()),
        "rows that are away must be `Unavailable`, but the answer is {answer:?}"
    );
    rows.set_down(false);
    ensure_eq!(count(&app, 1, &missing).await?, 2, "events when the rows are back");
    Ok(())
}

async fn app_continues_where_another_stopped(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    for round in 1..=6 {
        let app = app(&handles[round % 2]).await?;
        let receipt = deposit(&handles[1 - round % 2], 1).await?;
        ensure_eq!(count(&app, 1, &receipt).await?, round as i64, "events of all apps so far");
        if round % 3 == 0 {
            app.stop();
        }
    }
    let last = handles[0].settled().await?.position;
    ensure!(last > Position::START, "six deposits left the log empty");
    ensure_eq!(
        log.rows().row(&BALANCES, vec![int(1)]).await?.map(|row| row[1].clone()),
        Some(int(6)),
        "the row"
    );
    Ok(())
}

async fn app_refuses_rows_of_another_log(log: Log) -> Outcome {
    let app = app(&log).await?;
    let receipt = deposit(&log, 1).await?;
    ensure_eq!(count(&app, 1, &receipt).await?, 1, "events of the app whose rows they are");
    let other = App::builder(annalist_memory::Memory::new()).projection_in::<Balance>(log.rows().store());
    let answer = other.start().await;
    ensure!(
        matches!(answer, Err(Error::Unusable { .. })),
        "an app on another log must be `Unusable`, but is {answer:?}"
    );
    ensure_eq!(log.rows().checkpoint_of(&BALANCES).await?.stopped, None, "what stops the first app");
    let receipt = deposit(&log, 1).await?;
    ensure_eq!(count(&app, 1, &receipt).await?, 2, "events of the first app, afterwards");
    Ok(())
}
