//! What a part of a log contains, read in pages.

use async_trait::async_trait;

use super::{
    archived::removed_of,
    changed_events::changes,
    error::TransferError,
    line::{FIRST_VERSION, VERSION},
    part::Part,
    tombstones::Tombstones,
};
use crate::{
    criteria::Criteria,
    error::Error,
    finding::Finding,
    record::{Position, Record},
    store::{
        AcceptedCommand, Archive, Entry, EventRef, EventStore, Outcome, PageLimit, PolicyCheckpoint, Rewrite,
        Successor,
    },
};

/// The events of a log after a position and up to another one, with the command ids and the journal entries that belong to them.
pub(super) struct Source<'a> {
    store: &'a dyn EventStore,
    epoch: u64,
    pub(super) after: Position,
    /// The position of the last event or tombstone; `after` if there is none.
    pub(super) up_to: Position,
    archives: Vec<Archive>,
    retags: Vec<Rewrite>,
}

/// Takes what a source contains: first all archives, all retags, all events and tombstones by position, then all successors, command ids, journal entries and policies.
#[async_trait]
pub(super) trait Sink: Send {
    async fn archive(&mut self, archive: Archive) -> Result<(), TransferError>;
    async fn retag(&mut self, retag: Rewrite) -> Result<(), TransferError>;
    async fn tombstone(&mut self, event: EventRef) -> Result<(), TransferError>;
    async fn event(&mut self, record: Record) -> Result<(), TransferError>;
    async fn successor(&mut self, successor: Successor) -> Result<(), TransferError>;
    async fn command_id(&mut self, command: AcceptedCommand) -> Result<(), TransferError>;
    async fn entry(&mut self, entry: Entry) -> Result<(), TransferError>;
    async fn policy(&mut self, policy: PolicyCheckpoint) -> Result<(), TransferError>;
}

impl<'a> Source<'a> {
    /// The part ends at its last event that is settled, at `limit` at most.
    pub(super) async fn new(
        store: &'a dyn EventStore,
        after: Position,
        limit: Position,
    ) -> Result<Self, TransferError> {
        let store = store.as_stored().unwrap_or(store);
        let epoch = store.epoch();
        let settled = store.settled().await?.position;
        if settled < after {
            return Err(TransferError::content(format!(
                "the export should continue after position {after}, and the log is settled up to {settled} only: the earlier part is of another log, or the log has lost events"
            )));
        }
        let archives = store.archives().await?;
        // Events that get tags while they are read have more tags than these say, which does no harm.
        let retags = store.successors().await?.rewrites().to_vec();
        let end = settled.min(limit);
        let mut up_to = last_event(store, after, end).await?;
        let mut tombstones = Tombstones::new(store, up_to, has_tombstones(&archives));
        while let Some(last) = tombstones.next(end).await? {
            up_to = last.position;
        }
        Ok(Self { store, epoch, after, up_to, archives, retags })
    }

    /// The version of the form that the part needs: programs that know the first one only can import what has no archives and retags.
    pub(super) fn version(&self) -> u32 {
        if self.archives.is_empty() && self.retags.is_empty() { FIRST_VERSION } else { VERSION }
    }

    /// How stored events were changed.
    pub(super) fn changes(&self) -> Option<String> {
        changes(&self.archives, &self.retags)
    }

    /// Checks that the log has the last event of an earlier part at the position after which this one begins, and has not changed stored
    /// events since then.
    pub(super) async fn check_continues(&self, previous: &Part) -> Result<(), TransferError> {
        let Some(expected) = previous.last_event else { return Ok(()) };
        if self.changes() != previous.changes {
            return Err(TransferError::content(
                "since the earlier part, events have left the log for an archive or returned, or tags were added to stored events: export the log from its start again",
            ));
        }
        match self.store.event_at(self.after).await? {
            Some(event) if event.id == expected => Ok(()),
            _ => Err(TransferError::content(format!(
                "the log does not have the event {expected} at position {}, with which the earlier part ends: that part is of another log, or the log has lost events",
                self.after
            ))),
        }
    }

    pub(super) async fn send_to(&self, sink: &mut dyn Sink) -> Result<(), TransferError> {
        for archive in &self.archives {
            let last_removed = archive.removed.as_ref().map_or(Position::START, |removed| removed.last);
            let up_to = archive.up_to.min(self.up_to).max(last_removed);
            sink.archive(Archive { up_to, ..archive.clone() }).await?;
        }
        for retag in &self.retags {
            sink.retag(Rewrite { up_to: retag.up_to.min(self.up_to), ..retag.clone() }).await?;
        }
        self.send_events(sink).await?;
        self.send_successors(sink).await?;
        self.send_command_ids(sink).await?;
        self.send_journal(sink).await?;
        for policy in self.store.policies().await? {
            sink.policy(policy.up_to(self.up_to)).await?;
        }
        let unavailable = |reason: &str| {
            Err(Error::unavailable(format!("read the {}", self.store.describe()), reason).into())
        };
        if self.store.epoch() != self.epoch {
            return unavailable("the log lost events while it was read; begin again");
        }
        if changes(&self.store.archives().await?, &[]) != changes(&self.archives, &[]) {
            return unavailable(
                "events left the log for an archive or returned while it was read; begin again",
            );
        }
        Ok(())
    }

    async fn send_events(&self, sink: &mut dyn Sink) -> Result<(), TransferError> {
        let mut after = self.after;
        let mut tombstones = Tombstones::new(self.store, after, has_tombstones(&self.archives));
        while after < self.up_to {
            let page = self.store.feed(&Criteria::all(), after, PageLimit::CHUNK).await?;
            if page.up_to <= after {
                let reason =
                    format!("the log ended at position {after}, and it had events up to {}", self.up_to);
                return Err(TransferError::content(reason));
            }
            for record in page.records.into_iter().take_while(|record| record.position <= self.up_to) {
                TransferError::check(Finding::of_record(&record))?;
                while let Some(tombstone) = tombstones.next(record.position).await? {
                    sink.tombstone(tombstone).await?;
                }
                sink.event(record).await?;
            }
            after = page.up_to;
        }
        while let Some(tombstone) = tombstones.next(self.up_to).await? {
            sink.tombstone(tombstone).await?;
        }
        Ok(())
    }

    /// A successor belongs to the part of the event with which it was added, so it is in the list since that event is settled.
    async fn send_successors(&self, sink: &mut dyn Sink) -> Result<(), TransferError> {
        for successor in self.store.successors().await?.all() {
            if self.after < successor.since() && successor.since() <= self.up_to {
                sink.successor(successor.clone()).await?;
            }
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

fn has_tombstones(archives: &[Archive]) -> bool {
    removed_of(archives).next().is_some()
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
