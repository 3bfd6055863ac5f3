//! Stores that misbehave on purpose, in ways that every runner has to survive.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use annalist_core::{
    BoxError, Error,
    criteria::Criteria,
    record::Position,
    rows::{
        Build, Checkpoint, CommitOutcome, Key, Parked, PromoteOutcome, Row, RowChange, RowQuery, RowStore,
        SharedRows, Table,
    },
    store::{
        Append, AppendOutcome, Batch, CommandKey, Entry, EventStore, LogId, Page, Read, Receipt, Settled,
    },
    time::Timestamp,
};
use async_trait::async_trait;
use tokio::sync::{Notify, watch};

use super::balances::BALANCES;

/// What a store of rows does instead of what it was asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Trouble {
    /// It does nothing and says so.
    Refuses,
    /// It does it, and the answer is lost.
    LosesTheAnswer,
    /// It never comes to it, and never answers.
    HangsBefore,
    /// It does it, and never answers.
    HangsAfter,
}

/// A store of rows with trouble at one call, or while it is down. It keeps tables under versions of its own, so that
/// several of them can stand on one store.
pub(super) struct Unsteady {
    inner: SharedRows,
    version: u32,
    trouble: Option<(usize, Trouble)>,
    calls: AtomicUsize,
    down: AtomicBool,
    /// Rings when it hangs.
    pub(super) hangs: Notify,
}

impl Unsteady {
    /// Sound.
    pub(super) fn new(inner: SharedRows, version: u32) -> Self {
        let (calls, down) = (AtomicUsize::new(0), AtomicBool::new(false));
        Self { inner, version, trouble: None, calls, down, hangs: Notify::new() }
    }

    /// With trouble at the call that has this number.
    pub(super) fn with(self, call: usize, trouble: Trouble) -> Self {
        Self { trouble: Some((call, trouble)), ..self }
    }

    /// From now on it answers nothing, or everything again.
    pub(super) fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    /// How often it was called.
    pub(super) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// Whether its trouble has come.
    pub(super) fn had_trouble(&self) -> bool {
        self.trouble.is_some_and(|(call, _)| self.calls.load(Ordering::SeqCst) > call)
    }

    async fn asked<T>(
        &self,
        writes: bool,
        answer: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        if self.down.load(Ordering::SeqCst) {
            return Err(Error::unavailable("ask for rows", BoxError::from("it is down for a while")));
        }
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        let Some((_, trouble)) = self.trouble.filter(|(number, _)| *number == call) else {
            return answer.await;
        };
        if matches!(trouble, Trouble::LosesTheAnswer | Trouble::HangsAfter) {
            answer.await?;
        }
        match trouble {
            Trouble::LosesTheAnswer if writes => {
                Err(Error::unknown("write rows", BoxError::from("the connection is gone")))
            }
            Trouble::Refuses | Trouble::LosesTheAnswer => {
                Err(Error::unavailable("ask for rows", BoxError::from("the connection is gone")))
            }
            Trouble::HangsBefore | Trouble::HangsAfter => {
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
impl RowStore for Unsteady {
    fn describe_rows(&self) -> String {
        format!("unsteady {}", self.inner.describe_rows())
    }

    async fn define(&self, table: &Table, log: LogId) -> Result<Checkpoint, Error> {
        self.asked(true, self.inner.define(&self.table(table), log)).await
    }

    /// The version that it keeps under another number stands under its own.
    async fn builds(&self, projection: &str) -> Result<Vec<Build>, Error> {
        let builds = self.asked(false, self.inner.builds(projection)).await?;
        let own = builds.into_iter().filter(|build| build.version == self.version);
        Ok(own.map(|build| Build { version: BALANCES.version, ..build }).collect())
    }

    async fn rows(&self, table: &Table, keys: &[Key]) -> Result<Vec<Option<Row>>, Error> {
        self.asked(false, self.inner.rows(&self.table(table), keys)).await
    }

    async fn commit(&self, change: RowChange<'_>) -> Result<CommitOutcome, Error> {
        let table = self.table(change.table);
        self.asked(true, self.inner.commit(RowChange { table: &table, ..change })).await
    }

    async fn report(&self, table: &Table, stopped: Option<&str>) -> Result<(), Error> {
        self.asked(true, self.inner.report(&self.table(table), stopped)).await
    }

    async fn find(&self, query: &RowQuery<'_>) -> Result<Vec<Row>, Error> {
        let table = self.table(query.table);
        self.asked(false, self.inner.find(&RowQuery { table: &table, ..query.clone() })).await
    }

    async fn parked(&self, table: &Table) -> Result<Vec<Parked>, Error> {
        self.asked(false, self.inner.parked(&self.table(table))).await
    }

    async fn promote(&self, table: &Table, compare: bool) -> Result<PromoteOutcome, Error> {
        self.asked(true, self.inner.promote(&self.table(table), compare)).await
    }

    async fn discard(&self, table: &Table) -> Result<bool, Error> {
        self.asked(true, self.inner.discard(&self.table(table))).await
    }

    async fn make_async(&self, table: &Table) -> Result<Checkpoint, Error> {
        self.asked(true, self.inner.make_async(&self.table(table))).await
    }
}

/// A log whose feed gives small pages, that may be down, and may call itself another.
pub(super) struct Reluctant {
    inner: Arc<dyn EventStore>,
    id: LogId,
    limit: usize,
    down: AtomicBool,
    /// Each so many pages are not given.
    fails: Option<usize>,
    pages: AtomicUsize,
    /// The furthest position behind which a page was asked for.
    asked: watch::Sender<Position>,
}

impl Reluctant {
    /// Pages of at most so many events.
    pub(super) fn new(inner: Arc<dyn EventStore>, limit: usize) -> Self {
        let (id, down, pages) = (inner.log_id(), AtomicBool::new(false), AtomicUsize::new(0));
        Self { inner, id, limit, down, fails: None, pages, asked: watch::Sender::default() }
    }

    /// Fails at each so many pages.
    pub(super) fn failing_each(self, pages: usize) -> Self {
        Self { fails: Some(pages), ..self }
    }

    /// Waits until somebody asks for a page behind a later position.
    pub(super) async fn asked_behind(&self, position: Position) {
        let _ = self.asked.subscribe().wait_for(|asked| *asked > position).await;
    }

    /// With the identity of another log, as a copy has it.
    pub(super) fn named(self, id: LogId) -> Self {
        Self { id, ..self }
    }

    /// From now on it answers nothing, or everything again.
    pub(super) fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    fn up(&self) -> Result<&Arc<dyn EventStore>, Error> {
        if self.down.load(Ordering::SeqCst) {
            return Err(Error::unavailable("ask the log", BoxError::from("it is down for a while")));
        }
        Ok(&self.inner)
    }
}

#[async_trait]
impl EventStore for Reluctant {
    fn describe(&self) -> String {
        format!("reluctant {}", self.inner.describe())
    }

    fn log_id(&self) -> LogId {
        self.id
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

    async fn feed(&self, filter: &Criteria, after: Position, limit: usize) -> Result<Page, Error> {
        self.asked.send_if_modified(|asked| std::mem::replace(asked, after.max(*asked)) < after);
        let page = self.pages.fetch_add(1, Ordering::SeqCst) + 1;
        if self.fails.is_some_and(|each| page.is_multiple_of(each)) {
            return Err(Error::unavailable("ask the log", BoxError::from("this page is not given")));
        }
        self.up()?.feed(filter, after, limit.min(self.limit)).await
    }

    async fn settled(&self) -> Result<Settled, Error> {
        self.up()?.settled().await
    }

    async fn position_at(&self, time: Timestamp) -> Result<Position, Error> {
        self.up()?.position_at(time).await
    }

    async fn journal(&self, after: u64, limit: usize) -> Result<Vec<Entry>, Error> {
        self.up()?.journal(after, limit).await
    }

    async fn count(&self, criteria: &Criteria, after: Position, up_to: Position) -> Result<u64, Error> {
        self.up()?.count(criteria, after, up_to).await
    }

    async fn purge_command_ids(&self, before: Timestamp) -> Result<u64, Error> {
        self.up()?.purge_command_ids(before).await
    }
}
