//! Deployments of inline projections: programs with different versions of one, with it in the background, and without it append to
//! one log, and no append is refused.
#![allow(clippy::unwrap_used)] // in the helpers too

use std::{sync::Arc, time::Duration};

use annalist::{
    Memory,
    app::Builder,
    prelude::*,
    projection::{Projection, ProjectionOptions, State},
    store::Build,
};
use annalist_flow_tests::{
    domain::{account, deposit},
    test_log::{TestLog, on_each_log, wait_until},
    versions::{Tally, Tenths},
};

async fn pay(app: &App, name: &str) -> Receipt {
    app.execute(deposit(name, 1)).await.unwrap()
}

fn with_inline<P: Projection>(builder: Builder) -> Builder {
    builder.projection_with::<P>(ProjectionOptions::new().inline())
}

async fn started_app<P: Projection>(log: &TestLog) -> App {
    let app = with_inline::<P>(log.app().await).start().await.unwrap();
    wait_until(&app, "tallies", |status| status.state == State::Inline).await;
    app
}

async fn inline_builds(log: &TestLog) -> Vec<(u32, u32)> {
    let builds = log.process().await.rows.builds("tallies").await.unwrap();
    builds.iter().filter(|build| build.inline).map(Build::order).collect()
}

/// Waits until the new version is inline, according to the store: the status of an app is up to a second old.
async fn wait_until_inline(log: &TestLog) {
    while inline_builds(log).await != [(2, 0)] {
        tokio::task::yield_now().await;
    }
}

/// From the start of the new program to the end of the old one, both append, and each reads its own rows.
#[tokio::test]
async fn new_version_is_deployed_without_refusing_an_append_of_the_old_one() {
    on_each_log(async |log| {
        let old = started_app::<Tally>(log).await;
        for _ in 0..5 {
            pay(&old, "a").await;
        }
        let new = with_inline::<Tenths>(log.app().await).start().await.unwrap();
        let mut paid = 5;
        let mut was_inline = 0;
        // Until the new version was inline twice: appends of the old program have ended that.
        while was_inline < 2 {
            let receipt = pay(&old, "a").await;
            let sum = old.find::<Tally>(&account("a")).after(&receipt).await.unwrap().unwrap().sum;
            let receipt = pay(&new, "a").await;
            let new_sum = new.find::<Tenths>(&account("a")).after(&receipt).await.unwrap().unwrap().sum;
            assert_eq!((sum, new_sum), (paid + 1, 10 * (paid + 2)));
            paid += 2;
            if inline_builds(log).await == [(2, 0)] {
                was_inline += 1;
            }
        }
        let receipt = pay(&old, "a").await;
        old.find::<Tally>(&account("a")).after(&receipt).await.unwrap();
        old.shut_down().await;

        wait_until_inline(log).await;
        pay(&new, "a").await;
        let sum = new.find::<Tenths>(&account("a")).await.unwrap().unwrap().sum;
        assert_eq!((sum, inline_builds(log).await), (10 * (paid + 2), vec![(2, 0)]));
        assert_eq!(new.live::<Tenths>(&account("a")).await.unwrap().unwrap().sum, sum);
    })
    .await;
}

#[tokio::test]
async fn programs_of_two_versions_append_at_the_same_time() {
    on_each_log(async |log| {
        let old = started_app::<Tally>(log).await;
        let new = with_inline::<Tenths>(log.app().await).start().await.unwrap();
        let paying = async |app: &App, name: &str| {
            for _ in 0..50 {
                pay(app, name).await;
                tokio::task::yield_now().await;
            }
        };
        tokio::join!(paying(&old, "a"), paying(&new, "a"), paying(&old, "b"), paying(&new, "b"));
        old.shut_down().await;
        wait_until_inline(log).await;
        for name in ["a", "b"] {
            let sum = new.find::<Tenths>(&account(name)).await.unwrap().unwrap().sum;
            assert_eq!((sum, new.live::<Tenths>(&account(name)).await.unwrap().unwrap().sum), (1000, 1000));
        }
    })
    .await;
}

#[tokio::test]
async fn old_version_appends_after_the_new_program_has_gone() {
    on_each_log(async |log| {
        started_app::<Tally>(log).await.shut_down().await;
        started_app::<Tenths>(log).await.shut_down().await;
        let old = with_inline::<Tally>(log.app().await).start().await.unwrap();
        let receipt = pay(&old, "a").await;
        assert_eq!(old.find::<Tally>(&account("a")).after(&receipt).await.unwrap().unwrap().sum, 1);
        assert_eq!(inline_builds(log).await, []);
    })
    .await;
}

#[tokio::test]
async fn removed_projection_is_required_by_no_append() {
    on_each_log(async |log| {
        let old = started_app::<Tally>(log).await;
        pay(&old, "a").await;
        let new = log.app().await.removed_projection("tallies").start().await.unwrap();
        assert_eq!(inline_builds(log).await, []);
        // The old program still has it, and makes it inline again.
        let mut paid = 1;
        while inline_builds(log).await.is_empty() {
            let receipt = pay(&old, "a").await;
            paid += 1;
            assert_eq!(old.find::<Tally>(&account("a")).after(&receipt).await.unwrap().unwrap().sum, paid);
        }
        let receipt = pay(&new, "a").await;
        assert_eq!(old.find::<Tally>(&account("a")).after(&receipt).await.unwrap().unwrap().sum, paid + 1);
        old.shut_down().await;
        pay(&new, "a").await;
        assert_eq!(inline_builds(log).await, []);
        new.shut_down().await;
        // Now a program that does not know it appends too.
        pay(&log.app().await.start().await.unwrap(), "a").await;
    })
    .await;
}

#[tokio::test]
async fn removal_before_the_projection_ever_ran_changes_nothing() {
    on_each_log(async |log| {
        let app = log.app().await.removed_projection("tallies").start().await.unwrap();
        pay(&app, "a").await;
        assert!(log.process().await.rows.builds("tallies").await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn projection_is_either_registered_or_removed() {
    let builder = App::builder(Memory::new()).projection::<Tally>().removed_projection("tallies");
    let error = builder.start().await.unwrap_err().to_string();
    assert!(error.contains("tallies") && error.contains("registered and removed"), "{error}");
}

/// Each append of the old program ends the inline mode; the pauses before the next attempt grow.
#[tokio::test(start_paused = true)]
async fn appends_of_an_old_program_are_interrupted_ever_more_rarely() {
    let log = TestLog::Memory(Memory::new());
    let old = started_app::<Tally>(&log).await;
    let new = Arc::new(with_inline::<Tenths>(log.app().await).start().await.unwrap());
    new.wait_until("tallies", |status| status.state == State::Inline).await.unwrap();
    let mut interruptions = 0;
    for _ in 0..3000 {
        interruptions += usize::from(!inline_builds(&log).await.is_empty());
        pay(&old, "a").await;
        assert_eq!(inline_builds(&log).await, []);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // Pauses of 1, 2, 4, … 64 s in five minutes.
    assert!((6..=12).contains(&interruptions), "{interruptions}");
    old.shut_down().await;
    while inline_builds(&log).await.is_empty() {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(new.find::<Tenths>(&account("a")).await.unwrap().unwrap().sum, 30_000);
}
