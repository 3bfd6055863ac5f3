//! Events without commands: one checkpoint covers many of them, but a reaction that waited gets its own.

use std::{future::ready, sync::Arc, time::Duration};

use annalist::{App, Memory, Position, prelude::*, store::Append};
use annalist_flow_tests::{
    domain::{AccountEvent, deposit},
    faulty_commits::FaultyCommits,
    faulty_store::{Fault, FaultyStore},
    policies::{Bonus, CallCounter},
};
use tokio::task::yield_now;

use super::{Store, ann_deposited, balance};

on_stores! {
    events_without_commands_share_one_checkpoint;
    reaction_that_waited_is_checkpointed_before_the_next;
}

/// Returns no command for any event, without waiting.
#[derive(Policy)]
#[policy(name = "never_waits", from = beginning, on_reject = stop, on(AccountEvent => NeverWaits::react))]
struct NeverWaits(CallCounter);

impl NeverWaits {
    async fn react(&self, _: &AccountEvent) {
        self.0.add();
        ready(()).await;
    }
}

/// Waits at each event, and so may have had an effect outside, such as a mail.
#[derive(Policy)]
#[policy(name = "waits", from = beginning, on_reject = stop, on(AccountEvent => Waits::react))]
struct Waits(CallCounter);

impl Waits {
    async fn react(&self, _: &AccountEvent) {
        self.0.add();
        yield_now().await;
    }
}

/// Appends a number of deposits for which no policy sends a command.
async fn deposits(store: &Store, count: usize) {
    let app = App::builder(Arc::clone(store)).start().await.unwrap();
    for _ in 0..count {
        app.execute(deposit("not.a.person", 1)).await.unwrap();
    }
    app.shut_down().await;
}

/// The number of checkpoints of a policy from the beginning of the log to its end.
async fn commits(store: &Store, policy: impl Policy) -> usize {
    let rows = Arc::new(FaultyCommits::new(store.row_store().unwrap(), []));
    let app = App::builder(Arc::clone(store)).rows(Arc::clone(&rows)).policy(policy).start().await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    app.shut_down().await;
    rows.commits()
}

async fn events_without_commands_share_one_checkpoint(store: Store) {
    deposits(&store, 30).await;
    let calls = CallCounter::default();
    assert_eq!(commits(&store, NeverWaits(calls.clone())).await, 1);
    assert_eq!(calls.count(), 30);
}

async fn reaction_that_waited_is_checkpointed_before_the_next(store: Store) {
    deposits(&store, 30).await;
    let calls = CallCounter::default();
    assert_eq!(commits(&store, Waits(calls.clone())).await, 30);
    assert_eq!(calls.count(), 30);
}

/// The handler is not called again while the policy waits for the store, even after events without commands in the batch.
#[tokio::test(start_paused = true)]
async fn unavailable_store_is_retried_after_events_without_commands() {
    let store = Arc::new(FaultyStore::new((0..100).map(|_| Fault::Refused)));
    let inner: Store = Arc::new(store.inner.clone());
    deposits(&inner, 10).await;
    inner.append_one(Append { events: vec![ann_deposited()], ..Append::default() }).await.unwrap();
    let calls = CallCounter::default();
    let bonus = Bonus { calls: calls.clone() };
    let app = App::builder(Arc::clone(&store)).rows(Memory::new()).policy(bonus).start().await.unwrap();
    app.wait_for_position("bonus", Position::new(11), Duration::from_secs(3600)).await.unwrap();
    assert_eq!((calls.count(), balance(&app, "all.bonus").await), (1, 1));
}
