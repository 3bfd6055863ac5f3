//! Values that JSON does not distinguish, such as `Some(NaN)` and `None`, are refused before they are stored: in events, in `#[json]`
//! columns and in snapshots.
#![allow(clippy::unwrap_used)] // in the helpers too

use annalist::{
    App, ExecuteError, Invalid, Memory, Position,
    prelude::*,
    projection::{ProjectionOptions, State},
};
use annalist_flow_tests::{
    faulty_store::FaultyStore,
    test_log::{TestLog, on_each_log, wait_until},
};

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
struct SensorId(String);

fn sensor(name: &str) -> SensorId {
    SensorId(name.to_owned())
}

#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
struct Reading {
    value: Option<f64>,
    corrected: Option<Option<i64>>,
    checked: Option<()>,
}

#[derive(Event, Serialize, Deserialize)]
#[event(prefix = "sensor")]
enum SensorEvent {
    Measured {
        #[id]
        sensor: SensorId,
        reading: Reading,
    },
    /// The sum and the number of measurements: their mean is NaN if there are none.
    Summed {
        #[id]
        sensor: SensorId,
        sum: f64,
        count: f64,
    },
}

#[derive(Command, Serialize, Deserialize)]
#[command(decide = measure)]
struct Measure {
    sensor: SensorId,
    reading: Reading,
}

fn measure(command: &Measure) -> SensorEvent {
    SensorEvent::Measured { sensor: command.sensor.clone(), reading: command.reading.clone() }
}

#[derive(Command, Serialize, Deserialize)]
#[command(decide = sum)]
struct Sum {
    sensor: SensorId,
    sum: f64,
    count: f64,
}

fn sum(command: &Sum) -> SensorEvent {
    SensorEvent::Summed { sensor: command.sensor.clone(), sum: command.sum, count: command.count }
}

fn summed(name: &str, sum: f64, count: f64) -> Sum {
    Sum { sensor: sensor(name), sum, count }
}

#[tokio::test]
async fn event_that_json_would_change_is_refused_and_nothing_is_appended() {
    let app = App::builder(Memory::new()).start().await.unwrap();
    let refused = [
        Reading { value: Some(f64::NAN), ..Reading::default() },
        Reading { value: Some(f64::NEG_INFINITY), ..Reading::default() },
        Reading { corrected: Some(None), ..Reading::default() },
        Reading { checked: Some(()), ..Reading::default() },
    ];
    for reading in refused {
        let error = app.execute(Measure { sensor: sensor("a"), reading: reading.clone() }).await.unwrap_err();
        assert!(
            matches!(&error, ExecuteError::Invalid(Invalid::NotReadable { .. })),
            "{reading:?}: {error:?}"
        );
        let text = error.to_string();
        assert!(text.contains("sensor.measured") && text.contains("all are `null` in JSON"), "{text}");
    }
    assert_eq!(app.store().settled().await.unwrap().position, Position::START);

    let reading = Reading { value: Some(0.5), corrected: Some(Some(1)), checked: None };
    app.execute(Measure { sensor: sensor("a"), reading }).await.unwrap();
    app.execute(Measure { sensor: sensor("a"), reading: Reading::default() }).await.unwrap();
}

/// The means of a sensor, in a column that holds JSON.
#[derive(Projection, Debug, PartialEq)]
#[projection(name = "means", on(SensorEvent => Means::apply))]
struct Means {
    #[key]
    sensor: SensorId,
    #[json]
    means: Vec<f64>,
}

impl Means {
    fn apply(&mut self, event: &SensorEvent) {
        if let SensorEvent::Summed { sum, count, .. } = event {
            self.means.push(sum / count);
        }
    }
}

/// The same, with optional means.
#[derive(Projection, Debug, PartialEq)]
#[projection(name = "optional_means", on(SensorEvent => OptionalMeans::apply))]
struct OptionalMeans {
    #[key]
    sensor: SensorId,
    #[json]
    means: Vec<Option<f64>>,
}

impl OptionalMeans {
    fn apply(&mut self, event: &SensorEvent) {
        if let SensorEvent::Summed { sum, count, .. } = event {
            self.means.push(Some(sum / count));
        }
    }
}

/// Appends events of which the second makes a row that cannot be stored, in one batch of the projection.
async fn append_batch(log: &TestLog) {
    let app = App::builder(log.process().await.store).start().await.unwrap();
    for command in
        [summed("a", 1.0, 2.0), summed("a", 0.0, 0.0), summed("a", 3.0, 2.0), summed("b", 5.0, 2.0)]
    {
        app.execute(command).await.unwrap();
    }
    app.shut_down().await;
}

#[tokio::test]
async fn json_column_with_a_nan_stops_at_its_event_and_names_column_and_row() {
    on_each_log(async |log| {
        append_batch(log).await;
        let app = App::builder(log.process().await.store).projection::<Means>().projection::<OptionalMeans>();
        let app = app.start().await.unwrap();
        for name in ["means", "optional_means"] {
            let status = wait_until(&app, name, |status| matches!(status.state, State::Stopped(_))).await;
            let State::Stopped(stopped) = status.state else { unreachable!() };
            assert_eq!(stopped.position, Some(Position::new(2)), "{stopped}");
            assert_eq!(stopped.name.as_deref(), Some("sensor.summed"));
            let column = format!("column `means` of `{name}`");
            for part in [r#"the row "a" cannot be stored"#, &column, "cannot be read back", "[0.5,null]"] {
                assert!(stopped.error.contains(part), "the error must contain {part:?}: {stopped}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn of_a_batch_only_the_event_that_made_the_nan_is_parked_as_failed() {
    on_each_log(async |log| {
        append_batch(log).await;
        let app = App::builder(log.process().await.store);
        let app = app.projection_with::<Means>(ProjectionOptions::new().park()).start().await.unwrap();
        app.wait_until_caught_up().await.unwrap();
        let parked = app.parked("means").await.unwrap();
        let attempts: Vec<_> = parked.iter().map(|parked| (parked.position.get(), parked.attempts)).collect();
        assert_eq!(attempts, [(2, 1), (3, 0)], "{parked:?}");
        assert!(parked[0].error.contains("column `means` of `means`"), "{parked:?}");
        assert_eq!(app.find::<Means>(&sensor("a")).await.unwrap().unwrap().means, [0.5]);
        assert_eq!(app.find::<Means>(&sensor("b")).await.unwrap().unwrap().means, [2.5]);
    })
    .await;
}

#[tokio::test]
async fn command_whose_event_makes_a_nan_in_inline_rows_is_refused() {
    on_each_log(async |log| {
        let app = App::builder(log.process().await.store);
        let app =
            app.projection_with::<OptionalMeans>(ProjectionOptions::new().inline()).start().await.unwrap();
        app.execute(summed("a", 1.0, 2.0)).await.unwrap();
        let error = app.execute(summed("a", 0.0, 0.0)).await.unwrap_err().to_string();
        for part in ["sensor.summed", "column `means` of `optional_means`", r#"the row "a""#] {
            assert!(error.contains(part), "the error must contain {part:?}: {error}");
        }
        // The next event is not affected.
        app.execute(summed("a", 3.0, 2.0)).await.unwrap();
        let row = app.find::<OptionalMeans>(&sensor("a")).await.unwrap().unwrap();
        assert_eq!(row.means, [Some(0.5), Some(1.5)]);
    })
    .await;
}

/// A state with the last mean, which has snapshots.
#[derive(Aggregate, Serialize, Deserialize, Debug)]
#[aggregate(on(SensorEvent => Last::apply), snapshot(every = 1))]
struct Last {
    #[id]
    sensor: SensorId,
    mean: Option<f64>,
}

impl Last {
    fn apply(&mut self, event: &SensorEvent) {
        if let SensorEvent::Summed { sum, count, .. } = event {
            self.mean = Some(sum / count);
        }
    }

    fn sum(&self, command: &SumOfLast) -> SensorEvent {
        SensorEvent::Summed { sensor: self.sensor.clone(), sum: command.sum, count: command.count }
    }
}

#[derive(Command, Serialize, Deserialize)]
#[command(decide = Last::sum)]
struct SumOfLast {
    #[id]
    sensor: SensorId,
    sum: f64,
    count: f64,
}

#[tokio::test]
async fn snapshot_that_would_be_read_as_another_state_is_not_saved() {
    let store = std::sync::Arc::new(FaultyStore::new([]));
    let app = App::builder(std::sync::Arc::clone(&store)).start().await.unwrap();
    let execute = async |sum, count| {
        app.execute(SumOfLast { sensor: sensor("a"), sum, count }).await.unwrap();
        // Snapshots are saved by a background task.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        let snapshots = store.snapshots.lock().unwrap();
        snapshots.iter().map(|(_, snapshot)| snapshot.position.get()).collect::<Vec<_>>()
    };
    assert_eq!(execute(1.0, 2.0).await, [1]);
    assert_eq!(execute(0.0, 0.0).await, [1]);
    let reader = App::builder(std::sync::Arc::clone(&store)).state_cache_capacity(0).start().await.unwrap();
    assert!(reader.load::<Last>(&sensor("a")).await.unwrap().mean.unwrap().is_nan());
    assert_eq!(execute(3.0, 2.0).await.last(), Some(&3));
}
