//! Projections with their own SQL: each event is counted once, whatever fails.
#![allow(clippy::unwrap_used)] // in the helpers too

mod faulty_file;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use annalist::{
    Position, Sqlite,
    manual::Types,
    prelude::*,
    projection::{Batch, CustomProjection, State, Stopped, Transactional},
    raw::error::BoxError,
};
use annalist_flow_tests::{
    domain::{AccountEvent, deposit, transfer_of},
    test_log::{TEST_TIMEOUT, TestLog, wait_until},
};
use async_trait::async_trait;
use sqlx::{Connection, SqliteConnection};
use tokio::sync::Semaphore;

use self::faulty_file::{CommitFault, FaultyFile};

/// A projection that writes sums into a table of its own, and can be made to fail.
#[derive(Clone, Default)]
struct Totals {
    /// Whether amounts of 1000 and more are accepted.
    accepts_all: bool,
    /// Whether its setup fails.
    setup_fails: Arc<AtomicBool>,
}

#[async_trait]
impl<S: Transactional<Connection = SqliteConnection>> CustomProjection<S> for Totals {
    const NAME: &'static str = "totals";
    const EVENTS: &'static [Types] = &[<AccountEvent as Event>::TYPES];

    async fn set_up(&self, connection: &mut SqliteConnection) -> Result<(), BoxError> {
        let setup_fails = self.setup_fails.load(Ordering::SeqCst);
        let sql = if setup_fails {
            "CREATE TABLE nowhere.totals (account TEXT)"
        } else {
            "CREATE TABLE IF NOT EXISTS totals (account TEXT PRIMARY KEY, sum INTEGER NOT NULL)"
        };
        sqlx::query(sql).execute(connection).await?;
        Ok(())
    }

    async fn handle(&self, batch: Batch<'_>, connection: &mut SqliteConnection) -> Result<(), BoxError> {
        for event in batch.events::<AccountEvent>()? {
            let AccountEvent::Deposited { account, amount } = &event.event else { continue };
            let sql = "INSERT INTO totals VALUES (?1, ?2) ON CONFLICT DO UPDATE SET sum = sum + excluded.sum";
            let add = sqlx::query(sql).bind(account.to_string()).bind(amount.cast_signed());
            add.execute(&mut *connection).await?;
            if *amount == 7777 && !self.accepts_all {
                panic!("invalid amount 7777");
            }
            if *amount >= 1000 && !self.accepts_all {
                return Err(format!("cannot handle a payment of {amount}").into());
            }
        }
        Ok(())
    }
}

async fn pay(app: &App, name: &str, amount: u64) -> Receipt {
    app.execute(deposit(name, amount)).await.unwrap()
}

async fn file(log: &TestLog) -> Sqlite {
    Sqlite::options().relaxed_durability().open(log.path().unwrap()).await.unwrap()
}

async fn started_app(log: &TestLog, totals: Totals) -> App {
    let store = file(log).await;
    App::builder(store.clone()).custom_projection(totals, store).start().await.unwrap()
}

/// The rows of the table, as another program reads them.
async fn totals(log: &TestLog) -> Vec<(String, i64)> {
    let url = format!("sqlite:{}", log.path().unwrap().display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    let rows = sqlx::query_as("SELECT account, sum FROM totals ORDER BY account");
    rows.fetch_all(&mut connection).await.unwrap()
}

fn total(name: &str, sum: i64) -> (String, i64) {
    (name.to_owned(), sum)
}

async fn wait_until_stopped(app: &App) -> (Position, Stopped) {
    let status = wait_until(app, "totals", |status| matches!(status.state, State::Stopped(_))).await;
    let State::Stopped(stopped) = status.state else { unreachable!() };
    (status.position, stopped)
}

#[tokio::test]
async fn setup_creates_the_tables_before_the_first_event() {
    let log = TestLog::file();
    let app = started_app(&log, Totals::default()).await;
    app.wait_for_position("totals", Position::START, TEST_TIMEOUT).await.unwrap();
    assert_eq!(totals(&log).await, []);
}

#[tokio::test]
async fn custom_projection_is_awaited_by_its_name() {
    let log = TestLog::file();
    let app = started_app(&log, Totals::default()).await;
    for round in 1..=10 {
        let receipt = pay(&app, "a", 2).await;
        app.wait_for_position("totals", &receipt, TEST_TIMEOUT).await.unwrap();
        assert_eq!(totals(&log).await, [total("a", 2 * round)]);
    }
    let error = app.wait_for_position("total", Position::START, TEST_TIMEOUT).await.unwrap_err().to_string();
    assert!(error.contains("it runs: totals"), "{error}");
    let error = app.rebuild("totals").await.unwrap_err().to_string();
    assert!(error.contains("no rows of its own"), "{error}");
}

#[tokio::test]
async fn several_programs_count_each_event_once() {
    let log = TestLog::file();
    let (one_app, other) =
        (started_app(&log, Totals::default()).await, started_app(&log, Totals::default()).await);
    let paying = async |app: &App| {
        for _ in 0..20 {
            pay(app, "a", 1).await;
        }
    };
    tokio::join!(paying(&one_app), paying(&other));
    one_app.shut_down().await;
    let receipt = pay(&other, "b", 1).await;
    other.wait_for_position("totals", &receipt, TEST_TIMEOUT).await.unwrap();
    other.shut_down().await;
    let app = started_app(&log, Totals::default()).await;
    app.wait_until_caught_up().await.unwrap();
    assert_eq!(totals(&log).await, [total("a", 40), total("b", 1)]);
}

/// A batch with a poison event: the events before it are counted, it and the later ones are not.
async fn with_poison(amount: u64, expected: &str) {
    let log = TestLog::file();
    let writer = App::builder(file(&log).await).start().await.unwrap();
    for amount in [1, 2, amount, 4] {
        pay(&writer, "a", amount).await;
    }
    let app = started_app(&log, Totals::default()).await;
    let (position, stopped_at) = wait_until_stopped(&app).await;
    assert_eq!((position, stopped_at.position), (Position::new(2), Some(Position::new(3))));
    assert!(stopped_at.error.contains(expected), "{stopped_at}");
    assert_eq!(totals(&log).await, [total("a", 3)]);
    app.resume("totals").await.unwrap();
    assert_eq!(wait_until_stopped(&app).await, (position, stopped_at));
    app.shut_down().await;

    let app = started_app(&log, Totals { accepts_all: true, ..Totals::default() }).await;
    app.wait_until_caught_up().await.unwrap();
    assert_eq!(totals(&log).await, [total("a", 7 + amount.cast_signed())]);
}

#[tokio::test]
async fn error_stops_the_projection_at_its_event() {
    with_poison(5000, "cannot handle a payment of 5000").await;
}

#[tokio::test]
async fn panic_stops_the_projection_at_its_event() {
    with_poison(7777, "invalid amount 7777").await;
}

#[tokio::test]
async fn failed_setup_stops_the_projection_without_an_event() {
    let log = TestLog::file();
    let projection = Totals::default();
    projection.setup_fails.store(true, Ordering::SeqCst);
    let app = started_app(&log, projection.clone()).await;
    pay(&app, "a", 1).await;
    let (position, stopped_at) = wait_until_stopped(&app).await;
    assert_eq!((position, stopped_at.position), (Position::START, None));
    assert!(stopped_at.error.contains("the setup of its tables failed"), "{stopped_at}");

    projection.setup_fails.store(false, Ordering::SeqCst);
    app.resume("totals").await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    assert_eq!(totals(&log).await, [total("a", 1)]);
}

/// Injects a fault at each commit in turn, with a restart after each.
async fn run_with_faults(fault: CommitFault) {
    let log = TestLog::file();
    for commit in 0..6 {
        let (app, injected) = app_on_faulty_file(&log, commit, fault).await;
        for _ in 0..5 {
            let receipt = pay(&app, "a", 1).await;
            app.execute(transfer_of("a", "b", 1)).await.unwrap();
            app.wait_for_position("totals", &receipt, TEST_TIMEOUT).await.unwrap();
        }
        injected.acquire().await.unwrap().forget();
        app.shut_down().await;
    }
    let app = started_app(&log, Totals::default()).await;
    app.wait_until_caught_up().await.unwrap();
    assert_eq!(totals(&log).await, [total("a", 30)], "{fault:?}");
}

async fn app_on_faulty_file(log: &TestLog, commit: usize, fault: CommitFault) -> (App, Arc<Semaphore>) {
    let store = FaultyFile::new(file(log).await, commit, fault);
    let injected = store.injected();
    (
        App::builder(file(log).await).custom_projection(Totals::default(), store).start().await.unwrap(),
        injected,
    )
}

#[tokio::test]
async fn refused_commit_counts_each_event_once() {
    run_with_faults(CommitFault::Fails).await;
}

#[tokio::test]
async fn commit_with_a_lost_response_counts_each_event_once() {
    run_with_faults(CommitFault::Lost).await;
}

#[tokio::test]
async fn app_dropped_during_a_commit_counts_each_event_once() {
    let log = TestLog::file();
    // During the setup and during the first batch. The hanging commit locks the file, so every payment is made before.
    for commit in 0..2 {
        let writer = App::builder(file(&log).await).start().await.unwrap();
        for _ in 0..5 {
            pay(&writer, "a", 1).await;
        }
        let (app, injected) = app_on_faulty_file(&log, commit, CommitFault::Hangs).await;
        injected.acquire().await.unwrap().forget();
        drop(app);
    }
    let app = started_app(&log, Totals::default()).await;
    app.wait_until_caught_up().await.unwrap();
    assert_eq!(totals(&log).await, [total("a", 10)]);
}

/// The control: a checkpoint outside of the transaction counts an event twice.
#[tokio::test]
async fn commit_without_its_checkpoint_counts_twice() {
    let log = TestLog::file();
    let (app, injected) = app_on_faulty_file(&log, 1, CommitFault::Torn).await;
    pay(&app, "a", 1).await;
    injected.acquire().await.unwrap().forget();
    app.wait_until_caught_up().await.unwrap();
    assert_eq!(totals(&log).await, [total("a", 2)]);
}
