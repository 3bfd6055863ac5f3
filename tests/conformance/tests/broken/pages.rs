//! Faults of pages.

use std::{collections::BTreeSet, sync::Mutex};

use annalist_core::{
    Error,
    criteria::Criteria,
    record::Position,
    store::{EventStore, FeedPage, PageLimit},
};
use annalist_memory::Memory;

use super::fault::Fault;

/// Makes positions visible to the feed when it is dropped, even if the append is cancelled.
pub(super) struct SettlesOnDrop<'a> {
    pub(super) unsettled: &'a Mutex<BTreeSet<Position>>,
    pub(super) positions: Vec<Position>,
}

impl Drop for SettlesOnDrop<'_> {
    fn drop(&mut self) {
        let mut unsettled = self.unsettled.lock().unwrap();
        unsettled.retain(|position| !self.positions.contains(position));
    }
}

/// A page that skips the event after its beginning, with that fault.
pub(super) async fn broken_recent_page(
    store: &Memory,
    fault: Fault,
    filter: &Criteria,
    after: Position,
    limit: PageLimit,
) -> Result<Option<FeedPage>, Error> {
    if fault != Fault::RecentPageSkipsEvent {
        return Ok(None);
    }
    store.feed(filter, Position::new(after.get() + 1), limit).await.map(Some)
}
