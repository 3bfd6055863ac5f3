//! Changes of rows, in one transaction with the checkpoint.

use std::sync::Arc;

use annalist_core::{
    error::Error,
    rows::{CommitOutcome, RowChange, Table, sql::TableSql},
};
use sqlx::{PgConnection, Postgres, pool::PoolConnection, postgres::PgArguments, query::Query};

use super::{
    parked, registry,
    row_values::{bind_all, split_by_size, values_source},
    tables::RowTables,
};
use crate::{
    error::{append_failed, failed, is_undefined_table},
    sql::Statement,
    values::to_i64,
};

pub(crate) struct Changes {
    pub(super) tables: Arc<RowTables>,
}

impl Changes {
    pub(crate) fn new(tables: Arc<RowTables>) -> Self {
        Self { tables }
    }

    pub(super) fn check(&self, change: &RowChange) -> Result<(), Error> {
        let sql = self.tables.sql(&change.table)?;
        Ok(sql.check(&change.upserts, &change.deletes)?)
    }

    /// Moves the checkpoint before it writes: of two concurrent runners one waits for its row, and then finds that it has moved.
    pub(super) async fn commit(&self, change: RowChange) -> Result<CommitOutcome, Error> {
        if is_one_statement(&change) && !self.tables.database.shares_sessions {
            return self.commit_statement(&change).await;
        }
        let connection = self.tables.database.acquire().await;
        let connection = connection.map_err(|error| failed(self.operation(&change.table), error))?;
        let mut guard = TransactionGuard::new(connection);
        let result = self.commit_transaction(&mut guard.connection, &change).await;
        guard.is_clean = result.is_ok();
        result
    }

    async fn commit_transaction(
        &self,
        connection: &mut PgConnection,
        change: &RowChange,
    ) -> Result<CommitOutcome, Error> {
        let operation = || self.operation(&change.table);
        let write_error = |error| failed(operation(), error);
        let mut transaction = self.tables.begin_change(connection, &change.table).await?;
        if !self.move_checkpoint(&mut transaction, change).await.map_err(write_error)? {
            let stale = self.stale(&mut transaction, &change.table).await?;
            transaction.rollback().await.map_err(write_error)?;
            return Ok(stale);
        }
        self.write(&mut transaction, change).await?;
        transaction.commit().await.map_err(|error| append_failed(operation(), error.into()))?;
        Ok(CommitOutcome::Done)
    }

    /// Commits a change that is a single statement, and so a single round trip.
    async fn commit_statement(&self, change: &RowChange) -> Result<CommitOutcome, Error> {
        let operation = || self.operation(&change.table);
        let connection = self.tables.database.acquire().await;
        let mut connection = connection.map_err(|error| failed(operation(), error))?;
        let moved = match change.upserts.is_empty() {
            true => self.move_checkpoint(&mut connection, change).await,
            false => self.commit_rows(&mut connection, change, self.tables.sql(&change.table)?).await,
        };
        match moved.map_err(|error| match is_undefined_table(&error) {
            true => change.table.undefined_error(),
            false => append_failed(operation(), error.into()),
        })? {
            true => Ok(CommitOutcome::Done),
            false => self.stale(&mut connection, &change.table).await,
        }
    }

    /// Moves the checkpoint, if it is where the change starts. Returns `false` if it is not.
    pub(super) async fn move_checkpoint(
        &self,
        connection: &mut PgConnection,
        change: &RowChange,
    ) -> Result<bool, sqlx::Error> {
        let update = bind_checkpoint(&self.tables.database.sql.move_checkpoint, change);
        Ok(update.execute(connection).await?.rows_affected() > 0)
    }

    /// As [`move_checkpoint`](Self::move_checkpoint), and writes the rows of the change if the checkpoint has moved.
    async fn commit_rows(
        &self,
        connection: &mut PgConnection,
        change: &RowChange,
        sql: TableSql<'_>,
    ) -> Result<bool, sqlx::Error> {
        let columns = change.table.columns;
        let source = values_source(columns, CHECKPOINT_PARAMS + 1);
        let upsert = sql.upsert_from(&format!("{source} WHERE EXISTS (SELECT FROM moved)"));
        let statement = self.tables.database.sql.commit_rows.with("{upsert}", &upsert);
        let statement = bind_all(bind_checkpoint(&statement, change), columns, &change.upserts);
        Ok(statement.execute(connection).await?.rows_affected() > 0)
    }

    /// Writes the rows and the parked events of a change.
    pub(super) async fn write(&self, connection: &mut PgConnection, change: &RowChange) -> Result<(), Error> {
        let RowChange { table, upserts, deletes, park, unpark, .. } = change;
        self.tables.write(connection, table, upserts, deletes).await?;
        if park.is_empty() && unpark.is_empty() {
            return Ok(());
        }
        let changed = parked::change(&self.tables.database, connection, table, park, unpark).await;
        changed.map_err(|error| failed(self.tables.operation("park events of", table), error))
    }

    /// The outcome of a change whose checkpoint was elsewhere.
    pub(super) async fn stale(
        &self,
        connection: &mut PgConnection,
        table: &Table,
    ) -> Result<CommitOutcome, Error> {
        let build = registry::get(&self.tables.database, connection, table).await;
        match build.map_err(|error| failed(self.operation(table), error))? {
            None => Err(table.undefined_error()),
            Some(build) if build.inline => Err(table.inline_error()),
            Some(build) => Ok(CommitOutcome::Stale(build.checkpoint.position)),
        }
    }

    pub(super) fn operation(&self, table: &Table) -> String {
        self.tables.operation("change", table)
    }
}

/// A connection that returns to its pool only after a commit. Otherwise its state is unknown, and closing it rolls back, even when
/// the guard is dropped before the end.
pub(super) struct TransactionGuard {
    pub(super) connection: PoolConnection<Postgres>,
    pub(super) is_clean: bool,
}

impl TransactionGuard {
    pub(super) fn new(connection: PoolConnection<Postgres>) -> Self {
        Self { connection, is_clean: false }
    }
}

impl Drop for TransactionGuard {
    fn drop(&mut self) {
        if !self.is_clean {
            self.connection.close_on_drop();
        }
    }
}

/// The number of parameters of [`bind_checkpoint`].
const CHECKPOINT_PARAMS: usize = 8;

/// A statement whose first parameters are a build and the move of its checkpoint.
fn bind_checkpoint<'q>(statement: &Statement, change: &RowChange) -> Query<'q, Postgres, PgArguments> {
    let parked = i64::try_from(change.parked).unwrap_or(i64::MAX);
    let query = statement.for_build(&change.table);
    let query = query.bind(to_i64(change.from)).bind(parked).bind(to_i64(change.to));
    let query = query.bind(change.anchor.map(|anchor| to_i64(anchor.position)));
    query.bind(change.anchor.map(|anchor| anchor.event))
}

/// Whether a change only moves the checkpoint and writes rows that fit into one statement.
fn is_one_statement(change: &RowChange) -> bool {
    let RowChange { upserts, deletes, park, unpark, .. } = change;
    let is_small = split_by_size(upserts).len() <= 1;
    is_small && deletes.is_empty() && park.is_empty() && unpark.is_empty()
}
