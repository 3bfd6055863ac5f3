//! The rows of one projection: where they are stored, and which events they include.

use std::{marker::PhantomData, time::Duration};

use tokio::{sync::watch, time::Instant};

use crate::{
    app_runtime::AppRuntime,
    daemon::{ReadModelHandle, Status},
    error::Error,
    position::Position,
    projection::Projection,
    rows::{SharedRows, Table},
    store::{Included, SeenLog, losses},
};

/// How long a query waits for rows that have not caught up, unless it sets another timeout.
pub(super) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

/// The rows of a projection that runs in this process.
#[derive(Debug)]
pub struct ReadModel<P> {
    handle: ReadModelHandle,
    row: PhantomData<fn() -> P>,
}

impl<P> Clone for ReadModel<P> {
    fn clone(&self) -> Self {
        Self::from_handle(self.handle.clone())
    }
}

impl<P> ReadModel<P> {
    pub(crate) fn from_handle(handle: ReadModelHandle) -> Self {
        Self { handle, row: PhantomData }
    }
}

impl<P: Projection> ReadModel<P> {
    /// The read model whose rows are in `rows`, maintained by a runner that publishes its `status`.
    pub fn new(rows: SharedRows, status: watch::Receiver<Status>) -> Self {
        Self::from_handle(ReadModelHandle {
            name: P::TABLE.projection,
            rows,
            status,
            log: None,
            runtime: AppRuntime::default(),
        })
    }

    /// The store of the rows.
    pub fn rows(&self) -> &SharedRows {
        &self.handle.rows
    }

    /// The current status of the projection, with its position.
    pub fn status(&self) -> Status {
        self.handle.status()
    }

    /// Runs a query of the rows.
    ///
    /// # Errors
    /// [`Error::RuntimeEnded`] if the runtime of the app ends first; otherwise as the query.
    async fn run<T>(&self, query: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        self.handle.runtime.run(|| format!("query `{}`", self.handle.name), query).await
    }

    /// Notifies of every change of the status.
    pub(crate) fn changes(&self) -> watch::Receiver<Status> {
        self.handle.status.clone()
    }

    /// Waits until the rows include all events up to a position.
    ///
    /// # Errors
    /// [`Error::NotCaughtUp`] if they do not after `timeout`, or the projection is stopped before that position;
    /// [`Error::Building`] if the first complete build is not available after `timeout`.
    pub async fn wait_for_position(&self, wanted: Position, timeout: Duration) -> Result<(), Error> {
        self.handle.wait_for_position(wanted.into(), timeout).await.map(drop)
    }

    /// Reads rows of the build that queries read, once it includes all events up to a position. If the build is deleted meanwhile because
    /// another process has promoted a later one, or a subject is forgotten meanwhile, it reads again.
    ///
    /// # Errors
    /// As [`ReadModel::wait_for_position`]; [`Error::RuntimeEnded`] if the runtime of the app ends first; otherwise as `read`.
    pub(crate) async fn read<T, F: Future<Output = Result<T, Error>>>(
        &self,
        wanted: Included,
        timeout: Duration,
        read: impl Fn(SharedRows, Table) -> F,
    ) -> Result<T, Error> {
        let start = Instant::now();
        loop {
            let left = timeout.saturating_sub(start.elapsed());
            let (table, epoch, result) = match self.table(wanted, left).await {
                Ok((table, epoch)) => {
                    (Some(table), epoch, self.run(read(self.handle.rows.clone(), table)).await)
                }
                // Its runner may be stopped because the build was deleted.
                Err(error) => (self.status().reads, self.handle.epoch(), Err(error)),
            };
            match result {
                Ok(rows) if self.handle.epoch() == epoch => return Ok(rows),
                // The rows may have copies of secrets that are forgotten now.
                Ok(_) if losses(self.handle.epoch()) == losses(epoch) => {}
                // The rows may be older than they were.
                Ok(_) => return Err(SeenLog::has_gone_back(format!("read rows of `{}`", self.handle.name))),
                Err(error) => {
                    let Some(table) = table else { return Err(error) };
                    if error.is_unavailable() || !self.handle.is_replaced(&table).await {
                        return Err(error);
                    }
                }
            }
        }
    }

    /// The build to read, once its rows include all events up to a position, and the epoch of the log that they include.
    ///
    /// # Errors
    /// As [`ReadModel::wait_for_position`].
    async fn table(&self, wanted: Included, timeout: Duration) -> Result<(Table, u64), Error> {
        let epoch = self.handle.epoch();
        let status = self.handle.wait_for_position(wanted, timeout).await?;
        Ok((status.reads.unwrap_or(P::TABLE), epoch))
    }
}
