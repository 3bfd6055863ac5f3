//! The lines about stored events that were changed: archives, the tombstones of their events, and retags. Each is checked when it is read.

use std::{borrow::Cow, fmt::Write};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::hexadecimal::hexadecimal;
use crate::{
    error::BoxError,
    limits::{check_event_name, check_name},
    record::Position,
    store::{Archive, ArchiveState, EventRef, RemovedEvents, Rewrite, RewriteState, RewriteTarget},
    tag::Tag,
    time::Timestamp,
};

/// The largest number of an archive or version in a file: a store can count on from it.
const MAX_NUMBER: u64 = 1 << 62;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ArchiveLine<'a> {
    number: u64,
    ids: Cow<'a, [Tag]>,
    state: ArchiveState,
    up_to: Position,
    #[serde(borrow)]
    file: Cow<'a, str>,
    #[serde(borrow)]
    actor: Option<Cow<'a, str>>,
    closed_at: Timestamp,
    #[serde(borrow)]
    removed: Option<RemovedLine<'a>>,
    opened_at: Option<Timestamp>,
    version: u64,
    retags: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RemovedLine<'a> {
    events: u64,
    first: Position,
    last: Position,
    #[serde(borrow)]
    checksum: Cow<'a, str>,
    shared_with: Cow<'a, [u64]>,
    at: Timestamp,
}

/// An event that is in an archive.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TombstoneLine {
    position: Position,
    id: Uuid,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RetagLine<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    kind: Cow<'a, str>,
    state: RewriteState,
    up_to: Position,
    events: u64,
    changed: u64,
    #[serde(borrow)]
    actor: Option<Cow<'a, str>>,
    started_at: Timestamp,
    updated_at: Timestamp,
    version: u64,
}

impl<'a> ArchiveLine<'a> {
    pub(super) fn new(archive: &'a Archive) -> Self {
        let removed = archive.removed.as_ref().map(|removed| RemovedLine {
            events: removed.events,
            first: removed.first,
            last: removed.last,
            checksum: removed.checksum.as_str().into(),
            shared_with: Cow::Borrowed(&removed.shared_with),
            at: removed.at,
        });
        Self {
            number: archive.number,
            ids: Cow::Borrowed(&archive.ids),
            state: archive.state,
            up_to: archive.up_to,
            file: archive.file.as_str().into(),
            actor: archive.actor.as_deref().map(Cow::Borrowed),
            closed_at: archive.closed_at,
            removed,
            opened_at: archive.opened_at,
            version: archive.version,
            retags: archive.retags,
        }
    }

    pub(super) fn into_archive(self) -> Result<Archive, BoxError> {
        let removed = self.removed.map(|removed| RemovedEvents {
            events: removed.events,
            first: removed.first,
            last: removed.last,
            checksum: removed.checksum.into_owned(),
            shared_with: removed.shared_with.into_owned(),
            at: removed.at,
        });
        let archive = Archive {
            number: self.number,
            ids: self.ids.into_owned(),
            state: self.state,
            up_to: self.up_to,
            file: self.file.into_owned(),
            actor: self.actor.map(Cow::into_owned),
            closed_at: self.closed_at,
            removed,
            opened_at: self.opened_at,
            version: self.version,
            retags: self.retags,
        };
        check_archive(&archive)?;
        Ok(archive)
    }
}

impl TombstoneLine {
    pub(super) fn new(event: EventRef) -> Self {
        Self { position: event.position, id: event.id }
    }

    pub(super) fn into_event(self) -> Result<EventRef, BoxError> {
        match self.id.is_nil() {
            true => Err("a tombstone has the id of an event, not 0".into()),
            false => Ok(EventRef { position: self.position, id: self.id }),
        }
    }
}

impl<'a> RetagLine<'a> {
    pub(super) fn new(retag: &'a Rewrite) -> Self {
        Self {
            name: retag.name.as_str().into(),
            kind: retag.target.to_text().into(),
            state: retag.state,
            up_to: retag.up_to,
            events: retag.events,
            changed: retag.changed,
            actor: retag.actor.as_deref().map(Cow::Borrowed),
            started_at: retag.started_at,
            updated_at: retag.updated_at,
            version: retag.version,
        }
    }

    pub(super) fn into_retag(self) -> Result<Rewrite, BoxError> {
        let retag = Rewrite {
            name: self.name.into_owned(),
            target: RewriteTarget::from_text(&self.kind).ok_or("the kind of the retag is not valid")?,
            state: self.state,
            up_to: self.up_to,
            events: self.events,
            changed: self.changed,
            actor: self.actor.map(Cow::into_owned),
            started_at: self.started_at,
            updated_at: self.updated_at,
            version: self.version,
        };
        check_event_name(&retag.name)?;
        check_actor(retag.actor.as_deref())?;
        let is_valid = retag.target.check().is_ok()
            && (1..=MAX_NUMBER).contains(&retag.version)
            && retag.events.max(retag.changed) <= MAX_NUMBER;
        match is_valid {
            true => Ok(retag),
            false => Err("the kind, the version or a count of the retag is not valid".into()),
        }
    }
}

fn check_actor(actor: Option<&str>) -> Result<(), BoxError> {
    Ok(actor.map_or(Ok(()), |actor| check_name("actor", actor))?)
}

/// Checks what a store would not have written.
fn check_archive(archive: &Archive) -> Result<(), BoxError> {
    check_actor(archive.actor.as_deref())?;
    Archive::check_file(&archive.file)?;
    let is_numbered = (1..MAX_NUMBER).contains(&archive.number)
        && archive.version <= MAX_NUMBER
        && archive.retags <= MAX_NUMBER;
    let has_ids = (1..=Archive::MAX_IDS).contains(&archive.ids.len())
        && archive.ids.is_sorted_by(|one, next| one < next);
    let has_state = match archive.state {
        ArchiveState::Closing => archive.removed.is_none() && archive.opened_at.is_none(),
        ArchiveState::Complete => archive.removed.is_some() && archive.opened_at.is_none(),
        ArchiveState::Opened => archive.opened_at.is_some(),
    };
    let has_version = archive.removed.is_some() == (archive.version > 0);
    let problem = match (is_numbered, has_ids, has_state && has_version) {
        (false, ..) => "its number or a version is not valid",
        (_, false, _) => "its ids are not sorted, or too many or none",
        (.., false) => "it does not have what belongs to its state",
        _ => return archive.removed.as_ref().map_or(Ok(()), |removed| check_removed(archive, removed)),
    };
    Err(format!("archive {}: {problem}", archive.number).into())
}

fn check_removed(archive: &Archive, removed: &RemovedEvents) -> Result<(), BoxError> {
    let RemovedEvents { events, first, last, checksum, shared_with, .. } = removed;
    let has_ends = match events {
        0 => *first == Position::START && *last == Position::START,
        _ => *first > Position::START && first <= last && *events <= last.get() - first.get() + 1,
    };
    let is_hexadecimal = checksum.bytes().all(|byte| byte.is_ascii_hexdigit()) && checksum.len() <= 128;
    let has_earlier = shared_with.is_sorted_by(|one, next| one < next)
        && shared_with.iter().all(|number| (1..archive.number).contains(number));
    match has_ends && *last <= archive.up_to && is_hexadecimal && has_earlier {
        true => Ok(()),
        false => {
            Err(format!("archive {}: what it says of the removed events is not valid", archive.number).into())
        }
    }
}

/// A text that changes whenever events leave the log or return, and whenever a retag may have added tags; `None` before.
pub(super) fn changes(archives: &[Archive], retags: &[Rewrite]) -> Option<String> {
    let mut text = String::new();
    for archive in archives.iter().filter(|archive| archive.version > 0) {
        // Writing to a string does not fail.
        let _ = writeln!(text, "archive {} {}", archive.number, archive.version);
    }
    for Rewrite { name, target, state, up_to, version, .. } in retags {
        let kind = target.to_text();
        let _ = writeln!(text, "retag {name} {kind} {state:?} {up_to} {version}");
    }
    (!text.is_empty()).then(|| hexadecimal(Sha256::digest(text).as_slice()))
}
