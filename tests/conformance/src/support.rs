//! What cases are built from: logs and handles, fixtures, and tools for races and random scripts.

pub(crate) mod concurrency;
pub(crate) mod fixtures;
pub(crate) mod handle;
pub(crate) mod log;
pub(crate) mod rows;
pub(crate) mod scripts;
pub(crate) mod workers;
