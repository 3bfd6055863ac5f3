//! Running an app: its overview, restarts after faults, and its shutdown.
#![allow(clippy::unwrap_used)] // in the helpers too

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use annalist::{
    EventStore, Memory, Position, Timestamp,
    app::{Builder, Clock, Overview},
    prelude::*,
    projection::State,
};
use annalist_flow_tests::{
    domain::{AccountEvent, AccountId, account, deposit},
    faulty_rows::{FaultPoint, RowFault},
    faulty_store::{Fault, FaultyStore},
    test_log::{TEST_TIMEOUT, on_each_log, wait_until},
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
    app.find::<Tally>(&account(name)).after(after).timeout(TEST_TIMEOUT).await.unwrap().unwrap().sum
}

/// Injects a fault at each call in turn, while the app runs.
async fn run_with_faults(fault: RowFault) {
    on_each_log(async |log| {
        let mut paid = 0;
        for call in 0..25 {
            let (builder, rows) = log.app_with_faulty_rows().await;
            rows.plan(FaultPoint::Nth(call), fault);
            let app = builder.projection::<Tally>().start().await.unwrap();
            // Waits for each event, so that there are further calls; the rows are read after the fault.
            while rows.injected.available_permits() == 0 {
                let receipt = pay(&app, "a", 1).await;
                paid += 1;
                app.wait_for_position("tallies", &receipt, TEST_TIMEOUT).await.unwrap();
            }
            rows.plan(FaultPoint::Nth(usize::MAX), fault);
            let receipt = pay(&app, "a", 1).await;
            paid += 1;
            assert_eq!(sum(&app, "a", &receipt).await, paid, "{fault:?} at call {call}");
            assert_eq!(overview(&app).await.lag.events, 0);
            app.shut_down().await;
        }
    })
    .await;
}

#[tokio::test]
async fn app_recovers_from_a_panic_of_the_store() {
    run_with_faults(RowFault::Panics).await;
}

#[tokio::test]
async fn app_recovers_from_a_failed_call_of_the_store() {
    run_with_faults(RowFault::Fails).await;
}

#[tokio::test]
async fn app_recovers_from_a_lost_response_of_the_store() {
    run_with_faults(RowFault::Lost).await;
}

#[tokio::test]
async fn projection_waits_for_an_unavailable_store() {
    on_each_log(async |log| {
        let (builder, rows) = log.app_with_faulty_rows().await;
        rows.set_unavailable(true);
        let app = builder.projection::<Tally>().start().await.unwrap();
        let status =
            wait_until(&app, "tallies", |status| matches!(status.state, State::Waiting { .. })).await;
        assert_eq!((status.position, status.reads), (Position::START, None));
        let receipt = pay(&app, "a", 1).await;
        let result = app.find::<Tally>(&account("a")).after(&receipt).timeout(Duration::ZERO).await;
        let error = result.unwrap_err().to_string();
        assert!(error.contains("waits to try again") && error.contains("no connection"), "{error}");
        assert!(app.overview().await.unwrap_err().is_unavailable());

        rows.set_unavailable(false);
        assert_eq!(sum(&app, "a", &receipt).await, 1);
        // Again, while it runs.
        rows.set_unavailable(true);
        let receipt = pay(&app, "a", 1).await;
        wait_until(&app, "tallies", |status| matches!(status.state, State::Waiting { .. })).await;
        rows.set_unavailable(false);
        assert_eq!(sum(&app, "a", &receipt).await, 2);
    })
    .await;
}

/// A clock that shows the seconds set by a test.
#[derive(Clone)]
struct SettableClock(Arc<Mutex<i64>>);

impl SettableClock {
    fn set(&self, seconds: i64) {
        *self.0.lock().unwrap() = seconds;
    }
}

impl Clock for SettableClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(*self.0.lock().unwrap() * 1_000_000)
    }
}

#[tokio::test]
async fn overview_reports_the_lag() {
    on_each_log(async |log| {
        let (builder, rows) = log.app_with_faulty_rows().await;
        let clock = SettableClock(Arc::default());
        let app = builder.clock(clock.clone()).projection::<Tally>().start().await.unwrap();
        clock.set(1000);
        let receipt = pay(&app, "a", 1).await;
        app.wait_for_position("tallies", &receipt, TEST_TIMEOUT).await.unwrap();
        let all = overview(&app).await;
        assert_eq!((all.lag.events, all.lag.time), (0, Duration::ZERO));

        rows.plan(FaultPoint::Commits(1, 0), RowFault::Held);
        for seconds in [1100, 1110, 1120] {
            clock.set(seconds);
            pay(&app, "a", 1).await;
        }
        rows.until_injected().await;
        clock.set(1160);
        let all = overview(&app).await;
        assert_eq!((all.lag.events, all.lag.time), (3, Duration::from_secs(60)));
        assert_eq!(
            (all.status.position, all.builds[0].checkpoint.position),
            (Position::new(1), Position::new(1))
        );
        assert!(all.builds[0].live && all.building().is_none());
        // After the clock jumps back, the lag is zero, not negative.
        clock.set(0);
        assert_eq!(overview(&app).await.lag.time, Duration::ZERO);
        rows.end_faults();
        app.wait_until_caught_up().await.unwrap();
        assert_eq!(overview(&app).await.lag.events, 0);
    })
    .await;
}

/// Whether the handler of [`Recovering`] succeeds.
static IS_FIXED: AtomicBool = AtomicBool::new(false);

/// A projection that stops until [`IS_FIXED`] is set.
#[derive(Projection, Clone, Debug)]
#[projection(name = "recovering", version = 1, on(AccountEvent => Recovering::apply))]
struct Recovering {
    #[key]
    account: AccountId,
    events: i64,
}

impl Recovering {
    fn apply(&mut self, _: &AccountEvent) {
        assert!(IS_FIXED.load(Ordering::SeqCst), "not yet");
        self.events += 1;
    }
}

#[tokio::test]
async fn stopped_projection_continues_after_resume() {
    let app = App::builder(Memory::new()).projection::<Recovering>().start().await.unwrap();
    let receipt = pay(&app, "a", 1).await;
    wait_until(&app, "recovering", |status| matches!(status.state, State::Stopped(_))).await;
    app.resume("recovering").await.unwrap();
    let error = app.find::<Recovering>(&account("a")).after(&receipt).await.unwrap_err().to_string();
    assert!(error.contains("not yet"), "{error}");
    IS_FIXED.store(true, Ordering::SeqCst);
    app.resume("recovering").await.unwrap();
    // The earlier stop is no longer reported.
    let row = app.find::<Recovering>(&account("a")).after(&receipt).await.unwrap();
    assert_eq!(row.unwrap().events, 1);
    assert!(app.resume("unknown").await.unwrap_err().to_string().contains("it runs: recovering"));
}

#[tokio::test]
async fn shutdown_completes_running_commands_and_refuses_new_ones() {
    let store = Arc::new(FaultyStore::new([Fault::Held]));
    let app =
        App::builder(Arc::clone(&store)).rows(Memory::new()).projection::<Tally>().start().await.unwrap();
    let running = tokio::spawn({
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
    assert!(!running.is_finished() && !first.is_finished());

    store.gate.add_permits(1);
    running.await.unwrap().unwrap();
    first.await.unwrap();
    timeout(TEST_TIMEOUT, second.shut_down()).await.unwrap();
    let error = app.find::<Tally>(&account("a")).after(Position::END).await.unwrap_err().to_string();
    assert!(error.contains("the app was stopped"), "{error}");
}

/// After a cancelled shutdown, new commands are still refused, and running commands complete.
#[tokio::test]
async fn cancelled_shutdown_continues() {
    let store = Arc::new(FaultyStore::new([Fault::Held]));
    let app = App::builder(Arc::clone(&store)).start().await.unwrap();
    let running = tokio::spawn({
        let app = app.clone();
        async move { app.execute(deposit("a", 1)).await }
    });
    store.held.acquire().await.unwrap().forget();
    assert!(timeout(Duration::from_millis(1), app.shut_down()).await.is_err());
    assert!(app.execute(deposit("b", 1)).await.is_err());
    store.gate.add_permits(1);
    running.await.unwrap().unwrap();
    app.shut_down().await;
}

#[tokio::test]
async fn shutdown_saves_the_checkpoints() {
    on_each_log(async |log| {
        let app = log.app().await.projection::<Deposits>().start().await.unwrap();
        pay(&app, "a", 1).await;
        for _ in 0..5 {
            app.execute(annalist_flow_tests::domain::transfer_of("a", "b", 0)).await.unwrap();
        }
        app.wait_until_caught_up().await.unwrap();
        app.shut_down().await;
        // The checkpoint is after the last event, although the projection does not read that event.
        let builds = log.process().await.rows.builds("deposits").await.unwrap();
        assert_eq!(builds[0].checkpoint.position, Position::new(6));
    })
    .await;
}

/// An event type for deposits only.
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

/// A projection that reads deposits only.
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

fn with_projections(builder: Builder) -> Builder {
    builder.projection::<Tally>().projection::<Deposits>()
}

/// The tasks of an app end when it is dropped, in every phase.
#[tokio::test]
async fn dropped_app_leaves_no_task_running() {
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let (before, store) = (tasks(), Arc::new(Memory::new()));
    for phase in 0..3 {
        let app = with_projections(App::builder(Arc::clone(&store))).start().await.unwrap();
        assert!(tasks() > before);
        pay(&app, "a", 1).await;
        match phase {
            0 => app.wait_until_caught_up().await.unwrap(),
            1 => app.rebuild("tallies").await.unwrap(),
            _ => app.shut_down().await,
        }
        drop(app);
        timeout(TEST_TIMEOUT, async {
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

/// A JSON column has another type, without a new version: an error that names the column.
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
    async fn unreadable_rows_stop_the_projection() {
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
