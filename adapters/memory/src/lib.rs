//! An event store in memory: for tests, for experiments, and as the reference implementation of the port.
//!
//! It is small enough to be read at once, and has every guarantee of a store except durability. Clones share one log.
//!
//! Reads, counts, feeds and append conditions inspect only the events that have a type and a tag of their criteria, so their
//! time does not depend on the length of the log.

mod archive;
mod import;
mod keys;
mod log;
mod records;
mod rows;
mod snapshots;
mod verify;

use std::{
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use annalist_core::{
    criteria::Criteria,
    error::Error,
    finding::{VerifyCursor, VerifyPage},
    keys::SharedKeys,
    record::{Position, Record},
    rows::{
        Build, Checkpoint, Claim, CommitOutcome, FollowerRequests, Inline, InlineOutcome, Key, Parked,
        PromoteOutcome, Row, RowChange, RowQuery, RowStore, SharedRows, Table,
    },
    store::{
        AcceptedCommand, Append, AppendOutcome, Archive, ArchiveStep, Batch, CommandKey, Entry, EventRef,
        EventStore, FeedPage, ImportTransaction, LogId, Marker, PageLimit, PolicyCheckpoint, Prefix, Read,
        Receipt, RestoreStep, Rewrite, RewriteStep, Settled, Snapshot, SnapshotKey, StoredType, Successors,
    },
    time::Timestamp,
};
use async_trait::async_trait;

use self::{import::Import, keys::Keys, log::Log, rows::Rows, snapshots::Snapshots};

/// The largest number of appends in one call.
const MAX_BATCH: usize = 64;

/// A log in memory. Dropping its last clone deletes it.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    log: Arc<Mutex<Log>>,
    rows: Arc<Mutex<Rows>>,
    snapshots: Arc<Mutex<Snapshots>>,
    keys: Arc<Keys>,
}

impl Memory {
    /// Creates an empty log.
    pub fn new() -> Self {
        Self::default()
    }

    /// Locks the log. Poison is ignored: methods of [`Log`] change it only after everything that can panic. Code that also locks
    /// the rows locks the log first.
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks the rows; see [`Memory::log`].
    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks the snapshots, never together with others; see [`Memory::log`].
    fn snapshots(&self) -> MutexGuard<'_, Snapshots> {
        self.snapshots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl EventStore for Memory {
    fn describe(&self) -> String {
        "log in memory".to_owned()
    }

    fn log_id(&self) -> LogId {
        self.log().id()
    }

    /// A log in memory loses no events.
    fn epoch(&self) -> u64 {
        0
    }

    async fn read(&self, reads: &[Read]) -> Result<Vec<Batch>, Error> {
        let log = self.log();
        reads.iter().map(|read| log.read(read)).collect()
    }

    /// The moment of the reads is the end of the log when they begin: what is in the log up to there does not change.
    async fn read_all_chunked(
        &self,
        reads: &[Read],
        each: &mut (dyn FnMut(usize, Vec<Record>) -> Result<(), Error> + Send),
    ) -> Result<Vec<Marker>, Error> {
        let head = self.log().head();
        for (index, read) in reads.iter().enumerate() {
            let mut rest = read.clone().up_to(head.min(read.up_to));
            loop {
                let page = self.log().page(&rest, PageLimit::CHUNK)?;
                let (is_full, records) = (page.is_full(), page.into_items());
                let Some(last) = records.last().map(|record| record.position) else { break };
                each(index, records)?;
                if !is_full {
                    break;
                }
                rest.after = last;
            }
        }
        Ok(reads.iter().map(|read| Marker::new(head.min(read.up_to), 0)).collect())
    }

    fn max_batch(&self) -> usize {
        MAX_BATCH
    }

    async fn append(&self, appends: Vec<Append>) -> Result<AppendOutcome, Error> {
        Append::check_batch(&appends, MAX_BATCH, || format!("append to the {}", self.describe()))?;
        let (mut log, mut rows) = (self.log(), self.rows());
        log.check_import("append to")?;
        for (index, append) in appends.iter().enumerate() {
            if let Some(refusal) = log.refusal(index, append)? {
                return Ok(refusal);
            }
            if let Some(builds) = rows.missing_builds(append) {
                return Ok(AppendOutcome::InlineRequired { index, builds });
            }
        }
        rows.fold_inline(&appends, &log)?;
        Ok(AppendOutcome::Appended(appends.into_iter().map(|append| log.write(append)).collect()))
    }

    async fn receipt(&self, key: &CommandKey) -> Result<Option<Receipt>, Error> {
        self.log().receipt(key)
    }

    async fn feed(&self, filter: &Criteria, after: Position, limit: PageLimit) -> Result<FeedPage, Error> {
        Ok(self.log().feed(filter, after, limit))
    }

    async fn settled(&self) -> Result<Settled, Error> {
        Ok(Settled { position: self.log().head(), gap: None })
    }

    fn known_settled(&self) -> Position {
        self.log().head()
    }

    async fn prefix_at(&self, time: Timestamp) -> Result<Prefix, Error> {
        Ok(self.log().prefix_at(time))
    }

    async fn journal(&self, after: u64, limit: PageLimit) -> Result<Vec<Entry>, Error> {
        Ok(self.log().journal(after, limit))
    }

    async fn count(&self, criteria: &Criteria, after: Position, up_to: Position) -> Result<u64, Error> {
        Ok(self.log().count(criteria, after, up_to))
    }

    async fn stored_types(&self) -> Result<Vec<StoredType>, Error> {
        Ok(self.log().stored_types())
    }

    async fn count_type(&self, name: &str, version: Option<u32>, limit: u64) -> Result<u64, Error> {
        Ok(self.log().count_type(name, version).min(limit))
    }

    async fn successors(&self) -> Result<Successors, Error> {
        Ok(self.log().successors().clone())
    }

    async fn rewrite(&self, step: RewriteStep) -> Result<Rewrite, Error> {
        step.check()?;
        let rewrite = {
            let mut log = self.log();
            log.check_import("rewrite events of")?;
            log.rewrite(&step)?
        };
        if rewrite.removes_snapshots() {
            self.snapshots().clear();
        }
        Ok(rewrite)
    }

    async fn archives(&self) -> Result<Vec<Archive>, Error> {
        Ok(self.log().archives().to_vec())
    }

    async fn tombstones(&self, after: Position, limit: PageLimit) -> Result<Vec<EventRef>, Error> {
        Ok(self.log().tombstones(after, limit))
    }

    async fn archive(&self, step: ArchiveStep) -> Result<Archive, Error> {
        let archive = {
            let mut log = self.log();
            log.check_import("archive events of")?;
            log.archive(&step)?
        };
        // Nothing saves a snapshot of closed ids any more: their reads are refused.
        self.snapshots().remove_tags(&archive.ids);
        Ok(archive)
    }

    async fn restore(&self, mut step: RestoreStep) -> Result<Archive, Error> {
        let mut restore = {
            let log = self.log();
            log.check_import("restore events of")?;
            log.begin_restore(&step)?
        };
        if !restore.is_change() {
            return Ok(restore.archive().clone());
        }
        // The log is in memory, so its events may be, too. They are checked again under the lock, which is not held while they are read.
        let mut returning = Vec::new();
        while let Some(page) = restore.next_page(&mut *step.events).await? {
            returning.extend(page);
        }
        let archive = {
            let mut log = self.log();
            log.check_import("restore events of")?;
            log.restore(&step, returning)?
        };
        self.snapshots().remove_tags(&archive.ids);
        Ok(archive)
    }

    async fn event_at(&self, position: Position) -> Result<Option<EventRef>, Error> {
        Ok(self.log().records().event_at(position))
    }

    async fn snapshot(&self, key: &SnapshotKey) -> Result<Option<Snapshot>, Error> {
        Ok(self.snapshots().get(key))
    }

    async fn save_snapshot(&self, key: &SnapshotKey, snapshot: &Snapshot) -> Result<(), Error> {
        self.snapshots().save(key, snapshot);
        Ok(())
    }

    async fn purge_command_ids(&self, before: Timestamp, ids: Range<&str>) -> Result<u64, Error> {
        Ok(self.log().purge_command_ids(before, &ids))
    }

    async fn purge_journal(&self, before: Timestamp) -> Result<u64, Error> {
        Ok(self.log().purge_journal(before))
    }

    async fn command_ids(&self, after: &str, limit: PageLimit) -> Result<Vec<AcceptedCommand>, Error> {
        Ok(self.log().command_ids(after, limit))
    }

    async fn policies(&self) -> Result<Vec<PolicyCheckpoint>, Error> {
        let log = self.log_id();
        Ok(self.rows().policies(log))
    }

    async fn import(&self) -> Result<Box<dyn ImportTransaction>, Error> {
        let mut log = self.log();
        if let Some(build) = self.rows().first_inline() {
            let reason = format!(
                "the build `{build}` is inline, so it would lack the imported events; make its projection async first"
            );
            return Err(Error::unusable("import into the log in memory", reason));
        }
        log.begin_import()?;
        Ok(Box::new(Import::new(Arc::clone(&self.log), Arc::clone(&self.rows))))
    }

    async fn verify(&self, up_to: Position, after: &VerifyCursor) -> Result<VerifyPage, Error> {
        if after.part == verify::SNAPSHOTS {
            // Listed before the end of the log is read: a snapshot that is saved meanwhile is of a later position.
            let snapshots = self.snapshots().page(after);
            return Ok(verify::verify_snapshots(&self.log(), snapshots));
        }
        Ok(verify::verify(&self.log(), up_to, after))
    }

    fn key_store(&self) -> Option<SharedKeys> {
        Some(Arc::clone(&self.keys) as SharedKeys)
    }

    fn row_store(&self) -> Option<SharedRows> {
        Some(Arc::new(self.clone()))
    }
}

#[async_trait]
impl RowStore for Memory {
    fn describe_rows(&self) -> String {
        "rows in memory".to_owned()
    }

    async fn builds(&self, projection: &str) -> Result<Vec<Build>, Error> {
        Ok(self.rows().builds(projection))
    }

    async fn define(&self, table: &Table, events: &str, log: LogId) -> Result<Checkpoint, Error> {
        self.rows().define(table, events, log)
    }

    async fn rows(&self, table: &Table, keys: &[Key]) -> Result<Vec<Option<Row>>, Error> {
        self.rows().rows(table, keys)
    }

    async fn commit(&self, change: RowChange) -> Result<CommitOutcome, Error> {
        self.rows().commit(change)
    }

    async fn report(&self, table: &Table, stopped: Option<&str>) -> Result<(), Error> {
        self.rows().report(table, stopped);
        Ok(())
    }

    async fn replace_claim(
        &self,
        table: &Table,
        expected: Option<Claim>,
        claim: Option<Claim>,
    ) -> Result<bool, Error> {
        Ok(self.rows().replace_claim(table, expected, claim))
    }

    async fn replace_requests(&self, table: &Table, requests: &FollowerRequests) -> Result<bool, Error> {
        Ok(self.rows().replace_requests(table.projection, requests))
    }

    async fn find(&self, query: &RowQuery<'_>) -> Result<Vec<Row>, Error> {
        self.rows().find(query)
    }

    async fn count_rows(&self, query: &RowQuery<'_>) -> Result<u64, Error> {
        self.rows().count(query)
    }

    async fn parked(&self, table: &Table) -> Result<Vec<Parked>, Error> {
        self.rows().parked(table)
    }

    async fn verify_rows(&self, after: &VerifyCursor) -> Result<VerifyPage, Error> {
        let log = self.log();
        Ok(verify::verify_rows(&self.rows(), &log, after))
    }

    async fn promote(&self, table: &Table, compare: bool) -> Result<PromoteOutcome, Error> {
        self.rows().promote(table, compare)
    }

    async fn discard(&self, table: &Table) -> Result<bool, Error> {
        self.rows().discard(table)
    }

    async fn make_inline(&self, inline: Arc<dyn Inline>) -> Result<InlineOutcome, Error> {
        let log = self.log();
        log.check_import("make a build inline in")?;
        self.rows().make_inline(&*inline, &log)
    }

    async fn make_async(&self, table: &Table) -> Result<Checkpoint, Error> {
        let log = self.log();
        self.rows().make_async(table, &log)
    }
}
