//! Events in their stored form: a name, tags, a JSON payload and metadata, without any type of the application.

mod metadata;

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::metadata::{Metadata, StoredMetadata};
pub use crate::position::Position;
use crate::{
    error::Invalid,
    limits::{MAX_PAYLOAD, check_event_name, check_name, refuse},
    message_id::new_message_id,
    payload::Payload,
    tag::Tag,
    telemetry::is_traceparent,
    time::Timestamp,
};

/// A checked text, such as the name of a command or an actor: 1 to 200 bytes without NUL.
///
/// ```
/// use annalist::store::Name;
///
/// assert_eq!(Name::new("actor", "ann")?.as_str(), "ann");
/// assert!(Name::new("actor", "").unwrap_err().to_string().contains("actor"));
/// # Ok::<(), annalist::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(Cow<'static, str>);

impl Name {
    /// Checks a text. The error message calls the text `what`.
    ///
    /// # Errors
    /// [`Invalid`] if the text is empty, longer than 200 bytes or contains NUL.
    pub fn new(what: &'static str, text: impl Into<Cow<'static, str>>) -> Result<Self, Invalid> {
        let text = text.into();
        check_name(what, &text)?;
        Ok(Self(text))
    }

    /// Returns the text.
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

/// An event that is not appended yet. All its parts are checked, so that every store accepts it.
///
/// ```
/// use annalist::{Tag, manual::Payload, store::Draft};
///
/// let tags = [Tag::new("account", "ann")?];
/// let draft = Draft::new("account.opened", 1, tags, Payload::parse(r#"{"owner":"Ann"}"#)?)?;
/// assert_eq!((draft.name(), draft.version()), ("account.opened", 1));
///
/// let error = Draft::new("account opened", 1, [], Payload::parse("{}")?).unwrap_err();
/// assert!(error.to_string().contains("white space"));
/// # Ok::<(), annalist::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    id: Uuid,
    name: Cow<'static, str>,
    version: u32,
    tags: Vec<Tag>,
    data: Payload,
}

impl Draft {
    /// Checks the parts and assigns a new id. Tags are sorted, and duplicates removed.
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
        Ok(Self { id: new_message_id(), name, version, tags, data })
    }

    /// Returns the id of the event itself.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Returns the stored name of the event type.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the schema version of the payload.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Returns the tags, sorted and without duplicates.
    pub fn tags(&self) -> &[Tag] {
        &self.tags
    }

    /// Replaces the payload, for a store that encrypts it.
    #[cfg(feature = "secrets")]
    pub(crate) fn set_data(&mut self, data: Payload) {
        self.data = data;
    }

    /// Replaces the tags, for a store that encrypts them.
    #[cfg(feature = "secrets")]
    pub(crate) fn set_tags(&mut self, mut tags: Vec<Tag>) {
        tags.sort_unstable();
        self.tags = tags;
    }

    /// Returns the payload.
    pub fn data(&self) -> &Payload {
        &self.data
    }

    /// The record of a fold that does not use the context of its event: as [`Record::payload_only`], and without position.
    pub(crate) fn payload_record(&self) -> Record {
        Record {
            position: Position::START,
            recorded_at: Timestamp::default(),
            id: Uuid::nil(),
            name: self.name.clone(),
            version: self.version,
            tags: Vec::new(),
            data: self.data.clone(),
            stored_metadata: StoredMetadata::default(),
        }
    }

    /// Converts the draft to the record that a store writes.
    pub fn record(
        self,
        position: Position,
        recorded_at: Timestamp,
        metadata: impl Into<StoredMetadata>,
    ) -> Record {
        let Self { id, name, version, tags, data } = self;
        Record { position, recorded_at, id, name, version, tags, data, stored_metadata: metadata.into() }
    }
}

/// An event in its stored form.
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// # let app = bank().await?;
/// use annalist::Criteria;
///
/// let page = app.feed(Criteria::all()).next().await?;
/// let record = &page.records[1];
/// assert_eq!((&*record.name, record.version, record.position.get()), ("account.deposited", 1, 2));
/// assert_eq!(record.tags[0].as_str(), "account:a");
/// assert_eq!(record.data.as_str(), r#"{"account":"a","cents":10}"#);
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The position in the global order.
    pub position: Position,
    /// The time of the append, by the clock of the app.
    pub recorded_at: Timestamp,
    /// The id of the event itself.
    pub id: Uuid,
    /// The stored name of the event type.
    pub name: Cow<'static, str>,
    /// The schema version of the payload.
    pub version: u32,
    /// The tags, sorted and without duplicates.
    pub tags: Vec<Tag>,
    /// The payload.
    pub data: Payload,
    /// The origin of the event in its stored form; see [`Record::metadata`].
    pub stored_metadata: StoredMetadata,
}

impl Record {
    /// For stores: returns a copy for a read that is [`payload_only`](crate::store::Read::payload_only), with position, type, version
    /// and payload. The other fields are blank.
    #[must_use]
    pub fn payload_only(&self) -> Self {
        Self {
            position: self.position,
            recorded_at: Timestamp::default(),
            id: Uuid::nil(),
            name: self.name.clone(),
            version: self.version,
            tags: Vec::new(),
            data: self.data.clone(),
            stored_metadata: StoredMetadata::default(),
        }
    }

    /// Returns the origin of the event: actor, command, correlation, causation.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// use annalist::Criteria;
    ///
    /// app.execute(Deposit { account: id("a"), cents: 5 }).actor("ann").await?;
    /// let page = app.feed(Criteria::all()).next().await?;
    /// assert_eq!(page.records[6].metadata()?.actor.as_ref().unwrap().as_str(), "ann");
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`Invalid::Damaged`] if the stored metadata cannot be read.
    pub fn metadata(&self) -> Result<&Metadata, Invalid> {
        self.stored_metadata.read().map_err(|error| Invalid::Damaged {
            position: self.position,
            reason: format!("its metadata: {error}"),
        })
    }

    /// The trace context that is stored with the event; `None` if there is none, or if the text is none.
    pub(crate) fn trace(&self) -> Option<&str> {
        let trace = self.metadata().ok()?.trace.as_ref()?.as_str();
        is_traceparent(trace).then_some(trace)
    }
}

/// The id that the caller gives a command. A command is accepted once per id: a retry with the same id returns the receipt of
/// the first attempt.
///
/// 1 to 200 bytes without NUL. Converted from a [`Uuid`] or a text.
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// # let app = bank().await?;
/// let first = app.execute(Deposit { account: id("a"), cents: 5 }).id("payment-17").await?;
/// let retry = app.execute(Deposit { account: id("a"), cents: 5 }).id("payment-17").await?;
/// assert_eq!(first.position(), retry.position());
/// assert_eq!(app.load::<Account>(&id("a")).await?.cents, 15);
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CommandId(Cow<'static, str>);

impl CommandId {
    /// What the ids of the commands of all policies start with. Ids of users do not.
    pub(crate) const OF_POLICIES: &'static str = "policy/";

    /// Checks the id that a user chose.
    ///
    /// # Errors
    /// [`Invalid`] if it could be the id of a policy's command.
    pub(crate) fn check_user(id: &Name) -> Result<(), Invalid> {
        if id.as_str().starts_with(Self::OF_POLICIES) {
            let rule = format!("must not start with `{}`, as the ids of policies do", Self::OF_POLICIES);
            return Err(refuse("command id", id.as_str(), rule));
        }
        Ok(())
    }

    /// What the ids of commands start with that a policy sends because of the event at `cause`. Prefixes of later events are
    /// greater: the position has a fixed number of digits.
    pub(crate) fn prefix_of_policy(policy: &str, cause: Position) -> String {
        format!("{}{policy}/{:020}/", Self::OF_POLICIES, cause.get())
    }

    /// Checks the text.
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
