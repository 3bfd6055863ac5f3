//! A projection over the events of many subjects: their keys are loaded a page at a time, and one of them is forgotten.

use std::{env, sync::Arc};

use annalist::{App, EventStore, Memory, keys::SharedKeys, projection::Status};
use tokio::task::JoinSet;

use crate::{
    domain::{Address, customer, email_of, register},
    faulty_keys::FaultyKeys,
    secret_log::{builder_on, master},
};

/// The number of subjects; `ANNALIST_SUBJECTS=100000` sets another one.
const SUBJECTS: usize = 2_000;
/// How many calls of the key store each thousand events may need.
const CALLS: usize = 20;

async fn start(store: &Memory) -> (App, Arc<FaultyKeys>) {
    let keys = Arc::new(FaultyKeys::new(store.key_store().unwrap()));
    let shared: SharedKeys = keys.clone();
    let builder = builder_on(Arc::new(store.clone())).keys_in(shared, master(7));
    (builder.start().await.unwrap(), keys)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_many_subjects_are_loaded_a_page_at_a_time() {
    let subjects: usize =
        env::var("ANNALIST_SUBJECTS").map_or(SUBJECTS, |subjects| subjects.parse().unwrap());
    let store = Memory::new();
    // Without projections: they are folded afterwards, in large pages.
    let writer = App::builder(store.clone()).keys(master(7)).start().await.unwrap();
    let mut tasks = JoinSet::new();
    for task in 0..32 {
        let writer = writer.clone();
        tasks.spawn(async move {
            for number in (task..subjects).step_by(32) {
                writer.execute(register(&format!("c{number}"))).await.unwrap();
            }
        });
    }
    tasks.join_all().await;

    let (app, keys) = start(&store).await;
    // Without a limit of time, which depends on the number of subjects.
    let is_there = |status: &Status| status.position.get() >= subjects as u64;
    app.wait_until("addresses", is_there).await.unwrap();
    assert_eq!(app.list::<Address>().count().await.unwrap(), subjects as u64);
    let calls = keys.count("keys");
    let most = CALLS + CALLS * subjects / 1_000;
    assert!((1..=most).contains(&calls), "{calls} calls for the keys of {subjects} subjects, and not {most}");

    app.forget(&customer("c7")).await.unwrap();
    let email = async |name| app.find::<Address>(&customer(name)).await.unwrap().unwrap().email;
    assert_eq!(email("c7").await, "forgotten");
    assert_eq!(email("c8").await, email_of("c8"));
    // The rebuild loads the keys of the others again, likewise.
    let again = keys.count("keys") - calls;
    assert!((1..=2 * most).contains(&again), "{again} further calls");
}
