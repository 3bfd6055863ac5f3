//! A row store whose query results and commits wait until a test releases them.

use std::sync::atomic::{AtomicBool, Ordering};

use annalist::{
    Error, Memory,
    operate::FollowerRequests,
    raw::{
        finding::{VerifyCursor, VerifyPage},
        rows::Claim,
    },
    store::{
        Build, Checkpoint, CommitOutcome, Key, LogId, Parked, PromoteOutcome, Row, RowChange, RowQuery,
        RowStore, Table,
    },
};
use async_trait::async_trait;
use tokio::sync::{Semaphore, watch};

/// Rows in memory with two gates: one for queries, one for commits.
pub(crate) struct GatedRows {
    pub(crate) inner: Memory,
    pub(crate) queries: Gate,
    pub(crate) commits: Gate,
    /// Whether queries fail.
    pub(crate) unavailable: AtomicBool,
}

/// Lets calls pass while it is open, and holds them while it is closed.
pub(crate) struct Gate {
    closed: watch::Sender<bool>,
    /// Has one permit for each call that was held.
    held: Semaphore,
}

impl Gate {
    fn new() -> Self {
        Self { closed: watch::Sender::new(false), held: Semaphore::new(0) }
    }

    pub(crate) fn close(&self) {
        self.closed.send_replace(true);
    }

    /// Waits until a call is held.
    pub(crate) async fn until_held(&self) {
        self.held.acquire().await.unwrap().forget();
    }

    /// Opens the gate and releases every held call.
    pub(crate) fn open(&self) {
        self.closed.send_replace(false);
    }

    async fn pass(&self) {
        let mut closed = self.closed.subscribe();
        if *closed.borrow() {
            self.held.add_permits(1);
        }
        closed.wait_for(|closed| !closed).await.unwrap();
    }
}

impl GatedRows {
    /// Creates a store with both gates open.
    pub(crate) fn new() -> Self {
        let (inner, unavailable) = (Memory::new(), AtomicBool::new(false));
        Self { inner, queries: Gate::new(), commits: Gate::new(), unavailable }
    }
}

#[async_trait]
impl RowStore for GatedRows {
    fn describe_rows(&self) -> String {
        "gated rows in memory".to_owned()
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
        self.commits.pass().await;
        self.inner.commit(change).await
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

    /// Reads at once, and holds the result.
    async fn replace_requests(&self, table: &Table, requests: &FollowerRequests) -> Result<bool, Error> {
        self.inner.replace_requests(table, requests).await
    }

    async fn find(&self, query: &RowQuery<'_>) -> Result<Vec<Row>, Error> {
        if self.unavailable.load(Ordering::SeqCst) {
            return Err(Error::unavailable("read rows", "no connection"));
        }
        let rows = self.inner.find(query).await;
        self.queries.pass().await;
        rows
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
