//! Handles parked events again.

use std::{collections::BTreeSet, num::NonZeroUsize};

use super::{
    BatchHandler, BatchResult, FollowerControl, Parking, PoisonEvent, handler_scope, waiting_reason,
};
use crate::{
    criteria::Criteria,
    error::Error,
    feed::LogWatcher,
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
        let (mut retry, mut uncommitted) = (Retry::default(), None::<(Box<dyn BatchHandler>, Handled)>);
        loop {
            let (table, build) = self.served().await?;
            let parked = self.rows.parked(&table).await?;
            if retry.begin(table) {
                uncommitted = None;
            }
            let Round { new, failed, can_succeed } =
                retry.next_round(&parked, |_| true, Parking::retry(true));
            if !can_succeed {
                if retry.has_changed {
                    self.request_restart_with_parked(&table, parked.len() as u64);
                }
                return Ok(RetryReport { done: retry.done, parked: parked.len() as u64 });
            }
            let reusable = uncommitted.take().filter(|(_, handled)| new.starts_with(&handled.parked));
            let (mut handler, handled) = match reusable {
                Some(reusable) => reusable,
                None => self.handle_parked(table, build.checkpoint.position, new, &failed).await?,
            };
            match handled.commit(&mut *handler, &*self.rows, &build).await? {
                Ok(CommitOutcome::Done) => retry.add(&handled),
                // Commands of a policy have been sent, whatever was parked meanwhile; rows have to be folded again.
                Ok(CommitOutcome::Stale(_)) if table.is_checkpoint_only() => {
                    uncommitted = Some((handler, handled));
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
    ) -> Result<(Box<dyn BatchHandler>, Handled), Error> {
        let records = records_of(&self.watcher, &parked, table.projection).await?;
        parked.truncate(records.len());
        let mut handler = self.follower.batch_handler(table, SharedRows::clone(&self.rows));
        let handled = Handled::new(&mut *handler, at, parked, records, failed).await?;
        Ok((handler, handled))
    }
}

/// The records of parked events: of all, or of the first ones, if those have more bytes than one reader may hold. The next round
/// handles the others.
pub(super) async fn records_of(
    watcher: &LogWatcher,
    parked: &[Parked],
    name: &str,
) -> Result<Vec<Record>, Error> {
    let read = |parked: &Parked| {
        let before = Position::new(parked.position.get().saturating_sub(1));
        Read::all(Criteria::all()).after(before).up_to(parked.position)
    };
    let (mut records, mut bytes) = (Vec::new(), 0);
    for chunk in parked.chunks(EVENTS_PER_READ) {
        let reads: Vec<Read> = chunk.iter().map(read).collect();
        let batches = watcher.store().read(&reads).await?;
        let found: Vec<Record> = batches.into_iter().flat_map(|batch| batch.records).collect();
        if found.len() != chunk.len() || found.iter().zip(chunk).any(|(a, b)| a.id != b.event) {
            let reason = "one of them is no longer in the log, which was restored from an older copy or is another one";
            return Err(Error::unusable(format!("find the parked events of `{name}`"), reason));
        }
        bytes += found.iter().map(|record| record.data.as_str().len()).sum::<usize>();
        records.extend(found);
        if bytes >= watcher.max_read_bytes() {
            break;
        }
    }
    Ok(records)
}

/// A retry of the parked events of a build, in rounds: while one runs, the runners park more events.
#[derive(Default)]
pub(super) struct Retry {
    /// The build whose events were handled.
    table: Option<Table>,
    /// The events that were handled and stay parked. Each is tried once.
    failed: BTreeSet<Position>,
    done: u64,
    has_changed: bool,
}

/// The parked events of one round.
pub(super) struct Round {
    /// The events that were not handled yet.
    pub(super) new: Vec<Parked>,
    /// The others, which new events may have to wait for.
    pub(super) failed: Parking,
    /// Whether a new event waits for no other, or is stored with a wrong reason for waiting.
    pub(super) can_succeed: bool,
}

impl Retry {
    /// Begins with the events of a build. If it is another one than before, all its events are new, and `true` is returned.
    pub(super) fn begin(&mut self, table: Table) -> bool {
        let is_other = self.table.replace(table) != Some(table);
        if is_other {
            self.failed.clear();
        }
        is_other
    }

    /// The next round of the parked events that are to be retried. `none` is the parking to which the other events are added.
    pub(super) fn next_round(
        &self,
        parked: &[Parked],
        is_retried: impl Fn(&Parked) -> bool,
        none: Parking,
    ) -> Round {
        let is_failed = |parked: &&Parked| self.failed.contains(&parked.position) || !is_retried(parked);
        let (old, new): (Vec<&Parked>, Vec<&Parked>) = parked.iter().partition(is_failed);
        let mut failed = none;
        old.into_iter().for_each(|parked| failed.add(parked));
        let mut waiting = failed.clone();
        let can_succeed = new.iter().any(|parked| {
            let blocker = waiting.blocked_by(&parked.keys, parked.position);
            waiting.add(parked);
            blocker.is_none_or(|blocker| parked.error != waiting_reason(blocker))
        });
        Round { new: new.into_iter().cloned().collect(), failed, can_succeed }
    }

    /// Adds a round that was committed.
    pub(super) fn add(&mut self, round: &Handled) {
        self.has_changed = true;
        self.done += round.unpark.len() as u64;
        let positions = round.parked.iter().map(|parked| parked.position);
        self.exclude(positions.filter(|position| !round.unpark.contains(position)));
    }

    /// Retries these events no more.
    pub(super) fn exclude(&mut self, positions: impl Iterator<Item = Position>) {
        self.failed.extend(positions);
    }
}

/// Parked events that were handled again, and the result.
pub(super) struct Handled {
    parked: Vec<Parked>,
    /// The records before the first that was not handled.
    records: Vec<Record>,
    rows: FoldedRows,
    park: Vec<Parked>,
    unpark: Vec<Position>,
    /// The event that may succeed later, and why it failed. It is not one of `parked`.
    pub(super) retry_later: Option<(Record, String)>,
}

impl Handled {
    /// Handles the records of parked events. `failed` has the events that stay parked.
    pub(super) async fn new(
        handler: &mut dyn BatchHandler,
        at: Position,
        mut parked: Vec<Parked>,
        mut records: Vec<Record>,
        failed: &Parking,
    ) -> Result<Self, Error> {
        let BatchResult { rows, park, poison, retry_later, processed } =
            handler.handle(&records, at, failed).await?;
        let count = poison.as_ref().map(|poison| poison.index).or(processed.map(NonZeroUsize::get));
        let mut rest = records.split_off(count.unwrap_or(records.len()).min(records.len()));
        let retry_later = match poison {
            Some(PoisonEvent { error, .. }) if retry_later && !rest.is_empty() => {
                Some((rest.swap_remove(0), error))
            }
            _ => None,
        };
        if retry_later.is_some() || processed.is_some() {
            parked.truncate(records.len());
        }
        let park: Vec<Parked> = park.iter().map(|failed| add_attempts(failed, &parked)).collect();
        let stays = |position: &Position| park.iter().any(|failed| failed.position == *position);
        let unpark = records.iter().map(|record| record.position).filter(|at| !stays(at)).collect();
        Ok(Self { parked, records, rows, park, unpark, retry_later })
    }

    /// Commits the result, if the checkpoint of the build is still the same.
    pub(super) async fn commit(
        &self,
        handler: &mut dyn BatchHandler,
        rows: &dyn RowStore,
        build: &Build,
    ) -> Result<Result<CommitOutcome, String>, Error> {
        let FoldedRows { upserts, deletes } = self.rows.clone();
        let table = *handler.table();
        let change = RowChange {
            parked: build.checkpoint.parked,
            upserts,
            deletes,
            park: self.park.clone(),
            unpark: self.unpark.clone(),
            ..RowChange::new(&table, build.checkpoint.position, build.checkpoint.position)
        };
        handler.commit(rows, &self.records, change).await
    }
}

/// A parked event that failed again, with its earlier attempts added.
fn add_attempts(failed: &Parked, before: &[Parked]) -> Parked {
    let attempts = before.iter().find(|one| one.position == failed.position).map_or(0, |one| one.attempts);
    Parked { attempts: attempts + failed.attempts, ..failed.clone() }
}
