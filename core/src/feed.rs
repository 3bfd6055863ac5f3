//! The log as a stream of pages: a feed catches up from any position, then follows.

mod poll_requests;
mod prefetch;
mod recorded_times;
mod successors;
mod watcher;

use std::sync::Arc;

use tracing::Instrument;

pub use self::watcher::{LogEnd, LogWatcher};
pub(crate) use self::{
    prefetch::PrefetchingFeed,
    successors::{SuccessorCheck, superseded},
};
use crate::{
    criteria::Criteria,
    error::Error,
    record::Position,
    store::{FeedPage, PageLimit, losses},
    telemetry::feed_page_span,
};

/// The default number of records in a page.
pub const PAGE: usize = 1000;
/// The default of [`Builder::max_read_bytes`](crate::app::Builder::max_read_bytes): 64 MiB.
pub const MAX_READ_BYTES: usize = 64 << 20;

/// Reads the matching events of a log in order and without gaps, from a position on, up to the settled position. Pages are
/// read on demand: a slow reader only lags, and dropping the feed ends it.
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// # let app = bank().await?;
/// use annalist::Criteria;
///
/// let mut feed = app.feed(Criteria::all());
/// let page = feed.next().await?; // the six events of the accounts
/// assert_eq!((page.records.len(), feed.position().get()), (6, 6));
///
/// app.execute(Deposit { account: id("a"), cents: 5 }).await?;
/// assert_eq!(feed.next().await?.records[0].name, "account.deposited");
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug)]
pub struct Feed {
    watcher: Arc<LogWatcher>,
    filter: Criteria,
    after: Position,
    /// The epoch of the log in which the feed was created.
    epoch: u64,
    limit: PageLimit,
}

impl Feed {
    /// A feed of all matching events, from the beginning of the log.
    #[doc(hidden)]
    pub fn new(watcher: Arc<LogWatcher>, filter: Criteria) -> Self {
        let epoch = watcher.store().epoch();
        let limit = PageLimit { records: PAGE, bytes: watcher.max_read_bytes() };
        Self { watcher, filter, after: Position::START, epoch, limit }
    }

    /// Starts after a position.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// use annalist::{Criteria, Position};
    ///
    /// let mut feed = app.feed(Criteria::all()).after(Position::new(4));
    /// assert_eq!(feed.next().await?.records.len(), 2);
    /// # Ok(())
    /// # });
    /// ```
    #[must_use]
    pub fn after(self, after: Position) -> Self {
        Self { after, ..self }
    }

    /// Reads pages of at most this many records, and at least one. A page has fewer if their payloads have more bytes than the app
    /// may read at once: see [`Builder::max_read_bytes`](crate::app::Builder::max_read_bytes).
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// use annalist::Criteria;
    ///
    /// let mut feed = app.feed(Criteria::all()).pages_of(4);
    /// assert_eq!(feed.next().await?.records.len(), 4);
    /// assert_eq!(feed.next().await?.records.len(), 2);
    /// # Ok(())
    /// # });
    /// ```
    #[must_use]
    pub fn pages_of(self, records: usize) -> Self {
        let limit = PageLimit { records: records.max(1), ..self.limit };
        Self { limit, ..self }
    }

    /// Changes the events of the following pages.
    fn set_filter(&mut self, filter: Criteria) {
        self.filter = filter;
    }

    /// Changes the limit of the following pages.
    fn set_limit(&mut self, limit: PageLimit) {
        self.limit = limit;
    }

    /// The watcher of the log.
    #[doc(hidden)]
    pub fn watcher(&self) -> &Arc<LogWatcher> {
        &self.watcher
    }

    /// Returns the position up to which the feed has read.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// use annalist::Criteria;
    ///
    /// let mut feed = app.feed(Criteria::all()).pages_of(4);
    /// feed.next().await?;
    /// assert_eq!(feed.position().get(), 4); // save it, to continue after it later
    /// # Ok(())
    /// # });
    /// ```
    pub fn position(&self) -> Position {
        self.after
    }

    /// Continues after another position.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// use annalist::{Criteria, Position};
    ///
    /// let mut feed = app.feed(Criteria::all());
    /// feed.next().await?;
    /// feed.seek(Position::START);
    /// assert_eq!(feed.next().await?.records.len(), 6); // the same events again
    /// # Ok(())
    /// # });
    /// ```
    pub fn seek(&mut self, after: Position) {
        self.after = after;
    }

    /// Continues after a position of the log as it is now, even if it has lost events.
    fn seek_now(&mut self, after: Position) {
        self.after = after;
        self.epoch = self.watcher.store().epoch();
    }

    /// Reads the next page without waiting. If no more events are settled, the page has no records and ends where it starts.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// use annalist::Criteria;
    ///
    /// let mut feed = app.feed(Criteria::all());
    /// assert_eq!(feed.poll().await?.records.len(), 6);
    /// assert_eq!(feed.poll().await?.records.len(), 0); // `next` would wait
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`Error::Unusable`] if the log has lost events since the feed was created, because it was replaced by an older copy: events
    /// that the feed has returned may be among them. Another [`Error`] if the store cannot be read. The position is unchanged.
    pub async fn poll(&mut self) -> Result<FeedPage, Error> {
        let before = self.after;
        let page = self.read_page().await;
        let store = self.watcher.store();
        if losses(store.epoch()) != losses(self.epoch) {
            self.after = before;
            let reason = "the log has gone back to an earlier state while the feed was in use, and events that it returned may be \
                          lost; create a feed again, from a position before those";
            return Err(Error::unusable(format!("follow {}", store.describe()), reason));
        }
        page
    }

    /// Reads the next page, also after the log has lost events.
    async fn read_page(&mut self) -> Result<FeedPage, Error> {
        let store = self.watcher.store();
        let operation = || format!("follow {}", store.describe());
        let (span, page) = (feed_page_span(self.after), store.feed(&self.filter, self.after, self.limit));
        let page = self.watcher.runtime().run(operation, page).instrument(span.clone()).await?;
        span.record("up_to", page.up_to.get()).record("events", page.records.len());
        self.after = page.up_to;
        Ok(page)
    }

    /// Reads the next page without asking the database, if the store can: see [`EventStore::recent_page`](crate::store::EventStore::recent_page).
    async fn read_recent(&mut self) -> Result<Option<FeedPage>, Error> {
        let store = self.watcher.store();
        let operation = || format!("follow {}", store.describe());
        let page = store.recent_page(&self.filter, self.after, self.limit);
        let page = self.watcher.runtime().run(operation, page).await?;
        if let Some(page) = &page {
            self.after = page.up_to;
        }
        Ok(page)
    }

    /// Waits until more events are settled, and reads the next page. The page has no records if no event up to
    /// [`FeedPage::up_to`] matches.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// use annalist::Item;
    ///
    /// let mut feed = app.feed(Item::any().types(["account.deposited"]).into());
    /// let page = feed.next().await?;
    /// assert_eq!(page.records[0].data.as_str(), r#"{"account":"a","cents":10}"#);
    /// # Ok(())
    /// # });
    /// ```
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

    /// Waits until the log is settled beyond the position of the feed, or the runtime of the app has ended.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// use annalist::{Criteria, Position};
    ///
    /// let mut feed = app.feed(Criteria::all()).after(Position::new(6));
    /// app.execute(Deposit { account: id("a"), cents: 5 }).await?;
    /// feed.wait_for_more().await;
    /// assert_eq!(feed.poll().await?.records.len(), 1);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn wait_for_more(&self) {
        self.watcher.settled_beyond(LogEnd { position: self.after, epoch: self.epoch }).await;
    }
}
