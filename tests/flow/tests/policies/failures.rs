//! Failing reactions and unavailable stores. The paused clock advances only while every task waits, so the elapsed time
//! is the sum of the pauses.

use std::{sync::Arc, time::Duration};

use annalist::{
    App, Memory, Position, Tag,
    manual::Payload,
    prelude::*,
    projection::State,
    store::{Append, Draft},
};
use annalist_flow_tests::{
    domain::{account, deposit},
    faulty_store::{Fault, FaultyStore},
    policies::{Bonus, CallCounter, ParksError, StopsAtError},
};
use tokio::time::Instant;

use super::{ann_deposited, balance, status, wait_until_stopped};

#[tokio::test(start_paused = true)]
async fn failing_reaction_is_retried_with_growing_pauses() {
    let calls = CallCounter::default();
    let policy = StopsAtError { calls: calls.clone(), failures: 3 };
    let app = App::builder(Memory::new()).policy(policy).start().await.unwrap();
    let start = Instant::now();
    app.execute(deposit("ann", 100)).await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    assert_eq!((calls.count(), balance(&app, "after.failure").await), (4, 1));
    assert!(start.elapsed() >= Duration::from_millis(40 + 80 + 160), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn reaction_that_fails_repeatedly_stops_the_policy_until_resume() {
    let calls = CallCounter::default();
    let policy = StopsAtError { calls: calls.clone(), failures: 5 };
    let app = App::builder(Memory::new()).policy(policy).start().await.unwrap();
    app.execute(deposit("ann", 1)).await.unwrap();
    let failing = app.execute(deposit("ann", 100)).await.unwrap();
    app.wait_until_caught_up().await.unwrap_err();
    let stopped = wait_until_stopped(&app, "stops_at_error").await;
    assert_eq!((stopped.position, calls.count()), (Some(failing.position()), 4));
    assert_eq!(stopped.error, "the mail server does not answer");
    assert_eq!(balance(&app, "after.failure").await, 1);

    app.resume("stops_at_error").await.unwrap();
    while matches!(status(&app, "stops_at_error").state, State::Stopped(_)) {
        tokio::task::yield_now().await;
    }
    app.wait_for_position("stops_at_error", &failing, Duration::from_secs(30)).await.unwrap();
    assert_eq!((calls.count(), balance(&app, "after.failure").await), (6, 2));
}

#[tokio::test(start_paused = true)]
async fn reaction_that_fails_repeatedly_parks_its_event() {
    let calls = CallCounter::default();
    let policy = ParksError { calls: calls.clone(), failures: 5 };
    let app = App::builder(Memory::new()).policy(policy).start().await.unwrap();
    app.execute(deposit("bob", 100)).await.unwrap();
    app.execute(deposit("ann", 1)).await.unwrap();
    app.execute(deposit("bob", 1)).await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    assert_eq!((calls.count(), balance(&app, "after.failure").await), (4, 1));
    let parked = app.parked("parks_error").await.unwrap();
    let errors: Vec<_> = parked.iter().map(|one| (one.attempts, one.error.as_str())).collect();
    assert_eq!(errors, [(4, "the mail server does not answer"), (0, "waits for the event at position 1")]);

    // A manual retry has one attempt.
    assert_eq!(app.retry_parked("parks_error").await.unwrap().done, 0);
    assert_eq!((calls.count(), app.parked("parks_error").await.unwrap()[0].attempts), (5, 5));
    assert_eq!(app.retry_parked("parks_error").await.unwrap().done, 2);
    assert_eq!((calls.count(), balance(&app, "after.failure").await), (6, 3));
}

#[tokio::test(start_paused = true)]
async fn panic_is_a_failed_reaction() {
    let calls = CallCounter::default();
    let policy = StopsAtError { calls: calls.clone(), failures: usize::MAX };
    let app = App::builder(Memory::new()).policy(policy).start().await.unwrap();
    app.execute(deposit("ann", 1000)).await.unwrap();
    app.wait_until_caught_up().await.unwrap_err();
    let stopped = wait_until_stopped(&app, "stops_at_error").await;
    assert_eq!(
        (stopped.error.as_str(), calls.count()),
        ("the handler panicked: cannot handle a deposit of 1000", 4)
    );
}

#[tokio::test(start_paused = true)]
async fn unreadable_event_is_a_failed_reaction() {
    let store = Memory::new();
    let tag = Tag::of(&account("ann")).unwrap();
    let unreadable = Draft::new("account.deposited", 1, [tag], Payload::parse("{}").unwrap()).unwrap();
    let events = vec![unreadable, ann_deposited()];
    store.append_one(Append { events, ..Append::default() }).await.unwrap();
    let policy = ParksError { calls: CallCounter::default(), failures: 0 };
    let app = App::builder(store).policy(policy).start().await.unwrap();
    app.execute(deposit("bob", 1)).await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    let parked = app.parked("parks_error").await.unwrap();
    assert!(parked[0].error.contains("cannot be decoded"), "{}", parked[0].error);
    assert_eq!((parked.len(), balance(&app, "after.failure").await), (2, 1));
}

/// The handler is not called again while the policy waits for the store: its commands are retained.
#[tokio::test(start_paused = true)]
async fn unavailable_store_is_retried_without_another_reaction() {
    for fault in [|| Fault::Refused, || Fault::RequestLost, || Fault::AnswerLost] {
        let store = Arc::new(FaultyStore::new((0..100).map(|_| fault())));
        let deposited = Append { events: vec![ann_deposited()], ..Append::default() };
        store.inner.append_one(deposited).await.unwrap();
        let calls = CallCounter::default();
        let bonus = Bonus { calls: calls.clone() };
        let app = App::builder(Arc::clone(&store)).rows(Memory::new()).policy(bonus).start().await.unwrap();
        app.wait_for_position("bonus", Position::new(1), Duration::from_secs(3600)).await.unwrap();
        assert_eq!((calls.count(), balance(&app, "all.bonus").await), (1, 1));
    }
}
