//! The rows of projections: tables beside those of the log, changed in one transaction with their checkpoint.

use std::sync::Arc;

use annalist_core::{
    error::Error,
    rows::{
        Build, Checkpoint, CommitOutcome, Inline, InlineOutcome, Key, Parked, PromoteOutcome, Row, RowChange,
        RowQuery, RowStore, Table,
        sql::{Question, TableSql},
    },
    store::LogId,
};
use async_trait::async_trait;
use sqlx::AssertSqlSafe;

use crate::{
    Log, Sqlite, builds, changes,
    error::failed,
    retire,
    row_values::{bind, row},
    tables,
};

#[async_trait]
impl RowStore for Sqlite {
    fn describe_rows(&self) -> String {
        format!("rows in {}", self.log.title)
    }

    async fn builds(&self, projection: &str) -> Result<Vec<Build>, Error> {
        let operation = format!("find projection {projection:?} in {}", self.log.title);
        self.log.builds(&operation, projection).await
    }

    /// What is there is only read: no lock is taken for it, and a read-only file will do.
    async fn define(&self, table: &Table, log: LogId) -> Result<Checkpoint, Error> {
        TableSql::new(&self.log.rows, table)?;
        let (table, operation) = (*table, self.log.rows_of("define", table));
        if let Some(build) = self.log.build(&operation, &table).await? {
            table.check_stored(&build.shape, build.log, log)?;
            return Ok(build.checkpoint);
        }
        self.log.locked(operation, move |locked| Box::pin(locked.define(table, log))).await
    }

    async fn rows(&self, table: &Table, keys: &[Key]) -> Result<Vec<Option<Row>>, Error> {
        let operation = self.log.rows_of("read", table);
        let mut connection = self.log.connection(&self.log.readers, &operation).await?;
        let answer = tables::read(&mut connection, &self.log.rows, table, keys).await;
        retire(&mut connection, answer.map_err(|fault| fault.of(&operation)))
    }

    async fn commit(&self, change: RowChange<'_>) -> Result<CommitOutcome, Error> {
        TableSql::new(&self.log.rows, change.table)?.check(&change.upserts, &change.deletes)?;
        let operation = self.log.rows_of("change", change.table);
        let RowChange { table, from, to, parked, anchor, upserts, deletes, park, unpark } = change;
        let table = *table;
        let change = self.log.locked(operation, move |locked| {
            Box::pin(async move {
                let table = &table;
                let change = RowChange { table, from, to, parked, anchor, upserts, deletes, park, unpark };
                locked.change(change).await
            })
        });
        change.await
    }

    async fn report(&self, table: &Table, stopped: Option<&str>) -> Result<(), Error> {
        let operation = self.log.rows_of("report on", table);
        let mut connection = self.log.writing(&operation).await?;
        let report = builds::about(&self.log.sql.report, table).bind(stopped);
        let answer = report.execute(&mut *connection).await.map_err(|error| failed(&operation, error));
        retire(&mut connection, answer).map(drop)
    }

    async fn find(&self, query: &RowQuery<'_>) -> Result<Vec<Row>, Error> {
        let question = TableSql::new(&self.log.rows, query.table)?;
        if query.table.is_checkpoint_only() {
            return Ok(Vec::new());
        }
        let Question { sql, values } = question.find(query)?;
        let operation = self.log.rows_of("query", query.table);
        let mut connection = self.log.connection(&self.log.readers, &operation).await?;
        let asked = values.into_iter().fold(sqlx::query(AssertSqlSafe(sql)), bind);
        let answer = asked.fetch_all(&mut *connection).await.map_err(|error| failed(&operation, error));
        retire(&mut connection, answer)?.iter().map(|found| row(found, query.table, 0)).collect()
    }

    async fn parked(&self, table: &Table) -> Result<Vec<Parked>, Error> {
        let operation = self.log.rows_of("find what is parked of", table);
        if self.log.build(&operation, table).await?.is_none() {
            return Err(table.undefined());
        }
        let mut connection = self.log.connection(&self.log.readers, &operation).await?;
        let answer = changes::parked(&mut connection, &self.log.sql, &operation, table).await;
        retire(&mut connection, answer)
    }

    async fn promote(&self, table: &Table, compare: bool) -> Result<PromoteOutcome, Error> {
        let (table, operation) = (*table, self.log.rows_of("switch to", table));
        self.log.locked(operation, move |locked| Box::pin(locked.promote(table, compare))).await
    }

    async fn discard(&self, table: &Table) -> Result<bool, Error> {
        let (table, operation) = (*table, self.log.rows_of("discard", table));
        self.log.locked(operation, move |locked| Box::pin(locked.discard(table))).await
    }

    async fn make_inline(&self, inline: Arc<dyn Inline>) -> Result<InlineOutcome, Error> {
        let operation = self.log.rows_of("keep inline", inline.table());
        self.log.locked(operation, move |locked| Box::pin(locked.make_inline(inline))).await
    }

    async fn make_async(&self, table: &Table) -> Result<Checkpoint, Error> {
        let (table, operation) = (*table, self.log.rows_of("no longer keep inline", table));
        self.log.locked(operation, move |locked| Box::pin(locked.make_async(table))).await
    }
}

impl Log {
    async fn builds(&self, operation: &str, projection: &str) -> Result<Vec<Build>, Error> {
        let mut connection = self.connection(&self.readers, operation).await?;
        let answer = builds::read(&mut connection, &self.sql, operation, projection).await;
        retire(&mut connection, answer)
    }

    async fn build(&self, operation: &str, table: &Table) -> Result<Option<Build>, Error> {
        let builds = self.builds(operation, table.projection).await?;
        Ok(builds.into_iter().find(|build| build.order() == table.order()))
    }

    pub(crate) fn rows_of(&self, what: &str, table: &Table) -> String {
        format!("{what} the rows of `{}` in {}", table.name(), self.title)
    }
}
