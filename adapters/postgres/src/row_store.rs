//! The rows of projections: tables in a schema beside that of the log, changed in one transaction with their checkpoint.

use std::sync::Arc;

use annalist_core::{
    error::Error,
    rows::{
        Build, Checkpoint, CommitOutcome, Folded, Inline, InlineOutcome, Key, Parked, PromoteOutcome, Row,
        RowChange, RowQuery, RowStore, Table,
        sql::{Question, TableSql},
    },
    store::LogId,
};
use async_trait::async_trait;
use sqlx::{AssertSqlSafe, PgConnection, Postgres as Driver, Row as _, postgres::PgArguments, query::Query};

use crate::{
    Postgres, Store,
    error::{append_failed, failed},
    row_values::{bind, bind_all, bind_keys, parts, row},
    rows::number,
};

#[async_trait]
impl RowStore for Postgres {
    fn describe_rows(&self) -> String {
        self.store.doing("rows in")
    }

    async fn builds(&self, projection: &str) -> Result<Vec<Build>, Error> {
        let builds = self.store.builds(&self.store.pool, projection).await;
        builds.map_err(|error| failed(self.store.doing("find a projection in"), error))
    }

    async fn define(&self, table: &Table, log: LogId) -> Result<Checkpoint, Error> {
        self.store.define(table, log).await
    }

    async fn rows(&self, table: &Table, keys: &[Key]) -> Result<Vec<Option<Row>>, Error> {
        let doing = || self.store.rows_of("read", table);
        let mut connection = self.store.pool.acquire().await.map_err(|error| failed(doing(), error))?;
        self.store.rows(&mut connection, table, keys).await
    }

    /// In a task of its own, so a caller that goes away cannot stop it half-way.
    async fn commit(&self, change: RowChange<'_>) -> Result<CommitOutcome, Error> {
        self.store.check(&change)?;
        let doing = self.store.rows_of("change", change.table);
        let RowChange { table, from, to, parked, anchor, upserts, deletes, park, unpark } = change;
        let (store, table) = (Arc::clone(&self.store), *table);
        to_its_end(doing, async move {
            let table = &table;
            store.change(RowChange { table, from, to, parked, anchor, upserts, deletes, park, unpark }).await
        })
        .await
    }

    async fn report(&self, table: &Table, stopped: Option<&str>) -> Result<(), Error> {
        // PostgreSQL cannot keep NUL, and this is for people.
        let stopped = stopped.map(|text| text.replace('\0', "\u{fffd}"));
        let report = self.store.sql.report.of(table).bind(stopped);
        let done = report.execute(&self.store.pool).await;
        done.map(drop).map_err(|error| failed(self.store.rows_of("report on", table), error))
    }

    async fn find(&self, query: &RowQuery<'_>) -> Result<Vec<Row>, Error> {
        if query.table.is_checkpoint_only() {
            return Ok(Vec::new());
        }
        let Question { sql, values } = TableSql::new(&self.store.rows, query.table)?.find(query)?;
        let asked = values.into_iter().fold(planned(sql), bind);
        let found = asked.fetch_all(&self.store.pool).await;
        let found = found.map_err(|error| failed(self.store.rows_of("query", query.table), error))?;
        found.iter().map(|found| row(found, query.table, 0)).collect()
    }

    async fn parked(&self, table: &Table) -> Result<Vec<Parked>, Error> {
        self.store.parked(table).await
    }

    async fn promote(&self, table: &Table, compare: bool) -> Result<PromoteOutcome, Error> {
        let (store, table) = (Arc::clone(&self.store), *table);
        to_its_end(store.rows_of("switch to", &table), async move { store.promote(&table, compare).await })
            .await
    }

    async fn discard(&self, table: &Table) -> Result<bool, Error> {
        let (store, table) = (Arc::clone(&self.store), *table);
        to_its_end(store.rows_of("discard", &table), async move { store.discard(&table).await }).await
    }

    async fn make_inline(&self, inline: Arc<dyn Inline>) -> Result<InlineOutcome, Error> {
        let store = Arc::clone(&self.store);
        let doing = store.rows_of("keep inline", inline.table());
        to_its_end(doing, async move { store.make_inline(&*inline).await }).await
    }

    async fn make_async(&self, table: &Table) -> Result<Checkpoint, Error> {
        let (store, table) = (Arc::clone(&self.store), *table);
        let doing = store.rows_of("keep in the background", &table);
        to_its_end(doing, async move { store.make_async(&table).await }).await
    }
}

/// Does something in a task of its own.
async fn to_its_end<T: Send + 'static>(
    doing: String,
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    tokio::spawn(work).await.unwrap_or_else(|ended| Err(Error::unknown(doing, ended)))
}

/// A statement that is planned each time for the table as it is now: a plan that was kept from when the table was small
/// reads all of it when it is large.
fn planned<'q>(sql: String) -> Query<'q, Driver, PgArguments> {
    sqlx::query(AssertSqlSafe(sql)).persistent(false)
}

impl Store {
    pub(crate) fn check(&self, change: &RowChange<'_>) -> Result<(), Error> {
        let sql = TableSql::new(&self.rows, change.table)?;
        Ok(sql.check(&change.upserts, &change.deletes)?)
    }

    /// The checkpoint first: of two runners one waits for its row, and then finds it moved.
    async fn change(&self, change: RowChange<'_>) -> Result<CommitOutcome, Error> {
        let doing = || self.rows_of("change", change.table);
        let said = |error| failed(doing(), error);
        if change.moves_checkpoint_only() {
            return self.pass(&change).await;
        }
        let mut transaction = self.pool.begin().await.map_err(said)?;
        if !self.advance(&mut transaction, &change).await.map_err(said)? {
            transaction.rollback().await.map_err(said)?;
            return self.stale(change.table).await;
        }
        self.write(&mut transaction, &change).await?;
        transaction.commit().await.map_err(|error| append_failed(doing(), error.into()))?;
        Ok(CommitOutcome::Done)
    }

    /// Moves the checkpoint alone, which needs no more than one statement.
    async fn pass(&self, change: &RowChange<'_>) -> Result<CommitOutcome, Error> {
        let doing = || self.rows_of("change", change.table);
        let mut connection = self.pool.acquire().await.map_err(|error| failed(doing(), error))?;
        let moved = self.advance(&mut connection, change).await;
        drop(connection);
        match moved.map_err(|error| append_failed(doing(), error.into()))? {
            true => Ok(CommitOutcome::Done),
            false => self.stale(change.table).await,
        }
    }

    /// Moves the checkpoint if it stands where the change starts.
    pub(crate) async fn advance(
        &self,
        connection: &mut PgConnection,
        change: &RowChange<'_>,
    ) -> Result<bool, sqlx::Error> {
        let parked = i64::try_from(change.parked).unwrap_or(i64::MAX);
        let update = self.sql.move_checkpoint.of(change.table).bind(number(change.from)).bind(parked);
        let update = update.bind(number(change.to));
        let update = update.bind(change.anchor.map(|anchor| number(anchor.position)));
        let update = update.bind(change.anchor.map(|anchor| anchor.event));
        Ok(update.execute(connection).await?.rows_affected() > 0)
    }

    pub(crate) async fn write(
        &self,
        connection: &mut PgConnection,
        change: &RowChange<'_>,
    ) -> Result<(), Error> {
        self.write_rows(connection, change.table, &change.upserts, &change.deletes).await?;
        if change.park.is_empty() && change.unpark.is_empty() {
            return Ok(());
        }
        let parked = self.park(connection, change.table, &change.park, &change.unpark).await;
        parked.map_err(|error| failed(self.rows_of("park events of", change.table), error))
    }

    /// Writes what a fold made of rows that belong to this transaction.
    pub(crate) async fn write_folded(
        &self,
        connection: &mut PgConnection,
        table: &Table,
        folded: &Folded,
    ) -> Result<(), Error> {
        TableSql::new(&self.rows, table)?.check(&folded.upserts, &folded.deletes)?;
        self.write_rows(connection, table, &folded.upserts, &folded.deletes).await
    }

    async fn write_rows(
        &self,
        connection: &mut PgConnection,
        table: &Table,
        upserts: &[Row],
        deletes: &[Key],
    ) -> Result<(), Error> {
        let said = |error| failed(self.rows_of("change", table), error);
        let sql = TableSql::new(&self.rows, table)?;
        if !deletes.is_empty() {
            let delete = bind_keys(planned(sql.delete()), table, deletes);
            delete.execute(&mut *connection).await.map_err(said)?;
        }
        let upsert: Arc<str> = sql.upsert().into();
        for rows in parts(upserts) {
            let statement = sqlx::query(AssertSqlSafe(Arc::clone(&upsert)));
            let statement = bind_all(statement, table.columns, rows);
            statement.execute(&mut *connection).await.map_err(said)?;
        }
        Ok(())
    }

    pub(crate) async fn rows(
        &self,
        connection: &mut PgConnection,
        table: &Table,
        keys: &[Key],
    ) -> Result<Vec<Option<Row>>, Error> {
        let mut rows = vec![None; keys.len()];
        if keys.is_empty() {
            return Ok(rows);
        }
        let sql = TableSql::new(&self.rows, table)?;
        sql.check(&[], keys)?;
        let select = bind_keys(planned(sql.select()), table, keys);
        let unread = |error| failed(self.rows_of("read", table), error);
        for found in select.fetch_all(connection).await.map_err(unread)? {
            let number: i64 = found.try_get(0).map_err(unread)?;
            let place = usize::try_from(number - 1).ok().and_then(|index| rows.get_mut(index));
            if let Some(place) = place {
                *place = Some(row(&found, table, 1)?);
            }
        }
        Ok(rows)
    }

    /// Why a change was refused by the comparison.
    pub(crate) async fn stale(&self, table: &Table) -> Result<CommitOutcome, Error> {
        let build = self.build(&self.pool, table).await;
        let build = build.map_err(|error| failed(self.rows_of("change", table), error))?;
        match build {
            None => Err(table.undefined()),
            Some(build) if build.inline => Err(table.kept_inline()),
            Some(build) => Ok(CommitOutcome::Stale(build.checkpoint.position)),
        }
    }

    pub(crate) fn rows_of(&self, what: &str, table: &Table) -> String {
        self.doing(&format!("{what} the rows of `{}` in", table.name()))
    }
}
