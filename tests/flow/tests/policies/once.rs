//! Once: across restarts and crashes, in several programs, from now or from the beginning.

use std::sync::Arc;

use annalist::{App, Timestamp, prelude::*};
use annalist_flow_tests::{
    domain::{AccountEvent, deposit},
    faulty_rows::{FaultyRows, RowFault},
    policies::{Bonus, Calls, NewBonus},
    read_model::Balance,
};

use super::{Store, balance};

on_stores! {
    each_event_is_reacted_to_once_across_restarts;
    two_apps_on_one_log_react_once;
    a_policy_that_dies_before_its_place_is_written_executes_nothing_twice;
    a_place_that_cannot_be_written_is_written_later;
    from_now_and_from_the_beginning;
    from_now_on_an_empty_log_is_from_the_beginning;
    from_now_is_when_it_first_starts;
    names_are_shared_with_projections;
}

async fn each_event_is_reacted_to_once_across_restarts(store: Store) {
    let calls = Calls::default();
    for round in 1..=4 {
        let bonus = Bonus { calls: calls.clone() };
        let app = App::builder(store.clone()).policy(bonus).start().await.unwrap();
        for _ in 0..3 {
            app.execute(deposit("ann", 5)).await.unwrap();
        }
        app.wait_until_caught_up().await.unwrap();
        assert_eq!(balance(&app, "all.bonus").await, 3 * round);
        app.shut_down().await;
    }
    assert_eq!(calls.count(), 12);
}

async fn two_apps_on_one_log_react_once(store: Store) {
    let calls = Calls::default();
    let start = || App::builder(store.clone()).policy(Bonus { calls: calls.clone() }).start();
    let (one, other) = (start().await.unwrap(), start().await.unwrap());
    for _ in 0..20 {
        one.execute(deposit("ann", 1)).await.unwrap();
        other.execute(deposit("bob", 1)).await.unwrap();
    }
    one.wait_until_caught_up().await.unwrap();
    other.wait_until_caught_up().await.unwrap();
    assert_eq!(balance(&one, "all.bonus").await, 40);
}

/// The command is executed, and the program dies before it has written down how far it is. The control forgets the ids of
/// commands in between: only they keep the second reaction from being executed.
async fn a_policy_that_dies_before_its_place_is_written_executes_nothing_twice(store: Store) {
    let mut paid = 0;
    for (forgets, executed) in [(false, 1), (true, 2)] {
        let calls = Calls::default();
        let start = |rows: Arc<FaultyRows>| {
            let bonus = Bonus { calls: calls.clone() };
            App::builder(store.clone()).rows(rows).policy(bonus).start()
        };
        let rows = Arc::new(FaultyRows::new(store.row_store().unwrap(), [RowFault::Swallowed]));
        let app = start(Arc::clone(&rows)).await.unwrap();
        app.execute(deposit("ann", 1)).await.unwrap();
        rows.swallowed.acquire().await.unwrap().forget();
        drop(app);
        if forgets {
            assert_eq!(store.purge_command_ids(Timestamp::MAX).await.unwrap(), 2);
        }

        let app = start(Arc::new(FaultyRows::new(store.row_store().unwrap(), []))).await.unwrap();
        app.wait_until_caught_up().await.unwrap();
        paid += executed;
        assert_eq!((calls.count(), balance(&app, "all.bonus").await), (2, paid));
        app.shut_down().await;
    }
}

async fn a_place_that_cannot_be_written_is_written_later(store: Store) {
    let calls = Calls::default();
    let faults = [RowFault::Refused, RowFault::Refused];
    let rows = FaultyRows::new(store.row_store().unwrap(), faults);
    let bonus = Bonus { calls: calls.clone() };
    let app = App::builder(store).rows(rows).policy(bonus).start().await.unwrap();
    app.execute(deposit("ann", 1)).await.unwrap();
    app.execute(deposit("ann", 1)).await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    assert_eq!((calls.count(), balance(&app, "all.bonus").await), (4, 2));
}

async fn from_now_and_from_the_beginning(store: Store) {
    let start = || {
        let bonus = Bonus { calls: Calls::default() };
        App::builder(store.clone()).policy(bonus).policy(NewBonus).start()
    };
    let plain = App::builder(store.clone()).start().await.unwrap();
    plain.execute(deposit("ann", 1)).await.unwrap();
    plain.execute(deposit("ann", 1)).await.unwrap();

    let app = start().await.unwrap();
    app.execute(deposit("ann", 1)).await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    assert_eq!((balance(&app, "all.bonus").await, balance(&app, "new.bonus").await), (3, 1));
    drop(app);

    // Started again, it goes on where it was.
    plain.execute(deposit("ann", 1)).await.unwrap();
    let app = start().await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    assert_eq!((balance(&app, "all.bonus").await, balance(&app, "new.bonus").await), (4, 2));
}

async fn from_now_on_an_empty_log_is_from_the_beginning(store: Store) {
    let app = App::builder(store.clone()).policy(NewBonus).start().await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    drop(app);
    let plain = App::builder(store.clone()).start().await.unwrap();
    plain.execute(deposit("ann", 1)).await.unwrap();
    let app = App::builder(store).policy(NewBonus).start().await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    assert_eq!(balance(&app, "new.bonus").await, 1);
}

async fn names_are_shared_with_projections(store: Store) {
    let twice = App::builder(store.clone()).policy(NewBonus).policy(NewBonus).start().await;
    let text = twice.unwrap_err().to_string();
    assert!(text.contains("are named `new_bonus`"), "{text}");
    App::builder(store.clone()).projection::<Balance>().start().await.unwrap().shut_down().await;
    let text = App::builder(store).policy(Balances).start().await.unwrap_err().to_string();
    assert!(text.contains("`balances`") && text.contains("cents Int index"), "{text}");
}

/// A program that dies before it has said where it starts leaves a policy that was never started.
async fn from_now_is_when_it_first_starts(store: Store) {
    let plain = App::builder(store.clone()).start().await.unwrap();
    plain.execute(deposit("ann", 1)).await.unwrap();
    let rows = Arc::new(FaultyRows::new(store.row_store().unwrap(), [RowFault::Swallowed]));
    let start = App::builder(store.clone()).rows(Arc::clone(&rows)).policy(NewBonus).start();
    tokio::select! {
        _ = start => panic!("started, although its place is not written"),
        permit = rows.swallowed.acquire() => permit.unwrap().forget(),
    }
    plain.execute(deposit("ann", 1)).await.unwrap();

    let app = App::builder(store).policy(NewBonus).start().await.unwrap();
    app.execute(deposit("ann", 1)).await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    assert_eq!(balance(&app, "new.bonus").await, 1);
}

/// A policy with the name of a projection.
#[derive(Policy)]
#[policy(name = "balances", from = now, on_reject = stop, on(AccountEvent => Balances::react))]
struct Balances;

impl Balances {
    fn react(&self, _: &AccountEvent) {}
}
