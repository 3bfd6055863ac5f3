//! The data of one subject, for a request of access.

use std::fmt;

use serde::Serialize;
use serde_json::{Value, value::RawValue};

use super::App;
use crate::{
    criteria::Criteria,
    error::{Error, Invalid},
    id::Id,
    position::Position,
    record::Record,
    secret::{FORGOTTEN, contains_secret, rewrite_secrets},
    store::PageLimit,
    tag::Tag,
    time::Timestamp,
};

/// The data of a subject in the log: its secrets, and the events that carry its id. As JSON by `Serialize`, as a readable text by
/// `Display`. Returned by [`App::personal_data`].
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct PersonalData {
    /// The id of the subject, as a tag.
    pub subject: Tag,
    /// The events, in the order of their positions.
    pub events: Vec<PersonalEvent>,
}

/// An event with data of a subject.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct PersonalEvent {
    /// The position.
    pub position: Position,
    /// The time of the append.
    pub recorded_at: Timestamp,
    /// The stored name of the event type.
    pub name: String,
    /// The payload: the secrets of the subject as plain values, those of other subjects as `null`.
    pub data: Box<RawValue>,
}

impl App {
    /// Returns what the log has of a subject: all events that carry its id or have its secrets, each with the secrets of this
    /// subject and of no other. Reads the whole log once.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the id is not valid or a secret is damaged; another [`Error`] if the store or the key store does not answer.
    pub async fn personal_data<I: Id>(&self, subject: &I) -> Result<PersonalData, Error> {
        let subject = Tag::of(subject)?;
        let (store, mut after, mut events) = (self.store(), Position::START, Vec::new());
        let end = store.settled().await?.position;
        while after < end {
            let page = store.feed(&Criteria::all(), after, PageLimit::CHUNK).await?;
            for record in page.records.iter().filter(|record| record.position <= end) {
                events.extend(personal_event(record, &subject)?);
            }
            if page.up_to <= after {
                return Err(Error::unavailable(
                    "read the data of a subject",
                    "the log has lost events meanwhile",
                ));
            }
            after = page.up_to;
        }
        Ok(PersonalData { subject, events })
    }
}

/// The event as the subject may see it; `None` if it has no data of the subject.
fn personal_event(record: &Record, subject: &Tag) -> Result<Option<PersonalEvent>, Invalid> {
    let mut is_personal = record.tags.contains(subject);
    let mut data = record.data.as_str().to_owned();
    if contains_secret(&data) {
        data = rewrite_secrets::<Invalid>(&data, &mut |_, owner, value| {
            let is_own = owner.as_ref() == Some(subject);
            is_personal |= is_own;
            Ok(if is_own { value.to_owned() } else { "null".to_owned() })
        })?;
    }
    if !is_personal {
        return Ok(None);
    }
    let Record { position, recorded_at, .. } = *record;
    let data = RawValue::from_string(data).map_err(Invalid::NotJson)?;
    Ok(Some(PersonalEvent { position, recorded_at, name: record.name.to_string(), data }))
}

impl fmt::Display for PersonalData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { subject, events } = self;
        writeln!(f, "{}: {} events", subject.as_str(), events.len())?;
        for PersonalEvent { position, recorded_at, name, data } in events {
            writeln!(f, "\n{recorded_at} {name} (position {position})")?;
            match serde_json::from_str(data.get()) {
                Ok(Value::Object(fields)) => {
                    fields
                        .iter()
                        .try_for_each(|(field, value)| writeln!(f, "  {field}: {}", shown(value)))?;
                }
                _ => writeln!(f, "  {data}")?,
            }
        }
        Ok(())
    }
}

/// A value as text; a forgotten secret as a word.
fn shown(value: &Value) -> String {
    match value {
        Value::Object(fields) if fields.len() == 1 && fields.contains_key(FORGOTTEN) => {
            "forgotten".to_owned()
        }
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}
