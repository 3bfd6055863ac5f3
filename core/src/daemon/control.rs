//! Where a follower is asked and told from outside: what stands in its store, what is parked, and orders to its keeper.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError, Weak,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::{Notify, watch};

use super::{BatchHandler, Follower, Parking, ShutdownSignal, Status};
use crate::{
    criteria::Criteria,
    error::Error,
    feed::LogWatcher,
    record::{Position, Record},
    rows::{Build, CommitOutcome, Folded, Parked, PromoteOutcome, RowChange, RowStore, SharedRows, Table},
    store::Read,
};

/// What a keeper shares with those who ask it.
pub(crate) struct FollowerControl {
    pub(crate) follower: Arc<dyn Follower>,
    pub(crate) watcher: Arc<LogWatcher>,
    pub(crate) rows: SharedRows,
    pub(crate) shutdown: ShutdownSignal,
    /// What the keeper tells, while there is one.
    status: Weak<watch::Sender<Status>>,
    pub(super) wakeup: Arc<Notify>,
    /// Somebody has changed something in the store.
    look: AtomicBool,
    /// Runners are to be started anew.
    restart: AtomicBool,
    /// A complete build that does not take over until somebody does something about it, and why.
    refused: Mutex<Option<(Table, String)>>,
}

/// What came of trying parked events again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetryReport {
    /// How many events are done with.
    pub done: u64,
    /// How many are still parked.
    pub parked: u64,
}

impl FollowerControl {
    /// For a keeper that tells how it does through `status`.
    pub(crate) fn new(
        follower: Arc<dyn Follower>,
        watcher: Arc<LogWatcher>,
        rows: SharedRows,
        shutdown: ShutdownSignal,
        status: &Arc<watch::Sender<Status>>,
    ) -> Self {
        let (status, wakeup, refused) = (Arc::downgrade(status), Arc::default(), Mutex::default());
        let (look, restart) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { follower, watcher, rows, shutdown, status, wakeup, look, restart, refused }
    }

    /// Has the keeper look at the builds now.
    pub(crate) fn request_reconcile(&self) {
        self.look.store(true, Ordering::Release);
        self.wakeup.notify_one();
    }

    /// Has the keeper start its runners anew, also those that stand still, and try what was refused. From now on nobody is
    /// told that it stands still, unless it does so again.
    pub(crate) fn restart(&self) {
        *self.refusal() = None;
        self.restart.store(true, Ordering::SeqCst);
        if let Some(status) = self.status.upgrade() {
            status.send_if_modified(Status::forget_stop);
        }
        self.request_reconcile();
    }

    /// Whether it was told to start anew and has not done so yet: what is known of its runners is old.
    pub(super) fn is_restarting(&self) -> bool {
        self.restart.load(Ordering::SeqCst)
    }

    /// Whether it was told to look, and to start anew.
    pub(super) fn take_requests(&self) -> (bool, bool) {
        (self.look.swap(false, Ordering::AcqRel), self.restart.swap(false, Ordering::SeqCst))
    }

    /// A complete build does not take over.
    pub(super) fn refuse(&self, table: Table, reason: String) {
        *self.refusal() = Some((table, reason));
    }

    /// Why a complete build does not take over.
    pub(super) fn refused(&self, table: &Table) -> Option<String> {
        self.refusal().as_ref().filter(|(refused, _)| refused == table).map(|(_, reason)| reason.clone())
    }

    fn refusal(&self) -> MutexGuard<'_, Option<(Table, String)>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The builds that are there, of all versions, oldest first.
    pub(crate) async fn builds(&self) -> Result<Vec<Build>, Error> {
        self.rows.builds(self.follower.table().projection).await
    }

    /// Begins a new build of the program's version, unless one is under way and moves.
    pub(crate) async fn rebuild(&self) -> Result<(), Error> {
        let (own, builds) = (self.follower.table(), self.builds().await?);
        let operation = || format!("rebuild `{}`", own.projection);
        if own.is_checkpoint_only() {
            return Err(Error::unusable(
                operation(),
                "it has no rows of its own: there is nothing to build anew",
            ));
        }
        if let Some(newer) = builds.iter().find(|build| build.live && build.version > own.version) {
            let reason =
                format!("version {} is live, and this program has version {}", newer.version, own.version);
            return Err(Error::unusable(operation(), reason));
        }
        if let Some(newest) = builds.iter().rfind(|build| build.version == own.version) {
            let refused = self.refused(&own.built(newest.build)).is_some();
            // One that stands still will not take over.
            if newest.live || refused || newest.checkpoint.stopped.is_some() {
                self.rows.define(&own.built(newest.build + 1), self.watcher.store().log_id()).await?;
            }
        }
        self.request_reconcile();
        Ok(())
    }

    /// Makes the newest build of the program's version live as it is.
    pub(crate) async fn promote(&self) -> Result<(), Error> {
        let (own, builds) = (self.follower.table(), self.builds().await?);
        let newest =
            builds.iter().rfind(|build| build.version == own.version).ok_or_else(|| own.undefined())?;
        let switched = self.rows.promote(&own.built(newest.build), false).await?;
        self.restart();
        match switched {
            PromoteOutcome::Superseded => {
                let reason = format!("a newer version than {}, that of this program, is live", own.version);
                Err(Error::unusable(self.title("switch"), reason))
            }
            _ => Ok(()),
        }
    }

    /// Removes all builds that are older than the live one, and tells how many.
    pub(crate) async fn discard_old(&self) -> Result<usize, Error> {
        let (own, builds) = (self.follower.table(), self.builds().await?);
        let live = builds.iter().find(|build| build.live).map(Build::order);
        let mut discarded = 0;
        for build in builds.iter().filter(|build| Some(build.order()) < live) {
            let table = Table { version: build.version, ..own.built(build.build) };
            discarded += usize::from(self.rows.discard(&table).await?);
        }
        Ok(discarded)
    }

    /// The parked events of the build that questions read.
    pub(crate) async fn parked(&self) -> Result<Vec<Parked>, Error> {
        let (table, _) = self.served().await?;
        self.rows.parked(&table).await
    }

    /// Tries the parked events again, in their order. Those that fail again stay, with those behind them.
    pub(crate) async fn retry_parked(&self) -> Result<RetryReport, Error> {
        let mut kept = None;
        loop {
            let (table, build) = self.served().await?;
            let parked = self.rows.parked(&table).await?;
            if parked.is_empty() {
                return Ok(RetryReport::default());
            }
            let mut tried = match kept.take().filter(|tried: &Tried| parked.starts_with(&tried.parked)) {
                Some(tried) => tried,
                None => self.try_again(table, build.checkpoint.position, parked.clone()).await?,
            };
            let done = tried.unpark.len() as u64;
            match tried.write(&*self.rows, &table, &build).await? {
                Ok(CommitOutcome::Done) => {
                    self.restart();
                    return Ok(RetryReport { done, parked: parked.len() as u64 - done });
                }
                // Rows are folded from what they are by now. What a policy has done is done, whatever was parked meanwhile.
                Ok(CommitOutcome::Stale(_)) if table.is_checkpoint_only() => kept = Some(tried),
                Ok(CommitOutcome::Stale(_)) => {}
                Err(error) => return Err(Error::unusable(self.title("try the parked events of"), error)),
            }
        }
    }

    async fn try_again(&self, table: Table, at: Position, parked: Vec<Parked>) -> Result<Tried, Error> {
        let mut records = self.records_of(&parked).await?;
        let mut handler = self.follower.batch_handler(table, SharedRows::clone(&self.rows));
        let taken = handler.handle(&records, at, &Parking::manual()).await?;
        let count = taken.poison.as_ref().map_or(parked.len(), |poison| poison.index);
        records.truncate(count);
        let park: Vec<Parked> = taken.park.iter().map(|again| tried_again(again, &parked)).collect();
        let stays = |position: &Position| park.iter().any(|again| again.position == *position);
        let unpark = records.iter().map(|record| record.position).filter(|at| !stays(at)).collect();
        Ok(Tried { parked, records, handler, rows: taken.rows, park, unpark })
    }

    /// Gives up a parked event. Those that wait behind it stay parked until they are tried again.
    pub(crate) async fn discard_parked(&self, position: Position) -> Result<bool, Error> {
        loop {
            let (table, build) = self.served().await?;
            let parked = self.rows.parked(&table).await?;
            if parked.iter().all(|parked| parked.position != position) {
                return Ok(false);
            }
            let at = build.checkpoint.position;
            let change = RowChange {
                parked: build.checkpoint.parked,
                unpark: vec![position],
                ..RowChange::new(&table, at, at)
            };
            if self.rows.commit(change).await? == CommitOutcome::Done {
                self.restart();
                return Ok(true);
            }
        }
    }

    /// The build of the program's version that questions read, or will read.
    async fn served(&self) -> Result<(Table, Build), Error> {
        let (own, builds) = (self.follower.table(), self.builds().await?);
        let mut known: Vec<Build> = builds.into_iter().filter(|build| build.version == own.version).collect();
        let place = known.iter().position(|build| build.live).or_else(|| known.len().checked_sub(1));
        let build = known.swap_remove(place.ok_or_else(|| own.undefined())?);
        Ok((own.built(build.build), build))
    }

    async fn records_of(&self, parked: &[Parked]) -> Result<Vec<Record>, Error> {
        let read = |parked: &Parked| {
            let before = Position::new(parked.position.get().saturating_sub(1));
            Read::all(Criteria::all()).after(before).up_to(parked.position)
        };
        let mut records = Vec::with_capacity(parked.len());
        for some in parked.chunks(100) {
            let reads: Vec<Read> = some.iter().map(read).collect();
            let batches = self.watcher.store().read(&reads).await?;
            records.extend(batches.into_iter().flat_map(|batch| batch.records));
        }
        let same = records.len() == parked.len() && records.iter().zip(parked).all(|(a, b)| a.id == b.event);
        if same {
            return Ok(records);
        }
        let reason =
            "one of them is no longer in the log, which was restored from an older copy or is another one";
        Err(Error::unusable(self.title("find the parked events of"), reason))
    }

    fn title(&self, doing: &str) -> String {
        format!("{doing} `{}`", self.follower.table().projection)
    }
}

/// Parked events that were tried again, and what came of it.
struct Tried {
    parked: Vec<Parked>,
    /// Up to the first one that was not taken.
    records: Vec<Record>,
    handler: Box<dyn BatchHandler>,
    rows: Folded,
    park: Vec<Parked>,
    unpark: Vec<Position>,
}

impl Tried {
    async fn write(
        &mut self,
        rows: &dyn RowStore,
        table: &Table,
        build: &Build,
    ) -> Result<Result<CommitOutcome, String>, Error> {
        let Folded { upserts, deletes } = self.rows.clone();
        let change = RowChange {
            parked: build.checkpoint.parked,
            upserts,
            deletes,
            park: self.park.clone(),
            unpark: self.unpark.clone(),
            ..RowChange::new(table, build.checkpoint.position, build.checkpoint.position)
        };
        self.handler.commit(rows, &self.records, change).await
    }
}

/// A parked event that stays, with the attempts that it had before.
fn tried_again(again: &Parked, before: &[Parked]) -> Parked {
    let attempts = before.iter().find(|one| one.position == again.position).map_or(0, |one| one.attempts);
    Parked { attempts: attempts + again.attempts, ..again.clone() }
}
