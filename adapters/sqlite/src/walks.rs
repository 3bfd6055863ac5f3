//! Criteria as walks along the indexes.

use std::borrow::Cow;

use annalist_core::{
    criteria::{Criteria, Item},
    tag::Tag,
};
use serde::Serialize;
use sqlx::{SqliteConnection, query_scalar};

use crate::{rows::json, sql::Sql};

/// How the events of one item are found.
pub(crate) struct Walk<'a> {
    /// The tag to walk along: with one account among a million of one tenant, the account's.
    pub(crate) tag: Option<&'a str>,
    /// The types to walk along. Without a tag, none means any.
    pub(crate) types: Vec<Cow<'a, str>>,
    /// Further tags, to look for on the way.
    pub(crate) more: Vec<&'a str>,
}

/// The walks of some criteria.
pub(crate) async fn walks<'a>(
    connection: &mut SqliteConnection,
    sql: &Sql,
    criteria: &'a Criteria,
) -> Result<Vec<Walk<'a>>, sqlx::Error> {
    let mut walks = Vec::with_capacity(criteria.items().len());
    for item in criteria.items() {
        let mut more: Vec<&str> = item.tags().iter().map(Tag::as_str).collect();
        let tag = rarest(connection, sql, &more).await?;
        more.retain(|one| Some(*one) != tag);
        walks.push(Walk { tag, types: types(connection, sql, item, tag).await?, more });
    }
    Ok(walks)
}

/// One step of a walk: a type with a tag (and more tags to look for on the way), a type, or everything.
#[derive(Serialize)]
struct Probe<'a> {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    more: &'a [&'a str],
}

/// Criteria as the JSON text that `matching.sql` takes.
pub(crate) async fn probes(
    connection: &mut SqliteConnection,
    sql: &Sql,
    criteria: &Criteria,
) -> Result<String, sqlx::Error> {
    let walks = walks(connection, sql, criteria).await?;
    let mut probes = Vec::new();
    for Walk { tag, types, more } in &walks {
        let probe = |kind| Probe { kind, tag: *tag, more };
        match (tag, types.is_empty()) {
            (None, true) => probes.push(probe(None)),
            _ => probes.extend(types.iter().map(|kind| probe(Some(&**kind)))),
        }
    }
    Ok(json(&probes))
}

/// Whether [`walks`] has to ask for the types of a tag. Then it must be in one transaction with the use of the answer:
/// an event of a further type could appear in between and would be missed.
pub(crate) fn asks_first(criteria: &Criteria) -> bool {
    criteria.items().iter().any(|item| item.type_names().is_empty() && !item.tags().is_empty())
}

/// Which of some tags the fewest events carry.
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

/// The types of an item, else those that its tag has, else any.
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
