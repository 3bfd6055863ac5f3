//! Requests that operators store for projections and policies, and that other processes obey.
#![allow(clippy::expect_used, reason = "a check fails by panicking")]

use std::{sync::Arc, time::Duration};

use annalist::{
    App, EventStore,
    operate::{FollowerRequests, RetryRequest, RetryState},
    prelude::*,
    projection::{RetryReport, State, Status},
};
use uuid::Uuid;

use crate::{
    domain::{AccountEvent, Deposit, account, deposit},
    policies::{Bonus, CallCounter},
    read_model::Balance,
    test_log::{TEST_TIMEOUT, wait_until},
};

/// Opens the log as another process.
pub trait Open: AsyncFn() -> Arc<dyn EventStore> {}
impl<F: AsyncFn() -> Arc<dyn EventStore>> Open for F {}

async fn process(open: &impl Open, calls: &CallCounter) -> App {
    let builder = App::builder(open().await).projection::<Balance>().policy(Bonus { calls: calls.clone() });
    builder.start().await.expect("an app")
}

async fn operator(open: &impl Open, name: &str) -> App {
    let builder = App::builder(open().await).projection::<Balance>();
    let builder = builder.policy(Bonus { calls: CallCounter::default() }).policy(Parks { fails: true });
    builder.observe().await.expect("an app that observes").as_operator(name)
}

async fn cents(app: &App) -> i64 {
    app.find::<Balance>(&account("ann")).await.expect("an answer").map_or(0, |row| row.cents)
}

fn is_paused(status: &Status) -> bool {
    matches!(status.state, State::Paused(_))
}

/// An operator pauses a projection and a policy of two other processes. Neither handles an event until another operator resumes them, also
/// after a restart; waits end at once; a rebuild waits.
pub async fn check_pause(open: impl Open) {
    let (calls, names) = (CallCounter::default(), ["balances", "bonus"]);
    let (one, other) = (process(&open, &calls).await, process(&open, &calls).await);
    one.execute(deposit("ann", 7)).await.expect("a deposit");
    one.wait_until_caught_up().await.expect("rows");
    other.wait_until_caught_up().await.expect("rows");

    let (ada, bob) = (operator(&open, "ada").await, operator(&open, "bob").await);
    for name in names {
        // Two operators at once: both pauses are stored, one after the other.
        let (first, second) = tokio::join!(ada.pause(name, "full disk"), bob.pause(name, "full disk"));
        first.and(second).expect("a pause");
        for app in [&one, &other] {
            wait_until(app, name, is_paused).await;
        }
    }
    let builds = ada.overview().await.expect("an overview").remove(1).builds;
    assert!(builds.iter().all(|build| build.claim.is_none()), "a paused policy has no claim: {builds:?}");

    let receipt = one.execute(deposit("ann", 5)).await.expect("a deposit");
    for app in [&one, &other] {
        for name in names {
            let error = app.wait_for_position(name, &receipt, TEST_TIMEOUT).await.expect_err("it is paused");
            let text = error.to_string();
            assert!(text.contains("paused by ") && text.contains("full disk"), "{text}");
        }
        let error = app.find::<Balance>(&account("ann")).after(&receipt).await.expect_err("it is paused");
        assert!(error.to_string().contains("full disk"), "{error}");
        assert_eq!(cents(app).await, 7, "the rows are read as they are");
    }

    ada.rebuild("balances").await.expect("a request");
    for app in [one, other] {
        app.shut_down().await;
    }
    let one = process(&open, &calls).await;
    for name in names {
        wait_until(&one, name, is_paused).await;
    }
    let builds = one.overview().await.expect("an overview").remove(0).builds;
    let built: Vec<_> =
        builds.iter().map(|build| (build.build, build.checkpoint.position.get() > 0)).collect();
    assert_eq!((built, calls.count()), (vec![(0, true), (1, false)], 1), "nothing is handled during a pause");

    for name in names {
        bob.resume(name).await.expect("a request");
    }
    wait_until(&one, "balances", |status| status.reads.is_some_and(|table| table.build == 1)).await;
    wait_until(&one, "bonus", |status| !is_paused(status)).await;
    one.wait_for_position("bonus", &receipt, TEST_TIMEOUT).await.expect("the policy");
    one.wait_for_position("balances", &receipt, TEST_TIMEOUT).await.expect("the rows");
    assert_eq!((cents(&one).await, calls.count()), (12, 2));
}

/// Parks every deposit of a customer until it is fixed.
#[derive(Policy)]
#[policy(name = "parks", from = beginning, on_reject = stop, retry = 1, on_error = park, on(AccountEvent => Parks::react))]
struct Parks {
    fails: bool,
}

impl Parks {
    fn react(&self, event: &AccountEvent) -> Result<Option<Deposit>, String> {
        match event {
            AccountEvent::Deposited { account, .. } if !account.to_string().contains('.') => match self.fails
            {
                true => Err("not fixed".to_owned()),
                false => Ok(Some(deposit("all.bonus", 1))),
            },
            _ => Ok(None),
        }
    }
}

async fn parks(open: &impl Open, fails: bool) -> App {
    App::builder(open().await).policy(Parks { fails }).start().await.expect("an app")
}

/// Operators request retries of parked events, which the process that runs the policy handles. The outcome is stored for them.
pub async fn check_retries(open: impl Open) {
    let broken = parks(&open, true).await;
    for _ in 0..2 {
        broken.execute(deposit("ann", 1)).await.expect("a deposit");
    }
    wait_until(&broken, "parks", |status| status.parked == 2).await;
    let (ada, bob) = (operator(&open, "ada").await, operator(&open, "bob").await);
    let report = retry(&ada).await;
    assert_eq!(report, RetryReport { done: 0, parked: 2 }, "the cause is still there");
    broken.shut_down().await;

    // No process runs the policy: both operators get the same request.
    let (first, second) = tokio::join!(ada.request_retry("parks"), bob.request_retry("parks"));
    let (first, second) = (first.expect("a request"), second.expect("a request"));
    assert_eq!((first, second), (2, 2));
    let error = ada.wait_for_retry("parks", first, Duration::ZERO).await.expect_err("no process runs it");
    assert!(error.to_string().contains("has no outcome yet"), "{error}");

    let _fixed = parks(&open, false).await;
    for operator in [&ada, &bob] {
        let report = operator.wait_for_retry("parks", 2, TEST_TIMEOUT).await.expect("an outcome");
        assert_eq!(report, RetryReport { done: 2, parked: 0 });
    }
    let error = bob.wait_for_retry("parks", 1, TEST_TIMEOUT).await.expect_err("it was replaced");
    assert!(error.to_string().contains("not the newest"), "{error}");

    ada.pause("parks", "repair").await.expect("a pause");
    let error = ada.request_retry("parks").await.expect_err("it is paused");
    assert!(error.to_string().contains("paused by ada"), "{error}");
    let error = ada.retry_parked("parks").await.expect_err("it is paused");
    assert!(error.to_string().contains("repair"), "{error}");
}

/// A process that has taken a request ends without an outcome: another one takes the request over.
pub async fn check_abandoned_request(open: impl Open) {
    let fixed = parks(&open, false).await;
    let ada = operator(&open, "ada").await;
    fixed.wait_until_caught_up().await.expect("the policy");
    let store = open().await;
    let rows = store.row_store().expect("a row store");
    let table = fixed.statuses()[0].1.reads.expect("a build");
    let state = RetryState::Running { process: Uuid::from_u128(1), round: 3 };
    let at = annalist::Timestamp::EPOCH;
    let mut requests = FollowerRequests::default();
    requests.revision = 1;
    requests.retry = Some(RetryRequest { number: 1, actor: None, at, state });
    assert!(rows.replace_requests(&table, &requests).await.expect("a store"));

    assert_eq!(ada.request_retry("parks").await.expect("a request"), 1, "the request has no outcome yet");
    let report = ada.wait_for_retry("parks", 1, TEST_TIMEOUT).await.expect("an outcome");
    assert_eq!(report, RetryReport { done: 0, parked: 0 });
}

async fn retry(app: &App) -> RetryReport {
    let number = app.request_retry("parks").await.expect("a request");
    app.wait_for_retry("parks", number, TEST_TIMEOUT).await.expect("an outcome")
}
