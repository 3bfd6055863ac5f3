//! Questions that are watched: each new answer comes, whatever happens in between.

use std::{
    fmt::Debug,
    pin::pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, Waker},
    time::Duration,
};

use annalist::{
    App, Error, Memory,
    ask::{Watchable, Watched},
    manual::ReadModels,
    prelude::*,
    projection::ProjectionOptions,
};
use annalist_flow_tests::read_model::{Balance, Believed};

use super::{Accounts, balance_of, both, gated::Gated, names, on_each_store, pay};

/// Looks once whether there is an answer. In memory everything that can be known is known at once.
fn look<Q: Query<Answer: Watchable + Debug>>(watched: &mut Watched<Q>) -> Option<Result<Q::Answer, Error>> {
    match pin!(watched.next()).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => Some(answer),
        Poll::Pending => None,
    }
}

#[track_caller]
fn nothing_new<Q: Query<Answer: Watchable + Debug>>(watched: &mut Watched<Q>) {
    let news = look(watched);
    assert!(news.is_none(), "{news:?}");
}

async fn gated() -> (Arc<Gated>, App) {
    let rows = Arc::new(Gated::new());
    let app =
        App::builder(Memory::new()).rows(Arc::clone(&rows)).projection::<Balance>().start().await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    (rows, app)
}

#[tokio::test]
async fn the_answer_now_comes_first_and_then_each_other_one() {
    on_each_store(async |builder| {
        let app = builder.projection::<Balance>().start().await.unwrap();
        let mut watched = app.watch(balance_of("a"));
        assert_eq!(watched.next().await.unwrap(), None);
        for round in 1..=20 {
            // Others move the rows too, and give no answer.
            pay(&app, "b", 1).await;
            pay(&app, "a", 2).await;
            let row = watched.next().await.unwrap().unwrap();
            assert_eq!((row.cents, row.events), (2 * round, round));
        }
    })
    .await;
}

#[tokio::test]
async fn a_burst_is_one_answer() {
    let (_, app) = gated().await;
    let mut watched = app.watch(Accounts::default());
    assert_eq!(watched.next().await.unwrap().rows, []);
    for name in ["a", "b", "c"] {
        pay(&app, name, 1).await;
    }
    app.wait_until_caught_up().await.unwrap();
    assert_eq!(names(&watched.next().await.unwrap()), ["a", "b", "c"]);
    nothing_new(&mut watched);
    pay(&app, "d", 1).await;
    app.wait_until_caught_up().await.unwrap();
    // The page is full, and only now there is a next one.
    assert!(watched.next().await.unwrap().next.is_some());
}

#[tokio::test]
async fn who_stops_waiting_loses_nothing() {
    let (rows, app) = gated().await;
    let mut watched = app.watch(Accounts::default());
    // Dropped while it asks for the first time, and while it waits.
    rows.questions.close();
    nothing_new(&mut watched);
    rows.questions.let_go();
    assert_eq!(names(&watched.next().await.unwrap()), [""; 0]);
    nothing_new(&mut watched);
    // Dropped while it asks for what it was woken for.
    rows.questions.close();
    pay(&app, "a", 1).await;
    app.wait_until_caught_up().await.unwrap();
    nothing_new(&mut watched);
    rows.questions.let_go();
    assert_eq!(names(&watched.next().await.unwrap()), ["a"]);
    nothing_new(&mut watched);
}

/// A change comes after the rows were read and before the answer is there. Who began to listen with the answer would
/// never hear of it: by then the projection has told that it is at the end.
#[tokio::test]
async fn a_change_while_the_question_is_answered_is_news() {
    let (rows, app) = gated().await;
    let mut watched = app.watch(Accounts::default());
    rows.questions.close();
    let answer = tokio::spawn(async move { (watched.next().await.unwrap(), watched) });
    rows.questions.reached().await;
    let receipt = pay(&app, "a", 1).await;
    app.wait_until_caught_up().await.unwrap();
    rows.questions.let_go();
    let (old, mut watched) = answer.await.unwrap();
    let [(_, status)] = &app.statuses()[..] else { panic!() };
    assert_eq!((names(&old).len(), status.position), (0, receipt.position()));
    assert_eq!(names(&look(&mut watched).unwrap().unwrap()), ["a"]);
}

#[tokio::test]
async fn rows_that_change_with_the_appends_are_watched_too() {
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
async fn an_answer_of_several_models_follows_each_of_them() {
    let slow = Arc::new(Gated::new());
    let builder = App::builder(Memory::new()).projection::<Balance>();
    let app = builder.projection_in::<Believed>(Arc::clone(&slow)).start().await.unwrap();
    let mut watched = app.watch(both("a"));
    assert_eq!(watched.next().await.unwrap(), (None, None));
    slow.changes.close();
    pay(&app, "a", 3).await;
    assert_eq!(watched.next().await.unwrap(), (Some(3), None));
    slow.changes.reached().await;
    nothing_new(&mut watched);
    slow.changes.let_go();
    assert_eq!(watched.next().await.unwrap(), (Some(3), Some(1)));
}

#[tokio::test(start_paused = true)]
async fn a_missed_deadline_is_an_error_and_the_watch_goes_on() {
    let (rows, app) = gated().await;
    rows.changes.close();
    let receipt = pay(&app, "a", 3).await;
    let mut watched = app.watch(balance_of("a")).after(&receipt).timeout(Duration::from_secs(60));
    let error = watched.next().await.unwrap_err();
    assert!(matches!(error, Error::NotCaughtUp { projection: "balances", .. }), "{error:?}");
    nothing_new(&mut watched);
    assert!(!watched.is_over());
    rows.changes.let_go();
    assert_eq!(watched.next().await.unwrap().unwrap().cents, 3);
}

/// The change that it was woken for is not lost with the answer: it asks again although nothing else moves.
#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_answer_is_asked_again() {
    let (rows, app) = gated().await;
    let mut watched = app.watch(Accounts::default());
    assert_eq!(names(&watched.next().await.unwrap()), [""; 0]);
    rows.down.store(true, Ordering::SeqCst);
    pay(&app, "a", 1).await;
    app.wait_until_caught_up().await.unwrap();
    for _ in 0..20 {
        assert!(watched.next().await.unwrap_err().is_unavailable());
    }
    // It does not spin: there is a pause before it asks again.
    nothing_new(&mut watched);
    rows.down.store(false, Ordering::SeqCst);
    assert_eq!(names(&watched.next().await.unwrap()), ["a"]);
    nothing_new(&mut watched);
}

#[tokio::test]
async fn a_projection_that_stands_still_says_so_once() {
    let builder = App::builder(Memory::new()).projection::<Balance>().projection::<Believed>();
    let app = builder.start().await.unwrap();
    let mut watched = app.watch(both("a"));
    assert_eq!(watched.next().await.unwrap(), (None, None));
    let poison = pay(&app, "a", 5000).await;
    let (mut answers, mut errors) = (Vec::new(), Vec::new());
    // The two models tell in any order.
    while answers.is_empty() || errors.is_empty() {
        match watched.next().await {
            Ok(answer) => answers.push(answer),
            Err(error) => errors.push(error),
        }
    }
    assert_eq!(answers, [(Some(5000), None)]);
    let Error::NotCaughtUp { projection: "believed", wanted, .. } = errors[0] else { panic!("{errors:?}") };
    assert_eq!(wanted, poison.position());
    assert!(errors[0].to_string().contains("nobody deposits 5000"), "{errors:?}");
    nothing_new(&mut watched);
    assert!(!watched.is_over());
    pay(&app, "a", 1).await;
    assert_eq!(watched.next().await.unwrap(), (Some(5001), None));
    // A watch that begins now is told too, after its answer.
    let mut later = app.watch(both("a"));
    assert_eq!(later.next().await.unwrap(), (Some(5001), None));
    assert!(matches!(later.next().await, Err(Error::NotCaughtUp { .. })));
    nothing_new(&mut later);
}

#[tokio::test]
async fn a_watch_ends_with_the_app() {
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

/// Knows its answer without looking.
struct Alone;

impl Query for Alone {
    type Answer = u8;

    async fn answer(&self, _: &ReadModels) -> Result<u8, Error> {
        Ok(7)
    }
}

#[tokio::test]
async fn an_answer_from_nowhere_is_given_once_and_not_waited_for() {
    let (_rows, app) = gated().await;
    let mut watched = app.watch(Alone);
    assert_eq!(watched.next().await.unwrap(), 7);
    assert!(watched.is_over());
    let error = watched.next().await.unwrap_err().to_string();
    assert!(error.contains("Alone") && error.contains("no read model"), "{error}");
    let mut missing = app.watch(both("a"));
    assert!(missing.next().await.unwrap_err().to_string().contains(".projection::<"));
}
