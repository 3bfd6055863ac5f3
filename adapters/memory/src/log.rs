//! The log itself, without locks and futures.

use std::{
    collections::BTreeMap,
    ops::{Bound, Range},
    sync::Arc,
};

use annalist_core::{
    criteria::{Criteria, Item},
    error::Error,
    record::{Metadata, Position, Record},
    store::{
        AcceptedCommand, Append, AppendOutcome, Archive, ArchiveStep, Batch, CommandKey, Condition, Entry,
        EventRef, FeedPage, JournalRecord, LogId, Marker, Outcome, PageBuilder, PageLimit, Prefix, Read,
        Receipt, Restore, RestoreStep, Rewrite, RewriteStep, RewriteTarget, StoredType, Successor,
        Successors,
    },
    time::Timestamp,
};

use crate::{archive::Archives, records::Records};

#[derive(Debug)]
pub(crate) struct Log {
    id: LogId,
    records: Records,
    commands: BTreeMap<String, AcceptedCommand>,
    journal: Vec<Entry>,
    /// The number of the last journal entry, which may be purged.
    last_entry: u64,
    /// Whether an import is in progress.
    importing: bool,
    successors: Successors,
    archives: Archives,
}

/// What an import has written.
#[derive(Debug, Default)]
pub(crate) struct Imported {
    pub(crate) records: Records,
    pub(crate) commands: BTreeMap<String, AcceptedCommand>,
    pub(crate) journal: BTreeMap<u64, Entry>,
    /// By their older names and names.
    pub(crate) successors: BTreeMap<(String, String), Successor>,
    pub(crate) archives: Archives,
    /// By the names of the events and what is changed.
    pub(crate) retags: BTreeMap<(String, RewriteTarget), Rewrite>,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            id: LogId::fresh(),
            records: Records::default(),
            commands: BTreeMap::new(),
            journal: Vec::new(),
            last_entry: 0,
            importing: false,
            successors: Successors::default(),
            archives: Archives::default(),
        }
    }
}

impl Log {
    pub(crate) fn id(&self) -> LogId {
        self.id
    }

    pub(crate) fn last(&self) -> Option<&Record> {
        self.records.last()
    }

    pub(crate) fn head(&self) -> Position {
        self.records.head()
    }

    /// Returns why an append, the one at `index` of its call, is refused, if it is.
    pub(crate) fn refusal(&self, index: usize, append: &Append) -> Result<Option<AppendOutcome>, Error> {
        if let Some(key) = &append.key
            && let Some(receipt) = self.receipt(key)?
        {
            return Ok(Some(AppendOutcome::Duplicate { index, receipt }));
        }
        self.archives.check(Archive::ids_of_append(append))?;
        if append.successors.as_ref().is_some_and(|known| known.version != self.successors.version) {
            return Ok(Some(AppendOutcome::SuccessorsChanged { index }));
        }
        let mut conditions = append.conditions.iter().enumerate();
        Ok(conditions.find_map(|(condition, one)| {
            let conflicting_position = self.conflicting_position(one)?;
            Some(AppendOutcome::Conflict { index, condition, conflicting_position })
        }))
    }

    pub(crate) fn write(&mut self, append: Append) -> Receipt {
        if let Some(known) = &append.successors {
            let positions = (self.head().get() + 1..).map(Position::new);
            let new = known.to_add(&self.successors, append.events.iter().zip(positions));
            self.successors.add(new);
        }
        let Append { events, recorded_at, metadata, key, journal, .. } = append;
        let mut receipt = Receipt::default();
        receipt.events.reserve_exact(events.len());
        for draft in events {
            let position = Position::new(self.head().get() + 1);
            receipt.events.push(EventRef { position, id: draft.id() });
            self.records.push(draft.record(position, recorded_at, Arc::clone(&metadata)));
        }
        if let Some(record) = journal {
            self.write_journal(record, recorded_at, Metadata::clone(&metadata), &receipt);
        }
        if let Some(key) = key {
            let accepted = AcceptedCommand { key: key.clone(), recorded_at, receipt: receipt.clone() };
            self.commands.insert(key.id().to_owned(), accepted);
        }
        receipt
    }

    fn write_journal(
        &mut self,
        record: JournalRecord,
        recorded_at: Timestamp,
        metadata: Metadata,
        receipt: &Receipt,
    ) {
        let outcome = match record.rejection {
            Some(error) => Outcome::Rejected(error),
            None => Outcome::Accepted(receipt.events.iter().map(|event| event.position).collect()),
        };
        self.last_entry += 1;
        self.journal.push(Entry {
            number: self.last_entry,
            recorded_at,
            metadata,
            body: record.body,
            outcome,
        });
    }

    pub(crate) fn receipt(&self, key: &CommandKey) -> Result<Option<Receipt>, Error> {
        let Some(accepted) = self.commands.get(key.id()) else { return Ok(None) };
        key.check(accepted.key.command(), accepted.key.scope())?;
        Ok(Some(accepted.receipt.clone()))
    }

    /// Returns the newest event that violates a condition.
    fn conflicting_position(&self, condition: &Condition) -> Option<Position> {
        if let Some(removed) = Archive::unseen_removal(condition, self.archives.last_removed()) {
            return Some(removed);
        }
        let Condition { criteria, marker } = condition;
        let newer = self.records.matching(criteria, marker.settled());
        let (count, newest) = newer.fold((0, None), |(count, _), record| (count + 1, Some(record.position)));
        newest.filter(|_| count != marker.seen_unsettled())
    }

    pub(crate) fn stored_types(&self) -> Vec<StoredType> {
        self.records.types()
    }

    pub(crate) fn count_type(&self, name: &str, version: Option<u32>) -> u64 {
        self.records.count_type(name, version) as u64
    }

    pub(crate) fn successors(&self) -> &Successors {
        &self.successors
    }

    /// Writes a step of a pass over stored events.
    pub(crate) fn rewrite(&mut self, step: &RewriteStep) -> Result<Rewrite, Error> {
        let Self { records, successors, .. } = self;
        let stored = successors.rewrite(&step.name, &step.target);
        let events = Criteria::from(Item::any().types([step.name.clone()]));
        let has_later = records.matching(&events, step.up_to).next().is_some();
        let Some(rewrite) = step.apply(stored, has_later, successors.version) else {
            return step.not_applied(stored.cloned(), "log in memory");
        };
        for (position, tags) in &step.tags {
            records.add_tags(*position, &step.name, tags);
        }
        for (position, payload) in &step.payloads {
            records.replace_payload(*position, &step.name, payload);
        }
        successors.put_rewrite(rewrite.clone());
        Ok(rewrite)
    }

    pub(crate) fn archives(&self) -> &[Archive] {
        self.archives.all()
    }

    pub(crate) fn tombstones(&self, after: Position, limit: PageLimit) -> Vec<EventRef> {
        self.records.tombstones(after).take(limit.records).collect()
    }

    /// Writes a step of an archive.
    pub(crate) fn archive(&mut self, step: &ArchiveStep) -> Result<Archive, Error> {
        let Self { records, archives, successors, .. } = self;
        let archive = archives.write(step, records, successors)?;
        successors.put_archived(archive.version);
        Ok(archive)
    }

    /// Begins to open the ids of an archive again.
    pub(crate) fn begin_restore(&self, step: &RestoreStep) -> Result<Restore, Error> {
        self.archives.begin_restore(step, &self.successors)
    }

    /// Opens the ids of an archive again, and puts its events back.
    pub(crate) fn restore(&mut self, step: &RestoreStep, returning: Vec<Record>) -> Result<Archive, Error> {
        let restore = self.begin_restore(step)?;
        let Self { records, archives, successors, .. } = self;
        let archive = archives.restore(restore, returning, records)?;
        successors.put_archived(archive.version);
        Ok(archive)
    }

    pub(crate) fn read(&self, read: &Read) -> Result<Batch, Error> {
        let records = self.page(read, PageLimit::records(usize::MAX))?.into_items();
        Ok(Batch { records, marker: Marker::new(self.head().min(read.up_to), 0) })
    }

    /// The first records of a read, as many as the limit allows.
    pub(crate) fn page(&self, read: &Read, limit: PageLimit) -> Result<PageBuilder, Error> {
        self.archives.check(Archive::ids_of(&read.criteria))?;
        let mut page = PageBuilder::new(limit);
        let records = self.records.matching(&read.criteria, read.after);
        for record in records.take_while(|record| record.position <= read.up_to) {
            // Before the record is copied.
            if !page.has_room_for(record.data.as_str().len()) {
                page.end();
                break;
            }
            page.add_record(if read.payload_only { record.payload_only() } else { record.clone() });
        }
        Ok(page)
    }

    pub(crate) fn feed(&self, filter: &Criteria, after: Position, limit: PageLimit) -> FeedPage {
        let mut page = PageBuilder::new(limit);
        let mut records = self.records.matching(filter, after);
        while !page.is_full()
            && let Some(record) = records.next()
        {
            page.add_record(record.clone());
        }
        page.into_page(after, self.head(), None, self.successors.version)
    }

    pub(crate) fn count(&self, criteria: &Criteria, after: Position, up_to: Position) -> u64 {
        let records = self.records.matching(criteria, after);
        records.take_while(|record| record.position <= up_to).count() as u64
    }

    pub(crate) fn prefix_at(&self, time: Timestamp) -> Prefix {
        let is_in_time = |record: &&Record| record.recorded_at <= time;
        let mut later = self.records.all().skip_while(is_in_time);
        let up_to = later.next().map_or(self.head(), |record| Position::new(record.position.get() - 1));
        Prefix { up_to, hidden: later.filter(is_in_time).count() as u64 }
    }

    pub(crate) fn journal(&self, after: u64, limit: PageLimit) -> Vec<Entry> {
        let mut page = PageBuilder::new(limit);
        let mut entries = self.journal_after(after);
        while !page.is_full()
            && let Some(entry) = entries.next()
        {
            page.add(entry.clone(), entry.body.as_str().len());
        }
        page.into_items()
    }

    pub(crate) fn purge_command_ids(&mut self, before: Timestamp, ids: &Range<&str>) -> u64 {
        let before_purge = self.commands.len();
        self.commands.retain(|id, accepted| accepted.recorded_at >= before || !ids.contains(&id.as_str()));
        (before_purge - self.commands.len()) as u64
    }

    pub(crate) fn purge_journal(&mut self, before: Timestamp) -> u64 {
        let before_purge = self.journal.len();
        self.journal.retain(|entry| entry.recorded_at >= before);
        (before_purge - self.journal.len()) as u64
    }

    pub(crate) fn command_ids(&self, after: &str, limit: PageLimit) -> Vec<AcceptedCommand> {
        let mut page = PageBuilder::new(limit);
        let mut commands = self.commands_after(Some(after));
        while !page.is_full()
            && let Some((_, command)) = commands.next()
        {
            page.add(command.clone(), command.size());
        }
        page.into_items()
    }

    /// Returns why nothing can be changed now, if an import is in progress.
    pub(crate) fn check_import(&self, operation: &str) -> Result<(), Error> {
        if !self.importing {
            return Ok(());
        }
        Err(Error::unavailable(
            format!("{operation} the log in memory"),
            "an import into this log is in progress",
        ))
    }

    /// Locks out appends until the end of an import.
    pub(crate) fn begin_import(&mut self) -> Result<(), Error> {
        self.check_import("import into")?;
        let Self { records, commands, journal, archives, successors, .. } = self;
        let has_changes = !archives.all().is_empty() || !successors.rewrites().is_empty();
        if records.last().is_some() || !commands.is_empty() || !journal.is_empty() || has_changes {
            let reason = "the log is not empty; import into a new one";
            return Err(Error::unusable("import into the log in memory", reason));
        }
        self.importing = true;
        Ok(())
    }

    /// Ends an import: with what it has written, or with an empty log.
    pub(crate) fn end_import(&mut self, imported: Option<Imported>) {
        if let Some(Imported { records, commands, journal, successors, archives, retags }) = imported {
            self.records = records;
            self.commands = commands;
            self.last_entry = journal.keys().last().copied().unwrap_or_default();
            self.journal = journal.into_values().collect();
            self.successors.add(successors.into_values().collect());
            retags.into_values().for_each(|retag| self.successors.put_rewrite(retag));
            archives.all().iter().for_each(|archive| self.successors.put_archived(archive.version));
            self.archives = archives;
        }
        self.importing = false;
    }

    pub(crate) fn records(&self) -> &Records {
        &self.records
    }

    /// The parts of the log, for tests that damage them.
    #[cfg(test)]
    pub(crate) fn damage(
        &mut self,
    ) -> (&mut Vec<Record>, &mut BTreeMap<String, AcceptedCommand>, &mut Vec<Entry>) {
        (self.records.damage(), &mut self.commands, &mut self.journal)
    }

    /// The successors, for tests that damage them.
    #[cfg(test)]
    pub(crate) fn damage_successors(&mut self) -> &mut Successors {
        &mut self.successors
    }

    /// The accepted commands after an id, in the order of their ids.
    pub(crate) fn commands_after(
        &self,
        id: Option<&str>,
    ) -> impl Iterator<Item = (&String, &AcceptedCommand)> {
        let after = id.map_or(Bound::Unbounded, Bound::Excluded);
        self.commands.range::<str, _>((after, Bound::Unbounded))
    }

    /// The journal entries after a number.
    pub(crate) fn journal_after(&self, number: u64) -> impl Iterator<Item = &Entry> {
        let start = self.journal.partition_point(|entry| entry.number <= number);
        self.journal[start..].iter()
    }
}

#[cfg(test)]
mod tests;
