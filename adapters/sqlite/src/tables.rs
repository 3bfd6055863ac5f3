//! The rows of one table, inside whatever transaction is open.

use std::sync::Arc;

use annalist_core::rows::{Folded, Key, Row, Table, sql::TableSql};
use sqlx::{AssertSqlSafe, Row as _, SqliteConnection, query};

use crate::{
    error::Fault,
    row_values::{Rows, bind, keys_text, row},
};

/// The rows with some keys, in their order.
///
/// # Errors
/// [`Fault`] if the database fails, a key does not fit the table, or a row is damaged.
pub(crate) async fn read(
    connection: &mut SqliteConnection,
    rows: &Rows,
    table: &Table,
    keys: &[Key],
) -> Result<Vec<Option<Row>>, Fault> {
    let sql = TableSql::new(rows, table)?;
    sql.check(&[], keys)?;
    let mut answer = vec![None; keys.len()];
    if keys.is_empty() || table.is_checkpoint_only() {
        return Ok(answer);
    }
    for found in query(AssertSqlSafe(sql.select())).bind(keys_text(keys)).fetch_all(connection).await? {
        let number: i64 = found.try_get(0)?;
        let place = usize::try_from(number - 1).ok().and_then(|index| answer.get_mut(index));
        if let Some(place) = place {
            *place = Some(row(&found, table, 1)?);
        }
    }
    Ok(answer)
}

/// Deletes rows and writes others whole. They have been checked: what the database is given here fits it.
pub(crate) async fn write(
    connection: &mut SqliteConnection,
    sql: &TableSql<'_>,
    Folded { upserts, deletes }: Folded,
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
