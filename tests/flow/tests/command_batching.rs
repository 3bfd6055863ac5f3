//! Batches of concurrent commands that change one aggregate.
#![allow(clippy::unwrap_used)] // in the helpers too

use std::sync::Arc;

use annalist::{App, ExecuteError};
use annalist_flow_tests::{
    domain::{Account, Refused, account, deposit, transfer_of},
    faulty_store::FaultyStore,
};
use tokio::task::JoinSet;

fn batch_sizes(store: &FaultyStore) -> Vec<usize> {
    store.batch_sizes.lock().unwrap().clone()
}

#[tokio::test]
async fn concurrent_commands_on_one_aggregate_are_appended_in_batches() {
    let store = Arc::new(FaultyStore::new([]));
    let app = App::builder(Arc::clone(&store)).start().await.unwrap();
    app.execute(deposit("a", 100)).await.unwrap();
    let mut tasks = JoinSet::new();
    for _ in 0..200 {
        tasks.spawn(app.execute(deposit("a", 1)).into_future());
    }
    let mut positions: Vec<_> =
        tasks.join_all().await.into_iter().map(|result| result.unwrap().position()).collect();
    positions.sort_unstable();
    positions.dedup();
    assert_eq!((positions.len(), app.load::<Account>(&account("a")).await.unwrap().balance), (200, 300));
    let sizes = batch_sizes(&store);
    assert_eq!(sizes.iter().sum::<usize>(), 201);
    assert!(sizes.len() < 50 && sizes.iter().max() > Some(&8), "{sizes:?}");
}

/// Commands on the same two accounts, in both directions, and commands on one of them, are decided one after the other and written
/// together.
#[tokio::test]
async fn concurrent_commands_on_a_pair_of_aggregates_are_appended_in_batches() {
    let store = Arc::new(FaultyStore::new([]));
    let app = App::builder(Arc::clone(&store)).start().await.unwrap();
    for name in ["a", "b"] {
        app.execute(deposit(name, 100)).await.unwrap();
    }
    // The first transfer of an app shows that transfers change both accounts.
    app.execute(transfer_of("a", "b", 1)).await.unwrap();
    let before = batch_sizes(&store).len();
    let mut tasks = JoinSet::new();
    for number in 0..300 {
        let (app, command) = (app.clone(), number % 3);
        tasks.spawn(async move {
            match command {
                0 => app.execute(transfer_of("a", "b", 1)).await,
                1 => app.execute(transfer_of("b", "a", 2)).await,
                _ => app.execute(deposit("a", 1)).await,
            }
        });
    }
    let results = tasks.join_all().await;
    // One of them is rejected as long as the other account has not paid.
    let rejected = results.iter().filter(|result| result.is_err()).count();
    assert!(
        results.iter().all(|result| matches!(
            result,
            Ok(_) | Err(ExecuteError::Rejected(Refused::Insufficient { .. }))
        ))
    );
    let balance = async |name| app.load::<Account>(&account(name)).await.unwrap().balance;
    let accepted = results.len() - rejected;
    assert_eq!(balance("a").await + balance("b").await, 200 + 100);
    let sizes = batch_sizes(&store).split_off(before);
    assert_eq!(sizes.iter().sum::<usize>(), accepted, "{sizes:?}");
    assert!(sizes.len() < 50 && sizes.iter().max() > Some(&8), "{sizes:?}");
}

/// A caller that sends its next command after each response joins the next batch. If a batch were written without waiting
/// for these callers, every second batch would contain one command only.
#[tokio::test]
async fn sequential_callers_keep_batching() {
    const ROUNDS: usize = 50;
    let store = Arc::new(FaultyStore::new([]));
    let app = App::builder(Arc::clone(&store)).start().await.unwrap();
    app.execute(deposit("a", 100)).await.unwrap();
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let app = app.clone();
        tasks.spawn(async move {
            for _ in 0..ROUNDS {
                app.execute(deposit("a", 1)).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    let sizes = batch_sizes(&store);
    assert_eq!(sizes.iter().sum::<usize>(), 1 + 8 * ROUNDS);
    assert!(sizes.len() < ROUNDS + 5, "{sizes:?}");
}
