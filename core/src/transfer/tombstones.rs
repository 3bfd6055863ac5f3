//! The tombstones of a log, read in pages.

use std::collections::VecDeque;

use crate::{
    error::Error,
    record::Position,
    store::{EventRef, EventStore, PageLimit},
};

/// The tombstones after a position, in order.
pub(super) struct Tombstones<'a> {
    store: &'a dyn EventStore,
    page: VecDeque<EventRef>,
    /// The position after which the next page begins; `None` at the end.
    after: Option<Position>,
}

impl<'a> Tombstones<'a> {
    /// `has_any` says whether the log has archives with events, and so tombstones.
    pub(super) fn new(store: &'a dyn EventStore, after: Position, has_any: bool) -> Self {
        Self { store, page: VecDeque::new(), after: has_any.then_some(after) }
    }

    /// The next one, if it is not after a position.
    pub(super) async fn next(&mut self, up_to: Position) -> Result<Option<EventRef>, Error> {
        if self.page.is_empty()
            && let Some(after) = self.after
        {
            self.page = self.store.tombstones(after, PageLimit::CHUNK).await?.into();
            self.after = self.page.back().map(|last| last.position).filter(|last| *last > after);
        }
        match self.page.front() {
            Some(next) if next.position <= up_to => Ok(self.page.pop_front()),
            _ => Ok(None),
        }
    }
}
