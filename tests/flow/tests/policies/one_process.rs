//! A policy runs in one process at a time: the others wait, know its position, and take over when it ends.

use std::{sync::Arc, time::Duration};

use annalist::{
    App, Memory, Position,
    prelude::*,
    projection::State,
    raw::rows::Claim,
    store::{Build, RowChange, Table},
};
use annalist_flow_tests::{
    domain::{AccountEvent, Deposit, deposit},
    policies::{Bonus, CallCounter, Slow},
};
use tokio::{sync::Semaphore, time::Instant};
use uuid::Uuid;

use super::{Store, balance, status, wait_until_stopped};

on_stores! {
    handler_is_called_once_for_each_event_in_two_apps;
    policy_everywhere_runs_in_two_apps_at_the_same_time;
    other_app_takes_over_after_a_shutdown;
    other_app_takes_over_after_a_drop;
    app_with_other_code_takes_over_from_a_stopped_policy;
    stopped_policy_resumes_in_either_app;
    retry_of_parked_events_works_in_either_app;
}

/// The table of the policy's checkpoint.
const BONUS: Table = Table { projection: "bonus", version: 1, build: 0, columns: &[] };
const SLOW: Table = Table { projection: "slow", ..BONUS };

async fn build(store: &Store, table: &Table) -> Build {
    store.row_store().unwrap().builds(table.projection).await.unwrap().remove(0)
}

async fn handler_is_called_once_for_each_event_in_two_apps(store: Store) {
    let calls = CallCounter::default();
    let start = || App::builder(store.clone()).policy(Bonus { calls: calls.clone() }).start();
    let (one, other) = (start().await.unwrap(), start().await.unwrap());
    assert_eq!(status(&other, "bonus").state, State::Standby);
    for round in 1..=20 {
        one.execute(deposit("ann", 1)).await.unwrap();
        let receipt = other.execute(deposit("bob", 1)).await.unwrap();
        if round % 5 == 0 {
            other.wait_for_position("bonus", &receipt, Duration::from_secs(30)).await.unwrap();
            assert!(status(&other, "bonus").position >= receipt.position());
        }
    }
    // Includes the events of the policy, which the other app appends.
    other.wait_until_caught_up().await.unwrap();
    assert_eq!((calls.count(), balance(&other, "all.bonus").await), (40, 40));
    assert_eq!(status(&other, "bonus").position, other.store().settled().await.unwrap().position);
    one.wait_until_caught_up().await.unwrap();
}

async fn policy_everywhere_runs_in_two_apps_at_the_same_time(store: Store) {
    let (started, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let start = || {
        let policy = Everywhere { started: Arc::clone(&started), gate: Arc::clone(&gate) };
        App::builder(store.clone()).policy(policy).start()
    };
    let (one, other) = (start().await.unwrap(), start().await.unwrap());
    one.execute(deposit("ann", 1)).await.unwrap();
    // Both handlers are called before either returns.
    started.acquire_many(2).await.unwrap().forget();
    gate.add_permits(2);
    one.wait_until_caught_up().await.unwrap();
    other.wait_until_caught_up().await.unwrap();
    assert_eq!(balance(&one, "all.bonus").await, 1);
}

async fn other_app_takes_over_after_a_shutdown(store: Store) {
    let (first, second) = (CallCounter::default(), CallCounter::default());
    let start =
        |calls: &CallCounter| App::builder(store.clone()).policy(Bonus { calls: calls.clone() }).start();
    let (one, other) = (start(&first).await.unwrap(), start(&second).await.unwrap());
    one.execute(deposit("ann", 1)).await.unwrap();
    other.wait_until_caught_up().await.unwrap();
    one.shut_down().await;
    assert_eq!(build(&store, &BONUS).await.claim, None);
    other.execute(deposit("ann", 1)).await.unwrap();
    other.wait_until_caught_up().await.unwrap();
    assert_eq!((first.count(), second.count()), (1, 1));
    assert_eq!(status(&other, "bonus").state, State::CaughtUp);
}

async fn other_app_takes_over_after_a_drop(store: Store) {
    let (first, second) = (CallCounter::default(), CallCounter::default());
    let start =
        |calls: &CallCounter| App::builder(store.clone()).policy(Bonus { calls: calls.clone() }).start();
    let (one, other) = (start(&first).await.unwrap(), start(&second).await.unwrap());
    let before = build(&store, &BONUS).await.claim.unwrap();
    drop(one);
    // The tasks of the dropped app end, and then the claim is released.
    while build(&store, &BONUS).await.claim.is_none_or(|claim| claim.holder == before.holder) {
        tokio::task::yield_now().await;
    }
    other.execute(deposit("ann", 1)).await.unwrap();
    other.wait_until_caught_up().await.unwrap();
    assert_eq!((first.count(), second.count()), (0, 1));
}

async fn app_with_other_code_takes_over_from_a_stopped_policy(store: Store) {
    let start =
        |fails| App::builder(store.clone()).policy(Fixable { fails, calls: CallCounter::default() }).start();
    let broken = start(true).await.unwrap();
    broken.execute(deposit("ann", 1)).await.unwrap();
    wait_until_stopped(&broken, "fixable").await;
    let fixed = start(false).await.unwrap();
    fixed.wait_until_caught_up().await.unwrap();
    assert_eq!(balance(&fixed, "all.bonus").await, 1);
    // The stop in the first app ends: it observes the other one.
    broken.wait_until("fixable", |status| status.state == State::Standby).await.unwrap();
    broken.wait_until_caught_up().await.unwrap();
}

async fn stopped_policy_resumes_in_either_app(store: Store) {
    let calls = CallCounter::default();
    let start = || App::builder(store.clone()).policy(Fixable { fails: true, calls: calls.clone() }).start();
    let (one, other) = (start().await.unwrap(), start().await.unwrap());
    one.execute(deposit("ann", 1)).await.unwrap();
    wait_until_stopped(&one, "fixable").await;
    wait_until_stopped(&other, "fixable").await;
    for app in [&one, &other] {
        app.resume("fixable").await.unwrap();
        let stopped = wait_until_stopped(app, "fixable").await;
        assert!(stopped.error.contains("not fixed"), "{stopped}");
    }
    // Every process that is stopped tries the event again, with each request.
    assert!((4..=6).contains(&calls.count()), "{}", calls.count());
}

async fn retry_of_parked_events_works_in_either_app(store: Store) {
    let start = |fails| App::builder(store.clone()).policy(Parks { fails }).start();
    let one = start(true).await.unwrap();
    let other = start(false).await.unwrap();
    one.execute(deposit("ann", 1)).await.unwrap();
    one.wait_until_caught_up().await.unwrap();
    other.wait_until("parks", |status| status.parked == 1).await.unwrap();
    assert_eq!(status(&other, "parks").state, State::Standby);
    let report = other.retry_parked("parks").await.unwrap();
    assert_eq!((report.done, report.parked), (1, 0));
    other.wait_until("parks", |status| status.parked == 0).await.unwrap();
    one.wait_until("parks", |status| status.parked == 0).await.unwrap();
    // The first app still runs the policy.
    one.execute(deposit("bob", 1)).await.unwrap();
    other.wait_until("parks", |status| status.parked == 1).await.unwrap();
    assert_eq!(status(&other, "parks").state, State::Standby);
}

/// A claim whose holder never answers.
const DEAD: Claim = Claim { holder: Uuid::from_u128(1), round: 7, challenged: false };

/// Waits until the app runs the policy, and returns how long that takes.
async fn time_until_it_runs(app: &App, name: &str) -> Duration {
    let start = Instant::now();
    app.wait_until(name, |status| status.state == State::CaughtUp).await.unwrap();
    start.elapsed()
}

#[tokio::test(start_paused = true)]
async fn holder_that_no_longer_answers_is_replaced_within_seconds() {
    let store: Store = Arc::new(Memory::new());
    let rows = store.row_store().unwrap();
    rows.define(&BONUS, "", store.log_id()).await.unwrap();
    assert!(rows.replace_claim(&BONUS, None, Some(DEAD)).await.unwrap());
    let calls = CallCounter::default();
    let start = || App::builder(store.clone()).policy(Bonus { calls: calls.clone() }).start();
    let (one, other) = (start().await.unwrap(), start().await.unwrap());
    one.execute(deposit("ann", 1)).await.unwrap();
    let start = Instant::now();
    one.wait_until_caught_up().await.unwrap();
    let elapsed = start.elapsed();
    assert!((Duration::from_secs(4)..Duration::from_secs(8)).contains(&elapsed), "{elapsed:?}");
    assert_eq!(calls.count(), 1);
    // One of the two holds it now.
    let states = [&one, &other].map(|app| status(app, "bonus").state);
    assert_eq!(states.iter().filter(|state| **state == State::Standby).count(), 1, "{states:?}");
}

#[tokio::test(start_paused = true)]
async fn holder_that_answers_is_not_replaced() {
    let store: Store = Arc::new(Memory::new());
    let calls = CallCounter::default();
    let start = || App::builder(store.clone()).policy(Bonus { calls: calls.clone() }).start();
    let (_one, other) = (start().await.unwrap(), start().await.unwrap());
    let _third = start().await.unwrap();
    let before = build(&store, &BONUS).await.claim.unwrap();
    tokio::time::sleep(Duration::from_secs(100)).await;
    let after = build(&store, &BONUS).await.claim.unwrap();
    assert_eq!(after.holder, before.holder);
    assert!(after.round > 10, "{after:?}");
    assert_eq!(status(&other, "bonus").state, State::Standby);
}

#[tokio::test(start_paused = true)]
async fn policy_in_one_app_writes_no_signs_of_life() {
    let store: Store = Arc::new(Memory::new());
    let app =
        App::builder(store.clone()).policy(Bonus { calls: CallCounter::default() }).start().await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    let before = build(&store, &BONUS).await;
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert_eq!(build(&store, &BONUS).await, before);
}

/// Each process tries the event once, and again when a restart is requested in any of them.
#[tokio::test(start_paused = true)]
async fn processes_do_not_retry_an_event_at_which_they_are_stopped() {
    let (store, calls): (Store, _) = (Arc::new(Memory::new()), CallCounter::default());
    let start = || App::builder(store.clone()).policy(Fixable { fails: true, calls: calls.clone() }).start();
    let apps = [start().await.unwrap(), start().await.unwrap(), start().await.unwrap()];
    apps[0].execute(deposit("ann", 1)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(100)).await;
    for app in &apps {
        wait_until_stopped(app, "fixable").await;
    }
    assert_eq!(calls.count(), 3);
    apps[1].resume("fixable").await.unwrap();
    tokio::time::sleep(Duration::from_secs(100)).await;
    for app in &apps {
        wait_until_stopped(app, "fixable").await;
    }
    assert_eq!(
        (calls.count(), build(&store, &Table { projection: "fixable", ..BONUS }).await.claim),
        (6, None)
    );
}

/// Another process takes over while this one is suspended in a handler, handles the event, and dies. The suspended one finishes the
/// event that it is at, and no other.
#[tokio::test(start_paused = true)]
async fn suspended_holder_finishes_its_event_and_no_other() {
    let store: Store = Arc::new(Memory::new());
    let rows = store.row_store().unwrap();
    let (started, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let slow = Slow { started: Arc::clone(&started), gate: Arc::clone(&gate) };
    let app = App::builder(store.clone()).policy(slow).start().await.unwrap();
    app.execute(deposit("ann", 1)).await.unwrap();
    app.execute(deposit("ann", 1)).await.unwrap();
    started.acquire().await.unwrap().forget();
    let stored = build(&store, &SLOW).await;
    assert!(rows.replace_claim(&SLOW, stored.claim, Some(DEAD)).await.unwrap());
    let (from, first) = (stored.checkpoint.position, stored.checkpoint.position.get() + 1);
    rows.commit(RowChange::new(&SLOW, from, Position::new(first))).await.unwrap();

    gate.add_permits(10);
    app.wait_until("slow", |status| status.state == State::Standby).await.unwrap();
    assert_eq!(started.available_permits(), 0);
    let elapsed = time_until_it_runs(&app, "slow").await;
    assert!(elapsed < Duration::from_secs(8), "{elapsed:?}");
    assert_eq!((started.available_permits(), balance(&app, "slow.bonus").await), (1, 2));
}

/// Another process takes over while this one is suspended between two events.
#[tokio::test(start_paused = true)]
async fn suspended_holder_handles_no_event_after_it_was_replaced() {
    let store: Store = Arc::new(Memory::new());
    let rows = store.row_store().unwrap();
    let calls = CallCounter::default();
    let app = App::builder(store.clone()).policy(Bonus { calls: calls.clone() }).start().await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    // The clock moves, and no task runs: as if the process had been suspended.
    tokio::time::advance(Duration::from_secs(60)).await;
    let claim = build(&store, &BONUS).await.claim;
    assert!(rows.replace_claim(&BONUS, claim, Some(DEAD)).await.unwrap());
    app.execute(deposit("ann", 1)).await.unwrap();
    app.wait_until("bonus", |status| status.state == State::Standby).await.unwrap();
    assert_eq!(calls.count(), 0);
    time_until_it_runs(&app, "bonus").await;
    assert_eq!(calls.count(), 1);
}

/// Counts nothing: each call waits at a gate.
#[derive(Policy)]
#[policy(name = "everywhere", from = beginning, on_reject = stop, everywhere, on(AccountEvent => Everywhere::react))]
struct Everywhere {
    started: Arc<Semaphore>,
    gate: Arc<Semaphore>,
}

impl Everywhere {
    async fn react(&self, event: &AccountEvent) -> Option<Deposit> {
        let AccountEvent::Deposited { account, .. } = event else { return None };
        if account.to_string().contains('.') {
            return None;
        }
        self.started.add_permits(1);
        self.gate.acquire().await.unwrap().forget();
        Some(deposit("all.bonus", 1))
    }
}

/// Fails at every deposit of a customer until it is fixed.
#[derive(Policy)]
#[policy(name = "fixable", from = beginning, on_reject = stop, retry = 1, on(AccountEvent => Fixable::react))]
struct Fixable {
    fails: bool,
    calls: CallCounter,
}

impl Fixable {
    fn react(&self, event: &AccountEvent) -> Result<Option<Deposit>, String> {
        self.calls.add();
        react(event, self.fails)
    }
}

/// Parks every deposit of a customer until it is fixed.
#[derive(Policy)]
#[policy(name = "parks", from = beginning, on_reject = stop, retry = 1, on_error = park, on(AccountEvent => Parks::react))]
struct Parks {
    fails: bool,
}

impl Parks {
    fn react(&self, event: &AccountEvent) -> Result<Option<Deposit>, String> {
        react(event, self.fails)
    }
}

fn react(event: &AccountEvent, fails: bool) -> Result<Option<Deposit>, String> {
    match event {
        AccountEvent::Deposited { account, .. } if !account.to_string().contains('.') => match fails {
            true => Err("not fixed".to_owned()),
            false => Ok(Some(deposit("all.bonus", 1))),
        },
        _ => Ok(None),
    }
}
