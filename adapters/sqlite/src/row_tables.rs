//! Reads and writes rows of one table, in whatever transaction is open.

use std::sync::Arc;

use annalist_core::rows::{FoldedRows, Key, Row, Table, sql::TableSql};
use sqlx::{AssertSqlSafe, Row as _, SqliteConnection, query};

use crate::{
    error::TransactionError,
    row_values::{RowDialect, bind, keys_text, row},
};

/// Returns the rows with some keys, in the order of the keys.
///
/// # Errors
/// [`TransactionError`] if the database fails, a key does not fit the table, or a row is damaged.
pub(crate) async fn read(
    connection: &mut SqliteConnection,
    dialect: &RowDialect,
    table: &Table,
    keys: &[Key],
) -> Result<Vec<Option<Row>>, TransactionError> {
    let sql = TableSql::new(dialect, table)?;
    sql.check(&[], keys)?;
    let mut result = vec![None; keys.len()];
    if keys.is_empty() || table.is_checkpoint_only() {
        return Ok(result);
    }
    for found in query(AssertSqlSafe(sql.select())).bind(keys_text(keys)).fetch_all(connection).await? {
        let number: i64 = found.try_get(0)?;
        let slot = usize::try_from(number - 1).ok().and_then(|index| result.get_mut(index));
        if let Some(slot) = slot {
            *slot = Some(row(&found, table, 1)?);
        }
    }
    Ok(result)
}

/// Deletes and writes rows that have been checked to fit the table.
pub(crate) async fn write(
    connection: &mut SqliteConnection,
    sql: &TableSql<'_>,
    FoldedRows { upserts, deletes }: FoldedRows,
) -> Result<(), sqlx::Error> {
    if !deletes.is_empty() {
        let delete = query(AssertSqlSafe(sql.delete())).bind(keys_text(&deletes));
        delete.execute(&mut *connection).await?;
    }
    let upsert: Arc<str> = sql.upsert().into();
    for row in upserts {
        let statement = query(AssertSqlSafe(Arc::clone(&upsert)));
        row.into_iter().fold(statement, bind).execute(&mut *connection).await?;
    }
    Ok(())
}
