//! Rows that change in the transactions of the appends: there when a command is answered, and right whoever keeps them.
#![allow(clippy::unwrap_used)] // in the helpers too

use std::time::Duration;

use annalist::{
    Memory, Position,
    app::Builder,
    prelude::*,
    projection::{Projection, ProjectionOptions, State, Status},
    rows::Build,
};
use annalist_flow_tests::{
    domain::{account, deposit, transfer_of},
    stage::{LONG, Stage, on_each, until},
    troubled::{Calls, Trouble},
    versions::{Changed, Strict, Tally, Tenths},
};

async fn pay(app: &App, name: &str, amount: u64) -> Receipt {
    app.execute(deposit(name, amount)).await.unwrap()
}

fn inline<P: Projection>(builder: Builder) -> Builder {
    builder.projection_with::<P>(ProjectionOptions::new().inline())
}

async fn started<P: Projection>(stage: &Stage) -> App {
    let app = inline::<P>(stage.app().await).start().await.unwrap();
    until(&app, "tallies", |status| status.state == State::Inline).await;
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
async fn a_row_is_there_when_its_command_is_answered() {
    on_each(async |stage| {
        // From the first command of a new store on, without waiting for anything.
        let app = inline::<Tally>(stage.app().await).start().await.unwrap();
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

/// The control: in the background, a row may come later than the answer.
#[tokio::test]
async fn in_the_background_it_may_come_later() {
    on_each(async |stage| {
        let (builder, rows) = stage.troubled_app().await;
        let app = builder.projection::<Tally>().start().await.unwrap();
        app.wait_until_caught_up().await.unwrap();
        rows.plan(Calls::Commits(1, 0), Trouble::Held);
        pay(&app, "a", 1).await;
        assert_eq!(sum!(app, Tally, "a"), None);
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_folded_is_not_accepted() {
    on_each(async |stage| {
        let app = started::<Strict>(stage).await;
        pay(&app, "a", 1).await;
        let error = app.execute(deposit("a", 5000)).await.unwrap_err();
        assert!(matches!(error, ExecuteError::Invalid(_)), "{error:?}");
        let text = error.to_string();
        for said in ["account.deposited", "the inline projection `tallies` failed on it", "nobody pays 5000"]
        {
            assert!(text.contains(said), "{text}");
        }
        let receipt = pay(&app, "a", 2).await;
        assert_eq!((receipt.position(), sum!(app, Strict, "a")), (Position::new(2), Some(3)));
    })
    .await;
}

#[tokio::test]
async fn several_apps_keep_it_together() {
    on_each(async |stage| {
        let (one, other) = (started::<Tally>(stage).await, started::<Tally>(stage).await);
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
async fn who_does_not_keep_it_is_refused_and_told_what_to_do() {
    on_each(async |stage| {
        let app = started::<Tally>(stage).await;
        let stranger = stage.app().await.start().await.unwrap();
        let error = stranger.execute(deposit("a", 1)).await.unwrap_err().to_string();
        for said in ["`tallies` version 1", "this program does not", "ProjectionOptions::new().inline()"] {
            assert!(error.contains(said), "{error}");
        }
        assert_eq!((sum!(app, Tally, "a"), app.journal(0, 1).await.unwrap().len()), (None, 0));
        pay(&app, "a", 2).await;
        assert_eq!(sum!(app, Tally, "a"), Some(2));
    })
    .await;
}

/// A program that keeps it in the background takes it out of the appends: when it is started, and when it was refused.
#[tokio::test]
async fn programs_that_disagree_both_go_on() {
    on_each(async |stage| {
        let app = started::<Tally>(stage).await;
        let other = stage.app().await.projection::<Tally>().start().await.unwrap();
        let mut paid = 0;
        for _ in 0..10 {
            insist(&other).await;
            let receipt = pay(&app, "a", 1).await;
            paid += 2;
            assert_eq!(sum!(app, Tally, "a", &receipt), Some(paid));
            assert_eq!(sum!(other, Tally, "a", &receipt), Some(paid));
        }
        app.shut_down().await;
        // Whoever is left has it as it wants.
        insist(&other).await;
        until(&other, "tallies", |status| status.state != State::Inline).await;
        let receipt = pay(&other, "a", 1).await;
        assert_eq!(sum!(other, Tally, "a", &receipt), Some(paid + 2));
    })
    .await;
}

/// Pays until it is not refused.
async fn insist(app: &App) {
    while app.execute(deposit("a", 1)).await.is_err() {
        tokio::task::yield_now().await;
    }
}

/// A process that has not heard that the rows are no longer inline waits for them all the same.
#[tokio::test]
async fn nobody_reads_old_rows_as_inline_ones() {
    on_each(async |stage| {
        let app = started::<Tally>(stage).await;
        pay(&app, "a", 1).await;
        let process = stage.process().await;
        let writer = process.app().start().await.unwrap();
        process.rows.make_async(&Tally::TABLE).await.unwrap();
        // The app may be quick to take it back: then the writer is refused, and does it again.
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
async fn between_starts_it_goes_in_and_out_and_nothing_is_lost_or_counted_twice() {
    on_each(async |stage| {
        let mut paid = 0;
        for round in 0..8 {
            let builder = stage.app().await;
            let app = match round % 2 {
                0 => builder.projection::<Tally>(),
                _ => inline::<Tally>(builder),
            };
            let app = app.start().await.unwrap();
            // From the first moment on, while it goes in or out, and until the doors close.
            let paying = async {
                let mut paid = 0;
                while app.execute(deposit("a", 1)).await.is_ok() {
                    paid += 1;
                    tokio::task::yield_now().await;
                }
                paid
            };
            let ending = async {
                let wanted = |status: &Status| (status.state == State::Inline) == (round % 2 == 1);
                until(&app, "tallies", wanted).await;
                app.shut_down().await;
            };
            let (one, other, ()) = tokio::join!(paying, async { pay(&app, "b", 1).await }, ending);
            let _: Receipt = other;
            paid += one;
        }
        let app = started::<Tally>(stage).await;
        assert_eq!((sum!(app, Tally, "a"), sum!(app, Tally, "b")), (Some(paid), Some(8)));
    })
    .await;
}

#[tokio::test]
async fn a_rebuild_is_inline_when_it_takes_over() {
    on_each(async |stage| {
        let app = started::<Tally>(stage).await;
        let witness = started::<Tally>(stage).await;
        let mut paid = 0;
        for build in 1..=3 {
            app.rebuild("tallies").await.unwrap();
            while builds(&app).await.iter().find(|one| one.live).unwrap().build < build {
                pay(&app, "a", 1).await;
                paid += 1;
                assert_eq!(sum!(app, Tally, "a"), Some(paid), "build {build}");
                let receipt = pay(&witness, "a", 1).await;
                paid += 1;
                assert_eq!(sum!(witness, Tally, "a", &receipt), Some(paid), "build {build}");
            }
        }
        for app in [&app, &witness] {
            let is_there = |status: &Status| {
                status.reads.is_some_and(|table| table.build == 3) && status.state == State::Inline
            };
            until(app, "tallies", is_there).await;
            assert_eq!(sum!(app, Tally, "a"), Some(paid));
        }
        let inline: Vec<_> =
            builds(&app).await.iter().filter(|build| build.inline).map(Build::order).collect();
        assert_eq!(inline, [(1, 3)]);
    })
    .await;
}

#[tokio::test]
async fn a_rebuild_that_differs_leaves_the_appends_again() {
    on_each(async |stage| {
        let app = started::<Tally>(stage).await;
        pay(&app, "a", 1).await;
        app.shut_down().await;
        let keep = ProjectionOptions::new().inline().compare();
        let app = stage.app().await.projection_with::<Changed>(keep).start().await.unwrap();
        app.rebuild("tallies").await.unwrap();
        let status = until(&app, "tallies", |status| status.promotion_blocked.is_some()).await;
        assert!(status.promotion_blocked.as_ref().unwrap().contains("1 changed"), "{status:?}");
        assert_eq!((status.reads.unwrap().build, status.state), (0, State::Inline));
        pay(&app, "a", 1).await;
        assert_eq!(sum!(app, Changed, "a"), Some(1001));
        let inline: Vec<_> =
            builds(&app).await.iter().filter(|build| build.inline).map(Build::order).collect();
        assert_eq!(inline, [(1, 0)]);

        app.promote("tallies").await.unwrap();
        let receipt = pay(&app, "a", 1).await;
        until(&app, "tallies", |status| status.reads.is_some_and(|table| table.build == 1)).await;
        assert_eq!(sum!(app, Changed, "a", &receipt), Some(3000));
        until(&app, "tallies", |status| status.state == State::Inline).await;
        pay(&app, "a", 1).await;
        assert_eq!(sum!(app, Changed, "a"), Some(4000));
    })
    .await;
}

#[tokio::test]
async fn a_new_version_goes_inline_when_it_has_taken_over() {
    on_each(async |stage| {
        let old = started::<Tally>(stage).await;
        pay(&old, "a", 1).await;
        let new = inline::<Tenths>(stage.app().await).start().await.unwrap();
        // Both go on while it is made, as far as the new one is not inline yet.
        let mut paid = 1;
        loop {
            let Ok(receipt) = old.execute(deposit("a", 1)).await else { break };
            paid += 1;
            assert_eq!(sum!(old, Tally, "a", &receipt), Some(paid));
        }
        until(&new, "tallies", |status| status.state == State::Inline).await;
        pay(&new, "a", 1).await;
        assert_eq!(sum!(new, Tenths, "a"), Some(10 * (paid + 1)));
        let error = old.execute(deposit("a", 1)).await.unwrap_err().to_string();
        assert!(error.contains("`tallies` version 2"), "{error}");
        // What it reads is its own, in the background.
        old.wait_until_caught_up().await.unwrap();
        assert_eq!(sum!(old, Tally, "a"), Some(paid + 1));
    })
    .await;
}

/// What lies behind is folded in the background first, and stops there if it must.
#[tokio::test]
async fn an_old_poison_event_is_told_before_anything_goes_inline() {
    on_each(async |stage| {
        let writer = stage.app().await.start().await.unwrap();
        pay(&writer, "a", 5000).await;
        let app = inline::<Strict>(stage.app().await).start().await.unwrap();
        let status = until(&app, "tallies", |status| matches!(status.state, State::Stopped(_))).await;
        let State::Stopped(stopped) = status.state else { unreachable!() };
        assert_eq!(stopped.position, Some(Position::new(1)));
        // It hinders nobody.
        pay(&writer, "b", 1).await;
        app.shut_down().await;

        let app = started::<Tally>(stage).await;
        assert_eq!((sum!(app, Tally, "a"), sum!(app, Tally, "b")), (Some(5000), Some(1)));
    })
    .await;
}

/// What is parked has to be taken or given up before a projection goes inline.
#[tokio::test]
async fn what_is_parked_keeps_it_in_the_background() {
    on_each(async |stage| {
        let writer = stage.app().await.start().await.unwrap();
        pay(&writer, "a", 5000).await;
        let keep = ProjectionOptions::new().inline().park();
        let app = stage.app().await.projection_with::<Strict>(keep).start().await.unwrap();
        let receipt = pay(&app, "b", 1).await;
        assert_eq!(sum!(app, Strict, "b", &receipt), Some(1));
        assert_ne!(until(&app, "tallies", |status| status.parked == 1).await.state, State::Inline);
        assert!(app.discard_parked("tallies", Position::new(1)).await.unwrap());
        until(&app, "tallies", |status| status.state == State::Inline).await;
        pay(&app, "b", 1).await;
        assert_eq!(sum!(app, Strict, "b"), Some(2));
    })
    .await;
}

#[tokio::test]
async fn rows_elsewhere_are_beside_the_events_once_they_are_inline() {
    let elsewhere = Memory::new();
    let keep = ProjectionOptions::new().rows(elsewhere.clone()).inline();
    let app = App::builder(Memory::new()).projection_with::<Tally>(keep).start().await.unwrap();
    pay(&app, "a", 1).await;
    assert_eq!(app.find::<Tally>(&account("a")).timeout(Duration::ZERO).await.unwrap().unwrap().sum, 1);
    assert!(annalist::rows::RowStore::builds(&elsewhere, "tallies").await.unwrap().is_empty());
    app.wait_for_position("tallies", Position::new(1), LONG).await.unwrap();
}
