//! Plays a script on two stores and compares their answers.

use std::sync::Arc;

use annalist_core::{
    Error, Invalid,
    criteria::Criteria,
    record::{Metadata, Position, Record},
    store::{
        Append, AppendOutcome, CommandKey, Condition, Entry, Marker, Outcome as Fate, Page, Read, Receipt,
    },
};
use annalist_memory::Memory;

use super::step::{Sent, Step};
use crate::{
    failure::Outcome,
    given::*,
    log::{Handle, Log},
};

/// Both sides of a script.
pub(super) struct Player {
    log: Log,
    store: Handle,
    model: Handle,
    /// Where the store has the events that the model has at 1, 2, 3 ….
    at: Vec<Position>,
    /// The reads so far, with the marker that each side gave.
    reads: Vec<Seen>,
    /// The numbers of the store's journal entries, as far as they were read.
    entries: Vec<u64>,
}

struct Seen {
    criteria: Criteria,
    store: Marker,
    model: Marker,
}

/// What one side answered, in terms that both sides share.
#[derive(Debug, PartialEq)]
enum Answer<T> {
    Given(T),
    IdReused,
}

fn shared<T>(answer: Result<T, Error>) -> Outcome<Answer<T>> {
    match answer {
        Ok(answer) => Ok(Answer::Given(answer)),
        Err(Error::Invalid(Invalid::CommandIdReused { .. })) => Ok(Answer::IdReused),
        Err(error) => Err(error.into()),
    }
}

impl Player {
    pub(super) async fn new(log: Log) -> Outcome<Self> {
        let model = Handle::new(Arc::new(Memory::new()));
        Ok(Self { store: (*log).clone(), log, model, at: vec![], reads: vec![], entries: vec![] })
    }

    pub(super) async fn play(&mut self, steps: Vec<Step>) -> Outcome {
        for (number, step) in steps.into_iter().enumerate() {
            let played = self.step(step).await;
            played.map_err(|failure| failure.within(format_args!("step {number}")))?;
        }
        // Whatever was played, both logs are the same in the end.
        self.read(Criteria::all(), None, None).await?;
        self.feed(Criteria::all(), 0, usize::MAX).await?;
        self.journal(0, usize::MAX).await
    }

    async fn step(&mut self, step: Step) -> Outcome {
        match step {
            Step::Read { criteria, after, up_to } => self.read(criteria, after, up_to).await,
            Step::Append(sent) => self.append(sent).await,
            Step::Feed { filter, after, limit } => self.feed(filter, after, limit).await,
            Step::Receipt { id, command } => self.receipt(id, command).await,
            Step::PositionAt(second) => self.position_at(second).await,
            Step::Journal { after, limit } => self.journal(after, limit).await,
            Step::Forget(second) => self.forget(second).await,
            Step::Reopen => {
                self.store = self.log.reopen().await?;
                Ok(())
            }
        }
    }

    async fn read(&mut self, criteria: Criteria, after: Option<usize>, up_to: Option<usize>) -> Outcome {
        let bound = |number: Option<usize>, none| {
            number.map_or(none, |n| Position::new((n % (self.at.len() + 1)) as u64))
        };
        let (after, up_to) = (bound(after, Position::START), bound(up_to, Position::END));
        let wanted = self.model.look(Read::all(criteria.clone()).after(after).up_to(up_to)).await?;
        let asked = Read::all(criteria.clone()).after(self.in_store(after)).up_to(self.in_store(up_to));
        let found = self.store.look(asked).await?;
        ensure_eq!(self.in_model(found.records), wanted.records, "the records of a read");
        self.reads.push(Seen { criteria, store: found.marker, model: wanted.marker });
        Ok(())
    }

    async fn append(&mut self, sent: Sent) -> Outcome {
        let (for_store, for_model) = self.both(sent);
        let wanted = shared(self.model.append_one(for_model.clone()).await)?;
        let found = shared(self.store.append_one(for_store).await)?;
        match (found, wanted) {
            (
                Answer::Given(AppendOutcome::Appended(found)),
                Answer::Given(AppendOutcome::Appended(wanted)),
            ) => {
                self.at.extend(found.events.iter().map(|event| event.position));
                ensure!(self.at.is_sorted_by(|a, b| a < b), "positions must grow: {:?}", self.at);
                ensure_eq!(self.receipt_in_model(found), wanted, "the receipt of an append");
            }
            (
                Answer::Given(AppendOutcome::Conflict { condition, conflicting_position, .. }),
                Answer::Given(AppendOutcome::Conflict { .. }),
            ) => {
                // Any of the conditions that fail may be named: the model is asked about this one alone.
                let named = for_model.conditions.into_iter().nth(condition);
                let alone = Append { conditions: named.into_iter().collect(), ..Append::default() };
                let conflicting_position = self.place_in_model(conflicting_position);
                ensure_eq!(
                    self.model.append_one(alone).await?,
                    AppendOutcome::Conflict { index: 0, condition: 0, conflicting_position },
                    "whether condition {condition} failed, and what it met"
                );
            }
            (Answer::Given(AppendOutcome::Duplicate { index, receipt }), wanted) => {
                let receipt = self.receipt_in_model(receipt);
                let found = Answer::Given(AppendOutcome::Duplicate { index, receipt });
                ensure_eq!(found, wanted, "the answer to an append");
            }
            (found, wanted) => ensure_eq!(found, wanted, "the answer to an append"),
        }
        Ok(())
    }

    /// The same append for both sides, each with its own markers.
    fn both(&self, sent: Sent) -> (Append, Append) {
        let Sent { events, reads, unread, key, journal, second } = sent;
        let draft = |(name, tags): (String, Vec<String>)| {
            event(name, &tags.iter().map(String::as_str).collect::<Vec<_>>())
        };
        let mut base = append(events.into_iter().map(draft)).at(second);
        base.key = key.map(|(id, command)| command_key(id, command));
        base = match journal {
            Some(body) if base.events.is_empty() && base.key.is_none() => {
                base.rejected(&body.to_string(), "no")
            }
            Some(body) => base.journaled(&body.to_string()),
            None => base,
        };
        let mut metadata = Metadata::default();
        metadata.actor = Some(name("ann"));
        base = base.with(metadata);
        if let Some(criteria) = unread {
            base = base.under(criteria, Marker::START);
        }
        let (mut for_store, mut for_model) = (base.clone(), base);
        for number in reads.into_iter().filter(|_| !self.reads.is_empty()) {
            let Seen { criteria, store, model } = &self.reads[number % self.reads.len()];
            for_store.conditions.push(Condition { criteria: criteria.clone(), marker: *store });
            for_model.conditions.push(Condition { criteria: criteria.clone(), marker: *model });
        }
        (for_store, for_model)
    }

    async fn feed(&mut self, filter: Criteria, after: usize, limit: usize) -> Outcome {
        self.settle().await?;
        let after = Position::new((after % (self.at.len() + 1)) as u64);
        let wanted = self.model.feed(&filter, after, limit).await?;
        let Page { records, up_to, .. } = self.store.feed(&filter, self.in_store(after), limit).await?;
        ensure_eq!(self.in_model(records), wanted.records, "the records of a page");
        ensure_eq!(self.last_in_model(up_to), wanted.up_to, "where a page ends");
        Ok(())
    }

    async fn receipt(&mut self, id: u8, command: bool) -> Outcome {
        let key = command_key(id, command);
        let wanted = shared(self.model.receipt(&key).await)?;
        let found = match shared(self.store.receipt(&key).await)? {
            Answer::Given(found) => Answer::Given(found.map(|receipt| self.receipt_in_model(receipt))),
            Answer::IdReused => Answer::IdReused,
        };
        ensure_eq!(found, wanted, "the receipt asked for");
        Ok(())
    }

    async fn position_at(&mut self, second: i64) -> Outcome {
        self.settle().await?;
        let time = seconds_since_1970(second);
        let found = self.store.position_at(time).await?;
        ensure_eq!(
            self.last_in_model(found),
            self.model.position_at(time).await?,
            "the position at {second} s"
        );
        Ok(())
    }

    async fn journal(&mut self, after: usize, limit: usize) -> Outcome {
        let after = after % (self.entries.len() + 1);
        let number = after.checked_sub(1).map_or(0, |index| self.entries[index]);
        let found = self.store.journal(number, limit).await?;
        self.entries.truncate(after);
        self.entries.extend(found.iter().map(|entry| entry.number));
        ensure!(self.entries.is_sorted_by(|a, b| a < b), "numbers of entries must grow: {:?}", self.entries);
        let found: Vec<Entry> = found
            .into_iter()
            .zip(after as u64 + 1..)
            .map(|(entry, number)| self.entry_in_model(entry, number))
            .collect();
        ensure_eq!(found, self.model.journal(after as u64, limit).await?, "entries of the journal");
        Ok(())
    }

    async fn forget(&mut self, second: i64) -> Outcome {
        let before = seconds_since_1970(second);
        ensure_eq!(
            self.store.purge_command_ids(before).await?,
            self.model.purge_command_ids(before).await?,
            "ids forgotten"
        );
        Ok(())
    }

    async fn settle(&self) -> Outcome {
        self.store.settle(self.at.last().copied().unwrap_or(Position::START)).await
    }

    /// Where the store has what the model has at a position.
    fn in_store(&self, position: Position) -> Position {
        match usize::try_from(position.get()) {
            Ok(0) => Position::START,
            Ok(number) if number <= self.at.len() => self.at[number - 1],
            _ => Position::END,
        }
    }

    /// Where the model has what the store has at a position, or nowhere.
    fn place_in_model(&self, position: Position) -> Position {
        self.at.binary_search(&position).map_or(Position::END, |index| Position::new(index as u64 + 1))
    }

    /// Where the model has the last event up to a position of the store, which may lie behind it.
    fn last_in_model(&self, position: Position) -> Position {
        Position::new(self.at.partition_point(|one| *one <= position) as u64)
    }

    fn in_model(&self, mut records: Vec<Record>) -> Vec<Record> {
        records.iter_mut().for_each(|record| record.position = self.place_in_model(record.position));
        records
    }

    fn receipt_in_model(&self, mut receipt: Receipt) -> Receipt {
        receipt.events.iter_mut().for_each(|event| event.position = self.place_in_model(event.position));
        receipt
    }

    fn entry_in_model(&self, mut entry: Entry, number: u64) -> Entry {
        entry.number = number;
        if let Fate::Accepted(positions) = &mut entry.outcome {
            positions.iter_mut().for_each(|position| *position = self.place_in_model(*position));
        }
        entry
    }
}

fn command_key(id: u8, command: bool) -> CommandKey {
    key(format!("c-{id}"), if command { "open" } else { "close" }, &[])
}
