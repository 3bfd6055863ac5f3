//! A row store that injects a fault into the calls that a test selects.

use std::{
    future::pending,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use annalist::{
    Error,
    operate::FollowerRequests,
    raw::{
        finding::{VerifyCursor, VerifyPage},
        rows::{Claim, Inline, InlineOutcome, SharedRows},
    },
    store::{
        Build, Checkpoint, CommitOutcome, Key, LogId, Parked, PromoteOutcome, Row, RowChange, RowQuery,
        RowStore, Table,
    },
};
use async_trait::async_trait;
use tokio::sync::{Semaphore, watch};

/// The fault of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowFault {
    /// The store is unavailable, and reports that it did nothing.
    Fails,
    /// The call is executed, but its response is lost.
    Lost,
    /// The store panics.
    Panics,
    /// The call is never executed, and never returns.
    Hangs,
    /// The call waits for a permit of [`FaultyRows::gate`].
    Held,
    /// The call waits for a permit of [`FaultyRows::gate`], and its response for another one.
    HeldTwice,
}

/// The calls that get the fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultPoint {
    /// The call with this number, counted from 0 over all calls.
    Nth(usize),
    /// Each commit to the build with this version and number.
    Commits(u32, u32),
    /// Each read of rows.
    Reads,
    /// Each call with this name that is neither a read nor a commit, or `commit`.
    Named(&'static str),
}

/// What a call does.
#[derive(Clone, Copy)]
enum CallKind<'a> {
    Commit(&'a Table),
    Read,
    Other(&'static str),
}

/// A row store that injects one kind of fault at one [`FaultPoint`].
#[derive(Debug)]
pub struct FaultyRows {
    inner: SharedRows,
    plan: Mutex<Option<(FaultPoint, RowFault)>>,
    call_count: watch::Sender<usize>,
    unavailable: AtomicBool,
    /// Has one permit for each injected fault.
    pub injected: Semaphore,
    /// Each permit releases one held call.
    pub gate: Semaphore,
}

impl FaultyRows {
    /// Creates a store without a fault.
    pub fn new(inner: SharedRows) -> Self {
        Self {
            inner,
            plan: Mutex::default(),
            call_count: watch::Sender::default(),
            unavailable: AtomicBool::new(false),
            injected: Semaphore::new(0),
            gate: Semaphore::new(0),
        }
    }

    /// Plans a fault, which replaces the planned one.
    pub fn plan(self: &Arc<Self>, calls: FaultPoint, fault: RowFault) -> Arc<Self> {
        self.injected.forget_permits(usize::MAX);
        self.gate.forget_permits(usize::MAX);
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = Some((calls, fault));
        Arc::clone(self)
    }

    /// Removes the planned fault and releases held calls.
    pub fn end_faults(&self) {
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.gate.add_permits(1000);
    }

    /// Makes every call fail from now on, or ends that.
    pub fn set_unavailable(&self, unavailable: bool) {
        self.unavailable.store(unavailable, Ordering::SeqCst);
    }

    /// The number of calls so far.
    pub fn calls(&self) -> usize {
        *self.call_count.borrow()
    }

    /// Waits for a number of further calls, after which a polling caller has seen the current rows.
    pub async fn wait_for_calls(&self, calls: usize) {
        let wanted = self.calls() + calls;
        let mut call_count = self.call_count.subscribe();
        // The sender lives as long as `self`.
        let _ = call_count.wait_for(|calls| *calls >= wanted).await;
    }

    /// Waits until a fault was injected.
    pub async fn until_injected(&self) {
        if let Ok(permit) = self.injected.acquire().await {
            permit.forget();
        }
    }

    async fn pass_gate(&self) {
        if let Ok(permit) = self.gate.acquire().await {
            permit.forget();
        }
    }

    fn fault(&self, kind: CallKind<'_>) -> Option<RowFault> {
        let mut number = 0;
        self.call_count.send_modify(|calls| {
            number = *calls;
            *calls += 1;
        });
        let planned = *self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        let is_at = |calls| match calls {
            FaultPoint::Nth(wanted) => number == wanted,
            FaultPoint::Commits(version, build) => {
                matches!(kind, CallKind::Commit(table) if table.order() == (version, build))
            }
            FaultPoint::Reads => matches!(kind, CallKind::Read),
            FaultPoint::Named(name) => match kind {
                CallKind::Commit(_) => name == "commit",
                CallKind::Read => false,
                CallKind::Other(other) => name == other,
            },
        };
        if self.unavailable.load(Ordering::SeqCst) {
            return Some(RowFault::Fails);
        }
        planned.filter(|(calls, _)| is_at(*calls)).map(|(_, fault)| fault)
    }

    async fn call<T>(
        &self,
        kind: CallKind<'_>,
        call: impl Future<Output = Result<T, Error>> + Send,
    ) -> Result<T, Error> {
        let fault = self.fault(kind);
        if fault.is_some() {
            self.injected.add_permits(1);
        }
        match fault {
            None => call.await,
            Some(RowFault::Fails) => Err(Error::unavailable("access rows", "no connection")),
            Some(RowFault::Lost) => {
                call.await?;
                Err(Error::unknown("access rows", "the connection was cut"))
            }
            Some(RowFault::Panics) => unreachable!("the planned panic of the row store"),
            Some(RowFault::Hangs) => pending().await,
            Some(RowFault::Held) => {
                self.pass_gate().await;
                call.await
            }
            Some(RowFault::HeldTwice) => {
                self.pass_gate().await;
                let response = call.await;
                self.injected.add_permits(1);
                self.pass_gate().await;
                response
            }
        }
    }
}

#[async_trait]
impl RowStore for FaultyRows {
    fn describe_rows(&self) -> String {
        "rows with injected faults".to_owned()
    }

    async fn builds(&self, projection: &str) -> Result<Vec<Build>, Error> {
        self.call(CallKind::Other("builds"), self.inner.builds(projection)).await
    }

    async fn define(&self, table: &Table, events: &str, log: LogId) -> Result<Checkpoint, Error> {
        self.call(CallKind::Other("define"), self.inner.define(table, events, log)).await
    }

    async fn rows(&self, table: &Table, keys: &[Key]) -> Result<Vec<Option<Row>>, Error> {
        self.call(CallKind::Read, self.inner.rows(table, keys)).await
    }

    async fn commit(&self, change: RowChange) -> Result<CommitOutcome, Error> {
        let table = change.table;
        self.call(CallKind::Commit(&table), self.inner.commit(change)).await
    }

    async fn report(&self, table: &Table, stopped: Option<&str>) -> Result<(), Error> {
        self.call(CallKind::Other("report"), self.inner.report(table, stopped)).await
    }

    async fn replace_claim(
        &self,
        table: &Table,
        expected: Option<Claim>,
        claim: Option<Claim>,
    ) -> Result<bool, Error> {
        self.call(CallKind::Other("replace_claim"), self.inner.replace_claim(table, expected, claim)).await
    }

    async fn replace_requests(&self, table: &Table, requests: &FollowerRequests) -> Result<bool, Error> {
        self.call(CallKind::Other("replace_requests"), self.inner.replace_requests(table, requests)).await
    }

    async fn find(&self, query: &RowQuery<'_>) -> Result<Vec<Row>, Error> {
        self.call(CallKind::Read, self.inner.find(query)).await
    }

    async fn parked(&self, table: &Table) -> Result<Vec<Parked>, Error> {
        self.call(CallKind::Other("parked"), self.inner.parked(table)).await
    }

    async fn verify_rows(&self, after: &VerifyCursor) -> Result<VerifyPage, Error> {
        self.call(CallKind::Other("verify_rows"), self.inner.verify_rows(after)).await
    }

    async fn promote(&self, table: &Table, compare: bool) -> Result<PromoteOutcome, Error> {
        self.call(CallKind::Other("promote"), self.inner.promote(table, compare)).await
    }

    async fn discard(&self, table: &Table) -> Result<bool, Error> {
        self.call(CallKind::Other("discard"), self.inner.discard(table)).await
    }

    async fn overwrite_deleted(&self) -> Result<(), Error> {
        self.call(CallKind::Other("overwrite_deleted"), self.inner.overwrite_deleted()).await
    }

    async fn make_inline(&self, inline: Arc<dyn Inline>) -> Result<InlineOutcome, Error> {
        self.call(CallKind::Other("make_inline"), self.inner.make_inline(inline)).await
    }

    async fn make_async(&self, table: &Table) -> Result<Checkpoint, Error> {
        self.call(CallKind::Other("make_async"), self.inner.make_async(table)).await
    }
}
