//! The command line of an application: verbs that show its events, trace a correlation, describe its model, and verify and move its
//! log. They are part of the application's own binary, which knows its domain and its store.
//!
//! The crate `annalist` exports this as `annalist::cli`, with the stores of its features.

mod aggregates;
mod copy;
mod describe;
mod doctor;
mod events;
mod failure;
mod journal;
mod json;
mod operator;
mod output;
mod program;
mod projections;
mod selection;
mod text;
mod trace;
mod verb;
mod verify;

pub use self::{program::Program, verb::Verb};
