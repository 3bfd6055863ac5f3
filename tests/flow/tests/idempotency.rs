//! A command id is accepted once, even when responses are lost.
#![allow(clippy::unwrap_used)] // in the helpers too

use std::{sync::Arc, time::Duration};

use annalist::{App, ExecuteError, Invalid, Memory, Position, Timestamp, testing::ManualClock};
use annalist_flow_tests::{
    domain::{Account, DepositIfEmpty, Refused, account, deposit, transfer_of},
    faulty_store::{Fault, FaultyStore},
};
use uuid::Uuid;

async fn balance(app: &App, name: &str) -> u64 {
    app.load::<Account>(&account(name)).await.unwrap().balance
}

#[tokio::test]
async fn repeated_id_returns_the_first_receipt() {
    let app = App::builder(Memory::new()).start().await.unwrap();
    let id = Uuid::now_v7().to_string();
    let first = app.execute(deposit("a", 5)).id(id.clone()).await.unwrap();
    app.execute(deposit("a", 1)).await.unwrap();
    assert_eq!(app.execute(deposit("a", 5)).id(id).await.unwrap(), first);
    assert_eq!(balance(&app, "a").await, 6);
}

#[tokio::test]
async fn repeated_id_returns_the_first_receipt_although_the_decision_would_now_reject() {
    let app = App::builder(Memory::new()).start().await.unwrap();
    app.execute(deposit("a", 5)).await.unwrap();
    let first = app.execute(transfer_of("a", "b", 5)).id("t1").await.unwrap();
    assert_eq!(app.execute(transfer_of("a", "b", 5)).id("t1").await.unwrap(), first);
    let error = app.execute(transfer_of("a", "b", 5)).id("t2").await.unwrap_err();
    assert_eq!(error.rejection(), Some(&Refused::Insufficient { balance: 0 }));
}

#[tokio::test]
async fn rejected_command_id_can_be_used_again() {
    let app = App::builder(Memory::new()).start().await.unwrap();
    app.execute(transfer_of("a", "b", 5)).id("t1").await.unwrap_err();
    app.execute(deposit("a", 5)).await.unwrap();
    app.execute(transfer_of("a", "b", 5)).id("t1").await.unwrap();
}

#[tokio::test]
async fn repeated_id_of_a_command_without_events_is_not_decided_again() {
    let app = App::builder(Memory::new()).start().await.unwrap();
    app.execute(deposit("a", 1)).await.unwrap();
    let command = DepositIfEmpty { account: account("a") };
    let first = app.execute(command.clone()).id("d").await.unwrap();
    assert_eq!((first.events.len(), first.position()), (0, Position::new(1)));
    app.execute(transfer_of("a", "b", 1)).await.unwrap();
    // By now the decision would deposit 1.
    assert!(app.execute(command).id("d").await.unwrap().events.is_empty());
    assert_eq!(balance(&app, "a").await, 0);
}

#[tokio::test]
async fn id_reused_for_another_command_or_aggregate_is_refused() {
    let app = App::builder(Memory::new()).start().await.unwrap();
    app.execute(deposit("a", 5)).id("x").await.unwrap();
    for error in [
        app.execute(deposit("b", 5)).id("x").await.unwrap_err(),
        app.execute(transfer_of("a", "b", 5)).id("x").await.unwrap_err(),
        // The decision would reject this one, but the reused id is the reported error.
        app.execute(transfer_of("b", "a", 5)).id("x").await.unwrap_err(),
    ] {
        assert!(matches!(error, ExecuteError::Invalid(Invalid::CommandIdReused { .. })), "{error:?}");
    }
    assert_eq!((balance(&app, "a").await, balance(&app, "b").await), (5, 0));
}

#[tokio::test]
async fn id_reused_with_other_fields_is_refused() {
    let app = App::builder(Memory::new()).start().await.unwrap();
    app.execute(deposit("a", 10)).await.unwrap();
    app.execute(deposit("b", 5)).id("deposit").await.unwrap();
    app.execute(transfer_of("a", "b", 5)).id("transfer").await.unwrap();
    for error in [
        app.execute(deposit("b", 6)).id("deposit").await.unwrap_err(),
        // The same aggregates, but the other way.
        app.execute(transfer_of("b", "a", 5)).id("transfer").await.unwrap_err(),
    ] {
        assert!(error.to_string().contains("with other fields"), "{error}");
    }
    assert_eq!((balance(&app, "a").await, balance(&app, "b").await), (5, 10));
}

#[tokio::test]
async fn ids_of_policies_are_refused_for_users() {
    let app = App::builder(Memory::new()).start().await.unwrap();
    let error = app.execute(deposit("a", 5)).id("policy/bonus/1").await.unwrap_err();
    assert!(error.to_string().contains("must not start with `policy/`"), "{error}");
    assert_eq!(balance(&app, "a").await, 0);
}

#[tokio::test]
async fn concurrent_commands_with_one_id_are_executed_once() {
    let app = App::builder(Memory::new()).start().await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..20 {
        tasks.spawn(app.execute(deposit("a", 5)).id("x").into_future());
    }
    let mut receipts = Vec::new();
    while let Some(result) = tasks.join_next().await {
        receipts.push(result.unwrap().unwrap());
    }
    assert_eq!(receipts.len(), 20);
    assert!(receipts.iter().all(|receipt| *receipt == receipts[0]));
    assert_eq!(balance(&app, "a").await, 5);
}

#[tokio::test]
async fn lost_response_without_an_id_is_unknown_and_not_retried() {
    let store = Arc::new(FaultyStore::new([Fault::AnswerLost]));
    let app = App::builder(Arc::clone(&store)).start().await.unwrap();
    let error = app.execute(deposit("a", 5)).await.unwrap_err();
    assert!(matches!(error, ExecuteError::OutcomeUnknown(_)), "{error:?}");
    assert_eq!(balance(&app, "a").await, 5);
}

#[tokio::test(start_paused = true)]
async fn lost_response_with_an_id_is_retried() {
    for fault in [Fault::AnswerLost, Fault::RequestLost] {
        let app = App::builder(FaultyStore::new([fault])).start().await.unwrap();
        let receipt = app.execute(deposit("a", 5)).id("x").await.unwrap();
        assert_eq!(receipt.position(), Position::new(1));
        assert_eq!(balance(&app, "a").await, 5);
    }
}

#[tokio::test(start_paused = true)]
async fn failed_retry_after_a_lost_request_is_reported_as_unknown() {
    let store = Arc::new(FaultyStore::new([Fault::RequestLost, Fault::Refused]));
    let app = App::builder(Arc::clone(&store)).start().await.unwrap();
    let error = app.execute(deposit("a", 5)).id("x").await.unwrap_err();
    assert!(matches!(error, ExecuteError::OutcomeUnknown(_)), "{error:?}");
    assert_eq!(store.remaining(), 0);
    app.execute(deposit("a", 5)).id("x").await.unwrap();
    assert_eq!(balance(&app, "a").await, 5);
}

#[tokio::test]
async fn ids_older_than_the_retention_are_purged() {
    const DAY: Duration = Duration::from_secs(86_400);
    let (store, clock) = (Memory::new(), ManualClock::at(Timestamp::EPOCH.plus(DAY)));
    let start = || App::builder(store.clone()).clock(clock.clone()).command_id_retention(DAY).start();
    let app = start().await.unwrap();
    app.execute(deposit("a", 5)).id("x").await.unwrap();
    clock.advance(DAY);
    assert_eq!(app.purge_command_ids().await.unwrap(), 0);
    app.execute(deposit("a", 5)).id("x").await.unwrap();
    assert_eq!(balance(&app, "a").await, 5);

    clock.advance(Duration::from_secs(1));
    let app = start().await.unwrap();
    app.execute(deposit("a", 5)).id("x").await.unwrap();
    assert_eq!(balance(&app, "a").await, 10);
}
