//! Which events appended after its marker match a condition.

use annalist_core::{record::Position, store::Condition};
use sqlx::{SqliteConnection, query_as};

use crate::{
    index_scans::scans,
    rows::{integer, json, position},
    sql::{MultiRow, Sql},
};

/// For each condition, returns the newest matching event after the settled position of its marker, if there is one. The
/// conditions share statements.
pub(crate) async fn newest(
    connection: &mut SqliteConnection,
    sql: &Sql,
    conditions: &[&Condition],
) -> Result<Vec<Option<Position>>, sqlx::Error> {
    let (mut newest, mut all_scans) = (Vec::new(), Vec::new());
    for Condition { criteria, marker } in conditions {
        let scans = scans(connection, sql, criteria).await?;
        all_scans.extend(scans.into_iter().map(|scan| (newest.len(), marker.settled(), scan)));
        newest.push(None);
    }
    for chunk in all_scans.chunks(MultiRow::MAX) {
        let mut select = query_as(sql.newest.rows(chunk.len()));
        for (number, after, scan) in chunk {
            select = select.bind(integer(*number as u64)).bind(integer(after.get()));
            select = select.bind(scan.tag).bind(json(&scan.types)).bind(json(&scan.other_tags));
        }
        let found: Vec<(i64, i64)> = select.fetch_all(&mut *connection).await?;
        for (number, found) in found {
            let newest = usize::try_from(number).ok().and_then(|number| newest.get_mut(number));
            if let Some(newest) = newest {
                *newest = (*newest).max(Some(position(found)));
            }
        }
    }
    Ok(newest)
}
