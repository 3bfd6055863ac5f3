//! Where the rows of a projection are, and how far they are.

use std::{marker::PhantomData, time::Duration};

use tokio::sync::watch;

use crate::{
    error::Error,
    projection::{Projection, State, Status},
    record::Position,
    rows::{SharedRows, Table},
};

/// How long a question waits for rows that are behind, unless it says otherwise.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// The rows of a projection, as one process sees them.
#[derive(Debug)]
pub struct ReadModel<P> {
    rows: SharedRows,
    status: watch::Receiver<Status>,
    row: PhantomData<fn() -> P>,
}

impl<P> Clone for ReadModel<P> {
    fn clone(&self) -> Self {
        Self { rows: self.rows.clone(), status: self.status.clone(), row: PhantomData }
    }
}

impl<P: Projection> ReadModel<P> {
    /// Rows in a store, kept by a runner of this process that reports here.
    pub fn new(rows: SharedRows, status: watch::Receiver<Status>) -> Self {
        Self { rows, status, row: PhantomData }
    }

    /// Where the rows are.
    pub fn rows(&self) -> &SharedRows {
        &self.rows
    }

    /// How far they are, and how the projection does.
    pub fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// Tells when they move.
    pub(crate) fn changes(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// Waits until the rows have passed a position.
    ///
    /// # Errors
    /// [`Error::Behind`] if they have not after `patience`, or if the projection stands still before it.
    pub async fn reached(&self, wanted: Position, patience: Duration) -> Result<(), Error> {
        reached(P::TABLE.projection, &self.status, wanted, patience).await.map(drop)
    }

    /// The build to read, once its rows have passed a position.
    ///
    /// # Errors
    /// [`Error::Building`] if the first complete build is not there after `patience`; else as [`ReadModel::reached`].
    pub(crate) async fn table(&self, wanted: Position, patience: Duration) -> Result<Table, Error> {
        let status = reached(P::TABLE.projection, &self.status, wanted, patience).await?;
        Ok(status.reads.unwrap_or(P::TABLE))
    }
}

/// Waits until a projection can be read and has passed a position.
pub(crate) async fn reached(
    projection: &'static str,
    status: &watch::Receiver<Status>,
    wanted: Position,
    patience: Duration,
) -> Result<Status, Error> {
    let shows = |status: &Status| status.reads.is_some() && status.position >= wanted;
    let mut watched = status.clone();
    let passed = watched.wait_for(|status| shows(status) || stands_still(status));
    let (now, reason) = match tokio::time::timeout(patience, passed).await {
        Ok(Ok(now)) if shows(&now) => return Ok(now.clone()),
        Ok(Ok(now)) => (now.clone(), why(&now, patience)),
        Ok(Err(_)) => (status.borrow().clone(), "the app was stopped".to_owned()),
        Err(_) => {
            let now = status.borrow().clone();
            let reason = why(&now, patience);
            (now, reason)
        }
    };
    match now.building {
        Some(progress) if now.reads.is_none() && !matches!(now.state, State::Stopped(_)) => {
            Err(Error::Building { projection, progress: Box::new(progress) })
        }
        _ => Err(Error::Behind { projection, wanted, reached: now.position, reason }),
    }
}

fn stands_still(status: &Status) -> bool {
    matches!(status.state, State::Stopped(_))
}

fn why(status: &Status, patience: Duration) -> String {
    match &status.state {
        State::Stopped(stopped) => stopped.to_string(),
        State::Waiting { reason } => format!("it waits to try again: {reason}"),
        State::CatchingUp => format!("it was still catching up after {patience:?}"),
        State::CaughtUp | State::Inline => format!("the log was not settled so far after {patience:?}"),
    }
}
