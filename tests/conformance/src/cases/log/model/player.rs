//! Plays a script on the store and on the model and compares the results.

use std::sync::Arc;

use annalist_core::{
    Error, Invalid,
    criteria::Criteria,
    record::{Metadata, Position, Record},
    store::{
        Append, AppendOutcome, CommandKey, Condition, Entry, FeedPage, Marker, Outcome as JournalOutcome,
        PageLimit, Prefix, Read, Receipt,
    },
};
use annalist_memory::Memory;

use super::step::{ScriptedAppend, Step};
use crate::{
    failure::Outcome,
    support::{fixtures::*, handle::Handle, log::Log},
};

/// The store and the model.
pub(super) struct Player {
    log: Log,
    store: Handle,
    model: Handle,
    /// The positions in the store of the events that the model has at 1, 2, 3 ….
    positions: Vec<Position>,
    /// The reads so far, with the markers of both sides.
    reads: Vec<PastRead>,
    /// The numbers of the store's journal entries that were read.
    entries: Vec<u64>,
}

struct PastRead {
    criteria: Criteria,
    store: Marker,
    model: Marker,
}

/// The result of one side, comparable with that of the other.
#[derive(Debug, PartialEq)]
enum Comparable<T> {
    Value(T),
    IdReused,
}

fn comparable<T>(result: Result<T, Error>) -> Outcome<Comparable<T>> {
    match result {
        Ok(result) => Ok(Comparable::Value(result)),
        Err(Error::Invalid(Invalid::CommandIdReused { .. })) => Ok(Comparable::IdReused),
        Err(error) => Err(error.into()),
    }
}

impl Player {
    pub(super) async fn new(log: Log) -> Outcome<Self> {
        let model = Handle::new(Arc::new(Memory::new()));
        Ok(Self { store: (*log).clone(), log, model, positions: vec![], reads: vec![], entries: vec![] })
    }

    pub(super) async fn play(&mut self, steps: Vec<Step>) -> Outcome {
        for (number, step) in steps.into_iter().enumerate() {
            let played = self.step(step).await;
            played.map_err(|failure| failure.in_context(format_args!("step {number}")))?;
        }
        // At the end both logs must be equal.
        self.read(Criteria::all(), None, None).await?;
        self.feed(Criteria::all(), 0, PageLimit::records(usize::MAX)).await?;
        self.journal(0, PageLimit::records(usize::MAX)).await
    }

    async fn step(&mut self, step: Step) -> Outcome {
        match step {
            Step::Read { criteria, after, up_to } => self.read(criteria, after, up_to).await,
            Step::Append(scripted_append) => self.append(scripted_append).await,
            Step::Feed { filter, after, limit } => self.feed(filter, after, limit).await,
            Step::Receipt { id, command } => self.receipt(id, command).await,
            Step::PrefixAt(second) => self.prefix_at(second).await,
            Step::Journal { after, limit } => self.journal(after, limit).await,
            Step::Purge(second) => self.purge(second).await,
            Step::Reopen => {
                self.store = self.log.open_handle().await?;
                Ok(())
            }
        }
    }

    async fn read(&mut self, criteria: Criteria, after: Option<usize>, up_to: Option<usize>) -> Outcome {
        let bound = |number: Option<usize>, none| {
            number.map_or(none, |n| Position::new((n % (self.positions.len() + 1)) as u64))
        };
        let (after, up_to) = (bound(after, Position::START), bound(up_to, Position::END));
        let expected = self.model.read_one(Read::all(criteria.clone()).after(after).up_to(up_to)).await?;
        let read = Read::all(criteria.clone()).after(self.in_store(after)).up_to(self.in_store(up_to));
        let found = self.store.read_one(read).await?;
        ensure_eq!(self.records_in_model(found.records), expected.records, "records of a read");
        self.reads.push(PastRead { criteria, store: found.marker, model: expected.marker });
        Ok(())
    }

    async fn append(&mut self, scripted_append: ScriptedAppend) -> Outcome {
        let (for_store, for_model) = self.both(scripted_append);
        let expected = comparable(self.model.append_one(for_model.clone()).await)?;
        let found = comparable(self.store.append_one(for_store).await)?;
        match (found, expected) {
            (
                Comparable::Value(AppendOutcome::Appended(found)),
                Comparable::Value(AppendOutcome::Appended(expected)),
            ) => {
                self.positions.extend(found.events.iter().map(|event| event.position));
                ensure!(
                    self.positions.is_sorted_by(|a, b| a < b),
                    "positions must grow, but are {:?}",
                    self.positions
                );
                ensure_eq!(self.receipt_in_model(found), expected, "receipt of an append");
            }
            (
                Comparable::Value(AppendOutcome::Conflict { condition, conflicting_position, .. }),
                Comparable::Value(AppendOutcome::Conflict { .. }),
            ) => {
                // The store may report any of the failing conditions: the model checks this one alone.
                let reported = for_model.conditions.into_iter().nth(condition);
                let alone = Append { conditions: reported.into_iter().collect(), ..Append::default() };
                let conflicting_position = self.position_in_model(conflicting_position);
                ensure_eq!(
                    self.model.append_one(alone).await?,
                    AppendOutcome::Conflict { index: 0, condition: 0, conflicting_position },
                    "outcome of the model for condition {condition}, which the store reports as failed"
                );
            }
            (Comparable::Value(AppendOutcome::Duplicate { index, receipt }), expected) => {
                let receipt = self.receipt_in_model(receipt);
                let found = Comparable::Value(AppendOutcome::Duplicate { index, receipt });
                ensure_eq!(found, expected, "outcome of an append");
            }
            (found, expected) => ensure_eq!(found, expected, "outcome of an append"),
        }
        Ok(())
    }

    /// The same append for both sides, with the markers of each.
    fn both(&self, scripted_append: ScriptedAppend) -> (Append, Append) {
        let ScriptedAppend { events, reads, unread, key, journal, second } = scripted_append;
        let draft = |(name, tags): (String, Vec<String>)| {
            event(name, &tags.iter().map(String::as_str).collect::<Vec<_>>())
        };
        let mut base = append(events.into_iter().map(draft)).recorded_at(second);
        base.key = key.map(|(id, command)| scripted_key(id, command));
        base = match journal {
            Some(body) if base.events.is_empty() && base.key.is_none() => {
                base.with_rejection(&body.to_string(), "no")
            }
            Some(body) => base.with_journal(&body.to_string()),
            None => base,
        };
        let mut metadata = Metadata::default();
        metadata.actor = Some(name("ann"));
        base = base.with_metadata(metadata);
        if let Some(criteria) = unread {
            base = base.if_unchanged(criteria, Marker::START);
        }
        let (mut for_store, mut for_model) = (base.clone(), base);
        for number in reads.into_iter().filter(|_| !self.reads.is_empty()) {
            let PastRead { criteria, store, model } = &self.reads[number % self.reads.len()];
            for_store.conditions.push(Condition { criteria: criteria.clone(), marker: *store });
            for_model.conditions.push(Condition { criteria: criteria.clone(), marker: *model });
        }
        (for_store, for_model)
    }

    async fn feed(&mut self, filter: Criteria, after: usize, limit: PageLimit) -> Outcome {
        self.settle().await?;
        let after = Position::new((after % (self.positions.len() + 1)) as u64);
        let expected = self.model.feed(&filter, after, limit).await?;
        let FeedPage { records, up_to, is_full, .. } =
            self.store.feed(&filter, self.in_store(after), limit).await?;
        ensure_eq!(self.records_in_model(records), expected.records, "records of a feed page");
        ensure_eq!(self.last_in_model(up_to), expected.up_to, "end of a feed page");
        ensure_eq!(is_full, expected.is_full, "whether a feed page with {limit:?} is full");
        Ok(())
    }

    async fn receipt(&mut self, id: u8, command: bool) -> Outcome {
        let key = scripted_key(id, command);
        let expected = comparable(self.model.receipt(&key).await)?;
        let found = match comparable(self.store.receipt(&key).await)? {
            Comparable::Value(found) => {
                Comparable::Value(found.map(|receipt| self.receipt_in_model(receipt)))
            }
            Comparable::IdReused => Comparable::IdReused,
        };
        ensure_eq!(found, expected, "receipt of a command id");
        Ok(())
    }

    async fn prefix_at(&mut self, second: i64) -> Outcome {
        self.settle().await?;
        let time = seconds_since_1970(second);
        let found = self.store.prefix_at(time).await?;
        let found = Prefix { up_to: self.last_in_model(found.up_to), ..found };
        ensure_eq!(found, self.model.prefix_at(time).await?, "prefix at {second} s");
        Ok(())
    }

    async fn journal(&mut self, after: usize, limit: PageLimit) -> Outcome {
        let after = after % (self.entries.len() + 1);
        let number = after.checked_sub(1).map_or(0, |index| self.entries[index]);
        let found = self.store.journal(number, limit).await?;
        self.entries.truncate(after);
        self.entries.extend(found.iter().map(|entry| entry.number));
        ensure!(
            self.entries.is_sorted_by(|a, b| a < b),
            "numbers of journal entries must grow, but are {:?}",
            self.entries
        );
        let found: Vec<Entry> = found
            .into_iter()
            .zip(after as u64 + 1..)
            .map(|(entry, number)| self.entry_in_model(entry, number))
            .collect();
        ensure_eq!(found, self.model.journal(after as u64, limit).await?, "journal entries");
        Ok(())
    }

    async fn purge(&mut self, second: i64) -> Outcome {
        let before = seconds_since_1970(second);
        ensure_eq!(
            self.store.purge_command_ids(before, CommandKey::ALL_IDS).await?,
            self.model.purge_command_ids(before, CommandKey::ALL_IDS).await?,
            "number of command ids purged"
        );
        Ok(())
    }

    async fn settle(&self) -> Outcome {
        self.store.wait_until_settled(self.positions.last().copied().unwrap_or(Position::START)).await
    }

    /// The position in the store of the event that the model has at a position.
    fn in_store(&self, position: Position) -> Position {
        match usize::try_from(position.get()) {
            Ok(0) => Position::START,
            Ok(number) if number <= self.positions.len() => self.positions[number - 1],
            _ => Position::END,
        }
    }

    /// The position in the model of the event that the store has at a position, or the end if there is none.
    fn position_in_model(&self, position: Position) -> Position {
        self.positions.binary_search(&position).map_or(Position::END, |index| Position::new(index as u64 + 1))
    }

    /// The position in the model of the last event up to a position of the store.
    fn last_in_model(&self, position: Position) -> Position {
        Position::new(self.positions.partition_point(|one| *one <= position) as u64)
    }

    fn records_in_model(&self, mut records: Vec<Record>) -> Vec<Record> {
        records.iter_mut().for_each(|record| record.position = self.position_in_model(record.position));
        records
    }

    fn receipt_in_model(&self, mut receipt: Receipt) -> Receipt {
        receipt.events.iter_mut().for_each(|event| event.position = self.position_in_model(event.position));
        receipt
    }

    fn entry_in_model(&self, mut entry: Entry, number: u64) -> Entry {
        entry.number = number;
        if let JournalOutcome::Accepted(positions) = &mut entry.outcome {
            positions.iter_mut().for_each(|position| *position = self.position_in_model(*position));
        }
        entry
    }
}

fn scripted_key(id: u8, command: bool) -> CommandKey {
    command_key(format!("c-{id}"), if command { "open" } else { "close" }, &[])
}
