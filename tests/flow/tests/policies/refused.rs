//! Commands that are rejected: they stop the policy, park their event, or are passed over.

use annalist::App;
use annalist_flow_tests::{
    domain::deposit,
    policies::{Calls, IgnoresRefusal, ParksRefusal, StopsAtRefusal},
};

use super::{Store, balance, status, stopped};

on_stores! {
    a_rejection_stops_it;
    a_rejection_parks_the_event_and_what_belongs_to_it;
    a_rejection_is_passed_over;
    parked_events_are_tried_again_in_order;
}

async fn a_rejection_stops_it(store: Store) {
    let app = App::builder(store).policy(StopsAtRefusal { calls: Calls::default() }).start().await.unwrap();
    app.execute(deposit("ann", 5)).await.unwrap();
    let refused = app.execute(deposit("bob", 100)).await.unwrap();
    app.execute(deposit("cat", 5)).await.unwrap();
    let stopped = stopped(&app, "stops_at_refusal").await;
    assert_eq!((stopped.position, stopped.event), (Some(refused.position()), Some(refused.events[0].id)));
    assert_eq!(stopped.error, "the command `transfer` was rejected: Insufficient { balance: 100 }");
    // Neither the command behind it nor what came later.
    assert_eq!((balance(&app, "after.refusal").await, balance(&app, "out.of").await), (1, 5));
    let error = app.wait_until_caught_up().await.unwrap_err().to_string();
    assert!(error.contains("stops_at_refusal") && error.contains("was rejected"), "{error}");
}

async fn a_rejection_parks_the_event_and_what_belongs_to_it(store: Store) {
    let app = App::builder(store).policy(ParksRefusal { calls: Calls::default() }).start().await.unwrap();
    app.execute(deposit("bob", 100)).await.unwrap();
    app.execute(deposit("ann", 5)).await.unwrap();
    app.execute(deposit("bob", 7)).await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    assert_eq!(status(&app, "parks_refusal").parked, 2);
    assert_eq!((balance(&app, "after.refusal").await, balance(&app, "out.of").await), (1, 5));
}

async fn a_rejection_is_passed_over(store: Store) {
    let app = App::builder(store).policy(IgnoresRefusal { calls: Calls::default() }).start().await.unwrap();
    app.execute(deposit("bob", 100)).await.unwrap();
    app.execute(deposit("ann", 5)).await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    // The command behind the rejected one was sent.
    assert_eq!((balance(&app, "after.refusal").await, balance(&app, "out.of").await), (2, 5));
    assert_eq!(status(&app, "ignores_refusal").parked, 0);
}

async fn parked_events_are_tried_again_in_order(store: Store) {
    let calls = Calls::default();
    let app = App::builder(store).policy(ParksRefusal { calls: calls.clone() }).start().await.unwrap();
    let first = app.execute(deposit("bob", 100)).await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    app.execute(deposit("bob", 7)).await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    let parked = app.parked("parks_refusal").await.unwrap();
    assert_eq!(parked.iter().map(|one| one.attempts).collect::<Vec<_>>(), [1, 0]);
    assert!(parked[0].error.contains("Insufficient { balance: 100 }"), "{}", parked[0].error);
    assert_eq!(parked[1].error, format!("waits for the event at position {}", first.position()));

    let again = app.retry_parked("parks_refusal").await.unwrap();
    assert_eq!((again.done, again.parked, calls.count()), (0, 2, 2));
    assert_eq!(app.parked("parks_refusal").await.unwrap()[0].attempts, 2);

    // With more in the account the first two can be done. What they cause belongs to the account too, and waits.
    app.execute(deposit("bob", 300)).await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    assert_eq!(app.retry_parked("parks_refusal").await.unwrap().done, 2);
    // Each of the three once, although what they cause is parked meanwhile.
    assert_eq!(calls.count(), 5);
    app.wait_until_caught_up().await.unwrap();
    assert_eq!((balance(&app, "after.refusal").await, balance(&app, "out.of").await), (2, 207));
    let left = app.parked("parks_refusal").await.unwrap().remove(0);
    assert!(left.error.contains("Insufficient { balance: 200 }"), "{}", left.error);

    // Given up, it lets the others go on.
    assert!(app.discard_parked("parks_refusal", left.position).await.unwrap());
    assert_eq!(app.retry_parked("parks_refusal").await.unwrap().parked, 0);
    app.execute(deposit("bob", 3)).await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    assert_eq!((balance(&app, "after.refusal").await, balance(&app, "out.of").await), (3, 210));
}
