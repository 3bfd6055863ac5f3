//! Each command of a policy is executed once: across restarts and crashes, in several programs, from now or from the
//! beginning.

use annalist::store::CommandKey;
use std::sync::Arc;

use annalist::{App, Timestamp, prelude::*};
use annalist_flow_tests::{
    domain::{AccountEvent, deposit},
    faulty_commits::{CommitFault, FaultyCommits},
    policies::{Bonus, CallCounter, NewBonus},
    read_model::Balance,
};

use super::{Store, balance};

on_stores! {
    policy_reacts_once_across_restarts;
    policies_in_two_apps_react_once;
    crash_before_the_checkpoint_executes_no_command_twice;
    failed_checkpoint_is_written_later;
    policies_start_from_now_or_from_the_beginning;
    policy_from_now_on_an_empty_log_handles_every_event;
    from_now_means_the_first_start;
    policies_and_projections_share_one_set_of_names;
}

async fn policy_reacts_once_across_restarts(store: Store) {
    let calls = CallCounter::default();
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

async fn policies_in_two_apps_react_once(store: Store) {
    let calls = CallCounter::default();
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

/// The command is executed, and the program crashes before it saves its checkpoint. The control purges the command ids in
/// between, because only they prevent a second execution.
async fn crash_before_the_checkpoint_executes_no_command_twice(store: Store) {
    let mut paid = 0;
    for (purges, executed) in [(false, 1), (true, 2)] {
        let calls = CallCounter::default();
        let start = |rows: Arc<FaultyCommits>| {
            let bonus = Bonus { calls: calls.clone() };
            App::builder(store.clone()).rows(rows).policy(bonus).start()
        };
        let rows = Arc::new(FaultyCommits::new(store.row_store().unwrap(), [CommitFault::Swallowed]));
        let app = start(Arc::clone(&rows)).await.unwrap();
        app.execute(deposit("ann", 1)).await.unwrap();
        rows.swallowed.acquire().await.unwrap().forget();
        drop(app);
        if purges {
            assert_eq!(store.purge_command_ids(Timestamp::MAX, CommandKey::ALL_IDS).await.unwrap(), 2);
        }

        let app = start(Arc::new(FaultyCommits::new(store.row_store().unwrap(), []))).await.unwrap();
        app.wait_until_caught_up().await.unwrap();
        paid += executed;
        assert_eq!((calls.count(), balance(&app, "all.bonus").await), (2, paid));
        app.shut_down().await;
    }
}

async fn failed_checkpoint_is_written_later(store: Store) {
    let calls = CallCounter::default();
    let faults = [CommitFault::Refused, CommitFault::Refused];
    let rows = FaultyCommits::new(store.row_store().unwrap(), faults);
    let bonus = Bonus { calls: calls.clone() };
    let app = App::builder(store).rows(rows).policy(bonus).start().await.unwrap();
    app.execute(deposit("ann", 1)).await.unwrap();
    app.execute(deposit("ann", 1)).await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    assert_eq!((calls.count(), balance(&app, "all.bonus").await), (4, 2));
}

async fn policies_start_from_now_or_from_the_beginning(store: Store) {
    let start = || {
        let bonus = Bonus { calls: CallCounter::default() };
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

    // After a restart it resumes at its checkpoint.
    plain.execute(deposit("ann", 1)).await.unwrap();
    let app = start().await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    assert_eq!((balance(&app, "all.bonus").await, balance(&app, "new.bonus").await), (4, 2));
}

async fn policy_from_now_on_an_empty_log_handles_every_event(store: Store) {
    let app = App::builder(store.clone()).policy(NewBonus).start().await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    drop(app);
    let plain = App::builder(store.clone()).start().await.unwrap();
    plain.execute(deposit("ann", 1)).await.unwrap();
    let app = App::builder(store).policy(NewBonus).start().await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    assert_eq!(balance(&app, "new.bonus").await, 1);
}

async fn policies_and_projections_share_one_set_of_names(store: Store) {
    let twice = App::builder(store.clone()).policy(NewBonus).policy(NewBonus).start().await;
    let text = twice.unwrap_err().to_string();
    assert!(text.contains("the projection or policy name `new_bonus` is used by both"), "{text}");
    App::builder(store.clone()).projection::<Balance>().start().await.unwrap().shut_down().await;
    let text = App::builder(store).policy(Balances).start().await.unwrap_err().to_string();
    assert!(text.contains("`balances`") && text.contains("cents Int index"), "{text}");
}

/// After a crash before the first checkpoint is saved, the policy counts as never started.
async fn from_now_means_the_first_start(store: Store) {
    let plain = App::builder(store.clone()).start().await.unwrap();
    plain.execute(deposit("ann", 1)).await.unwrap();
    let rows = Arc::new(FaultyCommits::new(store.row_store().unwrap(), [CommitFault::Swallowed]));
    let start = App::builder(store.clone()).rows(Arc::clone(&rows)).policy(NewBonus).start();
    tokio::select! {
        _ = start => panic!("started, although its checkpoint is not saved"),
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
