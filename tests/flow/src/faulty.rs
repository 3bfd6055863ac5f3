//! A store with a plan: before or behind an append it does what a test asked for.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use annalist::{
    Criteria, Error, EventStore, LogId, Memory, Position, Receipt, Timestamp,
    store::{
        Append, AppendOutcome, Batch, CommandKey, Entry, Page, Read, Settled, Snapshot, SnapshotKey, Wakeups,
    },
};
use async_trait::async_trait;
use tokio::sync::{Semaphore, watch};

/// What happens to one append.
#[derive(Debug)]
pub enum Fault {
    /// Somebody else's append comes first.
    Overtaken(Box<Append>),
    /// The append arrives, its answer does not.
    AnswerLost,
    /// The append does not arrive, nor does an answer.
    RequestLost,
    /// The store does not answer, and says that it did nothing.
    Refused,
    /// The append waits until the test lets it go.
    Held,
}

/// A memory store that meets one fault an append, in order, and then none.
#[derive(Debug)]
pub struct Faulty {
    /// The store below.
    pub inner: Memory,
    faults: Mutex<VecDeque<Fault>>,
    /// Lets held appends go.
    pub gate: Semaphore,
    /// Counts appends that are held.
    pub held: Semaphore,
    /// How often it was read.
    pub reads: AtomicUsize,
    /// How many records it gave.
    pub records: AtomicUsize,
    /// The snapshots that it was asked to keep. It gives the last one of a key.
    pub snapshots: Mutex<Vec<(SnapshotKey, Snapshot)>>,
    /// How many appends came, and together with how many.
    pub together: Mutex<Vec<usize>>,
    /// How often it was asked how far it is settled.
    pub looks: AtomicUsize,
    /// Tells of the appends of others, when a test wants it to.
    pub wakeups: Mutex<Option<watch::Sender<()>>>,
}

impl Faulty {
    /// A store with these faults ahead.
    pub fn new(faults: impl IntoIterator<Item = Fault>) -> Self {
        Self {
            inner: Memory::new(),
            faults: Mutex::new(faults.into_iter().collect()),
            gate: Semaphore::new(0),
            held: Semaphore::new(0),
            reads: AtomicUsize::new(0),
            records: AtomicUsize::new(0),
            snapshots: Mutex::default(),
            together: Mutex::default(),
            looks: AtomicUsize::new(0),
            wakeups: Mutex::new(Some(watch::Sender::default())),
        }
    }

    /// More faults.
    pub fn plan(&self, faults: impl IntoIterator<Item = Fault>) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).extend(faults);
    }

    /// How many faults are still ahead.
    pub fn left(&self) -> usize {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Tells of an append of somebody else.
    pub fn hint(&self) {
        if let Some(wakeups) = self.wakeups.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            wakeups.send_replace(());
        }
    }

    fn next(&self) -> Option<Fault> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

#[async_trait]
impl EventStore for Faulty {
    fn describe(&self) -> String {
        "faulty log in memory".to_owned()
    }

    fn log_id(&self) -> LogId {
        self.inner.log_id()
    }

    /// After reading, everybody else gets their turn: as on a real store, where an answer takes its time.
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

    async fn append(&self, appends: Vec<Append>) -> Result<AppendOutcome, Error> {
        self.together.lock().unwrap_or_else(PoisonError::into_inner).push(appends.len());
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

    async fn receipt(&self, key: &CommandKey) -> Result<Option<Receipt>, Error> {
        self.inner.receipt(key).await
    }

    async fn feed(&self, filter: &Criteria, after: Position, limit: usize) -> Result<Page, Error> {
        let page = self.inner.feed(filter, after, limit).await;
        self.records.fetch_add(page.iter().map(|page| page.records.len()).sum(), Ordering::SeqCst);
        page
    }

    async fn settled(&self) -> Result<Settled, Error> {
        self.looks.fetch_add(1, Ordering::SeqCst);
        self.inner.settled().await
    }

    fn wakeups(&self) -> Wakeups {
        let wakeups = self.wakeups.lock().unwrap_or_else(PoisonError::into_inner);
        wakeups.as_ref().map_or(Wakeups::none(), |sender| sender.subscribe().into())
    }

    async fn position_at(&self, time: Timestamp) -> Result<Position, Error> {
        self.inner.position_at(time).await
    }

    async fn journal(&self, after: u64, limit: usize) -> Result<Vec<Entry>, Error> {
        self.inner.journal(after, limit).await
    }

    async fn count(&self, criteria: &Criteria, after: Position, up_to: Position) -> Result<u64, Error> {
        self.inner.count(criteria, after, up_to).await
    }

    async fn snapshot(&self, key: &SnapshotKey) -> Result<Option<Snapshot>, Error> {
        let snapshots = self.snapshots.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(snapshots.iter().rev().find(|(kept, _)| kept == key).map(|(_, snapshot)| snapshot.clone()))
    }

    async fn save_snapshot(&self, key: &SnapshotKey, snapshot: &Snapshot) -> Result<(), Error> {
        let mut snapshots = self.snapshots.lock().unwrap_or_else(PoisonError::into_inner);
        snapshots.push((key.clone(), snapshot.clone()));
        Ok(())
    }

    async fn purge_command_ids(&self, before: Timestamp) -> Result<u64, Error> {
        self.inner.purge_command_ids(before).await
    }
}
