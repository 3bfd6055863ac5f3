//! Rows that a fold keeps in memory from one batch to the next: never one that somebody else has changed since.

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
    engine::{ensure_own, write},
    faulty_stores::{Trouble, Unsteady},
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

/// A fold that is driven by hand, as a runner would drive it.
struct Hand {
    folding: RowFolder<Balance>,
    rows: SharedRows,
    parking: Parking,
    at: Position,
}

impl Hand {
    /// At the beginning of the log.
    fn of(rows: SharedRows) -> Self {
        let folding = RowFolder::new(SharedRows::clone(&rows), Codec::default());
        Self { folding, rows, parking: Parking::default(), at: Position::START }
    }

    /// Folds the records behind its position up to another one, and writes what came of them.
    async fn fold(&mut self, records: &[Record], to: u64) -> Result<CommitOutcome, Error> {
        let (from, to) = (self.at, Position::new(to));
        let batch = records.iter().filter(|record| record.position > from && record.position <= to);
        let batch: Vec<Record> = batch.cloned().collect();
        let taken = self.folding.handle(&batch, from, &self.parking).await?;
        let change = RowChange::new(&BALANCES, from, to).if_parked(self.parking.count());
        let change = change.upserting(taken.rows.upserts).deleting(taken.rows.deletes);
        let committed = self.folding.commit(&*self.rows, &batch, change).await?;
        match &committed {
            Ok(CommitOutcome::Done) => self.at = to,
            Ok(CommitOutcome::Stale(position)) => self.at = *position,
            Err(_) => {}
        }
        committed.map_err(|refused| Error::unusable("fold by hand", refused))
    }

    async fn folds(&mut self, records: &[Record], to: u64) -> Outcome {
        ensure_eq!(self.fold(records, to).await?, CommitOutcome::Done, "a batch up to {to}");
        Ok(())
    }
}

/// A log of so many deposits on one account, and the table of its balances.
async fn deposits(log: &Log, count: i64) -> Outcome<Vec<Record>> {
    let facts: Vec<Fact> = (1..=count).map(|amount| Fact::Deposited(1, amount)).collect();
    with(log, &facts).await
}

async fn with(log: &Handle, facts: &[Fact]) -> Outcome<Vec<Record>> {
    log.expect_accepted(append(facts.iter().map(|fact| fact.draft()))).await?;
    log.rows().define_table(&BALANCES).await?;
    Ok(log.read_one(Read::all(Criteria::all())).await?.records)
}

/// The positions of records, counted from 1 as the records are.
fn at(records: &[Record], count: usize) -> u64 {
    records[count - 1].position.get()
}

/// A row that is forged where the checkpoint stands still is not noticed: that the rows are kept at all, and the control for
/// the other cases, in which the checkpoint tells.
async fn cached_rows_are_not_read_again(log: Log) -> Outcome {
    let records = deposits(&log, 4).await?;
    let mut hand = Hand::of(log.rows().store());
    hand.folds(&records, at(&records, 1)).await?;
    hand.folds(&records, at(&records, 2)).await?;
    ensure_own(&log, Position::new(at(&records, 2))).await?;

    let place = at(&records, 2);
    let forged = vec![int(1), int(100), int(0), int(0), Value::Null];
    log.rows().expect_committed(change(&BALANCES, place, place).upserting(vec![forged])).await?;
    hand.folds(&records, at(&records, 3)).await?;
    ensure_own(&log, Position::new(at(&records, 3))).await?;
    hand.folds(&records, at(&records, 4)).await?;
    ensure_own(&log, Position::new(at(&records, 4))).await
}

async fn rows_changed_by_another_runner_are_read_again(log: Log) -> Outcome {
    let records = deposits(&log, 4).await?;
    let (mut one, mut other) = (Hand::of(log.rows().store()), Hand::of(log.rows().store()));
    one.folds(&records, at(&records, 1)).await?;
    other.at = one.at;
    other.folds(&records, at(&records, 2)).await?;
    // It folds on the row that it has, and is refused.
    let refused = one.fold(&records, at(&records, 3)).await?;
    ensure_eq!(refused, CommitOutcome::Stale(Position::new(at(&records, 2))), "a batch on rows of before");
    one.folds(&records, at(&records, 4)).await?;
    ensure_own(&log, Position::new(at(&records, 4))).await
}

async fn rows_deleted_by_another_runner_are_read_again(log: Log) -> Outcome {
    let deposit = Fact::Deposited(1, 5);
    let records = with(&log, &[deposit, Fact::Closed(1), deposit, Fact::Closed(1), deposit, deposit]).await?;
    let (mut one, mut other) = (Hand::of(log.rows().store()), Hand::of(log.rows().store()));
    one.folds(&records, at(&records, 1)).await?;
    other.at = one.at;
    other.folds(&records, at(&records, 2)).await?;
    one.at = other.at;
    one.folds(&records, at(&records, 3)).await?;
    one.folds(&records, at(&records, 4)).await?;
    // What was not there is there now.
    other.at = one.at;
    other.folds(&records, at(&records, 5)).await?;
    one.at = other.at;
    one.folds(&records, at(&records, 6)).await?;
    ensure_own(&log, Position::new(at(&records, 6))).await
}

/// A runner that starts again asks where its checkpoint stands, and is refused nothing.
async fn rows_are_read_again_after_resuming_at_another_position(log: Log) -> Outcome {
    let records = deposits(&log, 3).await?;
    let (mut one, mut other) = (Hand::of(log.rows().store()), Hand::of(log.rows().store()));
    one.folds(&records, at(&records, 1)).await?;
    other.at = one.at;
    other.folds(&records, at(&records, 2)).await?;
    one.at = other.at;
    one.folds(&records, at(&records, 3)).await?;
    ensure_own(&log, Position::new(at(&records, 3))).await
}

/// A hand whose store has trouble at the commit of its second batch.
async fn troubled(log: &Log, records: &[Record], trouble: Trouble) -> Outcome<Hand> {
    // One call reads the row, two write it.
    let unsteady = Unsteady::new(log.rows().store(), BALANCES.version).with(2, trouble);
    let mut hand = Hand::of(Arc::new(unsteady));
    hand.folds(records, at(records, 1)).await?;
    let answer = hand.fold(records, at(records, 2)).await;
    ensure!(answer.is_err(), "the second commit has trouble, but the answer is {answer:?}");
    Ok(hand)
}

async fn rows_are_read_again_after_a_lost_response(log: Log) -> Outcome {
    let records = deposits(&log, 3).await?;
    let mut hand = troubled(&log, &records, Trouble::LosesTheAnswer).await?;
    hand.at = Position::new(at(&records, 2));
    hand.folds(&records, at(&records, 3)).await?;
    ensure_own(&log, Position::new(at(&records, 3))).await
}

async fn rows_are_read_again_after_a_failed_commit(log: Log) -> Outcome {
    let records = deposits(&log, 3).await?;
    let mut hand = troubled(&log, &records, Trouble::Refuses).await?;
    hand.folds(&records, at(&records, 2)).await?;
    hand.folds(&records, at(&records, 3)).await?;
    ensure_own(&log, Position::new(at(&records, 3))).await
}

/// A retry changes rows where the checkpoint stands still; the number of parked events tells.
async fn rows_changed_by_a_retry_are_read_again(log: Log) -> Outcome {
    let records = deposits(&log, 4).await?;
    let mut hand = Hand::of(log.rows().store());
    hand.folds(&records, at(&records, 1)).await?;
    // The second event is put aside, and the third is folded in its absence.
    let (place, aside) = (at(&records, 1), at(&records, 2));
    let event = parked(aside, &["2"], "it fails", 1);
    log.rows().expect_committed(change(&BALANCES, place, aside).parking(vec![event.clone()])).await?;
    hand.at = Position::new(aside);
    hand.parking.add(&event);
    hand.folds(&records, at(&records, 3)).await?;
    // Somebody takes it, late, and the account is what the plain fold makes of the first three.
    let place = at(&records, 3);
    let retried = change(&BALANCES, place, place).if_parked(1).unparking([aside]);
    log.rows().expect_committed(retried.upserting(folded(&records[..3]))).await?;

    hand.parking = Parking::default();
    hand.folds(&records, at(&records, 4)).await?;
    ensure_own(&log, Position::new(at(&records, 4))).await
}

async fn rows_of_a_discarded_build_are_dropped_from_the_cache(log: Log) -> Outcome {
    let records = deposits(&log, 3).await?;
    let mut hand = Hand::of(log.rows().store());
    hand.folds(&records, at(&records, 2)).await?;
    ensure!(log.rows().discard(&BALANCES).await?, "the build is there, but is not discarded");
    let answer = hand.fold(&records, at(&records, 3)).await;
    ensure!(answer.is_err(), "the build is gone, but the answer is {answer:?}");
    log.rows().define_table(&BALANCES).await?;
    hand.at = Position::START;
    hand.folds(&records, at(&records, 3)).await?;
    ensure_own(&log, Position::new(at(&records, 3))).await
}

async fn alternating_runners_count_every_event_once(log: Log) -> Outcome {
    let mut random = log.random("folds");
    write(&log, &mut random, 40).await?;
    log.rows().define_table(&BALANCES).await?;
    let records = log.read_one(Read::all(Criteria::all())).await?.records;
    let last = at(&records, records.len());
    let mut hands: Vec<Hand> = (0..3).map(|_| Hand::of(log.rows().store())).collect();
    while hands.iter().any(|hand| hand.at.get() < last) {
        let hand = &mut hands[random.usize(0..3)];
        if random.u8(0..5) == 0 {
            hand.at = log.rows().checkpoint_of(&BALANCES).await?.position;
        }
        let ahead = records.iter().map(|record| record.position).filter(|place| *place > hand.at);
        if let Some(to) = ahead.take(random.usize(1..8)).last() {
            hand.fold(&records, to.get()).await?;
        }
        let place = log.rows().checkpoint_of(&BALANCES).await?.position;
        ensure_own(&log, place).await?;
    }
    Ok(())
}
