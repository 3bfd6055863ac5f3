//! The rows of projections: tables beside those of the log, changed in one transaction with their checkpoint.

use std::sync::Arc;

use annalist_core::{
    error::Error,
    rows::{
        Anchor, Build, Checkpoint, Committed, Key, Parked, Row, RowChange, RowQuery, RowStore, Switched,
        Table,
        sql::{Question, TableSql},
    },
    store::LogId,
    time::Timestamp,
};
use async_trait::async_trait;
use sqlx::{AssertSqlSafe, Connection, Row as _, SqliteConnection, query, query_scalar};
use uuid::Uuid;

use crate::{
    Log, Sqlite,
    error::{failed, failed_commit},
    read::position,
    retire,
    row_values::{bind, keys_text, row},
    rows::integer,
};

#[async_trait]
impl RowStore for Sqlite {
    fn describe_rows(&self) -> String {
        format!("rows in {}", self.log.title)
    }

    async fn define(&self, table: &Table, log: LogId) -> Result<Checkpoint, Error> {
        let operation = self.log.rows_of("define", table);
        TableSql::new(&self.log.rows, table)?;
        if let Some(stored) = self.log.stored(&operation, table.projection, table.version).await? {
            return stored.checked(table, log);
        }
        let mut connection = self.log.writing(&operation).await?;
        let answer = self.log.make(&mut connection, &operation, table, log).await;
        retire(&mut connection, answer)
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
        let operation = format!("find projection {projection:?} in {}", self.log.title);
        let stored = self.log.stored(&operation, projection, version).await?;
        Ok(stored.map(|stored| stored.checkpoint))
    }

    async fn rows(&self, table: &Table, keys: &[Key]) -> Result<Vec<Option<Row>>, Error> {
        let sql = TableSql::new(&self.log.rows, table)?;
        sql.check(&[], keys)?;
        let operation = self.log.rows_of("read", table);
        let mut connection = self.log.connection(&self.log.readers, &operation).await?;
        let select = query(AssertSqlSafe(sql.select())).bind(keys_text(keys));
        let answer = select.fetch_all(&mut *connection).await.map_err(|error| failed(&operation, error));
        let mut rows = vec![None; keys.len()];
        for found in retire(&mut connection, answer)? {
            let number: i64 = found.try_get(0).map_err(|error| failed(&operation, error))?;
            let place = usize::try_from(number - 1).ok().and_then(|index| rows.get_mut(index));
            if let Some(place) = place {
                *place = Some(row(&found, table, 1)?);
            }
        }
        Ok(rows)
    }

    /// In a task of its own, so a caller that goes away cannot stop it half-way.
    async fn commit(&self, change: RowChange<'_>) -> Result<Committed, Error> {
        TableSql::new(&self.log.rows, change.table)?.check(&change.upserts, &change.deletes)?;
        let operation = self.log.rows_of("change", change.table);
        let log = Arc::clone(&self.log);
        let RowChange { table, from, to, parked, anchor, upserts, deletes, park, unpark } = change;
        let table = *table;
        let task = tokio::spawn(async move {
            let operation = log.rows_of("change", &table);
            let table = &table;
            let change = RowChange { table, from, to, parked, anchor, upserts, deletes, park, unpark };
            let mut connection = log.writing(&operation).await?;
            let answer = log.change(&mut connection, &operation, change).await;
            retire(&mut connection, answer)
        });
        task.await.unwrap_or_else(|ended| Err(Error::unknown(operation, ended)))
    }

    async fn report(&self, table: &Table, stopped: Option<&str>) -> Result<(), Error> {
        let operation = self.log.rows_of("report on", table);
        let mut connection = self.log.writing(&operation).await?;
        let report = query(self.log.sql.report.clone()).bind(table.projection).bind(table.version);
        let report = report.bind(stopped).bind(Timestamp::now().as_micros());
        let answer = report.execute(&mut *connection).await.map_err(|error| failed(&operation, error));
        retire(&mut connection, answer).map(drop)
    }

    async fn find(&self, query: &RowQuery<'_>) -> Result<Vec<Row>, Error> {
        let Question { sql, values } = TableSql::new(&self.log.rows, query.table)?.find(query)?;
        let operation = self.log.rows_of("query", query.table);
        let mut connection = self.log.connection(&self.log.readers, &operation).await?;
        let asked = values.into_iter().fold(sqlx::query(AssertSqlSafe(sql)), bind);
        let answer = asked.fetch_all(&mut *connection).await.map_err(|error| failed(&operation, error));
        retire(&mut connection, answer)?.iter().map(|found| row(found, query.table, 0)).collect()
    }
}

/// What stands beside the rows of a projection.
struct Stored {
    log: LogId,
    shape: String,
    checkpoint: Checkpoint,
}

impl Stored {
    fn checked(self, table: &Table, log: LogId) -> Result<Checkpoint, Error> {
        table.check_stored(&self.shape, self.log, log)?;
        Ok(self.checkpoint)
    }
}

impl Log {
    /// Makes table, view and checkpoint under the write lock, unless somebody else has just done so.
    async fn make(
        &self,
        connection: &mut SqliteConnection,
        operation: &str,
        table: &Table,
        log: LogId,
    ) -> Result<Checkpoint, Error> {
        let said = |error| failed(operation, error);
        let sql = TableSql::new(&self.rows, table)?;
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(said)?;
        if let Some(stored) = self.look(&mut transaction, operation, table.projection, table.version).await? {
            transaction.rollback().await.map_err(said)?;
            return stored.checked(table, log);
        }
        for statement in sql.create() {
            query(AssertSqlSafe(statement)).execute(&mut *transaction).await.map_err(said)?;
        }
        let has_view = query_scalar(self.sql.has_view.clone()).bind(table.projection);
        let views: i64 = has_view.fetch_one(&mut *transaction).await.map_err(said)?;
        if views == 0 {
            query(AssertSqlSafe(sql.view())).execute(&mut *transaction).await.map_err(said)?;
        }
        let insert = query(self.sql.insert_projection.clone()).bind(table.projection).bind(table.version);
        let insert = insert.bind(log.to_string()).bind(table.shape()).bind(Timestamp::now().as_micros());
        insert.execute(&mut *transaction).await.map_err(said)?;
        // Whoever is in doubt asks again, and finds it made or makes it.
        transaction.commit().await.map_err(said)?;
        Ok(Checkpoint::default())
    }

    /// The checkpoint first: of two runners one finds it moved.
    async fn change(
        &self,
        connection: &mut SqliteConnection,
        operation: &str,
        change: RowChange<'_>,
    ) -> Result<Committed, Error> {
        let said = |error| failed(operation, error);
        let sql = TableSql::new(&self.rows, change.table)?;
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(said)?;
        if !self.advance(&mut transaction, &change).await.map_err(said)? {
            let Table { projection, version, .. } = *change.table;
            let stored = self.look(&mut transaction, operation, projection, version).await?;
            transaction.rollback().await.map_err(said)?;
            let undefined = || Error::unusable(operation, "the table was never defined in this store");
            return stored.map(|stored| Committed::Stale(stored.checkpoint.position)).ok_or_else(undefined);
        }
        if !change.deletes.is_empty() {
            let delete = query(AssertSqlSafe(sql.delete())).bind(keys_text(&change.deletes));
            delete.execute(&mut *transaction).await.map_err(said)?;
        }
        let upsert: Arc<str> = sql.upsert().into();
        for row in change.upserts {
            let statement = query(AssertSqlSafe(Arc::clone(&upsert)));
            row.into_iter().fold(statement, bind).execute(&mut *transaction).await.map_err(said)?;
        }
        transaction.commit().await.map_err(|error| failed_commit(operation, error.into()))?;
        Ok(Committed::Done)
    }

    /// Moves the checkpoint if it stands where the change starts.
    async fn advance(
        &self,
        connection: &mut SqliteConnection,
        change: &RowChange<'_>,
    ) -> Result<bool, sqlx::Error> {
        let update = query(self.sql.move_checkpoint.clone())
            .bind(change.table.projection)
            .bind(change.table.version)
            .bind(integer(change.from.get()))
            .bind(integer(change.to.get()))
            .bind(change.anchor.map(|anchor| integer(anchor.position.get())))
            .bind(change.anchor.map(|anchor| anchor.event.to_string()))
            .bind(Timestamp::now().as_micros());
        Ok(update.execute(connection).await?.rows_affected() > 0)
    }

    async fn stored(&self, operation: &str, projection: &str, version: u32) -> Result<Option<Stored>, Error> {
        let mut connection = self.connection(&self.readers, operation).await?;
        let answer = self.look(&mut connection, operation, projection, version).await;
        retire(&mut connection, answer)
    }

    async fn look(
        &self,
        connection: &mut SqliteConnection,
        operation: &str,
        projection: &str,
        version: u32,
    ) -> Result<Option<Stored>, Error> {
        let said = |error| failed(operation, error);
        let look = query(self.sql.checkpoint.clone()).bind(projection).bind(version);
        let Some(found) = look.fetch_optional(connection).await.map_err(said)? else { return Ok(None) };
        let text = |column| found.try_get::<Option<String>, _>(column).map_err(said);
        let number = |column| found.try_get::<Option<i64>, _>(column).map_err(said);
        let id = |text: String| {
            Uuid::try_parse(&text)
                .map_err(|error| Error::unusable(operation, format!("the id {text:?} is damaged: {error}")))
        };
        let anchor = match (number("anchor_position")?, text("anchor_event")?) {
            (Some(at), Some(event)) => Some(Anchor { position: position(at), event: id(event)? }),
            _ => None,
        };
        let checkpoint = Checkpoint {
            position: position(number("position")?.unwrap_or_default()),
            anchor,
            parked: 0,
            stopped: text("stopped")?,
        };
        let (log, shape) = (text("log")?.unwrap_or_default(), text("shape")?.unwrap_or_default());
        Ok(Some(Stored { log: LogId::from_uuid(id(log)?), shape, checkpoint }))
    }

    fn rows_of(&self, what: &str, table: &Table) -> String {
        format!("{what} the rows of `{}` in {}", table.name(), self.title)
    }
}
