//! The metrics of the engine.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use annalist::{
    App, Memory,
    manual::Payload,
    projection::{ProjectionOptions, State},
    raw::telemetry::{METRICS, MetricKind},
    store::{Append, Draft},
    testing::ManualClock,
};
use annalist_flow_tests::{
    domain::{deposit, transfer_of},
    faulty_store::{Fault, FaultyStore},
    policies::First,
    read_model::Balance,
    test_log::wait_until,
    versions::{Strict, Tally},
};
use metrics::set_default_local_recorder;
use metrics_util::{
    MetricKind as Kind,
    debugging::{DebugValue, DebuggingRecorder, Snapshotter},
};

/// The series that were measured: the name, the labels with their values, and the value or the number of values.
fn series(snapshotter: &Snapshotter) -> Vec<(Kind, String, BTreeMap<String, String>, f64)> {
    let measured = snapshotter.snapshot().into_vec().into_iter();
    let read = measured.map(|(key, _, _, value)| {
        let labels = key.key().labels().map(|label| (label.key().to_owned(), label.value().to_owned()));
        let value = match value {
            #[allow(clippy::cast_precision_loss, reason = "small numbers")]
            DebugValue::Counter(count) => count as f64,
            DebugValue::Gauge(value) => value.into_inner(),
            DebugValue::Histogram(values) => values.iter().map(|value| value.into_inner()).sum(),
        };
        (key.kind(), key.key().name().to_owned(), labels.collect(), value)
    });
    read.collect()
}

/// The sum of the series with a name whose labels have some values.
fn sum(snapshotter: &Snapshotter, name: &str, values: &[&str]) -> f64 {
    let all = series(snapshotter).into_iter();
    let matching = all.filter(|(_, found, labels, _)| {
        found == name && values.iter().all(|value| labels.values().any(|label| label == value))
    });
    matching.map(|(.., value)| value).sum()
}

/// `METRICS` lists what is measured, with its labels, and nothing else; the page for users has all of it.
#[tokio::test]
async fn measured_metrics_are_listed_and_documented() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _guard = set_default_local_recorder(&recorder);
    let app = App::builder(Memory::new()).projection::<Balance>().policy(First).start().await.unwrap();
    app.execute(deposit("ann", 9)).await.unwrap();
    app.execute(transfer_of("ann", "bob", 50)).await.unwrap_err();
    app.wait_until_caught_up().await.unwrap();

    let mut found = BTreeSet::new();
    for (kind, name, labels, _) in series(&snapshotter) {
        let listed = METRICS.iter().find(|metric| metric.name == name).unwrap_or_else(|| panic!("{name}"));
        let names: BTreeSet<&str> = labels.keys().map(String::as_str).collect();
        assert_eq!(names, listed.labels.iter().copied().collect(), "{name}");
        let expected = match listed.kind {
            MetricKind::Counter => Kind::Counter,
            MetricKind::Gauge => Kind::Gauge,
            MetricKind::Histogram => Kind::Histogram,
        };
        assert_eq!(kind, expected, "{name}");
        found.insert(listed.name);
    }
    // Conflicts have a test of their own.
    found.insert("annalist_command_conflicts_total");
    assert_eq!(found, METRICS.iter().map(|metric| metric.name).collect());

    let page = include_str!("../../../../docs/telemetry.md");
    for metric in METRICS {
        let row = page.lines().find(|line| line.starts_with(&format!("| `{}` |", metric.name)));
        let row = row.unwrap_or_else(|| panic!("`{}` is not in docs/telemetry.md", metric.name));
        assert!(row.contains(&format!("| {} |", format!("{:?}", metric.kind).to_lowercase())), "{row}");
        assert!(metric.labels.iter().all(|label| row.contains(&format!("`{label}`"))), "{row}");
    }
}

#[tokio::test]
async fn commands_are_counted_by_outcome_and_appends_by_size() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _guard = set_default_local_recorder(&recorder);
    let app = App::builder(Memory::new()).start().await.unwrap();
    for _ in 0..3 {
        app.execute(deposit("ann", 9)).await.unwrap();
    }
    app.execute(transfer_of("ann", "bob", 50)).await.unwrap_err();
    drop(app.execute(deposit("ann", 9)).into_future()); // never polled, so never begun
    let snapshot = series(&snapshotter);
    let value = |name: &str, labels: &[&str]| -> f64 {
        let matching = snapshot.iter().filter(|(_, found, values, _)| {
            found == name && labels.iter().all(|label| values.values().any(|value| value == label))
        });
        matching.map(|(.., value)| value).sum()
    };
    assert_eq!(value("annalist_commands_total", &["deposit", "accepted"]), 3.0);
    assert_eq!(value("annalist_commands_total", &["transfer", "rejected"]), 1.0);
    assert_eq!(value("annalist_commands_total", &[]), 4.0);
    assert_eq!(value("annalist_append_commands", &[]), 3.0);
    assert_eq!(value("annalist_append_events", &[]), 3.0);
    assert!(value("annalist_states_total", &["cache"]) >= 1.0, "{snapshot:?}");
    assert!(value("annalist_states_total", &["log"]) >= 1.0, "{snapshot:?}");

    let other = App::builder(app.store().clone()).start().await.unwrap();
    other.execute(deposit("ann", 1)).await.unwrap();
    assert_eq!(sum(&snapshotter, "annalist_load_events_replayed", &["deposit"]), 3.0);
}

#[tokio::test(start_paused = true)]
async fn conflicts_and_cancelled_commands_are_counted() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _guard = set_default_local_recorder(&recorder);
    let tag = annalist::Tag::of(&annalist_flow_tests::domain::account("ann")).unwrap();
    let data = Payload::parse(r#"{"account":"ann","amount":1}"#).unwrap();
    let overtaking = Append {
        events: vec![Draft::new("account.deposited", 1, [tag], data).unwrap()],
        ..Append::default()
    };
    let store = Arc::new(FaultyStore::new([Fault::Overtaken(Box::new(overtaking)), Fault::Held]));
    let app = App::builder(Arc::clone(&store)).start().await.unwrap();
    let deposited = app.execute(deposit("ann", 9));
    assert!(tokio::time::timeout(Duration::from_secs(5), deposited).await.is_err());
    store.gate.add_permits(1);
    let snapshot = series(&snapshotter);
    let value = |name: &str| -> f64 {
        snapshot.iter().filter(|(_, found, ..)| found == name).map(|(.., value)| value).sum()
    };
    assert_eq!(value("annalist_command_conflicts_total"), 1.0);
    assert_eq!(value("annalist_commands_total"), 1.0);
    assert!(snapshot.iter().any(|(.., labels, _)| labels.values().any(|value| value == "cancelled")));
}

/// The age grows while nothing is handled, as an alert needs it, and nothing is read for that.
#[tokio::test(start_paused = true)]
async fn lag_of_a_stopped_projection_grows_and_ends_with_the_stop() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _guard = set_default_local_recorder(&recorder);
    let clock = ManualClock::default();
    let builder = App::builder(Memory::new()).clock(clock.clone()).projection::<Strict>();
    let app = builder.start().await.unwrap();
    app.execute(deposit("ann", 1)).await.unwrap();
    app.execute(deposit("ann", 5000)).await.unwrap();
    app.execute(deposit("ann", 1)).await.unwrap();
    wait_until(&app, "tallies", |status| matches!(status.state, State::Stopped(_))).await;
    clock.advance(Duration::from_secs(3600));
    tokio::time::sleep(Duration::from_secs(5)).await;
    let gauge = |snapshot: &[(Kind, String, BTreeMap<String, String>, f64)], name: &str| {
        snapshot.iter().find(|(_, found, ..)| found == name).map(|(.., value)| *value).unwrap()
    };
    let snapshot = series(&snapshotter);
    assert_eq!(gauge(&snapshot, "annalist_stopped"), 1.0);
    assert_eq!(gauge(&snapshot, "annalist_lag_events"), 2.0);
    assert_eq!(gauge(&snapshot, "annalist_lag_seconds"), 3600.0);
    app.shut_down().await;

    let options = ProjectionOptions::new().park();
    let builder = App::builder(app.store().clone()).clock(clock).projection_with::<Strict>(options);
    let app = builder.start().await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let snapshot = series(&snapshotter);
    for (name, value) in [("stopped", 0.0), ("lag_events", 0.0), ("lag_seconds", 0.0), ("parked_events", 2.0)]
    {
        assert_eq!(gauge(&snapshot, &format!("annalist_{name}")), value, "{name}");
    }
    assert_eq!(gauge(&snapshot, "annalist_settled_age_seconds"), 0.0);
}

/// Labels are names of the program. A label with an id would make a series for each of them, and no monitoring survives that.
#[tokio::test]
async fn number_of_series_does_not_depend_on_the_number_of_aggregates() {
    const AGGREGATES: usize = 100_000;
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _guard = set_default_local_recorder(&recorder);
    let app = App::builder(Memory::new()).projection::<Tally>().start().await.unwrap();
    let mut after_the_first = 0;
    for number in 0..AGGREGATES {
        app.execute(deposit(&format!("account-{number}"), 1)).await.unwrap();
        if number == 10 {
            app.wait_until_caught_up().await.unwrap();
            after_the_first = series(&snapshotter).len();
        }
    }
    app.wait_until_caught_up().await.unwrap();
    let all = series(&snapshotter);
    assert_eq!(all.len(), after_the_first, "{all:?}");
    assert!(after_the_first > 10 && after_the_first < 40, "{after_the_first}");
    assert!(all.iter().all(|(.., labels, _)| labels.values().all(|value| !value.contains("account-"))));
}
