//! Short words for what cases are made of.

use std::borrow::Cow;

use annalist_core::{
    criteria::{Criteria, Item},
    payload::Payload,
    record::{Draft, Metadata, Name, Position, Record},
    store::{Append, CommandKey, Condition, JournalRecord, Marker, Read, Receipt},
    tag::Tag,
    time::Timestamp,
};

/// A tag, as in `tag("course:1")`.
pub(crate) fn tag(text: impl AsRef<str>) -> Tag {
    Tag::parse(text.as_ref()).expect("a valid tag")
}

pub(crate) fn tags(texts: &[&str]) -> Vec<Tag> {
    texts.iter().map(tag).collect()
}

/// An event with an empty payload.
pub(crate) fn event(name: impl Into<Cow<'static, str>>, texts: &[&str]) -> Draft {
    event_with(name, texts, "{}")
}

/// An event with a JSON payload.
pub(crate) fn event_with(name: impl Into<Cow<'static, str>>, texts: &[&str], json: &str) -> Draft {
    Draft::new(name, 1, tags(texts), payload(json)).expect("a valid event")
}

pub(crate) fn payload(json: &str) -> Payload {
    Payload::parse(json).expect("a JSON text")
}

pub(crate) fn name(text: impl Into<Cow<'static, str>>) -> Name {
    Name::new("name", text).expect("a valid name")
}

/// Any of the types and all of the tags.
pub(crate) fn item(types: &[&str], texts: &[&str]) -> Item {
    let item = Item::any().types(types.iter().map(|&one| one.to_owned()));
    texts.iter().fold(item, |item, text| item.tag(tag(text)))
}

/// Criteria of one item.
pub(crate) fn of(types: &[&str], texts: &[&str]) -> Criteria {
    item(types, texts).into()
}

pub(crate) fn read(types: &[&str], texts: &[&str]) -> Read {
    Read::all(of(types, texts))
}

/// A command id for a command that names these ids.
pub(crate) fn key(id: impl Into<Cow<'static, str>>, command: &'static str, texts: &[&str]) -> CommandKey {
    CommandKey::new(name(id), name(command), tags(texts))
}

/// An append of these events and nothing else.
pub(crate) fn append(events: impl IntoIterator<Item = Draft>) -> Append {
    Append { events: events.into_iter().collect(), ..Append::default() }
}

/// An append of nothing, on which something else can be put.
pub(crate) fn nothing() -> Append {
    Append::default()
}

/// What can be put on an append.
pub(crate) trait With: Sized {
    /// If nothing that matches has appeared since the marker.
    fn under(self, criteria: impl Into<Criteria>, marker: Marker) -> Self;
    /// With a command id.
    fn keyed(self, key: CommandKey) -> Self;
    /// At a time, in seconds since 1970.
    fn at(self, seconds: i64) -> Self;
    /// With a journal entry for an accepted command.
    fn journaled(self, body: &str) -> Self;
    /// With a journal entry for a rejected command.
    fn rejected(self, body: &str, error: &str) -> Self;
    /// With metadata.
    fn with(self, metadata: Metadata) -> Self;
}

impl With for Append {
    fn under(mut self, criteria: impl Into<Criteria>, marker: Marker) -> Self {
        self.conditions.push(Condition { criteria: criteria.into(), marker });
        self
    }

    fn keyed(self, key: CommandKey) -> Self {
        Self { key: Some(key), ..self }
    }

    fn at(self, seconds: i64) -> Self {
        Self { recorded_at: seconds_since_1970(seconds), ..self }
    }

    fn journaled(self, body: &str) -> Self {
        Self { journal: Some(JournalRecord { body: payload(body), rejection: None }), ..self }
    }

    fn rejected(self, body: &str, error: &str) -> Self {
        Self {
            journal: Some(JournalRecord { body: payload(body), rejection: Some(error.to_owned()) }),
            ..self
        }
    }

    fn with(self, metadata: Metadata) -> Self {
        Self { metadata, ..self }
    }
}

pub(crate) fn seconds_since_1970(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds.saturating_mul(1_000_000))
}

/// Where the events of a receipt stand.
pub(crate) fn positions(receipt: &Receipt) -> Vec<Position> {
    receipt.events.iter().map(|event| event.position).collect()
}

/// Where records stand.
pub(crate) fn places(records: &[Record]) -> Vec<Position> {
    records.iter().map(|record| record.position).collect()
}

/// An event of one of six types with up to three of six tags: few enough to meet [`random_criteria`] often.
pub(crate) fn random_event(random: &mut fastrand::Rng) -> Draft {
    let texts: Vec<String> = (0..random.usize(0..4)).map(|_| random_tag(random)).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    event_with(random_type(random), &texts, &random.u32(..).to_string())
}

/// Up to three items of up to three types and up to two tags, now and then everything or nothing.
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
