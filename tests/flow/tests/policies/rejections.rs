//! Rejected commands: they stop the policy, park their event, or are ignored.

use std::sync::Arc;

use annalist::{App, Position, prelude::*};
use annalist_flow_tests::{
    domain::{AccountEvent, Transfer, deposit, transfer_of},
    policies::{CallCounter, IgnoresRefusal, ParksRefusal, StopsAtRefusal},
};

use tokio::sync::Semaphore;

use super::{Store, balance, status, wait_until_stopped};

on_stores! {
    rejection_stops_the_policy;
    rejection_parks_its_event_and_later_ones_of_the_same_key;
    rejection_is_ignored;
    parked_events_are_retried_in_order;
    retry_includes_the_events_that_its_commands_append;
    event_that_a_retry_appends_waits_for_the_event_that_fails_again;
}

async fn rejection_stops_the_policy(store: Store) {
    let app =
        App::builder(store).policy(StopsAtRefusal { calls: CallCounter::default() }).start().await.unwrap();
    app.execute(deposit("ann", 5)).await.unwrap();
    let refused = app.execute(deposit("bob", 100)).await.unwrap();
    app.execute(deposit("cat", 5)).await.unwrap();
    let stopped = wait_until_stopped(&app, "stops_at_refusal").await;
    assert_eq!((stopped.position, stopped.event), (Some(refused.position()), Some(refused.events[0].id)));
    assert_eq!(stopped.error, "the command `transfer` was rejected: Insufficient { balance: 100 }");
    // Neither the next command of the reaction nor later events are handled.
    assert_eq!((balance(&app, "after.refusal").await, balance(&app, "out.of").await), (1, 5));
    let error = app.wait_until_caught_up().await.unwrap_err().to_string();
    assert!(error.contains("stops_at_refusal") && error.contains("was rejected"), "{error}");
}

async fn rejection_parks_its_event_and_later_ones_of_the_same_key(store: Store) {
    let app =
        App::builder(store).policy(ParksRefusal { calls: CallCounter::default() }).start().await.unwrap();
    app.execute(deposit("bob", 100)).await.unwrap();
    app.execute(deposit("ann", 5)).await.unwrap();
    app.execute(deposit("bob", 7)).await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    assert_eq!(status(&app, "parks_refusal").parked, 2);
    assert_eq!((balance(&app, "after.refusal").await, balance(&app, "out.of").await), (1, 5));
}

async fn rejection_is_ignored(store: Store) {
    let app =
        App::builder(store).policy(IgnoresRefusal { calls: CallCounter::default() }).start().await.unwrap();
    app.execute(deposit("bob", 100)).await.unwrap();
    app.execute(deposit("ann", 5)).await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    // The command after the rejected one was sent.
    assert_eq!((balance(&app, "after.refusal").await, balance(&app, "out.of").await), (2, 5));
    assert_eq!(status(&app, "ignores_refusal").parked, 0);
}

async fn parked_events_are_retried_in_order(store: Store) {
    let calls = CallCounter::default();
    let app = App::builder(store).policy(ParksRefusal { calls: calls.clone() }).start().await.unwrap();
    let first = app.execute(deposit("bob", 100)).await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    app.execute(deposit("bob", 7)).await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    let parked = app.parked("parks_refusal").await.unwrap();
    assert_eq!(parked.iter().map(|one| one.attempts).collect::<Vec<_>>(), [1, 0]);
    assert!(parked[0].error.contains("Insufficient { balance: 100 }"), "{}", parked[0].error);
    assert_eq!(parked[1].error, format!("waits for the event at position {}", first.position()));

    let retried = app.retry_parked("parks_refusal").await.unwrap();
    assert_eq!((retried.done, retried.parked, calls.count()), (0, 2, 2));
    assert_eq!(app.parked("parks_refusal").await.unwrap()[0].attempts, 2);

    // With a larger balance the first two succeed. Their events have the same key and are parked.
    app.execute(deposit("bob", 300)).await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    assert_eq!(app.retry_parked("parks_refusal").await.unwrap().done, 2);
    // Each of the three is handled once, although their events are parked meanwhile.
    assert_eq!(calls.count(), 5);
    app.wait_until_caught_up().await.unwrap();
    assert_eq!((balance(&app, "after.refusal").await, balance(&app, "out.of").await), (2, 207));
    let left = app.parked("parks_refusal").await.unwrap().remove(0);
    assert!(left.error.contains("Insufficient { balance: 200 }"), "{}", left.error);

    // After it is discarded, the later events are handled.
    assert!(app.discard_parked("parks_refusal", left.position).await.unwrap());
    assert_eq!(app.retry_parked("parks_refusal").await.unwrap().parked, 0);
    app.execute(deposit("bob", 3)).await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    assert_eq!((balance(&app, "after.refusal").await, balance(&app, "out.of").await), (3, 210));
}

/// Transfers the double amount of a deposit from 100 on, once its gate has a permit. The event of the transfer has the same
/// key as the deposit.
#[derive(Policy)]
#[policy(name = "gated", from = beginning, on_reject = park, on(AccountEvent => Gated::react))]
struct Gated {
    gate: Arc<Semaphore>,
}

impl Gated {
    async fn react(&self, event: &AccountEvent) -> Option<Transfer> {
        let AccountEvent::Deposited { account, amount: amount @ 100.. } = event else { return None };
        self.gate.acquire().await.ok()?.forget();
        Some(transfer_of(&account.to_string(), "out.of", 2 * amount))
    }
}

/// Starts the policy with two deposits of `bob` parked, and then enough money for the first. Returns the position of the
/// second.
async fn app_with_two_parked_deposits(store: Store, amounts: [u64; 2], more: u64) -> (App, Gated, Position) {
    let gate = Arc::new(Semaphore::new(1));
    let app = App::builder(store).policy(Gated { gate: Arc::clone(&gate) }).start().await.unwrap();
    app.execute(deposit("bank", 99)).await.unwrap();
    app.execute(deposit("bob", amounts[0])).await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    let second = app.execute(deposit("bob", amounts[1])).await.unwrap();
    while balance(&app, "bank").await < more {
        app.execute(deposit("bank", 99)).await.unwrap();
    }
    app.execute(transfer_of("bank", "bob", more)).await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    assert_eq!(status(&app, "gated").parked, 3);
    (app, Gated { gate }, second.position())
}

/// Retries the parked events. The reaction to the second waits until the event of the first transfer is parked.
async fn retry_slowly(app: &App, policy: &Gated) -> annalist::projection::RetryReport {
    policy.gate.add_permits(1);
    let opening = async {
        app.wait_until("gated", |status| status.parked > 3).await.unwrap();
        policy.gate.add_permits(10);
    };
    tokio::join!(app.retry_parked("gated"), opening).0.unwrap()
}

async fn retry_includes_the_events_that_its_commands_append(store: Store) {
    let (app, policy, _) = app_with_two_parked_deposits(store, [100, 101], 600).await;
    let retried = retry_slowly(&app, &policy).await;
    assert!(retried.done > 3 && retried.parked == 0, "{retried:?}");
    assert_eq!(status(&app, "gated").parked, 0);
    assert_eq!(app.parked("gated").await.unwrap(), []);

    // Later events are not parked.
    assert_eq!(balance(&app, "out.of").await, 402);
    app.execute(deposit("bob", 150)).await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    assert_eq!((balance(&app, "out.of").await, app.parked("gated").await.unwrap()), (702, vec![]));
}

async fn event_that_a_retry_appends_waits_for_the_event_that_fails_again(store: Store) {
    let (app, policy, second) = app_with_two_parked_deposits(store, [100, 1000], 50).await;
    let retried = retry_slowly(&app, &policy).await;
    assert_eq!((retried.done, retried.parked), (1, 3));
    assert_eq!((status(&app, "gated").parked, balance(&app, "out.of").await), (3, 200));
    let parked = app.parked("gated").await.unwrap();
    assert_eq!(parked.iter().map(|one| one.attempts).collect::<Vec<_>>(), [1, 0, 0]);
    assert_eq!(parked[2].error, format!("waits for the event at position {second}"));
}
