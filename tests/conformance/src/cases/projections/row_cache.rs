//! The row cache of a fold: a cached row that was changed by another writer is never used.

use std::sync::Arc;

use annalist_core::{
    Error,
    codec::Codec,
    criteria::Criteria,
    projection::{BatchHandler, Parking, RowFolder},
    record::{Position, Record},
    rows::{CommitOutcome, RowChange, SharedRows, Value},
    store::Read,
};

use super::{
    balances::{BALANCES, Balance, Fact, folded},
    engine::{append_random, expect_own_rows_equal_fold},
    faulty_stores::{CallFault, FaultyRows},
};
use crate::{
    failure::Outcome,
    support::{
        fixtures::append,
        handle::Handle,
        log::Log,
        rows::{RowChangeExt, change, int, parked},
    },
};

cases!("projection_row_cache" needs [Rows]: [
    cached_rows_are_not_read_again,
    rows_changed_by_another_runner_are_read_again,
    rows_deleted_by_another_runner_are_read_again,
    rows_are_read_again_after_resuming_at_another_position,
    rows_are_read_again_after_a_lost_response,
    rows_are_read_again_after_a_failed_commit,
    rows_changed_by_a_retry_are_read_again,
    rows_of_a_discarded_build_are_dropped_from_the_cache,
    alternating_runners_count_every_event_once,
]);

/// A fold that the case drives as a runner does.
struct ManualRunner {
    folder: RowFolder<Balance>,
    rows: SharedRows,
    parking: Parking,
    at: Position,
}

impl ManualRunner {
    /// A runner at the start of the log.
    fn new(rows: SharedRows) -> Self {
        let folder = RowFolder::new(SharedRows::clone(&rows), Codec::default());
        Self { folder, rows, parking: Parking::default(), at: Position::START }
    }

    /// Folds the records from its position up to another one and commits the rows.
    async fn fold(&mut self, records: &[Record], to: u64) -> Result<CommitOutcome, Error> {
        let (from, to) = (self.at, Position::new(to));
        let batch = records.iter().filter(|record| record.position > from && record.position <= to);
        let batch: Vec<Record> = batch.cloned().collect();
        let handled = self.folder.handle(&batch, from, &self.parking).await?;
        let change = RowChange::new(&BALANCES, from, to).if_parked(self.parking.count());
        let change = change.upserting(handled.rows.upserts).deleting(handled.rows.deletes);
        let committed = self.folder.commit(&*self.rows, &batch, change).await?;
        match &committed {
            Ok(CommitOutcome::Done) => self.at = to,
            Ok(CommitOutcome::Stale(position)) => self.at = *position,
            Err(_) => {}
        }
        committed.map_err(|refused| Error::unusable("fold", refused))
    }

    async fn expect_folded(&mut self, records: &[Record], to: u64) -> Outcome {
        ensure_eq!(
            self.fold(records, to).await?,
            CommitOutcome::Done,
            "outcome of the commit of a batch up to {to}"
        );
        Ok(())
    }
}

/// Appends this many deposits to one account and defines the table.
async fn deposits(log: &Log, count: i64) -> Outcome<Vec<Record>> {
    let facts: Vec<Fact> = (1..=count).map(|amount| Fact::Deposited(1, amount)).collect();
    append_facts(log, &facts).await
}

async fn append_facts(log: &Handle, facts: &[Fact]) -> Outcome<Vec<Record>> {
    log.expect_accepted(append(facts.iter().map(|fact| fact.draft()))).await?;
    log.rows().define_table(&BALANCES).await?;
    Ok(log.read_one(Read::all(Criteria::all())).await?.records)
}

/// The position of a record, counted from 1.
fn at(records: &[Record], count: usize) -> u64 {
    records[count - 1].position.get()
}

/// The runner does not notice a row that is changed without moving the checkpoint: this shows that rows are cached at all.
/// In the other cases the checkpoint reveals the change.
async fn cached_rows_are_not_read_again(log: Log) -> Outcome {
    let records = deposits(&log, 4).await?;
    let mut runner = ManualRunner::new(log.rows().store());
    runner.expect_folded(&records, at(&records, 1)).await?;
    runner.expect_folded(&records, at(&records, 2)).await?;
    expect_own_rows_equal_fold(&log, Position::new(at(&records, 2))).await?;

    let position = at(&records, 2);
    let wrong = vec![int(1), int(100), int(0), int(0), Value::Null];
    log.rows().expect_committed(change(&BALANCES, position, position).upserting(vec![wrong])).await?;
    runner.expect_folded(&records, at(&records, 3)).await?;
    expect_own_rows_equal_fold(&log, Position::new(at(&records, 3))).await?;
    runner.expect_folded(&records, at(&records, 4)).await?;
    expect_own_rows_equal_fold(&log, Position::new(at(&records, 4))).await
}

async fn rows_changed_by_another_runner_are_read_again(log: Log) -> Outcome {
    let records = deposits(&log, 4).await?;
    let (mut one, mut other) = (ManualRunner::new(log.rows().store()), ManualRunner::new(log.rows().store()));
    one.expect_folded(&records, at(&records, 1)).await?;
    other.at = one.at;
    other.expect_folded(&records, at(&records, 2)).await?;
    // The runner folds on its cached row, and the commit is stale.
    let refused = one.fold(&records, at(&records, 3)).await?;
    ensure_eq!(
        refused,
        CommitOutcome::Stale(Position::new(at(&records, 2))),
        "outcome of a batch that was folded on outdated rows"
    );
    one.expect_folded(&records, at(&records, 4)).await?;
    expect_own_rows_equal_fold(&log, Position::new(at(&records, 4))).await
}

async fn rows_deleted_by_another_runner_are_read_again(log: Log) -> Outcome {
    let deposit = Fact::Deposited(1, 5);
    let records =
        append_facts(&log, &[deposit, Fact::Closed(1), deposit, Fact::Closed(1), deposit, deposit]).await?;
    let (mut one, mut other) = (ManualRunner::new(log.rows().store()), ManualRunner::new(log.rows().store()));
    one.expect_folded(&records, at(&records, 1)).await?;
    other.at = one.at;
    other.expect_folded(&records, at(&records, 2)).await?;
    one.at = other.at;
    one.expect_folded(&records, at(&records, 3)).await?;
    one.expect_folded(&records, at(&records, 4)).await?;
    // The row that was cached as missing exists now.
    other.at = one.at;
    other.expect_folded(&records, at(&records, 5)).await?;
    one.at = other.at;
    one.expect_folded(&records, at(&records, 6)).await?;
    expect_own_rows_equal_fold(&log, Position::new(at(&records, 6))).await
}

/// A runner that continues at the checkpoint of another runner must not use its cached rows.
async fn rows_are_read_again_after_resuming_at_another_position(log: Log) -> Outcome {
    let records = deposits(&log, 3).await?;
    let (mut one, mut other) = (ManualRunner::new(log.rows().store()), ManualRunner::new(log.rows().store()));
    one.expect_folded(&records, at(&records, 1)).await?;
    other.at = one.at;
    other.expect_folded(&records, at(&records, 2)).await?;
    one.at = other.at;
    one.expect_folded(&records, at(&records, 3)).await?;
    expect_own_rows_equal_fold(&log, Position::new(at(&records, 3))).await
}

/// A runner whose row store fails at the commit of its second batch.
async fn with_failed_commit(log: &Log, records: &[Record], fault: CallFault) -> Outcome<ManualRunner> {
    // One call reads the row, two write it.
    let unsteady = FaultyRows::new(log.rows().store(), BALANCES.version).with(2, fault);
    let mut runner = ManualRunner::new(Arc::new(unsteady));
    runner.expect_folded(records, at(records, 1)).await?;
    let result = runner.fold(records, at(records, 2)).await;
    ensure!(result.is_err(), "the second commit must fail, but returned {result:?}");
    Ok(runner)
}

async fn rows_are_read_again_after_a_lost_response(log: Log) -> Outcome {
    let records = deposits(&log, 3).await?;
    let mut runner = with_failed_commit(&log, &records, CallFault::LosesResponse).await?;
    runner.at = Position::new(at(&records, 2));
    runner.expect_folded(&records, at(&records, 3)).await?;
    expect_own_rows_equal_fold(&log, Position::new(at(&records, 3))).await
}

async fn rows_are_read_again_after_a_failed_commit(log: Log) -> Outcome {
    let records = deposits(&log, 3).await?;
    let mut runner = with_failed_commit(&log, &records, CallFault::FailsBefore).await?;
    runner.expect_folded(&records, at(&records, 2)).await?;
    runner.expect_folded(&records, at(&records, 3)).await?;
    expect_own_rows_equal_fold(&log, Position::new(at(&records, 3))).await
}

/// A retry changes rows without moving the checkpoint; the number of parked events reveals it.
async fn rows_changed_by_a_retry_are_read_again(log: Log) -> Outcome {
    let records = deposits(&log, 4).await?;
    let mut runner = ManualRunner::new(log.rows().store());
    runner.expect_folded(&records, at(&records, 1)).await?;
    // The second event is parked, and the third is folded without it.
    let (position, parked_at) = (at(&records, 1), at(&records, 2));
    let event = parked(parked_at, &["2"], "it fails", 1);
    log.rows().expect_committed(change(&BALANCES, position, parked_at).parking(vec![event.clone()])).await?;
    runner.at = Position::new(parked_at);
    runner.parking.add(&event);
    runner.expect_folded(&records, at(&records, 3)).await?;
    // A retry processes it: the account equals the fold of the first three events.
    let position = at(&records, 3);
    let retried = change(&BALANCES, position, position).if_parked(1).unparking([parked_at]);
    log.rows().expect_committed(retried.upserting(folded(&records[..3]))).await?;

    runner.parking = Parking::default();
    runner.expect_folded(&records, at(&records, 4)).await?;
    expect_own_rows_equal_fold(&log, Position::new(at(&records, 4))).await
}

async fn rows_of_a_discarded_build_are_dropped_from_the_cache(log: Log) -> Outcome {
    let records = deposits(&log, 3).await?;
    let mut runner = ManualRunner::new(log.rows().store());
    runner.expect_folded(&records, at(&records, 2)).await?;
    ensure!(log.rows().discard(&BALANCES).await?, "`discard` of a defined build must return `true`");
    let result = runner.fold(&records, at(&records, 3)).await;
    ensure!(result.is_err(), "a commit to a discarded build must fail, but returned {result:?}");
    log.rows().define_table(&BALANCES).await?;
    runner.at = Position::START;
    runner.expect_folded(&records, at(&records, 3)).await?;
    expect_own_rows_equal_fold(&log, Position::new(at(&records, 3))).await
}

async fn alternating_runners_count_every_event_once(log: Log) -> Outcome {
    let mut random = log.random("folds");
    append_random(&log, &mut random, 40).await?;
    log.rows().define_table(&BALANCES).await?;
    let records = log.read_one(Read::all(Criteria::all())).await?.records;
    let last = at(&records, records.len());
    let mut runners: Vec<ManualRunner> = (0..3).map(|_| ManualRunner::new(log.rows().store())).collect();
    while runners.iter().any(|runner| runner.at.get() < last) {
        let runner = &mut runners[random.usize(0..3)];
        if random.u8(0..5) == 0 {
            runner.at = log.rows().checkpoint_of(&BALANCES).await?.position;
        }
        let ahead = records.iter().map(|record| record.position).filter(|position| *position > runner.at);
        if let Some(to) = ahead.take(random.usize(1..8)).last() {
            runner.fold(&records, to.get()).await?;
        }
        let position = log.rows().checkpoint_of(&BALANCES).await?.position;
        expect_own_rows_equal_fold(&log, position).await?;
    }
    Ok(())
}
