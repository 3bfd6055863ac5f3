//! Many commands that change one aggregate at the same time.
#![allow(clippy::unwrap_used)] // in the helpers too

use std::sync::Arc;

use annalist::App;
use annalist_flow_tests::{
    domain::{Account, account, deposit},
    faulty::Faulty,
};
use tokio::task::JoinSet;

fn together(store: &Faulty) -> Vec<usize> {
    store.together.lock().unwrap().clone()
}

#[tokio::test]
async fn a_crowd_on_one_account_is_decided_in_chains() {
    let store = Arc::new(Faulty::new([]));
    let app = App::builder(Arc::clone(&store)).start().await.unwrap();
    app.execute(deposit("a", 100)).await.unwrap();
    let mut crowd = JoinSet::new();
    for _ in 0..200 {
        crowd.spawn(app.execute(deposit("a", 1)).into_future());
    }
    let mut positions: Vec<_> =
        crowd.join_all().await.into_iter().map(|answer| answer.unwrap().position()).collect();
    positions.sort_unstable();
    positions.dedup();
    assert_eq!((positions.len(), app.load::<Account>(&account("a")).await.unwrap().balance), (200, 300));
    let together = together(&store);
    assert_eq!(together.iter().sum::<usize>(), 201);
    assert!(together.len() < 50 && together.iter().max() > Some(&8), "{together:?}");
}

/// Who has an answer and goes on is part of the next chain: if those in front did not wait for it to line up, every
/// second chain would be of one.
#[tokio::test]
async fn those_who_go_on_stay_together() {
    const ROUNDS: usize = 50;
    let store = Arc::new(Faulty::new([]));
    let app = App::builder(Arc::clone(&store)).start().await.unwrap();
    app.execute(deposit("a", 100)).await.unwrap();
    let mut crowd = JoinSet::new();
    for _ in 0..8 {
        let app = app.clone();
        crowd.spawn(async move {
            for _ in 0..ROUNDS {
                app.execute(deposit("a", 1)).await.unwrap();
            }
        });
    }
    crowd.join_all().await;
    let together = together(&store);
    assert_eq!(together.iter().sum::<usize>(), 1 + 8 * ROUNDS);
    assert!(together.len() < ROUNDS + 5, "{together:?}");
}
