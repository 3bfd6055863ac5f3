//! Parked events: which later events wait for them, which continue, and how they are retried or discarded.
#![allow(clippy::unwrap_used)] // in the helpers too

use annalist::{
    Position,
    app::Builder,
    prelude::*,
    projection::{Projection, ProjectionOptions, State, Status},
    raw::projection::Parking,
    store::Parked,
};
use annalist_flow_tests::{
    domain::{AccountEvent, AccountId, account, deposit, transfer_of},
    test_log::{TestLog, on_each_log, wait_until},
    versions::{Strict, Tally},
};

async fn pay(app: &App, name: &str, amount: u64) -> Receipt {
    app.execute(deposit(name, amount)).await.unwrap()
}

async fn sum<P: Projection<Key = annalist_flow_tests::domain::AccountId>>(
    app: &App,
    name: &str,
    of: fn(&P) -> i64,
) -> Option<i64> {
    app.find::<P>(&account(name)).await.unwrap().as_ref().map(of)
}

async fn strict_sum(app: &App, name: &str) -> Option<i64> {
    sum::<Strict>(app, name, |row| row.sum).await
}

async fn tally_sum(app: &App, name: &str) -> Option<i64> {
    sum::<Tally>(app, name, |row| row.sum).await
}

fn with_parking<P: Projection>(builder: Builder) -> Builder {
    builder.projection_with::<P>(ProjectionOptions::new().park())
}

async fn started_app<P: Projection>(log: &TestLog) -> App {
    with_parking::<P>(log.app().await).start().await.unwrap()
}

/// Positions and attempts of the parked events.
async fn parked(app: &App) -> Vec<(u64, u32)> {
    let parked = app.parked("tallies").await.unwrap();
    parked.iter().map(|one| (one.position.get(), one.attempts)).collect()
}

/// A log with a poison event of `a` at position 2, followed by events of `a`, of `a` and `b`, of `b`, and of `c`.
async fn app_with_poison_event(log: &TestLog) -> App {
    let app = started_app::<Strict>(log).await;
    pay(&app, "a", 1).await;
    pay(&app, "a", 5000).await;
    pay(&app, "a", 2).await;
    app.execute(transfer_of("a", "b", 3)).await.unwrap();
    pay(&app, "b", 4).await;
    pay(&app, "c", 5).await;
    app.wait_until_caught_up().await.unwrap();
    app
}

#[tokio::test]
async fn events_of_the_same_rows_wait_and_others_continue() {
    on_each_log(async |log| {
        let app = app_with_poison_event(log).await;
        assert_eq!((strict_sum(&app, "a").await, strict_sum(&app, "b").await), (Some(1), None));
        assert_eq!(strict_sum(&app, "c").await, Some(5));
        assert_eq!(parked(&app).await, [(2, 1), (3, 0), (4, 0), (5, 0)]);

        let all: Vec<Parked> = app.parked("tallies").await.unwrap();
        assert!(all[0].error.contains("cannot handle a payment of 5000"), "{all:?}");
        assert!(all[1].error.contains("waits for the event at position 2"), "{all:?}");
        assert_eq!(all[2].keys.len(), 2);
        let caught_up = |status: &Status| status.parked == 4 && status.state == State::CaughtUp;
        assert_eq!(wait_until(&app, "tallies", caught_up).await.position, Position::new(6));
    })
    .await;
}

/// The control: a projection that does not park stops before the event.
#[tokio::test]
async fn projection_without_parking_stops_at_a_poison_event() {
    on_each_log(async |log| {
        let app = log.app().await.projection::<Strict>().start().await.unwrap();
        pay(&app, "a", 5000).await;
        let receipt = pay(&app, "c", 5).await;
        wait_until(&app, "tallies", |status| matches!(status.state, State::Stopped(_))).await;
        assert_eq!(parked(&app).await, []);
        let error = app.find::<Strict>(&account("c")).after(&receipt).await.unwrap_err().to_string();
        assert!(error.contains("cannot handle a payment of 5000"), "{error}");
    })
    .await;
}

/// A parked event counts as handled for a receipt: the rows show every other event.
#[tokio::test]
async fn find_after_a_receipt_does_not_wait_for_parked_events() {
    on_each_log(async |log| {
        let app = app_with_poison_event(log).await;
        let receipt = pay(&app, "a", 7).await;
        let row = app.find::<Strict>(&account("a")).after(&receipt).await.unwrap();
        assert_eq!(row.map(|row| row.sum), Some(1));
    })
    .await;
}

#[tokio::test]
async fn parked_events_remain_after_a_restart_and_are_retried_in_order() {
    on_each_log(async |log| {
        app_with_poison_event(log).await.shut_down().await;
        let app = started_app::<Tally>(log).await;
        let receipt = pay(&app, "b", 1).await;
        app.wait_for_position("tallies", &receipt, annalist_flow_tests::test_log::TEST_TIMEOUT)
            .await
            .unwrap();
        assert_eq!(parked(&app).await, [(2, 1), (3, 0), (4, 0), (5, 0), (7, 0)]);

        let retried = app.retry_parked("tallies").await.unwrap();
        assert_eq!((retried.done, retried.parked), (5, 0));
        assert_eq!((tally_sum(&app, "a").await, tally_sum(&app, "b").await), (Some(5000), Some(8)));
        // Later events are no longer parked.
        let receipt = pay(&app, "a", 1).await;
        let row = app.find::<Tally>(&account("a")).after(&receipt).await.unwrap();
        assert_eq!((row.unwrap().sum, parked(&app).await), (5001, vec![]));
    })
    .await;
}

#[tokio::test]
async fn event_that_fails_again_stays_parked_with_its_attempts() {
    on_each_log(async |log| {
        let app = app_with_poison_event(log).await;
        for attempts in 2..4 {
            let retried = app.retry_parked("tallies").await.unwrap();
            assert_eq!((retried.done, retried.parked), (0, 4));
            assert_eq!(parked(&app).await, [(2, attempts), (3, 0), (4, 0), (5, 0)]);
        }
        assert_eq!((strict_sum(&app, "a").await, strict_sum(&app, "b").await), (Some(1), None));
    })
    .await;
}

#[tokio::test]
async fn discarded_event_no_longer_blocks_later_ones() {
    on_each_log(async |log| {
        let app = app_with_poison_event(log).await;
        assert!(!app.discard_parked("tallies", Position::new(1)).await.unwrap());
        assert!(app.discard_parked("tallies", Position::new(2)).await.unwrap());
        assert!(!app.discard_parked("tallies", Position::new(2)).await.unwrap());
        assert_eq!(parked(&app).await, [(3, 0), (4, 0), (5, 0)]);
        let retried = app.retry_parked("tallies").await.unwrap();
        assert_eq!((retried.done, retried.parked), (3, 0));
        assert_eq!((strict_sum(&app, "a").await, strict_sum(&app, "b").await), (Some(0), Some(7)));
        let receipt = pay(&app, "a", 1).await;
        let row = app.find::<Strict>(&account("a")).after(&receipt).await.unwrap();
        assert_eq!(row.unwrap().sum, 1);
    })
    .await;
}

#[tokio::test]
async fn status_has_the_number_of_parked_events_after_a_retry_in_every_process() {
    on_each_log(async |log| {
        app_with_poison_event(log).await.shut_down().await;
        let (one, other) = (started_app::<Tally>(log).await, started_app::<Tally>(log).await);
        let parked = |app: &App| app.statuses()[0].1.parked;
        // Also before a runner has loaded the checkpoint.
        assert_eq!((parked(&one), parked(&other)), (4, 4));
        assert!(one.discard_parked("tallies", Position::new(5)).await.unwrap());
        assert_eq!(parked(&one), 3);
        assert_eq!(one.retry_parked("tallies").await.unwrap().done, 3);
        assert_eq!(parked(&one), 0);
        wait_until(&other, "tallies", |status| status.parked == 0).await;
    })
    .await;
}

#[tokio::test]
async fn concurrent_retries_of_two_processes_count_each_event_once() {
    on_each_log(async |log| {
        app_with_poison_event(log).await.shut_down().await;
        let (one, other) = (started_app::<Tally>(log).await, started_app::<Tally>(log).await);
        let paying = async {
            for _ in 0..20 {
                pay(&one, "a", 1).await;
            }
        };
        let (first, second, ()) =
            tokio::join!(one.retry_parked("tallies"), other.retry_parked("tallies"), paying);
        assert_eq!((first.unwrap().parked, second.unwrap().parked), (0, 0));
        // Events that were appended before the poison event was retried were parked too.
        one.retry_parked("tallies").await.unwrap();
        one.wait_until_caught_up().await.unwrap();
        other.wait_until_caught_up().await.unwrap();
        one.retry_parked("tallies").await.unwrap();
        assert_eq!((tally_sum(&one, "a").await, tally_sum(&other, "b").await), (Some(5020), Some(7)));
        assert_eq!(parked(&other).await, []);
    })
    .await;
}

/// A program without parking stops at an event that has to wait for a parked one, and reports the reason.
#[tokio::test]
async fn program_without_parking_stops_at_an_event_that_waits() {
    on_each_log(async |log| {
        app_with_poison_event(log).await.shut_down().await;
        let app = log.app().await.projection::<Tally>().start().await.unwrap();
        pay(&app, "c", 1).await;
        pay(&app, "a", 1).await;
        let status = wait_until(&app, "tallies", |status| matches!(status.state, State::Stopped(_))).await;
        assert_eq!((status.position, status.parked), (Position::new(7), 4));
        let State::Stopped(stopped) = status.state else { unreachable!() };
        assert!(stopped.error.contains("waits for the event at position 2"), "{stopped}");
        // After a retry in order, it continues.
        assert_eq!(app.retry_parked("tallies").await.unwrap().done, 4);
        app.wait_until_caught_up().await.unwrap();
        assert_eq!(tally_sum(&app, "a").await, Some(5001));
    })
    .await;
}

/// If most events fail, each one is parked.
#[tokio::test]
async fn many_failures_are_parked_one_by_one() {
    on_each_log(async |log| {
        let app = started_app::<Strict>(log).await;
        for n in 0..200 {
            pay(&app, &format!("a{n}"), if n % 10 == 0 { 1 } else { 5000 }).await;
        }
        app.wait_until_caught_up().await.unwrap();
        assert_eq!(parked(&app).await.len(), 180);
        assert_eq!((strict_sum(&app, "a10").await, strict_sum(&app, "a11").await), (Some(1), None));
        app.shut_down().await;
        let app = started_app::<Tally>(log).await;
        assert_eq!(app.retry_parked("tallies").await.unwrap().done, 180);
        assert_eq!(tally_sum(&app, "a11").await, Some(5000));
    })
    .await;
}

/// Each round of a retry handles as many events as one reader may hold.
#[tokio::test]
async fn parked_events_of_more_bytes_than_a_reader_may_hold_are_retried_in_rounds() {
    let log = TestLog::Memory(annalist::Memory::new());
    let app = started_app::<Strict>(&log).await;
    for n in 0..50 {
        pay(&app, &format!("a{}", n % 20), 5000).await;
    }
    app.wait_until_caught_up().await.unwrap();
    app.shut_down().await;
    let TestLog::Memory(store) = log else { return };
    let app = App::builder(store).max_read_bytes(1).projection_with::<Tally>(ProjectionOptions::new().park());
    let app = app.start().await.unwrap();
    assert_eq!(app.retry_parked("tallies").await.unwrap().done, 50);
    assert_eq!(tally_sum(&app, "a9").await, Some(15_000));
    assert_eq!(tally_sum(&app, "a10").await, Some(10_000));
}

/// Appends many events at once.
#[derive(Command, Serialize, Deserialize)]
#[command(decide = pay_all)]
struct PayAll {
    account: AccountId,
    amounts: Vec<u64>,
}

fn pay_all(command: &PayAll) -> Vec<AccountEvent> {
    let deposited = |amount| AccountEvent::Deposited { account: command.account.clone(), amount };
    command.amounts.iter().copied().map(deposited).collect()
}

#[tokio::test]
async fn projection_with_too_many_parked_events_stops() {
    let app = started_app::<Strict>(&TestLog::Memory(annalist::Memory::new())).await;
    let amounts = vec![5000; Parking::MAX_PARKED as usize + 1];
    app.execute(PayAll { account: account("a"), amounts }).await.unwrap();
    let status = wait_until(&app, "tallies", |status| matches!(status.state, State::Stopped(_))).await;
    assert_eq!((status.position.get(), status.parked), (Parking::MAX_PARKED, Parking::MAX_PARKED));
    let State::Stopped(stopped) = status.state else { unreachable!() };
    assert!(stopped.error.contains("parked already: 10000"), "{stopped}");
}

/// An event that cannot be decoded is parked if its tags determine the affected keys; otherwise it stops the projection.
mod unreadable {
    use annalist::prelude::*;
    use annalist_flow_tests::{
        domain::AccountId,
        test_log::{on_each_log, wait_until},
    };

    use super::{App, Position, ProjectionOptions, State, account, pay, tally_sum};
    use annalist_flow_tests::versions::Tally;

    /// An event with the same name and other fields.
    #[derive(Event, Serialize, Deserialize, Clone, Debug)]
    #[event(name = "account.deposited")]
    struct Damaged {
        #[id]
        account: AccountId,
        amount: String,
    }

    #[derive(Command, Serialize, Deserialize)]
    #[command(decide = damage)]
    struct Damage {
        account: AccountId,
    }

    fn damage(command: &Damage) -> Damaged {
        Damaged { account: command.account.clone(), amount: "much".to_owned() }
    }

    /// A projection whose key depends on the fields of the event.
    #[derive(Projection, Clone, Debug)]
    #[projection(name = "named", version = 1, on(annalist_flow_tests::domain::AccountEvent => Named::apply by Named::key))]
    struct Named {
        #[key]
        name: String,
    }

    impl Named {
        fn key(event: &annalist_flow_tests::domain::AccountEvent) -> String {
            format!("{event:?}")
        }

        fn apply(&mut self, _: &annalist_flow_tests::domain::AccountEvent) {}
    }

    #[tokio::test]
    async fn unreadable_event_is_parked_if_its_keys_are_known() {
        on_each_log(async |log| {
            let process = log.process().await;
            let damager = process.app().start().await.unwrap();
            damager.execute(Damage { account: account("a") }).await.unwrap();
            let options = || ProjectionOptions::new().park();
            let app = process.app().projection_with::<Tally>(options()).projection_with::<Named>(options());
            let app: App = app.start().await.unwrap();
            let receipt = pay(&app, "b", 3).await;
            app.wait_for_position("tallies", &receipt, annalist_flow_tests::test_log::TEST_TIMEOUT)
                .await
                .unwrap();
            assert_eq!(
                (tally_sum(&app, "b").await, app.parked("tallies").await.unwrap().len()),
                (Some(3), 1)
            );

            let status = wait_until(&app, "named", |status| matches!(status.state, State::Stopped(_))).await;
            assert_eq!((status.position, status.parked), (Position::START, 0));
            let State::Stopped(stopped) = status.state else { unreachable!() };
            assert!(stopped.error.contains("the affected keys are unknown"), "{stopped}");
        })
        .await;
    }
}
