//! The lines of an export. `docs/exports.md` describes them.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{
    changed_events::{ArchiveLine, RetagLine, TombstoneLine},
    contents::Transferred,
};
use crate::{
    error::{BoxError, Invalid},
    payload::Payload,
    record::{Metadata, Name, Position, Record},
    rows::{Anchor, Parked},
    store::{AcceptedCommand, CommandKey, Entry, EventRef, Outcome, PolicyCheckpoint, Receipt, Successor},
    tag::Tag,
    time::Timestamp,
};

/// The latest version of the form.
pub(super) const VERSION: u32 = 2;
/// The version of a part without archives and retags, which have lines since version 2.
pub(super) const FIRST_VERSION: u32 = 1;

/// A line as JSON. Its only field says what it is.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Line<'a> {
    Header(Header),
    #[serde(borrow)]
    Archive(ArchiveLine<'a>),
    #[serde(borrow)]
    Retag(RetagLine<'a>),
    Tombstone(TombstoneLine),
    #[serde(borrow)]
    Event(EventLine<'a>),
    #[serde(borrow)]
    Successor(SuccessorLine<'a>),
    #[serde(borrow)]
    CommandId(CommandLine<'a>),
    #[serde(borrow)]
    JournalEntry(EntryLine<'a>),
    #[serde(borrow)]
    Policy(PolicyLine<'a>),
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
    /// How stored events were changed: see [`Part::changes`](super::part::Part::changes).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) changes: Option<String>,
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
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) tombstones: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) archives: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) retags: u64,
    /// As in the header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) changes: Option<String>,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) successors: u64,
    pub(super) command_ids: u64,
    pub(super) journal_entries: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) policies: u64,
    /// Of all bytes of the part before this line, in hexadecimal digits.
    pub(super) sha256: String,
}

impl End {
    /// What the part contains.
    pub(super) fn contents(&self) -> Transferred {
        Transferred {
            up_to: self.up_to,
            events: self.events,
            tombstones: self.tombstones,
            archives: self.archives,
            retags: self.retags,
            successors: self.successors,
            command_ids: self.command_ids,
            journal_entries: self.journal_entries,
            policies: self.policies,
        }
    }
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
pub(super) struct SuccessorLine<'a> {
    #[serde(borrow)]
    of: Cow<'a, str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    rename: bool,
    since: Position,
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
#[serde(deny_unknown_fields)]
pub(super) struct PolicyLine<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    position: Position,
    last_event: Option<(Position, Uuid)>,
    parked: Vec<ParkedLine<'a>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ParkedLine<'a> {
    event: (Position, Uuid),
    keys: Cow<'a, [String]>,
    #[serde(borrow)]
    error: Cow<'a, str>,
    attempts: u32,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    needs_newer: bool,
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

impl<'a> SuccessorLine<'a> {
    pub(super) fn new(successor: &'a Successor) -> Self {
        Self {
            of: successor.of().into(),
            name: successor.name().into(),
            rename: successor.is_rename(),
            since: successor.since(),
        }
    }

    pub(super) fn into_successor(self) -> Result<Successor, Invalid> {
        let (of, name) = (self.of.into_owned(), self.name.into_owned());
        let successor = if self.rename { Successor::renamed(of, name) } else { Successor::made(of, name) };
        Ok(successor?.stored_at(self.since))
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

impl<'a> PolicyLine<'a> {
    pub(super) fn new(policy: &'a PolicyCheckpoint) -> Self {
        let parked = policy.parked.iter().map(|parked| ParkedLine {
            event: (parked.position, parked.event),
            keys: Cow::Borrowed(&parked.keys),
            error: parked.error.as_str().into(),
            attempts: parked.attempts,
            needs_newer: parked.needs_newer,
        });
        Self {
            name: policy.name.as_str().into(),
            position: policy.position,
            last_event: policy.anchor.map(|anchor| (anchor.position, anchor.event)),
            parked: parked.collect(),
        }
    }

    pub(super) fn into_policy(self) -> PolicyCheckpoint {
        let parked = self.parked.into_iter().map(|parked| {
            let ParkedLine { event: (position, event), keys, error, attempts, needs_newer } = parked;
            let (keys, error) = (keys.into_owned(), error.into_owned());
            Parked { position, event, keys, error, attempts, needs_newer }
        });
        PolicyCheckpoint {
            name: self.name.into_owned(),
            position: self.position,
            anchor: self.last_event.map(|(position, event)| Anchor { position, event }),
            parked: parked.collect(),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A payload without white space around it, and with spaces instead of line breaks, which JSON has only between its parts.
fn one_line(payload: &Payload) -> Result<Cow<'_, RawValue>, serde_json::Error> {
    let raw: &RawValue = serde_json::from_str(payload.as_str())?;
    if !raw.get().contains(['\n', '\r']) {
        return Ok(Cow::Borrowed(raw));
    }
    RawValue::from_string(raw.get().replace(['\n', '\r'], " ")).map(Cow::Owned)
}
