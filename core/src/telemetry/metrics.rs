//! What is measured where. All of it is empty without the feature `metrics`.
//!
//! Handles are made once, for each command type, follower and app, so that a measurement is an addition to a number in memory. No
//! measurement reads a store.

use std::{sync::OnceLock, time::Duration};

use super::{
    CommandOutcome, Stopwatch,
    handles::{Counter, ENABLED, Gauge, Histogram},
    metric_list::{
        APPEND_COMMANDS, APPEND_DURATION, APPEND_EVENTS, BATCH_DURATION, BATCH_EVENTS, COMMAND_DURATION,
        COMMANDS, CONFLICTS, LAG_EVENTS, LAG_SECONDS, PARKED, REPLAYED, SETTLED_AGE, STATES, STOPPED,
    },
};

/// The metrics of one command type. Outcomes that never happened have no metric.
#[derive(Debug, Default)]
pub(crate) struct CommandMetrics {
    outcomes: [OnceLock<(Counter, Histogram)>; CommandOutcome::ALL.len()],
    conflicts: OnceLock<Counter>,
    replayed: OnceLock<Histogram>,
}

impl CommandMetrics {
    /// Measures an execution until the timer is dropped.
    pub(crate) fn begin(&self, command: &'static str) -> CommandTimer<'_> {
        let outcome = CommandOutcome::Cancelled;
        CommandTimer { metrics: self, command, outcome, stopwatch: Stopwatch::start() }
    }

    /// An attempt was overtaken.
    pub(crate) fn conflict(&self, command: &'static str) {
        if ENABLED {
            self.conflicts.get_or_init(|| Counter::new(&CONFLICTS, &[command])).add(1);
        }
    }

    /// Events were read for one attempt.
    pub(crate) fn replayed(&self, command: &'static str, events: usize) {
        if ENABLED {
            let replayed = self.replayed.get_or_init(|| Histogram::new(&REPLAYED, &[command]));
            replayed.record(number(events));
        }
    }
}

/// An execution that is measured. Dropped without an outcome, it was cancelled.
#[derive(Debug)]
pub(crate) struct CommandTimer<'a> {
    metrics: &'a CommandMetrics,
    command: &'static str,
    outcome: CommandOutcome,
    stopwatch: Stopwatch,
}

impl CommandTimer<'_> {
    pub(crate) fn finish(mut self, outcome: CommandOutcome) {
        self.outcome = outcome;
    }
}

impl Drop for CommandTimer<'_> {
    fn drop(&mut self) {
        if ENABLED {
            let labels = [self.command, self.outcome.text()];
            let (count, duration) = self.metrics.outcomes[self.outcome as usize].get_or_init(|| {
                (Counter::new(&COMMANDS, &labels), Histogram::new(&COMMAND_DURATION, &labels))
            });
            count.add(1);
            duration.record(self.stopwatch.seconds());
        }
    }
}

/// Where the state of a command came from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum StateSource {
    Cache,
    Batch,
    Log,
    Assumed,
}

/// The metrics of an app's loads and appends.
#[derive(Debug)]
pub(crate) struct WriteMetrics {
    states: [Counter; 4],
    append_commands: Histogram,
    append_events: Histogram,
    append_duration: Histogram,
}

impl WriteMetrics {
    pub(crate) fn new() -> Self {
        Self {
            states: ["cache", "batch", "log", "assumed"].map(|source| Counter::new(&STATES, &[source])),
            append_commands: Histogram::new(&APPEND_COMMANDS, &[]),
            append_events: Histogram::new(&APPEND_EVENTS, &[]),
            append_duration: Histogram::new(&APPEND_DURATION, &[]),
        }
    }

    /// States came from a source.
    pub(crate) fn states(&self, source: StateSource, count: usize) {
        self.states[source as usize].add(count);
    }

    /// Events of commands were appended together.
    pub(crate) fn appended(&self, commands: usize, events: usize, stopwatch: Stopwatch) {
        self.append_commands.record(number(commands));
        self.append_events.record(number(events));
        self.append_duration.record(stopwatch.seconds());
    }
}

/// The metrics of a runner.
#[derive(Debug)]
pub(crate) struct BatchMetrics {
    events: Histogram,
    duration: Histogram,
}

impl BatchMetrics {
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            events: Histogram::new(&BATCH_EVENTS, &[name]),
            duration: Histogram::new(&BATCH_DURATION, &[name]),
        }
    }

    /// A batch was handled and committed.
    pub(crate) fn handled(&self, events: usize, stopwatch: Stopwatch) {
        self.events.record(number(events));
        self.duration.record(stopwatch.seconds());
    }
}

/// The metrics of a projection or policy.
#[derive(Debug)]
pub(crate) struct FollowerMetrics {
    lag_events: Gauge,
    lag_seconds: Gauge,
    parked: Gauge,
    stopped: Gauge,
}

/// The state of a projection or policy, as the process knows it without reading a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FollowerState {
    /// The settled positions that it has not passed.
    pub(crate) lag: u64,
    /// The age of the first event that it has read and not handled.
    pub(crate) age: Duration,
    /// The parked events.
    pub(crate) parked: u64,
    /// Whether it needs an intervention.
    pub(crate) is_stopped: bool,
}

impl FollowerMetrics {
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            lag_events: Gauge::new(&LAG_EVENTS, &[name]),
            lag_seconds: Gauge::new(&LAG_SECONDS, &[name]),
            parked: Gauge::new(&PARKED, &[name]),
            stopped: Gauge::new(&STOPPED, &[name]),
        }
    }

    pub(crate) fn set(&self, state: FollowerState) {
        let FollowerState { lag, age, parked, is_stopped } = state;
        self.lag_events.set(large_number(lag));
        self.lag_seconds.set(age.as_secs_f64());
        self.parked.set(large_number(parked));
        self.stopped.set(f64::from(u8::from(is_stopped)));
    }
}

/// The metrics of a log.
#[derive(Debug)]
pub(crate) struct LogMetrics {
    settled_age: Gauge,
}

impl LogMetrics {
    pub(crate) fn new() -> Self {
        let settled_age = Gauge::new(&SETTLED_AGE, &[]);
        settled_age.set(0.0);
        Self { settled_age }
    }

    /// For how long a gap is before the settled position; zero without a gap.
    pub(crate) fn settled_age(&self, age: Duration) {
        self.settled_age.set(age.as_secs_f64());
    }
}

fn number(count: usize) -> f64 {
    large_number(count as u64)
}

#[allow(clippy::cast_precision_loss, reason = "metrics are floats")]
fn large_number(count: u64) -> f64 {
    count as f64
}
