//! Pages of events in the settled part of the log.

use annalist_core::{
    criteria::{Criteria, Item},
    error::Error,
    record::{Position, Record},
};
use sqlx::{
    PgExecutor, Postgres,
    postgres::{PgArguments, PgRow},
    query::Query,
};

use super::{records::record, statement::sort};
use crate::{
    database::Database,
    values::{ItemParams, to_i64},
};

/// As [`page`], on a connection of the pool.
pub(super) async fn page_from_pool(
    database: &Database,
    filter: &Criteria,
    after: Position,
    up_to: Position,
    limit: i64,
) -> Result<Vec<Record>, Error> {
    let rows = database.fetch_all(|| query(database, filter, after, up_to, limit));
    records(database, rows.await)
}

/// At most `limit` matching events in `(after, up_to]`, all of which must be settled.
pub(crate) async fn page<'e>(
    database: &Database,
    executor: impl PgExecutor<'e>,
    filter: &Criteria,
    after: Position,
    up_to: Position,
    limit: i64,
) -> Result<Vec<Record>, Error> {
    records(database, query(database, filter, after, up_to, limit).fetch_all(executor).await)
}

fn query<'q>(
    database: &Database,
    filter: &Criteria,
    after: Position,
    up_to: Position,
    limit: i64,
) -> Query<'q, Postgres, PgArguments> {
    let query = match filter.items().contains(&Item::any()) {
        true => database.sql.feed_page.query(),
        false => ItemParams::new([filter]).bind(database.sql.filtered_feed_page.query()),
    };
    query.bind(to_i64(after)).bind(to_i64(up_to)).bind(limit)
}

fn records(database: &Database, rows: Result<Vec<PgRow>, sqlx::Error>) -> Result<Vec<Record>, Error> {
    let rows = rows.map_err(|error| database.read_error(error))?;
    let mut records = rows.iter().map(record).collect::<Result<Vec<_>, _>>()?;
    sort(&mut records);
    Ok(records)
}
