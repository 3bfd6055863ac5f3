//! Runners under test, and what their rows have to be.

use std::{sync::Arc, time::Duration};

use annalist_core::{
    Error,
    codec::Codec,
    criteria::Criteria,
    feed::LogWatcher,
    find::ReadModel,
    projection::{Projection, RowFolder, Runner, State, Status, Stopped},
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

/// Longer than any case may take: who waits so long waits for an event, not for time.
pub(super) const LONG: Duration = Duration::from_secs(100_000);

/// A runner at work. It is killed when it is dropped.
pub(super) struct Running<P> {
    pub(super) model: ReadModel<P>,
    status: watch::Receiver<Status>,
    task: JoinHandle<()>,
}

impl<P> Drop for Running<P> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Starts a runner on a log and a store of rows, with a hub of its own, as another process would.
pub(super) fn run<P: Projection>(log: Arc<dyn EventStore>, rows: SharedRows) -> Running<P> {
    let folding = RowFolder::<P>::new(Arc::clone(&rows), Codec::default());
    let (runner, status) = Runner::new(LogWatcher::new(log), Arc::clone(&rows), folding);
    let model = ReadModel::new(rows, status.clone());
    Running { model, status, task: tokio::spawn(runner.run()) }
}

/// Starts a runner of the balances on a handle's own log and rows.
pub(super) fn start(handle: &Handle) -> Running<Balance> {
    run(handle.store(), handle.rows().store())
}

impl<P: Projection> Running<P> {
    /// Waits until the rows have passed a position.
    pub(super) async fn reached(&self, position: Position) -> Outcome {
        Ok(self.model.reached(position, LONG).await?)
    }

    /// Waits until the status is as it should be, and gives it.
    pub(super) async fn becomes(&self, wanted: impl Fn(&Status) -> bool) -> Outcome<Status> {
        let mut status = self.status.clone();
        let found = status.wait_for(wanted).await.map(|status| status.clone());
        found.map_err(|_| Failure::new(format!("the runner is gone, with {:?}", self.model.status())))
    }

    /// Waits until it stands still, and says where and why.
    pub(super) async fn stopped(&self) -> Outcome<(Position, Stopped)> {
        let status = self.becomes(|status| matches!(status.state, State::Stopped(_))).await?;
        match status.state {
            State::Stopped(stopped) => Ok((status.position, stopped)),
            other => Err(Failure::new(format!("it stands still, but is {other:?}"))),
        }
    }

    /// Ends the runner where it is, and waits until nothing of it is left.
    pub(super) async fn killed(mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }

    /// That a question behind this position is refused at once, and says why.
    pub(super) async fn behind(&self, wanted: Position, patience: Duration) -> Outcome<String> {
        match self.model.reached(wanted, patience).await {
            Err(Error::NotCaughtUp { reached, reason, .. }) => {
                ensure!(reached < wanted, "it is behind {wanted}, but has reached {reached}");
                Ok(reason)
            }
            other => Err(Failure::new(format!("nobody has reached {wanted}, but the answer is {other:?}"))),
        }
    }
}

/// The rows of the balances have to be the fold of the log up to a position.
pub(super) async fn ensure_folded(log: &Handle, rows: &TestRows, table: &Table, up_to: Position) -> Outcome {
    let records = log.read_one(Read::all(Criteria::all()).up_to(up_to)).await?.records;
    let (found, wanted) = (rows.all_rows(table).await?, folded(&records));
    let wrong = found.iter().chain(&wanted).find(|row| !found.contains(row) || !wanted.contains(row));
    ensure!(wrong.is_none(), "rows up to {up_to}: {wrong:?}\n  expected {wanted:?}\n  got      {found:?}");
    ensure_eq!(found.len(), wanted.len(), "rows up to {up_to}");
    Ok(())
}

/// As [`ensure_folded`], for the store's own rows.
pub(super) async fn ensure_own(log: &Handle, up_to: Position) -> Outcome {
    ensure_folded(log, &log.rows(), &BALANCES, up_to).await
}

/// Appends random facts, a few at a time, and gives the last position.
pub(super) async fn write(log: &Handle, random: &mut fastrand::Rng, appends: usize) -> Outcome<Position> {
    let mut last = Position::START;
    for _ in 0..appends {
        let count = random.usize(1..6);
        let mut drafts: Vec<_> = (0..count).map(|_| Fact::random(random).draft()).collect();
        if random.u8(0..4) == 0 {
            // Nobody reads this one.
            drafts.push(crate::support::fixtures::event("noticed", &["account:1"]));
        }
        last = log.expect_accepted(append(drafts)).await?.position();
        yield_now().await;
    }
    Ok(last)
}

/// Appends random facts through all handles at once, and gives the last position.
pub(super) async fn write_at_once(log: &Log, handles: &[Handle], appends: usize) -> Outcome<Position> {
    let writers = handles.iter().cloned().enumerate().map(|(n, handle)| {
        let mut random = log.random(("facts", n, appends));
        async move { write(&handle, &mut random, appends).await }
    });
    let last = run_concurrently(writers).await?;
    Ok(last.into_iter().max().unwrap_or(Position::START))
}
