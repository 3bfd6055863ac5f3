//! Archives: ids whose events have left the log for a file, and the steps in which they do.

use serde::{Deserialize, Serialize};

use super::successors::Successors;
use crate::{
    criteria::{Criteria, Item},
    error::{Error, Invalid},
    limits::{check_name, refuse},
    position::Position,
    record::Draft,
    tag::Tag,
    time::Timestamp,
};

/// How far an [`Archive`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArchiveState {
    /// The ids are closed, and their events are still in the log.
    Closing,
    /// The events are in the file only.
    Complete,
    /// The ids are open again, and their events are in the log.
    Opened,
}

/// Closed ids, and the file that their events leave the log for. A log keeps it for good, as a record of the change.
///
/// An event leaves the log once every id that it carries is closed, so it is in the file of the last of them. Events without an id stay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archive {
    /// The number of the archive, counted from 1.
    pub number: u64,
    /// The ids, sorted.
    pub ids: Vec<Tag>,
    /// How far it is.
    pub state: ArchiveState,
    /// The end of the log when the ids were closed. None of their events is after it.
    pub up_to: Position,
    /// The name of the file.
    pub file: String,
    /// The person or program that closed the ids, if it is named.
    pub actor: Option<String>,
    /// The time at which the ids were closed.
    pub closed_at: Timestamp,
    /// What has left the log. It stays when the ids are opened again.
    pub removed: Option<RemovedEvents>,
    /// The time at which the ids were opened again.
    pub opened_at: Option<Timestamp>,
    /// The version that the list of [`Successors`] got when events left the log or returned; 0 before.
    pub version: u64,
    /// The largest version of a [`Rewrite`](super::Rewrite) when the ids were closed: later ones may change which events leave.
    pub retags: u64,
}

/// The events of an [`Archive`] that have left the log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovedEvents {
    /// How many there are.
    pub events: u64,
    /// The position of the first of them; the start of the log if there are none.
    pub first: Position,
    /// The position of the last of them; the start of the log if there are none.
    pub last: Position,
    /// The SHA-256 of the file before its last line, in hexadecimal digits, as its last line has it.
    pub checksum: String,
    /// The earlier archives that have other ids of these events, by their numbers.
    pub shared_with: Vec<u64>,
    /// The time at which they left.
    pub at: Timestamp,
}

impl Archive {
    /// The largest number of ids of an archive.
    pub const MAX_IDS: usize = 1_000;

    /// Returns `true` if the ids are closed.
    pub fn is_closed(&self) -> bool {
        self.state != ArchiveState::Opened
    }

    /// Returns the error of a reader or an append that uses one of the ids.
    pub fn refused(&self, id: &Tag) -> Invalid {
        Invalid::Archived { id: id.to_string(), at: self.closed_at, file: self.file.clone() }
    }

    /// Checks the name of a file.
    pub(crate) fn check_file(file: &str) -> Result<(), Invalid> {
        match file.len() {
            1..=4_096 if !file.contains('\0') => Ok(()),
            _ => Err(refuse("file name", file, "it must have 1 to 4096 bytes, and no NUL")),
        }
    }

    /// For SQL stores: returns the text from which [`from_json`](Archive::from_json) makes the same archive.
    ///
    /// # Errors
    /// The error of the serializer.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// For SQL stores: returns an archive from its stored text.
    ///
    /// # Errors
    /// The error of a text that is damaged.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// For stores: returns the ids by which criteria select events. An id of an item with other restrictions counts too.
    pub fn ids_of(criteria: &Criteria) -> impl Iterator<Item = &Tag> {
        criteria.items().iter().flat_map(Item::tags)
    }

    /// For stores: returns the ids that an append writes or reads.
    pub fn ids_of_append(append: &super::Append) -> impl Iterator<Item = &Tag> {
        let written = append.events.iter().flat_map(Draft::tags);
        let read = append.conditions.iter().flat_map(|condition| Self::ids_of(&condition.criteria));
        written.chain(read)
    }

    /// For stores: returns the position up to which the reader of a condition has to have seen the log, if events that the condition may
    /// match have left the log: criteria without a tag match them, and they cannot be counted any more.
    pub fn unseen_removal(condition: &super::Condition, last_removed: Position) -> Option<Position> {
        let has_no_tag = condition.criteria.items().iter().any(|item| item.tags().is_empty());
        (has_no_tag && condition.marker.settled() < last_removed).then_some(last_removed)
    }
}

/// One step of an [`Archive`]. The way back is [`EventStore::restore`](super::EventStore::restore).
#[derive(Clone, Debug)]
pub enum ArchiveStep {
    /// Closes ids: from now on no append that writes or reads them is accepted, and nothing is read by them. With the ids of an archive
    /// that exists, nothing changes but the file of one that is closing.
    Close {
        /// The ids: 1 to [`Archive::MAX_IDS`].
        ids: Vec<Tag>,
        /// The name of the file: 1 to 4,096 bytes.
        file: String,
        /// The person or program that closes them: 1 to 200 bytes.
        actor: Option<String>,
        /// The time of the step.
        at: Timestamp,
    },
    /// Removes the events that are in the file, and leaves tombstones with their ids at their positions.
    Remove {
        /// The number of the archive.
        number: u64,
        /// The name of the file, which the record has from now on: another call may have closed the same ids for a file of its own meanwhile.
        file: String,
        /// What the file has. If the log has other events to remove, nothing is written.
        removed: RemovedEvents,
    },
}

impl ArchiveStep {
    /// For stores: checks the step, and returns the archive after it, or `None` if nothing changes. `stored` are all archives, and
    /// `end` is the last position of the log. No append is running.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the step is not valid; [`Error::Unusable`] if the state of the archives does not permit it;
    /// [`Error::Unavailable`] if tags of stored events are being changed.
    pub fn apply(
        &self,
        stored: &[Archive],
        end: Position,
        successors: &Successors,
        log: &str,
    ) -> Result<ArchiveChange, Error> {
        match self {
            Self::Close { ids, file, actor, at } => {
                let new = Archive {
                    number: stored.iter().map(|one| one.number).max().unwrap_or(0) + 1,
                    ids: checked_ids(ids)?,
                    state: ArchiveState::Closing,
                    up_to: end,
                    file: checked_file(file)?,
                    actor: actor.clone(),
                    closed_at: *at,
                    removed: None,
                    opened_at: None,
                    version: 0,
                    retags: newest_retag(successors, log)?,
                };
                if let Some(actor) = actor {
                    check_name("actor", actor)?;
                }
                close(stored, new, log)
            }
            Self::Remove { number, file, removed } => {
                let archive = numbered(stored, *number, log)?;
                match archive.state {
                    ArchiveState::Complete => Ok(ArchiveChange::unchanged(archive)),
                    ArchiveState::Opened => {
                        Err(refused(log, format!("the ids of archive {number} are open")))
                    }
                    ArchiveState::Closing if newest_retag(successors, log)? != archive.retags => {
                        Err(changed(log))
                    }
                    ArchiveState::Closing => Ok(ArchiveChange::changed(Archive {
                        state: ArchiveState::Complete,
                        file: checked_file(file)?,
                        removed: Some(removed.clone()),
                        version: Successors::version_after(successors.version),
                        ..archive.clone()
                    })),
                }
            }
        }
    }

    /// For stores: compares the events that the log has to remove with those of the file.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if they differ.
    pub fn check_removed(
        &self,
        events: u64,
        first: Position,
        last: Position,
        log: &str,
    ) -> Result<(), Error> {
        match self {
            Self::Remove { removed, .. }
                if (removed.events, removed.first, removed.last) != (events, first, last) =>
            {
                Err(changed(log))
            }
            _ => Ok(()),
        }
    }
}

/// An archive after a step.
#[derive(Clone, Debug)]
pub struct ArchiveChange {
    /// The archive.
    pub archive: Archive,
    /// Whether the step changes it. Otherwise nothing is written.
    pub is_change: bool,
}

impl ArchiveChange {
    fn changed(archive: Archive) -> Self {
        Self { archive, is_change: true }
    }

    fn unchanged(archive: &Archive) -> Self {
        Self { archive: archive.clone(), is_change: false }
    }
}

fn checked_ids(ids: &[Tag]) -> Result<Vec<Tag>, Error> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    match ids.len() {
        1..=Archive::MAX_IDS => Ok(ids),
        other => {
            let reason = format!("an archive has 1 to {} ids, not {other}", Archive::MAX_IDS);
            Err(Error::unusable("archive ids", reason))
        }
    }
}

fn checked_file(file: &str) -> Result<String, Invalid> {
    Archive::check_file(file)?;
    Ok(file.to_owned())
}

/// The largest version of a retag, if none is in progress.
fn newest_retag(successors: &Successors, log: &str) -> Result<u64, Error> {
    if let Some(retag) = successors.rewrites().iter().find(|retag| !retag.is_complete()) {
        let reason = format!("{}: wait until the pass has ended", retag.target.describe(&retag.name));
        return Err(Error::unavailable(operation(log), reason));
    }
    Ok(successors.rewrites().iter().map(|retag| retag.version).max().unwrap_or(0))
}

fn close(stored: &[Archive], new: Archive, log: &str) -> Result<ArchiveChange, Error> {
    for other in stored.iter().filter(|other| other.is_closed()) {
        let number = other.number;
        if other.ids == new.ids {
            return Ok(match other.state {
                ArchiveState::Closing => ArchiveChange::changed(Archive { number, ..new.resumed(other) }),
                _ => ArchiveChange::unchanged(other),
            });
        }
        if other.state == ArchiveState::Closing {
            let reason = format!(
                "archive {number} with `{}` is not complete: call `archive` with its ids again, or open them",
                other.ids.first().map_or("", Tag::as_str)
            );
            return Err(refused(log, reason));
        }
        if let Some(id) = new.ids.iter().find(|id| other.ids.binary_search(id).is_ok()) {
            return Err(refused(log, format!("`{id}` is in archive {number} already")));
        }
    }
    Ok(ArchiveChange::changed(new))
}

impl Archive {
    /// The archive that was closed before, with the file and the retags of now.
    fn resumed(self, before: &Self) -> Self {
        Self { file: self.file, retags: self.retags, ..before.clone() }
    }
}

pub(super) fn numbered<'a>(stored: &'a [Archive], number: u64, log: &str) -> Result<&'a Archive, Error> {
    let found = stored.iter().find(|one| one.number == number);
    found.ok_or_else(|| refused(log, format!("it has no archive {number}")))
}

fn changed(log: &str) -> Error {
    let reason = "the events of the closed ids are others than those in the file; call `archive` again";
    Error::unavailable(operation(log), reason)
}

pub(super) fn refused(log: &str, reason: String) -> Error {
    Error::unusable(operation(log), reason)
}

fn operation(log: &str) -> String {
    format!("archive events of the {log}")
}

#[cfg(test)]
mod tests;
