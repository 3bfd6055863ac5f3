//! A feed of a follower that stops before an event of a successor that the program does not read.

use std::sync::Arc;

use super::stop_reason::StopReason;
use crate::{
    criteria::{Criteria, Item},
    error::Error,
    feed::{LogWatcher, PrefetchingFeed, superseded},
    record::{Position, Record},
    store::{FeedPage, Successor},
};

/// Reads the events of a follower, and those of the successors that the follower does not read, before which it ends.
pub(super) struct GuardedFeed {
    feed: PrefetchingFeed,
    /// The events of the follower.
    filter: Criteria,
    /// The version of the list of successors that the feed knows.
    version: u64,
    /// The successors that the follower does not read.
    missing: Vec<Successor>,
    /// The event before which the last batch ends.
    blocked: Option<(Record, Successor)>,
}

impl GuardedFeed {
    pub(super) fn new(watcher: Arc<LogWatcher>, filter: Criteria) -> Self {
        let feed = PrefetchingFeed::new(watcher, filter.clone());
        Self { feed, filter, version: 0, missing: Vec::new(), blocked: None }
    }

    /// Reads the next batch without waiting: see [`PrefetchingFeed::poll`].
    ///
    /// # Errors
    /// As [`PrefetchingFeed::poll`]; the position is unchanged.
    pub(super) async fn poll(&mut self, limit: usize) -> Result<FeedPage, Error> {
        loop {
            let before = self.position();
            let page = self.feed.poll(limit).await?;
            match self.learn(page.successors).await {
                Ok(false) => return Ok(self.cut(page)),
                // The page lacks the events of a successor.
                Ok(true) => self.feed.seek(before),
                Err(error) => {
                    self.feed.seek(before);
                    return Err(error);
                }
            }
        }
    }

    /// Waits until more events are settled, and reads the next batch.
    ///
    /// # Errors
    /// As [`GuardedFeed::poll`].
    pub(super) async fn next(&mut self, limit: usize) -> Result<FeedPage, Error> {
        loop {
            let before = self.position();
            let page = self.poll(limit).await?;
            if page.up_to > before || self.blocked.is_some() {
                return Ok(page);
            }
            self.wait_for_more().await;
        }
    }

    /// Returns why the follower stops if it has handled the last batch, up to a position, and an event of a successor follows.
    pub(super) fn blocked_at(&self, position: Position) -> Option<StopReason> {
        let (record, successor) = self.blocked.as_ref()?;
        (before(record) == position).then(|| StopReason::at_event(record, superseded(successor).to_string()))
    }

    /// Learns the successors in the list of the log, if it has another version. Returns `true` if the feed reads other events now.
    async fn learn(&mut self, version: u64) -> Result<bool, Error> {
        if version == self.version {
            return Ok(false);
        }
        let watcher = Arc::clone(self.feed.watcher());
        let mut list = watcher.successors().stored();
        if list.version != version {
            list = watcher.successors().list_after(list.version).await?;
        }
        self.version = list.version;
        let found = watcher.successors().missing(&list, &self.filter);
        let missing: Vec<Successor> = found.iter().map(|(_, successor)| (*successor).clone()).collect();
        if missing == self.missing {
            return Ok(false);
        }
        let items = found.iter().map(|(item, successor)| {
            let named = Item::any().types([successor.name().to_owned()]);
            item.tags().iter().cloned().fold(named, Item::tag)
        });
        self.feed.set_filter(items.fold(self.filter.clone(), Criteria::or));
        self.missing = missing;
        Ok(true)
    }

    /// Ends a page before the first event of a successor that the follower does not read.
    fn cut(&mut self, mut page: FeedPage) -> FeedPage {
        let missing = |record: &Record| self.missing.iter().find(|successor| successor.name() == record.name);
        let found = page.records.iter().enumerate();
        let first = found.filter_map(|(index, record)| Some((index, missing(record)?.clone()))).next();
        self.blocked = first.and_then(|(index, successor)| {
            let record = page.records.drain(index..).next()?;
            page.up_to = before(&record);
            self.feed.seek(page.up_to);
            Some((record, successor))
        });
        page
    }

    /// Returns `true` if the log may have more settled events after the last batch.
    pub(super) fn has_more(&self) -> bool {
        self.feed.has_more()
    }

    /// Waits until the log is settled beyond the position of the feed.
    pub(super) async fn wait_for_more(&self) {
        self.feed.wait_for_more().await;
    }

    /// The position up to which records were returned.
    pub(super) fn position(&self) -> Position {
        self.feed.position()
    }

    /// Continues after another position.
    pub(super) fn seek(&mut self, after: Position) {
        self.feed.seek(after);
    }

    /// The watcher of the log.
    pub(super) fn watcher(&self) -> &Arc<LogWatcher> {
        self.feed.watcher()
    }
}

/// The position before a record.
fn before(record: &Record) -> Position {
    Position::new(record.position.get().saturating_sub(1))
}
