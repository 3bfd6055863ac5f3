//! Running projections, and the check that their rows equal the fold of the log.

use std::{sync::Arc, time::Duration};

use annalist_core::{
    Error,
    codec::Codec,
    criteria::Criteria,
    feed::LogWatcher,
    projection::{Projection, RowFolder, Runner, State, Status, Stopped},
    query::ReadModel,
    record::Position,
    rows::{SharedRows, Table},
    store::{EventStore, Read},
};
use tokio::{sync::watch, task::JoinHandle};

use super::balances::{BALANCES, Balance, Fact, folded};
use crate::{
    Failure,
    failure::Outcome,
    support::{
        concurrency::{run_concurrently, yield_now},
        fixtures::append,
        handle::Handle,
        log::Log,
        rows::TestRows,
    },
};

/// Longer than any case may take: a wait with this timeout ends only by an event.
pub(super) const NO_TIMEOUT: Duration = Duration::from_secs(100_000);

/// A running projection. Dropping it kills the runner.
pub(super) struct RunningProjection<P> {
    pub(super) model: ReadModel<P>,
    status: watch::Receiver<Status>,
    task: JoinHandle<()>,
}

impl<P> Drop for RunningProjection<P> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Starts a runner on a log and a row store, with its own log watcher, as another process would.
pub(super) fn run<P: Projection>(log: Arc<dyn EventStore>, rows: SharedRows) -> RunningProjection<P> {
    let folder = RowFolder::<P>::new(Arc::clone(&rows), Codec::default());
    let (runner, status) = Runner::new(LogWatcher::new(log), Arc::clone(&rows), folder);
    let model = ReadModel::new(rows, status.clone());
    RunningProjection { model, status, task: tokio::spawn(runner.run()) }
}

/// Starts a runner of the balances on the log and the rows of a handle.
pub(super) fn start(handle: &Handle) -> RunningProjection<Balance> {
    run(handle.store(), handle.rows().store())
}

impl<P: Projection> RunningProjection<P> {
    /// Waits until the rows have reached a position.
    pub(super) async fn wait_for(&self, position: Position) -> Outcome {
        Ok(self.model.wait_for_position(position, NO_TIMEOUT).await?)
    }

    /// Waits until the status satisfies a predicate, and returns it.
    pub(super) async fn wait_for_status(&self, predicate: impl Fn(&Status) -> bool) -> Outcome<Status> {
        let mut status = self.status.clone();
        let found = status.wait_for(predicate).await.map(|status| status.clone());
        found.map_err(|_| {
            Failure::new(format!("the runner has ended with the status {:?}", self.model.status()))
        })
    }

    /// Waits until the projection has stopped, and returns its position and the reason.
    pub(super) async fn wait_until_stopped(&self) -> Outcome<(Position, Stopped)> {
        let status = self.wait_for_status(|status| matches!(status.state, State::Stopped(_))).await?;
        match status.state {
            State::Stopped(stopped) => Ok((status.position, stopped)),
            other => Err(Failure::new(format!("the projection must be stopped, but is {other:?}"))),
        }
    }

    /// Kills the runner and waits until its task has ended.
    pub(super) async fn kill(mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }

    /// Expects that waiting for a position fails because the rows are not caught up, and returns the reason.
    pub(super) async fn expect_not_caught_up(
        &self,
        position: Position,
        timeout: Duration,
    ) -> Outcome<String> {
        match self.model.wait_for_position(position, timeout).await {
            Err(Error::NotCaughtUp { reached, reason, .. }) => {
                ensure!(
                    reached < position,
                    "the reached position must be before {position}, but is {reached}"
                );
                Ok(reason)
            }
            other => Err(Failure::new(format!(
                "the rows cannot have reached {position}: the call must return `NotCaughtUp`, but returned {other:?}"
            ))),
        }
    }
}

/// Expects that the rows of the balances equal the fold of the log up to a position.
pub(super) async fn expect_rows_equal_fold(
    log: &Handle,
    rows: &TestRows,
    table: &Table,
    up_to: Position,
) -> Outcome {
    let records = log.read_one(Read::all(Criteria::all()).up_to(up_to)).await?.records;
    let (found, expected) = (rows.all_rows(table).await?, folded(&records));
    let wrong = found.iter().chain(&expected).find(|row| !found.contains(row) || !expected.contains(row));
    ensure!(
        wrong.is_none(),
        "rows up to {up_to}, first difference {wrong:?}
  expected {expected:?}
  found    {found:?}"
    );
    ensure_eq!(found.len(), expected.len(), "number of rows up to {up_to}");
    Ok(())
}

/// Like [`expect_rows_equal_fold`], for the rows in the store of the events.
pub(super) async fn expect_own_rows_equal_fold(log: &Handle, up_to: Position) -> Outcome {
    expect_rows_equal_fold(log, &log.rows(), &BALANCES, up_to).await
}

/// Appends random facts, a few at a time, and returns the last position.
pub(super) async fn append_random(
    log: &Handle,
    random: &mut fastrand::Rng,
    appends: usize,
) -> Outcome<Position> {
    let mut last = Position::START;
    for _ in 0..appends {
        let count = random.usize(1..6);
        let mut drafts: Vec<_> = (0..count).map(|_| Fact::random(random).draft()).collect();
        if random.u8(0..4) == 0 {
            // An event of a type that the projection does not subscribe to.
            drafts.push(crate::support::fixtures::event("unrelated", &["account:1"]));
        }
        last = log.expect_accepted(append(drafts)).await?.position();
        yield_now().await;
    }
    Ok(last)
}

/// Appends random facts concurrently through all handles, and returns the last position.
pub(super) async fn append_concurrently(log: &Log, handles: &[Handle], appends: usize) -> Outcome<Position> {
    let writers = handles.iter().cloned().enumerate().map(|(n, handle)| {
        let mut random = log.random(("facts", n, appends));
        async move { append_random(&handle, &mut random, appends).await }
    });
    let last = run_concurrently(writers).await?;
    Ok(last.into_iter().max().unwrap_or(Position::START))
}
