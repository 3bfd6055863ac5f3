//! Errors of a domain at run time: each has a clear error, nothing is written, and the app continues.
#![allow(clippy::unwrap_used)] // in the helpers too

use std::convert::Infallible;

use annalist::{App, Error, ExecuteError, Invalid, Memory, Position, prelude::*};

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
struct SensorId(String);

#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event(prefix = "sensor")]
enum SensorEvent {
    Measured {
        #[id]
        sensor: SensorId,
        value: f64,
        note: String,
    },
}

#[derive(Aggregate, Debug)]
#[aggregate(on(SensorEvent => Sensor::apply))]
struct Sensor {
    #[id]
    id: SensorId,
    sum: f64,
}

impl Sensor {
    fn apply(&mut self, event: &SensorEvent) {
        let SensorEvent::Measured { value, .. } = event;
        assert!(*value < 1000.0, "{:?} cannot fold {value}", self.id);
        self.sum += value;
    }

    fn measure(&self, command: &Measure) -> SensorEvent {
        assert!(!command.value.is_sign_negative(), "a decision that panics on {}", command.value);
        let Measure { sensor, value, note } = command.clone();
        SensorEvent::Measured { sensor, value, note }
    }
}

#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = Sensor::measure)]
struct Measure {
    #[id]
    sensor: SensorId,
    value: f64,
    note: String,
}

fn measure(value: f64) -> Measure {
    Measure { sensor: SensorId("s".into()), value, note: String::new() }
}

async fn app() -> App {
    App::builder(Memory::new()).max_payload(1000).start().await.unwrap()
}

async fn head(app: &App) -> Position {
    app.store().settled().await.unwrap().position
}

#[tokio::test]
async fn panic_in_a_decision_is_an_error_for_its_caller_only() {
    let app = app().await;
    let error = app.execute(measure(-1.0)).await.unwrap_err();
    assert!(matches!(error, ExecuteError::Panicked(_)), "{error:?}");
    assert!(error.to_string().contains("`measure`"), "{error}");
    assert!(error.to_string().contains("a decision that panics on -1"), "{error}");
    app.execute(measure(1.0)).await.unwrap();
    assert_eq!(head(&app).await, Position::new(1));
}

#[tokio::test]
async fn panic_in_a_fold_is_an_error_and_the_events_remain() {
    let app = app().await;
    app.execute(measure(5000.0)).await.unwrap();
    let error = app.execute(measure(1.0)).await.unwrap_err();
    assert!(error.to_string().contains("cannot fold 5000"), "{error}");
    let error = app.load::<Sensor>(&SensorId("s".into())).await.unwrap_err();
    assert!(matches!(error, Error::Panicked { .. }), "{error:?}");
    assert_eq!(app.history::<SensorEvent>(&SensorId("s".into())).await.unwrap().len(), 1);
}

#[tokio::test]
async fn event_that_cannot_be_read_back_is_not_written() {
    let app = app().await;
    let error = app.execute(measure(f64::NAN)).await.unwrap_err();
    assert!(matches!(error, ExecuteError::Invalid(Invalid::NotReadable { .. })), "{error:?}");
    assert_eq!(head(&app).await, Position::START);
}

#[tokio::test]
async fn payload_above_the_configured_limit_is_refused() {
    let app = app().await;
    let mut large = measure(1.0);
    large.note = "x".repeat(1000);
    match app.execute(large).await.unwrap_err() {
        ExecuteError::Invalid(Invalid::TooLarge { what, limit: 1000, .. }) => {
            assert!(what.contains("sensor.measured"), "{what}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(head(&app).await, Position::START);
}

mod conflicting {
    use super::*;

    /// Another event type with a name of the domain.
    #[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
    #[event(name = "sensor.measured")]
    pub(crate) struct Measured {
        #[id]
        pub(crate) sensor: SensorId,
    }

    #[derive(Command, Serialize, Deserialize)]
    #[command(decide = record)]
    pub(crate) struct Record {
        pub(crate) name: String,
    }

    fn record(command: &Record) -> Measured {
        Measured { sensor: SensorId(command.name.clone()) }
    }

    /// Another id type with a kind of the domain.
    #[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
    #[id(kind = "sensor")]
    pub(crate) struct Device(String);

    #[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
    pub(crate) struct Installed {
        #[id]
        pub(crate) device: Device,
    }
}

#[tokio::test]
async fn two_types_with_one_event_name_are_both_in_the_error() {
    let error = App::builder(Memory::new())
        .events::<SensorEvent>()
        .events::<conflicting::Measured>()
        .start()
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(text.contains("`sensor.measured`"), "{text}");
    assert!(text.contains("SensorEvent::Measured") && text.contains("conflicting::Measured"), "{text}");
}

#[tokio::test]
async fn duplicate_event_name_of_an_unregistered_type_is_refused() {
    let app = app().await;
    app.execute(measure(1.0)).await.unwrap();
    let error = app.execute(conflicting::Record { name: "s".into() }).await.unwrap_err();
    assert!(matches!(error, ExecuteError::Invalid(Invalid::DuplicateName { .. })), "{error:?}");
    assert_eq!(head(&app).await, Position::new(1));
    app.execute(measure(1.0)).await.unwrap();
}

#[tokio::test]
async fn two_id_types_of_one_kind_are_both_in_the_error() {
    let builder = App::builder(Memory::new()).events::<SensorEvent>().events::<conflicting::Installed>();
    let text = builder.start().await.unwrap_err().to_string();
    assert!(text.contains("id kind `sensor`"), "{text}");
    assert!(text.contains("SensorId") && text.contains("Device"), "{text}");
}

mod unplanned {
    use annalist::{
        manual::{Dispatcher, Handler},
        raw::dispatch::CommandTypes,
    };

    use super::*;

    /// A manual implementation whose `load` derives the second id from the first state, which is initial during planning.
    #[derive(Serialize, Debug)]
    pub(crate) struct Follow {
        pub(crate) sensor: SensorId,
    }

    impl Command for Follow {
        type Error = Infallible;

        fn dispatch<D: Dispatcher>(self, dispatcher: D) -> D::Out<Infallible> {
            dispatcher.run(
                self,
                Handler::new(
                    "follow",
                    |command: &Self, loader| {
                        let first = loader.shared::<Sensor>(command.sensor.clone())?;
                        let second = loader.shared::<Sensor>(SensorId(format!("s{}", first.sum)))?;
                        Ok((first, second))
                    },
                    |_, _, _| Ok::<(), Infallible>(()),
                ),
            )
        }

        fn declare(types: &mut CommandTypes) {
            types.add::<Self>("follow").reads::<Sensor>();
        }
    }
}

#[tokio::test]
async fn state_that_was_not_planned_is_refused() {
    let app = app().await;
    app.execute(unplanned::Follow { sensor: SensorId("s".into()) }).await.unwrap();
    app.execute(measure(7.0)).await.unwrap();
    let error = app.execute(unplanned::Follow { sensor: SensorId("s".into()) }).await.unwrap_err();
    assert!(matches!(error, ExecuteError::Invalid(Invalid::StateNotPlanned { .. })), "{error:?}");
    assert!(error.to_string().contains("Sensor"), "{error}");
}

#[tokio::test]
async fn history_of_a_duplicate_event_name_is_refused() {
    let app = app().await;
    app.load::<Sensor>(&SensorId("s".into())).await.unwrap();
    let error = app.history::<conflicting::Measured>(&SensorId("s".into())).await.unwrap_err();
    assert!(matches!(error, Error::Invalid(Invalid::DuplicateName { .. })), "{error:?}");
}
