//! A SQLite file that injects a fault into the n-th commit of a custom projection.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use annalist::{
    Error, Sqlite,
    operate::FollowerRequests,
    projection::{InTransaction, Transactional},
    raw::{
        error::BoxError,
        finding::{VerifyCursor, VerifyPage},
        rows::Claim,
    },
    store::{
        Build, Checkpoint, CommitOutcome, Key, LogId, Parked, PromoteOutcome, Row, RowChange, RowQuery,
        RowStore, Table,
    },
};
use async_trait::async_trait;
use sqlx::SqliteConnection;
use tokio::sync::Semaphore;

/// The fault of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CommitFault {
    /// The work is executed and rolled back, and the commit fails.
    Fails,
    /// The commit is executed, but its response is lost.
    Lost,
    /// The work is executed, and the commit never returns.
    Hangs,
    /// The work is committed without its checkpoint.
    Torn,
}

/// A file with one planned fault.
pub(crate) struct FaultyFile {
    inner: Sqlite,
    /// The number of commits up to and including the faulty one.
    left: AtomicUsize,
    fault: CommitFault,
    injected: Arc<Semaphore>,
}

impl FaultyFile {
    pub(crate) fn new(inner: Sqlite, commit: usize, fault: CommitFault) -> Self {
        Self { inner, left: AtomicUsize::new(commit + 1), fault, injected: Arc::new(Semaphore::new(0)) }
    }

    /// Gets a permit when the fault is injected.
    pub(crate) fn injected(&self) -> Arc<Semaphore> {
        Arc::clone(&self.injected)
    }
}

/// The work of a projection, with a fault at its end.
struct FaultyWork<'a> {
    file: &'a FaultyFile,
    work: &'a dyn InTransaction<FaultyFile>,
    fault: Option<CommitFault>,
}

#[async_trait]
impl InTransaction<Sqlite> for FaultyWork<'_> {
    async fn run(&self, connection: &mut SqliteConnection) -> Result<(), BoxError> {
        self.work.run(connection).await?;
        match self.fault {
            Some(CommitFault::Fails) => Err("refused".into()),
            Some(CommitFault::Hangs) => {
                self.file.injected.add_permits(1);
                pending().await
            }
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Transactional for FaultyFile {
    type Connection = SqliteConnection;

    async fn commit_with(
        &self,
        change: RowChange,
        work: &dyn InTransaction<Self>,
    ) -> Result<Result<CommitOutcome, BoxError>, Error> {
        let left = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        let fault = (left == Ok(1)).then_some(self.fault);
        let faulty_work = FaultyWork { file: self, work, fault };
        let change = match fault {
            Some(CommitFault::Torn) => RowChange { to: change.from, ..change },
            _ => change,
        };
        let done = self.inner.commit_with(change, &faulty_work).await?;
        match fault {
            None | Some(CommitFault::Hangs) => return Ok(done),
            Some(CommitFault::Fails | CommitFault::Lost | CommitFault::Torn) => self.injected.add_permits(1),
        }
        match fault {
            Some(CommitFault::Lost) => Err(Error::unknown("commit", "the connection was cut")),
            _ => Err(Error::unavailable("commit", "no connection")),
        }
    }
}

#[async_trait]
impl RowStore for FaultyFile {
    fn describe_rows(&self) -> String {
        "rows with an injected fault".to_owned()
    }

    async fn builds(&self, projection: &str) -> Result<Vec<Build>, Error> {
        self.inner.builds(projection).await
    }

    async fn define(&self, table: &Table, events: &str, log: LogId) -> Result<Checkpoint, Error> {
        self.inner.define(table, events, log).await
    }

    async fn rows(&self, table: &Table, keys: &[Key]) -> Result<Vec<Option<Row>>, Error> {
        self.inner.rows(table, keys).await
    }

    async fn commit(&self, change: RowChange) -> Result<CommitOutcome, Error> {
        self.inner.commit(change).await
    }

    async fn report(&self, table: &Table, stopped: Option<&str>) -> Result<(), Error> {
        self.inner.report(table, stopped).await
    }

    async fn replace_claim(
        &self,
        table: &Table,
        expected: Option<Claim>,
        claim: Option<Claim>,
    ) -> Result<bool, Error> {
        self.inner.replace_claim(table, expected, claim).await
    }

    async fn replace_requests(&self, table: &Table, requests: &FollowerRequests) -> Result<bool, Error> {
        self.inner.replace_requests(table, requests).await
    }

    async fn find(&self, query: &RowQuery<'_>) -> Result<Vec<Row>, Error> {
        self.inner.find(query).await
    }

    async fn parked(&self, table: &Table) -> Result<Vec<Parked>, Error> {
        self.inner.parked(table).await
    }

    async fn verify_rows(&self, after: &VerifyCursor) -> Result<VerifyPage, Error> {
        self.inner.verify_rows(after).await
    }

    async fn promote(&self, table: &Table, compare: bool) -> Result<PromoteOutcome, Error> {
        self.inner.promote(table, compare).await
    }

    async fn discard(&self, table: &Table) -> Result<bool, Error> {
        self.inner.discard(table).await
    }

    async fn make_async(&self, table: &Table) -> Result<Checkpoint, Error> {
        self.inner.make_async(table).await
    }
}
