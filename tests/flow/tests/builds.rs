//! Versions and builds of a read model: one is read while the next is made, and the switch comes when that is complete.
#![allow(clippy::unwrap_used)] // in the helpers too

use std::{sync::Arc, time::Duration};

use annalist::{
    App, Error, Position, Receipt,
    projection::{Projection, ProjectionOptions, State},
    rows::Build,
};
use annalist_flow_tests::{
    domain::{account, deposit, transfer_of},
    stage::{LONG, Process, Stage, on_each, until},
    troubled::{Calls, Trouble, TroubledRows},
    versions::{Changed, Strict, Tally, Tenths, Wide},
};
use tokio::time::timeout;

async fn pay(app: &App, name: &str, amount: u64) -> Receipt {
    app.execute(deposit(name, amount)).await.unwrap()
}

/// An app that has some rows.
async fn first<P: Projection>(stage: &Stage) -> App {
    let app = stage.app().await.projection::<P>().start().await.unwrap();
    for (name, amount) in [("a", 5), ("b", 7), ("a", 1)] {
        pay(&app, name, amount).await;
    }
    app.execute(transfer_of("a", "b", 2)).await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    app
}

async fn builds(app: &App) -> Vec<Build> {
    let overview = app.overview().await.unwrap();
    overview.into_iter().find(|one| one.name == "tallies").unwrap().builds
}

/// Version and number of the builds, the live one first.
async fn numbers(app: &App) -> ((u32, u32), Vec<(u32, u32)>) {
    let builds = builds(app).await;
    let live: Vec<_> = builds.iter().filter(|build| build.live).map(Build::order).collect();
    assert_eq!(live.len(), 1, "{builds:?}");
    (live[0], builds.iter().map(Build::order).collect())
}

async fn reads(app: &App, build: (u32, u32)) {
    until(app, "tallies", |status| status.reads.is_some_and(|table| table.order() == build)).await;
}

macro_rules! sum {
    ($app:expr, $row:ident, $name:literal $(, $after:expr)?) => {
        $app.find::<$row>(&account($name))$(.after($after))?.await.unwrap().map(|row| row.sum)
    };
}

/// Starts an app that keeps a projection, and waits before the first commit to a build.
async fn held<P: Projection>(stage: &Stage, build: (u32, u32)) -> (App, Arc<TroubledRows>) {
    let (builder, rows) = stage.troubled_app().await;
    rows.plan(Calls::Commits(build.0, build.1), Trouble::Held);
    (builder.projection::<P>().start().await.unwrap(), rows)
}

#[tokio::test]
async fn the_old_version_is_read_until_the_new_one_is_complete() {
    on_each(async |stage| {
        let old = first::<Tally>(stage).await;
        let (new, rows) = held::<Tenths>(stage, (2, 0)).await;
        rows.met().await;

        // The new program reads what the old one keeps, and sees what is paid meanwhile.
        assert_eq!((sum!(new, Tenths, "a"), sum!(old, Tally, "a")), (Some(4), Some(4)));
        let receipt = pay(&new, "a", 100).await;
        assert_eq!(sum!(new, Tenths, "a", &receipt), Some(104));
        assert_eq!(numbers(&old).await, ((1, 0), vec![(1, 0), (2, 0)]));

        rows.calm();
        reads(&new, (2, 0)).await;
        assert_eq!(sum!(new, Tenths, "a", &receipt), Some(1040));
        // The old program goes on with its own.
        let receipt = pay(&old, "b", 1).await;
        assert_eq!(sum!(old, Tally, "b", &receipt), Some(10));
        assert_eq!(sum!(new, Tenths, "b", &receipt), Some(100));
        assert_eq!(numbers(&old).await.0, (2, 0));
    })
    .await;
}

#[tokio::test]
async fn an_older_program_does_not_switch_back() {
    on_each(async |stage| {
        first::<Tally>(stage).await.shut_down().await;
        let new = stage.app().await.projection::<Tenths>().start().await.unwrap();
        reads(&new, (2, 0)).await;
        let receipt = pay(&new, "a", 1).await;

        let old = stage.app().await.projection::<Tally>().start().await.unwrap();
        assert_eq!(sum!(old, Tally, "a", &receipt), Some(5));
        assert_eq!(sum!(new, Tenths, "a", &receipt), Some(50));
        assert_eq!(numbers(&old).await, ((2, 0), vec![(1, 0), (2, 0)]));
        let error = old.rebuild("tallies").await.unwrap_err().to_string();
        assert!(error.contains("version 2 is live"), "{error}");
        let error = old.promote("tallies").await.unwrap_err().to_string();
        assert!(error.contains("is live"), "{error}");
        old.shut_down().await;

        assert_eq!(new.discard_old_builds("tallies").await.unwrap(), 1);
        assert_eq!(numbers(&new).await, ((2, 0), vec![(2, 0)]));
        assert_eq!(sum!(new, Tenths, "a"), Some(50));
    })
    .await;
}

/// Its table was discarded: an older program makes it anew, and is not asked before that is complete.
#[tokio::test]
async fn an_older_program_never_shows_half_a_build() {
    on_each(async |stage| {
        let new = first::<Tenths>(stage).await;
        let (old, rows) = held::<Tally>(stage, (1, 0)).await;
        rows.met().await;
        let asked = old.find::<Tally>(&account("a")).timeout(Duration::ZERO).await;
        assert!(matches!(asked, Err(Error::Building { .. })), "{asked:?}");
        rows.calm();
        assert_eq!((sum!(old, Tally, "a"), sum!(new, Tenths, "a")), (Some(4), Some(40)));
    })
    .await;
}

#[tokio::test]
async fn a_build_with_other_columns_is_waited_for() {
    on_each(async |stage| {
        let old = first::<Tally>(stage).await;
        let (new, rows) = held::<Wide>(stage, (3, 0)).await;
        rows.met().await;
        until(&new, "tallies", |status| status.building.as_ref().is_some_and(|it| it.total.is_some())).await;

        let asked = new.find::<Wide>(&account("a")).timeout(Duration::ZERO).await;
        let Err(Error::Building { projection: "tallies", progress }) = asked else { panic!("{asked:?}") };
        assert_eq!((progress.version, progress.build), (3, 0));
        assert_eq!((progress.position, progress.target), (Position::START, Position::new(4)));
        assert_eq!((progress.done, progress.total), (0, Some(4)));
        assert_eq!(sum!(old, Tally, "a"), Some(4));

        rows.calm();
        let row = new.find::<Wide>(&account("a")).await.unwrap().unwrap();
        assert_eq!((row.sum, row.events), (4, 3));
        assert_eq!(numbers(&old).await.0, (3, 0));
        assert_eq!(until(&new, "tallies", |status| status.building.is_none()).await.promotion_blocked, None);
    })
    .await;
}

#[tokio::test]
async fn several_processes_switch_once() {
    on_each(async |stage| {
        let old = first::<Tally>(stage).await;
        let mut new = Vec::new();
        for _ in 0..3 {
            new.push(stage.app().await.projection::<Tenths>().start().await.unwrap());
        }
        let receipt = pay(&old, "b", 1).await;
        for app in &new {
            reads(app, (2, 0)).await;
            assert_eq!(sum!(app, Tenths, "b", &receipt), Some(100));
        }
        assert_eq!(numbers(&old).await, ((2, 0), vec![(1, 0), (2, 0)]));
    })
    .await;
}

#[tokio::test]
async fn a_rebuild_is_made_beside_what_is_read() {
    on_each(async |stage| {
        let (builder, rows) = stage.troubled_app().await;
        let other = first::<Tally>(stage).await;
        let app = builder.projection::<Tally>().start().await.unwrap();
        for build in 1..=2 {
            // Only one of them makes it, so that it can be held.
            rows.plan(Calls::Commits(1, build), Trouble::Held);
            other.stop();
            app.rebuild("tallies").await.unwrap();
            rows.met().await;
            app.rebuild("tallies").await.unwrap();
            let receipt = pay(&app, "a", 1).await;
            assert_eq!(sum!(app, Tally, "a", &receipt), Some(4 + i64::from(build)));
            assert_eq!(numbers(&app).await.0, (1, build - 1));

            rows.calm();
            reads(&app, (1, build)).await;
            assert_eq!(sum!(app, Tally, "a", &receipt), Some(4 + i64::from(build)));
            assert_eq!(sum!(app, Tally, "b"), Some(9));
        }
        assert_eq!(numbers(&app).await, ((1, 2), vec![(1, 0), (1, 1), (1, 2)]));
        assert_eq!(app.discard_old_builds("tallies").await.unwrap(), 2);
    })
    .await;
}

/// A build that is complete as of its beginning waits until it has what the live one has.
#[tokio::test]
async fn questions_do_not_go_back_in_time() {
    on_each(async |stage| {
        let app = first::<Tally>(stage).await;
        app.stop();
        let (app, rows) = held::<Tally>(stage, (1, 1)).await;
        app.rebuild("tallies").await.unwrap();
        rows.met().await;
        let receipt = pay(&app, "a", 1).await;
        assert_eq!(sum!(app, Tally, "a", &receipt), Some(5));
        // What was there at the beginning is written, what came later is held.
        rows.gate.add_permits(1);
        rows.met().await;
        until(&app, "tallies", |status| status.building.is_none()).await;
        rows.asked(10).await;
        assert_eq!(sum!(app, Tally, "a"), Some(5));
        assert_eq!(numbers(&app).await.0, (1, 0));
        rows.calm();
        reads(&app, (1, 1)).await;
        assert_eq!(sum!(app, Tally, "a"), Some(5));
    })
    .await;
}

/// Plays a rebuild with trouble at each call in turn, until there is none at a call so late.
async fn through(trouble: Trouble) {
    on_each(async |stage| {
        first::<Tally>(stage).await.shut_down().await;
        let mut build = 0;
        for call in 0.. {
            let met = timeout(LONG, rebuilt(stage, call, trouble, build)).await.unwrap();
            build = finished(stage, call).await;
            if !met {
                assert!(call > 10, "only {call} calls");
                return;
            }
        }
    })
    .await;
}

/// Rebuilds with trouble at one call, and tells whether it was met. A program whose call hangs is dropped there.
async fn rebuilt(stage: &Stage, call: usize, trouble: Trouble, build: u32) -> bool {
    let (builder, rows) = stage.troubled_app().await;
    rows.plan(Calls::Number(call), trouble);
    let mut program = tokio::spawn(async move {
        let app = builder.projection::<Tally>().start().await?;
        app.rebuild("tallies").await?;
        app.wait_until("tallies", |status| status.reads.is_some_and(|table| table.build > build)).await
    });
    let hangs = async {
        rows.met().await;
        rows.met.add_permits(1);
        if trouble != Trouble::Hangs {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        _ = &mut program => {}
        () = hangs => program.abort(),
    }
    rows.met.available_permits() > 0
}

/// Another process goes on with what is there, and the rows are as if nothing had happened.
async fn finished(stage: &Stage, call: usize) -> u32 {
    let app = stage.app().await.projection::<Tally>().start().await.unwrap();
    let newest = builds(&app).await.last().unwrap().build;
    reads(&app, (1, newest)).await;
    let receipt = pay(&app, "c", 1).await;
    let sums = (sum!(app, Tally, "a", &receipt), sum!(app, Tally, "b"), sum!(app, Tally, "c"));
    assert_eq!(sums, (Some(4), Some(9), Some(call as i64 + 1)), "after call {call}");
    app.shut_down().await;
    newest
}

#[tokio::test]
async fn a_rebuild_goes_on_after_a_crash_at_any_call() {
    through(Trouble::Hangs).await;
}

#[tokio::test]
async fn a_rebuild_goes_on_after_a_refusal_at_any_call() {
    through(Trouble::Fails).await;
}

#[tokio::test]
async fn a_rebuild_goes_on_after_a_lost_answer_at_any_call() {
    through(Trouble::Lost).await;
}

#[tokio::test]
async fn a_rebuild_goes_on_after_a_panic_at_any_call() {
    through(Trouble::Panics).await;
}

#[tokio::test]
async fn a_rebuild_is_finished_by_others() {
    on_each(async |stage| {
        let witness = first::<Tally>(stage).await;
        let (app, rows) = held::<Tally>(stage, (1, 1)).await;
        app.rebuild("tallies").await.unwrap();
        rows.met().await;
        drop(app);
        reads(&witness, (1, 1)).await;
        assert_eq!(sum!(witness, Tally, "a"), Some(4));
    })
    .await;
}

fn compared(process: &Process) -> annalist::app::Builder {
    process.app().projection_with::<Tally>(ProjectionOptions::new().compare())
}

#[tokio::test]
async fn a_compared_build_takes_over_if_it_is_the_same() {
    on_each(async |stage| {
        first::<Tally>(stage).await.shut_down().await;
        let app = compared(&stage.process().await).start().await.unwrap();
        app.rebuild("tallies").await.unwrap();
        reads(&app, (1, 1)).await;
        assert_eq!(sum!(app, Tally, "b"), Some(9));
    })
    .await;
}

#[tokio::test]
async fn a_compared_build_that_differs_stays_aside_and_says_so() {
    on_each(async |stage| {
        first::<Tally>(stage).await.shut_down().await;
        let builder = stage.app().await.projection_with::<Changed>(ProjectionOptions::new().compare());
        let app = builder.start().await.unwrap();
        app.rebuild("tallies").await.unwrap();
        let status = until(&app, "tallies", |status| status.promotion_blocked.is_some()).await;
        let reason = status.promotion_blocked.unwrap();
        assert!(reason.contains("0 rows missing, 0 extra, 2 changed (for example key \"a\")"), "{reason}");
        assert_eq!((status.reads.unwrap().build, sum!(app, Changed, "a")), (0, Some(4)));

        // The report outlives what is paid: somebody who looks finds it.
        let receipt = pay(&app, "c", 1).await;
        assert_eq!(sum!(app, Changed, "c", &receipt), Some(1000));
        let reported = async || builds(&app).await.last().unwrap().checkpoint.stopped.clone();
        timeout(LONG, async {
            while reported().await.as_ref() != Some(&reason) {
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap();

        app.promote("tallies").await.unwrap();
        reads(&app, (1, 1)).await;
        assert_eq!(sum!(app, Changed, "a", &receipt), Some(4000));
        until(&app, "tallies", |status| {
            status.promotion_blocked.is_none() && status.state == State::CaughtUp
        })
        .await;
    })
    .await;
}

/// The handler was wrong and is right again: the build that was refused is left behind.
#[tokio::test]
async fn after_a_refusal_another_build_may_be_made() {
    on_each(async |stage| {
        first::<Tally>(stage).await.shut_down().await;
        let builder = stage.app().await.projection_with::<Changed>(ProjectionOptions::new().compare());
        let app = builder.start().await.unwrap();
        app.rebuild("tallies").await.unwrap();
        until(&app, "tallies", |status| status.promotion_blocked.is_some()).await;
        app.shut_down().await;

        let app = compared(&stage.process().await).start().await.unwrap();
        until(&app, "tallies", |status| status.promotion_blocked.is_some()).await;
        app.rebuild("tallies").await.unwrap();
        reads(&app, (1, 2)).await;
        assert_eq!((sum!(app, Tally, "a"), sum!(app, Tally, "b")), (Some(4), Some(9)));
        assert_eq!(app.discard_old_builds("tallies").await.unwrap(), 2);
    })
    .await;
}

/// Nobody keeps the old version any more, and the log went on: there is no moment at which they could be compared.
#[tokio::test]
async fn what_cannot_be_compared_says_so() {
    on_each(async |stage| {
        let old = first::<Tally>(stage).await;
        old.shut_down().await;
        let writer = stage.app().await.start().await.unwrap();
        let receipt = pay(&writer, "a", 1).await;
        let builder = stage.app().await.projection_with::<Tenths>(ProjectionOptions::new().compare());
        let app = builder.start().await.unwrap();
        let status = until(&app, "tallies", |status| status.promotion_blocked.is_some()).await;
        let reason = status.promotion_blocked.unwrap();
        assert!(reason.contains("the live build is at position 4 with 0 parked"), "{reason}");
        assert_eq!(sum!(app, Tenths, "a"), Some(4));
        app.promote("tallies").await.unwrap();
        reads(&app, (2, 0)).await;
        assert_eq!(sum!(app, Tenths, "a", &receipt), Some(50));
    })
    .await;
}

/// A build that stands still does not stop the one that is read, and is told.
#[tokio::test]
async fn a_build_that_stands_still_is_told_and_left_behind() {
    on_each(async |stage| {
        first::<Tally>(stage).await;
        let old = stage.app().await.projection::<Tally>().start().await.unwrap();
        pay(&old, "a", 5000).await;
        old.wait_until_caught_up().await.unwrap();
        old.shut_down().await;

        let app = stage.app().await.projection::<Strict>().start().await.unwrap();
        app.rebuild("tallies").await.unwrap();
        let status = until(&app, "tallies", |status| status.promotion_blocked.is_some()).await;
        assert!(status.promotion_blocked.unwrap().contains("nobody pays 5000"));
        let receipt = pay(&app, "b", 1).await;
        assert_eq!(sum!(app, Strict, "b", &receipt), Some(10));
        app.shut_down().await;

        let app = stage.app().await.projection::<Tally>().start().await.unwrap();
        app.rebuild("tallies").await.unwrap();
        until(&app, "tallies", |status| status.reads.is_some_and(|table| table.build > 0)).await;
        assert_eq!(sum!(app, Tally, "a"), Some(5004));
    })
    .await;
}

#[tokio::test]
async fn the_view_shows_the_build_that_is_read() {
    let stage = Stage::file();
    let app = first::<Tally>(&stage).await;
    let view = async || {
        use sqlx::Connection;
        let path = stage.path().unwrap();
        let mut connection =
            sqlx::SqliteConnection::connect(&format!("sqlite:{}", path.display())).await.unwrap();
        let sum = sqlx::query_scalar::<_, i64>("SELECT sum FROM annalist_rows_tallies WHERE account = 'a'");
        sum.fetch_one(&mut connection).await.unwrap()
    };
    assert_eq!(view().await, 4);
    app.shut_down().await;
    let app = stage.app().await.projection::<Tenths>().start().await.unwrap();
    reads(&app, (2, 0)).await;
    assert_eq!(view().await, 40);
}
