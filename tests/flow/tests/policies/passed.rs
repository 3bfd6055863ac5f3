//! Events about which nothing is to be done: they are passed over together, and what was done is written down first.

use std::{future::ready, sync::Arc, time::Duration};

use annalist::{App, Memory, Position, prelude::*, store::Append};
use annalist_flow_tests::{
    domain::{AccountEvent, deposit},
    faulty::{Fault, Faulty},
    faulty_rows::FaultyRows,
    policies::{Bonus, Calls},
};
use tokio::task::yield_now;

use super::{Store, ann_deposited, balance};

on_stores! {
    what_asks_for_nothing_is_passed_over_together;
    a_reaction_that_waited_is_written_down_before_the_next;
}

/// Thinks about each event, and does nothing.
#[derive(Policy)]
#[policy(name = "thinks", from = beginning, on_reject = stop, on(AccountEvent => Thinks::react))]
struct Thinks(Calls);

impl Thinks {
    async fn react(&self, _: &AccountEvent) {
        self.0.add();
        ready(()).await;
    }
}

/// Waits for something outside at each event: it may have sent a mail.
#[derive(Policy)]
#[policy(name = "waits", from = beginning, on_reject = stop, on(AccountEvent => Waits::react))]
struct Waits(Calls);

impl Waits {
    async fn react(&self, _: &AccountEvent) {
        self.0.add();
        yield_now().await;
    }
}

/// A log of so many deposits that no policy cares for.
async fn deposits(store: &Store, count: usize) {
    let app = App::builder(Arc::clone(store)).start().await.unwrap();
    for _ in 0..count {
        app.execute(deposit("not.a.person", 1)).await.unwrap();
    }
    app.shut_down().await;
}

/// How often a policy writes down how far it is, from the beginning of the log to its end.
async fn commits(store: &Store, policy: impl Policy) -> usize {
    let rows = Arc::new(FaultyRows::new(store.row_store().unwrap(), []));
    let app = App::builder(Arc::clone(store)).rows(Arc::clone(&rows)).policy(policy).start().await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    app.shut_down().await;
    rows.commits()
}

async fn what_asks_for_nothing_is_passed_over_together(store: Store) {
    deposits(&store, 30).await;
    let calls = Calls::default();
    assert_eq!(commits(&store, Thinks(calls.clone())).await, 1);
    assert_eq!(calls.count(), 30);
}

async fn a_reaction_that_waited_is_written_down_before_the_next(store: Store) {
    deposits(&store, 30).await;
    let calls = Calls::default();
    assert_eq!(commits(&store, Waits(calls.clone())).await, 30);
    assert_eq!(calls.count(), 30);
}

/// Behind events that were passed over in the same batch, too, what a handler did is not done again while a store is waited
/// for.
#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_answer_is_waited_for_behind_others() {
    let store = Arc::new(Faulty::new((0..100).map(|_| Fault::Refused)));
    let inner: Store = Arc::new(store.inner.clone());
    deposits(&inner, 10).await;
    inner.append_one(Append { events: vec![ann_deposited()], ..Append::default() }).await.unwrap();
    let calls = Calls::default();
    let bonus = Bonus { calls: calls.clone() };
    let app = App::builder(Arc::clone(&store)).rows(Memory::new()).policy(bonus).start().await.unwrap();
    app.wait_for_position("bonus", Position::new(11), Duration::from_secs(3600)).await.unwrap();
    assert_eq!((calls.count(), balance(&app, "all.bonus").await), (1, 1));
}
