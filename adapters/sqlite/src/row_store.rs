//! The rows of projections: tables next to those of the log, changed in one transaction with their checkpoint.

use std::sync::Arc;

use annalist_core::{
    error::Error,
    finding::{VerifyCursor, VerifyPage},
    rows::{
        Build, Checkpoint, Claim, CommitOutcome, FollowerRequests, Inline, InlineOutcome, Key, Parked,
        PromoteOutcome, Row, RowChange, RowQuery, RowStore, Table,
        sql::{SelectStatement, TableSql},
    },
    store::LogId,
};
use async_trait::async_trait;
use sqlx::{AssertSqlSafe, Row as _, query::Query, sqlite::SqliteArguments};

use crate::{
    Sqlite, builds, commit_rows,
    connections::Durability,
    inline,
    log::{Log, Operation},
    row_tables,
    row_values::{bind, row},
    stored_builds, verify,
    write_transaction::{run_detached, run_detached_with},
};

#[async_trait]
impl RowStore for Sqlite {
    fn describe_rows(&self) -> String {
        format!("rows in {}", self.log.title)
    }

    async fn builds(&self, projection: &str) -> Result<Vec<Build>, Error> {
        find_builds(&self.log, Operation::Builds(projection), projection).await
    }

    /// An existing build is only read: this takes no lock and works on a read-only file.
    async fn define(&self, table: &Table, events: &str, log: LogId) -> Result<Checkpoint, Error> {
        TableSql::new(&self.log.dialect, table)?;
        let (table, operation) = (*table, Operation::Rows("define", *table));
        if let Some(build) = find_build(&self.log, operation, &table).await? {
            build.check_stored(&table, events, log)?;
            return Ok(build.checkpoint);
        }
        let events = events.to_owned();
        run_detached(&self.log, operation, move |transaction| {
            Box::pin(builds::define(transaction, table, events, log))
        })
        .await
    }

    async fn rows(&self, table: &Table, keys: &[Key]) -> Result<Vec<Option<Row>>, Error> {
        let read =
            async |connection: &mut _| row_tables::read(connection, &self.log.dialect, table, keys).await;
        self.log.with_reader(Operation::Rows("read", *table), read).await
    }

    async fn commit(&self, change: RowChange) -> Result<CommitOutcome, Error> {
        TableSql::new(&self.log.dialect, &change.table)?.check(&change.upserts, &change.deletes)?;
        let (operation, durability) = (Operation::Rows("change", change.table), durability(&change));
        run_detached_with(&self.log, operation, durability, move |transaction| {
            Box::pin(commit_rows::commit(transaction, change))
        })
        .await
    }

    async fn report(&self, table: &Table, stopped: Option<&str>) -> Result<(), Error> {
        let operation = Operation::Rows("report on", *table);
        let mut connection = self.log.write_connection(operation).await?;
        let report = stored_builds::bind_build(&self.log.sql.report, table).bind(stopped);
        let result = report.execute(&mut *connection).await;
        self.log.finish(&mut connection, operation, result).map(drop)
    }

    async fn replace_claim(
        &self,
        table: &Table,
        expected: Option<Claim>,
        claim: Option<Claim>,
    ) -> Result<bool, Error> {
        let table = *table;
        run_detached(&self.log, Operation::Rows("replace the claim on", table), move |transaction| {
            Box::pin(builds::replace_claim(transaction, table, expected, claim))
        })
        .await
    }

    async fn replace_requests(&self, table: &Table, requests: &FollowerRequests) -> Result<bool, Error> {
        let (table, requests) = (*table, requests.clone());
        run_detached(&self.log, Operation::Rows("replace the requests to", table), move |transaction| {
            Box::pin(builds::replace_requests(transaction, table, requests))
        })
        .await
    }

    async fn find(&self, query: &RowQuery<'_>) -> Result<Vec<Row>, Error> {
        let table_sql = TableSql::new(&self.log.dialect, query.table)?;
        if query.table.is_checkpoint_only() {
            return Ok(Vec::new());
        }
        let select = select(table_sql.find(query)?);
        let read = async |connection: &mut _| Ok(select.fetch_all(connection).await?);
        let found = self.log.with_reader(Operation::Rows("query", *query.table), read).await?;
        found.iter().map(|found| row(found, query.table, 0)).collect()
    }

    async fn count_rows(&self, query: &RowQuery<'_>) -> Result<u64, Error> {
        let table_sql = TableSql::new(&self.log.dialect, query.table)?;
        if query.table.is_checkpoint_only() {
            return Ok(0);
        }
        let [count] = totals(&self.log, query.table, table_sql.count(query)?).await?;
        Ok(count.unsigned_abs())
    }

    async fn sum_column(&self, query: &RowQuery<'_>, column: usize) -> Result<i128, Error> {
        let sum = TableSql::new(&self.log.dialect, query.table)?.sum(query, column)?;
        let [high, low] = totals(&self.log, query.table, sum).await?;
        Ok(TableSql::sum_of_halves(high, low))
    }

    async fn parked(&self, table: &Table) -> Result<Vec<Parked>, Error> {
        let operation = Operation::Rows("find the parked events of", *table);
        if find_build(&self.log, operation, table).await?.is_none() {
            return Err(table.undefined_error());
        }
        let read = async |connection: &mut _| stored_builds::parked(connection, &self.log.sql, table).await;
        self.log.with_reader(operation, read).await
    }

    async fn verify_rows(&self, after: &VerifyCursor) -> Result<VerifyPage, Error> {
        let Log { sql, .. } = &*self.log;
        let verify = async |connection: &mut _| verify::verify_rows(connection, sql, after).await;
        self.log.with_reader(Operation::Log("verify the rows in"), verify).await
    }

    async fn promote(&self, table: &Table, compare: bool) -> Result<PromoteOutcome, Error> {
        let table = *table;
        run_detached(&self.log, Operation::Rows("promote", table), move |transaction| {
            Box::pin(builds::promote(transaction, table, compare))
        })
        .await
    }

    async fn discard(&self, table: &Table) -> Result<bool, Error> {
        let table = *table;
        run_detached(&self.log, Operation::Rows("discard", table), move |transaction| {
            Box::pin(builds::discard(transaction, table))
        })
        .await
    }

    async fn overwrite_deleted(&self) -> Result<(), Error> {
        self.log.overwrite_erased(Operation::Log("overwrite what was deleted from")).await
    }

    async fn make_inline(&self, inline: Arc<dyn Inline>) -> Result<InlineOutcome, Error> {
        let operation = Operation::Rows("make inline", *inline.table());
        run_detached(&self.log, operation, move |transaction| {
            Box::pin(inline::make_inline(transaction, inline))
        })
        .await
    }

    async fn make_async(&self, table: &Table) -> Result<Checkpoint, Error> {
        let table = *table;
        run_detached(&self.log, Operation::Rows("make asynchronous", table), move |transaction| {
            Box::pin(inline::make_async(transaction, table))
        })
        .await
    }
}

/// Rows that are lost are folded again from the log, since their checkpoint is lost with them. Only a power failure or a crash of the
/// system loses them, which also ends the processes that have seen them. A policy would repeat what it has done outside, and the
/// change of a parked event may be that of an administrator.
fn durability(change: &RowChange) -> Durability {
    let is_folded = !change.table.is_checkpoint_only() && change.park.is_empty() && change.unpark.is_empty();
    if is_folded { Durability::Unsynced } else { Durability::Synced }
}

fn select(SelectStatement { sql, values }: SelectStatement) -> Query<'static, sqlx::Sqlite, SqliteArguments> {
    values.into_iter().fold(sqlx::query(AssertSqlSafe(sql)), bind)
}

/// The numbers in the only row of a statement.
async fn totals<const COUNT: usize>(
    log: &Log,
    table: &Table,
    statement: SelectStatement,
) -> Result<[i64; COUNT], Error> {
    let select = select(statement);
    let read = async |connection: &mut _| {
        let row = select.fetch_one(connection).await?;
        let mut totals = [0; COUNT];
        for (column, total) in totals.iter_mut().enumerate() {
            *total = row.try_get(column)?;
        }
        Ok(totals)
    };
    log.with_reader(Operation::Rows("query", *table), read).await
}

async fn find_builds(log: &Log, operation: Operation<'_>, projection: &str) -> Result<Vec<Build>, Error> {
    let read = async |connection: &mut _| stored_builds::load(connection, &log.sql, projection).await;
    log.with_reader(operation, read).await
}

async fn find_build(log: &Log, operation: Operation<'_>, table: &Table) -> Result<Option<Build>, Error> {
    let builds = find_builds(log, operation, table.projection).await?;
    Ok(builds.into_iter().find(|build| build.order() == table.order()))
}

#[cfg(test)]
mod tests {
    use annalist_core::{
        payload::Payload,
        record::{Draft, Position},
        rows::{Column, ColumnType, Role},
        store::{Append, EventStore},
    };
    use sqlx::query_scalar;

    use super::*;

    const ROWS: Table = Table {
        projection: "rows",
        version: 1,
        build: 0,
        columns: &[Column { name: "id", kind: ColumnType::Int, nullable: false, role: Role::Key }],
    };
    const POLICY: Table = Table { projection: "policy", columns: &[], ..ROWS };
    const NORMAL: i64 = 1;
    const FULL: i64 = 2;

    fn change(table: &Table, from: u64) -> RowChange {
        RowChange::new(table, Position::new(from), Position::new(from + 1))
    }

    /// The durability of the last transaction.
    async fn synchronous(store: &Sqlite) -> i64 {
        let mut connection = store.log.writer.acquire().await.unwrap();
        query_scalar("PRAGMA synchronous").fetch_one(&mut *connection).await.unwrap()
    }

    async fn append(store: &Sqlite) {
        let draft = Draft::new("noted", 1, [], Payload::parse("{}").unwrap()).unwrap();
        store.append_one(Append { events: vec![draft], ..Append::default() }).await.unwrap();
    }

    #[tokio::test]
    async fn only_rows_are_committed_without_a_sync() {
        let dir = tempfile::tempdir().unwrap();
        let store = Sqlite::open(dir.path().join("log.db")).await.unwrap();
        for table in [ROWS, POLICY] {
            store.define(&table, "", store.log_id()).await.unwrap();
            assert_eq!(synchronous(&store).await, FULL);
        }
        for from in 0..3 {
            store.commit(change(&ROWS, from)).await.unwrap();
            assert_eq!(synchronous(&store).await, NORMAL);
            // Whatever the transaction before it has set, even if it was rolled back.
            match from {
                0 => append(&store).await,
                1 => drop(store.commit(change(&POLICY, 0)).await.unwrap()),
                _ => {
                    store.commit(change(&ROWS, 100)).await.unwrap();
                    append(&store).await;
                }
            }
            assert_eq!(synchronous(&store).await, FULL);
        }
        let unpark = RowChange { unpark: vec![Position::new(1)], ..change(&ROWS, 3) };
        store.commit(unpark).await.unwrap();
        assert_eq!(synchronous(&store).await, FULL);
    }

    #[tokio::test]
    async fn settings_that_the_user_has_chosen_are_not_changed() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("log.db");
        let relaxed = Sqlite::options().relaxed_durability().open(&file).await.unwrap();
        relaxed.define(&ROWS, "", relaxed.log_id()).await.unwrap();
        append(&relaxed).await;
        assert_eq!(synchronous(&relaxed).await, NORMAL);
        let pool =
            sqlx::SqlitePool::connect_lazy_with(sqlx::sqlite::SqliteConnectOptions::new().filename(&file));
        let of_user = Sqlite::options().with_pool(pool).await.unwrap();
        of_user.commit(change(&ROWS, 0)).await.unwrap();
        assert_eq!(synchronous(&of_user).await, FULL);
    }
}
