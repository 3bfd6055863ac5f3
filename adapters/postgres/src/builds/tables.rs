//! The rows of builds: tables in a schema beside that of the log.

use std::sync::Arc;

use annalist_core::{
    error::Error,
    rows::{
        FoldedRows, Key, Row, RowQuery, Table,
        sql::{SelectStatement, TableSql},
    },
};
use sqlx::{
    AssertSqlSafe, Connection, PgConnection, Postgres, Row as _, Transaction,
    postgres::{PgArguments, PgRow},
    query::Query,
};

use super::row_values::{PostgresDialect, bind, bind_all, bind_keys, row, split_by_size};
use crate::{
    database::Database,
    error::{failed, is_undefined_table},
    open::schema_name::SchemaName,
};

pub(crate) struct RowTables {
    pub(super) database: Arc<Database>,
    dialect: PostgresDialect,
}

impl RowTables {
    pub(crate) fn new(database: Arc<Database>, schema: &SchemaName) -> Self {
        Self { database, dialect: PostgresDialect::new(schema) }
    }

    /// The statements for a table.
    pub(super) fn sql<'a>(&'a self, table: &'a Table) -> Result<TableSql<'a>, Error> {
        TableSql::new(&self.dialect, table)
    }

    /// The text of an operation for messages: "change the rows of `balances_v1` in postgres log …".
    pub(super) fn operation(&self, what: &str, table: &Table) -> String {
        self.database.operation(&format!("{what} the rows of `{}` in", table.name()))
    }

    /// The rows with these keys, in their order.
    pub(crate) async fn rows(
        &self,
        connection: &mut PgConnection,
        table: &Table,
        keys: &[Key],
    ) -> Result<Vec<Option<Row>>, Error> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let select = self.select(table, keys)?;
        self.in_order(table, keys, select.bind(table, keys).fetch_all(connection).await)
    }

    /// As [`RowTables::rows`], on a connection of the pool.
    pub(super) async fn rows_from_pool(
        &self,
        table: &Table,
        keys: &[Key],
    ) -> Result<Vec<Option<Row>>, Error> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let (select, database) = (self.select(table, keys)?, &self.database);
        self.in_order(table, keys, database.fetch_all(|| select.bind(table, keys)).await)
    }

    /// The statement that selects the rows with these keys.
    fn select(&self, table: &Table, keys: &[Key]) -> Result<RowSelect, Error> {
        let sql = self.sql(table)?;
        sql.check(&[], keys)?;
        Ok(RowSelect::new(&sql.select(), table, !self.database.shares_sessions))
    }

    /// The rows that were found, in the order of the keys.
    fn in_order(
        &self,
        table: &Table,
        keys: &[Key],
        found: Result<Vec<PgRow>, sqlx::Error>,
    ) -> Result<Vec<Option<Row>>, Error> {
        let read_error = |error| failed(self.operation("read", table), error);
        let mut rows = vec![None; keys.len()];
        for found in found.map_err(read_error)? {
            let number: i64 = found.try_get(0).map_err(read_error)?;
            let slot = usize::try_from(number - 1).ok().and_then(|index| rows.get_mut(index));
            if let Some(slot) = slot {
                *slot = Some(row(&found, table, 1)?);
            }
        }
        Ok(rows)
    }

    /// The rows that a query selects.
    pub(super) async fn find(&self, query: &RowQuery<'_>) -> Result<Vec<Row>, Error> {
        if query.table.is_checkpoint_only() {
            return Ok(Vec::new());
        }
        let SelectStatement { sql, values } = self.sql(query.table)?.find(query)?;
        let select = || values.iter().cloned().fold(unprepared(sql.clone()), bind);
        let rows = self.database.fetch_all(select).await;
        let rows = rows.map_err(|error| failed(self.operation("query", query.table), error))?;
        rows.iter().map(|found| row(found, query.table, 0)).collect()
    }

    /// The number of rows that match the filters of a query.
    pub(super) async fn count(&self, query: &RowQuery<'_>) -> Result<u64, Error> {
        if query.table.is_checkpoint_only() {
            return Ok(0);
        }
        let [count] = self.totals(query.table, self.sql(query.table)?.count(query)?).await?;
        Ok(count.unsigned_abs())
    }

    /// The sum of a column over the rows that match the filters of a query.
    pub(super) async fn sum(&self, query: &RowQuery<'_>, column: usize) -> Result<i128, Error> {
        let [high, low] = self.totals(query.table, self.sql(query.table)?.sum(query, column)?).await?;
        Ok(TableSql::sum_of_halves(high, low))
    }

    /// The numbers in the only row of a statement.
    async fn totals<const COUNT: usize>(
        &self,
        table: &Table,
        SelectStatement { sql, values }: SelectStatement,
    ) -> Result<[i64; COUNT], Error> {
        let map_err = |error: sqlx::Error| failed(self.operation("query", table), error);
        let select = || values.iter().cloned().fold(unprepared(sql.clone()), bind);
        let row = self.database.fetch_one(select).await.map_err(map_err)?;
        let mut totals = [0; COUNT];
        for (column, total) in totals.iter_mut().enumerate() {
            *total = row.try_get(column).map_err(map_err)?;
        }
        Ok(totals)
    }

    /// Begins a transaction that writes rows, and locks the table: before the checkpoint, as `discard` and the statement of a small
    /// change do, since otherwise two of them could each wait for the other. After an error the connection must be closed.
    pub(super) async fn begin_change<'c>(
        &self,
        connection: &'c mut PgConnection,
        table: &Table,
    ) -> Result<Transaction<'c, Postgres>, Error> {
        let begin = match self.lock_statement(table)? {
            Some(lock) => format!("BEGIN; {lock}"),
            None => "BEGIN".to_owned(),
        };
        let begun = connection.begin_with(AssertSqlSafe(begin)).await;
        begun.map_err(|error| self.change_failed(table, error))
    }

    /// As [`begin_change`](Self::begin_change), in a transaction that has begun.
    pub(super) async fn lock(&self, connection: &mut PgConnection, table: &Table) -> Result<(), Error> {
        let Some(lock) = self.lock_statement(table)? else { return Ok(()) };
        let locked = sqlx::raw_sql(AssertSqlSafe(lock)).execute(connection).await;
        locked.map(drop).map_err(|error| self.change_failed(table, error))
    }

    fn lock_statement(&self, table: &Table) -> Result<Option<String>, Error> {
        let relation = self.sql(table)?.relation();
        Ok((!table.is_checkpoint_only()).then(|| format!("LOCK TABLE {relation} IN ROW EXCLUSIVE MODE")))
    }

    fn change_failed(&self, table: &Table, error: sqlx::Error) -> Error {
        match is_undefined_table(&error) {
            true => table.undefined_error(),
            false => failed(self.operation("change", table), error),
        }
    }

    /// Writes the rows of a fold.
    pub(crate) async fn write_folded(
        &self,
        connection: &mut PgConnection,
        table: &Table,
        folded: &FoldedRows,
    ) -> Result<(), Error> {
        self.sql(table)?.check(&folded.upserts, &folded.deletes)?;
        self.write(connection, table, &folded.upserts, &folded.deletes).await
    }

    pub(super) async fn write(
        &self,
        connection: &mut PgConnection,
        table: &Table,
        upserts: &[Row],
        deletes: &[Key],
    ) -> Result<(), Error> {
        let write_error = |error| failed(self.operation("change", table), error);
        let sql = self.sql(table)?;
        if !deletes.is_empty() {
            let delete = bind_keys(unprepared(sql.delete()), table, deletes);
            delete.execute(&mut *connection).await.map_err(write_error)?;
        }
        let upsert: Arc<str> = sql.upsert().into();
        for rows in split_by_size(upserts) {
            let statement = sqlx::query(AssertSqlSafe(Arc::clone(&upsert)));
            let statement = statement.persistent(!self.database.shares_sessions);
            let statement = bind_all(statement, table.columns, rows);
            statement.execute(&mut *connection).await.map_err(write_error)?;
        }
        Ok(())
    }
}

/// The statement that selects rows by their keys. It is prepared, and planned for each execution.
///
/// The server plans a prepared statement for each execution as long as it expects a plan for any parameters to cost more than those. The
/// last condition makes sure of that. Its parameter is true, so a plan for this execution does not have it. A plan for any parameters
/// has it, with a count that would take minutes.
struct RowSelect {
    text: Arc<str>,
    is_prepared: bool,
}

impl RowSelect {
    fn new(select: &str, table: &Table, is_prepared: bool) -> Self {
        let is_known = table.key().count() + 1;
        let text = format!(
            "{select} AND (${is_known}::boolean OR \
             (SELECT pg_catalog.count(*) FROM pg_catalog.generate_series(1, 1000000000)) OPERATOR(pg_catalog.=) 0)"
        );
        Self { text: text.into(), is_prepared }
    }

    fn bind<'q>(&self, table: &Table, keys: &[Key]) -> Query<'q, Postgres, PgArguments> {
        let query = sqlx::query(AssertSqlSafe(Arc::clone(&self.text))).persistent(self.is_prepared);
        bind_keys(query, table, keys).bind(true)
    }
}

/// A statement that is planned for each execution: a cached plan from when the table was small would scan all of it when it is
/// large.
pub(super) fn unprepared<'q>(sql: String) -> Query<'q, Postgres, PgArguments> {
    sqlx::query(AssertSqlSafe(sql)).persistent(false)
}
