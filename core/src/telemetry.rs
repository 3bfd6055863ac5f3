//! What the engine reports about its work: spans of its steps, and the names in them. `docs/telemetry.md` lists all names for users.
//!
//! Fields of spans and log lines have the same names everywhere: `name` is the stored name of a projection or policy, `command` that of a
//! command, `aggregate` the type of a state, `build` the table of a build, `position` a position of the log, `event` the id of an event, and
//! `error` or `reason` what went wrong. None of them contains a payload, an actor or a secret id.
//!
//! With the feature `metrics` the engine also measures. Without it the handles of metrics are empty, and nothing else differs.

#[cfg(feature = "metrics")]
mod handles;
#[cfg(not(feature = "metrics"))]
#[path = "telemetry/no_handles.rs"]
mod handles;
mod metric_list;
mod metrics;
mod reminder;
mod spans;
mod traceparent;

pub(crate) use self::{
    handles::{Stopwatch, describe_metrics},
    metrics::{
        BatchMetrics, CommandMetrics, FollowerMetrics, FollowerState, LogMetrics, StateSource, WriteMetrics,
    },
    reminder::Reminder,
    spans::{
        CommandOutcome, append_span, batch_span, command_span, decide_span, feed_page_span, load_span,
        policy_span,
    },
    traceparent::is_traceparent,
};
pub use self::{
    metric_list::{METRICS, MetricKind, MetricSpec},
    spans::{SPANS, SpanSpec},
};
