//! The journal: commands as they were asked, and what became of them.

use annalist_core::{error::Error, store::Entry};
use sqlx::{SqliteConnection, query};

use crate::{
    error::failed,
    read::sql_limit,
    rows::{entry, integer},
    sql::Sql,
};

/// The first entries behind a number.
pub(crate) async fn journal(
    connection: &mut SqliteConnection,
    sql: &Sql,
    operation: &str,
    after: u64,
    limit: usize,
) -> Result<Vec<Entry>, Error> {
    let found = query(sql.journal.clone())
        .bind(integer(after))
        .bind(sql_limit(Some(limit)))
        .fetch_all(connection)
        .await
        .map_err(|error| failed(operation, error))?;
    Ok(found.iter().map(entry).collect::<Result<_, _>>()?)
}
