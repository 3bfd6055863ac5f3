//! The rows of projections: tables in a schema beside that of the log, changed in one transaction with their checkpoint.

use std::sync::Arc;

use annalist_core::{
    error::Error,
    rows::{
        Anchor, Build, Checkpoint, Committed, Key, Parked, Row, RowChange, RowQuery, RowStore, Switched,
        Table,
        sql::{Question, TableSql},
    },
    store::LogId,
};
use async_trait::async_trait;
use sqlx::{
    AssertSqlSafe, PgConnection, Postgres as Driver, Row as _,
    postgres::{PgArguments, PgRow},
    query::Query,
};
use uuid::Uuid;

use crate::{
    Postgres, Store,
    error::{append_failed, failed},
    row_values::{bind, bind_all, bind_keys, parts, row},
    rows::{number, position},
};

#[async_trait]
impl RowStore for Postgres {
    fn describe_rows(&self) -> String {
        self.store.doing("rows in")
    }

    async fn define(&self, table: &Table, log: LogId) -> Result<Checkpoint, Error> {
        TableSql::new(&self.store.rows, table)?;
        let store = &self.store;
        let doing = || store.rows_of("define", table);
        let stored = store.look(&store.pool, table.projection, table.version).await;
        match stored.map_err(|error| failed(doing(), error))? {
            Some(stored) => stored.checked(table, log),
            None => store.make(table, log).await,
        }
    }

    async fn builds(&self, projection: &str) -> Result<Vec<Build>, Error> {
        Err(Error::unusable(format!("find the builds of {projection:?}"), "not possible yet"))
    }

    async fn parked(&self, _: &Table) -> Result<Vec<Parked>, Error> {
        Ok(Vec::new())
    }

    async fn switch(&self, table: &Table, _: bool) -> Result<Switched, Error> {
        Err(Error::unusable(format!("switch to `{}`", table.name()), "not possible yet"))
    }

    async fn discard(&self, table: &Table) -> Result<bool, Error> {
        Err(Error::unusable(format!("discard `{}`", table.name()), "not possible yet"))
    }

    async fn leave_inline(&self, table: &Table) -> Result<Checkpoint, Error> {
        Err(Error::unusable(format!("leave `{}` inline", table.name()), "not possible yet"))
    }

    async fn checkpoint(&self, projection: &str, version: u32) -> Result<Option<Checkpoint>, Error> {
        let stored = self.store.look(&self.store.pool, projection, version).await;
        let stored = stored.map_err(|error| failed(self.store.doing("find a projection in"), error))?;
        Ok(stored.map(|stored| stored.checkpoint))
    }

    async fn rows(&self, table: &Table, keys: &[Key]) -> Result<Vec<Option<Row>>, Error> {
        let sql = TableSql::new(&self.store.rows, table)?;
        sql.check(&[], keys)?;
        let select = bind_keys(planned(sql.select()), table, keys);
        let unread = |error| failed(self.store.rows_of("read", table), error);
        let mut rows = vec![None; keys.len()];
        for found in select.fetch_all(&self.store.pool).await.map_err(unread)? {
            let number: i64 = found.try_get(0).map_err(unread)?;
            let place = usize::try_from(number - 1).ok().and_then(|index| rows.get_mut(index));
            if let Some(place) = place {
                *place = Some(row(&found, table, 1)?);
            }
        }
        Ok(rows)
    }

    /// In a task of its own, so a caller that goes away cannot stop it half-way.
    async fn commit(&self, change: RowChange<'_>) -> Result<Committed, Error> {
        TableSql::new(&self.store.rows, change.table)?.check(&change.upserts, &change.deletes)?;
        let doing = self.store.rows_of("change", change.table);
        let store = Arc::clone(&self.store);
        let RowChange { table, from, to, parked, anchor, upserts, deletes, park, unpark } = change;
        let table = *table;
        let task = tokio::spawn(async move {
            let table = &table;
            store.change(RowChange { table, from, to, parked, anchor, upserts, deletes, park, unpark }).await
        });
        task.await.unwrap_or_else(|ended| Err(Error::unknown(doing, ended)))
    }

    async fn report(&self, table: &Table, stopped: Option<&str>) -> Result<(), Error> {
        let report =
            self.store.sql.report.query().bind(table.projection).bind(i64::from(table.version)).bind(stopped);
        let done = report.execute(&self.store.pool).await;
        done.map(drop).map_err(|error| failed(self.store.doing("report on a projection in"), error))
    }

    async fn find(&self, query: &RowQuery<'_>) -> Result<Vec<Row>, Error> {
        let Question { sql, values } = TableSql::new(&self.store.rows, query.table)?.find(query)?;
        let asked = values.into_iter().fold(planned(sql), bind);
        let found = asked.fetch_all(&self.store.pool).await;
        let found = found.map_err(|error| failed(self.store.rows_of("query", query.table), error))?;
        found.iter().map(|found| row(found, query.table, 0)).collect()
    }
}

/// A statement that is planned each time for the table as it is now: a plan that was kept from when the table was small
/// reads all of it when it is large.
fn planned<'q>(sql: String) -> Query<'q, Driver, PgArguments> {
    sqlx::query(AssertSqlSafe(sql)).persistent(false)
}

/// What stands beside the rows of a projection.
struct Stored {
    log: LogId,
    shape: String,
    checkpoint: Checkpoint,
}

impl Stored {
    fn of(found: &PgRow) -> Result<Self, sqlx::Error> {
        let anchor =
            match (found.try_get::<Option<i64>, _>("anchor_position")?, found.try_get("anchor_event")?) {
                (Some(at), Some(event)) => Some(Anchor { position: position(at), event }),
                _ => None,
            };
        let at = position(found.try_get("position")?);
        let checkpoint = Checkpoint { position: at, anchor, parked: 0, stopped: found.try_get("stopped")? };
        let log = LogId::from_uuid(found.try_get::<Uuid, _>("log")?);
        Ok(Self { log, shape: found.try_get("shape")?, checkpoint })
    }

    fn checked(self, table: &Table, log: LogId) -> Result<Checkpoint, Error> {
        table.check_stored(&self.shape, self.log, log)?;
        Ok(self.checkpoint)
    }
}

impl Store {
    /// Makes table, view and checkpoint, one process at a time, unless another one has just done so.
    async fn make(&self, table: &Table, log: LogId) -> Result<Checkpoint, Error> {
        let said = |error| failed(self.rows_of("define", table), error);
        let sql = TableSql::new(&self.rows, table)?;
        let mut transaction = self.pool.begin().await.map_err(said)?;
        let lock = self.sql.one_maker.query().bind(self.keys.migration());
        lock.execute(&mut *transaction).await.map_err(said)?;
        // A statement of its own behind the lock, so that it sees what the others made.
        let stored = self.look(&mut *transaction, table.projection, table.version).await.map_err(said)?;
        if let Some(stored) = stored {
            transaction.rollback().await.map_err(said)?;
            return stored.checked(table, log);
        }
        let has_view = self.sql.has_view.query().bind(table.projection);
        let has_view = has_view.fetch_one(&mut *transaction).await.map_err(said)?;
        let mut statements = sql.create();
        if !has_view.try_get::<bool, _>(0).map_err(said)? {
            statements.push(sql.view());
        }
        for statement in statements {
            sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *transaction).await.map_err(said)?;
        }
        let insert = self.sql.insert_projection.query().bind(table.projection).bind(i64::from(table.version));
        let insert = insert.bind(log.as_uuid()).bind(table.shape());
        insert.execute(&mut *transaction).await.map_err(said)?;
        // Whoever is in doubt asks again, and finds it made or makes it.
        transaction.commit().await.map_err(said)?;
        Ok(Checkpoint::default())
    }

    /// The checkpoint first: of two runners one waits for its row, and then finds it moved.
    async fn change(&self, change: RowChange<'_>) -> Result<Committed, Error> {
        let doing = || self.rows_of("change", change.table);
        let said = |error| failed(doing(), error);
        if change.upserts.is_empty() && change.deletes.is_empty() {
            return self.pass(&change).await;
        }
        let mut transaction = self.pool.begin().await.map_err(said)?;
        if !self.advance(&mut transaction, &change).await.map_err(said)? {
            transaction.rollback().await.map_err(said)?;
            return self.stale(change.table).await;
        }
        self.write(&mut transaction, &change).await?;
        transaction.commit().await.map_err(|error| append_failed(doing(), error.into()))?;
        Ok(Committed::Done)
    }

    /// Moves the checkpoint alone, which needs no more than one statement.
    async fn pass(&self, change: &RowChange<'_>) -> Result<Committed, Error> {
        let doing = || self.rows_of("change", change.table);
        let mut connection = self.pool.acquire().await.map_err(|error| failed(doing(), error))?;
        let moved = self.advance(&mut connection, change).await;
        drop(connection);
        match moved.map_err(|error| append_failed(doing(), error.into()))? {
            true => Ok(Committed::Done),
            false => self.stale(change.table).await,
        }
    }

    /// Moves the checkpoint if it stands where the change starts.
    async fn advance(
        &self,
        connection: &mut PgConnection,
        change: &RowChange<'_>,
    ) -> Result<bool, sqlx::Error> {
        let update = self.sql.move_checkpoint.query();
        let update = update.bind(change.table.projection).bind(i64::from(change.table.version));
        let update = update.bind(number(change.from)).bind(number(change.to));
        let update = update.bind(change.anchor.map(|anchor| number(anchor.position)));
        let update = update.bind(change.anchor.map(|anchor| anchor.event));
        Ok(update.execute(connection).await?.rows_affected() > 0)
    }

    async fn write(&self, connection: &mut PgConnection, change: &RowChange<'_>) -> Result<(), Error> {
        let said = |error| failed(self.rows_of("change", change.table), error);
        let sql = TableSql::new(&self.rows, change.table)?;
        if !change.deletes.is_empty() {
            let delete = bind_keys(planned(sql.delete()), change.table, &change.deletes);
            delete.execute(&mut *connection).await.map_err(said)?;
        }
        let upsert: Arc<str> = sql.upsert().into();
        for rows in parts(&change.upserts) {
            let statement = sqlx::query(AssertSqlSafe(Arc::clone(&upsert)));
            let statement = bind_all(statement, change.table.columns, rows);
            statement.execute(&mut *connection).await.map_err(said)?;
        }
        Ok(())
    }

    async fn stale(&self, table: &Table) -> Result<Committed, Error> {
        let doing = || self.rows_of("change", table);
        let stored = self.look(&self.pool, table.projection, table.version).await;
        let stored = stored.map_err(|error| failed(doing(), error))?;
        let undefined = || Error::unusable(doing(), "the table was never defined in this store");
        stored.map(|stored| Committed::Stale(stored.checkpoint.position)).ok_or_else(undefined)
    }

    async fn look<'e>(
        &self,
        executor: impl sqlx::PgExecutor<'e>,
        projection: &str,
        version: u32,
    ) -> Result<Option<Stored>, sqlx::Error> {
        let look = self.sql.checkpoint.query().bind(projection).bind(i64::from(version));
        look.fetch_optional(executor).await?.as_ref().map(Stored::of).transpose()
    }

    fn rows_of(&self, what: &str, table: &Table) -> String {
        self.doing(&format!("{what} the rows of `{}` in", table.name()))
    }
}
