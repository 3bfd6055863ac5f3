//! What status, lag, receipts and errors say about projections and policies: always what is.
#![allow(clippy::unwrap_used)] // in the helpers too

use annalist::{
    App, Error, Position,
    app::Lag,
    prelude::*,
    projection::{ProjectionOptions, State},
};
use annalist_flow_tests::{
    domain::{DepositIfEmpty, account, deposit},
    policies::{Bonus, CallCounter, ParksRefusal, StopsAtRefusal},
    read_model::Balance,
    test_log::{on_each_log, wait_until},
    versions::{Strict, Tally},
};

async fn pay(app: &App, name: &str, amount: u64) -> Receipt {
    app.execute(deposit(name, amount)).await.unwrap()
}

async fn lag(app: &App, name: &str) -> u64 {
    let overview = app.overview().await.unwrap();
    overview.into_iter().find(|one| one.name == name).unwrap().lag.events
}

#[tokio::test]
async fn lag_counts_the_events_after_a_stop_at_the_first_event() {
    on_each_log(async |log| {
        let app = log.app().await.start().await.unwrap();
        pay(&app, "ann", 5000).await;
        pay(&app, "bob", 1).await;
        // The first builds are not complete before the end of the log.
        let builder = log.app().await.projection::<Strict>();
        let app = builder.policy(StopsAtRefusal { calls: CallCounter::default() }).start().await.unwrap();
        for name in ["tallies", "stops_at_refusal"] {
            wait_until(&app, name, |status| matches!(status.state, State::Stopped(_))).await;
            assert_eq!(lag(&app, name).await, 2, "{name}");
        }
        app.shut_down().await;

        // Also in a program that finds the build in that state.
        let app = log.app().await.projection::<Strict>().start().await.unwrap();
        wait_until(&app, "tallies", |status| matches!(status.state, State::Stopped(_))).await;
        assert_eq!(lag(&app, "tallies").await, 2);
    })
    .await;
}

#[tokio::test]
async fn query_of_a_first_build_that_stopped_says_so() {
    on_each_log(async |log| {
        let app = log.app().await.start().await.unwrap();
        pay(&app, "ann", 1).await;
        pay(&app, "ann", 5000).await;
        let app = log.app().await.projection::<Strict>().start().await.unwrap();
        let error = app.find::<Strict>(&account("ann")).await.unwrap_err();
        assert!(matches!(error, Error::NotCaughtUp { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains("`tallies` cannot be queried yet; its first build is not complete"), "{text}");
        assert!(text.contains("and at 1: stopped at position 2"), "{text}");
        let text = app.find::<Strict>(&account("ann")).after(Position::new(2)).await.unwrap_err().to_string();
        assert!(text.contains("has not reached position 2; it is at 1: stopped at position 2"), "{text}");
    })
    .await;
}

/// The receipt of a command without events waits for the events that its decision saw, wherever they were appended.
#[tokio::test]
async fn receipt_without_events_has_the_position_of_what_the_decision_saw() {
    on_each_log(async |log| {
        let (app, other) = (log.app().await.projection::<Tally>(), log.app().await);
        let (app, other) = (app.start().await.unwrap(), other.start().await.unwrap());
        let check = || DepositIfEmpty { account: account("ann") };
        for round in 1..=5 {
            let paid = pay(&other, "ann", 7).await;
            // Read from the log, taken from the cache, appended with a command id, and repeated.
            for id in [None, None, Some(round), Some(round)] {
                let receipt = match id {
                    None => app.execute(check()).await.unwrap(),
                    Some(id) => app.execute(check()).id(format!("check-{id}")).await.unwrap(),
                };
                assert_eq!(receipt.events, []);
                assert!(receipt.position() >= paid.position(), "{receipt:?} after {paid:?}");
                let row = app.find::<Tally>(&account("ann")).after(&receipt).await.unwrap();
                assert_eq!(row.unwrap().sum, 7 * round);
                assert_eq!(app.position_of(app.token(&receipt)).unwrap(), receipt.position());
            }
        }
    })
    .await;
}

#[tokio::test]
async fn receipt_without_events_waits_for_the_commands_of_its_batch() {
    on_each_log(async |log| {
        let app = log.app().await.start().await.unwrap();
        pay(&app, "ann", 1).await;
        for round in 0..8 {
            let commands = (0..8).map(|number| {
                let app = app.clone();
                tokio::spawn(async move {
                    if number % 2 == 0 {
                        return pay(&app, "ann", 1).await;
                    }
                    let check = app.execute(DepositIfEmpty { account: account("ann") });
                    let check = if number % 4 == 1 { check } else { check.id(format!("{round}-{number}")) };
                    check.await.unwrap()
                })
            });
            for command in commands.collect::<Vec<_>>() {
                assert!(command.await.unwrap().position() > Position::START);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn position_of_an_inline_build_is_the_end_of_the_log() {
    on_each_log(async |log| {
        let start = async || {
            let options = ProjectionOptions::new().inline();
            log.app().await.projection_with::<Balance>(options).start().await.unwrap()
        };
        let (app, other) = (start().await, start().await);
        for app in [&app, &other] {
            wait_until(app, "balances", |status| status.state == State::Inline).await;
        }
        let receipt = pay(&app, "ann", 5).await;
        assert_eq!(app.statuses()[0].1.position, receipt.position());
        for app in [&app, &other] {
            let overview = app.overview().await.unwrap();
            assert_eq!((overview[0].status.position, overview[0].lag), (receipt.position(), Lag::default()));
            wait_until(app, "balances", |status| status.position == receipt.position()).await;
        }
    })
    .await;
}

#[tokio::test]
async fn every_follower_says_that_it_has_caught_up_after_the_wait() {
    on_each_log(async |log| {
        let builder = log.app().await.projection::<Tally>().projection::<Balance>();
        let builder = builder.policy(Bonus { calls: CallCounter::default() });
        let app = builder.policy(ParksRefusal { calls: CallCounter::default() }).start().await.unwrap();
        let is_caught_up = || app.statuses().into_iter().all(|(_, status)| status.state == State::CaughtUp);
        app.wait_until_caught_up().await.unwrap();
        assert!(is_caught_up(), "in an empty log: {:?}", app.statuses());
        for round in 0..7 {
            for amount in 0..=round {
                pay(&app, &format!("a{amount}"), amount).await;
            }
            if round % 3 == 0 {
                app.resume("tallies").await.unwrap();
                app.resume("bonus").await.unwrap();
            }
            app.wait_until_caught_up().await.unwrap();
            assert!(is_caught_up(), "{:?}", app.statuses());
            assert!(app.overview().await.unwrap().iter().all(|one| one.lag == Lag::default()));
        }
    })
    .await;
}
