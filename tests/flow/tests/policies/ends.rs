//! Slow policies: they hold nobody else up, and neither their app nor its end.

use std::{sync::Arc, time::Duration};

use annalist::{
    App, Memory,
    projection::{State, Status},
};
use annalist_flow_tests::{
    domain::{account, deposit},
    policies::{Bonus, Calls, ParksError, Slow},
    read_model::Balance,
};
use tokio::{sync::Semaphore, time::Instant};

use super::{Store, balance, status};

on_stores! {
    a_slow_policy_holds_nobody_else_up;
}

async fn a_slow_policy_holds_nobody_else_up(store: Store) {
    let (here, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let slow = Slow { here: Arc::clone(&here), gate: Arc::clone(&gate) };
    let bonus = Bonus { calls: Calls::default() };
    let app = App::builder(store).policy(slow).policy(bonus).projection::<Balance>().start().await.unwrap();
    for round in 1..=5 {
        let receipt = app.execute(deposit("ann", 1)).await.unwrap();
        let row = app.find::<Balance>(&account("ann")).after(&receipt).await.unwrap();
        assert_eq!(row.unwrap().cents, round);
        app.wait_for_position("bonus", &receipt, Duration::from_secs(30)).await.unwrap();
    }
    here.acquire().await.unwrap().forget();
    assert_eq!((here.available_permits(), balance(&app, "slow.bonus").await), (0, 0));
    gate.add_permits(5);
    app.wait_until_caught_up().await.unwrap();
    assert_eq!((balance(&app, "slow.bonus").await, balance(&app, "all.bonus").await), (5, 5));
}

#[tokio::test]
async fn a_policy_does_not_keep_its_app_alive() {
    let (here, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let slow = Slow { here: Arc::clone(&here), gate };
    let store = Arc::new(Memory::new());
    let app = App::builder(Arc::clone(&store)).policy(slow).start().await.unwrap();
    app.execute(deposit("ann", 1)).await.unwrap();
    here.acquire().await.unwrap().forget();
    drop(app);
    while Arc::strong_count(&store) > 1 || Arc::strong_count(&here) > 1 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_in_order_waits_ten_seconds_for_the_world_outside() {
    let (here, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let slow = || Slow { here: Arc::clone(&here), gate: Arc::clone(&gate) };
    let store = Memory::new();
    let app = App::builder(store.clone()).policy(slow()).start().await.unwrap();
    app.execute(deposit("ann", 1)).await.unwrap();
    here.acquire().await.unwrap().forget();
    let asked = Instant::now();
    app.shut_down().await;
    assert!(asked.elapsed() <= Duration::from_secs(10), "{:?}", asked.elapsed());

    // What it had come to is reacted to again.
    gate.add_permits(1);
    let app = App::builder(store).policy(slow()).start().await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    assert_eq!(balance(&app, "slow.bonus").await, 1);
}

#[tokio::test(start_paused = true)]
async fn an_end_in_order_does_not_wait_for_the_next_try() {
    let calls = Calls::default();
    let policy = ParksError { calls: calls.clone(), failures: usize::MAX };
    let app = App::builder(Memory::new()).policy(policy).start().await.unwrap();
    app.execute(deposit("ann", 100)).await.unwrap();
    let waits = |status: Status| matches!(status.state, State::Waiting { reason } if reason.contains("try 1 of 4 failed"));
    while !waits(status(&app, "parks_error")) {
        tokio::task::yield_now().await;
    }
    let asked = Instant::now();
    app.shut_down().await;
    assert_eq!((asked.elapsed(), calls.count()), (Duration::ZERO, 1));
}
