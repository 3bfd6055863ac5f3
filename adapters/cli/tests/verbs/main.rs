//! What the verbs print, and their exit codes.
#![allow(clippy::unwrap_used, missing_docs)]

mod aggregates;
mod bank;
mod doctor;
mod events;
mod journal;
mod model;
mod moves;
mod projections;
mod trace;
mod usage;
