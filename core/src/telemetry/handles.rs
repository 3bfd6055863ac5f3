//! Handles of the crate `metrics`. A handle belongs to the recorder that is installed when it is made.

use std::time::Instant;

use metrics::Label;

use super::metric_list::{METRICS, MetricKind, MetricSpec};

/// Whether anything is measured.
pub(super) const ENABLED: bool = true;

/// Describes all metrics to the recorder.
pub(crate) fn describe_metrics() {
    for MetricSpec { name, kind, description, .. } in METRICS {
        match kind {
            MetricKind::Counter => metrics::describe_counter!(*name, *description),
            MetricKind::Gauge => metrics::describe_gauge!(*name, *description),
            MetricKind::Histogram => metrics::describe_histogram!(*name, *description),
        }
    }
}

/// A number that only grows.
#[derive(Debug)]
pub(super) struct Counter(metrics::Counter);

impl Counter {
    pub(super) fn new(metric: &MetricSpec, values: &[&'static str]) -> Self {
        Self(metrics::counter!(metric.name, labels(metric, values)))
    }

    pub(super) fn add(&self, number: usize) {
        self.0.increment(number as u64);
    }
}

/// A current value.
#[derive(Debug)]
pub(super) struct Gauge(metrics::Gauge);

impl Gauge {
    pub(super) fn new(metric: &MetricSpec, values: &[&'static str]) -> Self {
        Self(metrics::gauge!(metric.name, labels(metric, values)))
    }

    pub(super) fn set(&self, value: f64) {
        self.0.set(value);
    }
}

/// A distribution of values.
#[derive(Debug)]
pub(super) struct Histogram(metrics::Histogram);

impl Histogram {
    pub(super) fn new(metric: &MetricSpec, values: &[&'static str]) -> Self {
        Self(metrics::histogram!(metric.name, labels(metric, values)))
    }

    pub(super) fn record(&self, value: f64) {
        self.0.record(value);
    }
}

/// A moment from which a duration is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(super) fn seconds(self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}

fn labels(metric: &MetricSpec, values: &[&'static str]) -> Vec<Label> {
    let pairs = metric.labels.iter().zip(values);
    pairs.map(|(name, value)| Label::from_static_parts(name, value)).collect()
}
