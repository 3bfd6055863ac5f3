//! Curves: the same work at several sizes, for Annalist and the baselines.

mod events;
mod latency;
mod packages;
mod processes;
mod tasks;

use std::pin::Pin;

use serde::Serialize;

use crate::{Result, environment::Environment, harness::Pair};

/// A kind of work that is measured at several sizes.
#[derive(Debug)]
pub(crate) struct Curve {
    pub(crate) name: &'static str,
    pub(crate) x: &'static str,
    pub(crate) y: &'static str,
    pub(crate) draw: for<'a> fn(&'a Environment) -> Drawing<'a>,
}

/// The future is not `Send`.
type Drawing<'a> = Pin<Box<dyn Future<Output = Result<Vec<Line>>> + 'a>>;

/// One line of a plot.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    pub(crate) name: &'static str,
    pub(crate) points: Vec<Point>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Point {
    pub(crate) x: f64,
    pub(crate) y: f64,
    /// The resident memory of this program, which contains both sides, in MiB.
    pub(crate) resident: f64,
}

/// All curves, in the order in which they are drawn.
pub(crate) const CURVES: &[Curve] = &[
    Curve {
        name: "curve: deposits by tasks, PostgreSQL",
        x: "tasks",
        y: "commands/s",
        draw: |environment| Box::pin(tasks::draw(environment)),
    },
    Curve {
        name: "curve: deposits by events in the log, PostgreSQL",
        x: "events in the log",
        y: "commands/s",
        draw: |environment| Box::pin(events::draw(environment)),
    },
    Curve {
        name: "curve: events by events in an append, PostgreSQL",
        x: "events in an append",
        y: "events/s",
        draw: |environment| Box::pin(packages::draw_by_events(environment)),
    },
    Curve {
        name: "curve: openings by size of the payload, PostgreSQL",
        x: "bytes of payload",
        y: "commands/s",
        draw: |environment| Box::pin(packages::draw_by_bytes(environment)),
    },
    Curve {
        name: "curve: deposits by processes on one log, PostgreSQL",
        x: "processes",
        y: "commands/s",
        draw: |environment| Box::pin(processes::draw(environment)),
    },
    Curve {
        name: "curve: latency of deposits under a fixed load, PostgreSQL",
        x: "commands/s asked for",
        y: "milliseconds",
        draw: |environment| Box::pin(latency::draw(environment)),
    },
];

impl Curve {
    /// Returns `true` if the name contains the text, ignoring case.
    pub(crate) fn is_called(&self, text: &str) -> bool {
        self.name.to_lowercase().contains(&text.to_lowercase())
    }
}

impl Point {
    pub(crate) fn at(x: usize, y: f64) -> Self {
        Self { x: x as f64, y, resident: resident() }
    }
}

/// Measures a pair for each size and returns a line for each side. The first run of a pair does not count.
async fn of_pairs<'a>(
    sizes: Vec<usize>,
    pair: impl AsyncFn(usize) -> Result<Pair> + 'a,
) -> Result<Vec<Line>> {
    let (mut ours, mut hand_written) = (Vec::new(), Vec::new());
    for size in sizes {
        let mut pair = pair(size).await?;
        (pair.ours)().await?;
        ours.push(Point::at(size, (pair.ours)().await?));
        (pair.baseline)().await?;
        hand_written.push(Point::at(size, (pair.baseline)().await?));
    }
    Ok(vec![Line { name: "ours", points: ours }, Line { name: "by hand", points: hand_written }])
}

fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kilobytes.map_or(f64::NAN, |kilobytes| kilobytes / 1024.0)
}
