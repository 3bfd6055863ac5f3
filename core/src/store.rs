//! The port to event stores. Adapters implement [`EventStore`], and the conformance suite checks them.
//!
//! A store holds records with JSON payloads and never sees a user's type. The rest of the program refers to it as
//! `Arc<dyn EventStore>`.

mod append;
mod archive;
mod defaults;
mod import;
mod into_store;
mod marker;
mod page;
mod read;
mod receipt;
mod reservation;
mod restore;
mod rewrite;
mod seen;
mod snapshot;
mod successors;
mod token;
mod verify;
mod wakeups;

use std::{ops::Range, slice};

use async_trait::async_trait;

pub(crate) use self::marker::losses;
pub use self::{
    append::{Append, AppendOutcome, CommandKey, Condition, JournalRecord},
    archive::{Archive, ArchiveChange, ArchiveState, ArchiveStep, RemovedEvents},
    import::{AcceptedCommand, ImportTransaction, PolicyCheckpoint},
    into_store::IntoEventStore,
    marker::Marker,
    page::{PageBuilder, PageLimit},
    read::{Batch, Entry, FeedPage, Gap, Outcome, Prefix, Read, Settled, StoredType, StoredVersion},
    receipt::{EventRef, Included, Receipt},
    reservation::Reservation,
    restore::{ArchivedEvents, Restore, RestoreStep},
    rewrite::{Rewrite, RewriteState, RewriteStep, RewriteTarget},
    seen::{Seen, SeenLog},
    snapshot::{Snapshot, SnapshotKey},
    successors::{KnownSuccessors, Successor, Successors},
    token::Token,
    wakeups::Wakeups,
};
#[cfg(feature = "secrets")]
pub(crate) use self::{defaults::read_in_pages, marker::LOSSES_BITS};
pub use crate::log_id::LogId;
use crate::{
    criteria::Criteria,
    error::Error,
    finding::{VerifyCursor, VerifyPage},
    keys::SharedKeys,
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
/// #     fn describe(&self) -> String { self.inner.describe() }
/// #     fn log_id(&self) -> LogId { self.inner.log_id() }
/// #     fn epoch(&self) -> u64 { self.inner.epoch() }
/// #     async fn read(&self, reads: &[Read]) -> Result<Vec<Batch>, Error> { self.inner.read(reads).await }
/// #     async fn read_all_chunked(
/// #         &self,
/// #         reads: &[Read],
/// #         each: &mut (dyn FnMut(usize, Vec<Record>) -> Result<(), Error> + Send),
/// #     ) -> Result<Vec<Marker>, Error> {
/// #         self.inner.read_all_chunked(reads, each).await
/// #     }
/// #     fn max_batch(&self) -> usize { self.inner.max_batch() }
/// #     async fn reserve(&self, criteria: &[Criteria]) -> annalist::raw::store::Reservation { self.inner.reserve(criteria).await }
/// #     async fn receipt(&self, key: &CommandKey) -> Result<Option<Receipt>, Error> { self.inner.receipt(key).await }
/// #     async fn feed(&self, filter: &Criteria, after: Position, limit: PageLimit) -> Result<FeedPage, Error> { self.inner.feed(filter, after, limit).await }
/// #     async fn settled(&self) -> Result<Settled, Error> { self.inner.settled().await }
/// #     fn wakeups(&self) -> Wakeups { self.inner.wakeups() }
/// #     async fn prefix_at(&self, time: Timestamp) -> Result<Prefix, Error> { self.inner.prefix_at(time).await }
/// #     async fn journal(&self, after: u64, limit: PageLimit) -> Result<Vec<Entry>, Error> { self.inner.journal(after, limit).await }
/// #     async fn count(&self, criteria: &Criteria, after: Position, up_to: Position) -> Result<u64, Error> { self.inner.count(criteria, after, up_to).await }
/// #     async fn stored_types(&self) -> Result<Vec<StoredType>, Error> { self.inner.stored_types().await }
/// #     async fn count_type(&self, name: &str, version: Option<u32>, limit: u64) -> Result<u64, Error> { self.inner.count_type(name, version, limit).await }
/// #     async fn successors(&self) -> Result<Successors, Error> { self.inner.successors().await }
/// #     async fn snapshot(&self, key: &SnapshotKey) -> Result<Option<Snapshot>, Error> { self.inner.snapshot(key).await }
/// #     async fn save_snapshot(&self, key: &SnapshotKey, snapshot: &Snapshot) -> Result<(), Error> { self.inner.save_snapshot(key, snapshot).await }
/// #     async fn purge_command_ids(
/// #         &self,
/// #         before: Timestamp,
/// #         ids: std::ops::Range<&str>,
/// #     ) -> Result<u64, Error> {
/// #         self.inner.purge_command_ids(before, ids).await
/// #     }
/// #     async fn verify(&self, up_to: Position, after: &VerifyCursor) -> Result<VerifyPage, Error> { self.inner.verify(up_to, after).await }
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
        defaults::read_in_pages(self, reads, each).await
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

    /// Returns a page that [`feed`](EventStore::feed) would have returned a moment ago, without asking the database: if this handle has
    /// itself appended all events from a settled position up to the end of the page. Otherwise, and by default, `None`. More events may
    /// be settled after the page. A loss of events is not noticed: followers read the first page, and one after an error, by `feed`. The
    /// errors are those of `feed`.
    async fn recent_page(
        &self,
        filter: &Criteria,
        after: Position,
        limit: PageLimit,
    ) -> Result<Option<FeedPage>, Error> {
        let _ = (filter, after, limit);
        Ok(None)
    }

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
        defaults::unsupported(format!("list the command ids of the {}", self.describe()), "command_ids")
    }

    /// Returns the checkpoints of the policies of this log that are in the row store beside it, sorted by name; by default none.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer.
    async fn policies(&self) -> Result<Vec<PolicyCheckpoint>, Error> {
        Ok(Vec::new())
    }

    /// Begins an import: what another log has, as it is there, into a log that is empty. See [`ImportTransaction`].
    ///
    /// The default implementation returns an error.
    ///
    /// # Errors
    /// [`Error::Unusable`] if the store cannot import, the log has events, command ids or journal entries, or a build of a projection is
    /// inline; [`Error::Unavailable`] if an append or another import did not end in time.
    async fn import(&self) -> Result<Box<dyn ImportTransaction>, Error> {
        defaults::unsupported(format!("import into the {}", self.describe()), "import")
    }

    /// Returns the row store for projections beside the log, if the store has one.
    fn row_store(&self) -> Option<SharedRows> {
        None
    }

    /// Returns the store for the keys of subjects beside the log, if the store has one.
    fn key_store(&self) -> Option<SharedKeys> {
        None
    }

    /// Returns the log as it is stored, if this store decrypts it: exports have the secrets of events encrypted.
    fn as_stored(&self) -> Option<&dyn EventStore> {
        None
    }

    /// Returns the number of matching records in the settled part of the log, after one position and up to another.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer.
    async fn count(&self, criteria: &Criteria, after: Position, up_to: Position) -> Result<u64, Error>;

    /// Returns the names of the event types in the log, in the order of their bytes, each with its versions after version 1 and the
    /// positions of the first and the last event of each. The cost grows with the number of names and versions.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer.
    async fn stored_types(&self) -> Result<Vec<StoredType>, Error>;

    /// Returns the number of events that are stored under a name, in one version after version 1 or in all versions, settled or not.
    /// More than `limit` are not counted: the result is at most `limit`, and the work grows with the result. The default implementation
    /// counts the settled events in pages of the feed.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer.
    async fn count_type(&self, name: &str, version: Option<u32>, limit: u64) -> Result<u64, Error> {
        defaults::count_in_pages(self, name, version, limit).await
    }

    /// Returns the successors of event names that the log has, and the [`Rewrite`]s.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer.
    async fn successors(&self) -> Result<Successors, Error>;

    /// Writes one step of a pass over stored events, in one transaction while no append is running: adds tags or replaces payloads, and
    /// changes the state of the pass. If the log has something else than the caller has found, nothing is written. Returns the pass as
    /// it is stored then; [`RewriteStep::apply`] has the rules. A change of the state changes the version of [`successors`](EventStore::successors), so that each append that knows the list of
    /// before is refused. Everything else of an event stays. Tags are not added twice, and positions without an event of this name are
    /// skipped. The step that completes an encryption removes all snapshots. The default implementation returns an error.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the step is not valid; [`Error::Unusable`] if the store cannot change events; [`Error::Unavailable`] if an append
    /// or an import did not end in time; [`Error::OutcomeUnknown`] if the answer was lost.
    async fn rewrite(&self, step: RewriteStep) -> Result<Rewrite, Error> {
        defaults::unsupported(format!("rewrite `{}` in the {}", step.name, self.describe()), "rewrite")
    }

    /// Overwrites the bytes of replaced payloads and removed journal entries, as far as the engine can do so while programs are running; by default it does nothing.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer, or a transaction prevents it.
    async fn overwrite_replaced(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Returns the archives of the log, by their numbers; by default none.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer.
    async fn archives(&self) -> Result<Vec<Archive>, Error> {
        Ok(Vec::new())
    }

    /// Returns the events that have left the log for an [`Archive`], after a position, in order: their positions and ids. The limit counts
    /// them. Only an empty result is the end.
    ///
    /// The default implementation returns none if there are no archives, and otherwise an error, so that such a log is not exported without
    /// them.
    ///
    /// # Errors
    /// [`Error::Unusable`] if the store cannot list them; another [`Error`] if it cannot answer.
    async fn tombstones(&self, after: Position, limit: PageLimit) -> Result<Vec<EventRef>, Error> {
        let _ = (after, limit);
        defaults::tombstones(self).await
    }

    /// Writes one step of an archive, in one transaction while no append is running: closes ids, or removes their events.
    /// Returns the archive as it is stored then. [`ArchiveStep::apply`] has the rules.
    ///
    /// While ids are closed, each append that has one of them in an event or a condition, and each [`read`](EventStore::read) by one of
    /// them is refused with [`Invalid::Archived`](crate::error::Invalid::Archived). A command id that was accepted before stays accepted. Feeds and counts are not
    /// refused. An event is removed if it has an id of the archive and all its ids are closed; its position stays taken, and
    /// [`event_at`](EventStore::event_at) still returns its id. A condition without a tag, whose marker is before the last removed event,
    /// is a conflict. Command ids and journal entries stay. The default implementation returns an error.
    ///
    /// # Errors
    /// Those of [`ArchiveStep::apply`]; [`Error::Unusable`] if the store cannot archive; [`Error::Unavailable`] if an append or an import did
    /// not end in time; [`Error::OutcomeUnknown`] if the answer was lost.
    async fn archive(&self, step: ArchiveStep) -> Result<Archive, Error> {
        drop(step);
        defaults::unsupported(format!("archive events of the {}", self.describe()), "archive")
    }

    /// Opens the ids of an archive again, and returns its events to their positions page by page, in one transaction while no append is running.
    /// [`Restore`] has the rules. After an error of their source nothing is written. The default implementation returns an error.
    ///
    /// # Errors
    /// Those of [`Restore`] and of the source; otherwise as [`archive`](EventStore::archive).
    async fn restore(&self, step: RestoreStep) -> Result<Archive, Error> {
        drop(step);
        defaults::unsupported(format!("restore events of the {}", self.describe()), "restore")
    }

    /// Returns the event at a position, settled or not, if the log has or had one: an archived event, too. The default implementation
    /// reads it.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer.
    async fn event_at(&self, position: Position) -> Result<Option<EventRef>, Error> {
        defaults::event_at(self, position).await
    }

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

    /// Removes the journal entries of commands that were recorded before a time, and returns their number. Their bytes are overwritten as those of
    /// replaced payloads: see [`overwrite_replaced`](EventStore::overwrite_replaced). Events and command ids stay, and no later entry gets the
    /// number of a removed one. The default implementation returns an error.
    ///
    /// # Errors
    /// [`Error::Unusable`] if the store cannot remove them; another [`Error`] if it cannot answer. Some may be removed then.
    async fn purge_journal(&self, before: Timestamp) -> Result<u64, Error> {
        defaults::unsupported(
            format!("purge the journal of the {} before {before}", self.describe()),
            "purge_journal",
        )
    }

    /// Checks one page of what the store holds besides the rows of projections, and returns the defects: events that are not valid,
    /// an index that differs from the events, missing positions up to `up_to`, command ids and journal entries that refer to other
    /// events, snapshots of a later position, successors of event names that begin with no event of their name. The first page is that of [`VerifyCursor::default`], each page says where the next one
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
