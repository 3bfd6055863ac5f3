//! For operators and their programs: passes over stored events, archives, what an app cannot read, rows without their type, requests to projections and
//! policies, and what is wrong with an app.

#[doc(inline)]
pub use annalist_core::{
    app::{ArchiveIds, Health, Problem},
    error::UnreadEvents,
    query::{Browse, BrowsedRows},
    retag::{Retagging, retag},
    rows::{FollowerRequests, Pause, RetryRequest, RetryState},
    store::{Archive, ArchiveState, RemovedEvents},
};
