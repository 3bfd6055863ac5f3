//! A file whose n-th commit of somebody's own SQL goes wrong.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use annalist::{
    BoxError, Error, LogId, Sqlite,
    rows::{
        Build, Checkpoint, CommitOutcome, InTransaction, Key, Parked, PromoteOutcome, Row, RowChange,
        RowQuery, RowStore, Table, Transactional,
    },
};
use async_trait::async_trait;
use sqlx::SqliteConnection;
use tokio::sync::Semaphore;

/// What happens to a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It is refused, with its work done and rolled back.
    Fails,
    /// It arrives, its answer does not.
    Lost,
    /// It is never answered, with its work done.
    Hangs,
    /// Its work is kept, its checkpoint is not.
    Torn,
}

/// A file with one trouble ahead.
pub(crate) struct Shaky {
    inner: Sqlite,
    /// Counted from 0.
    left: AtomicUsize,
    trouble: Trouble,
    met: Arc<Semaphore>,
}

impl Shaky {
    pub(crate) fn new(inner: Sqlite, commit: usize, trouble: Trouble) -> Self {
        Self { inner, left: AtomicUsize::new(commit + 1), trouble, met: Arc::new(Semaphore::new(0)) }
    }

    /// Has a permit once the trouble was met.
    pub(crate) fn met(&self) -> Arc<Semaphore> {
        Arc::clone(&self.met)
    }
}

/// The work of a projection, and how it ends.
struct Lent<'a> {
    shaky: &'a Shaky,
    work: &'a dyn InTransaction<Shaky>,
    trouble: Option<Trouble>,
}

#[async_trait]
impl InTransaction<Sqlite> for Lent<'_> {
    async fn run(&self, connection: &mut SqliteConnection) -> Result<(), BoxError> {
        self.work.run(connection).await?;
        match self.trouble {
            Some(Trouble::Fails) => Err("refused".into()),
            Some(Trouble::Hangs) => {
                self.shaky.met.add_permits(1);
                pending().await
            }
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Transactional for Shaky {
    type Connection = SqliteConnection;

    async fn commit_with(
        &self,
        change: RowChange<'_>,
        work: &dyn InTransaction<Self>,
    ) -> Result<Result<CommitOutcome, BoxError>, Error> {
        let left = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        let trouble = (left == Ok(1)).then_some(self.trouble);
        let lent = Lent { shaky: self, work, trouble };
        let change = match trouble {
            Some(Trouble::Torn) => RowChange { to: change.from, ..change },
            _ => change,
        };
        let done = self.inner.commit_with(change, &lent).await?;
        match trouble {
            None | Some(Trouble::Hangs) => return Ok(done),
            Some(Trouble::Fails | Trouble::Lost | Trouble::Torn) => self.met.add_permits(1),
        }
        match trouble {
            Some(Trouble::Lost) => Err(Error::unknown("commit", "the connection was cut")),
            _ => Err(Error::unavailable("commit", "no connection")),
        }
    }
}

#[async_trait]
impl RowStore for Shaky {
    fn describe_rows(&self) -> String {
        "shaky rows".to_owned()
    }

    async fn builds(&self, projection: &str) -> Result<Vec<Build>, Error> {
        self.inner.builds(projection).await
    }

    async fn define(&self, table: &Table, log: LogId) -> Result<Checkpoint, Error> {
        self.inner.define(table, log).await
    }

    async fn rows(&self, table: &Table, keys: &[Key]) -> Result<Vec<Option<Row>>, Error> {
        self.inner.rows(table, keys).await
    }

    async fn commit(&self, change: RowChange<'_>) -> Result<CommitOutcome, Error> {
        self.inner.commit(change).await
    }

    async fn report(&self, table: &Table, stopped: Option<&str>) -> Result<(), Error> {
        self.inner.report(table, stopped).await
    }

    async fn find(&self, query: &RowQuery<'_>) -> Result<Vec<Row>, Error> {
        self.inner.find(query).await
    }

    async fn parked(&self, table: &Table) -> Result<Vec<Parked>, Error> {
        self.inner.parked(table).await
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
