//! What a batch of events does to a build: rows, parked events and checkpoint, in one transaction.

use annalist_core::{
    error::Error,
    record::Position,
    rows::{CommitOutcome, Folded, Parked, RowChange, Table, sql::TableSql},
    time::Timestamp,
};
use sqlx::{SqliteConnection, sqlite::SqliteRow};

use crate::{
    builds::{Columns, about},
    error::failed,
    locked::Locked,
    read::position,
    rows::{integer, json},
    sql::Sql,
    tables,
};

impl Locked<'_> {
    /// Makes a change, or finds that somebody else was here.
    pub(crate) async fn change(mut self, change: RowChange<'_>) -> Result<CommitOutcome, Error> {
        match self.write(change).await? {
            CommitOutcome::Done => self.commit(CommitOutcome::Done).await,
            stale => self.give_up(stale).await,
        }
    }

    /// The checkpoint first: of two runners one finds it moved. The rows have been checked.
    pub(crate) async fn write(&mut self, change: RowChange<'_>) -> Result<CommitOutcome, Error> {
        if !self.advance(&change).await? {
            return self.stale(change.table).await;
        }
        let RowChange { table, upserts, deletes, park, unpark, .. } = change;
        let sql = TableSql::new(&self.log.rows, table)?;
        let written = tables::write(self.connection(), &sql, Folded { upserts, deletes }).await;
        written.map_err(|error| self.said(error))?;
        if !park.is_empty() || !unpark.is_empty() {
            self.park(table, &park, &unpark).await?;
        }
        Ok(CommitOutcome::Done)
    }

    /// Moves the checkpoint if it stands where the change starts.
    async fn advance(&mut self, change: &RowChange<'_>) -> Result<bool, Error> {
        let update = about(&self.log.sql.move_checkpoint, change.table)
            .bind(integer(change.from.get()))
            .bind(integer(change.parked))
            .bind(integer(change.to.get()))
            .bind(change.anchor.map(|anchor| integer(anchor.position.get())))
            .bind(change.anchor.map(|anchor| anchor.event.to_string()))
            .bind(Timestamp::now().as_micros());
        Ok(self.run(update).await? > 0)
    }

    /// Why the checkpoint did not move.
    async fn stale(&mut self, table: &Table) -> Result<CommitOutcome, Error> {
        match self.build(table).await? {
            None => Err(table.undefined()),
            Some(build) if build.inline => Err(table.kept_inline()),
            Some(build) => Ok(CommitOutcome::Stale(build.checkpoint.position)),
        }
    }

    async fn park(&mut self, table: &Table, park: &[Parked], unpark: &[Position]) -> Result<(), Error> {
        let sql = &self.log.sql;
        self.run(about(&sql.unpark, table).bind(json(unpark))).await?;
        for parked in park {
            let insert = about(&sql.park, table)
                .bind(integer(parked.position.get()))
                .bind(parked.event.to_string())
                .bind(json(&parked.keys))
                .bind(&parked.error)
                .bind(parked.attempts);
            self.run(insert).await?;
        }
        self.run(about(&sql.count_parked, table)).await.map(drop)
    }
}

/// The parked events of a build, in the order of their positions.
pub(crate) async fn parked(
    connection: &mut SqliteConnection,
    sql: &Sql,
    operation: &str,
    table: &Table,
) -> Result<Vec<Parked>, Error> {
    let found = about(&sql.parked, table).fetch_all(connection).await;
    let found = found.map_err(|error| failed(operation, error))?;
    found.iter().map(|row| event(row, operation)).collect()
}

fn event(row: &SqliteRow, operation: &str) -> Result<Parked, Error> {
    let row = Columns { row, operation };
    let keys: String = row.get("keys")?;
    let damaged = |error| Error::unusable(operation, format!("the keys {keys:?} are damaged: {error}"));
    Ok(Parked {
        position: position(row.get("position")?),
        event: row.id(&row.get::<String>("event")?)?,
        keys: serde_json::from_str(&keys).map_err(damaged)?,
        error: row.get("error")?,
        attempts: row.get("attempts")?,
    })
}
