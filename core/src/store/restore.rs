//! The return of archived events to the log.

use std::{fmt, mem};

use async_trait::async_trait;

use super::{
    archive::{Archive, ArchiveState, numbered, refused},
    rewrite::Rewrite,
    successors::Successors,
};
use crate::{error::Error, record::Record, time::Timestamp};

/// The events of an archive, in pages: a [`RestoreStep`] has them, and a store takes one page after the other while its transaction is open.
///
/// A list of records is such a source, with one page.
#[async_trait]
pub trait ArchivedEvents: Send {
    /// Returns the next events, in the order of their positions. An empty page is the end: all events before it are those of the archive.
    ///
    /// # Errors
    /// [`Error`] if they cannot be read, or are not those of the archive. The store then writes none of them.
    async fn next_page(&mut self) -> Result<Vec<Record>, Error>;
}

#[async_trait]
impl ArchivedEvents for Vec<Record> {
    async fn next_page(&mut self) -> Result<Vec<Record>, Error> {
        Ok(mem::take(self))
    }
}

/// The way back of an archive: its ids are opened again, and its events return to their positions.
pub struct RestoreStep {
    /// The number of the archive.
    pub number: u64,
    /// Its events; none if they have not left the log.
    pub events: Box<dyn ArchivedEvents>,
    /// The time of the step.
    pub at: Timestamp,
}

/// For stores: the rules of [`EventStore::restore`](super::EventStore::restore), which check the events of one archive page by page.
#[derive(Debug)]
pub struct Restore {
    /// The archive as it is after the restore.
    archive: Archive,
    is_change: bool,
    /// The rewrites that began after the ids were closed.
    later_rewrites: Vec<Rewrite>,
    /// How many events were read.
    read: u64,
    /// How many of them have replaced their tombstones.
    returned: u64,
    log: String,
}

impl fmt::Debug for RestoreStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RestoreStep")
            .field("number", &self.number)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

impl Restore {
    /// Begins to open the ids of an archive again. `stored` are all archives. No append is running.
    ///
    /// # Errors
    /// [`Error::Unusable`] if the state of the archives does not permit it.
    pub fn begin(
        step: &RestoreStep,
        stored: &[Archive],
        successors: &Successors,
        log: &str,
    ) -> Result<Self, Error> {
        let RestoreStep { number, at, .. } = *step;
        let before = numbered(stored, number, log)?;
        let shares = |other: &&Archive| {
            let removed = other.removed.as_ref().filter(|_| other.state == ArchiveState::Complete);
            removed.is_some_and(|removed| removed.shared_with.contains(&number))
        };
        let is_change = before.state != ArchiveState::Opened;
        if let Some(later) = stored.iter().find(shares).filter(|_| is_change) {
            let reason = format!("archive {} has events of its ids: open that one first", later.number);
            return Err(refused(log, reason));
        }
        let archive = match before.state {
            ArchiveState::Opened => before.clone(),
            state => Archive {
                state: ArchiveState::Opened,
                opened_at: Some(at),
                version: match state {
                    ArchiveState::Complete => Successors::version_after(successors.version),
                    _ => before.version,
                },
                ..before.clone()
            },
        };
        let later = successors.rewrites().iter().filter(|rewrite| rewrite.version > before.retags);
        let later_rewrites = later.cloned().collect();
        Ok(Self { archive, is_change, later_rewrites, read: 0, returned: 0, log: log.to_owned() })
    }

    /// Returns `false` if the ids are open already. Then no event is read, and nothing is written.
    pub fn is_change(&self) -> bool {
        self.is_change
    }

    /// Returns the archive as it is after the restore.
    pub fn archive(&self) -> &Archive {
        &self.archive
    }

    /// Reads the next events; `None` after the last one.
    ///
    /// # Errors
    /// The error of the source; [`Error::Unusable`] if there are more events than the archive has, or a pass has rewritten others with their
    /// names meanwhile.
    pub async fn next_page(&mut self, events: &mut dyn ArchivedEvents) -> Result<Option<Vec<Record>>, Error> {
        let page = events.next_page().await?;
        if page.is_empty() {
            return Ok(None);
        }
        self.add_read(&page)?;
        Ok(Some(page))
    }

    /// Checks events that were read. [`next_page`](Restore::next_page) does so.
    ///
    /// # Errors
    /// [`Error::Unusable`], as there.
    pub fn add_read(&mut self, events: &[Record]) -> Result<(), Error> {
        self.read += events.len() as u64;
        if self.read > self.expected() {
            return Err(self.miscounted(&format!("{} or more", self.read)));
        }
        for rewrite in &self.later_rewrites {
            if events.iter().any(|record| record.name == rewrite.name) {
                let reason = format!(
                    "after these events had left the log a pass has rewritten the others: {}; these would lack that",
                    rewrite.target.describe(&rewrite.name)
                );
                return Err(refused(&self.log, reason));
            }
        }
        Ok(())
    }

    /// Counts events that have replaced their tombstones.
    pub fn add_returned(&mut self, events: u64) {
        self.returned += events;
    }

    /// Checks that all events were read, and that all of them have replaced their tombstones. Returns the archive after the restore.
    ///
    /// # Errors
    /// [`Error::Unusable`] if not. Then nothing may be written.
    pub fn finish(self) -> Result<Archive, Error> {
        if self.read != self.expected() {
            return Err(self.miscounted(&self.read.to_string()));
        }
        if self.returned != self.read {
            let reason =
                "the log does not have the tombstones of all events of the file; nothing was written";
            return Err(refused(&self.log, reason.to_owned()));
        }
        Ok(self.archive)
    }

    fn expected(&self) -> u64 {
        self.archive.removed.as_ref().map_or(0, |removed| removed.events)
    }

    fn miscounted(&self, found: &str) -> Error {
        let (number, expected) = (self.archive.number, self.expected());
        refused(&self.log, format!("archive {number} has {expected} events, and the file has {found}"))
    }
}

#[cfg(test)]
mod tests;
