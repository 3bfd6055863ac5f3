//! Deciding: read, decide, append on condition that nothing changed, retry on conflict.

use annalist_core::{
    criteria::Criteria,
    record::{Draft, Record},
    store::{Append, AppendOutcome, Condition, Read, Receipt},
    time::Timestamp,
};

use crate::{
    failure::Outcome,
    support::{concurrency::yield_now, handle::Handle},
};

/// What a decision says: the events, or why not.
type Verdict = Result<Vec<Draft>, &'static str>;

/// What became of a command: its receipt, or why it was rejected.
pub(super) type Answer = Result<Receipt, &'static str>;

/// Reads, decides and appends, until no conflict came in between.
pub(super) async fn decide(
    handle: &Handle,
    now: Timestamp,
    criteria: Criteria,
    decision: impl Fn(&[Record]) -> Verdict,
) -> Outcome<Answer> {
    loop {
        let batch = handle.read_one(Read::all(criteria.clone())).await?;
        let events = match decision(&batch.records) {
            Ok(events) => events,
            Err(rejection) => return Ok(Err(rejection)),
        };
        yield_now().await;
        let condition = Condition { criteria: criteria.clone(), marker: batch.marker };
        let sent = Append { events, conditions: vec![condition], recorded_at: now, ..Append::default() };
        if let AppendOutcome::Appended(receipt) = handle.append_one(sent).await? {
            return Ok(Ok(receipt));
        }
    }
}

/// The number in an event's payload.
pub(super) fn number(record: &Record) -> usize {
    record.data.as_str().parse().unwrap_or_default()
}

/// Fails unless the command was accepted.
macro_rules! ensure_accepted {
    ($answer:expr, $($what:tt)+) => {
        match $answer {
            Ok(receipt) => receipt,
            Err(rejection) => {
                return Err($crate::Failure::new(format!("{} was rejected: {rejection}", format!($($what)+))));
            }
        }
    };
}

/// Fails unless the command was rejected for this reason.
macro_rules! ensure_rejected {
    ($answer:expr, $why:expr, $($what:tt)+) => {
        ensure_eq!($answer.map(|receipt| receipt.position()), Err($why), $($what)+)
    };
}

pub(super) use {ensure_accepted, ensure_rejected};
