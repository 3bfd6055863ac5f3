//! Batches of concurrent commands that change one aggregate.
#![allow(clippy::unwrap_used)] // in the helpers too

use std::sync::Arc;

use annalist::App;
use annalist_flow_tests::{
    domain::{Account, account, deposit},
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
