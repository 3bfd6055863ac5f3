//! The log as a stream of pages: catches up from any position, then follows.

mod prefetch;
mod watcher;

use std::sync::Arc;

pub(crate) use self::prefetch::PrefetchingFeed;
pub use self::watcher::LogWatcher;
use crate::{criteria::Criteria, error::Error, record::Position, store::Page};

/// How many records a page holds unless the reader says otherwise.
pub const PAGE: usize = 1000;

/// Reads matching events in order, from a position on, without gaps. It reads the next page when it is asked to, so a slow
/// reader costs nothing but its own lag; dropping it stops it.
#[derive(Clone, Debug)]
pub struct Feed {
    watcher: Arc<LogWatcher>,
    filter: Criteria,
    after: Position,
    limit: usize,
}

impl Feed {
    /// Everything that matches, from the beginning of the log.
    pub fn new(watcher: Arc<LogWatcher>, filter: Criteria) -> Self {
        Self { watcher, filter, after: Position::START, limit: PAGE }
    }

    /// Goes on behind a position.
    #[must_use]
    pub fn after(self, after: Position) -> Self {
        Self { after, ..self }
    }

    /// Reads at most this many records at once, and at least one.
    #[must_use]
    pub fn pages_of(self, limit: usize) -> Self {
        Self { limit: limit.max(1), ..self }
    }

    /// From now on reads at most this many records at once, and at least one.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit.max(1);
    }

    /// The watcher of the log that it reads.
    pub fn watcher(&self) -> &Arc<LogWatcher> {
        &self.watcher
    }

    /// Up to where it has read.
    pub fn position(&self) -> Position {
        self.after
    }

    /// Reads on behind another position from now.
    pub fn seek(&mut self, after: Position) {
        self.after = after;
    }

    /// The next page at once. It is without records and ends where it starts if the log is settled no further.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer; the feed stands where it stood.
    pub async fn poll(&mut self) -> Result<Page, Error> {
        let page = self.watcher.store().feed(&self.filter, self.after, self.limit).await?;
        self.after = page.up_to;
        Ok(page)
    }

    /// The next page, as soon as the log is settled further. It may be without records: then nothing up to
    /// [`Page::up_to`] matches.
    ///
    /// # Errors
    /// As [`Feed::poll`].
    pub async fn next(&mut self) -> Result<Page, Error> {
        loop {
            let before = self.after;
            let page = self.poll().await?;
            if page.up_to > before {
                return Ok(page);
            }
            self.watcher.settled_beyond(before).await;
        }
    }

    /// Waits until the log is settled further than the feed has read.
    pub async fn more(&self) {
        self.watcher.settled_beyond(self.after).await;
    }
}
