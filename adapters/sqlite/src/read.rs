//! What matches some criteria: for reads, feeds and conditions.

use annalist_core::{
    error::Error,
    query::{Criteria, Item},
    record::{Position, Record},
    store::{Batch, Marker, Read},
    tag::Tag,
};
use serde::Serialize;
use sqlx::{Connection, SqliteConnection, query, query_scalar};

use crate::{
    error::failed,
    rows::{self, integer, json},
    sql::Sql,
};

/// All reads of one call, from one snapshot.
pub(crate) async fn read(
    connection: &mut SqliteConnection,
    sql: &Sql,
    operation: &str,
    reads: &[Read],
) -> Result<Vec<Batch>, Error> {
    let said = |error| failed(operation, error);
    let mut snapshot = connection.begin().await.map_err(said)?;
    let head = head(&mut snapshot, sql).await.map_err(said)?;
    let mut batches = Vec::with_capacity(reads.len());
    for Read { criteria, after, up_to } in reads {
        let records = records(&mut snapshot, sql, operation, criteria, (*after, *up_to), None).await?;
        batches.push(Batch { records, marker: Marker::new(head.min(*up_to), 0) });
    }
    snapshot.commit().await.map_err(said)?;
    Ok(batches)
}

/// The first records behind one position and up to another that match the criteria.
pub(crate) async fn records(
    connection: &mut SqliteConnection,
    sql: &Sql,
    operation: &str,
    criteria: &Criteria,
    (after, up_to): (Position, Position),
    limit: Option<usize>,
) -> Result<Vec<Record>, Error> {
    let said = |error| failed(operation, error);
    let probes = probes(connection, sql, criteria).await.map_err(said)?;
    let found = query(sql.read.clone())
        .bind(probes)
        .bind(integer(after.get()))
        .bind(integer(up_to.get()))
        .bind(sql_limit(limit))
        .fetch_all(connection)
        .await
        .map_err(said)?;
    Ok(found.iter().map(rows::record).collect::<Result<_, _>>()?)
}

/// The position of the last event.
pub(crate) async fn head(connection: &mut SqliteConnection, sql: &Sql) -> Result<Position, sqlx::Error> {
    query_scalar(sql.head.clone()).fetch_one(connection).await.map(position)
}

/// The newest position behind another one that some probes match.
pub(crate) async fn newest(
    connection: &mut SqliteConnection,
    sql: &Sql,
    probes: &str,
    after: Position,
) -> Result<Option<Position>, sqlx::Error> {
    let newest: Option<i64> = query_scalar(sql.newest.clone())
        .bind(probes)
        .bind(integer(after.get()))
        .fetch_one(connection)
        .await?;
    Ok(newest.map(position))
}

/// How many positions behind another one some probes match; nobody asks for more than `limit`.
pub(crate) async fn count(
    connection: &mut SqliteConnection,
    sql: &Sql,
    probes: &str,
    after: Position,
    limit: u64,
) -> Result<u64, sqlx::Error> {
    let found = query(sql.matching.clone())
        .bind(probes)
        .bind(integer(after.get()))
        .bind(integer(Position::END.get()))
        .bind(integer(limit))
        .fetch_all(connection)
        .await?;
    Ok(found.len() as u64)
}

/// A limit as SQL has it: a negative one is none.
pub(crate) fn sql_limit(limit: Option<usize>) -> i64 {
    limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX))
}

pub(crate) fn position(number: i64) -> Position {
    Position::new(u64::try_from(number).unwrap_or_default())
}

/// One walk along one index: a type with a tag (and more tags to look for on the way), a type, or everything.
#[derive(Serialize)]
struct Probe<'a> {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    more: Vec<&'a str>,
}

/// Criteria as the JSON text that `matching.sql` and `newest.sql` take.
///
/// The two that ask the database do it in the caller's transaction, so what they say still holds when it is used.
pub(crate) async fn probes(
    connection: &mut SqliteConnection,
    sql: &Sql,
    criteria: &Criteria,
) -> Result<String, sqlx::Error> {
    let mut probes = Vec::new();
    for item in criteria.items() {
        let tags: Vec<&str> = item.tags().iter().map(Tag::as_str).collect();
        let tag = rarest(connection, sql, &tags).await?;
        let types = types(connection, sql, item, tag).await?;
        let more: Vec<&str> = tags.into_iter().filter(|one| Some(*one) != tag).collect();
        probes
            .extend(types.iter().map(|kind| json(&Probe { kind: kind.as_deref(), tag, more: more.clone() })));
    }
    Ok(format!("[{}]", probes.join(",")))
}

/// The tag to walk along: with one account among a million of one tenant, the account's.
async fn rarest<'a>(
    connection: &mut SqliteConnection,
    sql: &Sql,
    tags: &[&'a str],
) -> Result<Option<&'a str>, sqlx::Error> {
    if tags.len() < 2 {
        return Ok(tags.first().copied());
    }
    let rarest: String = query_scalar(sql.rarest_tag.clone()).bind(json(tags)).fetch_one(connection).await?;
    Ok(tags.iter().copied().find(|tag| *tag == rarest))
}

/// The types to walk along: those of the item, else those that its tag has, else any.
async fn types(
    connection: &mut SqliteConnection,
    sql: &Sql,
    item: &Item,
    tag: Option<&str>,
) -> Result<Vec<Option<String>>, sqlx::Error> {
    if !item.type_names().is_empty() {
        return Ok(item.type_names().iter().map(|name| Some(name.to_string())).collect());
    }
    match tag {
        Some(tag) => query_scalar(sql.types_of_tag.clone()).bind(tag).fetch_all(connection).await,
        None => Ok(vec![None]),
    }
}
