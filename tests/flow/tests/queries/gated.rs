//! A store of rows whose answers and changes wait until a test lets them go.

use std::sync::atomic::{AtomicBool, Ordering};

use annalist::{
    Error, LogId, Memory,
    rows::{
        Build, Checkpoint, CommitOutcome, Key, Parked, PromoteOutcome, Row, RowChange, RowQuery, RowStore,
        Table,
    },
};
use async_trait::async_trait;
use tokio::sync::{Semaphore, watch};

/// Rows in memory, behind two gates: one for questions that list rows, one for changes.
pub(crate) struct Gated {
    pub(crate) inner: Memory,
    pub(crate) questions: Gate,
    pub(crate) changes: Gate,
    /// Whether questions are refused.
    pub(crate) down: AtomicBool,
}

/// Lets through, or holds up until it is opened.
pub(crate) struct Gate {
    closed: watch::Sender<bool>,
    /// Counts who came when it was closed.
    came: Semaphore,
}

impl Gate {
    fn open() -> Self {
        Self { closed: watch::Sender::new(false), came: Semaphore::new(0) }
    }

    pub(crate) fn close(&self) {
        self.closed.send_replace(true);
    }

    /// Waits until somebody stands before it.
    pub(crate) async fn reached(&self) {
        self.came.acquire().await.unwrap().forget();
    }

    /// Opens it, and lets everybody go.
    pub(crate) fn let_go(&self) {
        self.closed.send_replace(false);
    }

    async fn pass(&self) {
        let mut closed = self.closed.subscribe();
        if *closed.borrow() {
            self.came.add_permits(1);
        }
        closed.wait_for(|closed| !closed).await.unwrap();
    }
}

impl Gated {
    /// Both gates are open.
    pub(crate) fn new() -> Self {
        let (inner, down) = (Memory::new(), AtomicBool::new(false));
        Self { inner, questions: Gate::open(), changes: Gate::open(), down }
    }
}

#[async_trait]
impl RowStore for Gated {
    fn describe_rows(&self) -> String {
        "gated rows in memory".to_owned()
    }

    async fn builds(&self, projection: &str) -> Result<Vec<Build>, Error> {
        self.inner.builds(projection).await
    }

    async fn define(&self, table: &Table, log: LogId) -> Result<Checkpoint, Error> {
        self.inner.define(table, log).await
    }

    async fn rows(&self, table: &Table, keys: &[Key]) -> Result<Vec<Option<Row>>, Error> {
        self.inner.rows(table, keys).await
    }

    async fn commit(&self, change: RowChange<'_>) -> Result<CommitOutcome, Error> {
        self.changes.pass().await;
        self.inner.commit(change).await
    }

    async fn report(&self, table: &Table, stopped: Option<&str>) -> Result<(), Error> {
        self.inner.report(table, stopped).await
    }

    /// Reads at once, and holds the answer back.
    async fn find(&self, query: &RowQuery<'_>) -> Result<Vec<Row>, Error> {
        if self.down.load(Ordering::SeqCst) {
            return Err(Error::unavailable("read rows", "no connection"));
        }
        let rows = self.inner.find(query).await;
        self.questions.pass().await;
        rows
    }

    async fn parked(&self, table: &Table) -> Result<Vec<Parked>, Error> {
        self.inner.parked(table).await
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
