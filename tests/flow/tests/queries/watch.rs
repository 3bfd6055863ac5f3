//! Watched queries: each new answer is returned, whatever happens in between.

use std::{
    fmt::Debug,
    pin::pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, Waker},
    time::Duration,
};

use annalist::{App, Error, Memory, prelude::*, projection::ProjectionOptions, query::ReadModels};
use annalist_flow_tests::read_model::{Balance, EventCount};

use super::{Accounts, balance_and_count, balance_of, gated_rows::GatedRows, names, on_each_store, pay};

/// Polls once for an answer. In memory a new answer is available immediately.
fn poll_once<T>(next: impl Future<Output = T>) -> Option<T> {
    match pin!(next).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => Some(answer),
        Poll::Pending => None,
    }
}

#[track_caller]
fn assert_no_answer<T: Debug>(next: impl Future<Output = T>) {
    let answer = poll_once(next);
    assert!(answer.is_none(), "{answer:?}");
}

async fn gated() -> (Arc<GatedRows>, App) {
    let rows = Arc::new(GatedRows::new());
    let app =
        App::builder(Memory::new()).rows(Arc::clone(&rows)).projection::<Balance>().start().await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    (rows, app)
}

#[tokio::test]
async fn watch_returns_the_current_answer_and_then_each_change() {
    on_each_store(async |builder| {
        let app = builder.projection::<Balance>().start().await.unwrap();
        let mut watched = app.watch(balance_of("a"));
        assert_eq!(watched.next().await.unwrap(), None);
        for round in 1..=20 {
            // Changes of other rows cause no answer.
            pay(&app, "b", 1).await;
            pay(&app, "a", 2).await;
            let row = watched.next().await.unwrap().unwrap();
            assert_eq!((row.cents, row.events), (2 * round, round));
        }
    })
    .await;
}

#[tokio::test]
async fn several_changes_at_once_are_one_answer() {
    let (_, app) = gated().await;
    let mut watched = app.watch(Accounts::default());
    assert_eq!(watched.next().await.unwrap().rows, []);
    for name in ["a", "b", "c"] {
        pay(&app, name, 1).await;
    }
    app.wait_until_caught_up().await.unwrap();
    assert_eq!(names(&watched.next().await.unwrap()), ["a", "b", "c"]);
    assert_no_answer(watched.next());
    pay(&app, "d", 1).await;
    app.wait_until_caught_up().await.unwrap();
    // The page is full, and now there is a next one.
    assert!(watched.next().await.unwrap().next.is_some());
}

#[tokio::test]
async fn cancelled_next_loses_no_answer() {
    let (rows, app) = gated().await;
    let mut watched = app.watch(Accounts::default());
    // Dropped during the first query, and while it waits.
    rows.queries.close();
    assert_no_answer(watched.next());
    rows.queries.open();
    assert_eq!(names(&watched.next().await.unwrap()), [""; 0]);
    assert_no_answer(watched.next());
    // Dropped during the query after a wake-up.
    rows.queries.close();
    pay(&app, "a", 1).await;
    app.wait_until_caught_up().await.unwrap();
    assert_no_answer(watched.next());
    rows.queries.open();
    assert_eq!(names(&watched.next().await.unwrap()), ["a"]);
    assert_no_answer(watched.next());
}

/// A change is committed after the rows were read and before the answer is returned. A watch that subscribed only after
/// the answer would miss it, because the projection has already reported that it is caught up.
#[tokio::test]
async fn change_during_a_query_is_the_next_answer() {
    let (rows, app) = gated().await;
    let mut watched = app.watch(Accounts::default());
    rows.queries.close();
    let answer = tokio::spawn(async move { (watched.next().await.unwrap(), watched) });
    rows.queries.until_held().await;
    let receipt = pay(&app, "a", 1).await;
    app.wait_until_caught_up().await.unwrap();
    rows.queries.open();
    let (old, mut watched) = answer.await.unwrap();
    let [(_, status)] = &app.statuses()[..] else { panic!() };
    assert_eq!((names(&old).len(), status.position), (0, receipt.position()));
    assert_eq!(names(&poll_once(watched.next()).unwrap().unwrap()), ["a"]);
}

#[tokio::test]
async fn inline_rows_are_watched() {
    on_each_store(async |builder| {
        let app =
            builder.projection_with::<Balance>(ProjectionOptions::new().inline()).start().await.unwrap();
        let mut watched = app.watch(balance_of("a"));
        assert_eq!(watched.next().await.unwrap(), None);
        for round in 1..=20 {
            pay(&app, "b", 1).await;
            pay(&app, "a", 2).await;
            assert_eq!(watched.next().await.unwrap().unwrap().cents, 2 * round);
        }
    })
    .await;
}

#[tokio::test]
async fn watch_of_several_models_follows_each_of_them() {
    let slow = Arc::new(GatedRows::new());
    let builder = App::builder(Memory::new()).projection::<Balance>();
    let app = builder
        .projection_with::<EventCount>(ProjectionOptions::new().rows(Arc::clone(&slow)))
        .start()
        .await
        .unwrap();
    let mut watched = app.watch(balance_and_count("a"));
    assert_eq!(watched.next().await.unwrap(), (None, None));
    slow.commits.close();
    pay(&app, "a", 3).await;
    assert_eq!(watched.next().await.unwrap(), (Some(3), None));
    slow.commits.until_held().await;
    assert_no_answer(watched.next());
    slow.commits.open();
    assert_eq!(watched.next().await.unwrap(), (Some(3), Some(1)));
}

#[tokio::test(start_paused = true)]
async fn timeout_is_an_error_and_the_watch_continues() {
    let (rows, app) = gated().await;
    rows.commits.close();
    let receipt = pay(&app, "a", 3).await;
    let mut watched = app.watch(balance_of("a")).after(&receipt).timeout(Duration::from_secs(60));
    let error = watched.next().await.unwrap_err();
    assert!(matches!(error, Error::NotCaughtUp { projection: "balances", .. }), "{error:?}");
    assert_no_answer(watched.next());
    assert!(!watched.is_over());
    rows.commits.open();
    assert_eq!(watched.next().await.unwrap().unwrap().cents, 3);
}

/// A change is not lost when its query fails: the watch queries again without another change.
#[tokio::test(start_paused = true)]
async fn query_is_repeated_while_the_store_is_unavailable() {
    let (rows, app) = gated().await;
    let mut watched = app.watch(Accounts::default());
    assert_eq!(names(&watched.next().await.unwrap()), [""; 0]);
    rows.unavailable.store(true, Ordering::SeqCst);
    pay(&app, "a", 1).await;
    app.wait_until_caught_up().await.unwrap();
    for _ in 0..20 {
        assert!(watched.next().await.unwrap_err().is_unavailable());
    }
    // It does not spin: it pauses before the next query.
    assert_no_answer(watched.next());
    rows.unavailable.store(false, Ordering::SeqCst);
    assert_eq!(names(&watched.next().await.unwrap()), ["a"]);
    assert_no_answer(watched.next());
}

#[tokio::test]
async fn stopped_projection_is_reported_once() {
    let builder = App::builder(Memory::new()).projection::<Balance>().projection::<EventCount>();
    let app = builder.start().await.unwrap();
    let mut watched = app.watch(balance_and_count("a"));
    assert_eq!(watched.next().await.unwrap(), (None, None));
    let poison = pay(&app, "a", 5000).await;
    let (mut answers, mut errors) = (Vec::new(), Vec::new());
    // The two models report in any order.
    while answers.is_empty() || errors.is_empty() {
        match watched.next().await {
            Ok(answer) => answers.push(answer),
            Err(error) => errors.push(error),
        }
    }
    assert_eq!(answers, [(Some(5000), None)]);
    let Error::NotCaughtUp { projection: "event_counts", wanted, .. } = errors[0] else {
        panic!("{errors:?}")
    };
    assert_eq!(wanted, poison.position());
    assert!(errors[0].to_string().contains("cannot handle a deposit of 5000"), "{errors:?}");
    assert_no_answer(watched.next());
    assert!(!watched.is_over());
    pay(&app, "a", 1).await;
    assert_eq!(watched.next().await.unwrap(), (Some(5001), None));
    // A watch that starts now gets the report too, after its answer.
    let mut later = app.watch(balance_and_count("a"));
    assert_eq!(later.next().await.unwrap(), (Some(5001), None));
    assert!(matches!(later.next().await, Err(Error::NotCaughtUp { .. })));
    assert_no_answer(later.next());
}

#[tokio::test]
async fn watch_ends_with_the_app() {
    for dropped in [false, true] {
        let (_rows, app) = gated().await;
        let mut watched = app.watch(balance_of("a"));
        pay(&app, "a", 1).await;
        app.wait_until_caught_up().await.unwrap();
        assert_eq!(watched.next().await.unwrap().unwrap().cents, 1);
        let waiting = tokio::spawn(async move { (watched.next().await.unwrap_err(), watched) });
        tokio::task::yield_now().await;
        if dropped {
            drop(app);
        } else {
            app.stop();
        }
        let (error, mut watched) = waiting.await.unwrap();
        for error in [error, watched.next().await.unwrap_err()] {
            assert!(matches!(error, Error::Unusable { .. }), "{error:?}");
            assert!(
                error.to_string().contains("BalanceOf") && error.to_string().contains("stopped"),
                "{error}"
            );
        }
        assert!(watched.is_over());
    }
}

/// A query without read models.
struct Constant;

impl Query for Constant {
    type Answer = u8;

    async fn answer(&self, _: &ReadModels) -> Result<u8, Error> {
        Ok(7)
    }
}

#[tokio::test]
async fn watch_of_query_without_read_models_ends_after_first_answer() {
    let (_rows, app) = gated().await;
    let mut watched = app.watch(Constant);
    assert_eq!(watched.next().await.unwrap(), 7);
    assert!(watched.is_over());
    let error = watched.next().await.unwrap_err().to_string();
    assert!(error.contains("Constant") && error.contains("no read model"), "{error}");
    let mut missing = app.watch(balance_and_count("a"));
    assert!(missing.next().await.unwrap_err().to_string().contains(".projection::<"));
}
