//! Inline projections: their rows change in the transactions of the appends, in one program or several.
#![allow(clippy::unwrap_used)] // in the helpers too

use std::time::Duration;

use annalist::{
    Memory, Position,
    app::Builder,
    prelude::*,
    projection::{Projection, ProjectionOptions, State, Status},
    store::Build,
};
use annalist_flow_tests::{
    domain::{account, deposit, transfer_of},
    faulty_rows::{FaultPoint, RowFault},
    test_log::{TEST_TIMEOUT, TestLog, on_each_log, wait_until},
    versions::{Changed, Strict, Tally},
};

async fn pay(app: &App, name: &str, amount: u64) -> Receipt {
    app.execute(deposit(name, amount)).await.unwrap()
}

fn with_inline<P: Projection>(builder: Builder) -> Builder {
    builder.projection_with::<P>(ProjectionOptions::new().inline())
}

async fn started_app<P: Projection>(log: &TestLog) -> App {
    let app = with_inline::<P>(log.app().await).start().await.unwrap();
    wait_until(&app, "tallies", |status| status.state == State::Inline).await;
    app
}

macro_rules! sum {
    ($app:expr, $row:ident, $name:literal $(, $after:expr)?) => {
        $app.find::<$row>(&account($name))$(.after($after))?.await.unwrap().map(|row| row.sum)
    };
}

async fn builds(app: &App) -> Vec<Build> {
    let overview = app.overview().await.unwrap();
    overview.into_iter().find(|one| one.name == "tallies").unwrap().builds
}

#[tokio::test]
async fn row_includes_a_command_when_it_returns() {
    on_each_log(async |log| {
        // From the first command of a new store on, without waiting.
        let app = with_inline::<Tally>(log.app().await).start().await.unwrap();
        for round in 1..=30 {
            pay(&app, "a", 1).await;
            assert_eq!(sum!(app, Tally, "a"), Some(round));
        }
        app.execute(transfer_of("a", "b", 10)).await.unwrap();
        assert_eq!((sum!(app, Tally, "a"), sum!(app, Tally, "b")), (Some(20), Some(10)));
        let [only] = builds(&app).await.try_into().unwrap();
        assert!(only.live && only.inline, "{only:?}");
    })
    .await;
}

/// The control: in the background, a row may be older than the response.
#[tokio::test]
async fn row_in_the_background_may_lag_behind_a_command() {
    on_each_log(async |log| {
        let (builder, rows) = log.app_with_faulty_rows().await;
        let app = builder.projection::<Tally>().start().await.unwrap();
        app.wait_until_caught_up().await.unwrap();
        rows.plan(FaultPoint::Commits(1, 0), RowFault::Held);
        pay(&app, "a", 1).await;
        assert_eq!(sum!(app, Tally, "a"), None);
    })
    .await;
}

#[tokio::test]
async fn event_that_cannot_be_folded_is_refused() {
    on_each_log(async |log| {
        let app = started_app::<Strict>(log).await;
        pay(&app, "a", 1).await;
        let error = app.execute(deposit("a", 5000)).await.unwrap_err();
        assert!(matches!(error, ExecuteError::Invalid(_)), "{error:?}");
        let text = error.to_string();
        for expected in [
            "account.deposited",
            "the inline projection `tallies` failed on it",
            "cannot handle a payment of 5000",
        ] {
            assert!(text.contains(expected), "{text}");
        }
        let receipt = pay(&app, "a", 2).await;
        assert_eq!((receipt.position(), sum!(app, Strict, "a")), (Position::new(2), Some(3)));
    })
    .await;
}

#[tokio::test]
async fn several_apps_maintain_one_inline_projection() {
    on_each_log(async |log| {
        let (one, other) = (started_app::<Tally>(log).await, started_app::<Tally>(log).await);
        let paying = async |app: &App| {
            for _ in 0..25 {
                pay(app, "a", 1).await;
                pay(app, "b", 1).await;
            }
        };
        tokio::join!(paying(&one), paying(&other), paying(&one), paying(&other));
        for app in [&one, &other] {
            assert_eq!((sum!(app, Tally, "a"), sum!(app, Tally, "b")), (Some(100), Some(100)));
        }
    })
    .await;
}

#[tokio::test]
async fn program_without_the_inline_projection_is_refused_with_the_fix() {
    on_each_log(async |log| {
        let app = started_app::<Tally>(log).await;
        let other = log.app().await.start().await.unwrap();
        let error = other.execute(deposit("a", 1)).await.unwrap_err().to_string();
        for expected in ["`tallies` version 1", "this program does not", "ProjectionOptions::new().inline()"]
        {
            assert!(error.contains(expected), "{error}");
        }
        assert_eq!((sum!(app, Tally, "a"), app.journal(0, 1).await.unwrap().len()), (None, 0));
        pay(&app, "a", 2).await;
        assert_eq!(sum!(app, Tally, "a"), Some(2));
    })
    .await;
}

/// A program with the projection in the background makes it asynchronous: at its start, and with its appends. None is refused.
#[tokio::test]
async fn programs_with_inline_and_async_modes_both_make_progress() {
    on_each_log(async |log| {
        let app = started_app::<Tally>(log).await;
        let other = log.app().await.projection::<Tally>().start().await.unwrap();
        let mut paid = 0;
        for _ in 0..10 {
            pay(&other, "a", 1).await;
            let receipt = pay(&app, "a", 1).await;
            paid += 2;
            assert_eq!(sum!(app, Tally, "a", &receipt), Some(paid));
            assert_eq!(sum!(other, Tally, "a", &receipt), Some(paid));
        }
        app.shut_down().await;
        // The remaining program decides the mode.
        pay(&other, "a", 1).await;
        wait_until(&other, "tallies", |status| status.state != State::Inline).await;
        let receipt = pay(&other, "a", 1).await;
        assert_eq!(sum!(other, Tally, "a", &receipt), Some(paid + 2));
    })
    .await;
}

/// A process that has not noticed yet that the rows are no longer inline still waits for the receipt.
#[tokio::test]
async fn rows_that_are_no_longer_inline_are_awaited() {
    on_each_log(async |log| {
        let app = started_app::<Tally>(log).await;
        pay(&app, "a", 1).await;
        let process = log.process().await;
        let writer = process.app().start().await.unwrap();
        process.rows.make_async(&Tally::TABLE).await.unwrap();
        // The app may make it inline again first: then the writer is refused, and repeats both steps.
        let receipt = loop {
            match writer.execute(deposit("a", 2)).await {
                Ok(receipt) => break receipt,
                Err(_) => drop(process.rows.make_async(&Tally::TABLE).await.unwrap()),
            }
        };
        assert_eq!(sum!(app, Tally, "a", &receipt), Some(3));
    })
    .await;
}

#[tokio::test]
async fn changes_of_the_mode_between_starts_count_each_event_once() {
    on_each_log(async |log| {
        let mut paid = 0;
        for round in 0..8 {
            let builder = log.app().await;
            let app = match round % 2 {
                0 => builder.projection::<Tally>(),
                _ => with_inline::<Tally>(builder),
            };
            let app = app.start().await.unwrap();
            // From the start, during the change of the mode, and until the shutdown gate closes.
            let paying = async {
                let mut paid = 0;
                while app.execute(deposit("a", 1)).await.is_ok() {
                    paid += 1;
                    tokio::task::yield_now().await;
                }
                paid
            };
            let shutdown = async {
                let wanted = |status: &Status| (status.state == State::Inline) == (round % 2 == 1);
                wait_until(&app, "tallies", wanted).await;
                app.shut_down().await;
            };
            let (one, other, ()) = tokio::join!(paying, async { pay(&app, "b", 1).await }, shutdown);
            let _: Receipt = other;
            paid += one;
        }
        let app = started_app::<Tally>(log).await;
        assert_eq!((sum!(app, Tally, "a"), sum!(app, Tally, "b")), (Some(paid), Some(8)));
    })
    .await;
}

#[tokio::test]
async fn rebuild_is_inline_when_it_is_promoted() {
    on_each_log(async |log| {
        let app = started_app::<Tally>(log).await;
        let other = started_app::<Tally>(log).await;
        let mut paid = 0;
        for build in 1..=3 {
            app.rebuild("tallies").await.unwrap();
            while builds(&app).await.iter().find(|one| one.live).unwrap().build < build {
                // Each process may promote the build, which the other one notices later: a query waits with the receipt.
                let receipt = pay(&app, "a", 1).await;
                paid += 1;
                assert_eq!(sum!(app, Tally, "a", &receipt), Some(paid), "build {build}");
                let receipt = pay(&other, "a", 1).await;
                paid += 1;
                assert_eq!(sum!(other, Tally, "a", &receipt), Some(paid), "build {build}");
            }
        }
        for app in [&app, &other] {
            let is_promoted = |status: &Status| {
                status.reads.is_some_and(|table| table.build == 3) && status.state == State::Inline
            };
            wait_until(app, "tallies", is_promoted).await;
            assert_eq!(sum!(app, Tally, "a"), Some(paid));
        }
        let inline: Vec<_> =
            builds(&app).await.iter().filter(|build| build.inline).map(Build::order).collect();
        assert_eq!(inline, [(1, 3)]);
    })
    .await;
}

#[tokio::test]
async fn rebuild_that_differs_is_not_inline_until_it_is_promoted() {
    on_each_log(async |log| {
        let app = started_app::<Tally>(log).await;
        pay(&app, "a", 1).await;
        app.shut_down().await;
        let options = ProjectionOptions::new().inline().compare();
        let app = log.app().await.projection_with::<Changed>(options).start().await.unwrap();
        app.rebuild("tallies").await.unwrap();
        let status = wait_until(&app, "tallies", |status| status.promotion_blocked.is_some()).await;
        assert!(status.promotion_blocked.as_ref().unwrap().contains("1 changed"), "{status:?}");
        assert_eq!((status.reads.unwrap().build, status.state), (0, State::Inline));
        pay(&app, "a", 1).await;
        assert_eq!(sum!(app, Changed, "a"), Some(1001));
        let inline: Vec<_> =
            builds(&app).await.iter().filter(|build| build.inline).map(Build::order).collect();
        assert_eq!(inline, [(1, 0)]);

        app.promote("tallies").await.unwrap();
        let receipt = pay(&app, "a", 1).await;
        wait_until(&app, "tallies", |status| status.reads.is_some_and(|table| table.build == 1)).await;
        assert_eq!(sum!(app, Changed, "a", &receipt), Some(3000));
        wait_until(&app, "tallies", |status| status.state == State::Inline).await;
        pay(&app, "a", 1).await;
        assert_eq!(sum!(app, Changed, "a"), Some(4000));
    })
    .await;
}

/// Earlier events are folded in the background first, and a poison event stops the projection there.
#[tokio::test]
async fn earlier_poison_event_stops_the_projection_before_it_is_inline() {
    on_each_log(async |log| {
        let writer = log.app().await.start().await.unwrap();
        pay(&writer, "a", 5000).await;
        let app = with_inline::<Strict>(log.app().await).start().await.unwrap();
        let status = wait_until(&app, "tallies", |status| matches!(status.state, State::Stopped(_))).await;
        let State::Stopped(stopped) = status.state else { unreachable!() };
        assert_eq!(stopped.position, Some(Position::new(1)));
        // Other programs still append.
        pay(&writer, "b", 1).await;
        app.shut_down().await;

        let app = started_app::<Tally>(log).await;
        assert_eq!((sum!(app, Tally, "a"), sum!(app, Tally, "b")), (Some(5000), Some(1)));
    })
    .await;
}

/// Parked events have to be handled or discarded before a projection becomes inline.
#[tokio::test]
async fn parked_events_prevent_inline_mode() {
    on_each_log(async |log| {
        let writer = log.app().await.start().await.unwrap();
        pay(&writer, "a", 5000).await;
        let options = ProjectionOptions::new().inline().park();
        let app = log.app().await.projection_with::<Strict>(options).start().await.unwrap();
        let receipt = pay(&app, "b", 1).await;
        assert_eq!(sum!(app, Strict, "b", &receipt), Some(1));
        assert_ne!(wait_until(&app, "tallies", |status| status.parked == 1).await.state, State::Inline);
        assert!(app.discard_parked("tallies", Position::new(1)).await.unwrap());
        wait_until(&app, "tallies", |status| status.state == State::Inline).await;
        pay(&app, "b", 1).await;
        assert_eq!(sum!(app, Strict, "b"), Some(2));
    })
    .await;
}

#[tokio::test]
async fn inline_rows_are_in_the_store_of_the_events() {
    let other_store = Memory::new();
    let options = ProjectionOptions::new().rows(other_store.clone()).inline();
    let app = App::builder(Memory::new()).projection_with::<Tally>(options).start().await.unwrap();
    pay(&app, "a", 1).await;
    assert_eq!(app.find::<Tally>(&account("a")).timeout(Duration::ZERO).await.unwrap().unwrap().sum, 1);
    assert!(annalist::store::RowStore::builds(&other_store, "tallies").await.unwrap().is_empty());
    app.wait_for_position("tallies", Position::new(1), TEST_TIMEOUT).await.unwrap();
}
