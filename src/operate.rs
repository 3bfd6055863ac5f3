//! For operators and their programs: passes over stored events, archives, and what an app cannot read.

#[doc(inline)]
pub use annalist_core::{
    app::ArchiveIds,
    error::UnreadEvents,
    retag::{Retagging, retag},
    store::{Archive, ArchiveState, RemovedEvents},
};
