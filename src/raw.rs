//! The parts of the engine that adapters and test suites build on. Not for applications: they change in any release.

#[doc(no_inline)]
pub use annalist_core::{
    aggregate, backoff, daemon, dispatch, error, event, execute, feed, finding, id, limits, panics, policy,
    projection, query, rows, store, telemetry, time, verify,
};
