//! A log that loses events under a running app: an older copy is restored into its file. Nothing that is based on lost events may
//! be decided, shown or confirmed.
#![allow(clippy::unwrap_used)] // in the helpers too

use std::{path::Path, time::Duration};

use annalist::{
    App, Criteria, Error, ExecuteError, Memory, Position, Receipt, Sqlite,
    app::Builder,
    projection::{ProjectionOptions, State},
    store::{Append, Condition, Draft, EventRef, Read},
};
use annalist_flow_tests::{
    domain::{Account, Refused, account, deposit, transfer_of},
    read_model::Balance,
    test_log::{TestLog, wait_until},
    versions::Tally,
};
use sqlx::{Connection, Row, SqliteConnection, query, raw_sql};

/// Saves a copy of the log beside it.
async fn save_copy(log: &TestLog) {
    let mut connection = connect(&log.path().unwrap()).await;
    raw_sql("VACUUM INTO 'COPY'".replace("COPY", &copy_of(log)).leak() as &str)
        .execute(&mut connection)
        .await
        .unwrap();
}

/// Replaces the content of all tables by that of the copy, in one transaction, as the restore of `sqlite3` does.
async fn restore_copy(log: &TestLog) {
    let mut connection = connect(&log.path().unwrap()).await;
    query("ATTACH ? AS copy").bind(copy_of(log)).execute(&mut connection).await.unwrap();
    let tables = "SELECT name FROM copy.sqlite_master WHERE type = 'table'";
    let tables = query(tables).fetch_all(&mut connection).await.unwrap();
    let mut restore = String::from("BEGIN IMMEDIATE;");
    for table in tables.iter().map(|row| row.get::<String, _>(0)) {
        restore += &format!("DELETE FROM main.{table}; INSERT INTO main.{table} SELECT * FROM copy.{table};");
    }
    restore += "COMMIT";
    raw_sql(restore.leak() as &str).execute(&mut connection).await.unwrap();
}

async fn connect(path: &Path) -> SqliteConnection {
    SqliteConnection::connect(path.to_str().unwrap()).await.unwrap()
}

fn copy_of(log: &TestLog) -> String {
    log.path().unwrap().with_extension("copy").to_str().unwrap().to_owned()
}

/// A log with a copy from the time when `a` had 10, which then got 30 more in three events.
async fn log_with_copy(start: impl AsyncFn(Builder) -> App) -> (TestLog, App, Vec<Receipt>) {
    let log = TestLog::file();
    let app = start(log.app().await).await;
    app.execute(deposit("a", 10)).await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    save_copy(&log).await;
    let mut lost = Vec::new();
    for _ in 0..3 {
        lost.push(app.execute(deposit("a", 10)).await.unwrap());
    }
    app.wait_until_caught_up().await.unwrap();
    (log, app, lost)
}

async fn without_projections(builder: Builder) -> App {
    builder.start().await.unwrap()
}

async fn with_balances(builder: Builder) -> App {
    builder.projection::<Balance>().start().await.unwrap()
}

/// Appends an event of another process until the log is as long as before.
async fn fill(log: &TestLog) {
    let other = log.app().await.start().await.unwrap();
    for _ in 0..3 {
        other.execute(deposit("b", 1)).await.unwrap();
    }
}

async fn balance(app: &App, name: &str) -> u64 {
    app.load::<Account>(&account(name)).await.unwrap().balance
}

#[tokio::test]
async fn command_is_decided_on_what_the_log_still_has() {
    // Also after other events have taken the positions of the lost ones.
    for is_filled in [false, true] {
        let (log, app, _) = log_with_copy(without_projections).await;
        restore_copy(&log).await;
        if is_filled {
            fill(&log).await;
        }
        // An acceptance that the cached state of 40 would allow.
        let refused = app.execute(transfer_of("a", "b", 35)).await;
        let insufficient = Refused::Insufficient { balance: 10 };
        assert!(
            matches!(&refused, Err(ExecuteError::Rejected(refused)) if *refused == insufficient),
            "{refused:?}"
        );
        app.execute(transfer_of("a", "b", 10)).await.unwrap();
        assert_eq!(balance(&app, "a").await, 0);
        assert_eq!(app.store().epoch(), 1);
    }
}

#[tokio::test]
async fn rejection_is_not_based_on_lost_events() {
    let log = TestLog::file();
    let app = log.app().await.start().await.unwrap();
    app.execute(deposit("a", 10)).await.unwrap();
    save_copy(&log).await;
    app.execute(transfer_of("a", "b", 8)).await.unwrap();
    restore_copy(&log).await;
    // The cached state has 2.
    app.execute(transfer_of("a", "b", 9)).await.unwrap();
    assert_eq!((balance(&app, "a").await, balance(&app, "b").await), (1, 9));
}

#[tokio::test]
async fn rows_beside_the_log_follow_it() {
    for is_filled in [false, true] {
        let (log, app, lost) = log_with_copy(with_balances).await;
        restore_copy(&log).await;
        if is_filled {
            fill(&log).await;
        }
        let receipt = app.execute(deposit("a", 1)).await.unwrap();
        let row = app.find::<Balance>(&account("a")).after(&receipt).await.unwrap().unwrap();
        assert_eq!((row.cents, row.events), (11, 2));
        let status = wait_until(&app, "balances", |status| status.state == State::CaughtUp).await;
        assert_eq!(status.position, receipt.position());
        assert_eq!(app.overview().await.unwrap()[0].lag.events, 0);
        app.wait_until_caught_up().await.unwrap();

        for receipt in &lost {
            let refused = app.find::<Balance>(&account("a")).after(receipt).await.unwrap_err();
            assert!(matches!(refused, Error::Unusable { .. }), "{refused:?}");
            let text = refused.to_string();
            let event = receipt.events[0].id.to_string();
            assert!(text.contains(&event) && text.contains("execute it again"), "{text}");
        }
    }
}

/// The app finds out without a command.
#[tokio::test]
async fn idle_app_finds_out_by_itself() {
    let (log, app, lost) = log_with_copy(with_balances).await;
    restore_copy(&log).await;
    let status = wait_until(&app, "balances", |status| status.position < lost[2].position()).await;
    assert_eq!(status.position, lost[0].position().get().saturating_sub(1).into());
    assert_eq!(app.find::<Balance>(&account("a")).await.unwrap().unwrap().cents, 10);
}

#[tokio::test]
async fn rows_in_another_store_stop_with_the_lost_event() {
    let rows = Memory::new();
    let start =
        async |builder: Builder| builder.rows(rows.clone()).projection::<Balance>().start().await.unwrap();
    let (log, app, lost) = log_with_copy(start).await;
    restore_copy(&log).await;
    let receipt = app.execute(deposit("a", 1)).await.unwrap();
    let status = wait_until(&app, "balances", |status| matches!(status.state, State::Stopped(_))).await;
    let State::Stopped(stopped) = status.state else { unreachable!() };
    assert_eq!((stopped.position, stopped.event), (Some(lost[2].position()), Some(lost[2].events[0].id)));
    assert!(stopped.error.contains("restored from an older copy"), "{stopped}");
    let refused = app.find::<Balance>(&account("a")).after(&receipt).await.unwrap_err();
    assert!(matches!(refused, Error::NotCaughtUp { .. }), "{refused:?}");

    // As the message says.
    app.rebuild("balances").await.unwrap();
    wait_until(&app, "balances", |status| status.reads.is_some_and(|table| table.build == 1)).await;
    let row = app.find::<Balance>(&account("a")).after(&receipt).await.unwrap().unwrap();
    assert_eq!(row.cents, 11);
}

#[tokio::test]
async fn inline_rows_follow_the_log() {
    let start = async |builder: Builder| {
        let app = builder.projection_with::<Tally>(ProjectionOptions::new().inline()).start().await.unwrap();
        wait_until(&app, "tallies", |status| status.state == State::Inline).await;
        app
    };
    let (log, app, lost) = log_with_copy(start).await;
    restore_copy(&log).await;
    let receipt = app.execute(deposit("a", 1)).await.unwrap();
    let row = app.find::<Tally>(&account("a")).after(&receipt).await.unwrap().unwrap();
    assert_eq!(row.sum, 11);
    let refused = app.find::<Tally>(&account("a")).after(&lost[2]).await.unwrap_err();
    assert!(refused.to_string().contains("execute it again"), "{refused}");
}

#[tokio::test]
async fn feed_ends_with_an_error_at_its_old_position() {
    let (log, app, lost) = log_with_copy(without_projections).await;
    let mut feed = app.feed(Criteria::all());
    assert_eq!(feed.next().await.unwrap().records.len(), 4);
    restore_copy(&log).await;
    let refused = tokio::time::timeout(Duration::from_secs(120), feed.next()).await.unwrap().unwrap_err();
    assert!(matches!(refused, Error::Unusable { .. }), "{refused:?}");
    assert!(refused.to_string().contains("create a feed again"), "{refused}");
    assert_eq!(feed.position(), lost[2].position());

    let mut feed = app.feed(Criteria::all());
    assert_eq!(feed.next().await.unwrap().records.len(), 1);
}

/// A receipt of a process that is not there any more.
#[tokio::test]
async fn lost_receipt_is_refused_by_a_process_that_has_never_seen_the_event() {
    let (log, app, lost) = log_with_copy(with_balances).await;
    restore_copy(&log).await;
    drop(app);
    let app = with_balances(log.app().await).await;
    wait_until(&app, "balances", |status| status.state == State::CaughtUp).await;
    let find = app.find::<Balance>(&account("a")).after(&lost[2]).timeout(Duration::from_millis(1));
    let refused = find.await.unwrap_err();
    assert!(refused.to_string().contains("execute it again"), "{refused}");
}

/// The wait has timed out. A store that cannot say whether the event is lost does not change the answer.
#[tokio::test]
async fn wait_that_times_out_is_not_caught_up_even_if_the_store_does_not_answer() {
    let log = TestLog::file();
    let store = Sqlite::options().relaxed_durability().open(log.path().unwrap()).await.unwrap();
    let app = with_balances(App::builder(store.clone())).await;
    let receipt = app.execute(deposit("a", 10)).await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    store.close().await;
    let event = EventRef { position: Position::new(99), ..receipt.events[0] };
    let find = app.find::<Balance>(&account("a")).after(event).timeout(Duration::from_millis(1));
    let error = find.await.unwrap_err();
    assert!(matches!(error, Error::NotCaughtUp { .. }), "{error:?}");
}

#[tokio::test]
async fn file_that_was_replaced_is_not_written_any_more() {
    for is_replaced in [true, false] {
        let (log, app, _) = log_with_copy(without_projections).await;
        let path = log.path().unwrap();
        match is_replaced {
            true => std::fs::rename(copy_of(&log), &path).unwrap(),
            false => std::fs::remove_file(&path).unwrap(),
        }
        let refused = app.execute(deposit("a", 1)).await.unwrap_err().to_string();
        assert!(
            refused.contains("while it was open") && refused.contains("restart the program"),
            "{refused}"
        );
        let refused = app.wait_until_caught_up().await.unwrap_err().to_string();
        assert!(refused.contains("while it was open"), "{refused}");
    }
}

#[tokio::test]
async fn marker_of_lost_events_does_not_hold() {
    let log = TestLog::file();
    let store = log.process().await.store;
    let event = || Draft::new("noted", 1, [], annalist::manual::Payload::parse("{}").unwrap()).unwrap();
    let append = |condition| Append { events: vec![event()], conditions: condition, ..Append::default() };
    store.append_one(append(Vec::new())).await.unwrap();
    save_copy(&log).await;
    store.append_one(append(Vec::new())).await.unwrap();
    let marker = store.read(&[Read::all(Criteria::all())]).await.unwrap()[0].marker;
    restore_copy(&log).await;
    // Another process appends what the condition is about, so that the log is as long as the marker says.
    log.process().await.store.append_one(append(Vec::new())).await.unwrap();

    let based_on_it = || append(vec![Condition { criteria: Criteria::all(), marker }]);
    for _ in 0..2 {
        let refused = store.append_one(based_on_it()).await.unwrap_err();
        assert!(refused.is_unavailable(), "{refused:?}");
        assert!(refused.to_string().contains("has gone back"), "{refused}");
    }
    let marker = store.read(&[Read::all(Criteria::all())]).await.unwrap()[0].marker;
    let condition = Condition { criteria: Criteria::all(), marker };
    assert!(store.append_one(append(vec![condition])).await.is_ok());
}
