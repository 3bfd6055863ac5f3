//! The port to event stores. Adapters implement [`EventStore`], and the conformance suite checks them.
//!
//! A store holds records with JSON payloads and never sees a user's type. The rest of the program refers to it as
//! `Arc<dyn EventStore>`.

mod append;
mod import;
mod marker;
mod page;
mod read;
mod receipt;
mod reservation;
mod seen;
mod snapshot;
mod successors;
mod token;
mod verify;
mod wakeups;

use std::{fmt, ops::Range, slice, sync::Arc};

use async_trait::async_trait;

pub use self::{
    append::{Append, AppendOutcome, CommandKey, Condition, JournalRecord},
    import::{AcceptedCommand, ImportTransaction},
    marker::Marker,
    page::{PageBuilder, PageLimit},
    read::{Batch, Entry, FeedPage, Gap, Outcome, Prefix, Read, Settled, StoredType},
    receipt::{EventRef, Included, Receipt},
    reservation::Reservation,
    seen::{Seen, SeenLog},
    snapshot::{Snapshot, SnapshotKey},
    successors::{KnownSuccessors, Successor, Successors},
    token::Token,
    wakeups::Wakeups,
};
pub use crate::log_id::LogId;
use crate::{
    criteria::Criteria,
    error::Error,
    finding::{VerifyCursor, VerifyPage},
    record::{Position, Record},
    rows::SharedRows,
    time::Timestamp,
};

/// One append-only log of events.
///
/// An append is always all or nothing. Positions only grow. The settled position is the high-water mark of the log: once it is at
/// a position, no new event ever appears at or below it.
///
/// Every call returns within a time that the store limits, with an error if need be: callers wait for it without a limit of their own.
///
/// ```
/// # use annalist_doc_tests::*;
/// use std::sync::{Arc, Mutex};
///
/// use annalist::{Memory, store::{Append, AppendOutcome}};
/// # use annalist::{Criteria, Position, Record, Timestamp, raw::store::Prefix};
/// # use annalist::store::{
/// #     Batch, CommandKey, Entry, FeedPage, LogId, Marker, Read, Settled, Snapshot, SnapshotKey,
/// # };
/// # use annalist::raw::{finding::{VerifyCursor, VerifyPage}, store::{PageLimit, StoredType, Successors, Wakeups}};
///
/// /// A store that counts the events that are appended to another store.
/// #[derive(Default)]
/// struct Counting {
///     inner: Memory,
///     events: Mutex<usize>,
/// }
///
/// #[async_trait::async_trait]
/// impl EventStore for Counting {
///     async fn append(&self, appends: Vec<Append>) -> Result<AppendOutcome, Error> {
///         *self.events.lock().unwrap() += appends.iter().map(|append| append.events.len()).sum::<usize>();
///         self.inner.append(appends).await
///     }
///
///     // All other methods call `inner`.
/// #     fn describe(&self) -> String {
/// #         self.inner.describe()
/// #     }
/// #     fn log_id(&self) -> LogId {
/// #         self.inner.log_id()
/// #     }
/// #     fn epoch(&self) -> u64 {
/// #         self.inner.epoch()
/// #     }
/// #     async fn read(&self, reads: &[Read]) -> Result<Vec<Batch>, Error> {
/// #         self.inner.read(reads).await
/// #     }
/// #     async fn read_all_chunked(
/// #         &self,
/// #         reads: &[Read],
/// #         each: &mut (dyn FnMut(usize, Vec<Record>) -> Result<(), Error> + Send),
/// #     ) -> Result<Vec<Marker>, Error> {
/// #         self.inner.read_all_chunked(reads, each).await
/// #     }
/// #     fn max_batch(&self) -> usize {
/// #         self.inner.max_batch()
/// #     }
/// #     async fn reserve(&self, criteria: &[Criteria]) -> annalist::raw::store::Reservation {
/// #         self.inner.reserve(criteria).await
/// #     }
/// #     async fn receipt(&self, key: &CommandKey) -> Result<Option<Receipt>, Error> {
/// #         self.inner.receipt(key).await
/// #     }
/// #     async fn feed(&self, filter: &Criteria, after: Position, limit: PageLimit) -> Result<FeedPage, Error> {
/// #         self.inner.feed(filter, after, limit).await
/// #     }
/// #     async fn settled(&self) -> Result<Settled, Error> {
/// #         self.inner.settled().await
/// #     }
/// #     fn wakeups(&self) -> Wakeups {
/// #         self.inner.wakeups()
/// #     }
/// #     async fn prefix_at(&self, time: Timestamp) -> Result<Prefix, Error> {
/// #         self.inner.prefix_at(time).await
/// #     }
/// #     async fn journal(&self, after: u64, limit: PageLimit) -> Result<Vec<Entry>, Error> {
/// #         self.inner.journal(after, limit).await
/// #     }
/// #     async fn count(&self, criteria: &Criteria, after: Position, up_to: Position) -> Result<u64, Error> {
/// #         self.inner.count(criteria, after, up_to).await
/// #     }
/// #     async fn stored_types(&self) -> Result<Vec<StoredType>, Error> {
/// #         self.inner.stored_types().await
/// #     }
/// #     async fn successors(&self) -> Result<Successors, Error> {
/// #         self.inner.successors().await
/// #     }
/// #     async fn snapshot(&self, key: &SnapshotKey) -> Result<Option<Snapshot>, Error> {
/// #         self.inner.snapshot(key).await
/// #     }
/// #     async fn save_snapshot(&self, key: &SnapshotKey, snapshot: &Snapshot) -> Result<(), Error> {
/// #         self.inner.save_snapshot(key, snapshot).await
/// #     }
/// #     async fn purge_command_ids(
/// #         &self,
/// #         before: Timestamp,
/// #         ids: std::ops::Range<&str>,
/// #     ) -> Result<u64, Error> {
/// #         self.inner.purge_command_ids(before, ids).await
/// #     }
/// #     async fn verify(&self, up_to: Position, after: &VerifyCursor) -> Result<VerifyPage, Error> {
/// #         self.inner.verify(up_to, after).await
/// #     }
/// }
///
/// # run(async {
/// let store = Arc::new(Counting::default());
/// let app = App::builder(Arc::clone(&store)).start().await?;
/// app.execute(open("ann", "Ann")).await?;
/// assert_eq!(*store.events.lock().unwrap(), 1);
/// # Ok(())
/// # });
/// ```
#[async_trait]
pub trait EventStore: Send + Sync + 'static {
    /// Returns the kind and the location of the store, for messages: ``sqlite log `bank.db` ``.
    fn describe(&self) -> String;

    /// Returns the identity of the log.
    fn log_id(&self) -> LogId;

    /// Returns how many times this store has found that its log lost events which it had seen: because a standby that lagged behind
    /// became the primary, or an older copy replaced the log. 0 for a log that cannot lose events. See [`SeenLog`].
    ///
    /// Markers of an earlier epoch do not hold any more, except that of a reader that had seen nothing.
    fn epoch(&self) -> u64;

    /// Returns, for each read, all matching records in position order and a [`Marker`] of the moment of the read.
    ///
    /// Everything that was acknowledged before the call is included. The marker of an empty result guards it as well. All records are
    /// in memory at once: [`read_all_chunked`](EventStore::read_all_chunked) has a limit.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer or a record is damaged.
    async fn read(&self, reads: &[Read]) -> Result<Vec<Batch>, Error>;

    /// Like [`read`](EventStore::read), but passes the records to `each` in chunks, so that long histories need not be in memory at
    /// once: a chunk has about [`PageLimit::CHUNK`] at most, and the store holds no more than about one chunk, however many reads there
    /// are. `each` gets the index of the read, and the records of one read in position order. All reads are of one moment, as those of
    /// [`read`](EventStore::read). Returns the marker of each read. An error of `each` ends all of them. The default implementation
    /// reads the settled records in pages of the feed, and the others in one read.
    ///
    /// # Errors
    /// As [`read`](EventStore::read), and the errors of `each`.
    async fn read_all_chunked(
        &self,
        reads: &[Read],
        each: &mut (dyn FnMut(usize, Vec<Record>) -> Result<(), Error> + Send),
    ) -> Result<Vec<Marker>, Error> {
        read_in_pages(self, reads, each).await
    }

    /// Executes one read in chunks: see [`read_all_chunked`](EventStore::read_all_chunked), which this calls. Returns its marker.
    ///
    /// # Errors
    /// As [`read_all_chunked`](EventStore::read_all_chunked).
    async fn read_chunked(
        &self,
        read: &Read,
        each: &mut (dyn FnMut(Vec<Record>) -> Result<(), Error> + Send),
    ) -> Result<Marker, Error> {
        let markers = self.read_all_chunked(slice::from_ref(read), &mut |_, records| each(records)).await?;
        Ok(markers.into_iter().next().unwrap_or(Marker::START))
    }

    /// Appends all of them in their order, or none. Each is appended if, and only if, no event that matches the criteria of one of
    /// its conditions was appended since the condition's marker.
    ///
    /// The conditions are checked against the log as it was before the first of these appends: their own events do not
    /// count. An append whose command id was accepted before is a [`Duplicate`](AppendOutcome::Duplicate); the id is checked
    /// before the successors of event names, then come the conditions, and the inline builds last. An append without events still checks its
    /// conditions and, if it has a command id, is remembered. Events, command ids, journal entries and the successors of event names
    /// ([`KnownSuccessors`]) are written in one transaction. Dropping the future leaves it whole or absent. Ids of events are stored as given, not compared.
    ///
    /// A successful append under a condition implies that the caller has seen every event that matches the criteria up to the last
    /// position of the receipt: from then on [`Marker::after`] of the receipt is a valid marker for the criteria.
    ///
    /// # Errors
    /// [`Error::Invalid`] if a command id belongs to another command; [`Error::Unusable`] if there are more than
    /// [`max_batch`](EventStore::max_batch) appends, or two have the same command id; [`Error::OutcomeUnknown`] if the answer
    /// was lost after the appends were sent; [`Error::Unavailable`] if a marker is of an earlier [`epoch`](EventStore::epoch).
    /// With every other error nothing was written.
    async fn append(&self, appends: Vec<Append>) -> Result<AppendOutcome, Error>;

    /// Appends one append: see [`append`](EventStore::append).
    ///
    /// # Errors
    /// As [`append`](EventStore::append).
    async fn append_one(&self, append: Append) -> Result<AppendOutcome<Receipt>, Error> {
        let outcome = self.append(vec![append]).await?;
        Ok(outcome.map(|mut receipts| receipts.pop().unwrap_or_default()))
    }

    /// Waits until no other caller, of any process, has a reservation of these criteria, and returns one. After a conflict a caller
    /// reserves, reads, appends and drops the reservation: so each of them appends in the end, however many there are.
    ///
    /// This only avoids conflicts. A store may return [`Reservation::none`] at any time, as the default implementation does. It
    /// must end the reservation of a process that ended, and must not make others wait long for a caller that hangs.
    async fn reserve(&self, criteria: &[Criteria]) -> Reservation {
        let _ = criteria;
        Reservation::none()
    }

    /// Returns the largest number of appends that one call of [`append`](EventStore::append) takes.
    fn max_batch(&self) -> usize {
        1
    }

    /// Returns the receipt of a command id that was accepted before, if it was.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the id belongs to another command; another [`Error`] if the store cannot answer.
    async fn receipt(&self, key: &CommandKey) -> Result<Option<Receipt>, Error>;

    /// Returns the next matching records after a position, from the settled part of the log only. The page ends where the limit
    /// says: see [`PageLimit`]. A store reads no more than that into memory, whatever the size of the payloads; [`PageBuilder`]
    /// does the counting.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer or a record is damaged.
    async fn feed(&self, filter: &Criteria, after: Position, limit: PageLimit) -> Result<FeedPage, Error>;

    /// Returns the high-water mark of the log: no new event ever appears at or below this position.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer.
    async fn settled(&self) -> Result<Settled, Error>;

    /// Returns a position up to which the log is settled, as far as this handle knows without asking: possibly not the highest, and by
    /// default the start. A store that knows that an append of its own is settled spares its followers a poll.
    fn known_settled(&self) -> Position {
        Position::START
    }

    /// Returns wake-up signals for appends of other processes, from now on; by default none. A consumer of the log must
    /// poll [`settled`](EventStore::settled) too, but may poll less often while there are signals.
    fn wakeups(&self) -> Wakeups {
        Wakeups::none()
    }

    /// Returns the longest prefix of the settled log whose recorded times are not later than `time`, and how many events it hides.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer.
    async fn prefix_at(&self, time: Timestamp) -> Result<Prefix, Error>;

    /// Returns the journal entries with numbers above `after` (0 for all), oldest first. The limit counts entries, and the bytes of
    /// their commands: it ends the result as it ends a page of [`feed`](EventStore::feed). Only an empty result is the end of the
    /// journal.
    ///
    /// Concurrent commands draw their numbers before they are written, so an entry may appear after one with a higher number.
    /// The journal is for inspection; a consumer of the log reads the feed.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer or an entry is damaged.
    async fn journal(&self, after: u64, limit: PageLimit) -> Result<Vec<Entry>, Error>;

    /// Returns the accepted command ids after an id (`""` for all) in the order of their bytes, with their receipts. The limit counts
    /// ids, and the bytes of [`AcceptedCommand::size`]. Only an empty result is the end.
    ///
    /// The default implementation returns an error, so that such a store cannot be exported.
    ///
    /// # Errors
    /// [`Error::Unusable`] if the store cannot list them; another [`Error`] if it cannot answer.
    async fn command_ids(&self, after: &str, limit: PageLimit) -> Result<Vec<AcceptedCommand>, Error> {
        let _ = (after, limit);
        Err(Error::unusable(
            format!("list the command ids of the {}", self.describe()),
            "this store does not implement `EventStore::command_ids`, so its log cannot be exported",
        ))
    }

    /// Begins an import: events, command ids and journal entries of another log, as they are there, into a log that is empty. See
    /// [`ImportTransaction`].
    ///
    /// The default implementation returns an error.
    ///
    /// # Errors
    /// [`Error::Unusable`] if the store cannot import, the log has events, command ids or journal entries, or a build of a projection is
    /// inline; [`Error::Unavailable`] if an append or another import did not end in time.
    async fn import(&self) -> Result<Box<dyn ImportTransaction>, Error> {
        let reason = "this store does not implement `EventStore::import`";
        Err(Error::unusable(format!("import into the {}", self.describe()), reason))
    }

    /// Returns the row store for projections beside the log, if the store has one.
    fn row_store(&self) -> Option<SharedRows> {
        None
    }

    /// Returns the number of matching records in the settled part of the log, after one position and up to another.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer.
    async fn count(&self, criteria: &Criteria, after: Position, up_to: Position) -> Result<u64, Error>;

    /// Returns the names of the event types in the log, in the order of their bytes, each with the positions of its first and its
    /// last event. The cost grows with the number of names, not with that of events.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer.
    async fn stored_types(&self) -> Result<Vec<StoredType>, Error>;

    /// Returns the successors of event names that the log has.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer.
    async fn successors(&self) -> Result<Successors, Error>;

    /// Returns the snapshot that was saved under a key, if there is one. Snapshots only save time: a store need not
    /// save any, and may remove them at any time.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer.
    async fn snapshot(&self, _key: &SnapshotKey) -> Result<Option<Snapshot>, Error> {
        Ok(None)
    }

    /// Saves a snapshot. It replaces the snapshot of the same aggregate and tag, unless that has the same fingerprint and a later
    /// position.
    ///
    /// # Errors
    /// [`Error`] if the store cannot save it.
    async fn save_snapshot(&self, _key: &SnapshotKey, _snapshot: &Snapshot) -> Result<(), Error> {
        Ok(())
    }

    /// Removes the command ids in a range, in the order of their bytes, that were accepted before a time, and returns their
    /// number. Events and journal entries stay. [`CommandKey::ALL_IDS`] is the range of all.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer.
    async fn purge_command_ids(&self, before: Timestamp, ids: Range<&str>) -> Result<u64, Error>;

    /// Checks one page of what the store holds besides the rows of projections, and returns the defects: events that are not valid,
    /// an index that differs from the events, missing positions up to `up_to`, command ids and journal entries that refer to other
    /// events, snapshots of a later position. The first page is that of [`VerifyCursor::default`], each page says where the next one
    /// begins, and has at most [`VerifyPage::MAX_ROWS`] rows. `up_to` is a settled position. What is appended meanwhile is never a
    /// defect, whatever the snapshot of each page.
    ///
    /// The default implementation checks the records of the feed.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer. Damaged data is a finding, never an error.
    async fn verify(&self, up_to: Position, after: &VerifyCursor) -> Result<VerifyPage, Error> {
        verify::verify_feed(self, up_to, after).await
    }
}

impl fmt::Debug for dyn EventStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.describe())
    }
}

/// [`EventStore::read_all_chunked`] with pages of the feed. Everything up to the last page of a read is settled and was read, so the
/// marker of a read that begins there is that of the whole read. These last reads are of one moment, and find only what was appended
/// since the pages were read, or is not settled.
async fn read_in_pages<S: EventStore + ?Sized>(
    store: &S,
    reads: &[Read],
    each: &mut (dyn FnMut(usize, Vec<Record>) -> Result<(), Error> + Send),
) -> Result<Vec<Marker>, Error> {
    let mut rest = reads.to_vec();
    for (index, read) in rest.iter_mut().enumerate() {
        loop {
            let page = store.feed(&read.criteria, read.after, PageLimit::CHUNK).await?;
            let FeedPage { mut records, up_to, is_full, .. } = page;
            records.retain(|record| record.position <= read.up_to);
            read.after = up_to;
            if !records.is_empty() {
                each(index, records)?;
            }
            if !is_full || up_to >= read.up_to {
                break;
            }
        }
    }
    let mut markers = Vec::with_capacity(reads.len());
    for (index, Batch { records, marker }) in store.read(&rest).await?.into_iter().enumerate() {
        if !records.is_empty() {
            each(index, records)?;
        }
        markers.push(marker);
    }
    Ok(markers)
}

/// An event store as [`App::builder`](crate::app::App::builder) takes it: by value, or in an `Arc`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event store",
    label = "an event store is needed here",
    note = "pass a store that implements `EventStore`, an `Arc` of one, or an `Arc<dyn EventStore>`"
)]
pub trait IntoEventStore {
    /// Returns the store in an `Arc`.
    fn into_event_store(self) -> Arc<dyn EventStore>;
}

impl<S: EventStore> IntoEventStore for S {
    fn into_event_store(self) -> Arc<dyn EventStore> {
        Arc::new(self)
    }
}

impl<S: EventStore> IntoEventStore for Arc<S> {
    fn into_event_store(self) -> Arc<dyn EventStore> {
        self
    }
}

impl IntoEventStore for Arc<dyn EventStore> {
    fn into_event_store(self) -> Self {
        self
    }
}
