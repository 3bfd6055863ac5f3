//! Which events appended after its marker match a condition.

use annalist_core::{
    record::Position,
    store::{Condition, Seen},
};
use sqlx::{
    FromRow, Sqlite, SqliteConnection, query,
    query::Query,
    sqlite::{SqliteArguments, SqliteRow},
};

use crate::{
    index_scans::{IndexScan, scans},
    inline_folds::AppendContext,
    rows::{integer, json, position},
    sql::{MultiRow, Sql},
};

/// A scan for the condition with a number, after a position.
type Scan<'a> = (usize, Position, IndexScan<'a>);

type Select<'a> = Query<'a, Sqlite, SqliteArguments>;

/// Loads what the appends of a transaction have to know of the log. Also returns, for each of their conditions, the newest matching
/// event after the settled position of its marker, if there is one. All of it stays valid while the transaction holds the write lock.
pub(crate) async fn load_context(
    connection: &mut SqliteConnection,
    sql: &Sql,
    seen: &Seen,
    conditions: &[&Condition],
) -> Result<(AppendContext, Vec<Option<Position>>), sqlx::Error> {
    let scans = condition_scans(connection, sql, conditions).await?;
    let (first, rest) = scans.split_at(scans.len().min(MultiRow::MAX));
    let (position, id) =
        seen.newest.map(|event| (integer(event.position.get()), event.id.to_string())).unzip();
    let select = query(sql.append_context.rows(first.len())).bind(position).bind(position).bind(id);
    let rows = bind(select, first).fetch_all(&mut *connection).await?;
    let (context, found) = rows.split_first().ok_or(sqlx::Error::RowNotFound)?;
    let mut newest = vec![None; conditions.len()];
    add(&mut newest, found)?;
    for chunk in rest.chunks(MultiRow::MAX) {
        let select = bind(query(sql.newest.rows(chunk.len())), chunk);
        add(&mut newest, &select.fetch_all(&mut *connection).await?)?;
    }
    Ok((AppendContext::from_row(context)?, newest))
}

async fn condition_scans<'a>(
    connection: &mut SqliteConnection,
    sql: &Sql,
    conditions: &[&'a Condition],
) -> Result<Vec<Scan<'a>>, sqlx::Error> {
    let mut all = Vec::with_capacity(conditions.len());
    for (number, Condition { criteria, marker }) in conditions.iter().enumerate() {
        let scans = scans(connection, sql, criteria).await?;
        all.extend(scans.into_iter().map(|scan| (number, marker.settled(), scan)));
    }
    Ok(all)
}

fn bind<'a>(select: Select<'a>, scans: &[Scan<'a>]) -> Select<'a> {
    scans.iter().fold(select, |select, (number, after, scan)| {
        let select = select.bind(integer(*number as u64)).bind(integer(after.get()));
        select.bind(scan.tag).bind(json(&scan.types)).bind(json(&scan.other_tags))
    })
}

/// Adds the rows of `newest.sql`.
fn add(newest: &mut [Option<Position>], rows: &[SqliteRow]) -> Result<(), sqlx::Error> {
    for row in rows {
        let (number, found): (i64, i64) = FromRow::from_row(row)?;
        let newest = usize::try_from(number).ok().and_then(|number| newest.get_mut(number));
        if let Some(newest) = newest {
            *newest = (*newest).max(Some(position(found)));
        }
    }
    Ok(())
}
