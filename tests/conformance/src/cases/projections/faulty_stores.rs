//! Stores with deliberate faults that a runner must tolerate.

use std::{
    ops::Range,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use annalist_core::{
    BoxError, Error,
    criteria::Criteria,
    finding::{VerifyCursor, VerifyPage},
    record::Position,
    rows::{
        Build, Checkpoint, Claim, CommitOutcome, FollowerRequests, Key, Parked, PromoteOutcome, Row,
        RowChange, RowQuery, RowStore, SharedRows, Table,
    },
    store::{
        Append, AppendOutcome, Batch, CommandKey, Entry, EventStore, FeedPage, LogId, PageLimit, Prefix,
        Read, Receipt, Settled, StoredType, Successors,
    },
    time::Timestamp,
};
use async_trait::async_trait;
use tokio::sync::{Notify, watch};

use super::balances::BALANCES;

/// The fault of one call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum CallFault {
    /// The call fails without effect.
    FailsBefore,
    /// The call takes effect, but its response is lost.
    LosesResponse,
    /// The call never returns and has no effect.
    HangsBefore,
    /// The call takes effect and never returns.
    HangsAfter,
}

/// A row store with a fault at one call, or that is down. It stores tables under another version number, so that several
/// of them can share one store.
pub(super) struct FaultyRows {
    inner: SharedRows,
    version: u32,
    fault: Option<(usize, CallFault)>,
    calls: AtomicUsize,
    down: AtomicBool,
    /// Notified when a call hangs.
    pub(super) hangs: Notify,
}

impl FaultyRows {
    /// Without faults.
    pub(super) fn new(inner: SharedRows, version: u32) -> Self {
        let (calls, down) = (AtomicUsize::new(0), AtomicBool::new(false));
        Self { inner, version, fault: None, calls, down, hangs: Notify::new() }
    }

    /// Adds a fault at the call with this number.
    pub(super) fn with(self, call: usize, fault: CallFault) -> Self {
        Self { fault: Some((call, fault)), ..self }
    }

    /// From now on every call fails, or works again.
    pub(super) fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    /// The number of calls.
    pub(super) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// Whether the faulty call was made.
    pub(super) fn fault_occurred(&self) -> bool {
        self.fault.is_some_and(|(call, _)| self.calls.load(Ordering::SeqCst) > call)
    }

    async fn call<T>(
        &self,
        writes: bool,
        request: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        if self.down.load(Ordering::SeqCst) {
            return Err(Error::unavailable("access rows", BoxError::from("the store is down")));
        }
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        let Some((_, fault)) = self.fault.filter(|(number, _)| *number == call) else {
            return request.await;
        };
        if matches!(fault, CallFault::LosesResponse | CallFault::HangsAfter) {
            request.await?;
        }
        match fault {
            CallFault::LosesResponse if writes => {
                Err(Error::unknown("write rows", BoxError::from("the connection was closed")))
            }
            CallFault::FailsBefore | CallFault::LosesResponse => {
                Err(Error::unavailable("access rows", BoxError::from("the connection was closed")))
            }
            CallFault::HangsBefore | CallFault::HangsAfter => {
                self.hangs.notify_one();
                std::future::pending().await
            }
        }
    }

    fn table(&self, table: &Table) -> Table {
        Table { version: self.version, ..*table }
    }
}

#[async_trait]
impl RowStore for FaultyRows {
    fn describe_rows(&self) -> String {
        format!("faulty {}", self.inner.describe_rows())
    }

    async fn define(&self, table: &Table, events: &str, log: LogId) -> Result<Checkpoint, Error> {
        self.call(true, self.inner.define(&self.table(table), events, log)).await
    }

    /// The builds of its version, with the original version number.
    async fn builds(&self, projection: &str) -> Result<Vec<Build>, Error> {
        let builds = self.call(false, self.inner.builds(projection)).await?;
        let own = builds.into_iter().filter(|build| build.version == self.version);
        Ok(own.map(|build| Build { version: BALANCES.version, ..build }).collect())
    }

    async fn rows(&self, table: &Table, keys: &[Key]) -> Result<Vec<Option<Row>>, Error> {
        self.call(false, self.inner.rows(&self.table(table), keys)).await
    }

    async fn commit(&self, change: RowChange) -> Result<CommitOutcome, Error> {
        let table = self.table(&change.table);
        self.call(true, self.inner.commit(RowChange { table, ..change })).await
    }

    async fn report(&self, table: &Table, stopped: Option<&str>) -> Result<(), Error> {
        self.call(true, self.inner.report(&self.table(table), stopped)).await
    }

    async fn replace_claim(
        &self,
        table: &Table,
        expected: Option<Claim>,
        claim: Option<Claim>,
    ) -> Result<bool, Error> {
        self.call(true, self.inner.replace_claim(&self.table(table), expected, claim)).await
    }

    async fn replace_requests(&self, table: &Table, requests: &FollowerRequests) -> Result<bool, Error> {
        self.call(true, self.inner.replace_requests(&self.table(table), requests)).await
    }

    async fn find(&self, query: &RowQuery<'_>) -> Result<Vec<Row>, Error> {
        let table = self.table(query.table);
        self.call(false, self.inner.find(&RowQuery { table: &table, ..query.clone() })).await
    }

    async fn parked(&self, table: &Table) -> Result<Vec<Parked>, Error> {
        self.call(false, self.inner.parked(&self.table(table))).await
    }

    async fn verify_rows(&self, after: &VerifyCursor) -> Result<VerifyPage, Error> {
        self.call(false, self.inner.verify_rows(after)).await
    }

    async fn promote(&self, table: &Table, compare: bool) -> Result<PromoteOutcome, Error> {
        self.call(true, self.inner.promote(&self.table(table), compare)).await
    }

    async fn discard(&self, table: &Table) -> Result<bool, Error> {
        self.call(true, self.inner.discard(&self.table(table))).await
    }

    async fn make_async(&self, table: &Table) -> Result<Checkpoint, Error> {
        self.call(true, self.inner.make_async(&self.table(table))).await
    }
}

/// A log with small feed pages that may fail, be down, or have the id of another log.
pub(super) struct FaultyLog {
    inner: Arc<dyn EventStore>,
    id: LogId,
    limit: usize,
    down: AtomicBool,
    /// Every n-th page fails.
    fails: Option<usize>,
    pages: AtomicUsize,
    /// The greatest position after which a page was requested.
    requested: watch::Sender<Position>,
    /// The log that has replaced it.
    replacement: OnceLock<Arc<dyn EventStore>>,
}

impl FaultyLog {
    /// A log whose pages have at most `limit` events.
    pub(super) fn new(inner: Arc<dyn EventStore>, limit: usize) -> Self {
        let (id, down, pages) = (inner.log_id(), AtomicBool::new(false), AtomicUsize::new(0));
        let (requested, replacement) = (watch::Sender::default(), OnceLock::new());
        Self { inner, id, limit, down, fails: None, pages, requested, replacement }
    }

    /// Makes every n-th page fail.
    pub(super) fn failing_every(self, pages: usize) -> Self {
        Self { fails: Some(pages), ..self }
    }

    /// Waits until a page after a later position is requested.
    pub(super) async fn wait_for_page_after(&self, position: Position) {
        let _ = self.requested.subscribe().wait_for(|requested| *requested > position).await;
    }

    /// Sets the log id, as a restored copy has it.
    pub(super) fn with_log_id(self, id: LogId) -> Self {
        Self { id, ..self }
    }

    /// Replaces the log by another one, which begins another epoch: no call fails.
    pub(super) fn replace_with(&self, other: Arc<dyn EventStore>) {
        let _ = self.replacement.set(other);
    }

    /// From now on every call fails, or works again.
    pub(super) fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    fn up(&self) -> Result<&Arc<dyn EventStore>, Error> {
        if self.down.load(Ordering::SeqCst) {
            return Err(Error::unavailable("access the log", BoxError::from("the store is down")));
        }
        Ok(self.replacement.get().unwrap_or(&self.inner))
    }
}

#[async_trait]
impl EventStore for FaultyLog {
    fn describe(&self) -> String {
        format!("faulty {}", self.inner.describe())
    }

    fn log_id(&self) -> LogId {
        self.id
    }

    fn epoch(&self) -> u64 {
        self.inner.epoch() + u64::from(self.replacement.get().is_some())
    }

    async fn read(&self, reads: &[Read]) -> Result<Vec<Batch>, Error> {
        self.up()?.read(reads).await
    }

    async fn append(&self, appends: Vec<Append>) -> Result<AppendOutcome, Error> {
        self.up()?.append(appends).await
    }

    async fn receipt(&self, key: &CommandKey) -> Result<Option<Receipt>, Error> {
        self.up()?.receipt(key).await
    }

    async fn feed(&self, filter: &Criteria, after: Position, limit: PageLimit) -> Result<FeedPage, Error> {
        self.requested
            .send_if_modified(|requested| std::mem::replace(requested, after.max(*requested)) < after);
        let page = self.pages.fetch_add(1, Ordering::SeqCst) + 1;
        if self.fails.is_some_and(|each| page.is_multiple_of(each)) {
            return Err(Error::unavailable("access the log", BoxError::from("this page fails")));
        }
        self.up()?.feed(filter, after, PageLimit { records: limit.records.min(self.limit), ..limit }).await
    }

    async fn settled(&self) -> Result<Settled, Error> {
        self.up()?.settled().await
    }

    async fn prefix_at(&self, time: Timestamp) -> Result<Prefix, Error> {
        self.up()?.prefix_at(time).await
    }

    async fn journal(&self, after: u64, limit: PageLimit) -> Result<Vec<Entry>, Error> {
        self.up()?.journal(after, limit).await
    }

    async fn count(&self, criteria: &Criteria, after: Position, up_to: Position) -> Result<u64, Error> {
        self.up()?.count(criteria, after, up_to).await
    }

    async fn stored_types(&self) -> Result<Vec<StoredType>, Error> {
        self.up()?.stored_types().await
    }

    async fn count_type(&self, name: &str, version: Option<u32>, limit: u64) -> Result<u64, Error> {
        self.up()?.count_type(name, version, limit).await
    }

    async fn successors(&self) -> Result<Successors, Error> {
        self.up()?.successors().await
    }

    async fn purge_command_ids(&self, before: Timestamp, ids: Range<&str>) -> Result<u64, Error> {
        self.up()?.purge_command_ids(before, ids).await
    }

    async fn verify(&self, up_to: Position, after: &VerifyCursor) -> Result<VerifyPage, Error> {
        self.up()?.verify(up_to, after).await
    }
}
