//! A store that simulates the death of its process at a chosen append.

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use annalist::{
    Criteria, Error, EventStore, Position, Receipt, Timestamp,
    raw::{
        finding::{VerifyCursor, VerifyPage},
        rows::SharedRows,
        store::{PageLimit, Prefix, StoredType, Successors, Wakeups},
    },
    store::{Append, AppendOutcome, Batch, CommandKey, Entry, FeedPage, LogId, Read, Settled},
};
use async_trait::async_trait;
use tokio::sync::Semaphore;

/// A store that executes a number of appends and answers none after them.
pub(crate) struct Mortal {
    inner: Arc<dyn EventStore>,
    appends: AtomicUsize,
    answered: usize,
    /// Whether the first unanswered append is written.
    writes_on: bool,
    dead: Semaphore,
    released: Semaphore,
}

impl Mortal {
    pub(crate) fn new(inner: Arc<dyn EventStore>, answered: usize, writes_on: bool) -> Self {
        let (dead, released) = (Semaphore::new(0), Semaphore::new(0));
        Self { inner, appends: AtomicUsize::new(0), answered, writes_on, dead, released }
    }

    /// Waits for the first unanswered append.
    pub(crate) async fn death(&self) {
        self.dead.acquire().await.unwrap().forget();
    }

    /// Fails the calls that still wait for an answer, so that a dropped app can end.
    pub(crate) fn release_calls(&self) {
        self.released.close();
    }
}

#[async_trait]
impl EventStore for Mortal {
    async fn append(&self, appends: Vec<Append>) -> Result<AppendOutcome, Error> {
        let number = self.appends.fetch_add(1, Ordering::SeqCst);
        if number < self.answered {
            return self.inner.append(appends).await;
        }
        if number == self.answered {
            if self.writes_on {
                self.inner.append(appends).await?;
            }
            self.dead.add_permits(1);
        }
        let _closed = self.released.acquire().await;
        Err(Error::unavailable("append", "the process is dead"))
    }

    fn describe(&self) -> String {
        self.inner.describe()
    }

    fn log_id(&self) -> LogId {
        self.inner.log_id()
    }

    fn epoch(&self) -> u64 {
        self.inner.epoch()
    }

    async fn read(&self, reads: &[Read]) -> Result<Vec<Batch>, Error> {
        self.inner.read(reads).await
    }

    async fn receipt(&self, key: &CommandKey) -> Result<Option<Receipt>, Error> {
        self.inner.receipt(key).await
    }

    async fn feed(&self, filter: &Criteria, after: Position, limit: PageLimit) -> Result<FeedPage, Error> {
        self.inner.feed(filter, after, limit).await
    }

    async fn settled(&self) -> Result<Settled, Error> {
        self.inner.settled().await
    }

    fn wakeups(&self) -> Wakeups {
        self.inner.wakeups()
    }

    async fn prefix_at(&self, time: Timestamp) -> Result<Prefix, Error> {
        self.inner.prefix_at(time).await
    }

    async fn journal(&self, after: u64, limit: PageLimit) -> Result<Vec<Entry>, Error> {
        self.inner.journal(after, limit).await
    }

    fn row_store(&self) -> Option<SharedRows> {
        self.inner.row_store()
    }

    async fn count(&self, criteria: &Criteria, after: Position, up_to: Position) -> Result<u64, Error> {
        self.inner.count(criteria, after, up_to).await
    }

    async fn stored_types(&self) -> Result<Vec<StoredType>, Error> {
        self.inner.stored_types().await
    }

    async fn count_type(&self, name: &str, version: Option<u32>, limit: u64) -> Result<u64, Error> {
        self.inner.count_type(name, version, limit).await
    }

    async fn successors(&self) -> Result<Successors, Error> {
        self.inner.successors().await
    }

    async fn purge_command_ids(&self, before: Timestamp, ids: Range<&str>) -> Result<u64, Error> {
        self.inner.purge_command_ids(before, ids).await
    }

    async fn verify(&self, up_to: Position, after: &VerifyCursor) -> Result<VerifyPage, Error> {
        self.inner.verify(up_to, after).await
    }
}
