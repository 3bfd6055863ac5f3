//! What the gate says of values that become secrets.

use std::collections::BTreeSet;

use serde_json::Value;

use super::lock::Lock;
use crate::{error::Invalid, event::EventType, record::Draft, secret::rewrite_secrets, tag::Tag};

/// Whether fields of stored events are secrets today, and were stored in plain text.
pub(super) fn plain_problem(
    at: &str,
    (name, data): (&str, &Value),
    draft: &Draft,
    reader: Option<&EventType>,
    lock: &Lock,
) -> Option<String> {
    let today = secret_fields(draft.data().as_str())?;
    let mut known = secret_fields(&data.to_string())?;
    known.extend(lock.encrypted(name).filter(|field| data.get(field).is_some()).map(str::to_owned));
    let fields: Vec<&str> = today.difference(&known).map(String::as_str).collect();
    // They may have other names today.
    let renamed = known.difference(&today).count();
    if fields.len() <= renamed {
        return None;
    }
    let lines: Vec<String> = fields.iter().map(|field| format!("encrypt {name} {field}")).collect();
    let event = reader.map_or("E", event_type);
    Some(format!(
        "{at}: stored events have `{}` in plain text, which is secret today, so it stays readable when its subject is forgotten. Write the line \
         `{}`, and call `app.encrypt_stored::<{event}>().await?` once this version of the program runs everywhere: it encrypts the stored \
         values, and programs with the older version are refused from then on",
        fields.join("`, `"),
        lines.join("`, `"),
    ))
}

/// The names of the fields of a payload that have secrets, apart from personal ids. `None` if it is not a payload.
fn secret_fields(json: &str) -> Option<BTreeSet<String>> {
    let mut fields = BTreeSet::new();
    let collect = &mut |path: &str, subject: Option<Tag>, _: &str| {
        if !subject.is_some_and(|subject| subject.is_secret()) {
            fields.extend(path.split('/').nth(1).map(str::to_owned));
        }
        Ok(String::from("null"))
    };
    rewrite_secrets::<Invalid>(json, collect).ok()?;
    Some(fields)
}

/// The Rust type of an event: that of a variant is its enum.
fn event_type(reader: &EventType) -> &str {
    match reader.rust.rsplit_once("::") {
        Some((event, _)) if reader.is_variant => event,
        _ => reader.rust,
    }
}

/// Whether an id is personal today, and was stored as it is.
pub(super) fn personal_problem(at: &str, stored: &[String], data: &Value, draft: &Draft) -> Option<String> {
    let mut subjects = BTreeSet::new();
    let collect = &mut |_: &str, subject, _: &str| {
        subjects.extend(subject);
        Ok(String::from("null"))
    };
    rewrite_secrets::<Invalid>(&data.to_string(), collect).ok()?;
    let is_new = |tag: &&Tag| {
        tag.is_secret() && !subjects.contains(*tag) && stored.iter().any(|text| text == tag.as_str())
    };
    let kind = draft.tags().iter().find(is_new)?.kind();
    Some(format!(
        "{at}: its ids of the kind `{kind}` are personal today (`#[id(secret)]`), and stored events have them as they are, so what is read \
         by such an id would have none of them, and forgetting it would leave them. Remove `secret`, or declare a new id and a new event \
         type, and leave these for the stored events"
    ))
}
