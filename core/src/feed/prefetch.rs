//! A feed in batches, the next of which is read while somebody works on one.

use std::{panic::resume_unwind, sync::Arc};

use tokio::task::JoinHandle;

use super::{Feed, LogWatcher, PAGE};
use crate::{
    criteria::Criteria,
    error::Error,
    record::{Position, Record},
    store::Page,
};

/// A batch is not continued behind so many bytes of payloads.
const BYTES: usize = 8 << 20;

/// Reads a feed in batches: all that is settled, up to a limit that the reader says. Where there is more, the next batch is
/// read at once, in a task of its own.
pub(crate) struct PrefetchingFeed {
    feed: Feed,
    ahead: Option<Prefetch>,
}

/// A batch, and whether the log had more behind it.
struct Batch {
    page: Page,
    more: bool,
}

/// A batch that is being read.
struct Prefetch {
    after: Position,
    limit: usize,
    reading: JoinHandle<Result<Batch, Error>>,
}

impl Drop for Prefetch {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

impl PrefetchingFeed {
    /// Everything that matches, from the beginning of the log.
    pub(crate) fn new(watcher: Arc<LogWatcher>, filter: Criteria) -> Self {
        Self { feed: Feed::new(watcher, filter), ahead: None }
    }

    /// At most `limit` records, and at least one if there is one. What was read before an error is given first: the error
    /// comes again.
    ///
    /// # Errors
    /// As [`Feed::poll`]; it stands where it stood.
    pub(crate) async fn poll(&mut self, limit: usize) -> Result<Page, Error> {
        let after = self.position();
        let fits = |ahead: &Prefetch| ahead.after == after && ahead.limit <= limit;
        let Batch { page, more } = match self.ahead.take().filter(fits) {
            Some(ahead) => ahead.read().await?,
            None => read(self.feed.clone(), limit).await?,
        };
        self.seek(page.up_to);
        self.ahead = more.then(|| Prefetch::start(&self.feed, limit));
        Ok(page)
    }

    /// The next batch, as soon as the log is settled further: see [`Feed::next`].
    ///
    /// # Errors
    /// As [`PrefetchingFeed::poll`].
    pub(crate) async fn next(&mut self, limit: usize) -> Result<Page, Error> {
        loop {
            let before = self.position();
            let page = self.poll(limit).await?;
            if page.up_to > before {
                return Ok(page);
            }
            self.more().await;
        }
    }

    /// Waits until the log is settled further than it has read.
    pub(crate) async fn more(&self) {
        self.feed.more().await;
    }

    /// Up to where it has given records.
    pub(crate) fn position(&self) -> Position {
        self.feed.position()
    }

    /// Reads on behind another position from now.
    pub(crate) fn seek(&mut self, after: Position) {
        self.feed.seek(after);
    }

    /// The watcher of the log that it reads.
    pub(crate) fn watcher(&self) -> &Arc<LogWatcher> {
        self.feed.watcher()
    }
}

impl Prefetch {
    fn start(feed: &Feed, limit: usize) -> Self {
        Self { after: feed.position(), limit, reading: tokio::spawn(read(feed.clone(), limit)) }
    }

    async fn read(mut self) -> Result<Batch, Error> {
        match (&mut self.reading).await {
            Ok(batch) => batch,
            Err(ended) => match ended.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                Err(ended) => Err(Error::unavailable("read ahead", ended)),
            },
        }
    }
}

/// Reads page by page, so that neither a store nor a statement has to hold a batch at once.
async fn read(mut feed: Feed, limit: usize) -> Result<Batch, Error> {
    let mut batch = read_page(&mut feed, limit).await?;
    let mut bytes = size(&batch.page.records);
    while batch.more && batch.page.records.len() < limit && bytes < BYTES {
        let rest = limit - batch.page.records.len();
        let Ok(Batch { page, more }) = read_page(&mut feed, rest).await else { break };
        bytes += size(&page.records);
        batch.page.records.extend(page.records);
        (batch.page.up_to, batch.page.gap, batch.more) = (page.up_to, page.gap, more);
    }
    Ok(batch)
}

fn size(records: &[Record]) -> usize {
    records.iter().map(|record| record.data.as_str().len()).sum()
}

async fn read_page(feed: &mut Feed, limit: usize) -> Result<Batch, Error> {
    let limit = limit.clamp(1, PAGE);
    feed.set_limit(limit);
    let page = feed.poll().await?;
    Ok(Batch { more: page.records.len() >= limit, page })
}
