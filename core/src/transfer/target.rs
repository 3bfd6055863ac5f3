//! An import of checked events, command ids and journal entries, written in batches.

use std::mem;

use super::{contents::Transferred, error::TransferError};
use crate::{
    limits::MAX_GAP,
    record::{Position, Record},
    store::{AcceptedCommand, Entry, ImportTransaction, Outcome, PageLimit},
};

/// An import in progress. What it has written so far is not visible before [`Target::finish`].
pub(super) struct Target {
    import: Box<dyn ImportTransaction>,
    records: Batch<Record>,
    commands: Batch<AcceptedCommand>,
    entries: Batch<Entry>,
    contents: Transferred,
}

impl Target {
    pub(super) fn new(import: Box<dyn ImportTransaction>) -> Self {
        Self {
            import,
            records: Batch::new(),
            commands: Batch::new(),
            entries: Batch::new(),
            contents: Transferred::default(),
        }
    }

    pub(super) fn contents(&self) -> &Transferred {
        &self.contents
    }

    /// Writes an event after all others.
    pub(super) async fn event(&mut self, record: Record) -> Result<(), TransferError> {
        let (last, position) = (self.contents.up_to, record.position);
        if position <= last {
            return Err(TransferError::content(format!(
                "the event at position {position} comes after the event at position {last}"
            )));
        }
        if position.get() - last.get() > MAX_GAP + 1 {
            return Err(TransferError::content(format!(
                "there are more than {MAX_GAP} positions without an event between {last} and {position}"
            )));
        }
        self.contents.up_to = position;
        self.contents.events += 1;
        let bytes = record.data.as_str().len();
        if let Some(full) = self.records.add(record, bytes) {
            self.import.write_events(full).await?;
        }
        Ok(())
    }

    /// Writes a command id, after its events.
    pub(super) async fn command_id(&mut self, command: AcceptedCommand) -> Result<(), TransferError> {
        let positions = command.receipt.events.iter().map(|event| event.position);
        self.check_positions(positions, || format!("command id {:?}", command.key.id()))?;
        self.contents.command_ids += 1;
        let bytes = command.size();
        if let Some(full) = self.commands.add(command, bytes) {
            self.import.write_command_ids(full).await?;
        }
        Ok(())
    }

    /// Writes a journal entry, after its events.
    pub(super) async fn entry(&mut self, entry: Entry) -> Result<(), TransferError> {
        let name = || format!("journal entry {}", entry.number);
        if entry.number == 0 || i64::try_from(entry.number).is_err() {
            return Err(TransferError::content(format!("{}: its number is not valid", name())));
        }
        if let Outcome::Accepted(positions) = &entry.outcome {
            self.check_positions(positions.iter().copied(), name)?;
        }
        self.contents.journal_entries += 1;
        let bytes = entry.body.as_str().len();
        if let Some(full) = self.entries.add(entry, bytes) {
            self.import.write_journal(full).await?;
        }
        Ok(())
    }

    /// Makes everything visible.
    pub(super) async fn finish(mut self) -> Result<Transferred, TransferError> {
        self.flush().await?;
        self.import.finish().await?;
        Ok(self.contents)
    }

    async fn flush(&mut self) -> Result<(), TransferError> {
        let Self { import, records, commands, entries, .. } = self;
        if !records.items.is_empty() {
            import.write_events(records.take()).await?;
        }
        if !commands.items.is_empty() {
            import.write_command_ids(commands.take()).await?;
        }
        if !entries.items.is_empty() {
            import.write_journal(entries.take()).await?;
        }
        Ok(())
    }

    /// Checks that the events of a command are in order and not after the last event.
    fn check_positions(
        &self,
        positions: impl Iterator<Item = Position> + Clone,
        name: impl Fn() -> String,
    ) -> Result<(), TransferError> {
        let up_to = self.contents.up_to;
        if !positions.clone().is_sorted_by(|one, next| one < next) {
            return Err(TransferError::content(format!("{}: its events are not in order", name())));
        }
        match positions.last() {
            Some(last) if last > up_to => Err(TransferError::content(format!(
                "{}: its event at position {last} is after the last event at {up_to}",
                name()
            ))),
            _ => Ok(()),
        }
    }
}

/// Items that are written together, once they are many or large.
struct Batch<T> {
    items: Vec<T>,
    bytes: usize,
}

impl<T> Batch<T> {
    const fn new() -> Self {
        Self { items: Vec::new(), bytes: 0 }
    }

    /// Adds an item of this size. Returns the items if they have to be written now.
    fn add(&mut self, item: T, bytes: usize) -> Option<Vec<T>> {
        self.items.push(item);
        self.bytes += bytes;
        let limit = PageLimit::CHUNK;
        (self.items.len() >= limit.records || self.bytes >= limit.bytes).then(|| self.take())
    }

    fn take(&mut self) -> Vec<T> {
        self.bytes = 0;
        mem::take(&mut self.items)
    }
}
