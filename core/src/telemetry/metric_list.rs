//! The names of the metrics. They stay: dashboards and alerts depend on them.

/// A metric: its name, what it measures, and its labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetricSpec {
    /// Its name.
    pub name: &'static str,
    /// How it is measured.
    pub kind: MetricKind,
    /// The names of its labels. Their values are names of the program or constants, never ids.
    pub labels: &'static [&'static str],
    /// What it measures.
    pub description: &'static str,
}

/// How a metric is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// A number that only grows.
    Counter,
    /// A current value.
    Gauge,
    /// A distribution of values.
    Histogram,
}

/// All metrics of the engine.
pub const METRICS: &[MetricSpec] = &[
    COMMANDS,
    COMMAND_DURATION,
    CONFLICTS,
    STATES,
    REPLAYED,
    APPEND_COMMANDS,
    APPEND_EVENTS,
    APPEND_DURATION,
    BATCH_EVENTS,
    BATCH_DURATION,
    LAG_EVENTS,
    LAG_SECONDS,
    PARKED,
    STOPPED,
    SETTLED_AGE,
];

const fn metric(
    kind: MetricKind,
    name: &'static str,
    labels: &'static [&'static str],
    description: &'static str,
) -> MetricSpec {
    MetricSpec { name, kind, labels, description }
}

pub(super) const COMMANDS: MetricSpec = metric(
    MetricKind::Counter,
    "annalist_commands_total",
    &["command", "outcome"],
    "Commands that were executed, with all their attempts.",
);
pub(super) const COMMAND_DURATION: MetricSpec = metric(
    MetricKind::Histogram,
    "annalist_command_duration_seconds",
    &["command", "outcome"],
    "How long commands took, with all their attempts.",
);
pub(super) const CONFLICTS: MetricSpec = metric(
    MetricKind::Counter,
    "annalist_command_conflicts_total",
    &["command"],
    "Attempts that another append overtook.",
);
pub(super) const STATES: MetricSpec = metric(
    MetricKind::Counter,
    "annalist_states_total",
    &["source"],
    "States that commands used: from the cache, from the batch of a command before, read from the log, or assumed to be empty.",
);
pub(super) const REPLAYED: MetricSpec = metric(
    MetricKind::Histogram,
    "annalist_load_events_replayed",
    &["command"],
    "Events that were read and folded for one attempt, if the log was read.",
);
pub(super) const APPEND_COMMANDS: MetricSpec = metric(
    MetricKind::Histogram,
    "annalist_append_commands",
    &[],
    "Commands in one append: the length of the chain of commands on one aggregate.",
);
pub(super) const APPEND_EVENTS: MetricSpec =
    metric(MetricKind::Histogram, "annalist_append_events", &[], "Events in one append.");
pub(super) const APPEND_DURATION: MetricSpec = metric(
    MetricKind::Histogram,
    "annalist_append_duration_seconds",
    &[],
    "How long the store took for one append.",
);
pub(super) const BATCH_EVENTS: MetricSpec = metric(
    MetricKind::Histogram,
    "annalist_batch_events",
    &["name"],
    "Events that a projection or policy handled and committed together.",
);
pub(super) const BATCH_DURATION: MetricSpec = metric(
    MetricKind::Histogram,
    "annalist_batch_duration_seconds",
    &["name"],
    "How long a projection or policy took for one batch, with the commit.",
);
pub(super) const LAG_EVENTS: MetricSpec = metric(
    MetricKind::Gauge,
    "annalist_lag_events",
    &["name"],
    "Settled positions that a projection or policy has not passed: at least as many as it has events to handle.",
);
pub(super) const LAG_SECONDS: MetricSpec = metric(
    MetricKind::Gauge,
    "annalist_lag_seconds",
    &["name"],
    "Age of the first event that a projection or policy has read and not handled; 0 if there is none.",
);
pub(super) const PARKED: MetricSpec =
    metric(MetricKind::Gauge, "annalist_parked_events", &["name"], "Parked events (dead letters).");
pub(super) const STOPPED: MetricSpec = metric(
    MetricKind::Gauge,
    "annalist_stopped",
    &["name"],
    "1 while a projection or policy is stopped or paused, or its first build cannot be promoted; else 0.",
);
pub(super) const SETTLED_AGE: MetricSpec = metric(
    MetricKind::Gauge,
    "annalist_settled_age_seconds",
    &[],
    "For how long a gap is before the settled position: an append that has a position and is not committed. 0 if there is none.",
);
