//! Changes of rows, in one transaction with the checkpoint.

use std::sync::Arc;

use annalist_core::{
    error::Error,
    rows::{CommitOutcome, RowChange, Table},
};
use sqlx::{Connection, PgConnection};

use super::{parked, registry, tables::RowTables};
use crate::{
    error::{append_failed, failed},
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

    /// Moves the checkpoint first: of two concurrent runners one waits for its row, and then finds that it has moved.
    pub(super) async fn commit(&self, change: RowChange) -> Result<CommitOutcome, Error> {
        if change.moves_checkpoint_only() && !self.tables.database.shares_sessions {
            return self.commit_checkpoint(&change).await;
        }
        let operation = || self.operation(&change.table);
        let write_error = |error| failed(operation(), error);
        let mut connection = self.tables.database.acquire().await.map_err(write_error)?;
        let mut transaction = connection.begin().await.map_err(write_error)?;
        if !self.move_checkpoint(&mut transaction, &change).await.map_err(write_error)? {
            let stale = self.stale(&mut transaction, &change.table).await?;
            transaction.rollback().await.map_err(write_error)?;
            return Ok(stale);
        }
        self.write(&mut transaction, &change).await?;
        transaction.commit().await.map_err(|error| append_failed(operation(), error.into()))?;
        Ok(CommitOutcome::Done)
    }

    /// Commits a change of the checkpoint alone, which is a single statement.
    async fn commit_checkpoint(&self, change: &RowChange) -> Result<CommitOutcome, Error> {
        let operation = || self.operation(&change.table);
        let connection = self.tables.database.acquire().await;
        let mut connection = connection.map_err(|error| failed(operation(), error))?;
        let moved = self.move_checkpoint(&mut connection, change).await;
        match moved.map_err(|error| append_failed(operation(), error.into()))? {
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
        let parked = i64::try_from(change.parked).unwrap_or(i64::MAX);
        let update = self.tables.database.sql.move_checkpoint.for_build(&change.table);
        let update = update.bind(to_i64(change.from)).bind(parked).bind(to_i64(change.to));
        let update = update.bind(change.anchor.map(|anchor| to_i64(anchor.position)));
        let update = update.bind(change.anchor.map(|anchor| anchor.event));
        Ok(update.execute(connection).await?.rows_affected() > 0)
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
