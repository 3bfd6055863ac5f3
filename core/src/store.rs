//! The port: what a store promises. Adapters implement it, the conformance suite checks it.
//!
//! A store keeps records with JSON payloads; it never sees a user's type. Whoever holds one holds `Arc<dyn EventStore>`.

mod append;
mod read;
mod snapshot;
mod token;
mod wakeups;

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::{
    append::{Append, AppendOutcome, CommandKey, Condition, EventRef, JournalRecord, Receipt},
    read::{Batch, Entry, Gap, Marker, Outcome, Page, Read, Settled},
    snapshot::{Snapshot, SnapshotKey},
    token::Token,
    wakeups::Wakeups,
};
use crate::{
    criteria::Criteria,
    error::Error,
    record::{Position, Record},
    rows::SharedRows,
    time::Timestamp,
};

/// The identity of one log, made when the log is made. A copy of the data keeps it, another log has another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LogId(Uuid);

impl LogId {
    /// The identity of a new log.
    pub fn fresh() -> Self {
        Self(Uuid::now_v7())
    }

    /// The identity as it is stored.
    pub const fn from_uuid(id: Uuid) -> Self {
        Self(id)
    }

    /// The identity, to store it.
    pub const fn as_uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One append-only log of events.
///
/// Whatever happens, an append is all or nothing; positions only grow; and a reader that has seen the log settled up to
/// a position will never find anything new at or below it.
#[async_trait]
pub trait EventStore: Send + Sync + 'static {
    /// What and where the store is, for messages: ``sqlite log `bank.db` ``.
    fn describe(&self) -> String;

    /// The identity of the log.
    fn log_id(&self) -> LogId;

    /// For each read, all matching records in position order and a [`Marker`] of that moment.
    ///
    /// Everything acknowledged before the call is seen. A marker guards also what was found empty.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer or a record is damaged.
    async fn read(&self, reads: &[Read]) -> Result<Vec<Batch>, Error>;

    /// As [`read`](EventStore::read) of one read, but hands its records over in parts, in position order, so that a long past
    /// need not be in memory at once. Answers the marker of the whole; an error of `each` ends it. Unless the store knows better,
    /// what is settled comes in pages of the feed, and only what is not in one read.
    ///
    /// # Errors
    /// As [`read`](EventStore::read), and those of `each`.
    async fn read_chunked(
        &self,
        read: &Read,
        each: &mut (dyn FnMut(Vec<Record>) -> Result<(), Error> + Send),
    ) -> Result<Marker, Error> {
        read::in_parts(self, read, each).await
    }

    /// Appends all of them in their order, or none. Each is appended if, and only if, no event that matches the criteria of one of
    /// its conditions was appended since the condition's marker.
    ///
    /// The conditions are checked against the log as it was before the first of these appends: their own events do not
    /// count. An append whose command id was accepted before is a [`Duplicate`](AppendOutcome::Duplicate); the id is checked
    /// before the conditions, both are checked before the inline builds. An append without events still checks its
    /// conditions and, if it has a command id, is remembered. Events, command ids and journal entries are written in one
    /// transaction. Dropping the future leaves it whole or absent. Ids of events are stored as given, not compared.
    ///
    /// A successful append under a condition implies that the caller has seen every event that matches the criteria up to the last
    /// position of the receipt: from then on [`Marker::after`] stands for it.
    ///
    /// # Errors
    /// [`Error::Invalid`] if a command id belongs to another command; [`Error::Unusable`] if there are more than
    /// [`max_batch`](EventStore::max_batch) appends, or two have the same command id; [`Error::OutcomeUnknown`] if the answer
    /// was lost after the appends were sent. With every other error nothing was written.
    async fn append(&self, appends: Vec<Append>) -> Result<AppendOutcome, Error>;

    /// Appends one append: see [`append`](EventStore::append).
    ///
    /// # Errors
    /// As [`append`](EventStore::append).
    async fn append_one(&self, append: Append) -> Result<AppendOutcome<Receipt>, Error> {
        let outcome = self.append(vec![append]).await?;
        Ok(outcome.map(|mut receipts| receipts.pop().unwrap_or_default()))
    }

    /// The largest number of appends that one call of [`append`](EventStore::append) takes.
    fn max_batch(&self) -> usize {
        1
    }

    /// The receipt of a command id that was accepted before.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the id belongs to another command.
    async fn receipt(&self, key: &CommandKey) -> Result<Option<Receipt>, Error>;

    /// The next matching records behind a position, at most `limit` of them, from the settled part of the log only.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer or a record is damaged.
    async fn feed(&self, filter: &Criteria, after: Position, limit: usize) -> Result<Page, Error>;

    /// Up to where the log is settled: nothing can appear at or below that position any more.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer.
    async fn settled(&self) -> Result<Settled, Error>;

    /// What is heard of the appends of other processes from now on; nothing, unless the store says otherwise. Whoever
    /// follows the log asks [`settled`](EventStore::settled) all the same, and with hints need not ask as often.
    fn wakeups(&self) -> Wakeups {
        Wakeups::none()
    }

    /// The end of the longest prefix of the settled log whose recorded times are not later than `time`.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer.
    async fn position_at(&self, time: Timestamp) -> Result<Position, Error>;

    /// Journal entries behind the one numbered `after` (0 is before the first), oldest first, at most `limit`.
    ///
    /// Numbers are drawn by commands that run side by side: an entry may appear behind one with a higher number. The
    /// journal is for looking back, not for following; a follower reads the feed.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer or an entry is damaged.
    async fn journal(&self, after: u64, limit: usize) -> Result<Vec<Entry>, Error>;

    /// The store's own tables for rows of projections, if it has any.
    fn row_store(&self) -> Option<SharedRows> {
        None
    }

    /// How many records match, behind one position and up to another, of the settled part of the log.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer.
    async fn count(&self, criteria: &Criteria, after: Position, up_to: Position) -> Result<u64, Error>;

    /// The snapshot that was kept under a key, if there is one. They spare time and nothing else: a store may keep none and
    /// forget any.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer.
    async fn snapshot(&self, _key: &SnapshotKey) -> Result<Option<Snapshot>, Error> {
        Ok(None)
    }

    /// Keeps a snapshot in place of the one that the aggregate has under this tag, unless that is of the same fingerprint and
    /// a later position.
    ///
    /// # Errors
    /// [`Error`] if the store cannot keep it.
    async fn save_snapshot(&self, _key: &SnapshotKey, _snapshot: &Snapshot) -> Result<(), Error> {
        Ok(())
    }

    /// Forgets command ids that were accepted before `time`, and says how many. Events and journal stay.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer.
    async fn purge_command_ids(&self, before: Timestamp) -> Result<u64, Error>;
}

impl fmt::Debug for dyn EventStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.describe())
    }
}

macro_rules! delegate_store {
    ($($holder:ty),+) => {
        $(#[async_trait]
        impl<S: EventStore + ?Sized> EventStore for $holder {
            fn describe(&self) -> String {
                (**self).describe()
            }

            fn log_id(&self) -> LogId {
                (**self).log_id()
            }

            async fn read(&self, reads: &[Read]) -> Result<Vec<Batch>, Error> {
                (**self).read(reads).await
            }

            async fn read_chunked(
                &self,
                read: &Read,
                each: &mut (dyn FnMut(Vec<Record>) -> Result<(), Error> + Send),
            ) -> Result<Marker, Error> {
                (**self).read_chunked(read, each).await
            }

            async fn append(&self, appends: Vec<Append>) -> Result<AppendOutcome, Error> {
                (**self).append(appends).await
            }

            fn max_batch(&self) -> usize {
                (**self).max_batch()
            }

            async fn receipt(&self, key: &CommandKey) -> Result<Option<Receipt>, Error> {
                (**self).receipt(key).await
            }

            async fn feed(&self, filter: &Criteria, after: Position, limit: usize) -> Result<Page, Error> {
                (**self).feed(filter, after, limit).await
            }

            async fn settled(&self) -> Result<Settled, Error> {
                (**self).settled().await
            }

            fn wakeups(&self) -> Wakeups {
                (**self).wakeups()
            }

            async fn position_at(&self, time: Timestamp) -> Result<Position, Error> {
                (**self).position_at(time).await
            }

            async fn journal(&self, after: u64, limit: usize) -> Result<Vec<Entry>, Error> {
                (**self).journal(after, limit).await
            }

            async fn count(&self, criteria: &Criteria, after: Position, up_to: Position) -> Result<u64, Error> {
                (**self).count(criteria, after, up_to).await
            }

            fn row_store(&self) -> Option<SharedRows> {
                (**self).row_store()
            }

            async fn snapshot(&self, key: &SnapshotKey) -> Result<Option<Snapshot>, Error> {
                (**self).snapshot(key).await
            }

            async fn save_snapshot(&self, key: &SnapshotKey, snapshot: &Snapshot) -> Result<(), Error> {
                (**self).save_snapshot(key, snapshot).await
            }

            async fn purge_command_ids(&self, before: Timestamp) -> Result<u64, Error> {
                (**self).purge_command_ids(before).await
            }
        })+
    };
}

delegate_store!(Arc<S>, Box<S>);
