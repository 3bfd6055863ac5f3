//! The log lines of the engine. The clock of the tests is paused: it moves on when there is nothing else to do.

use std::{sync::Arc, time::Duration};

use annalist::{
    App, Memory,
    projection::{ProjectionOptions, State, Status},
};
use annalist_flow_tests::{
    domain::deposit,
    faulty_rows::FaultyRows,
    policies::First,
    read_model::Balance,
    test_log::wait_until,
    versions::{Strict, Tally},
};
use tokio::time::sleep;
use tracing::Level;

use super::captured::{Line, capture};

/// The amount at which `Strict` fails.
const POISON: u64 = 5000;
const ACCOUNT: &str = "jane.doe@example.org";

fn is_stopped(status: &Status) -> bool {
    matches!(status.state, State::Stopped(_))
}

/// Checks that there is a line at once, and one a minute.
fn check_reminders(lines: &[Line], minutes: u64) {
    let times: Vec<_> = lines.iter().map(|line| line.at).collect();
    let pauses: Vec<Duration> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses.len() as u64 >= minutes - 1, "{pauses:?}");
    let is_regular = |pause: &Duration| (60..70).contains(&pause.as_secs());
    assert!(pauses.iter().all(is_regular), "{pauses:?}");
}

#[tokio::test(start_paused = true)]
async fn stop_is_logged_at_once_and_every_minute_until_it_is_over() {
    let (captured, _guard) = capture(Level::INFO);
    let app = App::builder(Memory::new()).projection::<Strict>().start().await.unwrap();
    let receipt = app.execute(deposit(ACCOUNT, POISON)).await.unwrap();
    wait_until(&app, "tallies", is_stopped).await;
    let stops = || captured.lines_with("is stopped");
    let [line] = stops().try_into().unwrap();
    assert_eq!(line.level, Level::ERROR);
    let values = ["name", "build", "position", "event", "event_name"].map(|name| line.fields.get(name));
    let event = receipt.events[0].id.to_string();
    assert_eq!(values, ["tallies", "tallies_v1", "1", &event, "account.deposited"]);
    assert!(line.fields.get("error").contains("cannot handle a payment"), "{line:?}");

    sleep(Duration::from_secs(600)).await;
    let known = stops();
    check_reminders(&known, 10);
    // A stop after another attempt is news.
    app.resume("tallies").await.unwrap();
    wait_until(&app, "tallies", is_stopped).await;
    assert_eq!(stops().len(), known.len() + 1);
    app.shut_down().await;
    sleep(Duration::from_secs(600)).await;
    assert_eq!(stops().len(), known.len() + 1);
}

/// The attempts are at most five seconds apart; the lines are not.
#[tokio::test(start_paused = true)]
async fn store_that_does_not_respond_is_logged_every_minute() {
    let (captured, _guard) = capture(Level::INFO);
    let log = Memory::new();
    let rows = Arc::new(FaultyRows::new(Arc::new(log.clone())));
    let options = ProjectionOptions::new().rows(Arc::clone(&rows));
    let app = App::builder(log).projection_with::<Balance>(options).start().await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    rows.set_unavailable(true);
    let calls = rows.calls();
    app.execute(deposit(ACCOUNT, 1)).await.unwrap();
    sleep(Duration::from_secs(600)).await;
    assert!(rows.calls() > calls + 100);
    let (runner, supervisor) = (captured.lines_with("waiting to try"), captured.lines_with("waiting for a"));
    for lines in [&runner, &supervisor] {
        check_reminders(lines, 9);
        assert!(lines.iter().all(|line| line.level == Level::WARN && line.fields.get("name") == "balances"));
    }
    rows.set_unavailable(false);
    app.wait_until_caught_up().await.unwrap();
    assert_eq!(captured.lines_with("continuing").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn operator_sees_start_builds_promotions_parked_events_and_the_end() {
    let log = Memory::new();
    let app = App::builder(log.clone()).start().await.unwrap();
    for amount in [1, POISON, POISON, 2] {
        app.execute(deposit(ACCOUNT, amount)).await.unwrap();
    }
    let (captured, _guard) = capture(Level::INFO);
    let parks = || ProjectionOptions::new().park();
    let app = App::builder(log).projection_with::<Strict>(parks()).policy(First).start().await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    app.rebuild("tallies").await.unwrap();
    wait_until(&app, "tallies", |status| status.reads.is_some_and(|table| table.build == 1)).await;
    app.shut_down().await;
    let summary = |line: &Line| {
        let (level, name, message) = (line.level, line.fields.get("name"), line.message());
        format!("{level} {name}: {}", message.split(':').next().unwrap())
    };
    let lines: Vec<String> = captured.lines().iter().map(summary).collect();
    for expected in [
        "INFO : the app has started",
        "INFO tallies: building",
        "ERROR tallies: an event is parked, and later events of its key wait for it",
        "INFO tallies: the build is complete",
        "INFO : the app is shutting down",
    ] {
        assert!(lines.iter().any(|line| line == expected), "{expected}: {lines:#?}");
    }
    let [parked, _] = captured.lines_with("is parked").try_into().unwrap();
    assert_eq!((parked.fields.get("position"), parked.fields.get("parked")), ("2", "3"));
    assert_eq!(parked.fields.get("event").len(), 36);
}

/// The lines are bounded by what happens: an app with nothing to do, and commands that succeed, say nothing.
#[tokio::test(start_paused = true)]
async fn idle_app_and_accepted_commands_log_nothing() {
    let app = App::builder(Memory::new()).projection::<Tally>().policy(First).start().await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    let (captured, _guard) = capture(Level::INFO);
    for amount in 0..100 {
        app.execute(deposit(ACCOUNT, amount)).await.unwrap();
    }
    app.wait_until_caught_up().await.unwrap();
    sleep(Duration::from_secs(3600)).await;
    assert!(captured.lines().is_empty(), "{:?}", captured.lines());
}

/// Ids of aggregates may be those of persons, so spans and lines name positions and events.
#[tokio::test(start_paused = true)]
async fn ids_payloads_and_actors_are_in_no_span_and_no_line() {
    const AMOUNT: u64 = 987_654_321;
    let (captured, _guard) = capture(Level::TRACE);
    let builder = App::builder(Memory::new()).projection_with::<Tally>(ProjectionOptions::new().park());
    let app = builder.policy(First).start().await.unwrap();
    app.execute(deposit(ACCOUNT, AMOUNT)).actor("Jane Doe").await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    app.shut_down().await;
    let text = format!(
        "{:?}",
        (captured.lines(), captured.spans().iter().map(|span| &span.fields).collect::<Vec<_>>())
    );
    assert!(text.contains("tallies") && text.contains("deposit"), "{text}");
    for secret in [ACCOUNT, "Jane Doe", &AMOUNT.to_string()] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}
