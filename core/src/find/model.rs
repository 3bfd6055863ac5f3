//! Where the rows of a projection are, and how far they are.

use std::{marker::PhantomData, time::Duration};

use tokio::sync::watch;

use crate::{
    error::Error,
    projection::{Projection, State, Status},
    record::Position,
    rows::SharedRows,
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
        reached(P::TABLE.projection, &self.status, wanted, patience).await
    }
}

/// Waits until a projection has passed a position.
pub(crate) async fn reached(
    projection: &'static str,
    status: &watch::Receiver<Status>,
    wanted: Position,
    patience: Duration,
) -> Result<(), Error> {
    let mut watched = status.clone();
    let passed = watched.wait_for(|status| status.position >= wanted || stands_still(status));
    let reason = match tokio::time::timeout(patience, passed).await {
        Ok(Ok(status)) if status.position >= wanted => return Ok(()),
        Ok(Ok(status)) => why(&status, patience),
        Ok(Err(_)) => "the app was stopped".to_owned(),
        Err(_) => why(&status.borrow(), patience),
    };
    let reached = status.borrow().position;
    Err(Error::Behind { projection, wanted, reached, reason })
}

fn stands_still(status: &Status) -> bool {
    matches!(status.state, State::Stopped(_))
}

fn why(status: &Status, patience: Duration) -> String {
    match &status.state {
        State::Stopped(stopped) => stopped.to_string(),
        State::Waiting { reason } => format!("it waits for a store: {reason}"),
        State::CatchingUp => format!("it was still catching up after {patience:?}"),
        State::CaughtUp => format!("the log was not settled so far after {patience:?}"),
    }
}
