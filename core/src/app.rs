//! The facade of an application: executes commands, loads aggregates, and runs projections and policies.

mod admin;
mod builder;
mod facade;
mod housekeeping;
mod load;
mod model;
mod queries;
mod registration;
mod stored_events;

pub use self::{
    admin::{Lag, Overview},
    builder::Builder,
    facade::App,
    load::{History, Live, Load, Moment},
};
pub use crate::execute::{Execute, Journal, Retry};
