//! Apps that are used after the runtime in which they were started, as from a `static` that several tests share.

use std::{fmt::Debug, pin::Pin, task::Poll, time::Duration};

use annalist::{
    App, Criteria, Error, ExecuteError, Position, Query, Timestamp,
    app::Builder,
    projection::State,
    query::{QueryWatch, ReadModels},
};
use tokio::{
    runtime::{self, Runtime},
    sync::oneshot,
    time::{Instant, timeout},
};

use crate::{
    domain::{Account, AccountEvent, account, deposit},
    policies::{Bonus, CallCounter},
    read_model::Balance,
    test_log::TEST_TIMEOUT,
};

/// The balance of `a`.
#[derive(Clone, Copy, Debug)]
struct BalanceOfA;

impl Query for BalanceOfA {
    type Answer = Option<Balance>;

    async fn answer(&self, models: &ReadModels) -> Result<Self::Answer, Error> {
        models.find::<Balance>(&account("a")).await
    }
}

/// A new runtime of one thread.
#[allow(clippy::unwrap_used)]
pub fn new_runtime() -> Runtime {
    runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// An app with a projection and a policy that have handled an event, and a query that has been answered once.
#[allow(clippy::unwrap_used)]
async fn start(builder: impl Future<Output = Builder>) -> (App, QueryWatch<BalanceOfA>) {
    let policy = Bonus { calls: CallCounter::default() };
    let app = builder.await.projection::<Balance>().policy(policy).start().await.unwrap();
    app.execute(deposit("a", 5)).await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    let mut watch = app.watch(BalanceOfA);
    watch.next().await.unwrap();
    (app, watch)
}

/// Checks that a call ends with the error of an ended runtime.
#[track_caller]
fn assert_ended<T: Debug>(result: Result<T, Error>) {
    match result {
        Err(Error::RuntimeEnded { operation }) => assert!(!operation.is_empty()),
        other => panic!("{other:?}"),
    }
}

/// The error of a command, as that of another call.
fn error_of<T, E: Debug>(result: Result<T, ExecuteError<E>>) -> Result<T, Error> {
    result.map_err(|error| match error {
        ExecuteError::Unavailable(error) | ExecuteError::OutcomeUnknown(error) => error,
        error => panic!("{error:?}"),
    })
}

/// Every call of an app ends at once with the error, and no status is that of a running projection.
///
/// # Panics
/// If a call has another result.
#[allow(clippy::unwrap_used)]
pub fn check_calls_after_the_end(builder: impl Future<Output = Builder>) {
    let first = new_runtime();
    let ((app, mut watch), mut feed) = first.block_on(async {
        let started = start(builder).await;
        let feed = started.0.feed(Criteria::all());
        (started, feed)
    });
    let receipt = first.block_on(app.execute(deposit("a", 5)).into_future()).unwrap();
    drop(first);

    // The clock moves only if a call waits for it.
    let paused = runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    paused.block_on(async {
        let (began, id) = (Instant::now(), account("a"));
        for _ in 0..2 {
            assert_ended(error_of(app.execute(deposit("a", 5)).await));
            assert_ended(error_of(app.execute(deposit("a", 5)).id("deposit-1").await));
            assert_ended(app.load::<Account>(&id).await);
            assert_ended(app.load::<Account>(&id).at(&receipt).await);
            assert_ended(app.live::<Balance>(&id).await);
            assert_ended(app.history::<AccountEvent>(&id).await);
            assert_ended(app.prefix_at(Timestamp::EPOCH).await);
            assert_ended(app.find::<Balance>(&id).await);
            assert_ended(app.find::<Balance>(&id).after(&receipt).await);
            assert_ended(app.list::<Balance>().await);
            assert_ended(app.list::<Balance>().count().await);
            assert_ended(app.list::<Balance>().sum("cents").await);
            assert_ended(app.ask(BalanceOfA).after(&receipt).await);
            assert_ended(app.watch(BalanceOfA).next().await);
            assert_ended(watch.next().await);
            assert!(watch.is_over());
            assert_ended(feed.poll().await);
            assert_ended(feed.next().await);
            feed.wait_for_more().await;
            assert_ended(app.feed(Criteria::all()).next().await);
            assert_ended(app.wait_until_caught_up().await);
            assert_ended(app.wait_for_position("balances", &receipt, TEST_TIMEOUT).await);
            assert_ended(app.wait_until("bonus", |_| true).await);
            assert_ended(app.wait_until("bonus", |_| false).await);
            assert_ended(app.overview().await);
            assert_ended(app.verify().await);
            assert_ended(app.rebuild("balances").await);
            assert_ended(app.promote("balances").await);
            assert_ended(app.discard_old_builds("balances").await);
            assert_ended(app.resume("bonus").await);
            assert_ended(app.parked("bonus").await);
            assert_ended(app.retry_parked("bonus").await);
            assert_ended(app.discard_parked("bonus", Position::new(1)).await);
            assert_ended(app.journal(0, 1).await);
            assert_ended(app.purge_command_ids().await);
            for (name, status) in app.statuses() {
                let State::Stopped(stopped) = status.state else { panic!("{name}: {:?}", status.state) };
                assert!(stopped.error.contains("the tokio runtime in which this app was started has ended"));
            }
            // The second time after a shutdown.
            app.shut_down().await;
        }
        assert_eq!(began.elapsed(), Duration::ZERO);
    });
    let error = paused.block_on(app.wait_until_caught_up()).unwrap_err().to_string();
    assert!(error.starts_with("wait until the app has caught up: the tokio runtime in which"), "{error}");
    assert!(error.contains("start the app again in each runtime"), "{error}");
}

type CallResult<'a> = Pin<Box<dyn Future<Output = Result<(), Error>> + 'a>>;

/// A call without its result.
fn call<'a, T>(call: impl Future<Output = Result<T, Error>> + 'a) -> CallResult<'a> {
    Box::pin(async move { call.await.map(drop) })
}

/// Calls that wait in another runtime when the runtime of the app ends, or when the app is shut down, end too.
///
/// # Panics
/// If a call has another result.
#[allow(clippy::unwrap_used)]
pub fn check_calls_in_flight(
    builder: impl Future<Output = Builder>,
    ends: impl FnOnce(&App, Runtime) -> bool,
) {
    let (first, second) = (new_runtime(), new_runtime());
    let (app, mut watch) = first.block_on(start(builder));
    let (long, id, mut feed) = (Duration::from_secs(3600), account("a"), app.feed(Criteria::all()));
    let mut calls: Vec<CallResult<'_>> = vec![
        call(app.find::<Balance>(&id).after(Position::END).timeout(long).into_future()),
        call(app.list::<Balance>().after(Position::END).timeout(long).into_future()),
        call(app.ask(BalanceOfA).after(Position::END).timeout(long).into_future()),
        call(app.wait_for_position("bonus", Position::END, long)),
        call(app.wait_until("bonus", |_| false)),
        call(watch.next()),
    ];
    let waiting = second.block_on(std::future::poll_fn(|context| {
        Poll::Ready(
            calls
                .iter_mut()
                .filter_map(|call| call.as_mut().poll(context).is_pending().then_some(()))
                .count(),
        )
    }));
    assert_eq!(waiting, calls.len());
    let runtime_ends = ends(&app, first);
    if runtime_ends {
        // Without a runtime end a feed goes on: other apps append too.
        calls.push(call(async move {
            feed.seek(Position::END);
            feed.next().await
        }));
    }
    second.block_on(async {
        for call in calls {
            let result = timeout(TEST_TIMEOUT, call).await.unwrap();
            match runtime_ends {
                true => assert_ended(result),
                false => assert!(result.unwrap_err().to_string().contains("the app was stopped")),
            }
        }
        // A shutdown afterwards ends too.
        timeout(TEST_TIMEOUT, app.shut_down()).await.unwrap();
    });
}

/// An app works on while runtimes that called it end.
///
/// # Panics
/// If a call fails.
#[allow(clippy::unwrap_used)]
pub fn check_calls_of_ended_runtimes(builder: impl Future<Output = Builder>) {
    let first = new_runtime();
    let (app, _) = first.block_on(start(builder));
    let calls = async || {
        let receipt = app.execute(deposit("a", 5)).await.unwrap();
        let find = app.find::<Balance>(&account("a")).after(&receipt).timeout(TEST_TIMEOUT);
        let found = find.await.unwrap().unwrap();
        assert_eq!(app.load::<Account>(&account("a")).await.unwrap().balance, found.cents.cast_unsigned());
        found.cents
    };
    for round in 1..=4 {
        let other = new_runtime();
        // The runtime of the app works meanwhile.
        std::thread::scope(|scope| {
            let (stop, stopped) = oneshot::channel::<()>();
            scope.spawn(|| first.block_on(stopped));
            other.block_on(calls());
            drop(stop);
        });
        drop(other);
        assert_eq!(first.block_on(calls()), 5 + 10 * round);
    }
    first.block_on(app.shut_down());
}
