//! Criteria as scans of the indexes.

use std::borrow::Cow;

use annalist_core::{
    criteria::{Criteria, Item},
    tag::Tag,
};
use serde::Serialize;
use sqlx::{SqliteConnection, query_scalar};

use crate::{rows::json, sql::Sql};

/// How the events of one item are found.
pub(crate) struct IndexScan<'a> {
    /// The tag whose index entries are scanned: the account's, if one account among a million of one tenant is wanted.
    pub(crate) tag: Option<&'a str>,
    /// The types whose index entries are scanned. Without a tag, an empty list means all types.
    pub(crate) types: Vec<Cow<'a, str>>,
    /// The other tags, looked up for each event found.
    pub(crate) other_tags: Vec<&'a str>,
}

/// Returns the scans that find the events of some criteria.
pub(crate) async fn scans<'a>(
    connection: &mut SqliteConnection,
    sql: &Sql,
    criteria: &'a Criteria,
) -> Result<Vec<IndexScan<'a>>, sqlx::Error> {
    let mut scans = Vec::with_capacity(criteria.items().len());
    for item in criteria.items() {
        let mut other_tags: Vec<&str> = item.tags().iter().map(Tag::as_str).collect();
        let tag = most_selective(connection, sql, &other_tags).await?;
        other_tags.retain(|other| Some(*other) != tag);
        scans.push(IndexScan { tag, types: types(connection, sql, item, tag).await?, other_tags });
    }
    Ok(scans)
}

/// One contiguous part of an index: a type with a tag (and other tags to look up), a type, or the whole log.
#[derive(Serialize)]
struct Probe<'a> {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    other_tags: &'a [&'a str],
}

/// Returns criteria as the JSON text that `matching.sql` expects.
pub(crate) async fn probes(
    connection: &mut SqliteConnection,
    sql: &Sql,
    criteria: &Criteria,
) -> Result<String, sqlx::Error> {
    let scans = scans(connection, sql, criteria).await?;
    let mut probes = Vec::new();
    for IndexScan { tag, types, other_tags } in &scans {
        let probe = |kind| Probe { kind, tag: *tag, other_tags };
        match (tag, types.is_empty()) {
            (None, true) => probes.push(probe(None)),
            _ => probes.extend(types.iter().map(|kind| probe(Some(&**kind)))),
        }
    }
    Ok(json(&probes))
}

/// Returns `true` if [`scans`] has to look up the types of a tag. Then the lookup and the scans must run in one
/// transaction: otherwise an event of another type could be appended in between and be missed.
pub(crate) fn needs_lookup(criteria: &Criteria) -> bool {
    criteria.items().iter().any(|item| item.type_names().is_empty() && !item.tags().is_empty())
}

/// Returns the tag that the fewest events have.
async fn most_selective<'a>(
    connection: &mut SqliteConnection,
    sql: &Sql,
    tags: &[&'a str],
) -> Result<Option<&'a str>, sqlx::Error> {
    if tags.len() < 2 {
        return Ok(tags.first().copied());
    }
    let found = query_scalar(sql.most_selective_tag.clone()).bind(json(tags));
    let found: String = found.fetch_one(connection).await?;
    Ok(tags.iter().copied().find(|tag| *tag == found))
}

/// Returns the types of an item; if it names none, those of the events with its tag; without a tag none, which means all.
async fn types<'a>(
    connection: &mut SqliteConnection,
    sql: &Sql,
    item: &'a Item,
    tag: Option<&str>,
) -> Result<Vec<Cow<'a, str>>, sqlx::Error> {
    match tag {
        Some(tag) if item.type_names().is_empty() => {
            let types: Vec<String> =
                query_scalar(sql.types_of_tag.clone()).bind(tag).fetch_all(connection).await?;
            Ok(types.into_iter().map(Cow::Owned).collect())
        }
        _ => Ok(item.type_names().iter().map(|name| Cow::Borrowed(&**name)).collect()),
    }
}
