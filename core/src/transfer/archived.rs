//! The archives of a log that is written by an import, and whether its tombstones fit them.

use std::collections::{BTreeSet, HashMap};

use super::error::TransferError;
use crate::{
    record::Position,
    store::{Archive, ArchiveState, EventRef, RemovedEvents, Rewrite},
    tag::Tag,
};

/// What was read of archives and retags so far. Each part has all of them again, as they were when it was written.
#[derive(Default)]
pub(super) struct Archived {
    /// Those of this part, by their numbers.
    archives: Vec<Archive>,
    /// The closed ids, with the numbers of their archives.
    closed: HashMap<Tag, u64>,
    retags: Vec<Rewrite>,
    /// How many archives and retags the part before it had.
    before: (usize, usize),
    /// The number of tombstones of all parts.
    tombstones: u64,
    /// Where the archives of this part have removed events; made at the first tombstone.
    ranges: Option<Ranges>,
    /// The first and last positions of removed events at which there is a tombstone.
    found: BTreeSet<Position>,
}

impl Archived {
    /// A part begins.
    pub(super) fn begin_part(&mut self) {
        self.before = (self.archives.len(), self.retags.len());
        self.archives.clear();
        self.retags.clear();
        self.closed.clear();
        self.ranges = None;
    }

    pub(super) fn add_retag(&mut self, retag: &Rewrite) {
        self.retags.push(retag.clone());
    }

    /// Adds the next archive.
    pub(super) fn add(&mut self, archive: &Archive) -> Result<(), TransferError> {
        let number = archive.number;
        let refuse = |reason: String| Err(TransferError::content(format!("archive {number}: {reason}")));
        let expected = self.archives.len() as u64 + 1;
        if number != expected {
            return refuse(format!(
                "the next one should be archive {expected}: each number is there once, in order"
            ));
        }
        if self.archives.iter().any(|one| one.state == ArchiveState::Closing) {
            return refuse("the one before it is not complete, so this one could not begin".to_owned());
        }
        for id in archive.ids.iter().filter(|_| archive.is_closed()) {
            if let Some(other) = self.closed.insert(id.clone(), number) {
                return refuse(format!("its id `{id}` is closed by archive {other}"));
            }
        }
        self.archives.push(archive.clone());
        Ok(())
    }

    /// Counts the next tombstone.
    pub(super) fn add_tombstone(&mut self, event: EventRef) -> Result<(), TransferError> {
        let position = event.position;
        let ranges = self.ranges.get_or_insert_with(|| Ranges::of(&self.archives));
        if !ranges.contain(position) {
            return Err(TransferError::content(format!(
                "no archive has the event of the tombstone at position {position}"
            )));
        }
        if ranges.ends.contains(&position) {
            self.found.insert(position);
        }
        self.tombstones += 1;
        Ok(())
    }

    /// Checks the end of a part: a log never loses archives and retags.
    pub(super) fn end_part(&self) -> Result<(), TransferError> {
        let (archives, retags) = self.before;
        if self.archives.len() >= archives && self.retags.len() >= retags {
            return Ok(());
        }
        Err(TransferError::content("the part lacks archives or retags that the part before it has"))
    }

    /// Checks that all tombstones of the archives were read, in a log that ends at a position.
    pub(super) fn finish(&self, end: Position) -> Result<(), TransferError> {
        let expected: u64 =
            removed_of(&self.archives).map(|removed| removed.events).fold(0, u64::saturating_add);
        let mut ends = removed_of(&self.archives).flat_map(|removed| [removed.first, removed.last]);
        if self.tombstones != expected || !ends.all(|end| self.found.contains(&end)) {
            return Err(TransferError::content(format!(
                "the archives have {expected} events, and there are tombstones of {}: a part or a line is missing",
                self.tombstones
            )));
        }
        let late = self.archives.iter().find(|archive| archive.up_to > end);
        if let Some(Archive { number, up_to, .. }) = late {
            return Err(TransferError::content(format!(
                "archive {number} was closed at position {up_to}, and the log ends at {end}: a part is missing"
            )));
        }
        match self.retags.iter().find(|retag| retag.up_to > end) {
            Some(Rewrite { name, up_to, .. }) => Err(TransferError::content(format!(
                "the events `{name}` got tags up to position {up_to}, and the log ends at {end}: a part is missing"
            ))),
            None => Ok(()),
        }
    }
}

/// Where a log has tombstones.
struct Ranges {
    /// The first and the last position of each range, in order and apart.
    ranges: Vec<(Position, Position)>,
    /// The first and the last position of the removed events of each archive.
    ends: BTreeSet<Position>,
}

impl Ranges {
    fn of(archives: &[Archive]) -> Self {
        let mut all: Vec<_> = removed_of(archives).map(|removed| (removed.first, removed.last)).collect();
        let ends = all.iter().flat_map(|(first, last)| [*first, *last]).collect();
        all.sort_unstable();
        let mut ranges: Vec<(Position, Position)> = Vec::new();
        for (first, last) in all {
            match ranges.last_mut().filter(|before| first <= before.1) {
                Some(before) => before.1 = before.1.max(last),
                None => ranges.push((first, last)),
            }
        }
        Self { ranges, ends }
    }

    fn contain(&self, position: Position) -> bool {
        let after = self.ranges.partition_point(|(first, _)| *first <= position);
        after
            .checked_sub(1)
            .and_then(|index| self.ranges.get(index))
            .is_some_and(|(_, last)| position <= *last)
    }
}

/// What is in archives, and not in the log.
pub(super) fn removed_of(archives: &[Archive]) -> impl Iterator<Item = &RemovedEvents> {
    let complete = archives.iter().filter(|archive| archive.state == ArchiveState::Complete);
    complete.filter_map(|archive| archive.removed.as_ref()).filter(|removed| removed.events > 0)
}
