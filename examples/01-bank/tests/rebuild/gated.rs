//! A row store in a file whose builds commit only with a permit, so that tests observe every rebuild in progress.

use annalist::{
    Error, Sqlite,
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
use tokio::sync::Semaphore;

/// A row store in which every commit of a build that is not live needs a permit.
pub(crate) struct Gated {
    rows: Sqlite,
    pub(crate) permits: Semaphore,
}

impl Gated {
    /// Creates a store without permits.
    pub(crate) fn new(rows: Sqlite) -> Self {
        Self { rows, permits: Semaphore::new(0) }
    }

    /// Adds more permits than any build needs.
    pub(crate) fn open(&self) {
        self.permits.add_permits(10_000);
    }

    /// Removes all unused permits.
    pub(crate) fn close(&self) {
        self.permits.forget_permits(usize::MAX);
    }
}

#[async_trait]
impl RowStore for Gated {
    async fn commit(&self, change: RowChange) -> Result<CommitOutcome, Error> {
        let builds = self.rows.builds(change.table.projection).await?;
        if builds.iter().any(|build| build.order() == change.table.order() && !build.live) {
            self.permits.acquire().await.unwrap().forget();
        }
        self.rows.commit(change).await
    }

    fn describe_rows(&self) -> String {
        self.rows.describe_rows()
    }

    async fn builds(&self, projection: &str) -> Result<Vec<Build>, Error> {
        self.rows.builds(projection).await
    }

    async fn define(&self, table: &Table, events: &str, log: LogId) -> Result<Checkpoint, Error> {
        self.rows.define(table, events, log).await
    }

    async fn rows(&self, table: &Table, keys: &[Key]) -> Result<Vec<Option<Row>>, Error> {
        self.rows.rows(table, keys).await
    }

    async fn report(&self, table: &Table, stopped: Option<&str>) -> Result<(), Error> {
        self.rows.report(table, stopped).await
    }

    async fn replace_claim(
        &self,
        table: &Table,
        expected: Option<Claim>,
        claim: Option<Claim>,
    ) -> Result<bool, Error> {
        self.rows.replace_claim(table, expected, claim).await
    }

    async fn replace_requests(&self, table: &Table, requests: &FollowerRequests) -> Result<bool, Error> {
        self.rows.replace_requests(table, requests).await
    }

    async fn find(&self, query: &RowQuery<'_>) -> Result<Vec<Row>, Error> {
        self.rows.find(query).await
    }

    async fn parked(&self, table: &Table) -> Result<Vec<Parked>, Error> {
        self.rows.parked(table).await
    }

    async fn verify_rows(&self, after: &VerifyCursor) -> Result<VerifyPage, Error> {
        self.rows.verify_rows(after).await
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
