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
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

/// How soon rows that have left the appends are looked at again.
const AGAIN: Duration = Duration::from_millis(20);

/// The rows of a projection, as one process sees them.
#[derive(Debug)]
pub struct ReadModel<P> {
    followed: Followed,
    row: PhantomData<fn() -> P>,
}

/// What follows the log under a name: where its rows are, and how far they are.
#[derive(Clone, Debug)]
pub(crate) struct Followed {
    pub(crate) name: &'static str,
    pub(crate) rows: SharedRows,
    pub(crate) status: watch::Receiver<Status>,
}

impl<P> Clone for ReadModel<P> {
    fn clone(&self) -> Self {
        Self { followed: self.followed.clone(), row: PhantomData }
    }
}

impl<P: Projection> ReadModel<P> {
    /// Rows in a store, kept by a runner of this process that reports here.
    pub fn new(rows: SharedRows, status: watch::Receiver<Status>) -> Self {
        let name = P::TABLE.projection;
        Self { followed: Followed { name, rows, status }, row: PhantomData }
    }

    /// Where the rows are.
    pub fn rows(&self) -> &SharedRows {
        &self.followed.rows
    }

    /// How far they are, and how the projection does.
    pub fn status(&self) -> Status {
        self.followed.status.borrow().clone()
    }

    /// Tells when they move.
    pub(crate) fn changes(&self) -> watch::Receiver<Status> {
        self.followed.status.clone()
    }

    /// Waits until the rows have passed a position.
    ///
    /// # Errors
    /// [`Error::NotCaughtUp`] if they have not after `timeout`, or if the projection stands still before it.
    pub async fn reached(&self, wanted: Position, timeout: Duration) -> Result<(), Error> {
        self.followed.reached(wanted, timeout).await.map(drop)
    }

    /// The build to read, once its rows have passed a position.
    ///
    /// # Errors
    /// [`Error::Building`] if the first complete build is not there after `timeout`; else as [`ReadModel::reached`].
    pub(crate) async fn table(&self, wanted: Position, timeout: Duration) -> Result<Table, Error> {
        let status = self.followed.reached(wanted, timeout).await?;
        Ok(status.reads.unwrap_or(P::TABLE))
    }
}

impl Followed {
    /// Waits until it can be read and has passed a position.
    ///
    /// # Errors
    /// As [`ReadModel::table`].
    pub(crate) async fn reached(&self, wanted: Position, timeout: Duration) -> Result<Status, Error> {
        let passed = tokio::time::timeout(timeout, self.passed(wanted)).await;
        let now = self.status.borrow().clone();
        let reason = match passed {
            Ok(Ok(Some(status))) => return Ok(status),
            Ok(Ok(None)) => now.stop_reason().unwrap_or_else(|| "the app was stopped".to_owned()),
            Ok(Err(error)) => return Err(error),
            Err(_) => why(&now, timeout),
        };
        let projection = self.name;
        match now.building {
            Some(progress)
                if now.reads.is_none() && now.promotion_blocked.is_none() && !is_stopped(&now.state) =>
            {
                Err(Error::Building { projection, progress: Box::new(progress) })
            }
            _ => Err(Error::NotCaughtUp { projection, wanted, reached: now.position, reason }),
        }
    }

    /// The status that shows a position, as soon as there is one; none if there will not be.
    async fn passed(&self, wanted: Position) -> Result<Option<Status>, Error> {
        let shows = |status: &Status| status.reads.is_some() && status.position >= wanted;
        let mut watched = self.status.clone();
        loop {
            let passed = watched.wait_for(|status| shows(status) || status.stop_reason().is_some()).await;
            let status = passed.ok().map(|status| status.clone()).filter(shows);
            let Some(status) = status else { return Ok(None) };
            if status.state != State::Inline || wanted == Position::START || self.is_inline(&status).await? {
                return Ok(Some(status));
            }
            // Another process took it out of the appends. The keeper of this one will see that, and may put it back in one go.
            if let Ok(Err(_)) = tokio::time::timeout(AGAIN, watched.changed()).await {
                return Ok(None);
            }
        }
    }

    /// Whether the build that questions read is still inline.
    async fn is_inline(&self, status: &Status) -> Result<bool, Error> {
        let builds = self.rows.builds(self.name).await?;
        let read =
            builds.iter().find(|build| status.reads.is_some_and(|table| table.order() == build.order()));
        Ok(read.is_some_and(|build| build.inline))
    }
}

fn is_stopped(state: &State) -> bool {
    matches!(state, State::Stopped(_))
}

fn why(status: &Status, timeout: Duration) -> String {
    match &status.state {
        State::Stopped(stopped) => stopped.to_string(),
        State::Waiting { reason } => format!("it waits to try again: {reason}"),
        State::CatchingUp => format!("it was still catching up after {timeout:?}"),
        State::CaughtUp | State::Inline => format!("the log was not settled so far after {timeout:?}"),
    }
}
