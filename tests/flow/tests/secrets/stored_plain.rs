//! Values that were stored in plain text are encrypted while subjects are forgotten, and what a follower of an older program reads then.

use std::sync::{Arc, PoisonError, atomic::Ordering};

use annalist::{
    App, EventStore, Memory,
    app::Builder,
    keys::SharedKeys,
    projection::{State, Status},
};
use annalist_flow_tests::{
    encrypted::{customer, email_of, newer, older, register_older, start_newer, start_older, stored},
    faulty_store::FaultyStore,
};

use crate::{checks::TIMEOUT, faulty_keys::FaultyKeys, secret_log::master};

async fn address(app: &App, name: &str) -> String {
    app.find::<newer::Address>(&customer(name)).await.unwrap().unwrap().email
}

/// The keys of the subject are loaded when it is forgotten and readmitted: its new key does not encrypt the older value.
#[tokio::test]
async fn subject_that_is_readmitted_during_a_pass_stays_forgotten() {
    let store = Memory::new();
    let older = start_older(App::builder(store.clone())).await.unwrap();
    for name in ["ann", "bob"] {
        register_older(&older, name).await.unwrap();
    }
    let keys = Arc::new(FaultyKeys::new(store.key_store().unwrap()));
    let shared: SharedKeys = keys.clone();
    let newer = App::builder(store.clone()).keys_in(shared, master(7)).projection::<newer::Address>();
    let newer = newer.commands::<newer::Register>().start().await.unwrap();
    newer.wait_until_caught_up().await.unwrap();

    let other = App::builder(store.clone()).keys(master(7)).start().await.unwrap();
    keys.after_next_lookup(async move {
        other.forget(&customer("ann")).await.unwrap();
        assert!(other.readmit(&customer("ann")).await.unwrap());
    });
    newer.encrypt_stored::<newer::Registered>().await.unwrap();
    newer.wait_until_caught_up().await.unwrap();
    let state = newer.load::<newer::Customer>(&customer("ann")).await.unwrap();
    assert_eq!((state.emails.clone(), address(&newer, "ann").await), (vec![None], "forgotten".to_owned()));
    assert_eq!(address(&newer, "bob").await, email_of("bob"));
}

/// The step has the key of the subject, which is forgotten before the step is written: rows are folded again from the plain value.
#[tokio::test]
async fn rows_that_are_folded_during_a_pass_are_folded_again() {
    let store = Arc::new(FaultyStore::new([]));
    let older = start_older(App::builder(Arc::clone(&store))).await.unwrap();
    register_older(&older, "ann").await.unwrap();
    let newer = start_newer(App::builder(Arc::clone(&store)).rows(Memory::new())).await.unwrap();
    newer.wait_until_caught_up().await.unwrap();

    let app = newer.clone();
    let forgetting = async move {
        app.forget(&customer("ann")).await.unwrap();
        assert_eq!(address(&app, "ann").await, email_of("ann"), "the event is not encrypted yet");
    };
    *store.before_rewrite.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::pin(forgetting));
    newer.encrypt_stored::<newer::Registered>().await.unwrap();
    newer.wait_until_caught_up().await.unwrap();
    assert_eq!(address(&newer, "ann").await, "forgotten");
}

/// The erasures of the key store are read once, and not for each step.
#[tokio::test]
async fn erasures_are_read_once_during_a_pass() {
    let store = Memory::new();
    let older = start_older(App::builder(store.clone())).await.unwrap();
    for number in 0..40 {
        register_older(&older, &format!("c{number}")).await.unwrap();
    }
    let keys = Arc::new(FaultyKeys::new(store.key_store().unwrap()));
    let shared: SharedKeys = keys.clone();
    let app = App::builder(store.clone()).keys_in(shared, master(7)).start().await.unwrap();
    let before = keys.count("erasures");
    let done = app.encrypt_stored::<newer::Registered>().events_per_step(2).await.unwrap();
    assert_eq!((done[0].changed, keys.count("erasures") - before), (40, 1));
}

/// What a follower of an older program does with an event that was encrypted before it is read: the event has the version of before. Returns its rows,
/// or why it has stopped.
async fn follow_encrypted(hides_rewrites: bool) -> Result<String, String> {
    let log = Memory::new();
    let mut store = FaultyStore::new([]);
    store.inner = log.clone();
    store.hides_rewrites.store(hides_rewrites, Ordering::SeqCst);
    let older = start_older(App::builder(log.clone())).await.unwrap();
    // The pass does not wait for followers in another row store than that of its app.
    let builder: Builder = App::builder(store).rows(Memory::new());
    let report = builder.keys(master(7)).projection::<older::Report>().start().await.unwrap();
    report.pause("reports", "a test").await.unwrap();
    report.wait_until("reports", |status| matches!(status.state, State::Paused(_))).await.unwrap();
    register_older(&older, "ann").await.unwrap();
    let newer = start_newer(App::builder(log.clone())).await.unwrap();
    newer.wait_until_caught_up().await.unwrap();
    newer.encrypt_stored::<newer::Registered>().await.unwrap();
    let events = stored(&log).await;
    assert_eq!((events[0].version, events[0].data.as_str().contains("$sealed")), (1, true));

    report.resume("reports").await.unwrap();
    let is_over = |status: &Status| status.position.get() >= 1 || matches!(status.state, State::Stopped(_));
    let status = tokio::time::timeout(TIMEOUT, report.wait_until("reports", is_over)).await.unwrap().unwrap();
    match status.state {
        State::Stopped(reason) => Err(reason.to_string()),
        _ => Ok(format!("{:?}", report.find::<older::Report>(&customer("ann")).await.unwrap())),
    }
}

/// Without the list of passes a follower does not know that the field is a secret, and stores the form of the secret.
#[tokio::test]
async fn follower_of_an_older_program_does_not_read_encrypted_events() {
    let reason = follow_encrypted(false).await.unwrap_err();
    assert!(reason.contains("`customer.registered`") && reason.contains("version 2"), "{reason}");
    let control = follow_encrypted(true).await;
    assert!(matches!(&control, Ok(rows) if rows.contains(&email_of("ann"))), "{control:?}");
}
