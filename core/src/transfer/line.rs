//! The lines of an export. `docs/exports.md` describes them.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{
    error::BoxError,
    payload::Payload,
    record::{Metadata, Name, Position, Record},
    store::{AcceptedCommand, CommandKey, Entry, EventRef, Outcome, Receipt},
    tag::Tag,
    time::Timestamp,
};

/// The version of the form.
pub(super) const VERSION: u32 = 1;

/// A line as JSON. Its only field says what it is.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Line<'a> {
    Header(Header),
    #[serde(borrow)]
    Event(EventLine<'a>),
    #[serde(borrow)]
    CommandId(CommandLine<'a>),
    #[serde(borrow)]
    JournalEntry(EntryLine<'a>),
    End(End),
}

/// The first line of a part.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    pub(super) version: u32,
    /// The part has the events after this position.
    pub(super) after: Position,
    /// The position of its last event.
    pub(super) up_to: Position,
    /// The checksum of the part before it.
    pub(super) previous: Option<String>,
}

/// The last line of a part.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct End {
    pub(super) after: Position,
    pub(super) up_to: Position,
    /// The id of the event at `up_to`.
    pub(super) last_event: Option<Uuid>,
    pub(super) events: u64,
    pub(super) command_ids: u64,
    pub(super) journal_entries: u64,
    /// Of all bytes of the part before this line, in hexadecimal digits.
    pub(super) sha256: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EventLine<'a> {
    pub(super) position: Position,
    pub(super) id: Uuid,
    #[serde(rename = "type", borrow)]
    pub(super) name: Cow<'a, str>,
    pub(super) version: u32,
    pub(super) tags: Cow<'a, [Tag]>,
    pub(super) recorded_at: Timestamp,
    pub(super) metadata: Cow<'a, Metadata>,
    #[serde(borrow)]
    pub(super) data: Cow<'a, RawValue>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CommandLine<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    command: Cow<'a, str>,
    #[serde(borrow)]
    scope: Cow<'a, str>,
    recorded_at: Timestamp,
    events: Vec<(Position, Uuid)>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EntryLine<'a> {
    pub(super) number: u64,
    recorded_at: Timestamp,
    metadata: Cow<'a, Metadata>,
    outcome: OutcomeLine<'a>,
    #[serde(borrow)]
    command: Cow<'a, RawValue>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OutcomeLine<'a> {
    Accepted(Cow<'a, [Position]>),
    Rejected(Cow<'a, str>),
}

impl<'a> EventLine<'a> {
    pub(super) fn new(record: &'a Record) -> Result<Self, BoxError> {
        Ok(Self {
            position: record.position,
            id: record.id,
            name: Cow::Borrowed(&record.name),
            version: record.version,
            tags: Cow::Borrowed(&record.tags),
            recorded_at: record.recorded_at,
            metadata: Cow::Borrowed(record.metadata()?),
            data: one_line(&record.data)?,
        })
    }

    pub(super) fn into_record(self) -> Record {
        Record {
            position: self.position,
            recorded_at: self.recorded_at,
            id: self.id,
            name: Cow::Owned(self.name.into_owned()),
            version: self.version,
            tags: self.tags.into_owned(),
            data: Payload::from_stored(Box::<str>::from(self.data.into_owned())),
            stored_metadata: self.metadata.into_owned().into(),
        }
    }
}

impl<'a> CommandLine<'a> {
    pub(super) fn new(command: &'a AcceptedCommand) -> Self {
        let AcceptedCommand { key, recorded_at, receipt } = command;
        Self {
            id: key.id().into(),
            command: key.command().into(),
            scope: key.scope().into(),
            recorded_at: *recorded_at,
            events: receipt.events.iter().map(|event| (event.position, event.id)).collect(),
        }
    }

    pub(super) fn into_command(self) -> Result<AcceptedCommand, BoxError> {
        let id = Name::new("command id", self.id.into_owned())?;
        let command = Name::new("command", self.command.into_owned())?;
        if self.scope.contains('\0') {
            return Err("the scope contains NUL".into());
        }
        let events = self.events.into_iter().map(|(position, id)| EventRef { position, id });
        Ok(AcceptedCommand {
            key: CommandKey::from_stored(id, command, self.scope),
            recorded_at: self.recorded_at,
            receipt: Receipt { events: events.collect(), ..Receipt::default() },
        })
    }
}

impl<'a> EntryLine<'a> {
    pub(super) fn new(entry: &'a Entry) -> Result<Self, BoxError> {
        Ok(Self {
            number: entry.number,
            recorded_at: entry.recorded_at,
            metadata: Cow::Borrowed(&entry.metadata),
            outcome: match &entry.outcome {
                Outcome::Accepted(positions) => OutcomeLine::Accepted(Cow::Borrowed(positions)),
                Outcome::Rejected(error) => OutcomeLine::Rejected(Cow::Borrowed(error)),
            },
            command: one_line(&entry.body)?,
        })
    }

    pub(super) fn into_entry(self) -> Entry {
        Entry {
            number: self.number,
            recorded_at: self.recorded_at,
            metadata: self.metadata.into_owned(),
            body: Payload::from_stored(Box::<str>::from(self.command.into_owned())),
            outcome: match self.outcome {
                OutcomeLine::Accepted(positions) => Outcome::Accepted(positions.into_owned()),
                OutcomeLine::Rejected(error) => Outcome::Rejected(error.into_owned()),
            },
        }
    }
}

/// A payload without white space around it, and with spaces instead of line breaks, which JSON has only between its parts.
fn one_line(payload: &Payload) -> Result<Cow<'_, RawValue>, serde_json::Error> {
    let raw: &RawValue = serde_json::from_str(payload.as_str())?;
    if !raw.get().contains(['\n', '\r']) {
        return Ok(Cow::Borrowed(raw));
    }
    RawValue::from_string(raw.get().replace(['\n', '\r'], " ")).map(Cow::Owned)
}
