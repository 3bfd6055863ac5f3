//! The runtime of projections and policies: every follower of the log has one supervisor in a process, which runs its
//! builds, restarts runners and promotes complete builds.

mod anchor;
mod backlog;
mod batch_handler;
mod build_plan;
mod claimant;
mod control;
mod follower;
mod guarded_feed;
mod handler_scope;
mod inline_mode;
mod inline_transition;
mod observe;
#[cfg(feature = "secrets")]
mod parked_errors;
mod parking;
mod pausing;
mod progress_meter;
mod projection_daemon;
mod promotion;
mod read_model_handle;
mod retry_parked;
mod retry_request;
mod runner;
mod runner_handle;
mod standby;
mod status;
mod status_publisher;
mod stop_reason;
mod supervisor;

pub use self::{
    batch_handler::{BatchHandler, BatchResult, PoisonEvent},
    follower::Follower,
    parking::{ErrorPolicy, Parking},
    retry_parked::RetryReport,
    runner::Runner,
    status::{State, Status, Stopped},
};
pub(crate) use self::{
    control::FollowerControl,
    parking::{check_order, order_keys, park_failed, park_waiting, waiting_reason},
    projection_daemon::{FollowerSpec, ProjectionDaemon, RowSecrets, SHUTDOWN_TIMEOUT},
    read_model_handle::ReadModelHandle,
};
pub use crate::progress::Progress;
