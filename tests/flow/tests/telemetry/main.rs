//! Spans, log lines and metrics of the engine: their names, what they contain, and that they stay quiet.
#![allow(clippy::unwrap_used)] // in the helpers too

mod captured;
mod files;
mod health;
mod logs;
mod metrics;
mod spans;
mod traceparents;
