//! Handles parked events again.

use std::collections::BTreeSet;

use super::{BatchHandler, FollowerControl, Parking, handler_scope, waiting_reason};
use crate::{
    criteria::Criteria,
    error::Error,
    record::{Position, Record},
    rows::{Build, CommitOutcome, FoldedRows, Parked, RowChange, RowStore, SharedRows, Table},
    store::Read,
};

/// How many events are read at once, whatever their size.
const EVENTS_PER_READ: usize = 8;

/// Result of retrying parked events.
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// # use annalist::projection::ProjectionOptions;
/// # let app = savings(ProjectionOptions::new().park()).await?;
/// app.execute(Deposit { account: id("ann"), cents: -5 }).await?; // fails in the projection
/// app.execute(Deposit { account: id("ann"), cents: 7 }).await?; // waits for the event before it
/// app.wait_until_caught_up().await?;
///
/// let report = app.retry_parked("savings").await?; // the cause is still there
/// assert_eq!((report.done, report.parked), (0, 2));
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetryReport {
    /// How many events succeeded and are no longer parked, events that were parked during the retry included.
    pub done: u64,
    /// How many events are still parked.
    pub parked: u64,
}

impl FollowerControl {
    /// Handles the parked events again, in the order of the log, and then the events that were parked meanwhile because they
    /// waited for these: events of the policy's own commands, for example. Events that fail again stay parked, with the events
    /// that wait for them.
    pub(crate) async fn retry_parked(&self) -> Result<RetryReport, Error> {
        handler_scope::run(self.status(), self.retry_rounds()).await
    }

    async fn retry_rounds(&self) -> Result<RetryReport, Error> {
        let mut retry = Retry::default();
        loop {
            let (table, build) = self.served().await?;
            let parked = self.rows.parked(&table).await?;
            let Round { new, failed, can_succeed } = retry.next_round(table, &parked);
            if !can_succeed {
                if retry.has_changed {
                    self.request_restart_with_parked(&table, parked.len() as u64);
                }
                return Ok(RetryReport { done: retry.done, parked: parked.len() as u64 });
            }
            let reusable = retry.uncommitted.take().filter(|handled| new.starts_with(&handled.parked));
            let mut handled = match reusable {
                Some(handled) => handled,
                None => self.handle_parked(table, build.checkpoint.position, new, &failed).await?,
            };
            match handled.commit(&*self.rows, &table, &build).await? {
                Ok(CommitOutcome::Done) => retry.add(&handled),
                // Commands of a policy have been sent, whatever was parked meanwhile; rows have to be folded again.
                Ok(CommitOutcome::Stale(_)) if table.is_checkpoint_only() => {
                    retry.uncommitted = Some(handled);
                }
                Ok(CommitOutcome::Stale(_)) => {}
                Err(error) => {
                    return Err(Error::unusable(self.operation("retry the parked events of"), error));
                }
            }
        }
    }

    async fn handle_parked(
        &self,
        table: Table,
        at: Position,
        mut parked: Vec<Parked>,
        failed: &Parking,
    ) -> Result<Handled, Error> {
        let mut records = self.records_of(&parked).await?;
        parked.truncate(records.len());
        let mut handler = self.follower.batch_handler(table, SharedRows::clone(&self.rows));
        let result = handler.handle(&records, at, failed).await?;
        let count = result.poison.as_ref().map_or(parked.len(), |poison| poison.index);
        records.truncate(count);
        let park: Vec<Parked> = result.park.iter().map(|failed| add_attempts(failed, &parked)).collect();
        let stays = |position: &Position| park.iter().any(|failed| failed.position == *position);
        let unpark = records.iter().map(|record| record.position).filter(|at| !stays(at)).collect();
        Ok(Handled { parked, records, handler, rows: result.rows, park, unpark })
    }

    /// The records of parked events: of all, or of the first ones, if those have more bytes than one reader may hold. The next round
    /// handles the others.
    async fn records_of(&self, parked: &[Parked]) -> Result<Vec<Record>, Error> {
        let read = |parked: &Parked| {
            let before = Position::new(parked.position.get().saturating_sub(1));
            Read::all(Criteria::all()).after(before).up_to(parked.position)
        };
        let (mut records, mut bytes) = (Vec::new(), 0);
        for chunk in parked.chunks(EVENTS_PER_READ) {
            let reads: Vec<Read> = chunk.iter().map(read).collect();
            let batches = self.watcher.store().read(&reads).await?;
            let found: Vec<Record> = batches.into_iter().flat_map(|batch| batch.records).collect();
            if found.len() != chunk.len() || found.iter().zip(chunk).any(|(a, b)| a.id != b.event) {
                let reason = "one of them is no longer in the log, which was restored from an older copy or is another one";
                return Err(Error::unusable(self.operation("find the parked events of"), reason));
            }
            bytes += found.iter().map(|record| record.data.as_str().len()).sum::<usize>();
            records.extend(found);
            if bytes >= self.watcher.max_read_bytes() {
                break;
            }
        }
        Ok(records)
    }
}

/// A retry of the parked events of a build, in rounds: while one runs, the runners park more events.
#[derive(Default)]
struct Retry {
    /// The build whose events were handled.
    table: Option<Table>,
    /// The events that were handled and stay parked. Each is tried once.
    failed: BTreeSet<Position>,
    /// A round whose result is not committed yet.
    uncommitted: Option<Handled>,
    done: u64,
    has_changed: bool,
}

/// The parked events of one round.
struct Round {
    /// The events that were not handled yet.
    new: Vec<Parked>,
    /// The others, which new events may have to wait for.
    failed: Parking,
    /// Whether a new event waits for no other, or is stored with a wrong reason for waiting.
    can_succeed: bool,
}

impl Retry {
    /// The next round. If the served build has changed, all its events are new.
    fn next_round(&mut self, table: Table, parked: &[Parked]) -> Round {
        if self.table.replace(table) != Some(table) {
            (self.failed, self.uncommitted) = (BTreeSet::new(), None);
        }
        let is_failed = |parked: &&Parked| self.failed.contains(&parked.position);
        let (old, new): (Vec<&Parked>, Vec<&Parked>) = parked.iter().partition(is_failed);
        let mut failed = Parking::manual_retry();
        old.into_iter().for_each(|parked| failed.add(parked));
        let mut waiting = failed.clone();
        let can_succeed = new.iter().any(|parked| {
            let blocker = waiting.blocked_by(&parked.keys);
            waiting.add(parked);
            blocker.is_none_or(|blocker| parked.error != waiting_reason(blocker))
        });
        Round { new: new.into_iter().cloned().collect(), failed, can_succeed }
    }

    /// Adds a round that was committed.
    fn add(&mut self, round: &Handled) {
        self.has_changed = true;
        self.done += round.unpark.len() as u64;
        let positions = round.parked.iter().map(|parked| parked.position);
        self.failed.extend(positions.filter(|position| !round.unpark.contains(position)));
    }
}

/// Parked events that were handled again, and the result.
struct Handled {
    parked: Vec<Parked>,
    /// The records before the first that was not handled.
    records: Vec<Record>,
    handler: Box<dyn BatchHandler>,
    rows: FoldedRows,
    park: Vec<Parked>,
    unpark: Vec<Position>,
}

impl Handled {
    async fn commit(
        &mut self,
        rows: &dyn RowStore,
        table: &Table,
        build: &Build,
    ) -> Result<Result<CommitOutcome, String>, Error> {
        let FoldedRows { upserts, deletes } = self.rows.clone();
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

/// A parked event that failed again, with its earlier attempts added.
fn add_attempts(failed: &Parked, before: &[Parked]) -> Parked {
    let attempts = before.iter().find(|one| one.position == failed.position).map_or(0, |one| one.attempts);
    Parked { attempts: attempts + failed.attempts, ..failed.clone() }
}
