//! A feed that reads the next batch while the current one is processed.

use std::{panic::resume_unwind, sync::Arc};

use tokio::task::JoinHandle;

use super::{Feed, LogWatcher, PAGE};
use crate::{
    criteria::Criteria,
    error::Error,
    record::{Position, Record},
    store::{FeedPage, PageLimit},
};

/// Reads a feed in batches of a size that the reader chooses. If more events are settled, a background task reads the next
/// batch at once. So two batches are in memory: each has at most half of the bytes that one reader may hold.
pub(crate) struct PrefetchingFeed {
    feed: Feed,
    next: Option<Prefetch>,
    /// Whether the next batch may consist of events that the store has in memory: it continues one that was read from the store.
    may_be_recent: bool,
}

/// A batch, and whether the log may have more events after it.
struct Batch {
    page: FeedPage,
    more: bool,
}

/// A batch that is being read.
struct Prefetch {
    after: Position,
    limit: usize,
    task: JoinHandle<Result<Batch, Error>>,
}

impl Drop for Prefetch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl PrefetchingFeed {
    /// A feed of all matching events, from the beginning of the log.
    pub(crate) fn new(watcher: Arc<LogWatcher>, filter: Criteria) -> Self {
        Self { feed: Feed::new(watcher, filter), next: None, may_be_recent: false }
    }

    /// Reads the next batch without waiting: at most `limit` records, and at least one if one is settled. If an error
    /// follows some records, they are returned, and the next call fails.
    ///
    /// # Errors
    /// As [`Feed::poll`]; the position is unchanged.
    pub(crate) async fn poll(&mut self, limit: usize) -> Result<FeedPage, Error> {
        let after = self.position();
        let fits = |next: &Prefetch| next.after == after && next.limit <= limit;
        let may_be_recent = std::mem::take(&mut self.may_be_recent);
        let Batch { page, more } = match self.next.take().filter(fits) {
            Some(next) => next.batch().await?,
            None => read(self.feed.clone(), limit, may_be_recent).await?,
        };
        self.feed.seek_now(page.up_to);
        self.next = more.then(|| Prefetch::start(&self.feed, limit));
        self.may_be_recent = true;
        Ok(page)
    }

    /// Returns `true` if the log may have more settled events after the last batch.
    pub(crate) fn has_more(&self) -> bool {
        self.next.is_some()
    }

    /// Waits until the log is settled beyond the position of the feed.
    pub(crate) async fn wait_for_more(&self) {
        self.feed.wait_for_more().await;
    }

    /// The position up to which records were returned.
    pub(crate) fn position(&self) -> Position {
        self.feed.position()
    }

    /// Continues after another position. If the log has lost events meanwhile, the supervisor starts another runner, which compares
    /// its checkpoint with the log.
    pub(crate) fn seek(&mut self, after: Position) {
        self.may_be_recent &= after == self.position();
        self.feed.seek_now(after);
    }

    /// Continues after a position, with a batch that is read from the store: it notices if the log has lost events.
    pub(crate) fn restart(&mut self, after: Position) {
        self.may_be_recent = false;
        self.seek(after);
    }

    /// Changes the events of the following batches.
    pub(crate) fn set_filter(&mut self, filter: Criteria) {
        (self.next, self.may_be_recent) = (None, false);
        self.feed.set_filter(filter);
    }

    /// The watcher of the log.
    pub(crate) fn watcher(&self) -> &Arc<LogWatcher> {
        self.feed.watcher()
    }
}

impl Prefetch {
    fn start(feed: &Feed, limit: usize) -> Self {
        Self { after: feed.position(), limit, task: tokio::spawn(read(feed.clone(), limit, false)) }
    }

    async fn batch(mut self) -> Result<Batch, Error> {
        match (&mut self.task).await {
            Ok(batch) => batch,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                Err(error) => Err(Error::unavailable("read ahead", error)),
            },
        }
    }
}

/// Reads page by page, so that no store and no statement has to hold a whole batch.
async fn read(mut feed: Feed, limit: usize, may_be_recent: bool) -> Result<Batch, Error> {
    let max_bytes = feed.watcher().max_read_bytes() / 2;
    let limit = PageLimit { records: limit.max(1), bytes: max_bytes };
    if may_be_recent && let Some(page) = read_recent(&mut feed, limit).await? {
        return Ok(Batch { more: page.is_full, page });
    }
    let (mut page, mut can_grow) = read_page(&mut feed, limit).await?;
    let mut bytes = payload_bytes(&page.records);
    while can_grow && page.records.len() < limit.records && bytes < limit.bytes {
        let rest = PageLimit { records: limit.records - page.records.len(), bytes: limit.bytes - bytes };
        let Ok((next, can_go_on)) = read_page(&mut feed, rest).await else { break };
        let next_bytes = payload_bytes(&next.records);
        (bytes, can_grow) = (bytes + next_bytes, can_go_on);
        page.records.extend(next.records);
        page = FeedPage { records: page.records, ..next };
    }
    Ok(Batch { more: page.is_full, page })
}

fn payload_bytes(records: &[Record]) -> usize {
    records.iter().map(|record| record.data.as_str().len()).sum()
}

async fn read_recent(feed: &mut Feed, limit: PageLimit) -> Result<Option<FeedPage>, Error> {
    feed.set_limit(PageLimit { records: limit.records.min(PAGE), ..limit });
    feed.read_recent().await
}

/// Also returns whether the page was ended by the number of its records: a further one fits into the batch.
async fn read_page(feed: &mut Feed, limit: PageLimit) -> Result<(FeedPage, bool), Error> {
    let records = limit.records.min(PAGE);
    feed.set_limit(PageLimit { records, ..limit });
    let page = feed.read_page().await?;
    let has_all_records = page.is_full && page.records.len() >= records;
    Ok((page, has_all_records))
}
