//! What a part of a log contains, read in pages.

use async_trait::async_trait;
use uuid::Uuid;

use super::error::TransferError;
use crate::{
    criteria::Criteria,
    error::Error,
    finding::Finding,
    record::{Position, Record},
    store::{AcceptedCommand, Entry, EventStore, Outcome, PageLimit},
};

/// The events of a log after a position and up to another one, with the command ids and the journal entries that belong to them.
pub(super) struct Source<'a> {
    store: &'a dyn EventStore,
    epoch: u64,
    pub(super) after: Position,
    /// The position of the last event; `after` if there is none.
    pub(super) up_to: Position,
}

/// Takes what a source contains: first all events, then all command ids, then all journal entries.
#[async_trait]
pub(super) trait Sink: Send {
    async fn event(&mut self, record: Record) -> Result<(), TransferError>;
    async fn command_id(&mut self, command: AcceptedCommand) -> Result<(), TransferError>;
    async fn entry(&mut self, entry: Entry) -> Result<(), TransferError>;
}

impl<'a> Source<'a> {
    /// The part ends at its last event that is settled, at `limit` at most.
    pub(super) async fn new(
        store: &'a dyn EventStore,
        after: Position,
        limit: Position,
    ) -> Result<Self, TransferError> {
        let epoch = store.epoch();
        let settled = store.settled().await?.position;
        if settled < after {
            return Err(TransferError::content(format!(
                "the export should continue after position {after}, and the log is settled up to {settled} only: the earlier part is of another log, or the log has lost events"
            )));
        }
        let up_to = last_event(store, after, settled.min(limit)).await?;
        Ok(Self { store, epoch, after, up_to })
    }

    /// Checks that the log has the last event of an earlier part at the position after which this one begins.
    pub(super) async fn check_continues(&self, last_event: Option<Uuid>) -> Result<(), TransferError> {
        let Some(expected) = last_event else { return Ok(()) };
        let before = Position::new(self.after.get().saturating_sub(1));
        let page = self.store.feed(&Criteria::all(), before, PageLimit::records(1)).await?;
        match page.records.first() {
            Some(record) if record.position == self.after && record.id == expected => Ok(()),
            _ => Err(TransferError::content(format!(
                "the log does not have the event {expected} at position {}, with which the earlier part ends: that part is of another log, or the log has lost events",
                self.after
            ))),
        }
    }

    pub(super) async fn send_to(&self, sink: &mut dyn Sink) -> Result<(), TransferError> {
        self.send_events(sink).await?;
        self.send_command_ids(sink).await?;
        self.send_journal(sink).await?;
        if self.store.epoch() == self.epoch {
            return Ok(());
        }
        let operation = format!("read the {}", self.store.describe());
        Err(Error::unavailable(operation, "the log lost events while it was read; begin again").into())
    }

    async fn send_events(&self, sink: &mut dyn Sink) -> Result<(), TransferError> {
        let mut after = self.after;
        while after < self.up_to {
            let page = self.store.feed(&Criteria::all(), after, PageLimit::CHUNK).await?;
            if page.up_to <= after {
                let reason =
                    format!("the log ended at position {after}, and it had events up to {}", self.up_to);
                return Err(TransferError::content(reason));
            }
            for record in page.records.into_iter().take_while(|record| record.position <= self.up_to) {
                TransferError::check(Finding::of_record(&record))?;
                sink.event(record).await?;
            }
            after = page.up_to;
        }
        Ok(())
    }

    async fn send_command_ids(&self, sink: &mut dyn Sink) -> Result<(), TransferError> {
        let mut after = String::new();
        loop {
            let page = self.store.command_ids(&after, PageLimit::CHUNK).await?;
            let Some(last) = page.last() else { return Ok(()) };
            last.key.id().clone_into(&mut after);
            for command in page {
                if self.has(command.receipt.events.last().map(|event| event.position)) {
                    sink.command_id(command).await?;
                }
            }
        }
    }

    async fn send_journal(&self, sink: &mut dyn Sink) -> Result<(), TransferError> {
        let mut after = 0;
        loop {
            let page = self.store.journal(after, PageLimit::CHUNK).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.number;
            for entry in page {
                let last = match &entry.outcome {
                    Outcome::Accepted(positions) => positions.last().copied(),
                    Outcome::Rejected(_) => None,
                };
                if self.has(last) {
                    TransferError::check(Finding::of_journaled(entry.number, &entry.body))?;
                    sink.entry(entry).await?;
                }
            }
        }
    }

    /// Whether a command belongs to this part, given the position of its last event. A command without events belongs to every part,
    /// because nothing says between which events it was accepted.
    fn has(&self, last_event: Option<Position>) -> bool {
        last_event.is_none_or(|last| self.after < last && last <= self.up_to)
    }
}

/// The position of the last event after one position and up to another, which is settled; `after` if there is none. Usually the
/// first probe finds it, because few positions have no event.
async fn last_event(
    store: &dyn EventStore,
    after: Position,
    up_to: Position,
) -> Result<Position, TransferError> {
    let has_event_after = async |number| -> Result<bool, Error> {
        Ok(store.count(&Criteria::all(), Position::new(number), up_to).await? > 0)
    };
    // No event is after `end`, and one is after `start` if there is any.
    let (mut start, mut end) = (up_to.get(), up_to.get());
    while start > after.get() {
        start = start.saturating_sub(up_to.get() - start + 1).max(after.get());
        if has_event_after(start).await? {
            break;
        }
        end = start;
    }
    while end - start > 1 {
        let middle = start + (end - start) / 2;
        match has_event_after(middle).await? {
            true => start = middle,
            false => end = middle,
        }
    }
    Ok(Position::new(end).max(after))
}
