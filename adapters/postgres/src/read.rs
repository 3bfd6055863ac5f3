//! Reads of events, of snapshots and of the journal.

pub(crate) mod feed;
pub(crate) mod history;
pub(crate) mod journal;
pub(crate) mod pages;
pub(crate) mod queue;
pub(crate) mod recent;
pub(crate) mod records;
pub(crate) mod snapshots;
pub(crate) mod statement;
pub(crate) mod stored_types;
pub(crate) mod successors;
pub(crate) mod verify;
