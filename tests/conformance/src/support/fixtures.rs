//! Short constructors for events, criteria and appends.

use std::borrow::Cow;

use annalist_core::{
    criteria::{Criteria, Item},
    payload::Payload,
    record::{Draft, Metadata, Name, Position, Record},
    store::{Append, CommandKey, Condition, JournalRecord, Marker, Read, Receipt},
    tag::Tag,
    time::Timestamp,
};

/// A tag: `tag("course:1")`.
pub(crate) fn tag(text: impl AsRef<str>) -> Tag {
    Tag::parse(text.as_ref()).expect("a valid tag")
}

pub(crate) fn tags(texts: &[&str]) -> Vec<Tag> {
    texts.iter().map(tag).collect()
}

/// An event with an empty payload.
pub(crate) fn event(name: impl Into<Cow<'static, str>>, tag_texts: &[&str]) -> Draft {
    event_with(name, tag_texts, "{}")
}

/// An event with a JSON payload.
pub(crate) fn event_with(name: impl Into<Cow<'static, str>>, tag_texts: &[&str], json: &str) -> Draft {
    Draft::new(name, 1, tags(tag_texts), payload(json)).expect("a valid event")
}

pub(crate) fn payload(json: &str) -> Payload {
    Payload::parse(json).expect("a JSON text")
}

pub(crate) fn name(text: impl Into<Cow<'static, str>>) -> Name {
    Name::new("name", text).expect("a valid name")
}

/// An item that matches events of any of the types with all of the tags.
pub(crate) fn item(types: &[&str], tag_texts: &[&str]) -> Item {
    let item = Item::any().types(types.iter().map(|&one| one.to_owned()));
    tag_texts.iter().fold(item, |item, text| item.tag(tag(text)))
}

/// Criteria of one item.
pub(crate) fn criteria_for(types: &[&str], tag_texts: &[&str]) -> Criteria {
    item(types, tag_texts).into()
}

/// A read with criteria of one item.
pub(crate) fn read(types: &[&str], tag_texts: &[&str]) -> Read {
    Read::all(criteria_for(types, tag_texts))
}

/// A command id, bound to a command name and the tags of the ids that the command reads by.
pub(crate) fn command_key(
    id: impl Into<Cow<'static, str>>,
    command: &'static str,
    tag_texts: &[&str],
) -> CommandKey {
    CommandKey::new(name(id), name(command), tags(tag_texts))
}

/// An append of these events, without conditions.
pub(crate) fn append(events: impl IntoIterator<Item = Draft>) -> Append {
    Append { events: events.into_iter().collect(), ..Append::default() }
}

/// An append without events.
pub(crate) fn empty_append() -> Append {
    Append::default()
}

/// Builder methods for an append.
pub(crate) trait AppendExt: Sized {
    /// Adds a condition: no event that matches the criteria was appended after the marker.
    fn if_unchanged(self, criteria: impl Into<Criteria>, marker: Marker) -> Self;
    /// Sets the command id.
    fn with_key(self, key: CommandKey) -> Self;
    /// Sets the recorded time, in seconds since 1970.
    fn recorded_at(self, seconds: i64) -> Self;
    /// Adds the journal entry of an accepted command.
    fn with_journal(self, body: &str) -> Self;
    /// Adds the journal entry of a rejected command.
    fn with_rejection(self, body: &str, error: &str) -> Self;
    /// Sets the metadata.
    fn with_metadata(self, metadata: Metadata) -> Self;
}

impl AppendExt for Append {
    fn if_unchanged(mut self, criteria: impl Into<Criteria>, marker: Marker) -> Self {
        self.conditions.push(Condition { criteria: criteria.into(), marker });
        self
    }

    fn with_key(self, key: CommandKey) -> Self {
        Self { key: Some(key), ..self }
    }

    fn recorded_at(self, seconds: i64) -> Self {
        Self { recorded_at: seconds_since_1970(seconds), ..self }
    }

    fn with_journal(self, body: &str) -> Self {
        Self { journal: Some(JournalRecord { body: payload(body), rejection: None }), ..self }
    }

    fn with_rejection(self, body: &str, error: &str) -> Self {
        Self {
            journal: Some(JournalRecord { body: payload(body), rejection: Some(error.to_owned()) }),
            ..self
        }
    }

    fn with_metadata(self, metadata: Metadata) -> Self {
        Self { metadata: metadata.into(), ..self }
    }
}

pub(crate) fn seconds_since_1970(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds.saturating_mul(1_000_000))
}

/// The positions of the events in a receipt.
pub(crate) fn positions(receipt: &Receipt) -> Vec<Position> {
    receipt.events.iter().map(|event| event.position).collect()
}

/// The positions of records.
pub(crate) fn positions_of(records: &[Record]) -> Vec<Position> {
    records.iter().map(|record| record.position).collect()
}

/// A random event: one of six types with up to three of six tags, so that [`random_criteria`] often match.
pub(crate) fn random_event(random: &mut fastrand::Rng) -> Draft {
    let texts: Vec<String> = (0..random.usize(0..4)).map(|_| random_tag(random)).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    event_with(random_type(random), &texts, &random.u32(..).to_string())
}

/// Random criteria: up to three items of up to three types and up to two tags. Some match every event, some no event.
pub(crate) fn random_criteria(random: &mut fastrand::Rng) -> Criteria {
    (0..random.usize(0..4)).map(|_| random_item(random)).collect()
}

fn random_item(random: &mut fastrand::Rng) -> Item {
    let types: Vec<String> = (0..random.usize(0..4)).map(|_| random_type(random)).collect();
    let item = Item::any().types(types);
    (0..random.usize(0..3)).fold(item, |item, _| item.tag(tag(random_tag(random))))
}

fn random_type(random: &mut fastrand::Rng) -> String {
    format!("type{}", random.u8(0..6))
}

fn random_tag(random: &mut fastrand::Rng) -> String {
    format!("{}:{}", random.choice(["a", "b"]).unwrap_or("a"), random.u8(0..3))
}
