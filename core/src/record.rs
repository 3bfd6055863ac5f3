//! Events as the log keeps them: a name, tags, a JSON payload and metadata. No user type appears here.

mod metadata;

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::metadata::{Metadata, StoredMetadata};
pub use crate::position::Position;
use crate::{
    error::Invalid,
    limits::{MAX_PAYLOAD, check_event_name, check_name},
    payload::Payload,
    tag::Tag,
    time::Timestamp,
};

/// A text that names something for people and machines outside: 1 to 200 bytes without NUL.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(Cow<'static, str>);

impl Name {
    /// Checks a text. `what` says in the error what it was meant to be.
    ///
    /// # Errors
    /// [`Invalid`] if it is empty, longer than 200 bytes or contains NUL.
    pub fn new(what: &'static str, text: impl Into<Cow<'static, str>>) -> Result<Self, Invalid> {
        let text = text.into();
        check_name(what, &text)?;
        Ok(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Name {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        Self::new("name", text)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0.into_owned()
    }
}

/// An event that is to be appended. It can only be built from parts that every store accepts.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    id: Uuid,
    name: Cow<'static, str>,
    version: u32,
    tags: Vec<Tag>,
    data: Payload,
}

impl Draft {
    /// Checks the parts and gives the event a fresh id. Tags are sorted, each kept once.
    ///
    /// # Errors
    /// [`Invalid`] if the name is empty, longer than 200 bytes, starts with `$` or contains white space, control
    /// characters or NUL; or if the payload is larger than 4 MiB.
    pub fn new(
        name: impl Into<Cow<'static, str>>,
        version: u32,
        tags: impl IntoIterator<Item = Tag>,
        data: Payload,
    ) -> Result<Self, Invalid> {
        Self::with_limit(name, version, tags, data, MAX_PAYLOAD)
    }

    /// As [`Draft::new`], with another limit for the payload, in bytes.
    ///
    /// # Errors
    /// As [`Draft::new`].
    pub fn with_limit(
        name: impl Into<Cow<'static, str>>,
        version: u32,
        tags: impl IntoIterator<Item = Tag>,
        data: Payload,
        max_payload: usize,
    ) -> Result<Self, Invalid> {
        let name = name.into();
        check_event_name(&name)?;
        let size = data.as_str().len();
        if size > max_payload {
            return Err(Invalid::TooLarge {
                what: format!("the payload of `{name}`"),
                size,
                limit: max_payload,
            });
        }
        let mut tags: Vec<Tag> = tags.into_iter().collect();
        tags.sort_unstable();
        tags.dedup();
        Ok(Self { id: Uuid::now_v7(), name, version, tags, data })
    }

    /// The event's own id.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// The stored name of its type.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The schema version of its payload.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Its tags, sorted, each once.
    pub fn tags(&self) -> &[Tag] {
        &self.tags
    }

    /// Its payload.
    pub fn data(&self) -> &Payload {
        &self.data
    }

    /// The record that a store keeps for it.
    pub fn record(
        self,
        position: Position,
        recorded_at: Timestamp,
        metadata: impl Into<StoredMetadata>,
    ) -> Record {
        let Self { id, name, version, tags, data } = self;
        Record { position, recorded_at, id, name, version, tags, data, origin: metadata.into() }
    }
}

/// An event as the log keeps it.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Its place in the global order.
    pub position: Position,
    /// The time that the app's clock told when it was appended.
    pub recorded_at: Timestamp,
    /// Its own id.
    pub id: Uuid,
    /// The stored name of its type.
    pub name: Cow<'static, str>,
    /// The schema version of its payload.
    pub version: u32,
    /// Its tags, sorted, each once.
    pub tags: Vec<Tag>,
    /// Its payload.
    pub data: Payload,
    /// Where it came from, as it is stored: see [`Record::metadata`].
    pub origin: StoredMetadata,
}

impl Record {
    /// Where it came from.
    ///
    /// # Errors
    /// [`Invalid::Damaged`] if what is stored cannot be read.
    pub fn metadata(&self) -> Result<&Metadata, Invalid> {
        self.origin.read().map_err(|error| Invalid::Damaged {
            position: self.position,
            reason: format!("its metadata: {error}"),
        })
    }
}

/// The id of a command as its caller gave it: with the same id the same command is accepted once.
///
/// 1 to 200 bytes without NUL. Made from a [`Uuid`] or a text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CommandId(Cow<'static, str>);

impl CommandId {
    /// The text, checked.
    ///
    /// # Errors
    /// [`Invalid`] if it is empty, longer than 200 bytes or contains NUL.
    pub fn name(self) -> Result<Name, Invalid> {
        Name::new("command id", self.0)
    }
}

impl From<Uuid> for CommandId {
    fn from(id: Uuid) -> Self {
        Self(id.to_string().into())
    }
}

impl From<String> for CommandId {
    fn from(id: String) -> Self {
        Self(id.into())
    }
}

impl From<&'static str> for CommandId {
    fn from(id: &'static str) -> Self {
        Self(id.into())
    }
}

/// A stored event on its way to a user's type.
#[derive(Clone, Copy, Debug)]
pub struct RawEvent<'a> {
    /// The stored name of its type.
    pub name: &'a str,
    /// The schema version of its payload.
    pub version: u32,
    /// Its payload, as JSON.
    pub data: &'a str,
    /// Where it stands, for messages.
    pub position: Position,
}

impl<'a> From<&'a Record> for RawEvent<'a> {
    fn from(record: &'a Record) -> Self {
        Self {
            name: &record.name,
            version: record.version,
            data: record.data.as_str(),
            position: record.position,
        }
    }
}

impl RawEvent<'_> {
    /// Refuses an event that a newer program wrote.
    ///
    /// # Errors
    /// [`Invalid::NewerVersion`] if its version is above `known`.
    pub fn at_most(&self, known: u32) -> Result<(), Invalid> {
        if self.version <= known {
            return Ok(());
        }
        let Self { name, version, position, .. } = *self;
        Err(Invalid::NewerVersion { name: name.to_owned(), version, position, known })
    }

    /// The error for a payload that does not fit.
    pub fn undecodable(&self, source: serde_json::Error) -> Invalid {
        let Self { name, version, position, .. } = *self;
        Invalid::Decode { name: name.to_owned(), version, position, source }
    }

    /// The error for an event that `Reader` does not know.
    pub fn unknown_to<Reader>(&self) -> Invalid {
        let Self { name, version, position, .. } = *self;
        Invalid::UnknownType {
            name: name.to_owned(),
            version,
            position,
            reader: std::any::type_name::<Reader>(),
        }
    }
}
