//! The rows of one projection: where they are stored, and which events they include.

use std::{marker::PhantomData, time::Duration};

use tokio::sync::watch;

use crate::{
    app_runtime::AppRuntime,
    daemon::{ReadModelHandle, Status},
    error::Error,
    position::Position,
    projection::Projection,
    rows::{SharedRows, Table},
    store::{Included, SeenLog},
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
    pub(crate) async fn run<T>(&self, query: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
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

    /// The build to read, once its rows include all events up to a position, and the epoch of the log that they include.
    ///
    /// # Errors
    /// As [`ReadModel::wait_for_position`].
    pub(crate) async fn table(&self, wanted: Included, timeout: Duration) -> Result<(Table, u64), Error> {
        let epoch = self.handle.epoch();
        let status = self.handle.wait_for_position(wanted, timeout).await?;
        Ok((status.reads.unwrap_or(P::TABLE), epoch))
    }

    /// Checks, after a read of the rows, that the log has not lost events meanwhile: the rows may be older than they were.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it has.
    pub(crate) fn check_epoch(&self, epoch: u64) -> Result<(), Error> {
        if self.handle.epoch() == epoch {
            return Ok(());
        }
        Err(SeenLog::has_gone_back(format!("read rows of `{}`", self.handle.name)))
    }
}
