//! Rows on a file whose builds move only when they are let: it is certain that there is something to see on the way.

use annalist::{
    Error, LogId, Sqlite,
    rows::{
        Build, Checkpoint, CommitOutcome, Key, Parked, PromoteOutcome, Row, RowChange, RowQuery, RowStore,
        Table,
    },
};
use async_trait::async_trait;
use tokio::sync::Semaphore;

/// A store of rows in which every step of a build that is not live needs leave.
pub(crate) struct Gated {
    rows: Sqlite,
    pub(crate) leave: Semaphore,
}

impl Gated {
    /// Closed.
    pub(crate) fn new(rows: Sqlite) -> Self {
        Self { rows, leave: Semaphore::new(0) }
    }

    /// Lets builds go on as they like.
    pub(crate) fn open(&self) {
        self.leave.add_permits(10_000);
    }

    /// Takes back all leave that was not used.
    pub(crate) fn close(&self) {
        self.leave.forget_permits(usize::MAX);
    }
}

#[async_trait]
impl RowStore for Gated {
    async fn commit(&self, change: RowChange<'_>) -> Result<CommitOutcome, Error> {
        let builds = self.rows.builds(change.table.projection).await?;
        if builds.iter().any(|build| build.order() == change.table.order() && !build.live) {
            self.leave.acquire().await.unwrap().forget();
        }
        self.rows.commit(change).await
    }

    fn describe_rows(&self) -> String {
        self.rows.describe_rows()
    }

    async fn builds(&self, projection: &str) -> Result<Vec<Build>, Error> {
        self.rows.builds(projection).await
    }

    async fn define(&self, table: &Table, log: LogId) -> Result<Checkpoint, Error> {
        self.rows.define(table, log).await
    }

    async fn rows(&self, table: &Table, keys: &[Key]) -> Result<Vec<Option<Row>>, Error> {
        self.rows.rows(table, keys).await
    }

    async fn report(&self, table: &Table, stopped: Option<&str>) -> Result<(), Error> {
        self.rows.report(table, stopped).await
    }

    async fn find(&self, query: &RowQuery<'_>) -> Result<Vec<Row>, Error> {
        self.rows.find(query).await
    }

    async fn parked(&self, table: &Table) -> Result<Vec<Parked>, Error> {
        self.rows.parked(table).await
    }

    async fn promote(&self, table: &Table, compare: bool) -> Result<PromoteOutcome, Error> {
        self.rows.promote(table, compare).await
    }

    async fn discard(&self, table: &Table) -> Result<bool, Error> {
        self.rows.discard(table).await
    }

    async fn make_async(&self, table: &Table) -> Result<Checkpoint, Error> {
        self.rows.make_async(table).await
    }
}
