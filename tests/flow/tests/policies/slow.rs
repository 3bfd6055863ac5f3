//! Slow policies: they delay neither other policies nor the shutdown of their app. A command of theirs that is being executed
//! completes even if the app is dropped.

use std::{sync::Arc, time::Duration};

use annalist::{
    App, Memory,
    projection::{State, Status},
};
use annalist_flow_tests::{
    domain::{account, deposit},
    faulty_store::{Fault, FaultyStore},
    policies::{Bonus, CallCounter, ParksError, Slow},
    read_model::Balance,
};
use tokio::{sync::Semaphore, time::Instant};

use super::{Store, balance, status};

on_stores! {
    slow_policy_does_not_delay_others;
}

async fn slow_policy_does_not_delay_others(store: Store) {
    let (started, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let slow = Slow { started: Arc::clone(&started), gate: Arc::clone(&gate) };
    let bonus = Bonus { calls: CallCounter::default() };
    let app = App::builder(store).policy(slow).policy(bonus).projection::<Balance>().start().await.unwrap();
    for round in 1..=5 {
        let receipt = app.execute(deposit("ann", 1)).await.unwrap();
        let row = app.find::<Balance>(&account("ann")).after(&receipt).await.unwrap();
        assert_eq!(row.unwrap().cents, round);
        app.wait_for_position("bonus", &receipt, Duration::from_secs(30)).await.unwrap();
    }
    started.acquire().await.unwrap().forget();
    assert_eq!((started.available_permits(), balance(&app, "slow.bonus").await), (0, 0));
    gate.add_permits(5);
    app.wait_until_caught_up().await.unwrap();
    assert_eq!((balance(&app, "slow.bonus").await, balance(&app, "all.bonus").await), (5, 5));
}

#[tokio::test]
async fn slow_policy_does_not_keep_its_app_alive() {
    let (started, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let slow = Slow { started: Arc::clone(&started), gate };
    let store = Arc::new(Memory::new());
    let app = App::builder(Arc::clone(&store)).policy(slow).start().await.unwrap();
    app.execute(deposit("ann", 1)).await.unwrap();
    started.acquire().await.unwrap().forget();
    drop(app);
    while Arc::strong_count(&store) > 1 || Arc::strong_count(&started) > 1 {
        tokio::task::yield_now().await;
    }
}

/// The append of the policy's command conflicts, so the command has to be decided again after its app was dropped.
#[tokio::test]
async fn command_of_a_policy_completes_after_its_app_is_dropped() {
    let (started, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(5)));
    let slow = || Slow { started: Arc::clone(&started), gate: Arc::clone(&gate) };
    let store = Arc::new(FaultyStore::new([Fault::Held]));
    let plain = App::builder(store.inner.clone()).start().await.unwrap();
    let start = || {
        let rows = store.inner.clone();
        App::builder(Arc::clone(&store)).rows(rows).policy(slow()).start()
    };
    let app = start().await.unwrap();
    plain.execute(deposit("ann", 1)).await.unwrap();
    store.wake_up();
    store.held.acquire().await.unwrap().forget();
    plain.execute(deposit("slow.bonus", 5)).await.unwrap();
    drop(app);
    while Arc::strong_count(&started) > 1 {
        tokio::task::yield_now().await;
    }
    store.gate.add_permits(1);
    while Arc::strong_count(&store) > 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(balance(&plain, "slow.bonus").await, 6);

    // The event is handled again, because its checkpoint was not saved; the command was executed already.
    let app = start().await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    assert_eq!((started.available_permits(), balance(&app, "slow.bonus").await), (2, 6));
}

#[tokio::test(start_paused = true)]
async fn shutdown_waits_at_most_ten_seconds_for_a_reaction() {
    let (started, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let slow = || Slow { started: Arc::clone(&started), gate: Arc::clone(&gate) };
    let store = Memory::new();
    let app = App::builder(store.clone()).policy(slow()).start().await.unwrap();
    app.execute(deposit("ann", 1)).await.unwrap();
    started.acquire().await.unwrap().forget();
    let start = Instant::now();
    app.shut_down().await;
    assert!(start.elapsed() <= Duration::from_secs(10), "{:?}", start.elapsed());

    // The interrupted reaction is executed again.
    gate.add_permits(1);
    let app = App::builder(store).policy(slow()).start().await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    assert_eq!(balance(&app, "slow.bonus").await, 1);
}

#[tokio::test(start_paused = true)]
async fn shutdown_does_not_wait_for_the_next_try() {
    let calls = CallCounter::default();
    let policy = ParksError { calls: calls.clone(), failures: usize::MAX };
    let app = App::builder(Memory::new()).policy(policy).start().await.unwrap();
    app.execute(deposit("ann", 100)).await.unwrap();
    let is_waiting = |status: Status| matches!(status.state, State::Waiting { reason } if reason.contains("try 1 of 4 failed"));
    while !is_waiting(status(&app, "parks_error")) {
        tokio::task::yield_now().await;
    }
    let start = Instant::now();
    app.shut_down().await;
    assert_eq!((start.elapsed(), calls.count()), (Duration::ZERO, 1));
}
