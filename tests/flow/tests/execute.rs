//! The write path: decisions on the state in the log, conflicts, typed errors, metadata.
#![allow(clippy::unwrap_used)] // in the helpers too

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use annalist::{
    App, Criteria, EventStore, ExecuteError, Invalid, Item, Memory, Position, Tag, Timestamp,
    app::Retry,
    manual::Payload,
    store::{Append, Draft, Read},
    testing::ManualClock,
};
use annalist_flow_tests::{
    domain::{Account, AccountEvent, Refused, account, deposit, transfer_of},
    faulty_store::{Fault, FaultyStore},
};

async fn memory() -> App {
    App::builder(Memory::new()).start().await.unwrap()
}

/// A deposit that another process appends, as the store receives it.
fn foreign_deposit(name: &str, amount: u64) -> Append {
    let data = Payload::parse(format!(r#"{{"account":"{name}","amount":{amount}}}"#)).unwrap();
    let tag = Tag::of(&account(name)).unwrap();
    Append { events: vec![Draft::new("account.deposited", 1, [tag], data).unwrap()], ..Append::default() }
}

#[tokio::test]
async fn decision_sees_earlier_events() {
    let app = memory().await;
    app.execute(deposit("a", 10)).await.unwrap();
    let receipt = app.execute(transfer_of("a", "b", 4)).await.unwrap();
    assert_eq!(receipt.position(), Position::new(2));
    assert_eq!(app.load::<Account>(&account("a")).await.unwrap().balance, 6);
    assert_eq!(app.load::<Account>(&account("b")).await.unwrap().balance, 4);
}

#[tokio::test]
async fn rejection_has_the_users_type_and_writes_nothing() {
    let app = memory().await;
    app.execute(deposit("a", 3)).await.unwrap();
    let error = app.execute(transfer_of("a", "b", 4)).await.unwrap_err();
    assert_eq!(error.rejection(), Some(&Refused::Insufficient { balance: 3 }));
    assert_eq!(app.store().settled().await.unwrap().position, Position::new(1));
}

#[tokio::test]
async fn unknown_id_has_the_initial_state() {
    let app = memory().await;
    let error = app.execute(transfer_of("unknown", "b", 1)).await.unwrap_err();
    assert_eq!(error.rejection(), Some(&Refused::Insufficient { balance: 0 }));
    assert_eq!(app.load::<Account>(&account("unknown")).await.unwrap().balance, 0);
}

#[tokio::test(start_paused = true)]
async fn conflicting_command_is_decided_again_on_the_new_state() {
    let store = Arc::new(FaultyStore::new([Fault::Overtaken(Box::new(foreign_deposit("a", 5)))]));
    let app = App::builder(Arc::clone(&store)).start().await.unwrap();
    store.inner.append_one(foreign_deposit("a", 3)).await.unwrap();

    app.execute(deposit("a", 1)).await.unwrap();
    assert_eq!(store.remaining(), 0);
    assert_eq!(app.load::<Account>(&account("a")).await.unwrap().balance, 9);
}

#[tokio::test(start_paused = true)]
async fn conflicting_command_can_be_rejected_on_retry() {
    let withdrawn = {
        let data = Payload::parse(r#"{"from":"a","to":"c","amount":9}"#).unwrap();
        let tags = ["a", "c"].map(|name| Tag::of(&account(name)).unwrap());
        Append { events: vec![Draft::new("account.moved", 1, tags, data).unwrap()], ..Append::default() }
    };
    let store = Arc::new(FaultyStore::new([Fault::Overtaken(Box::new(withdrawn))]));
    store.inner.append_one(foreign_deposit("a", 10)).await.unwrap();
    let app = App::builder(Arc::clone(&store)).start().await.unwrap();
    let error = app.execute(transfer_of("a", "b", 5)).await.unwrap_err();
    assert_eq!(error.rejection(), Some(&Refused::Insufficient { balance: 1 }));
    assert_eq!(app.load::<Account>(&account("b")).await.unwrap().balance, 0);
}

#[tokio::test(start_paused = true)]
async fn conflicts_are_retried_up_to_the_configured_limit() {
    let overtaken = || Fault::Overtaken(Box::new(foreign_deposit("a", 1)));
    let store = Arc::new(FaultyStore::new([overtaken(), overtaken(), overtaken()]));
    let retry = Retry::times(3).pauses(Duration::from_secs(60), Duration::from_secs(60));
    let app = App::builder(Arc::clone(&store)).retry(retry).start().await.unwrap();
    match app.execute(deposit("a", 1)).await.unwrap_err() {
        ExecuteError::Conflict { tries, conflicting_position } => {
            assert_eq!((tries, conflicting_position), (3, Position::new(3)));
        }
        other => panic!("{other:?}"),
    }
}

/// More conflicts than any limited number of attempts.
#[tokio::test(start_paused = true)]
async fn conflicts_are_retried_for_a_time_by_default() {
    let overtaken = (0..200).map(|_| Fault::Overtaken(Box::new(foreign_deposit("a", 1))));
    let store = Arc::new(FaultyStore::new(overtaken));
    let app = App::builder(Arc::clone(&store)).start().await.unwrap();
    app.execute(deposit("a", 1)).await.unwrap();
    assert_eq!(store.remaining(), 0);
    assert_eq!(app.load::<Account>(&account("a")).await.unwrap().balance, 201);
}

#[tokio::test(start_paused = true)]
async fn conflicts_are_retried_until_the_time_is_over() {
    let overtaken = (0..1000).map(|_| Fault::Overtaken(Box::new(foreign_deposit("a", 1))));
    let store = Arc::new(FaultyStore::new(overtaken));
    let pause = Duration::from_millis(100);
    let retry = Retry::within(Duration::from_secs(1)).pauses(pause, pause);
    let app = App::builder(Arc::clone(&store)).retry(retry).start().await.unwrap();
    let error = app.execute(deposit("a", 1)).await.unwrap_err();
    let ExecuteError::Conflict { tries, .. } = error else { panic!("{error:?}") };
    assert_eq!(usize::try_from(tries).unwrap(), 1000 - store.remaining());
    assert!((10..500).contains(&tries), "{tries}");
}

/// A command reserves after a conflict, until its append. Later commands on the aggregate do so until one of them finds that no
/// other process has changed it.
#[tokio::test]
async fn commands_reserve_from_a_conflict_until_no_other_process_appends() {
    let store = Arc::new(FaultyStore::new([Fault::Overtaken(Box::new(foreign_deposit("a", 1)))]));
    store.has_reservations.store(true, Ordering::SeqCst);
    let app = App::builder(Arc::clone(&store)).start().await.unwrap();
    let reserved = || (store.reserved.load(Ordering::SeqCst), store.reserved_appends.load(Ordering::SeqCst));
    app.execute(deposit("a", 1)).await.unwrap();
    assert_eq!(reserved(), (1, 1), "the second attempt");
    app.execute(deposit("b", 1)).await.unwrap();
    assert_eq!(reserved(), (1, 1), "another aggregate");
    store.inner.append_one(foreign_deposit("a", 1)).await.unwrap();
    app.execute(deposit("a", 1)).await.unwrap();
    assert_eq!(reserved(), (2, 2), "another process has changed it");
    app.execute(deposit("a", 1)).await.unwrap();
    assert_eq!(reserved(), (3, 3), "the last reservation");
    app.execute(deposit("a", 1)).await.unwrap();
    assert_eq!(reserved(), (3, 3), "no other process has changed it");
    assert_eq!(app.load::<Account>(&account("a")).await.unwrap().balance, 6);
}

#[tokio::test]
async fn append_outside_of_the_decision_is_no_conflict() {
    let store = Arc::new(FaultyStore::new([Fault::Overtaken(Box::new(foreign_deposit("z", 1)))]));
    let app = App::builder(Arc::clone(&store)).retry(Retry::times(1)).start().await.unwrap();
    app.execute(deposit("a", 1)).await.unwrap();
}

#[tokio::test]
async fn concurrent_transfers_preserve_the_total() {
    let app = memory().await;
    for name in ["a", "b", "c"] {
        app.execute(deposit(name, 100)).await.unwrap();
    }
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..60u64 {
        let names = ["a", "b", "c"];
        let (from, to) =
            (names[number as usize % 3], names[(number as usize + 1 + number as usize / 3 % 2) % 3]);
        tasks.spawn(app.execute(transfer_of(from, to, 1 + number % 7)).into_future());
    }
    while let Some(result) = tasks.join_next().await {
        match result.unwrap() {
            Ok(_) | Err(ExecuteError::Rejected(_)) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    let mut sum = 0;
    for name in ["a", "b", "c"] {
        sum += app.load::<Account>(&account(name)).await.unwrap().balance;
    }
    assert_eq!(sum, 300);
}

/// Each command yields to all others between its read and its append, so without a queue every first try would conflict.
/// Four tries are enough only for queued commands.
#[tokio::test(start_paused = true)]
async fn concurrent_commands_on_one_account_are_queued() {
    let store = Arc::new(FaultyStore::new([]));
    let retry = Retry::times(4).pauses(Duration::ZERO, Duration::ZERO);
    let app = App::builder(Arc::clone(&store)).retry(retry).start().await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..300 {
        let names = [["a", "b"], ["b", "a"]][number % 2];
        tasks.spawn(app.execute(deposit(names[0], 2)).into_future());
        tasks.spawn(app.execute(transfer_of(names[0], names[1], 0)).into_future());
    }
    while let Some(result) = tasks.join_next().await {
        result.unwrap().unwrap();
    }
    assert_eq!(app.load::<Account>(&account("a")).await.unwrap().balance, 300);
    assert_eq!(app.load::<Account>(&account("b")).await.unwrap().balance, 300);
}

#[tokio::test]
async fn event_records_time_actor_and_cause() {
    let time: Timestamp = "2026-02-03T04:05:06.000007Z".parse().unwrap();
    let app = App::builder(Memory::new()).clock(ManualClock::at(time)).start().await.unwrap();
    let receipt = app
        .execute(deposit("a", 1))
        .id("order-7")
        .actor("ann")
        .correlation("visit-1")
        .causation("event-0")
        .trace("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        .await
        .unwrap();
    let history = app.history::<AccountEvent>(&account("a")).await.unwrap();
    let [recorded] = history.as_slice() else { panic!("{history:?}") };
    assert_eq!(
        (recorded.recorded_at, recorded.position, recorded.id),
        (time, receipt.position(), receipt.events[0].id)
    );
    let text = |name: &Option<annalist::store::Name>| {
        name.as_ref().map(|name| name.as_str().to_owned()).unwrap_or_default()
    };
    let metadata = &recorded.metadata;
    assert_eq!(text(&metadata.command_id), "order-7");
    assert_eq!(text(&metadata.command), "deposit");
    assert_eq!(text(&metadata.actor), "ann");
    assert_eq!(text(&metadata.correlation), "visit-1");
    assert_eq!(text(&metadata.causation), "event-0");
    assert!(text(&metadata.trace).starts_with("00-0af7"));
}

#[tokio::test]
async fn command_without_metadata_gets_an_id_and_starts_a_correlation() {
    let app = memory().await;
    app.execute(deposit("a", 1)).await.unwrap();
    app.execute(deposit("a", 1)).await.unwrap();
    let history = app.history::<AccountEvent>(&account("a")).await.unwrap();
    assert!(history[0].metadata.command_id.is_some());
    assert_eq!(history[0].metadata.command_id, history[0].metadata.correlation);
    assert_ne!(history[0].metadata.command_id, history[1].metadata.command_id);
    assert_eq!(history[0].metadata.actor, None);
}

#[tokio::test]
async fn invalid_metadata_is_refused_before_an_append() {
    let app = memory().await;
    let long = "x".repeat(201);
    let refused = [
        app.execute(deposit("a", 1)).actor("a\0b").await,
        app.execute(deposit("a", 1)).actor(long.clone()).await,
        app.execute(deposit("a", 1)).id("").await,
        app.execute(deposit("a", 1)).correlation(long.clone()).await,
        app.execute(deposit("a", 1)).causation("\0").await,
        app.execute(deposit("a\0b", 1)).await,
        app.execute(deposit(&"x".repeat(512), 1)).await,
    ];
    for result in refused {
        let error = result.unwrap_err();
        assert!(
            matches!(error, ExecuteError::Invalid(Invalid::Text { .. } | Invalid::TooLarge { .. })),
            "{error:?}"
        );
    }
    assert_eq!(app.store().settled().await.unwrap().position, Position::START);
}

#[tokio::test]
async fn unavailable_store_is_an_error_of_the_command() {
    let app = App::builder(FaultyStore::new([Fault::Refused])).start().await.unwrap();
    let error = app.execute(deposit("a", 1)).await.unwrap_err();
    assert!(matches!(error, ExecuteError::Unavailable(_)), "{error:?}");
    app.execute(deposit("a", 1)).await.unwrap();
}

#[tokio::test]
async fn cancelled_command_is_appended_completely_or_not_at_all() {
    let store = Arc::new(FaultyStore::new([Fault::Held]));
    let app = App::builder(Arc::clone(&store)).start().await.unwrap();
    let execution = tokio::spawn(app.execute(deposit("a", 1)).into_future());
    store.held.acquire().await.unwrap().forget();
    execution.abort();
    assert!(execution.await.unwrap_err().is_cancelled());
    assert_eq!(app.load::<Account>(&account("a")).await.unwrap().balance, 0);
    app.execute(deposit("a", 2)).await.unwrap();
    let all = store.read(&[Read::all(Criteria::from(Item::any()))]).await.unwrap();
    assert_eq!(all[0].records.len(), 1);
}
