//! Versions and builds of a read model: one is read while the next is built, which is promoted when it is complete.
#![allow(clippy::unwrap_used)] // in the helpers too

use std::{sync::Arc, time::Duration};

use annalist::{
    App, Error, Position, Receipt,
    projection::{Projection, ProjectionOptions, State},
    store::Build,
};
use annalist_flow_tests::{
    domain::{account, deposit, transfer_of},
    faulty_rows::{FaultPoint, FaultyRows, RowFault},
    test_log::{Process, TEST_TIMEOUT, TestLog, on_each_log, wait_until},
    versions::{Changed, Strict, Tally, Tenths, Wide},
};
use tokio::time::timeout;

async fn pay(app: &App, name: &str, amount: u64) -> Receipt {
    app.execute(deposit(name, amount)).await.unwrap()
}

/// An app with some rows.
async fn app_with_rows<P: Projection>(log: &TestLog) -> App {
    let app = log.app().await.projection::<P>().start().await.unwrap();
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

/// Version and number of the live build, and of all builds.
async fn build_numbers(app: &App) -> ((u32, u32), Vec<(u32, u32)>) {
    let builds = builds(app).await;
    let live: Vec<_> = builds.iter().filter(|build| build.live).map(Build::order).collect();
    assert_eq!(live.len(), 1, "{builds:?}");
    (live[0], builds.iter().map(Build::order).collect())
}

async fn wait_until_live(app: &App, build: (u32, u32)) {
    wait_until(app, "tallies", |status| status.reads.is_some_and(|table| table.order() == build)).await;
}

macro_rules! sum {
    ($app:expr, $row:ident, $name:literal $(, $after:expr)?) => {
        $app.find::<$row>(&account($name))$(.after($after))?.await.unwrap().map(|row| row.sum)
    };
}

/// Starts an app whose commits to one build are held.
async fn held_app<P: Projection>(log: &TestLog, build: (u32, u32)) -> (App, Arc<FaultyRows>) {
    let (builder, rows) = log.app_with_faulty_rows().await;
    rows.plan(FaultPoint::Commits(build.0, build.1), RowFault::Held);
    (builder.projection::<P>().start().await.unwrap(), rows)
}

#[tokio::test]
async fn old_version_is_read_until_the_new_one_is_complete() {
    on_each_log(async |log| {
        let old = app_with_rows::<Tally>(log).await;
        let (new, rows) = held_app::<Tenths>(log, (2, 0)).await;
        rows.until_injected().await;

        // The new program reads the rows of the old one, with payments during the build.
        assert_eq!((sum!(new, Tenths, "a"), sum!(old, Tally, "a")), (Some(4), Some(4)));
        let receipt = pay(&new, "a", 100).await;
        assert_eq!(sum!(new, Tenths, "a", &receipt), Some(104));
        assert_eq!(build_numbers(&old).await, ((1, 0), vec![(1, 0), (2, 0)]));

        rows.end_faults();
        wait_until_live(&new, (2, 0)).await;
        assert_eq!(sum!(new, Tenths, "a", &receipt), Some(1040));
        // The old program continues with its own rows.
        let receipt = pay(&old, "b", 1).await;
        assert_eq!(sum!(old, Tally, "b", &receipt), Some(10));
        assert_eq!(sum!(new, Tenths, "b", &receipt), Some(100));
        assert_eq!(build_numbers(&old).await.0, (2, 0));
    })
    .await;
}

#[tokio::test]
async fn older_program_does_not_promote_an_older_version() {
    on_each_log(async |log| {
        app_with_rows::<Tally>(log).await.shut_down().await;
        let new = log.app().await.projection::<Tenths>().start().await.unwrap();
        wait_until_live(&new, (2, 0)).await;
        let receipt = pay(&new, "a", 1).await;

        let old = log.app().await.projection::<Tally>().start().await.unwrap();
        assert_eq!(sum!(old, Tally, "a", &receipt), Some(5));
        assert_eq!(sum!(new, Tenths, "a", &receipt), Some(50));
        assert_eq!(build_numbers(&old).await, ((2, 0), vec![(1, 0), (2, 0)]));
        let error = old.rebuild("tallies").await.unwrap_err().to_string();
        assert!(error.contains("version 2 is live"), "{error}");
        let error = old.promote("tallies").await.unwrap_err().to_string();
        assert!(error.contains("is live"), "{error}");
        old.shut_down().await;

        assert_eq!(new.discard_old_builds("tallies").await.unwrap(), 1);
        assert_eq!(build_numbers(&new).await, ((2, 0), vec![(2, 0)]));
        assert_eq!(sum!(new, Tenths, "a"), Some(50));
    })
    .await;
}

/// The table of the older program was discarded: it rebuilds the table, and answers no query before that is complete.
#[tokio::test]
async fn older_program_never_shows_an_incomplete_build() {
    on_each_log(async |log| {
        let new = app_with_rows::<Tenths>(log).await;
        let (old, rows) = held_app::<Tally>(log, (1, 0)).await;
        rows.until_injected().await;
        let result = old.find::<Tally>(&account("a")).timeout(Duration::ZERO).await;
        assert!(matches!(result, Err(Error::Building { .. })), "{result:?}");
        rows.end_faults();
        assert_eq!((sum!(old, Tally, "a"), sum!(new, Tenths, "a")), (Some(4), Some(40)));
    })
    .await;
}

#[tokio::test]
async fn query_for_other_columns_waits_for_the_new_build() {
    on_each_log(async |log| {
        let old = app_with_rows::<Tally>(log).await;
        let (new, rows) = held_app::<Wide>(log, (3, 0)).await;
        rows.until_injected().await;
        wait_until(&new, "tallies", |status| {
            status.building.as_ref().is_some_and(|progress| progress.total.is_some())
        })
        .await;

        let result = new.find::<Wide>(&account("a")).timeout(Duration::ZERO).await;
        let Err(Error::Building { projection: "tallies", progress }) = result else { panic!("{result:?}") };
        assert_eq!((progress.version, progress.build), (3, 0));
        assert_eq!((progress.position, progress.target), (Position::START, Position::new(4)));
        assert_eq!((progress.done, progress.total), (0, Some(4)));
        assert_eq!(sum!(old, Tally, "a"), Some(4));

        rows.end_faults();
        let row = new.find::<Wide>(&account("a")).await.unwrap().unwrap();
        assert_eq!((row.sum, row.events), (4, 3));
        assert_eq!(build_numbers(&old).await.0, (3, 0));
        assert_eq!(
            wait_until(&new, "tallies", |status| status.building.is_none()).await.promotion_blocked,
            None
        );
    })
    .await;
}

#[tokio::test]
async fn several_processes_promote_a_build_once() {
    on_each_log(async |log| {
        let old = app_with_rows::<Tally>(log).await;
        let mut new = Vec::new();
        for _ in 0..3 {
            new.push(log.app().await.projection::<Tenths>().start().await.unwrap());
        }
        let receipt = pay(&old, "b", 1).await;
        for app in &new {
            wait_until_live(app, (2, 0)).await;
            assert_eq!(sum!(app, Tenths, "b", &receipt), Some(100));
        }
        assert_eq!(build_numbers(&old).await, ((2, 0), vec![(1, 0), (2, 0)]));
    })
    .await;
}

#[tokio::test]
async fn rebuild_runs_while_the_live_build_is_read() {
    on_each_log(async |log| {
        let (builder, rows) = log.app_with_faulty_rows().await;
        let other = app_with_rows::<Tally>(log).await;
        let app = builder.projection::<Tally>().start().await.unwrap();
        for build in 1..=2 {
            // The other app is stopped, so that the held app is the only one that builds.
            rows.plan(FaultPoint::Commits(1, build), RowFault::Held);
            other.stop();
            app.rebuild("tallies").await.unwrap();
            rows.until_injected().await;
            app.rebuild("tallies").await.unwrap();
            let receipt = pay(&app, "a", 1).await;
            assert_eq!(sum!(app, Tally, "a", &receipt), Some(4 + i64::from(build)));
            assert_eq!(build_numbers(&app).await.0, (1, build - 1));

            rows.end_faults();
            wait_until_live(&app, (1, build)).await;
            assert_eq!(sum!(app, Tally, "a", &receipt), Some(4 + i64::from(build)));
            assert_eq!(sum!(app, Tally, "b"), Some(9));
        }
        assert_eq!(build_numbers(&app).await, ((1, 2), vec![(1, 0), (1, 1), (1, 2)]));
        assert_eq!(app.discard_old_builds("tallies").await.unwrap(), 2);
    })
    .await;
}

/// A build that is complete as of its start is promoted only when it has reached the position of the live one.
#[tokio::test]
async fn promotion_never_shows_an_older_position() {
    on_each_log(async |log| {
        let app = app_with_rows::<Tally>(log).await;
        app.stop();
        let (app, rows) = held_app::<Tally>(log, (1, 1)).await;
        app.rebuild("tallies").await.unwrap();
        rows.until_injected().await;
        let receipt = pay(&app, "a", 1).await;
        assert_eq!(sum!(app, Tally, "a", &receipt), Some(5));
        // The events before the rebuild are written, the later ones are held.
        rows.gate.add_permits(1);
        rows.until_injected().await;
        wait_until(&app, "tallies", |status| status.building.is_none()).await;
        rows.wait_for_calls(10).await;
        assert_eq!(sum!(app, Tally, "a"), Some(5));
        assert_eq!(build_numbers(&app).await.0, (1, 0));
        rows.end_faults();
        wait_until_live(&app, (1, 1)).await;
        assert_eq!(sum!(app, Tally, "a"), Some(5));
    })
    .await;
}

/// Rebuilds with a fault at each call in turn, until a rebuild has fewer calls.
async fn rebuild_with_faults(fault: RowFault) {
    on_each_log(async |log| {
        app_with_rows::<Tally>(log).await.shut_down().await;
        let mut build = 0;
        for call in 0.. {
            let injected = timeout(TEST_TIMEOUT, rebuild_with_fault(log, call, fault, build)).await.unwrap();
            build = finish_rebuild(log, call).await;
            if !injected {
                assert!(call > 10, "only {call} calls");
                return;
            }
        }
    })
    .await;
}

/// Rebuilds with a fault at one call, and returns `true` if it was injected. A program whose call hangs is dropped there.
async fn rebuild_with_fault(log: &TestLog, call: usize, fault: RowFault, build: u32) -> bool {
    let (builder, rows) = log.app_with_faulty_rows().await;
    rows.plan(FaultPoint::Nth(call), fault);
    let mut program = tokio::spawn(async move {
        let app = builder.projection::<Tally>().start().await?;
        app.rebuild("tallies").await?;
        app.wait_until("tallies", |status| status.reads.is_some_and(|table| table.build > build)).await
    });
    let hangs = async {
        rows.until_injected().await;
        rows.injected.add_permits(1);
        if fault != RowFault::Hangs {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        _ = &mut program => {}
        () = hangs => program.abort(),
    }
    rows.injected.available_permits() > 0
}

/// Finishes the rebuild in another process, asserts that the rows are correct, and returns the number of the newest build.
async fn finish_rebuild(log: &TestLog, call: usize) -> u32 {
    let app = log.app().await.projection::<Tally>().start().await.unwrap();
    let newest = builds(&app).await.last().unwrap().build;
    wait_until_live(&app, (1, newest)).await;
    let receipt = pay(&app, "c", 1).await;
    let sums = (sum!(app, Tally, "a", &receipt), sum!(app, Tally, "b"), sum!(app, Tally, "c"));
    assert_eq!(sums, (Some(4), Some(9), Some(call as i64 + 1)), "after call {call}");
    app.shut_down().await;
    newest
}

#[tokio::test]
async fn rebuild_continues_after_a_crash_at_any_call() {
    rebuild_with_faults(RowFault::Hangs).await;
}

#[tokio::test]
async fn rebuild_continues_after_an_unavailable_store_at_any_call() {
    rebuild_with_faults(RowFault::Fails).await;
}

#[tokio::test]
async fn rebuild_continues_after_a_lost_response_at_any_call() {
    rebuild_with_faults(RowFault::Lost).await;
}

#[tokio::test]
async fn rebuild_continues_after_a_panic_at_any_call() {
    rebuild_with_faults(RowFault::Panics).await;
}

#[tokio::test]
async fn rebuild_is_finished_by_another_process() {
    on_each_log(async |log| {
        let other = app_with_rows::<Tally>(log).await;
        let (app, rows) = held_app::<Tally>(log, (1, 1)).await;
        app.rebuild("tallies").await.unwrap();
        rows.until_injected().await;
        drop(app);
        wait_until_live(&other, (1, 1)).await;
        assert_eq!(sum!(other, Tally, "a"), Some(4));
    })
    .await;
}

fn with_comparison(process: &Process) -> annalist::app::Builder {
    process.app().projection_with::<Tally>(ProjectionOptions::new().compare())
}

#[tokio::test]
async fn compared_build_with_equal_rows_is_promoted() {
    on_each_log(async |log| {
        app_with_rows::<Tally>(log).await.shut_down().await;
        let app = with_comparison(&log.process().await).start().await.unwrap();
        app.rebuild("tallies").await.unwrap();
        wait_until_live(&app, (1, 1)).await;
        assert_eq!(sum!(app, Tally, "b"), Some(9));
    })
    .await;
}

#[tokio::test]
async fn compared_build_with_other_rows_is_not_promoted_and_reported() {
    on_each_log(async |log| {
        app_with_rows::<Tally>(log).await.shut_down().await;
        let builder = log.app().await.projection_with::<Changed>(ProjectionOptions::new().compare());
        let app = builder.start().await.unwrap();
        app.rebuild("tallies").await.unwrap();
        let status = wait_until(&app, "tallies", |status| status.promotion_blocked.is_some()).await;
        let reason = status.promotion_blocked.unwrap();
        assert!(reason.contains("0 rows missing, 0 extra, 2 changed (for example key \"a\")"), "{reason}");
        assert_eq!((status.reads.unwrap().build, sum!(app, Changed, "a")), (0, Some(4)));

        // The stored report is still available after further payments.
        let receipt = pay(&app, "c", 1).await;
        assert_eq!(sum!(app, Changed, "c", &receipt), Some(1000));
        let reported = async || builds(&app).await.last().unwrap().checkpoint.stopped.clone();
        timeout(TEST_TIMEOUT, async {
            while reported().await.as_ref() != Some(&reason) {
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap();

        app.promote("tallies").await.unwrap();
        wait_until_live(&app, (1, 1)).await;
        assert_eq!(sum!(app, Changed, "a", &receipt), Some(4000));
        wait_until(&app, "tallies", |status| {
            status.promotion_blocked.is_none() && status.state == State::CaughtUp
        })
        .await;
    })
    .await;
}

/// A wrong handler is corrected: the next build is promoted, and the refused one is not.
#[tokio::test]
async fn rebuild_after_a_refused_build_is_promoted() {
    on_each_log(async |log| {
        app_with_rows::<Tally>(log).await.shut_down().await;
        let builder = log.app().await.projection_with::<Changed>(ProjectionOptions::new().compare());
        let app = builder.start().await.unwrap();
        app.rebuild("tallies").await.unwrap();
        wait_until(&app, "tallies", |status| status.promotion_blocked.is_some()).await;
        app.shut_down().await;

        let app = with_comparison(&log.process().await).start().await.unwrap();
        wait_until(&app, "tallies", |status| status.promotion_blocked.is_some()).await;
        app.rebuild("tallies").await.unwrap();
        wait_until_live(&app, (1, 2)).await;
        assert_eq!((sum!(app, Tally, "a"), sum!(app, Tally, "b")), (Some(4), Some(9)));
        assert_eq!(app.discard_old_builds("tallies").await.unwrap(), 2);
    })
    .await;
}

/// No program maintains the old version any more, and the log has grown: the builds have no position in common.
#[tokio::test]
async fn builds_at_different_positions_are_not_compared_and_reported() {
    on_each_log(async |log| {
        let old = app_with_rows::<Tally>(log).await;
        old.shut_down().await;
        let writer = log.app().await.start().await.unwrap();
        let receipt = pay(&writer, "a", 1).await;
        let builder = log.app().await.projection_with::<Tenths>(ProjectionOptions::new().compare());
        let app = builder.start().await.unwrap();
        let status = wait_until(&app, "tallies", |status| status.promotion_blocked.is_some()).await;
        let reason = status.promotion_blocked.unwrap();
        assert!(reason.contains("the live build is at position 4 with 0 parked"), "{reason}");
        assert_eq!(sum!(app, Tenths, "a"), Some(4));
        app.promote("tallies").await.unwrap();
        wait_until_live(&app, (2, 0)).await;
        assert_eq!(sum!(app, Tenths, "a", &receipt), Some(50));
    })
    .await;
}

/// A stopped build is reported, and the live one continues.
#[tokio::test]
async fn stopped_build_is_reported_and_the_live_one_continues() {
    on_each_log(async |log| {
        app_with_rows::<Tally>(log).await;
        let old = log.app().await.projection::<Tally>().start().await.unwrap();
        pay(&old, "a", 5000).await;
        old.wait_until_caught_up().await.unwrap();
        old.shut_down().await;

        let app = log.app().await.projection::<Strict>().start().await.unwrap();
        app.rebuild("tallies").await.unwrap();
        let status = wait_until(&app, "tallies", |status| status.promotion_blocked.is_some()).await;
        assert!(status.promotion_blocked.unwrap().contains("cannot handle a payment of 5000"));
        let receipt = pay(&app, "b", 1).await;
        assert_eq!(sum!(app, Strict, "b", &receipt), Some(10));
        app.shut_down().await;

        let app = log.app().await.projection::<Tally>().start().await.unwrap();
        app.rebuild("tallies").await.unwrap();
        wait_until(&app, "tallies", |status| status.reads.is_some_and(|table| table.build > 0)).await;
        assert_eq!(sum!(app, Tally, "a"), Some(5004));
    })
    .await;
}

#[tokio::test]
async fn sqlite_view_shows_the_live_build() {
    let log = TestLog::file();
    let app = app_with_rows::<Tally>(&log).await;
    let view = async || {
        use sqlx::Connection;
        let path = log.path().unwrap();
        let mut connection =
            sqlx::SqliteConnection::connect(&format!("sqlite:{}", path.display())).await.unwrap();
        let sum = sqlx::query_scalar::<_, i64>("SELECT sum FROM annalist_rows_tallies WHERE account = 'a'");
        sum.fetch_one(&mut connection).await.unwrap()
    };
    assert_eq!(view().await, 4);
    app.shut_down().await;
    let app = log.app().await.projection::<Tenths>().start().await.unwrap();
    wait_until_live(&app, (2, 0)).await;
    assert_eq!(view().await, 40);
}
