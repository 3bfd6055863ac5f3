//! Reading one's own writes from any process, and the errors if that is not possible.

use std::{sync::Arc, time::Duration};

use annalist_core::{Error, app::App, projection::State, record::Position, store::Receipt};

use super::{
    balances::{BALANCES, Balance, Defect, Fact},
    engine::{NO_TIMEOUT, append_concurrently, append_random, expect_own_rows_equal_fold},
    faulty_stores::FaultyRows,
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

/// An app with the balances in the store of the events.
async fn app(handle: &Handle) -> Outcome<App> {
    Ok(App::builder(handle.store()).projection::<Balance>().start().await?)
}

async fn deposit(handle: &Handle, account: i64) -> Outcome<Receipt> {
    handle.expect_accepted(append([Fact::Deposited(account, 1).draft()])).await
}

/// The number of events in a row, read after a receipt.
async fn count(app: &App, account: i64, receipt: &Receipt) -> Outcome<i64> {
    let row = app.find::<Balance>(&account).after(receipt).timeout(NO_TIMEOUT).await?;
    row.map(|row| row.count())
        .ok_or_else(|| Failure::new(format!("account {account} has no row after {receipt:?}")))
}

/// Each task writes to its own account through one handle and reads it through an app on another.
async fn read_back(log: &Log, apps: &[App], handles: &[Handle]) -> Outcome {
    let rounds = i64::try_from(log.rounds(15)).unwrap_or(i64::MAX);
    let tasks = (0..6).map(|task| {
        let app = apps[task % apps.len()].clone();
        let handle = handles[task % handles.len()].clone();
        async move {
            // Accounts that the random facts do not use.
            let account = 100 + i64::try_from(task).unwrap_or(0);
            for round in 1..=rounds {
                let receipt = deposit(&handle, account).await?;
                ensure_eq!(
                    count(&app, account, &receipt).await?,
                    round,
                    "number of events of account {account}"
                );
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
        tokio::spawn(async move { append_random(&handle, &mut random, appends).await })
    };
    read_back(&log, &[app], &handles[..1]).await?;
    noise.await.map_err(crate::failure::panicked)??;
    Ok(())
}

async fn write_of_another_process_is_read_back(log: Log) -> Outcome {
    let handles = log.handles(3).await?;
    // Two apps share the work, and each task reads through another handle than it writes.
    let apps = [app(&handles[0]).await?, app(&handles[1]).await?];
    read_back(&log, &apps, &[handles[2].clone(), handles[0].clone(), handles[1].clone()]).await
}

async fn wait_until_caught_up_covers_the_whole_log(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let app = app(&handles[0]).await?;
    for round in 0..log.rounds(4) {
        let last = append_concurrently(&log, &handles[1..], 10 + round).await?;
        handles[0].wait_until_settled(last).await?;
        app.wait_until_caught_up().await?;
        expect_own_rows_equal_fold(&log, last).await?;
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
        let page = list.after(&receipt).timeout(NO_TIMEOUT).await?;
        ensure!(
            page.rows.len() <= 7,
            "a page with limit 7 must not have more rows, but has {}",
            page.rows.len()
        );
        seen.extend(page.rows.iter().map(|row| (row.count(), row.account())));
        match page.next {
            Some(next) => cursor = Some(next.to_string().parse()?),
            None => break,
        }
    }
    let mut expected: Vec<(i64, i64)> =
        (0..40).map(|account| (account % 3 + 1, account)).filter(|(count, _)| *count >= 2).collect();
    expected.sort_unstable_by(|one, other| other.cmp(one));
    ensure_eq!(seen, expected, "counts and accounts in pages of 7");
    Ok(())
}

/// Expects that a query fails because the rows are not caught up, and returns the reason.
async fn expect_not_caught_up(app: &App, receipt: &Receipt, timeout: Duration) -> Outcome<String> {
    match app.find::<Balance>(&1).after(receipt).timeout(timeout).await {
        Err(Error::NotCaughtUp { projection, wanted, reached, reason }) => {
            ensure_eq!(projection, BALANCES.projection, "projection in the error");
            ensure_eq!(wanted, receipt.position(), "wanted position in the error");
            ensure!(reached < wanted, "the reached position must be before {wanted}, but is {reached}");
            Ok(reason)
        }
        other => Err(Failure::new(format!(
            "the rows cannot have reached {receipt:?}: the query must return `NotCaughtUp`, but returned {other:?}"
        ))),
    }
}

async fn stopped_projection_reports_its_error(log: Log) -> Outcome {
    let app = app(&log).await?;
    let good = deposit(&log, 1).await?;
    ensure_eq!(count(&app, 1, &good).await?, 1, "number of events before the defective one");
    let defective = log.expect_accepted(append([Fact::Defective(2, Defect::Panic).draft()])).await?;
    let later = deposit(&log, 1).await?;
    for receipt in [&defective, &later] {
        let reason = expect_not_caught_up(&app, receipt, NO_TIMEOUT).await?;
        for part in ["the handler panics on this event", "defective", &defective.position().to_string()] {
            ensure!(reason.contains(part), "the reason must contain {part:?}: {reason}");
        }
    }
    ensure!(
        matches!(app.wait_until_caught_up().await, Err(Error::NotCaughtUp { .. })),
        "`wait_until_caught_up` must fail with a stopped projection"
    );
    // Earlier events are still readable.
    ensure_eq!(count(&app, 1, &good).await?, 1, "number of events before the defective one, after the stop");
    let statuses = app.statuses();
    ensure!(
        matches!(&statuses[..], [("balances", status)] if matches!(status.state, State::Stopped(_))),
        "the app must report one stopped projection, but reports {statuses:?}"
    );
    Ok(())
}

async fn stopped_app_is_reported(log: Log) -> Outcome {
    let app = app(&log).await?;
    let before = deposit(&log, 1).await?;
    ensure_eq!(count(&app, 1, &before).await?, 1, "number of events before the app was stopped");
    app.stop();
    // Some events may still be processed until the runner has ended.
    let mut counted = 0;
    let reason = loop {
        let receipt = deposit(&log, 1).await?;
        match app.find::<Balance>(&1).after(&receipt).timeout(NO_TIMEOUT).await {
            Ok(_) if counted < 10 => counted += 1,
            Ok(_) => return Err(Failure::new("a stopped app must not process events for ever")),
            Err(Error::NotCaughtUp { reason, .. }) => break reason,
            Err(error) => return Err(error.into()),
        }
    };
    ensure!(reason.contains("stopped"), "the reason must contain `stopped`: {reason}");
    Ok(())
}

async fn unavailable_rows_are_an_error(log: Log) -> Outcome {
    let rows = Arc::new(FaultyRows::new(log.rows().store(), 1));
    let app = App::builder(log.store()).rows(Arc::clone(&rows)).projection::<Balance>().start().await?;
    let good = deposit(&log, 1).await?;
    ensure_eq!(count(&app, 1, &good).await?, 1, "number of events before the outage of the rows");
    rows.set_down(true);
    let missing = deposit(&log, 1).await?;
    expect_not_caught_up(&app, &missing, Duration::ZERO).await?;
    let result = app.find::<Balance>(&1).after(&good).await;
    ensure!(
        matches!(&result, Err(error) if error.is_unavailable()),
        "the row store is down: the query must return `Error::Unavailable`, but returned {result:?}"
    );
    rows.set_down(false);
    ensure_eq!(count(&app, 1, &missing).await?, 2, "number of events after the outage of the rows");
    Ok(())
}

async fn app_continues_where_another_stopped(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    for round in 1..=6 {
        let app = app(&handles[round % 2]).await?;
        let receipt = deposit(&handles[1 - round % 2], 1).await?;
        ensure_eq!(count(&app, 1, &receipt).await?, round as i64, "number of events of all apps so far");
        if round % 3 == 0 {
            app.stop();
        }
    }
    let last = handles[0].settled().await?.position;
    ensure!(last > Position::START, "the log must not be empty after six deposits");
    ensure_eq!(
        log.rows().row(&BALANCES, vec![int(1)]).await?.map(|row| row[1].clone()),
        Some(int(6)),
        "event count in the row"
    );
    Ok(())
}

async fn app_refuses_rows_of_another_log(log: Log) -> Outcome {
    let app = app(&log).await?;
    let receipt = deposit(&log, 1).await?;
    ensure_eq!(count(&app, 1, &receipt).await?, 1, "number of events of the app that owns the rows");
    let other = App::builder(annalist_memory::Memory::new()).rows(log.rows().store()).projection::<Balance>();
    let result = other.start().await;
    ensure!(
        matches!(result, Err(Error::Unusable { .. })),
        "starting an app on another log must return `Error::Unusable`, but returned {result:?}"
    );
    ensure_eq!(
        log.rows().checkpoint_of(&BALANCES).await?.stopped,
        None,
        "reported reason of the first app's projection"
    );
    let receipt = deposit(&log, 1).await?;
    ensure_eq!(
        count(&app, 1, &receipt).await?,
        2,
        "number of events of the first app, after the second one was refused"
    );
    Ok(())
}
