//! The successors of event names that the log has, and the passes that have rewritten its events.

use annalist_core::store::{Rewrite, Successor, Successors};
use sqlx::{Row, SqliteConnection, query, query_scalar, sqlite::SqliteRow};

use crate::{
    error::TransactionError,
    rows::{integer, position},
    sql::{MultiRow, Sql},
};

/// Reads all of them.
pub(crate) async fn load(
    connection: &mut SqliteConnection,
    sql: &Sql,
) -> Result<Successors, TransactionError> {
    let rows = query(sql.successors.clone()).fetch_all(connection).await?;
    let (first, rest) = rows.split_first().ok_or(sqlx::Error::RowNotFound)?;
    let all = rest.iter().map(successor).collect::<Result<_, _>>()?;
    let version: i64 = first.try_get("version")?;
    let rewrites = Rewrite::list_from_json(first.try_get("retags")?)
        .map_err(|error| TransactionError::Unusable(format!("a stored pass is damaged: {error}")))?;
    let archived: i64 = first.try_get("archived")?;
    Ok(Successors::new(version.unsigned_abs(), all)
        .with_rewrites(rewrites)
        .with_archived(archived.unsigned_abs()))
}

fn successor(row: &SqliteRow) -> Result<Successor, TransactionError> {
    let (of, name): (String, String) = (row.try_get("name")?, row.try_get("successor")?);
    let successor =
        if row.try_get("is_rename")? { Successor::renamed(of, name)? } else { Successor::made(of, name)? };
    Ok(successor.stored_at(position(row.try_get("since")?)))
}

/// The version of the list.
pub(crate) async fn version(connection: &mut SqliteConnection, sql: &Sql) -> Result<u64, sqlx::Error> {
    let version: i64 = query_scalar(sql.successors_version.clone()).fetch_one(connection).await?;
    Ok(version.unsigned_abs())
}

/// Adds successors to the list, which has this version then.
pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    sql: &Sql,
    successors: &[Successor],
    version: u64,
) -> Result<(), sqlx::Error> {
    for chunk in successors.chunks(MultiRow::MAX) {
        let insert = query(sql.insert_successors.rows(chunk.len()));
        let insert = chunk.iter().fold(insert, |insert, successor| {
            insert
                .bind(successor.of().to_owned())
                .bind(successor.name().to_owned())
                .bind(successor.is_rename())
                .bind(integer(successor.since().get()))
                .bind(integer(version))
        });
        insert.execute(&mut *connection).await?;
    }
    Ok(())
}
