//! Running an app: what is told, what is started again, and how it ends.
#![allow(clippy::unwrap_used)] // in the helpers too

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use annalist::{
    Clock, EventStore, Memory, Position, Timestamp,
    app::{Builder, Overview},
    prelude::*,
    projection::State,
};
use annalist_flow_tests::{
    domain::{AccountEvent, AccountId, account, deposit},
    faulty::{Fault, Faulty},
    stage::{LONG, on_each, until},
    troubled::{Calls, Trouble},
    versions::Tally,
};
use tokio::{runtime::Handle, time::timeout};

async fn pay(app: &App, name: &str, amount: u64) -> Receipt {
    app.execute(deposit(name, amount)).await.unwrap()
}

async fn overview(app: &App) -> Overview {
    app.overview().await.unwrap().into_iter().find(|one| one.name == "tallies").unwrap()
}

async fn sum(app: &App, name: &str, after: &Receipt) -> i64 {
    app.find::<Tally>(&account(name)).after(after).timeout(LONG).await.unwrap().unwrap().sum
}

/// Plays trouble at each call in turn, while the app goes on as it is.
async fn through(trouble: Trouble) {
    on_each(async |stage| {
        let mut paid = 0;
        for call in 0..25 {
            let (builder, rows) = stage.troubled_app().await;
            rows.plan(Calls::Number(call), trouble);
            let app = builder.projection::<Tally>().start().await.unwrap();
            // Each event is asked for, so that calls do not run out; the rows are read past the trouble.
            while rows.met.available_permits() == 0 {
                let receipt = pay(&app, "a", 1).await;
                paid += 1;
                app.wait_for_position("tallies", &receipt, LONG).await.unwrap();
            }
            rows.plan(Calls::Number(usize::MAX), trouble);
            let receipt = pay(&app, "a", 1).await;
            paid += 1;
            assert_eq!(sum(&app, "a", &receipt).await, paid, "{trouble:?} at call {call}");
            assert_eq!(overview(&app).await.lag.events, 0);
            app.shut_down().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_store_that_panics_costs_nothing_but_time() {
    through(Trouble::Panics).await;
}

#[tokio::test]
async fn a_store_that_fails_costs_nothing_but_time() {
    through(Trouble::Fails).await;
}

#[tokio::test]
async fn a_store_whose_answers_are_lost_costs_nothing_but_time() {
    through(Trouble::Lost).await;
}

#[tokio::test]
async fn a_store_that_is_away_is_waited_for() {
    on_each(async |stage| {
        let (builder, rows) = stage.troubled_app().await;
        rows.be_away(true);
        let app = builder.projection::<Tally>().start().await.unwrap();
        let status = until(&app, "tallies", |status| matches!(status.state, State::Waiting { .. })).await;
        assert_eq!((status.position, status.reads), (Position::START, None));
        let receipt = pay(&app, "a", 1).await;
        let asked = app.find::<Tally>(&account("a")).after(&receipt).timeout(Duration::ZERO).await;
        let error = asked.unwrap_err().to_string();
        assert!(error.contains("it waits") && error.contains("no connection"), "{error}");
        assert!(app.overview().await.unwrap_err().is_unavailable());

        rows.be_away(false);
        assert_eq!(sum(&app, "a", &receipt).await, 1);
        // Again, while it runs.
        rows.be_away(true);
        let receipt = pay(&app, "a", 1).await;
        until(&app, "tallies", |status| matches!(status.state, State::Waiting { .. })).await;
        rows.be_away(false);
        assert_eq!(sum(&app, "a", &receipt).await, 2);
    })
    .await;
}

/// A clock that a test sets.
#[derive(Clone)]
struct Hand(Arc<Mutex<i64>>);

impl Hand {
    fn set(&self, seconds: i64) {
        *self.0.lock().unwrap() = seconds;
    }
}

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(*self.0.lock().unwrap() * 1_000_000)
    }
}

#[tokio::test]
async fn an_overview_tells_how_far_behind_it_is() {
    on_each(async |stage| {
        let (builder, rows) = stage.troubled_app().await;
        let clock = Hand(Arc::default());
        let app = builder.clock(clock.clone()).projection::<Tally>().start().await.unwrap();
        clock.set(1000);
        let receipt = pay(&app, "a", 1).await;
        app.wait_for_position("tallies", &receipt, LONG).await.unwrap();
        let all = overview(&app).await;
        assert_eq!((all.lag.events, all.lag.time), (0, Duration::ZERO));

        rows.plan(Calls::Commits(1, 0), Trouble::Held);
        for seconds in [1100, 1110, 1120] {
            clock.set(seconds);
            pay(&app, "a", 1).await;
        }
        rows.met().await;
        clock.set(1160);
        let all = overview(&app).await;
        assert_eq!((all.lag.events, all.lag.time), (3, Duration::from_secs(60)));
        assert_eq!(
            (all.status.position, all.builds[0].checkpoint.position),
            (Position::new(1), Position::new(1))
        );
        assert!(all.builds[0].live && all.building().is_none());
        // A clock that goes back makes nothing older than it is.
        clock.set(0);
        assert_eq!(overview(&app).await.lag.time, Duration::ZERO);
        rows.calm();
        app.wait_until_caught_up().await.unwrap();
        assert_eq!(overview(&app).await.lag.events, 0);
    })
    .await;
}

/// Whether the handler below can take what it is given.
static IS_CURED: AtomicBool = AtomicBool::new(false);

/// Stops until it is cured.
#[derive(Projection, Clone, Debug)]
#[projection(name = "patients", version = 1, on(AccountEvent => Patient::apply))]
struct Patient {
    #[key]
    account: AccountId,
    events: i64,
}

impl Patient {
    fn apply(&mut self, _: &AccountEvent) {
        assert!(IS_CURED.load(Ordering::SeqCst), "not yet");
        self.events += 1;
    }
}

#[tokio::test]
async fn what_stands_still_goes_on_when_it_is_told() {
    let app = App::builder(Memory::new()).projection::<Patient>().start().await.unwrap();
    let receipt = pay(&app, "a", 1).await;
    until(&app, "patients", |status| matches!(status.state, State::Stopped(_))).await;
    app.resume("patients").unwrap();
    let error = app.find::<Patient>(&account("a")).after(&receipt).await.unwrap_err().to_string();
    assert!(error.contains("not yet"), "{error}");
    IS_CURED.store(true, Ordering::SeqCst);
    app.resume("patients").unwrap();
    // Nobody hears of the old stop any more.
    let row = app.find::<Patient>(&account("a")).after(&receipt).await.unwrap();
    assert_eq!(row.unwrap().events, 1);
    assert!(app.resume("nobody").unwrap_err().to_string().contains("it runs: patients"));
}

#[tokio::test]
async fn a_shut_down_answers_what_was_begun_and_refuses_what_comes() {
    let store = Arc::new(Faulty::new([Fault::Held]));
    let app =
        App::builder(Arc::clone(&store)).rows(Memory::new()).projection::<Tally>().start().await.unwrap();
    let begun = tokio::spawn({
        let app = app.clone();
        async move { app.execute(deposit("a", 1)).await }
    });
    store.held.acquire().await.unwrap().forget();
    let (first, second) = (app.clone(), app.clone());
    let first = tokio::spawn(async move { first.shut_down().await });
    let refused = loop {
        match app.execute(deposit("b", 1)).await {
            Ok(_) => tokio::task::yield_now().await,
            Err(error) => break error,
        }
    };
    let ExecuteError::Unavailable(error) = refused else { panic!("{refused:?}") };
    assert!(error.is_unavailable() && error.to_string().contains("shutting down"), "{error}");
    assert!(!begun.is_finished() && !first.is_finished());

    store.gate.add_permits(1);
    begun.await.unwrap().unwrap();
    first.await.unwrap();
    timeout(LONG, second.shut_down()).await.unwrap();
    let error = app.find::<Tally>(&account("a")).after(Position::END).await.unwrap_err().to_string();
    assert!(error.contains("the app was stopped"), "{error}");
}

/// Who gives up waiting leaves the doors closed and the rest to end by itself.
#[tokio::test]
async fn a_shut_down_that_is_given_up_goes_on() {
    let store = Arc::new(Faulty::new([Fault::Held]));
    let app = App::builder(Arc::clone(&store)).start().await.unwrap();
    let begun = tokio::spawn({
        let app = app.clone();
        async move { app.execute(deposit("a", 1)).await }
    });
    store.held.acquire().await.unwrap().forget();
    assert!(timeout(Duration::from_millis(1), app.shut_down()).await.is_err());
    assert!(app.execute(deposit("b", 1)).await.is_err());
    store.gate.add_permits(1);
    begun.await.unwrap().unwrap();
    app.shut_down().await;
}

#[tokio::test]
async fn a_shut_down_writes_down_how_far_everything_is() {
    on_each(async |stage| {
        let app = stage.app().await.projection::<Deposits>().start().await.unwrap();
        pay(&app, "a", 1).await;
        for _ in 0..5 {
            app.execute(annalist_flow_tests::domain::transfer_of("a", "b", 0)).await.unwrap();
        }
        app.wait_until_caught_up().await.unwrap();
        app.shut_down().await;
        // Also over the events of others, which nobody writes down at once.
        let builds = stage.process().await.rows.builds("deposits").await.unwrap();
        assert_eq!(builds[0].checkpoint.position, Position::new(6));
    })
    .await;
}

/// Something that reads other events too.
mod only {
    use annalist::prelude::*;
    use annalist_flow_tests::domain::AccountId;

    /// A deposit.
    #[derive(Event, Serialize, Deserialize, Clone, Debug)]
    #[event(name = "account.deposited")]
    pub(crate) struct Deposited {
        #[id]
        pub(crate) account: AccountId,
        pub(crate) amount: u64,
    }
}

/// Reads deposits alone.
#[derive(Projection, Clone, Debug)]
#[projection(name = "deposits", version = 1, on(only::Deposited => Deposits::apply))]
struct Deposits {
    #[key]
    account: AccountId,
    sum: i64,
}

impl Deposits {
    fn apply(&mut self, event: &only::Deposited) {
        assert_eq!(event.account, self.account);
        self.sum += event.amount.cast_signed();
    }
}

fn everything(builder: Builder) -> Builder {
    builder.projection::<Tally>().projection::<Deposits>()
}

/// Tasks of the app end with it, whatever they are at.
#[tokio::test]
async fn an_app_that_is_dropped_leaves_nothing_behind() {
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let (before, store) = (tasks(), Arc::new(Memory::new()));
    for ending in 0..3 {
        let app = everything(App::builder(Arc::clone(&store))).start().await.unwrap();
        assert!(tasks() > before);
        pay(&app, "a", 1).await;
        match ending {
            0 => app.wait_until_caught_up().await.unwrap(),
            1 => app.rebuild("tallies").await.unwrap(),
            _ => app.shut_down().await,
        }
        drop(app);
        timeout(LONG, async {
            while tasks() > before {
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap();
    }
    assert_eq!(Arc::strong_count(&store), 1);
    assert_eq!(store.settled().await.unwrap().position, Position::new(3));
}

/// What a row keeps as JSON has another shape, and nobody said so: it is an error that names the row's column.
mod reshaped {
    use annalist::{Memory, prelude::*};
    use annalist_flow_tests::domain::{AccountEvent, AccountId, account};

    macro_rules! noted {
        ($name:ident, $notes:ty, $note:expr) => {
            #[derive(Projection, Clone, Debug)]
            #[projection(name = "noted", version = 1, on(AccountEvent => $name::apply))]
            struct $name {
                #[key]
                account: AccountId,
                #[json]
                notes: $notes,
            }

            impl $name {
                fn apply(&mut self, _: &AccountEvent) {
                    self.notes = $note;
                }
            }
        };
    }

    noted!(Before, Vec<String>, vec!["one".to_owned()]);
    noted!(After, std::collections::BTreeMap<String, u8>, Default::default());

    #[tokio::test]
    async fn rows_that_cannot_be_read_stop_it() {
        let store = Memory::new();
        let app = App::builder(store.clone()).projection::<Before>().start().await.unwrap();
        super::pay(&app, "a", 1).await;
        app.wait_until_caught_up().await.unwrap();
        app.shut_down().await;
        let app = App::builder(store).projection::<After>().start().await.unwrap();
        let error = app.find::<After>(&account("a")).await.unwrap_err().to_string();
        assert!(error.contains("column `notes` of `noted`"), "{error}");
        let receipt = super::pay(&app, "a", 1).await;
        let error = app.find::<After>(&account("a")).after(&receipt).await.unwrap_err().to_string();
        assert!(error.contains("column `notes` of `noted`"), "{error}");
    }
}
