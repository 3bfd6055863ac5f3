//! The log itself, without locks and futures. A position is an index into the records plus 1.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
};

use annalist_core::{
    criteria::Criteria,
    error::Error,
    record::{Metadata, Position, Record},
    store::{
        Append, AppendOutcome, Batch, CommandKey, Condition, Entry, EventRef, FeedPage, JournalRecord, LogId,
        Marker, Outcome, Prefix, Read, Receipt, StoredType,
    },
    time::Timestamp,
};

#[derive(Debug)]
pub(crate) struct Log {
    id: LogId,
    records: Vec<Record>,
    commands: HashMap<String, Accepted>,
    journal: Vec<Entry>,
}

/// An accepted command.
#[derive(Debug)]
struct Accepted {
    key: CommandKey,
    recorded_at: Timestamp,
    receipt: Receipt,
}

impl Default for Log {
    fn default() -> Self {
        Self { id: LogId::fresh(), records: Vec::new(), commands: HashMap::new(), journal: Vec::new() }
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
        Position::new(self.records.len() as u64)
    }

    /// Returns why an append, the one at `index` of its call, is refused, if it is.
    pub(crate) fn refusal(&self, index: usize, append: &Append) -> Result<Option<AppendOutcome>, Error> {
        if let Some(key) = &append.key
            && let Some(receipt) = self.receipt(key)?
        {
            return Ok(Some(AppendOutcome::Duplicate { index, receipt }));
        }
        let mut conditions = append.conditions.iter().enumerate();
        Ok(conditions.find_map(|(condition, one)| {
            let conflicting_position = self.conflicting_position(one)?;
            Some(AppendOutcome::Conflict { index, condition, conflicting_position })
        }))
    }

    pub(crate) fn write(&mut self, append: Append) -> Receipt {
        let Append { events, recorded_at, metadata, key, journal, conditions: _, inline: _ } = append;
        let mut receipt = Receipt::default();
        for draft in events {
            let position = Position::new(self.head().get() + 1);
            receipt.events.push(EventRef { position, id: draft.id() });
            self.records.push(draft.record(position, recorded_at, metadata.clone()));
        }
        if let Some(record) = journal {
            self.write_journal(record, recorded_at, metadata, &receipt);
        }
        if let Some(key) = key {
            let accepted = Accepted { key: key.clone(), recorded_at, receipt: receipt.clone() };
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
        let number = self.journal.len() as u64 + 1;
        self.journal.push(Entry { number, recorded_at, metadata, body: record.body, outcome });
    }

    pub(crate) fn receipt(&self, key: &CommandKey) -> Result<Option<Receipt>, Error> {
        let Some(accepted) = self.commands.get(key.id()) else { return Ok(None) };
        key.check(accepted.key.command(), accepted.key.scope())?;
        Ok(Some(accepted.receipt.clone()))
    }

    /// Returns the newest event that violates a condition.
    fn conflicting_position(&self, condition: &Condition) -> Option<Position> {
        let Condition { criteria, marker } = condition;
        let newer =
            self.after(marker.settled()).filter(|record| criteria.matches(&record.name, &record.tags));
        let newer: Vec<Position> = newer.map(|record| record.position).collect();
        if newer.len() as u64 == marker.seen_unsettled() { None } else { newer.last().copied() }
    }

    pub(crate) fn stored_types(&self) -> Vec<StoredType> {
        let mut types: BTreeMap<&str, StoredType> = BTreeMap::new();
        for Record { name, position, .. } in &self.records {
            let first = || StoredType { name: name.to_string(), first: *position, last: *position };
            types.entry(name).or_insert_with(first).last = *position;
        }
        types.into_values().collect()
    }

    pub(crate) fn read(&self, read: &Read) -> Batch {
        let records = self
            .after(read.after)
            .take_while(|record| record.position <= read.up_to)
            .filter(|record| read.criteria.matches(&record.name, &record.tags))
            .cloned()
            .collect();
        Batch { records, marker: Marker::new(self.head().min(read.up_to), 0) }
    }

    pub(crate) fn feed(&self, filter: &Criteria, after: Position, limit: usize) -> FeedPage {
        let matching = self.after(after).filter(|record| filter.matches(&record.name, &record.tags));
        let records: Vec<Record> = matching.take(limit).cloned().collect();
        let up_to = match records.last() {
            Some(last) if records.len() == limit => last.position,
            _ if limit == 0 => after,
            _ => self.head().max(after),
        };
        FeedPage { records, up_to, gap: None }
    }

    pub(crate) fn count(&self, criteria: &Criteria, after: Position, up_to: Position) -> u64 {
        let records = self.after(after).take_while(|record| record.position <= up_to);
        records.filter(|record| criteria.matches(&record.name, &record.tags)).count() as u64
    }

    pub(crate) fn prefix_at(&self, time: Timestamp) -> Prefix {
        let later = self.records.iter().position(|record| record.recorded_at > time);
        let index = later.unwrap_or(self.records.len());
        let hidden = self.records[index..].iter().filter(|record| record.recorded_at <= time);
        Prefix { up_to: Position::new(index as u64), hidden: hidden.count() as u64 }
    }

    pub(crate) fn journal(&self, after: u64, limit: usize) -> Vec<Entry> {
        self.journal.iter().filter(|entry| entry.number > after).take(limit).cloned().collect()
    }

    pub(crate) fn purge_command_ids(&mut self, before: Timestamp, ids: &Range<&str>) -> u64 {
        let before_purge = self.commands.len();
        self.commands.retain(|id, accepted| accepted.recorded_at >= before || !ids.contains(&id.as_str()));
        (before_purge - self.commands.len()) as u64
    }

    /// The records after a position.
    fn after(&self, position: Position) -> impl Iterator<Item = &Record> {
        let start = usize::try_from(position.get()).unwrap_or(usize::MAX).min(self.records.len());
        self.records[start..].iter()
    }
}
