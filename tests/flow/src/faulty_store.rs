//! An event store that injects planned faults into appends and counts calls.

use std::{
    collections::VecDeque,
    ops::Range,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use annalist::{
    Criteria, Error, EventStore, Memory, Position, Receipt, Timestamp,
    keys::SharedKeys,
    raw::{
        finding::{VerifyCursor, VerifyPage},
        store::{
            Archive, ArchiveStep, EventRef, PageLimit, Prefix, Reservation, RestoreStep, Rewrite,
            RewriteStep, StoredType, Successors, Wakeups,
        },
    },
    store::{
        Append, AppendOutcome, Batch, CommandKey, Entry, FeedPage, LogId, Read, Settled, Snapshot,
        SnapshotKey,
    },
};
use async_trait::async_trait;
use tokio::sync::{Semaphore, watch};

/// A fault of one append.
#[derive(Debug)]
pub enum Fault {
    /// Another append is committed first.
    Overtaken(Box<Append>),
    /// The append is committed, but its response is lost.
    AnswerLost,
    /// The request is lost: nothing is committed, and there is no response.
    RequestLost,
    /// The store is unavailable, and reports that it committed nothing.
    Refused,
    /// The append waits for a permit of [`FaultyStore::gate`].
    Held,
}

/// A memory store with one planned fault for each append, in order, until none is left.
pub struct FaultyStore {
    /// The wrapped store.
    pub inner: Memory,
    faults: Mutex<VecDeque<Fault>>,
    /// Each permit releases one held append.
    pub gate: Semaphore,
    /// Has one permit for each held append.
    pub held: Semaphore,
    /// The number of calls of `read`.
    pub reads: AtomicUsize,
    /// The number of records that it returned.
    pub records: AtomicUsize,
    /// The saved snapshots. Of several with the same key the last one is returned.
    pub snapshots: Mutex<Vec<(SnapshotKey, Snapshot)>>,
    /// The number of appends of each batch.
    pub batch_sizes: Mutex<Vec<usize>>,
    /// The number of calls of `settled`.
    pub polls: AtomicUsize,
    /// The number of calls of `feed`.
    pub pages: AtomicUsize,
    /// Whether the store knows at once that its appends are settled.
    pub knows_settled: AtomicBool,
    /// Sends wake-ups when a test calls [`FaultyStore::wake_up`].
    pub wakeups: Mutex<Option<watch::Sender<()>>>,
    /// Whether callers can reserve. It is not checked that only one at a time does.
    pub has_reservations: AtomicBool,
    /// The number of reservations.
    pub reserved: AtomicUsize,
    /// The number of appends during a reservation.
    pub reserved_appends: AtomicUsize,
    held_reservations: Arc<AtomicUsize>,
    /// The number of calls of `settled` that panic.
    pub poll_panics: AtomicUsize,
    /// Whether appends are written without their conditions, as by a broken store.
    pub drops_conditions: AtomicBool,
    /// Whether appends are written without what they know of the successors of event names.
    pub drops_successors: AtomicBool,
    /// Whether the store conceals the passes that have rewritten events from its readers.
    pub hides_rewrites: AtomicBool,
    /// What happens before the next step that rewrites events is written.
    pub before_rewrite: Mutex<Option<Change>>,
    /// What happens to the next steps of archives, in order.
    pub archive_steps: Mutex<VecDeque<Option<LostStep>>>,
    /// What happens before the next restore of an archive.
    pub before_restore: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

/// A change that another task makes during a call.
pub type Change = Pin<Box<dyn Future<Output = ()> + Send>>;

/// When a step of an archive is lost.
#[derive(Clone, Copy, Debug)]
pub enum LostStep {
    /// Before it is written.
    Before,
    /// After it was written.
    After,
}

/// Counts a reservation until it is dropped.
struct ReservationGuard(Arc<AtomicUsize>);

impl Drop for ReservationGuard {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl FaultyStore {
    /// Creates a store with these planned faults.
    pub fn new(faults: impl IntoIterator<Item = Fault>) -> Self {
        Self {
            inner: Memory::new(),
            faults: Mutex::new(faults.into_iter().collect()),
            gate: Semaphore::new(0),
            held: Semaphore::new(0),
            reads: AtomicUsize::new(0),
            records: AtomicUsize::new(0),
            snapshots: Mutex::default(),
            batch_sizes: Mutex::default(),
            polls: AtomicUsize::new(0),
            pages: AtomicUsize::new(0),
            knows_settled: AtomicBool::new(false),
            wakeups: Mutex::new(Some(watch::Sender::default())),
            has_reservations: AtomicBool::new(false),
            reserved: AtomicUsize::new(0),
            reserved_appends: AtomicUsize::new(0),
            held_reservations: Arc::default(),
            poll_panics: AtomicUsize::new(0),
            drops_conditions: AtomicBool::new(false),
            drops_successors: AtomicBool::new(false),
            hides_rewrites: AtomicBool::new(false),
            before_rewrite: Mutex::default(),
            archive_steps: Mutex::default(),
            before_restore: Mutex::default(),
        }
    }

    /// Plans further faults.
    pub fn plan(&self, faults: impl IntoIterator<Item = Fault>) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).extend(faults);
    }

    /// The number of planned faults that remain.
    pub fn remaining(&self) -> usize {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Wakes subscribers, as after an append of another process.
    pub fn wake_up(&self) {
        if let Some(wakeups) = self.wakeups.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            wakeups.send_replace(());
        }
    }

    fn next(&self) -> Option<Fault> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

#[async_trait]
impl EventStore for FaultyStore {
    fn describe(&self) -> String {
        "faulty log in memory".to_owned()
    }

    fn log_id(&self) -> LogId {
        self.inner.log_id()
    }

    fn epoch(&self) -> u64 {
        self.inner.epoch()
    }

    /// Yields after reading, so that other tasks run before the response, as with a real store.
    async fn read(&self, reads: &[Read]) -> Result<Vec<Batch>, Error> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        let batches = self.inner.read(reads).await;
        let records = batches.iter().flatten().map(|batch| batch.records.len()).sum();
        self.records.fetch_add(records, Ordering::SeqCst);
        tokio::task::yield_now().await;
        batches
    }

    fn max_batch(&self) -> usize {
        self.inner.max_batch()
    }

    async fn append(&self, mut appends: Vec<Append>) -> Result<AppendOutcome, Error> {
        if self.drops_conditions.load(Ordering::SeqCst) {
            appends.iter_mut().for_each(|append| append.conditions.clear());
        }
        if self.drops_successors.load(Ordering::SeqCst) {
            appends.iter_mut().for_each(|append| append.successors = None);
        }
        self.batch_sizes.lock().unwrap_or_else(PoisonError::into_inner).push(appends.len());
        self.reserved_appends.fetch_add(self.held_reservations.load(Ordering::SeqCst), Ordering::SeqCst);
        tokio::task::yield_now().await;
        match self.next() {
            None => {}
            Some(Fault::Overtaken(other)) => {
                self.inner.append_one(*other).await?;
            }
            Some(Fault::AnswerLost) => {
                self.inner.append(appends).await?;
                return Err(Error::unknown("append", "the connection was cut"));
            }
            Some(Fault::RequestLost) => return Err(Error::unknown("append", "the connection was cut")),
            Some(Fault::Refused) => return Err(Error::unavailable("append", "no connection")),
            Some(Fault::Held) => {
                self.held.add_permits(1);
                if let Ok(permit) = self.gate.acquire().await {
                    permit.forget();
                }
            }
        }
        self.inner.append(appends).await
    }

    async fn reserve(&self, _: &[Criteria]) -> Reservation {
        if !self.has_reservations.load(Ordering::SeqCst) {
            return Reservation::none();
        }
        self.reserved.fetch_add(1, Ordering::SeqCst);
        self.held_reservations.fetch_add(1, Ordering::SeqCst);
        Reservation::new(ReservationGuard(Arc::clone(&self.held_reservations)), false)
    }

    async fn receipt(&self, key: &CommandKey) -> Result<Option<Receipt>, Error> {
        self.inner.receipt(key).await
    }

    async fn feed(&self, filter: &Criteria, after: Position, limit: PageLimit) -> Result<FeedPage, Error> {
        self.pages.fetch_add(1, Ordering::SeqCst);
        let page = self.inner.feed(filter, after, limit).await;
        self.records.fetch_add(page.iter().map(|page| page.records.len()).sum(), Ordering::SeqCst);
        page
    }

    async fn settled(&self) -> Result<Settled, Error> {
        self.polls.fetch_add(1, Ordering::SeqCst);
        let panics =
            self.poll_panics.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        assert!(panics.is_err(), "a poll panics");
        self.inner.settled().await
    }

    fn known_settled(&self) -> Position {
        match self.knows_settled.load(Ordering::SeqCst) {
            true => self.inner.known_settled(),
            false => Position::START,
        }
    }

    fn wakeups(&self) -> Wakeups {
        let wakeups = self.wakeups.lock().unwrap_or_else(PoisonError::into_inner);
        wakeups.as_ref().map_or(Wakeups::none(), |sender| sender.subscribe().into())
    }

    async fn prefix_at(&self, time: Timestamp) -> Result<Prefix, Error> {
        self.inner.prefix_at(time).await
    }

    async fn journal(&self, after: u64, limit: PageLimit) -> Result<Vec<Entry>, Error> {
        self.inner.journal(after, limit).await
    }

    async fn count(&self, criteria: &Criteria, after: Position, up_to: Position) -> Result<u64, Error> {
        self.inner.count(criteria, after, up_to).await
    }

    async fn stored_types(&self) -> Result<Vec<StoredType>, Error> {
        self.inner.stored_types().await
    }

    async fn count_type(&self, name: &str, version: Option<u32>, limit: u64) -> Result<u64, Error> {
        self.inner.count_type(name, version, limit).await
    }

    async fn successors(&self) -> Result<Successors, Error> {
        let list = self.inner.successors().await?;
        Ok(match self.hides_rewrites.load(Ordering::SeqCst) {
            true => list.with_rewrites(Vec::new()),
            false => list,
        })
    }

    async fn rewrite(&self, step: RewriteStep) -> Result<Rewrite, Error> {
        if !step.payloads.is_empty() {
            let change = self.before_rewrite.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(change) = change {
                change.await;
            }
        }
        self.inner.rewrite(step).await
    }

    fn key_store(&self) -> Option<SharedKeys> {
        self.inner.key_store()
    }

    async fn overwrite_replaced(&self) -> Result<(), Error> {
        self.inner.overwrite_replaced().await
    }

    async fn archives(&self) -> Result<Vec<Archive>, Error> {
        self.inner.archives().await
    }

    async fn archive(&self, step: ArchiveStep) -> Result<Archive, Error> {
        let lost = self.archive_steps.lock().unwrap_or_else(PoisonError::into_inner).pop_front().flatten();
        let unavailable = || Error::unavailable("archive", "the connection was lost");
        match lost {
            None => self.inner.archive(step).await,
            Some(LostStep::Before) => Err(unavailable()),
            Some(LostStep::After) => self.inner.archive(step).await.and(Err(unavailable())),
        }
    }

    async fn restore(&self, step: RestoreStep) -> Result<Archive, Error> {
        if let Some(change) = self.before_restore.lock().unwrap_or_else(PoisonError::into_inner).take() {
            change();
        }
        self.inner.restore(step).await
    }

    async fn tombstones(&self, after: Position, limit: PageLimit) -> Result<Vec<EventRef>, Error> {
        self.inner.tombstones(after, limit).await
    }

    async fn event_at(&self, position: Position) -> Result<Option<EventRef>, Error> {
        self.inner.event_at(position).await
    }

    async fn snapshot(&self, key: &SnapshotKey) -> Result<Option<Snapshot>, Error> {
        let snapshots = self.snapshots.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(snapshots.iter().rev().find(|(saved, _)| saved == key).map(|(_, snapshot)| snapshot.clone()))
    }

    async fn save_snapshot(&self, key: &SnapshotKey, snapshot: &Snapshot) -> Result<(), Error> {
        let mut snapshots = self.snapshots.lock().unwrap_or_else(PoisonError::into_inner);
        snapshots.push((key.clone(), snapshot.clone()));
        Ok(())
    }

    async fn purge_journal(&self, before: Timestamp) -> Result<u64, Error> {
        self.inner.purge_journal(before).await
    }

    async fn purge_command_ids(&self, before: Timestamp, ids: Range<&str>) -> Result<u64, Error> {
        self.inner.purge_command_ids(before, ids).await
    }

    async fn verify(&self, up_to: Position, after: &VerifyCursor) -> Result<VerifyPage, Error> {
        self.inner.verify(up_to, after).await
    }
}
