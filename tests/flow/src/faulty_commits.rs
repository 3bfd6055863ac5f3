//! A row store that injects planned faults into commits.

use std::{
    collections::VecDeque,
    future::pending,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use annalist::{
    Error,
    operate::FollowerRequests,
    raw::{
        finding::{VerifyCursor, VerifyPage},
        rows::{Claim, SharedRows},
    },
    store::{
        Build, Checkpoint, CommitOutcome, Key, LogId, Parked, PromoteOutcome, Row, RowChange, RowQuery,
        RowStore, Table,
    },
};
use async_trait::async_trait;
use tokio::sync::Semaphore;

/// A fault of one commit.
#[derive(Debug)]
pub enum CommitFault {
    /// The store is unavailable, and reports that it committed nothing.
    Refused,
    /// The commit is never executed, and never returns.
    Swallowed,
}

/// A row store with one planned fault for each commit, in order, until none is left.
#[derive(Debug)]
pub struct FaultyCommits {
    inner: SharedRows,
    faults: Mutex<VecDeque<CommitFault>>,
    /// Has one permit for each swallowed commit.
    pub swallowed: Semaphore,
    commits: AtomicUsize,
}

impl FaultyCommits {
    /// Creates a store with these planned faults.
    pub fn new(inner: SharedRows, faults: impl IntoIterator<Item = CommitFault>) -> Self {
        let faults = Mutex::new(faults.into_iter().collect());
        Self { inner, faults, swallowed: Semaphore::new(0), commits: AtomicUsize::new(0) }
    }

    /// The number of commits that were executed.
    pub fn commits(&self) -> usize {
        self.commits.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl RowStore for FaultyCommits {
    fn describe_rows(&self) -> String {
        "faulty rows".to_owned()
    }

    async fn builds(&self, projection: &str) -> Result<Vec<Build>, Error> {
        self.inner.builds(projection).await
    }

    async fn define(&self, table: &Table, events: &str, log: LogId) -> Result<Checkpoint, Error> {
        self.inner.define(table, events, log).await
    }

    async fn rows(&self, table: &Table, keys: &[Key]) -> Result<Vec<Option<Row>>, Error> {
        self.inner.rows(table, keys).await
    }

    async fn commit(&self, change: RowChange) -> Result<CommitOutcome, Error> {
        let fault = self.faults.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        match fault {
            None => {
                self.commits.fetch_add(1, Ordering::SeqCst);
                self.inner.commit(change).await
            }
            Some(CommitFault::Refused) => Err(Error::unavailable("commit", "no connection")),
            Some(CommitFault::Swallowed) => {
                self.swallowed.add_permits(1);
                pending().await
            }
        }
    }

    async fn report(&self, table: &Table, stopped: Option<&str>) -> Result<(), Error> {
        self.inner.report(table, stopped).await
    }

    async fn replace_claim(
        &self,
        table: &Table,
        expected: Option<Claim>,
        claim: Option<Claim>,
    ) -> Result<bool, Error> {
        self.inner.replace_claim(table, expected, claim).await
    }

    async fn replace_requests(&self, table: &Table, requests: &FollowerRequests) -> Result<bool, Error> {
        self.inner.replace_requests(table, requests).await
    }

    async fn find(&self, query: &RowQuery<'_>) -> Result<Vec<Row>, Error> {
        self.inner.find(query).await
    }

    async fn parked(&self, table: &Table) -> Result<Vec<Parked>, Error> {
        self.inner.parked(table).await
    }

    async fn verify_rows(&self, after: &VerifyCursor) -> Result<VerifyPage, Error> {
        self.inner.verify_rows(after).await
    }

    async fn promote(&self, table: &Table, compare: bool) -> Result<PromoteOutcome, Error> {
        self.inner.promote(table, compare).await
    }

    async fn discard(&self, table: &Table) -> Result<bool, Error> {
        self.inner.discard(table).await
    }

    async fn make_async(&self, table: &Table) -> Result<Checkpoint, Error> {
        self.inner.make_async(table).await
    }
}
