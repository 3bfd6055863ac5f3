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

/// The result of a decision: the events to append, or the reason for a rejection.
type Decision = Result<Vec<Draft>, &'static str>;

/// The result of a command: its receipt, or the reason for its rejection.
pub(super) type CommandResult = Result<Receipt, &'static str>;

/// Reads, decides and appends, until the append has no conflict.
pub(super) async fn decide(
    handle: &Handle,
    now: Timestamp,
    criteria: Criteria,
    decision: impl Fn(&[Record]) -> Decision,
) -> Outcome<CommandResult> {
    loop {
        let batch = handle.read_one(Read::all(criteria.clone())).await?;
        let events = match decision(&batch.records) {
            Ok(events) => events,
            Err(rejection) => return Ok(Err(rejection)),
        };
        yield_now().await;
        let condition = Condition { criteria: criteria.clone(), marker: batch.marker };
        let request = Append { events, conditions: vec![condition], recorded_at: now, ..Append::default() };
        if let AppendOutcome::Appended(receipt) = handle.append_one(request).await? {
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
    ($result:expr, $($what:tt)+) => {
        match $result {
            Ok(receipt) => receipt,
            Err(rejection) => {
                return Err($crate::Failure::new(format!("{} was rejected: {rejection}", format!($($what)+))));
            }
        }
    };
}

/// Fails unless the command was rejected for this reason.
macro_rules! ensure_rejected {
    ($result:expr, $reason:expr, $($what:tt)+) => {
        ensure_eq!($result.map(|receipt| receipt.position()), Err($reason), $($what)+)
    };
}

pub(super) use {ensure_accepted, ensure_rejected};
