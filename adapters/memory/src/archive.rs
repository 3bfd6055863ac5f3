//! Closed ids, and the events that leave the log for an archive.

use std::collections::{BTreeSet, HashMap};

use annalist_core::{
    criteria::{Criteria, Item},
    error::{Error, Invalid},
    record::{Position, Record},
    store::{Archive, ArchiveStep, Restore, RestoreStep, Successors},
    tag::Tag,
};

use crate::records::Records;

const LOG: &str = "log in memory";

/// The archives of a log.
#[derive(Debug, Default)]
pub(crate) struct Archives {
    /// By their numbers.
    all: Vec<Archive>,
    /// The closed ids, with the numbers of their archives.
    closed: HashMap<Tag, u64>,
}

impl Archives {
    pub(crate) fn all(&self) -> &[Archive] {
        &self.all
    }

    /// Adds or replaces an archive of another log.
    pub(crate) fn import(&mut self, archive: Archive) {
        self.closed.retain(|_, number| *number != archive.number);
        if archive.is_closed() {
            self.close(&archive);
        }
        self.put(archive);
    }

    /// Checks that none of these ids is closed.
    pub(crate) fn check<'a>(&self, mut ids: impl Iterator<Item = &'a Tag>) -> Result<(), Invalid> {
        if self.closed.is_empty() {
            return Ok(());
        }
        let refused = ids.find_map(|id| Some(self.of(*self.closed.get(id)?)?.refused(id)));
        refused.map_or(Ok(()), Err)
    }

    /// The last position of an event that has left the log, ever.
    pub(crate) fn last_removed(&self) -> Position {
        let removed = self.all.iter().filter_map(|archive| archive.removed.as_ref());
        removed.map(|removed| removed.last).max().unwrap_or_default()
    }

    /// Begins to open the ids of an archive again.
    pub(crate) fn begin_restore(
        &self,
        step: &RestoreStep,
        successors: &Successors,
    ) -> Result<Restore, Error> {
        Restore::begin(step, &self.all, successors, LOG)
    }

    /// Puts the events of an archive back, and opens its ids.
    pub(crate) fn restore(
        &mut self,
        mut restore: Restore,
        returning: Vec<Record>,
        records: &mut Records,
    ) -> Result<Archive, Error> {
        if !restore.is_change() {
            return Ok(restore.archive().clone());
        }
        restore.add_read(&returning)?;
        if records.has_tombstones_of(&returning) {
            restore.add_returned(returning.len() as u64);
        }
        let archive = restore.finish()?;
        records.put_back(returning);
        self.closed.retain(|_, number| *number != archive.number);
        self.put(archive.clone());
        Ok(archive)
    }

    /// Writes a step: closes ids, or removes their events.
    pub(crate) fn write(
        &mut self,
        step: &ArchiveStep,
        records: &mut Records,
        successors: &Successors,
    ) -> Result<Archive, Error> {
        let change = step.apply(&self.all, records.head(), successors, LOG)?;
        if !change.is_change {
            return Ok(change.archive);
        }
        let archive = change.archive;
        match step {
            ArchiveStep::Close { .. } => {
                self.close(&archive);
            }
            ArchiveStep::Remove { .. } => {
                let leaving = self.leaving(&archive, records);
                let first = leaving.first().copied().unwrap_or_default();
                let last = leaving.last().copied().unwrap_or_default();
                step.check_removed(leaving.len() as u64, first, last, LOG)?;
                records.remove(&leaving);
            }
        }
        self.put(archive.clone());
        Ok(archive)
    }

    /// The positions of the events that have an id of an archive, and whose ids are all closed.
    fn leaving(&self, archive: &Archive, records: &Records) -> BTreeSet<Position> {
        let items = archive.ids.iter().map(|id| Item::any().tag(id.clone()));
        let criteria = items.fold(Criteria::none(), Criteria::or);
        let is_closed = |record: &&Record| record.tags.iter().all(|tag| self.closed.contains_key(tag));
        let leaving = records.matching(&criteria, Position::START).filter(is_closed);
        leaving.map(|record| record.position).collect()
    }

    fn close(&mut self, archive: &Archive) {
        self.closed.extend(archive.ids.iter().map(|id| (id.clone(), archive.number)));
    }

    fn of(&self, number: u64) -> Option<&Archive> {
        self.all.iter().find(|archive| archive.number == number)
    }

    fn put(&mut self, archive: Archive) {
        match self.all.iter_mut().find(|one| one.number == archive.number) {
            Some(stored) => *stored = archive,
            None => {
                self.all.push(archive);
                self.all.sort_unstable_by_key(|archive| archive.number);
            }
        }
    }
}
