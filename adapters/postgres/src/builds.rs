//! Projections: their rows in tables, and their builds with checkpoints.

pub(crate) mod changes;
pub(crate) mod inline_transition;
pub(crate) mod lifecycle;
pub(crate) mod numeric;
pub(crate) mod parked;
pub(crate) mod policies;
pub(crate) mod registry;
pub(crate) mod row_store;
pub(crate) mod row_values;
pub(crate) mod tables;
pub(crate) mod user_transaction;
mod verify;
