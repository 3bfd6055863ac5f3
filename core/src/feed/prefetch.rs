//! A feed that reads the next batch while the current one is processed.

use std::{panic::resume_unwind, sync::Arc};

use tokio::task::JoinHandle;

use super::{Feed, LogWatcher, PAGE};
use crate::{
    criteria::Criteria,
    error::Error,
    record::{Position, Record},
    store::FeedPage,
};

/// A batch with this many bytes of payloads is not extended by another page.
const MAX_BATCH_BYTES: usize = 8 << 20;

/// Reads a feed in batches of a size that the reader chooses. If more events are settled, a background task reads the next
/// batch at once.
pub(crate) struct PrefetchingFeed {
    feed: Feed,
    next: Option<Prefetch>,
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
        Self { feed: Feed::new(watcher, filter), next: None }
    }

    /// Reads the next batch without waiting: at most `limit` records, and at least one if one is settled. If an error
    /// follows some records, they are returned, and the next call fails.
    ///
    /// # Errors
    /// As [`Feed::poll`]; the position is unchanged.
    pub(crate) async fn poll(&mut self, limit: usize) -> Result<FeedPage, Error> {
        let after = self.position();
        let fits = |next: &Prefetch| next.after == after && next.limit <= limit;
        let Batch { page, more } = match self.next.take().filter(fits) {
            Some(next) => next.batch().await?,
            None => read(self.feed.clone(), limit).await?,
        };
        self.seek(page.up_to);
        self.next = more.then(|| Prefetch::start(&self.feed, limit));
        Ok(page)
    }

    /// Returns `true` if the log may have more settled events after the last batch.
    pub(crate) fn has_more(&self) -> bool {
        self.next.is_some()
    }

    /// Waits until more events are settled, and reads the next batch: see [`Feed::next`].
    ///
    /// # Errors
    /// As [`PrefetchingFeed::poll`].
    pub(crate) async fn next(&mut self, limit: usize) -> Result<FeedPage, Error> {
        loop {
            let before = self.position();
            let page = self.poll(limit).await?;
            if page.up_to > before {
                return Ok(page);
            }
            self.wait_for_more().await;
        }
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
        self.feed.seek_now(after);
    }

    /// The watcher of the log.
    pub(crate) fn watcher(&self) -> &Arc<LogWatcher> {
        self.feed.watcher()
    }
}

impl Prefetch {
    fn start(feed: &Feed, limit: usize) -> Self {
        Self { after: feed.position(), limit, task: tokio::spawn(read(feed.clone(), limit)) }
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
async fn read(mut feed: Feed, limit: usize) -> Result<Batch, Error> {
    let mut batch = read_page(&mut feed, limit).await?;
    let mut bytes = payload_bytes(&batch.page.records);
    while batch.more && batch.page.records.len() < limit && bytes < MAX_BATCH_BYTES {
        let rest = limit - batch.page.records.len();
        let Ok(Batch { page, more }) = read_page(&mut feed, rest).await else { break };
        bytes += payload_bytes(&page.records);
        batch.page.records.extend(page.records);
        (batch.page.up_to, batch.page.gap, batch.more) = (page.up_to, page.gap, more);
    }
    Ok(batch)
}

fn payload_bytes(records: &[Record]) -> usize {
    records.iter().map(|record| record.data.as_str().len()).sum()
}

async fn read_page(feed: &mut Feed, limit: usize) -> Result<Batch, Error> {
    let limit = limit.clamp(1, PAGE);
    feed.set_limit(limit);
    let page = feed.read_page().await?;
    Ok(Batch { more: page.records.len() >= limit, page })
}
