//! Tags of a new `#[id]` are added to stored events, while programs with and without the id are running.
#![allow(clippy::unwrap_used)] // in the helpers too

use std::{
    process::{Child, Command},
    sync::{Arc, atomic::Ordering},
};

use annalist::{
    App, Error, EventStore, ExecuteError, Invalid, Memory,
    operate::retag,
    raw::store::{Rewrite, RewriteState},
    transfer,
};
use annalist_flow_tests::{
    faulty_store::FaultyStore,
    retags::{
        OrderId, add_tags, begin, check_log, is_incomplete, newer, older, pay_newer, pay_older, race,
        start_newer, start_older,
    },
    test_log::{TestLog, on_each_log},
};

async fn stored(store: &dyn EventStore) -> Option<Rewrite> {
    store.successors().await.unwrap().retag("payment.made", "order").cloned()
}

#[tokio::test]
async fn no_decision_misses_a_payment_while_tags_are_added() {
    for _ in 0..3 {
        for log in [TestLog::Memory(Memory::new()), TestLog::file()] {
            let older = start_older(log.app().await).await.unwrap();
            let newer = start_newer(log.app().await).await.unwrap();
            race(&older, &newer).await.unwrap();
            assert!(newer.verify().await.unwrap().is_sound());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_decision_misses_a_payment_with_several_threads() {
    for _ in 0..10 {
        let log = TestLog::Memory(Memory::new());
        let older = start_older(log.app().await).await.unwrap();
        let newer = start_newer(log.app().await).await.unwrap();
        race(&older, &newer).await.unwrap();
    }
}

/// A store that yields to other tasks before it appends. If it does not compare the list, programs go on as before.
#[tokio::test]
async fn store_that_does_not_compare_the_list_is_detected() {
    for drops_successors in [false, true] {
        let store = Arc::new(FaultyStore::new([]));
        store.drops_successors.store(drops_successors, Ordering::SeqCst);
        let older = start_older(App::builder(Arc::clone(&store))).await.unwrap();
        let newer = start_newer(App::builder(Arc::clone(&store))).await.unwrap();
        let result = race(&older, &newer).await;
        assert_eq!(result.is_err(), drops_successors, "{result:?}");
    }
}

/// The way of a user: the newer program is refused at start, the tags are added, and it starts.
#[tokio::test]
async fn newer_program_starts_once_the_tags_are_added() {
    on_each_log(async |log| {
        let older = start_older(log.app().await).await.unwrap();
        for order in [1, 2, 1, 1] {
            pay_older(&older, order).await.unwrap();
        }
        let refused = log.app().await.commands::<newer::Pay>().start().await.unwrap_err();
        let text = refused.to_string();
        assert!(
            text.contains("`payment.made` version 1")
                && text.contains("has no id of the kind `order`")
                && text.contains("annalist::operate::retag"),
            "{text}"
        );

        let store = log.process().await.store;
        let done = retag::<newer::Made, OrderId>(Arc::clone(&store)).actor("ann").await.unwrap();
        let [done] = done.as_slice() else { unreachable!() };
        assert_eq!((done.state, done.events, done.changed), (RewriteState::Complete, 4, 4));
        assert_eq!(done.actor.as_deref(), Some("ann"));
        assert_eq!(stored(&*store).await.as_ref(), Some(done));
        // A complete pass does nothing.
        let again = retag::<newer::Made, OrderId>(Arc::clone(&store)).await.unwrap();
        assert_eq!(again.as_slice(), std::slice::from_ref(done));

        let newer = log.app().await.commands::<newer::Pay>().projection::<newer::Payments>();
        let newer = newer.start().await.unwrap();
        pay_newer(&newer, 1).await.unwrap();
        assert_eq!(newer.load::<newer::Order>(&OrderId(1)).await.unwrap().payments, 4);
        assert_eq!(newer.history::<newer::Made>(&OrderId(2)).await.unwrap().len(), 1);
        newer.wait_until_caught_up().await.unwrap();
        assert_eq!(newer.find::<newer::Payments>(&OrderId(1)).await.unwrap().unwrap().payments, 4);
        assert!(newer.verify().await.unwrap().is_sound());
        match pay_older(&older, 1).await.unwrap_err() {
            ExecuteError::Invalid(Invalid::IdsUnknown { name, kind }) => {
                assert_eq!((name.as_str(), kind.as_str()), ("payment.made", "order"));
            }
            error => unreachable!("{error:?}"),
        }
        newer.shut_down().await;

        // An export has the tags.
        let copy = Memory::new();
        transfer::copy(&*store, &copy).await.unwrap();
        let newer = App::builder(copy).commands::<newer::Pay>().start().await.unwrap();
        assert_eq!(newer.load::<newer::Order>(&OrderId(1)).await.unwrap().payments, 4);
    })
    .await;
}

/// Commands and loads by other ids go on, those by the new one wait for the end.
#[tokio::test]
async fn only_reads_by_the_new_id_are_refused_meanwhile() {
    on_each_log(async |log| {
        let older = start_older(log.app().await).await.unwrap();
        let newer = start_newer(log.app().await).await.unwrap();
        pay_older(&older, 1).await.unwrap();
        pay_newer(&newer, 1).await.unwrap();
        let store = Arc::clone(newer.store());
        begin(&*store).await.unwrap();
        for _ in 0..2 {
            pay_older(&older, 1).await.unwrap();
            match pay_newer(&newer, 1).await.unwrap_err() {
                ExecuteError::Unavailable(error) => assert!(is_incomplete(&error), "{error:?}"),
                error => unreachable!("{error:?}"),
            }
            assert!(is_incomplete(&newer.load::<newer::Order>(&OrderId(1)).await.unwrap_err()));
            assert!(is_incomplete(&newer.history::<newer::Made>(&OrderId(1)).await.unwrap_err()));
        }
        add_tags(store).await.unwrap();
        pay_newer(&newer, 1).await.unwrap();
        assert_eq!(newer.load::<newer::Order>(&OrderId(1)).await.unwrap().payments, 5);
    })
    .await;
}

#[tokio::test]
async fn type_without_the_id_is_refused() {
    let error = retag::<older::Made, OrderId>(Memory::new()).await.unwrap_err();
    let expected = "has an `#[id]` of this kind";
    assert!(matches!(&error, Error::Unusable { .. }) && error.to_string().contains(expected), "{error}");
}

/// A process that adds the tags is killed after each few steps, while the older program appends.
#[tokio::test(flavor = "multi_thread")]
async fn killed_pass_goes_on_where_it_was() {
    let log = TestLog::file();
    let older = start_older(log.app().await).await.unwrap();
    for number in 0..1000 {
        pay_older(&older, number % 5).await.unwrap();
    }
    let store = log.process().await.store;
    let begun = begin(&*store).await.unwrap();
    let url = format!("sqlite:{}", log.path().unwrap().display());
    let start = || Command::new(env!("CARGO_BIN_EXE_retagger")).arg(&url).spawn().unwrap();
    for kill in 1..=5 {
        let mut process = start();
        await_events(&*store, kill * 30, &mut process).await;
        process.kill().unwrap();
        process.wait().unwrap();
        pay_older(&older, 0).await.unwrap();
    }
    assert!(start().wait().unwrap().success());
    let retag = stored(&*store).await.unwrap();
    // No event was counted twice.
    assert_eq!((retag.state, retag.events, retag.changed), (RewriteState::Complete, 1005, 1005));
    let newer = log.app().await.commands::<newer::Pay>().start().await.unwrap();
    pay_newer(&newer, 0).await.unwrap();
    check_log(&*store, begun).await.unwrap();
    assert!(newer.verify().await.unwrap().is_sound());
}

/// Waits until a process has read this many events.
async fn await_events(store: &dyn EventStore, events: u64, process: &mut Child) {
    while stored(store).await.unwrap().events < events {
        assert!(process.try_wait().unwrap().is_none(), "the process has ended");
        tokio::task::yield_now().await;
    }
}
