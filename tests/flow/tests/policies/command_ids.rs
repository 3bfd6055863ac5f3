//! The ids of a policy's commands: equal for equal commands, and stored for as long as the policy may send them again.

use std::{sync::Arc, time::Duration};

use annalist::{App, Timestamp, prelude::*, testing::ManualClock};
use annalist_flow_tests::{
    domain::{AccountEvent, Deposit, Transfer, deposit, transfer_of},
    faulty_commits::{CommitFault, FaultyCommits},
    policies::{Bonus, CallCounter},
};

use super::{Store, balance, status};

on_stores! {
    each_command_is_executed_once_although_a_handler_changes_their_order;
    equal_commands_of_one_event_are_all_executed;
    ids_are_stored_until_the_checkpoint_is_saved;
    ids_are_stored_while_the_event_is_parked;
}

const DAY: Duration = Duration::from_secs(86_400);

/// Deposits 1, 2 and 3 into `sum.odd` and `sum.even`, starting at another one with each call, as the items of a `HashMap` do.
#[derive(Policy)]
#[policy(name = "rotating", from = beginning, on_reject = stop, on(AccountEvent => Rotating::react))]
struct Rotating {
    calls: CallCounter,
}

impl Rotating {
    fn react(&self, event: &AccountEvent) -> Vec<Deposit> {
        if !is_of_ann(event) {
            return Vec::new();
        }
        let mut deposits = vec![deposit("sum.odd", 1), deposit("sum.even", 2), deposit("sum.odd", 3)];
        deposits.rotate_left(self.calls.add() % 3);
        deposits
    }
}

fn is_of_ann(event: &AccountEvent) -> bool {
    matches!(event, AccountEvent::Deposited { account, .. } if account.to_string() == "ann")
}

async fn each_command_is_executed_once_although_a_handler_changes_their_order(store: Store) {
    let calls = CallCounter::default();
    let start = |rows: FaultyCommits| {
        let rotating = Rotating { calls: calls.clone() };
        App::builder(store.clone()).rows(Arc::new(rows)).policy(rotating).start()
    };
    for _ in 0..2 {
        let rows = FaultyCommits::new(store.row_store().unwrap(), [CommitFault::Swallowed]);
        let app = App::builder(store.clone());
        let rows = Arc::new(rows);
        let app =
            app.rows(Arc::clone(&rows)).policy(Rotating { calls: calls.clone() }).start().await.unwrap();
        if calls.count() == 0 {
            app.execute(deposit("ann", 1)).await.unwrap();
        }
        rows.swallowed.acquire().await.unwrap().forget();
    }
    let app = start(FaultyCommits::new(store.row_store().unwrap(), [])).await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    assert_eq!((balance(&app, "sum.odd").await, balance(&app, "sum.even").await), (4, 2));
    assert_eq!(calls.count(), 3);
}

/// Deposits 1 three times.
#[derive(Policy)]
#[policy(name = "triple", from = beginning, on_reject = stop, on(AccountEvent => Triple::react))]
struct Triple;

impl Triple {
    fn react(&self, event: &AccountEvent) -> Vec<Deposit> {
        let count = if is_of_ann(event) { 3 } else { 0 };
        (0..count).map(|_| deposit("triple", 1)).collect()
    }
}

async fn equal_commands_of_one_event_are_all_executed(store: Store) {
    let app = App::builder(store).policy(Triple).start().await.unwrap();
    app.execute(deposit("ann", 1)).await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    assert_eq!(balance(&app, "triple").await, 3);
}

async fn ids_are_stored_until_the_checkpoint_is_saved(store: Store) {
    let clock = ManualClock::at(Timestamp::EPOCH.plus(DAY));
    let calls = CallCounter::default();
    let builder = || {
        let app = App::builder(store.clone()).clock(clock.clone()).command_id_retention(DAY);
        app.policy(Bonus { calls: calls.clone() })
    };
    let rows = Arc::new(FaultyCommits::new(store.row_store().unwrap(), [CommitFault::Swallowed]));
    let app = builder().rows(Arc::clone(&rows)).start().await.unwrap();
    app.execute(deposit("ann", 1)).id("of a user").await.unwrap();
    rows.swallowed.acquire().await.unwrap().forget();
    drop(app);

    clock.advance(2 * DAY);
    let app = builder().start().await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    assert_eq!((calls.count(), balance(&app, "all.bonus").await), (2, 1));
    // That of the user was purged at the start.
    assert_eq!(app.purge_command_ids().await.unwrap(), 1);
    assert_eq!(app.purge_command_ids().await.unwrap(), 0);
}

/// Deposits 1 into `first`, then moves 1 out of `empty`, which is rejected as long as it is empty.
#[derive(Policy)]
#[policy(name = "two_steps", from = beginning, on_reject = park, on(AccountEvent => TwoSteps::react))]
struct TwoSteps;

impl TwoSteps {
    fn react(&self, event: &AccountEvent) -> Option<(Deposit, Transfer)> {
        is_of_ann(event).then(|| (deposit("first", 1), transfer_of("empty", "out", 1)))
    }
}

async fn ids_are_stored_while_the_event_is_parked(store: Store) {
    let clock = ManualClock::at(Timestamp::EPOCH.plus(DAY));
    let app = App::builder(store).clock(clock.clone()).command_id_retention(DAY).policy(TwoSteps);
    let app = app.start().await.unwrap();
    app.execute(deposit("ann", 1)).await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    assert_eq!((balance(&app, "first").await, status(&app, "two_steps").parked), (1, 1));

    clock.advance(2 * DAY);
    assert_eq!(app.purge_command_ids().await.unwrap(), 0);
    app.execute(deposit("empty", 1)).await.unwrap();
    assert_eq!(app.retry_parked("two_steps").await.unwrap().done, 1);
    assert_eq!((balance(&app, "first").await, balance(&app, "out").await), (1, 1));

    clock.advance(2 * DAY);
    app.wait_until_caught_up().await.unwrap();
    assert_eq!(app.purge_command_ids().await.unwrap(), 2);
}
