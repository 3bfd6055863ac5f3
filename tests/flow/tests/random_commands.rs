//! Random commands over every shape of ids, by several tasks and two apps on one store, checked against the final log.
#![allow(clippy::unwrap_used)] // in the helpers too

use std::sync::{Arc, atomic::Ordering};

use annalist::{App, Memory};
use annalist_flow_tests::{
    faulty_store::FaultyStore,
    random_commands::{Commits, Counts, Size, run},
    test_log::TestLog,
};

const SMALL: Size = Size { tasks: 6, commands: 25 };
const LARGE: Size = Size { tasks: 8, commands: 60 };

async fn apps(log: &TestLog) -> [App; 2] {
    [log.app().await.start().await.unwrap(), log.app().await.start().await.unwrap()]
}

fn assert_has_both(counts: Counts, size: Size) {
    let Counts { accepted, rejected } = counts;
    assert!(accepted > size.commands && rejected > size.tasks, "{counts:?}");
}

#[tokio::test]
async fn decisions_are_made_on_the_states_at_their_positions_in_memory() {
    let counts = run(apps(&TestLog::Memory(Memory::new())).await, LARGE, Commits::InOrder).await.unwrap();
    assert_has_both(counts, LARGE);
}

#[tokio::test(flavor = "multi_thread")]
async fn decisions_are_made_on_the_states_at_their_positions_with_several_threads() {
    let counts = run(apps(&TestLog::Memory(Memory::new())).await, LARGE, Commits::InOrder).await.unwrap();
    assert_has_both(counts, LARGE);
}

/// Without another app there are no conflicts, and most commands are decided on the events of others that are not written yet.
#[tokio::test(flavor = "multi_thread")]
async fn decisions_are_made_on_the_states_at_their_positions_in_one_app() {
    for log in [TestLog::Memory(Memory::new()), TestLog::file()] {
        let app = log.app().await.start().await.unwrap();
        let counts = run([app.clone(), app], LARGE, Commits::InOrder).await.unwrap();
        assert_has_both(counts, LARGE);
    }
}

#[tokio::test]
async fn decisions_are_made_on_the_states_at_their_positions_in_a_file() {
    let log = TestLog::file();
    let counts = run(apps(&log).await, SMALL, Commits::InOrder).await.unwrap();
    assert_has_both(counts, SMALL);
}

/// A store that yields to other tasks between read and append. Without conditions a lost update is found.
#[tokio::test]
async fn store_without_append_conditions_is_detected() {
    for drops_conditions in [false, true] {
        let store = Arc::new(FaultyStore::new([]));
        store.drops_conditions.store(drops_conditions, Ordering::SeqCst);
        let start = || App::builder(Arc::clone(&store)).start();
        let result = run([start().await.unwrap(), start().await.unwrap()], LARGE, Commits::InOrder).await;
        match result {
            Ok(counts) => assert!(!drops_conditions && counts.accepted > 0),
            Err(error) => {
                assert!(drops_conditions, "{error}");
                assert!(
                    error.contains("but the log had") && error.contains("ANNALIST_FLOW_SEED="),
                    "{error}"
                );
            }
        }
    }
}
