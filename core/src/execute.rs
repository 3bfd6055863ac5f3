//! Executes commands: loads the states, decides, appends the events, and retries after a conflict.
//!
//! [`App::execute`](crate::app::App::execute) and policies use the same executor. It knows nothing of the app.

mod activity;
mod admission;
mod aggregate_key;
mod attempt;
mod batch;
mod commit;
mod contention;
mod detach;
mod event_index;
mod event_registry;
mod executor;
mod fold;
mod heuristics;
mod inline_folds;
mod keyed_queue;
mod load_states;
mod options;
mod pending_events;
mod prepared;
mod request;
mod retry;
mod retry_loop;
mod shared_reads;
mod shutdown_gate;
mod snapshots;
mod state_cache;

pub(crate) use self::{
    attempt::rejection_text,
    detach::DetachOnDrop,
    event_registry::{EventRegistry, Registrations},
    executor::{Executor, Settings},
    inline_folds::InlineFolds,
    options::ExecuteOptions,
};
pub use self::{
    executor::{Journal, MAX_HOPS},
    request::Execute,
    retry::Retry,
};
