//! `App::health`.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use annalist::{
    App, Memory,
    operate::{Health, Problem},
    projection::{ProjectionOptions, State},
    testing::ManualClock,
};
use annalist_flow_tests::{
    domain::deposit, faulty_rows::FaultyRows, faulty_store::FaultyStore, policies::First,
    read_model::Balance, test_log::wait_until, versions::Strict,
};
use tokio::time::sleep;

fn kinds(health: &Health) -> Vec<&'static str> {
    let kind = |problem: &Problem| match problem {
        Problem::ShuttingDown => "shutting down",
        Problem::StoreUnavailable { .. } => "store",
        Problem::Building { .. } => "building",
        Problem::Waiting { .. } => "waiting",
        Problem::Stopped { .. } => "stopped",
        Problem::Lagging { .. } => "lagging",
        _ => "runtime",
    };
    health.problems.iter().map(kind).collect()
}

#[tokio::test]
async fn app_without_problems_is_ready_until_it_shuts_down() {
    let app = App::builder(Memory::new()).projection::<Balance>().policy(First).start().await.unwrap();
    app.execute(deposit("ann", 1)).await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    assert_eq!(app.health().await, Health::default());
    app.shut_down().await;
    let health = app.health().await;
    assert_eq!(kinds(&health), ["shutting down"]);
    assert!(health.is_live() && !health.is_ready());
}

/// A restart cures neither, and takes away the commands and the other projections too.
#[tokio::test(start_paused = true)]
async fn stop_and_lag_are_problems_that_leave_the_app_ready() {
    let clock = ManualClock::default();
    let builder = App::builder(Memory::new()).clock(clock.clone()).projection::<Balance>();
    let app = builder.projection::<Strict>().start().await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    app.execute(deposit("ann", 5000)).await.unwrap();
    wait_until(&app, "tallies", |status| matches!(status.state, State::Stopped(_))).await;
    sleep(Duration::from_secs(5)).await;
    assert_eq!(kinds(&app.health().await), ["stopped"]);
    clock.advance(Duration::from_secs(61));
    let health = app.health().await;
    assert_eq!(kinds(&health), ["stopped", "lagging"]);
    assert!(health.is_live() && health.is_ready());
    let [Problem::Stopped { name, reason }, Problem::Lagging { age, .. }] = health.problems.as_slice() else {
        panic!("{health:?}")
    };
    assert_eq!((*name, age.as_secs()), ("tallies", 61));
    assert!(reason.contains("stopped at position 1") && reason.contains("cannot handle"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn first_build_and_row_store_that_does_not_respond_are_problems() {
    let log = Memory::new();
    App::builder(log.clone()).start().await.unwrap().execute(deposit("ann", 1)).await.unwrap();
    let rows = Arc::new(FaultyRows::new(Arc::new(log.clone())));
    rows.set_unavailable(true);
    let options = ProjectionOptions::new().rows(Arc::clone(&rows));
    let app = App::builder(log).projection_with::<Balance>(options).start().await.unwrap();
    let health = app.health().await;
    assert_eq!(kinds(&health), ["building", "waiting"]);
    assert!(health.is_live() && !health.is_ready());
    rows.set_unavailable(false);
    app.wait_until_caught_up().await.unwrap();
    assert_eq!(app.health().await, Health::default());
}

#[tokio::test]
async fn store_that_fails_is_a_problem_until_it_answers() {
    let store = Arc::new(FaultyStore::new([]));
    let app = App::builder(Arc::clone(&store)).start().await.unwrap();
    store.poll_panics.store(1, Ordering::SeqCst);
    let health = app.health().await;
    assert_eq!(kinds(&health), ["store"]);
    assert!(health.is_live() && !health.is_ready());
    assert_eq!(app.health().await, Health::default());
}

#[test]
fn ended_runtime_is_not_live() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let app = runtime.block_on(App::builder(Memory::new()).projection::<Balance>().start()).unwrap();
    drop(runtime);
    let other = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let health = other.block_on(app.health());
    assert_eq!(health.problems, [Problem::RuntimeEnded]);
    assert!(!health.is_live() && !health.is_ready());
}

#[tokio::test]
async fn app_that_observes_reports_the_store_alone() {
    let log = Memory::new();
    let app = App::builder(log).projection::<Balance>().observe().await.unwrap();
    assert_eq!(app.health().await, Health::default());
}
