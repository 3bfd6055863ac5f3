//! For operators and their programs: passes over stored events, archives, what an app cannot read, and requests to
//! projections and policies.

#[doc(inline)]
pub use annalist_core::{
    app::ArchiveIds,
    error::UnreadEvents,
    retag::{Retagging, retag},
    rows::{FollowerRequests, Pause, RetryRequest, RetryState},
    store::{Archive, ArchiveState, RemovedEvents},
};
