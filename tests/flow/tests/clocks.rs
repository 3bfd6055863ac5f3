//! Wrong clocks: queries as of a time say what they do not see, and an app warns when its clock is out of line with the log.
#![allow(clippy::unwrap_used)] // in the helpers too

use std::{
    fmt::Write,
    sync::{Arc, Mutex},
    time::Duration,
};

use annalist::{App, Timestamp, raw::store::Prefix, testing::ManualClock};
use annalist_flow_tests::{
    domain::{Account, AccountEvent, account, deposit},
    read_model::Balance,
    test_log::{TestLog, on_each_log},
};
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span,
    subscriber::{DefaultGuard, set_default},
};

const HOUR: Duration = Duration::from_secs(3600);

fn noon() -> Timestamp {
    "2026-01-31T12:00:00Z".parse().unwrap()
}

/// Collects the warnings of the core.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<String>>);

impl Warnings {
    /// Collects the warnings of this thread, which runs all tasks of the test.
    fn collect() -> (Self, DefaultGuard) {
        let warnings = Self::default();
        let guard = set_default(warnings.clone());
        (warnings, guard)
    }

    /// The warnings since the last call.
    fn take(&self) -> String {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Visit for Warnings {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        write!(self.0.lock().unwrap(), "{field}={value:?} ").unwrap();
    }
}

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("annalist_core") && *metadata.level() == Level::WARN
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

async fn app(log: &TestLog, clock: &ManualClock) -> App {
    log.app().await.clock(clock.clone()).start().await.unwrap()
}

async fn pay(app: &App) {
    app.execute(deposit("ann", 1)).await.unwrap();
}

#[tokio::test]
async fn query_as_of_a_time_says_that_an_event_from_the_future_hides_later_ones() {
    on_each_log(async |log| {
        let clock = ManualClock::at(noon());
        let app = app(log, &clock).await;
        pay(&app).await;
        clock.set(noon().plus(1000 * 24 * HOUR));
        pay(&app).await;
        clock.set(noon().plus(HOUR));
        pay(&app).await;
        pay(&app).await;

        let now = noon().plus(2 * HOUR);
        let (warnings, _guard) = Warnings::collect();
        let prefix = app.prefix_at(now).await.unwrap();
        assert_eq!((prefix.up_to.get(), prefix.hidden), (1, 2));
        assert!(warnings.take().contains("hidden=2"));
        assert_eq!(app.load::<Account>(&account("ann")).at(now).await.unwrap().balance, 1);
        assert!(warnings.take().contains("hidden=2"));
        assert_eq!(app.history::<AccountEvent>(&account("ann")).at(now).await.unwrap().len(), 1);
        assert!(warnings.take().contains("hidden=2"));
        assert_eq!(app.live::<Balance>(&account("ann")).at(now).await.unwrap().unwrap().cents, 1);
        assert!(warnings.take().contains("hidden=2"));

        let all = Prefix { up_to: app.store().settled().await.unwrap().position, hidden: 0 };
        assert_eq!(app.prefix_at(noon().plus(1000 * 24 * HOUR)).await.unwrap(), all);
        assert_eq!(app.load::<Account>(&account("ann")).at(all.up_to).await.unwrap().balance, 4);
        assert_eq!(app.prefix_at(noon()).await.unwrap().hidden, 0);
        assert_eq!(warnings.take(), "");
    })
    .await;
}

#[tokio::test]
async fn clock_that_is_out_of_line_with_the_log_is_reported_once() {
    on_each_log(async |log| {
        let clock = ManualClock::at(noon());
        let app = app(log, &clock).await;
        let (warnings, _guard) = Warnings::collect();
        for _ in 0..3 {
            pay(&app).await;
            clock.advance(24 * HOUR);
        }
        assert_eq!(warnings.take(), "");

        clock.set(noon());
        pay(&app).await;
        assert!(warnings.take().contains("is behind the latest event"));
        pay(&app).await;
        assert_eq!(warnings.take(), "");

        clock.set(noon().plus(1000 * 24 * HOUR));
        pay(&app).await;
        assert!(warnings.take().contains("is far ahead of the latest event"));
        pay(&app).await;
        assert_eq!(warnings.take(), "");
    })
    .await;
}

/// The app has not appended yet: it knows the log from its projection.
#[tokio::test]
async fn clock_is_compared_with_the_events_of_other_processes() {
    on_each_log(async |log| {
        let right = app(log, &ManualClock::at(noon())).await;
        pay(&right).await;
        let late = ManualClock::at(noon().plus(HOUR));
        let builder = log.app().await.clock(late.clone()).projection::<Balance>();
        let app = builder.start().await.unwrap();
        app.wait_until_caught_up().await.unwrap();
        late.set(Timestamp::EPOCH);
        let (warnings, _guard) = Warnings::collect();
        pay(&app).await;
        assert!(warnings.take().contains("is behind the latest event"));
    })
    .await;
}
