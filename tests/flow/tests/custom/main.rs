//! Projections that write their own SQL: each event once, whatever breaks.
#![allow(clippy::unwrap_used)] // in the helpers too

mod shaky;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use annalist::{
    BoxError, Position, Sqlite, Types,
    prelude::*,
    projection::{Batch, CustomProjection, State, Stopped},
    rows::Transactional,
};
use annalist_flow_tests::{
    domain::{AccountEvent, deposit, transfer_of},
    stage::{LONG, Stage, until},
};
use async_trait::async_trait;
use sqlx::{Connection, SqliteConnection};
use tokio::sync::Semaphore;

use self::shaky::Shaky;

/// Sums in a table of its own, with what may go wrong.
#[derive(Clone, Default)]
struct Totals {
    /// Amounts of 1000 and more are fine too.
    is_brave: bool,
    /// Its table cannot be made.
    is_homeless: Arc<AtomicBool>,
}

#[async_trait]
impl<S: Transactional<Connection = SqliteConnection>> CustomProjection<S> for Totals {
    const NAME: &'static str = "totals";
    const EVENTS: &'static [Types] = &[<AccountEvent as Event>::TYPES];

    async fn set_up(&self, connection: &mut SqliteConnection) -> Result<(), BoxError> {
        let homeless = self.is_homeless.load(Ordering::SeqCst);
        let sql = if homeless {
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
            if *amount == 7777 && !self.is_brave {
                panic!("7777 is no amount");
            }
            if *amount >= 1000 && !self.is_brave {
                return Err(format!("nobody pays {amount}").into());
            }
        }
        Ok(())
    }
}

async fn pay(app: &App, name: &str, amount: u64) -> Receipt {
    app.execute(deposit(name, amount)).await.unwrap()
}

async fn file(stage: &Stage) -> Sqlite {
    Sqlite::options().relaxed_durability().open(stage.path().unwrap()).await.unwrap()
}

async fn started(stage: &Stage, totals: Totals) -> App {
    let store = file(stage).await;
    App::builder(store.clone()).custom_projection(totals, store).start().await.unwrap()
}

/// What stands in the table, as another program sees it.
async fn totals(stage: &Stage) -> Vec<(String, i64)> {
    let url = format!("sqlite:{}", stage.path().unwrap().display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    let rows = sqlx::query_as("SELECT account, sum FROM totals ORDER BY account");
    rows.fetch_all(&mut connection).await.unwrap()
}

fn one(name: &str, sum: i64) -> (String, i64) {
    (name.to_owned(), sum)
}

async fn stopped(app: &App) -> (Position, Stopped) {
    let status = until(app, "totals", |status| matches!(status.state, State::Stopped(_))).await;
    let State::Stopped(stopped) = status.state else { unreachable!() };
    (status.position, stopped)
}

#[tokio::test]
async fn its_tables_are_there_before_the_first_event() {
    let stage = Stage::file();
    let app = started(&stage, Totals::default()).await;
    app.wait_for_position("totals", Position::START, LONG).await.unwrap();
    assert_eq!(totals(&stage).await, []);
}

#[tokio::test]
async fn it_is_waited_for_by_its_name() {
    let stage = Stage::file();
    let app = started(&stage, Totals::default()).await;
    for round in 1..=10 {
        let receipt = pay(&app, "a", 2).await;
        app.wait_for_position("totals", &receipt, LONG).await.unwrap();
        assert_eq!(totals(&stage).await, [one("a", 2 * round)]);
    }
    let error = app.wait_for_position("total", Position::START, LONG).await.unwrap_err().to_string();
    assert!(error.contains("it runs: totals"), "{error}");
    let error = app.rebuild("totals").await.unwrap_err().to_string();
    assert!(error.contains("no rows of its own"), "{error}");
}

#[tokio::test]
async fn several_programs_count_each_event_once() {
    let stage = Stage::file();
    let (one_app, other) =
        (started(&stage, Totals::default()).await, started(&stage, Totals::default()).await);
    let paying = async |app: &App| {
        for _ in 0..20 {
            pay(app, "a", 1).await;
        }
    };
    tokio::join!(paying(&one_app), paying(&other));
    one_app.shut_down().await;
    let receipt = pay(&other, "b", 1).await;
    other.wait_for_position("totals", &receipt, LONG).await.unwrap();
    other.shut_down().await;
    let app = started(&stage, Totals::default()).await;
    app.wait_until_caught_up().await.unwrap();
    assert_eq!(totals(&stage).await, [one("a", 40), one("b", 1)]);
}

/// Events that lie in one batch: those before the one to blame are counted, it and those behind it are not.
async fn with_poison(amount: u64, said: &str) {
    let stage = Stage::file();
    let writer = App::builder(file(&stage).await).start().await.unwrap();
    for amount in [1, 2, amount, 4] {
        pay(&writer, "a", amount).await;
    }
    let app = started(&stage, Totals::default()).await;
    let (position, stopped_at) = stopped(&app).await;
    assert_eq!((position, stopped_at.position), (Position::new(2), Some(Position::new(3))));
    assert!(stopped_at.error.contains(said), "{stopped_at}");
    assert_eq!(totals(&stage).await, [one("a", 3)]);
    app.resume("totals").unwrap();
    assert_eq!(stopped(&app).await, (position, stopped_at));
    app.shut_down().await;

    let app = started(&stage, Totals { is_brave: true, ..Totals::default() }).await;
    app.wait_until_caught_up().await.unwrap();
    assert_eq!(totals(&stage).await, [one("a", 7 + amount.cast_signed())]);
}

#[tokio::test]
async fn an_error_is_blamed_on_its_event() {
    with_poison(5000, "nobody pays 5000").await;
}

#[tokio::test]
async fn a_panic_is_blamed_on_its_event() {
    with_poison(7777, "7777 is no amount").await;
}

#[tokio::test]
async fn a_table_that_cannot_be_made_is_blamed_on_no_event() {
    let stage = Stage::file();
    let fate = Totals::default();
    fate.is_homeless.store(true, Ordering::SeqCst);
    let app = started(&stage, fate.clone()).await;
    pay(&app, "a", 1).await;
    let (position, stopped_at) = stopped(&app).await;
    assert_eq!((position, stopped_at.position), (Position::START, None));
    assert!(stopped_at.error.contains("the setup of its tables failed"), "{stopped_at}");

    fate.is_homeless.store(false, Ordering::SeqCst);
    app.resume("totals").unwrap();
    app.wait_until_caught_up().await.unwrap();
    assert_eq!(totals(&stage).await, [one("a", 1)]);
}

/// Trouble at each commit in turn, and a restart after each.
async fn through(trouble: shaky::Trouble) {
    let stage = Stage::file();
    for commit in 0..6 {
        let (app, met) = shaky_app(&stage, commit, trouble).await;
        for _ in 0..5 {
            let receipt = pay(&app, "a", 1).await;
            app.execute(transfer_of("a", "b", 1)).await.unwrap();
            app.wait_for_position("totals", &receipt, LONG).await.unwrap();
        }
        met.acquire().await.unwrap().forget();
        app.shut_down().await;
    }
    let app = started(&stage, Totals::default()).await;
    app.wait_until_caught_up().await.unwrap();
    assert_eq!(totals(&stage).await, [one("a", 30)], "{trouble:?}");
}

async fn shaky_app(stage: &Stage, commit: usize, trouble: shaky::Trouble) -> (App, Arc<Semaphore>) {
    let store = Shaky::new(file(stage).await, commit, trouble);
    let met = store.met();
    (App::builder(file(stage).await).custom_projection(Totals::default(), store).start().await.unwrap(), met)
}

#[tokio::test]
async fn a_commit_that_is_refused_counts_nothing() {
    through(shaky::Trouble::Fails).await;
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_counts_once() {
    through(shaky::Trouble::Lost).await;
}

#[tokio::test]
async fn a_program_that_is_dropped_in_a_commit_counts_once() {
    let stage = Stage::file();
    // While its tables are set up, and with the first batch: it holds the file, so all is paid before.
    for commit in 0..2 {
        let writer = App::builder(file(&stage).await).start().await.unwrap();
        for _ in 0..5 {
            pay(&writer, "a", 1).await;
        }
        let (app, met) = shaky_app(&stage, commit, shaky::Trouble::Hangs).await;
        met.acquire().await.unwrap().forget();
        drop(app);
    }
    let app = started(&stage, Totals::default()).await;
    app.wait_until_caught_up().await.unwrap();
    assert_eq!(totals(&stage).await, [one("a", 10)]);
}

/// The control: who does not move the checkpoint in the same transaction counts twice.
#[tokio::test]
async fn without_its_transaction_it_would_count_twice() {
    let stage = Stage::file();
    let (app, met) = shaky_app(&stage, 1, shaky::Trouble::Torn).await;
    pay(&app, "a", 1).await;
    met.acquire().await.unwrap().forget();
    app.wait_until_caught_up().await.unwrap();
    assert_eq!(totals(&stage).await, [one("a", 2)]);
}
