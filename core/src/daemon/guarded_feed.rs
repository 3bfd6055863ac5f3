//! A feed of a follower that stops before an event of a successor that the program does not read, or with secrets that it does not know.

use std::sync::Arc;

use super::stop_reason::StopReason;
use crate::{
    criteria::{Criteria, Item},
    error::{Error, Invalid},
    feed::{LogWatcher, PrefetchingFeed, superseded},
    record::{Position, Record},
    store::{FeedPage, SeenLog, Successor},
};

/// Reads the events of a follower, and those of the successors that the follower does not read, before which it ends.
pub(super) struct GuardedFeed {
    feed: PrefetchingFeed,
    /// The events of the follower.
    filter: Criteria,
    /// The epoch of the log in which the follower has compared its checkpoint with the log.
    epoch: u64,
    /// The version of the list of successors that the feed knows.
    version: u64,
    /// The successors that the follower does not read.
    missing: Vec<Successor>,
    /// The name of the events whose secrets the program does not know, and the error.
    unknown: Option<(String, Invalid)>,
    /// The event before which the last batch ends, and why.
    blocked: Option<(Record, String)>,
}

impl GuardedFeed {
    pub(super) fn new(watcher: Arc<LogWatcher>, filter: Criteria) -> Self {
        let epoch = watcher.store().epoch();
        let feed = PrefetchingFeed::new(watcher, filter.clone());
        Self { feed, filter, epoch, version: 0, missing: Vec::new(), unknown: None, blocked: None }
    }

    /// Notes the epoch of the log, before the follower compares its checkpoint with the log.
    pub(super) fn begin_epoch(&mut self) {
        self.epoch = self.feed.watcher().store().epoch();
    }

    /// Checks that what was read since [`begin_epoch`](Self::begin_epoch) is of the log as it is now.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the log has lost events since, or a subject was forgotten.
    pub(super) fn check_epoch(&self) -> Result<(), Error> {
        let store = self.feed.watcher().store();
        match store.epoch() == self.epoch {
            true => Ok(()),
            false => Err(SeenLog::has_gone_back(format!("follow the {}", store.describe()))),
        }
    }

    /// Reads the next batch without waiting: see [`PrefetchingFeed::poll`].
    ///
    /// # Errors
    /// As [`PrefetchingFeed::poll`], and [`Error::Unavailable`] if the log has lost events since [`begin_epoch`](Self::begin_epoch): the batch
    /// may continue another log than the one that the rows are of. The position is unchanged.
    pub(super) async fn poll(&mut self, limit: usize) -> Result<FeedPage, Error> {
        loop {
            let before = self.position();
            let page = self.feed.poll(limit).await?;
            if let Err(gone_back) = self.check_epoch() {
                self.feed.seek(before);
                return Err(gone_back);
            }
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

    /// Returns why the follower stops if it has handled the last batch, up to a position, and an event follows that the program does not read.
    pub(super) fn blocked_at(&self, position: Position) -> Option<StopReason> {
        let (record, reason) = self.blocked.as_ref()?;
        (before(record) == position).then(|| StopReason::at_event(record, reason.clone()))
    }

    /// The event before which the last batch ends, if the program does not read it.
    pub(super) fn blocked(&self) -> Option<&Record> {
        self.blocked.as_ref().map(|(record, _)| record)
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
        self.unknown = watcher.successors().unknown_secrets(&list, &self.filter);
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

    /// Ends a page before the first event that the follower does not read: of a successor, or with secrets that the program does not know.
    fn cut(&mut self, mut page: FeedPage) -> FeedPage {
        let mut found = page.records.iter().enumerate();
        let first = found.find_map(|(index, record)| Some((index, self.reason_against(record)?)));
        self.blocked = first.and_then(|(index, reason)| {
            let record = page.records.drain(index..).next()?;
            page.up_to = before(&record);
            self.feed.seek(page.up_to);
            Some((record, reason))
        });
        page
    }

    /// Why the follower does not read an event.
    fn reason_against(&self, record: &Record) -> Option<String> {
        if let Some((name, unknown)) = &self.unknown
            && *name == record.name
        {
            return Some(unknown.to_string());
        }
        let missing = self.missing.iter().find(|successor| successor.name() == record.name)?;
        Some(superseded(missing).to_string())
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

    /// Continues after a position: see [`PrefetchingFeed::restart`].
    pub(super) fn restart(&mut self, after: Position) {
        self.feed.restart(after);
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
