//! An app belongs to the tokio runtime in which it was started: after its end every call is an error, and none waits.
#![allow(clippy::unwrap_used)] // in the helpers too

use std::sync::{Arc, OnceLock};

use annalist::{App, Error, ExecuteError, Memory};
use annalist_flow_tests::{
    domain::{Account, account, deposit},
    ended_runtimes::{
        check_calls_after_the_end, check_calls_in_flight, check_calls_of_ended_runtimes, new_runtime,
    },
    faulty_store::{Fault, FaultyStore},
    test_log::{TEST_TIMEOUT, TestLog},
};
use tokio::{runtime::Runtime, time::timeout};

fn logs() -> [TestLog; 2] {
    [TestLog::Memory(Memory::new()), TestLog::file()]
}

#[test]
fn every_call_after_the_end_of_the_runtime_is_an_error() {
    logs().iter().for_each(|log| check_calls_after_the_end(log.app()));
}

#[test]
fn calls_in_flight_end_with_the_runtime_of_the_app() {
    let end = |_: &App, runtime: Runtime| {
        drop(runtime);
        true
    };
    logs().iter().for_each(|log| check_calls_in_flight(log.app(), end));
}

#[test]
fn calls_in_flight_end_with_the_app() {
    let shut_down = |app: &App, runtime: Runtime| {
        runtime.block_on(app.shut_down());
        // The runtime goes on.
        std::mem::forget(runtime);
        false
    };
    logs().iter().for_each(|log| check_calls_in_flight(log.app(), shut_down));
}

#[test]
fn app_works_on_after_the_end_of_runtimes_that_called_it() {
    logs().iter().for_each(|log| check_calls_of_ended_runtimes(log.app()));
}

/// An app in a static, started by the first test that needs it.
static APP: OnceLock<App> = OnceLock::new();

#[test]
fn app_in_a_static_ends_with_the_runtime_of_the_first_test() {
    let log = Memory::new();
    let first_test = async {
        let app = App::builder(log.clone()).start().await.unwrap();
        APP.get_or_init(|| app).execute(deposit("a", 1)).await.unwrap();
    };
    new_runtime().block_on(first_test);
    let second_test = async {
        let error = APP.get().unwrap().execute(deposit("a", 1)).await.unwrap_err();
        assert!(
            error.to_string().starts_with("execute `deposit`: the tokio runtime in which this app"),
            "{error}"
        );
        // What the error recommends.
        let app = App::builder(log).start().await.unwrap();
        app.execute(deposit("a", 1)).await.unwrap();
        assert_eq!(app.load::<Account>(&account("a")).await.unwrap().balance, 2);
    };
    new_runtime().block_on(second_test);
}

/// A command whose append was sent may be in the log; a command that waits for it is not.
#[test]
fn commands_in_flight_end_with_the_runtime_of_the_app() {
    let (first, second) = (new_runtime(), new_runtime());
    let store = Arc::new(FaultyStore::new([]));
    let app = first.block_on(App::builder(Arc::clone(&store)).start()).unwrap();
    first.block_on(app.execute(deposit("a", 1)).into_future()).unwrap();
    store.plan([Fault::Held]);
    let (appending, waiting) = second.block_on(async {
        let appending = tokio::spawn(app.execute(deposit("a", 10)).into_future());
        store.held.acquire().await.unwrap().forget();
        let waiting = tokio::spawn(app.execute(deposit("a", 100)).into_future());
        tokio::task::yield_now().await;
        (appending, waiting)
    });
    drop(first);
    second.block_on(async {
        let error = timeout(TEST_TIMEOUT, appending).await.unwrap().unwrap().unwrap_err();
        assert!(matches!(&error, ExecuteError::OutcomeUnknown(_)), "{error:?}");
        assert!(
            error.to_string().contains("the tokio runtime in which this app was started has ended"),
            "{error}"
        );
        let error = timeout(TEST_TIMEOUT, waiting).await.unwrap().unwrap().unwrap_err();
        assert!(matches!(&error, ExecuteError::Unavailable(Error::RuntimeEnded { .. })), "{error:?}");
        store.gate.add_permits(1);
        let next = App::builder(Arc::clone(&store)).start().await.unwrap();
        let appended = next.wait_until_caught_up();
        timeout(TEST_TIMEOUT, appended).await.unwrap().unwrap();
        // The append completes in the runtime of its caller.
        while next.load::<Account>(&account("a")).await.unwrap().balance != 11 {
            tokio::task::yield_now().await;
        }
    });
}

/// The other way round: the runtime of a caller ends, and the commands of the app go on.
#[test]
fn commands_continue_after_the_runtime_of_another_caller() {
    let (first, second) = (new_runtime(), new_runtime());
    let store = Arc::new(FaultyStore::new([]));
    let app = first.block_on(App::builder(Arc::clone(&store)).start()).unwrap();
    first.block_on(app.execute(deposit("a", 1)).into_future()).unwrap();
    store.plan([Fault::Held]);
    second.block_on(async {
        tokio::spawn(app.execute(deposit("a", 10)).into_future());
        store.held.acquire().await.unwrap().forget();
    });
    drop(second);
    first.block_on(timeout_of(app.execute(deposit("a", 100)).into_future())).unwrap();
    assert_eq!(
        first.block_on(timeout_of(app.load::<Account>(&account("a")).into_future())).unwrap().balance,
        101
    );
}

async fn timeout_of<T>(call: impl Future<Output = T>) -> T {
    timeout(TEST_TIMEOUT, call).await.unwrap()
}
