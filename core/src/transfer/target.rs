//! An import of checked events, command ids and so on, written in batches.

use std::mem;

use super::{
    archived::Archived,
    contents::Transferred,
    error::TransferError,
    writer::{Batch, Writer},
};
use crate::{
    limits::{MAX_GAP, is_kind, shorten},
    record::{Position, Record},
    store::{
        AcceptedCommand, Archive, Entry, EventRef, ImportTransaction, Outcome, PageLimit, PolicyCheckpoint,
        Rewrite, Successor,
    },
};

/// An import in progress. What it has written so far is not visible before [`Target::finish`].
pub(super) struct Target {
    writer: Writer,
    records: Collected<Record>,
    tombstones: Collected<EventRef>,
    archived: Archived,
    successors: Collected<Successor>,
    commands: Collected<AcceptedCommand>,
    entries: Collected<Entry>,
    contents: Transferred,
    /// The largest number of positions without an event between two events.
    max_gap: u64,
}

impl Target {
    pub(super) fn new(import: Box<dyn ImportTransaction>) -> Self {
        Self {
            writer: Writer::new(import),
            records: Collected::new(),
            tombstones: Collected::new(),
            archived: Archived::default(),
            successors: Collected::new(),
            commands: Collected::new(),
            entries: Collected::new(),
            contents: Transferred::default(),
            max_gap: MAX_GAP,
        }
    }

    /// Permits any number of positions without an event: they are not filled.
    pub(super) fn with_any_gaps(self) -> Self {
        Self { max_gap: u64::MAX - 1, ..self }
    }

    pub(super) fn contents(&self) -> &Transferred {
        &self.contents
    }

    /// A part begins.
    pub(super) fn begin_part(&mut self) {
        self.archived.begin_part();
    }

    /// Checks that a part has what the parts before it have.
    pub(super) fn end_part(&self) -> Result<(), TransferError> {
        self.archived.end_part()
    }

    /// Writes an archive, before the events of its part.
    pub(super) async fn archive(&mut self, archive: Archive) -> Result<(), TransferError> {
        self.archived.add(&archive)?;
        self.contents.archives += 1;
        Ok(self.writer.begin(Batch::Archives(vec![archive])).await?)
    }

    /// Writes a retag, before the events of its part.
    pub(super) async fn retag(&mut self, retag: Rewrite) -> Result<(), TransferError> {
        self.archived.add_retag(&retag);
        self.contents.retags += 1;
        Ok(self.writer.begin(Batch::Retags(vec![retag])).await?)
    }

    /// Writes an event after all others.
    pub(super) async fn event(&mut self, record: Record) -> Result<(), TransferError> {
        self.move_to(record.position)?;
        self.contents.events += 1;
        let bytes = record.data.as_str().len();
        self.records.add(record, bytes);
        self.write_if_full().await
    }

    /// Writes the tombstone of an event that is in an archive, after all others.
    pub(super) async fn tombstone(&mut self, event: EventRef) -> Result<(), TransferError> {
        self.move_to(event.position)?;
        self.archived.add_tombstone(event)?;
        self.contents.tombstones += 1;
        self.tombstones.add(event, size_of::<EventRef>());
        self.write_if_full().await
    }

    async fn write_if_full(&mut self) -> Result<(), TransferError> {
        match self.records.is_full() || self.tombstones.is_full() {
            true => self.write_events().await,
            false => {
                self.writer.advance().await;
                Ok(())
            }
        }
    }

    async fn write_events(&mut self) -> Result<(), TransferError> {
        let events = Batch::Events(self.records.take(), self.tombstones.take());
        Ok(self.writer.begin(events).await?)
    }

    /// Checks that an event at a position comes next.
    fn move_to(&mut self, position: Position) -> Result<(), TransferError> {
        let last = self.contents.up_to;
        if position <= last {
            return Err(TransferError::content(format!(
                "the event at position {position} comes after the event at position {last}"
            )));
        }
        if position.get() - last.get() > self.max_gap + 1 {
            return Err(TransferError::content(format!(
                "there are more than {MAX_GAP} positions without an event between {last} and {position}"
            )));
        }
        self.contents.up_to = position;
        Ok(())
    }

    /// Writes a successor, after its event.
    pub(super) async fn successor(&mut self, successor: Successor) -> Result<(), TransferError> {
        let name = || format!("successor {:?}", successor.name());
        self.check_positions([successor.since()].into_iter(), name)?;
        self.contents.successors += 1;
        let bytes = successor.of().len() + successor.name().len();
        if let Some(full) = self.successors.add_or_take(successor, bytes) {
            self.writer.begin(Batch::Successors(full)).await?;
        }
        Ok(())
    }

    /// Writes a command id, after its events.
    pub(super) async fn command_id(&mut self, command: AcceptedCommand) -> Result<(), TransferError> {
        let positions = command.receipt.events.iter().map(|event| event.position);
        self.check_positions(positions, || format!("command id {:?}", command.key.id()))?;
        self.contents.command_ids += 1;
        let bytes = command.size();
        if let Some(full) = self.commands.add_or_take(command, bytes) {
            self.writer.begin(Batch::CommandIds(full)).await?;
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
        if let Some(full) = self.entries.add_or_take(entry, bytes) {
            self.writer.begin(Batch::Journal(full)).await?;
        }
        Ok(())
    }

    /// Writes the checkpoint of a policy, after all events that it has handled.
    pub(super) async fn policy(&mut self, policy: PolicyCheckpoint) -> Result<(), TransferError> {
        let PolicyCheckpoint { name, position, anchor, parked } = &policy;
        if !is_kind(name) {
            let reason = format!("the policy has a name that is not valid: {:?}", shorten(name));
            return Err(TransferError::content(reason));
        }
        let name = || format!("policy `{name}`");
        let events = parked.iter().map(|parked| parked.position);
        self.check_positions(events.clone(), name)?;
        self.check_positions([*position].into_iter(), name)?;
        if events.chain(anchor.map(|anchor| anchor.position)).any(|event| event > *position) {
            let reason = format!("{}: one of its events is after its checkpoint", name());
            return Err(TransferError::content(reason));
        }
        self.contents.policies += 1;
        Ok(self.writer.begin(Batch::Policies(vec![policy])).await?)
    }

    /// Makes everything visible.
    pub(super) async fn finish(mut self) -> Result<Transferred, TransferError> {
        self.archived.finish(self.contents.up_to)?;
        self.flush().await?;
        self.writer.finish().await?;
        Ok(self.contents)
    }

    async fn flush(&mut self) -> Result<(), TransferError> {
        if !self.records.items.is_empty() || !self.tombstones.items.is_empty() {
            self.write_events().await?;
        }
        let Self { writer, successors, commands, entries, .. } = self;
        if !successors.items.is_empty() {
            writer.begin(Batch::Successors(successors.take())).await?;
        }
        if !commands.items.is_empty() {
            writer.begin(Batch::CommandIds(commands.take())).await?;
        }
        if !entries.items.is_empty() {
            writer.begin(Batch::Journal(entries.take())).await?;
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
struct Collected<T> {
    items: Vec<T>,
    bytes: usize,
}

impl<T> Collected<T> {
    const fn new() -> Self {
        Self { items: Vec::new(), bytes: 0 }
    }

    /// Adds an item of this size.
    fn add(&mut self, item: T, bytes: usize) {
        self.items.push(item);
        self.bytes += bytes;
    }

    /// Whether the items have to be written now.
    fn is_full(&self) -> bool {
        let limit = PageLimit::CHUNK;
        self.items.len() >= limit.records || self.bytes >= limit.bytes
    }

    /// Adds an item of this size. Returns the items if they have to be written now.
    fn add_or_take(&mut self, item: T, bytes: usize) -> Option<Vec<T>> {
        self.add(item, bytes);
        self.is_full().then(|| self.take())
    }

    fn take(&mut self) -> Vec<T> {
        self.bytes = 0;
        mem::take(&mut self.items)
    }
}
