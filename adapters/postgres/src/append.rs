//! Appends: batched per process, written by one function of the database.

pub(crate) mod execute;
pub(crate) mod inline;
pub(crate) mod job;
pub(crate) mod locks;
pub(crate) mod outcomes;
pub(crate) mod params;
pub(crate) mod queue;
pub(crate) mod reservations;
