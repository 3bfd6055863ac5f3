//! Reactions that fail, and stores that do not answer. Time stands still until everybody waits: what passes is the sum of the pauses.

use std::{sync::Arc, time::Duration};

use annalist::{App, Draft, Memory, Payload, Position, Tag, prelude::*, projection::State, store::Append};
use annalist_flow_tests::{
    domain::{account, deposit},
    faulty::{Fault, Faulty},
    policies::{Bonus, Calls, ParksError, StopsAtError},
};
use tokio::time::Instant;

use super::{ann_deposited, balance, status, stopped};

#[tokio::test(start_paused = true)]
async fn a_failing_reaction_is_tried_again_with_growing_pauses() {
    let calls = Calls::default();
    let policy = StopsAtError { calls: calls.clone(), failures: 3 };
    let app = App::builder(Memory::new()).policy(policy).start().await.unwrap();
    let asked = Instant::now();
    app.execute(deposit("ann", 100)).await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    assert_eq!((calls.count(), balance(&app, "after.failure").await), (4, 1));
    assert!(asked.elapsed() >= Duration::from_millis(40 + 80 + 160), "{:?}", asked.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_reaction_that_keeps_failing_stops_it_until_it_is_told_to_go_on() {
    let calls = Calls::default();
    let policy = StopsAtError { calls: calls.clone(), failures: 5 };
    let app = App::builder(Memory::new()).policy(policy).start().await.unwrap();
    app.execute(deposit("ann", 1)).await.unwrap();
    let failing = app.execute(deposit("ann", 100)).await.unwrap();
    app.wait_until_caught_up().await.unwrap_err();
    let stopped = stopped(&app, "stops_at_error").await;
    assert_eq!((stopped.position, calls.count()), (Some(failing.position()), 4));
    assert_eq!(stopped.error, "the mail server does not answer");
    assert_eq!(balance(&app, "after.failure").await, 1);

    app.resume("stops_at_error").unwrap();
    while matches!(status(&app, "stops_at_error").state, State::Stopped(_)) {
        tokio::task::yield_now().await;
    }
    app.wait_for_position("stops_at_error", &failing, Duration::from_secs(30)).await.unwrap();
    assert_eq!((calls.count(), balance(&app, "after.failure").await), (6, 2));
}

#[tokio::test(start_paused = true)]
async fn a_reaction_that_keeps_failing_parks_its_event() {
    let calls = Calls::default();
    let policy = ParksError { calls: calls.clone(), failures: 5 };
    let app = App::builder(Memory::new()).policy(policy).start().await.unwrap();
    app.execute(deposit("bob", 100)).await.unwrap();
    app.execute(deposit("ann", 1)).await.unwrap();
    app.execute(deposit("bob", 1)).await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    assert_eq!((calls.count(), balance(&app, "after.failure").await), (4, 1));
    let parked = app.parked("parks_error").await.unwrap();
    let told: Vec<_> = parked.iter().map(|one| (one.attempts, one.error.as_str())).collect();
    assert_eq!(told, [(4, "the mail server does not answer"), (0, "waits for the event at position 1")]);

    // By hand it is tried once.
    assert_eq!(app.retry_parked("parks_error").await.unwrap().done, 0);
    assert_eq!((calls.count(), app.parked("parks_error").await.unwrap()[0].attempts), (5, 5));
    assert_eq!(app.retry_parked("parks_error").await.unwrap().done, 2);
    assert_eq!((calls.count(), balance(&app, "after.failure").await), (6, 3));
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_failed_reaction() {
    let calls = Calls::default();
    let policy = StopsAtError { calls: calls.clone(), failures: usize::MAX };
    let app = App::builder(Memory::new()).policy(policy).start().await.unwrap();
    app.execute(deposit("ann", 1000)).await.unwrap();
    app.wait_until_caught_up().await.unwrap_err();
    let stopped = stopped(&app, "stops_at_error").await;
    assert_eq!((stopped.error.as_str(), calls.count()), ("the handler panicked: nobody deposits 1000", 4));
}

#[tokio::test(start_paused = true)]
async fn an_event_that_cannot_be_read_is_a_failed_reaction() {
    let store = Memory::new();
    let tag = Tag::of(&account("ann")).unwrap();
    let unreadable = Draft::new("account.deposited", 1, [tag], Payload::parse("{}").unwrap()).unwrap();
    let events = vec![unreadable, ann_deposited()];
    store.append_one(Append { events, ..Append::default() }).await.unwrap();
    let policy = ParksError { calls: Calls::default(), failures: 0 };
    let app = App::builder(store).policy(policy).start().await.unwrap();
    app.execute(deposit("bob", 1)).await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    let parked = app.parked("parks_error").await.unwrap();
    assert!(parked[0].error.contains("cannot be decoded"), "{}", parked[0].error);
    assert_eq!((parked.len(), balance(&app, "after.failure").await), (2, 1));
}

/// What the handler did is not done again while a store is waited for: its commands are kept.
#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_answer_is_waited_for() {
    for fault in [|| Fault::Refused, || Fault::RequestLost, || Fault::AnswerLost] {
        let store = Arc::new(Faulty::new((0..100).map(|_| fault())));
        let deposited = Append { events: vec![ann_deposited()], ..Append::default() };
        store.inner.append_one(deposited).await.unwrap();
        let calls = Calls::default();
        let bonus = Bonus { calls: calls.clone() };
        let app = App::builder(Arc::clone(&store)).rows(Memory::new()).policy(bonus).start().await.unwrap();
        app.wait_for_position("bonus", Position::new(1), Duration::from_secs(3600)).await.unwrap();
        assert_eq!((calls.count(), balance(&app, "all.bonus").await), (1, 1));
    }
}
