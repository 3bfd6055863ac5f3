//! The row store of PostgreSQL.

use std::sync::Arc;

use annalist_core::{
    error::Error,
    finding::{VerifyCursor, VerifyPage},
    rows::{
        Build, Checkpoint, Claim, CommitOutcome, FollowerRequests, Inline, InlineOutcome, Key, Parked,
        PromoteOutcome, Row, RowChange, RowQuery, RowStore, Table,
    },
    store::LogId,
};
use async_trait::async_trait;
use sqlx::{postgres::PgArguments, query::Query};

use super::{parked, registry, verify};
use crate::{
    Postgres,
    error::{append_failed, failed},
};

/// Whatever writes runs in a task of its own, so that a caller that drops its future does not stop it half-way.
#[async_trait]
impl RowStore for Postgres {
    fn describe_rows(&self) -> String {
        self.store.database.operation("rows in")
    }

    async fn builds(&self, projection: &str) -> Result<Vec<Build>, Error> {
        let database = &self.store.database;
        let builds = registry::list_from_pool(database, projection).await;
        builds.map_err(|error| failed(database.operation("find a projection in"), error))
    }

    async fn define(&self, table: &Table, events: &str, log: LogId) -> Result<Checkpoint, Error> {
        self.store.lifecycle.define(table, events, log).await
    }

    async fn rows(&self, table: &Table, keys: &[Key]) -> Result<Vec<Option<Row>>, Error> {
        let tables = &self.store.tables;
        tables.rows_from_pool(table, keys).await
    }

    async fn commit(&self, change: RowChange) -> Result<CommitOutcome, Error> {
        self.store.changes.check(&change)?;
        let operation = self.store.changes.operation(&change.table);
        let store = Arc::clone(&self.store);
        run_detached(operation, async move { store.changes.commit(change).await }).await
    }

    async fn report(&self, table: &Table, stopped: Option<&str>) -> Result<(), Error> {
        let database = &self.store.database;
        // PostgreSQL cannot store NUL, and the text is for people.
        let stopped = stopped.map(|text| text.replace('\0', "\u{fffd}"));
        let done = database.execute(|| database.sql.report.for_build(table).bind(&stopped)).await;
        done.map(drop).map_err(|error| failed(self.store.tables.operation("report on", table), error))
    }

    async fn replace_claim(
        &self,
        table: &Table,
        expected: Option<Claim>,
        claim: Option<Claim>,
    ) -> Result<bool, Error> {
        let update = registry::replace_claim(&self.store.database.sql, table, expected, claim);
        self.replace(self.store.tables.operation("replace the claim on", table), update).await
    }

    async fn replace_requests(&self, table: &Table, requests: &FollowerRequests) -> Result<bool, Error> {
        let update = registry::replace_requests(&self.store.database.sql, table, requests);
        self.replace(self.store.tables.operation("replace the requests to", table), update).await
    }

    async fn find(&self, query: &RowQuery<'_>) -> Result<Vec<Row>, Error> {
        self.store.tables.find(query).await
    }

    async fn count_rows(&self, query: &RowQuery<'_>) -> Result<u64, Error> {
        self.store.tables.count(query).await
    }

    async fn sum_column(&self, query: &RowQuery<'_>, column: usize) -> Result<i128, Error> {
        self.store.tables.sum(query, column).await
    }

    async fn parked(&self, table: &Table) -> Result<Vec<Parked>, Error> {
        parked::list(&self.store.tables, table).await
    }

    async fn verify_rows(&self, after: &VerifyCursor) -> Result<VerifyPage, Error> {
        verify::verify(&self.store.database, after).await
    }

    async fn promote(&self, table: &Table, compare: bool) -> Result<PromoteOutcome, Error> {
        let (store, table) = (Arc::clone(&self.store), *table);
        let operation = store.tables.operation("promote", &table);
        run_detached(operation, async move { store.lifecycle.promote(&table, compare).await }).await
    }

    async fn discard(&self, table: &Table) -> Result<bool, Error> {
        let (store, table) = (Arc::clone(&self.store), *table);
        let operation = store.tables.operation("discard", &table);
        run_detached(operation, async move { store.lifecycle.discard(&table).await }).await
    }

    async fn make_inline(&self, inline: Arc<dyn Inline>) -> Result<InlineOutcome, Error> {
        let store = Arc::clone(&self.store);
        let operation = store.tables.operation("make inline", inline.table());
        run_detached(operation, async move { store.inline_transition.make_inline(&*inline).await }).await
    }

    async fn make_async(&self, table: &Table) -> Result<Checkpoint, Error> {
        let (store, table) = (Arc::clone(&self.store), *table);
        let operation = store.tables.operation("make async", &table);
        run_detached(operation, async move { store.inline_transition.make_async(&table).await }).await
    }
}

impl Postgres {
    /// Runs a statement that compares before it changes a row. Returns whether it changed one.
    async fn replace(
        &self,
        operation: String,
        update: Query<'static, sqlx::Postgres, PgArguments>,
    ) -> Result<bool, Error> {
        let (store, describe) = (Arc::clone(&self.store), operation.clone());
        let work = async move {
            // A transaction, because sessions may be shared.
            let transaction = store.database.begin_with("BEGIN").await;
            let mut transaction = transaction.map_err(|error| failed(describe.clone(), error))?;
            let written = async {
                let changed = update.execute(&mut *transaction).await?.rows_affected();
                transaction.commit().await.map(|()| changed > 0)
            };
            written.await.map_err(|error| append_failed(describe, error.into()))
        };
        run_detached(operation, work).await
    }
}

/// Runs a future in a task of its own.
async fn run_detached<T: Send + 'static>(
    operation: String,
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    tokio::spawn(work).await.unwrap_or_else(|error| Err(Error::unknown(operation, error)))
}
