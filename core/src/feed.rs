//! The log as a stream of pages: a feed catches up from any position, then follows.

mod prefetch;
mod watcher;

use std::sync::Arc;

pub(crate) use self::prefetch::PrefetchingFeed;
pub use self::watcher::LogWatcher;
use crate::{criteria::Criteria, error::Error, record::Position, store::FeedPage};

/// The default number of records in a page.
pub const PAGE: usize = 1000;

/// Reads the matching events of a log in order and without gaps, from a position on, up to the settled position. Pages are
/// read on demand: a slow reader only lags, and dropping the feed ends it.
#[derive(Clone, Debug)]
pub struct Feed {
    watcher: Arc<LogWatcher>,
    filter: Criteria,
    after: Position,
    limit: usize,
}

impl Feed {
    /// A feed of all matching events, from the beginning of the log.
    #[doc(hidden)]
    pub fn new(watcher: Arc<LogWatcher>, filter: Criteria) -> Self {
        Self { watcher, filter, after: Position::START, limit: PAGE }
    }

    /// Starts after a position.
    #[must_use]
    pub fn after(self, after: Position) -> Self {
        Self { after, ..self }
    }

    /// Reads pages of at most this many records, and at least one.
    #[must_use]
    pub fn pages_of(self, limit: usize) -> Self {
        Self { limit: limit.max(1), ..self }
    }

    /// Changes the largest number of records in the following pages, at least one.
    #[doc(hidden)]
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit.max(1);
    }

    /// The watcher of the log.
    #[doc(hidden)]
    pub fn watcher(&self) -> &Arc<LogWatcher> {
        &self.watcher
    }

    /// The position up to which the feed has read.
    pub fn position(&self) -> Position {
        self.after
    }

    /// Continues after another position.
    pub fn seek(&mut self, after: Position) {
        self.after = after;
    }

    /// Reads the next page without waiting. If no more events are settled, the page has no records and ends where it starts.
    ///
    /// # Errors
    /// [`Error`] if the store cannot be read; the position is unchanged.
    pub async fn poll(&mut self) -> Result<FeedPage, Error> {
        let page = self.watcher.store().feed(&self.filter, self.after, self.limit).await?;
        self.after = page.up_to;
        Ok(page)
    }

    /// Waits until more events are settled, and reads the next page. The page has no records if no event up to
    /// [`FeedPage::up_to`] matches.
    ///
    /// # Errors
    /// As [`Feed::poll`].
    pub async fn next(&mut self) -> Result<FeedPage, Error> {
        loop {
            let before = self.after;
            let page = self.poll().await?;
            if page.up_to > before {
                return Ok(page);
            }
            self.wait_for_more().await;
        }
    }

    /// Waits until the log is settled beyond the position of the feed.
    pub async fn wait_for_more(&self) {
        self.watcher.settled_beyond(self.after).await;
    }
}
