//! A whole log, read page by page on PostgreSQL.

use sqlx::{PgPool, Row};
use uuid::Uuid;

use crate::Result;

/// Every column of a record; times as numbers.
const PAGE: &str = "
    SELECT position, id, type, version, (extract(epoch FROM recorded_at) * 1000000)::bigint, tags, data::text, metadata::text
    FROM events WHERE position > $1 ORDER BY position LIMIT $2";

/// Reads the whole log into owned values and drops them.
pub(crate) async fn read(pool: &PgPool, page_size: usize) -> Result<usize> {
    let (mut at, mut done) = (0_i64, 0);
    loop {
        let rows = sqlx::query(PAGE).bind(at).bind(page_size as i64).fetch_all(pool).await?;
        for row in &rows {
            at = row.try_get(0)?;
            let (_, _, _, _): (Uuid, String, i64, i64) =
                (row.try_get(1)?, row.try_get(2)?, row.try_get(3)?, row.try_get(4)?);
            let (_, _, _): (Vec<String>, String, String) =
                (row.try_get(5)?, row.try_get(6)?, row.try_get(7)?);
        }
        done += rows.len();
        if rows.len() < page_size {
            return Ok(done);
        }
    }
}
