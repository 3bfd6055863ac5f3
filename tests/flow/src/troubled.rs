//! A store of rows in trouble: at a call that a test chose, or as long as a test wants.

use std::{
    future::pending,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use annalist::{
    Error, LogId,
    rows::{
        Build, Checkpoint, CommitOutcome, Inline, InlineOutcome, Key, Parked, PromoteOutcome, Row, RowChange,
        RowQuery, RowStore, SharedRows, Table,
    },
};
use async_trait::async_trait;
use tokio::sync::{Semaphore, watch};

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The store does not answer, and says that it did nothing.
    Fails,
    /// It arrives, its answer does not.
    Lost,
    /// The store panics.
    Panics,
    /// It is never answered, and never happens.
    Hangs,
    /// It waits until the test lets it go.
    Held,
}

/// Which calls meet trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calls {
    /// The one with this number, counted from 0 over all calls.
    Number(usize),
    /// Each commit to the build with this version and number.
    Commits(u32, u32),
}

/// A store of rows that is in trouble where a test wants it.
#[derive(Debug)]
pub struct TroubledRows {
    inner: SharedRows,
    plan: Mutex<Option<(Calls, Trouble)>>,
    seen: watch::Sender<usize>,
    away: AtomicBool,
    /// Counts calls that met trouble.
    pub met: Semaphore,
    /// Lets held calls go.
    pub gate: Semaphore,
}

impl TroubledRows {
    /// A store without trouble.
    pub fn new(inner: SharedRows) -> Self {
        Self {
            inner,
            plan: Mutex::default(),
            seen: watch::Sender::default(),
            away: AtomicBool::new(false),
            met: Semaphore::new(0),
            gate: Semaphore::new(0),
        }
    }

    /// From now on these calls meet trouble, and no others.
    pub fn plan(self: &Arc<Self>, calls: Calls, trouble: Trouble) -> Arc<Self> {
        self.met.forget_permits(usize::MAX);
        self.gate.forget_permits(usize::MAX);
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = Some((calls, trouble));
        Arc::clone(self)
    }

    /// Ends the trouble, and lets held calls go.
    pub fn calm(&self) {
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.gate.add_permits(1000);
    }

    /// Whether no call is answered from now on.
    pub fn be_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    /// How many calls there were.
    pub fn calls(&self) -> usize {
        *self.seen.borrow()
    }

    /// Waits until there were so many more calls: whoever asks again and again has then seen what is there.
    pub async fn asked(&self, calls: usize) {
        let wanted = self.calls() + calls;
        let mut seen = self.seen.subscribe();
        // The sender lives as long as `self`.
        let _ = seen.wait_for(|calls| *calls >= wanted).await;
    }

    /// Waits until a call has met trouble.
    pub async fn met(&self) {
        if let Ok(permit) = self.met.acquire().await {
            permit.forget();
        }
    }

    fn trouble(&self, commit: Option<&Table>) -> Option<Trouble> {
        let mut number = 0;
        self.seen.send_modify(|calls| {
            number = *calls;
            *calls += 1;
        });
        let planned = *self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        let meets = |calls| match calls {
            Calls::Number(wanted) => number == wanted,
            Calls::Commits(version, build) => commit.is_some_and(|table| table.order() == (version, build)),
        };
        if self.away.load(Ordering::SeqCst) {
            return Some(Trouble::Fails);
        }
        planned.filter(|(calls, _)| meets(*calls)).map(|(_, trouble)| trouble)
    }

    async fn ask<T>(
        &self,
        commit: Option<&Table>,
        call: impl Future<Output = Result<T, Error>> + Send,
    ) -> Result<T, Error> {
        let trouble = self.trouble(commit);
        if trouble.is_some() {
            self.met.add_permits(1);
        }
        match trouble {
            None => call.await,
            Some(Trouble::Fails) => Err(Error::unavailable("ask for rows", "no connection")),
            Some(Trouble::Lost) => {
                call.await?;
                Err(Error::unknown("ask for rows", "the connection was cut"))
            }
            Some(Trouble::Panics) => unreachable!("the store of rows panics, as it was told"),
            Some(Trouble::Hangs) => pending().await,
            Some(Trouble::Held) => {
                if let Ok(permit) = self.gate.acquire().await {
                    permit.forget();
                }
                call.await
            }
        }
    }
}

#[async_trait]
impl RowStore for TroubledRows {
    fn describe_rows(&self) -> String {
        "rows in trouble".to_owned()
    }

    async fn builds(&self, projection: &str) -> Result<Vec<Build>, Error> {
        self.ask(None, self.inner.builds(projection)).await
    }

    async fn define(&self, table: &Table, log: LogId) -> Result<Checkpoint, Error> {
        self.ask(None, self.inner.define(table, log)).await
    }

    async fn rows(&self, table: &Table, keys: &[Key]) -> Result<Vec<Option<Row>>, Error> {
        self.ask(None, self.inner.rows(table, keys)).await
    }

    async fn commit(&self, change: RowChange<'_>) -> Result<CommitOutcome, Error> {
        let table = *change.table;
        self.ask(Some(&table), self.inner.commit(change)).await
    }

    async fn report(&self, table: &Table, stopped: Option<&str>) -> Result<(), Error> {
        self.ask(None, self.inner.report(table, stopped)).await
    }

    async fn find(&self, query: &RowQuery<'_>) -> Result<Vec<Row>, Error> {
        self.ask(None, self.inner.find(query)).await
    }

    async fn parked(&self, table: &Table) -> Result<Vec<Parked>, Error> {
        self.ask(None, self.inner.parked(table)).await
    }

    async fn promote(&self, table: &Table, compare: bool) -> Result<PromoteOutcome, Error> {
        self.ask(None, self.inner.promote(table, compare)).await
    }

    async fn discard(&self, table: &Table) -> Result<bool, Error> {
        self.ask(None, self.inner.discard(table)).await
    }

    async fn make_inline(&self, inline: Arc<dyn Inline>) -> Result<InlineOutcome, Error> {
        self.ask(None, self.inner.make_inline(inline)).await
    }

    async fn make_async(&self, table: &Table) -> Result<Checkpoint, Error> {
        self.ask(None, self.inner.make_async(table)).await
    }
}
