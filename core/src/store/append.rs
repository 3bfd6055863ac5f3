//! An append as a message, and its answers.

use std::sync::Arc;

use uuid::Uuid;

use super::Marker;
use crate::{
    criteria::Criteria,
    error::{Error, Invalid},
    payload::Payload,
    record::{Draft, Metadata, Name, Position},
    rows::{BuildId, Inline},
    tag::Tag,
    time::Timestamp,
};

/// Everything that one append writes, and under which conditions. Its parts are valid on every store by construction.
#[derive(Clone, Debug, Default)]
pub struct Append {
    /// The events, in the order in which they get their positions.
    pub events: Vec<Draft>,
    /// What must not have changed; all of them must hold.
    pub conditions: Vec<Condition>,
    /// The time to record.
    pub recorded_at: Timestamp,
    /// Where the events come from.
    pub metadata: Metadata,
    /// The command id that the caller gave, if any.
    pub key: Option<CommandKey>,
    /// The journal entry to write with it, if any. That of a rejected command comes alone: without events, conditions and
    /// key, for a rejection is not remembered.
    pub journal: Option<JournalRecord>,
    /// The folds of the inline builds of the events' types, to be done in the same transaction: see [`Inline`].
    pub inline: Vec<Arc<dyn Inline>>,
}

impl Append {
    /// For stores: refuses appends that cannot be written together, whatever is in the log.
    ///
    /// # Errors
    /// [`Error::Unusable`] if there are more than `max` of them, or two have the same command id.
    pub fn check_batch(all: &[Self], max: usize, operation: impl FnOnce() -> String) -> Result<(), Error> {
        if all.len() > max {
            let reason = format!("the store takes {max} appends at a time, not {}", all.len());
            return Err(Error::unusable(operation(), reason));
        }
        let mut ids: Vec<&str> = all.iter().filter_map(|append| Some(append.key.as_ref()?.id())).collect();
        ids.sort_unstable();
        match ids.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(twice) => {
                let reason = format!("two of the appends have the command id {:?}", twice[0]);
                Err(Error::unusable(operation(), reason))
            }
            None => Ok(()),
        }
    }
}

/// "No event that matches what I read has appeared since I read it." The marker is that of a read of the same criteria, and
/// means nothing for others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// What was read.
    pub criteria: Criteria,
    /// When.
    pub marker: Marker,
}

/// A command id with what it stands for. With it the same command is accepted once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CommandKey {
    id: Name,
    command: Name,
    scope: String,
}

impl CommandKey {
    /// An id that a caller gave for a command that names these ids.
    pub fn new(id: Name, command: Name, ids: impl IntoIterator<Item = Tag>) -> Self {
        let mut tags: Vec<Tag> = ids.into_iter().collect();
        tags.sort_unstable();
        tags.dedup();
        let scope = serde_json::Value::from_iter(tags.iter().map(Tag::as_str)).to_string();
        Self { id, command, scope }
    }

    /// The id.
    pub fn id(&self) -> &str {
        self.id.as_str()
    }

    /// The stored name of the command.
    pub fn command(&self) -> &str {
        self.command.as_str()
    }

    /// The ids that the command names, as one JSON text: stored beside the id and compared, never taken apart.
    pub fn scope(&self) -> &str {
        &self.scope
    }

    /// Accepts the command and scope that a store has beside this id, or says that the id was used for another.
    ///
    /// # Errors
    /// [`Invalid::CommandIdReused`] if they differ.
    pub fn check(&self, command: &str, scope: &str) -> Result<(), Invalid> {
        if command == self.command() && scope == self.scope {
            return Ok(());
        }
        let title = |command: &str, scope: &str| {
            if scope == "[]" { format!("`{command}`") } else { format!("`{command}` of {scope}") }
        };
        Err(Invalid::CommandIdReused {
            id: self.id().to_owned(),
            first: title(command, scope),
            second: title(self.command(), &self.scope),
        })
    }
}

/// What the journal keeps of a command beside its metadata.
#[derive(Clone, Debug, PartialEq)]
pub struct JournalRecord {
    /// The command itself.
    pub body: Payload,
    /// The error with which it was rejected; none for an accepted command.
    pub rejection: Option<String>,
}

/// The outcome of an append. `R` is the receipts: one for each append, or a single one ([`EventStore::append_one`](super::EventStore::append_one)).
///
/// `index` says which of the appends was refused, counted from 0; if several could be named, it is any of them.
#[derive(Clone, Debug, PartialEq)]
pub enum AppendOutcome<R = Vec<Receipt>> {
    /// All events are in the log.
    Appended(R),
    /// The command id of an append was accepted before. Nothing was written.
    Duplicate {
        /// Which append.
        index: usize,
        /// The receipt of the first acceptance.
        receipt: Receipt,
    },
    /// A condition of an append does not hold. Nothing was written.
    Conflict {
        /// Which append.
        index: usize,
        /// Which of its conditions, counted from 0.
        condition: usize,
        /// The newest position that matches the criteria of the condition.
        conflicting_position: Position,
    },
    /// An append does not bring exactly the inline builds that fold events of its types. Nothing was written.
    InlineRequired {
        /// Which append.
        index: usize,
        /// The inline builds that it has to bring, in order.
        builds: Vec<BuildId>,
    },
}

impl<R> AppendOutcome<R> {
    /// The same outcome with other receipts.
    pub fn map<S>(self, receipts: impl FnOnce(R) -> S) -> AppendOutcome<S> {
        match self {
            Self::Appended(all) => AppendOutcome::Appended(receipts(all)),
            Self::Duplicate { index, receipt } => AppendOutcome::Duplicate { index, receipt },
            Self::Conflict { index, condition, conflicting_position } => {
                AppendOutcome::Conflict { index, condition, conflicting_position }
            }
            Self::InlineRequired { index, builds } => AppendOutcome::InlineRequired { index, builds },
        }
    }
}

/// What an accepted command returns: where its events stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// The events in the order in which they were decided; positions grow but need not be adjacent.
    pub events: Vec<EventRef>,
}

impl Receipt {
    /// The position of the last event: who has seen the log up to here has seen the command's effect.
    /// [`Position::START`] for a command without events.
    pub fn position(&self) -> Position {
        self.events.last().map_or(Position::START, |event| event.position)
    }
}

impl From<&Receipt> for Position {
    fn from(receipt: &Receipt) -> Self {
        receipt.position()
    }
}

/// Where an event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventRef {
    /// Its place in the global order.
    pub position: Position,
    /// Its own id.
    pub id: Uuid,
}
