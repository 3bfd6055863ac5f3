//! The facade of an application: executes commands, loads aggregates, and runs projections and policies.

mod admin;
mod archive;
mod builder;
#[cfg(feature = "secrets")]
mod encrypt_stored;
mod facade;
mod followers;
#[cfg(feature = "secrets")]
mod forget;
mod health;
mod housekeeping;
#[cfg(feature = "secrets")]
mod key_options;
mod keys;
mod load;
mod model;
#[cfg(feature = "secrets")]
mod personal_data;
mod queries;
mod registration;
mod requests;
mod start;
mod states;
mod stored_events;

pub use self::{
    admin::{Lag, Overview},
    archive::ArchiveIds,
    builder::Builder,
    facade::App,
    health::{Health, Problem},
    load::{History, Live, Load, Moment},
    states::{ChangedState, StateHistory, States},
};
#[cfg(feature = "secrets")]
pub use self::{
    encrypt_stored::EncryptStored,
    forget::Forget,
    personal_data::{PersonalData, PersonalEvent},
};
pub use crate::execute::{Execute, Journal, Retry};
