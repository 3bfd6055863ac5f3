//! A log, read page by page on PostgreSQL: all of it, or one type.

use sqlx::{PgPool, Row, postgres::PgRow};
use uuid::Uuid;

use crate::Result;

/// Every column of a record; times as numbers.
const PAGE: &str = "
    SELECT position, id, type, version, (extract(epoch FROM recorded_at) * 1000000)::bigint, tags, data::text, metadata::text
    FROM events WHERE position > $1 ORDER BY position LIMIT $2";

/// The same for one type. Compares pairs, which only the index on both columns can answer in order.
const PAGE_OF_TYPE: &str = "
    SELECT position, id, type, version, (extract(epoch FROM recorded_at) * 1000000)::bigint, tags, data::text, metadata::text
    FROM events WHERE (type, position) > ($1, $2) AND (type, position) <= ($1, 9223372036854775807)
    ORDER BY type, position LIMIT $3";

/// Reads the whole log into owned values and drops them.
pub(crate) async fn read(pool: &PgPool, page_size: usize) -> Result<usize> {
    let (mut at, mut done) = (0_i64, 0);
    loop {
        let rows = sqlx::query(PAGE).bind(at).bind(page_size as i64).fetch_all(pool).await?;
        for row in &rows {
            at = decode(row)?;
        }
        done += rows.len();
        if rows.len() < page_size {
            return Ok(done);
        }
    }
}

/// Reads the first page of the events of a type, and returns the number of its events.
pub(crate) async fn first_of_type(pool: &PgPool, name: &str, page_size: usize) -> Result<usize> {
    let rows =
        sqlx::query(PAGE_OF_TYPE).bind(name).bind(0_i64).bind(page_size as i64).fetch_all(pool).await?;
    rows.iter().try_for_each(|row| decode(row).map(drop))?;
    Ok(rows.len())
}

/// Reads all columns of an event, and returns its position.
fn decode(row: &PgRow) -> Result<i64> {
    let (_, _, _, _): (Uuid, String, i64, i64) =
        (row.try_get(1)?, row.try_get(2)?, row.try_get(3)?, row.try_get(4)?);
    let (_, _, _): (Vec<String>, String, String) = (row.try_get(5)?, row.try_get(6)?, row.try_get(7)?);
    Ok(row.try_get(0)?)
}
