//! Whole decisions across entities, after the examples of <https://dcb.events>: read what decides, decide, append under
//! the condition that it has not changed, and try again if it has.

mod courses;
mod invoices;
mod tokens;
mod usernames;

use annalist_core::{
    criteria::Criteria,
    record::{Draft, Record},
    store::{Append, AppendOutcome, Condition, Read, Receipt},
    time::Timestamp,
};

use crate::{
    failure::Outcome,
    log::{Handle, room_for_others},
};

pub(super) use self::{
    courses::CASES as COURSES, invoices::CASES as INVOICES, tokens::CASES as TOKENS,
    usernames::CASES as USERNAMES,
};

/// What a decision says: the events, or why not.
type Verdict = Result<Vec<Draft>, &'static str>;

/// What became of a command: its receipt, or why it was rejected.
type Answer = Result<Receipt, &'static str>;

/// Reads, decides and appends, until no conflict came in between.
async fn decide(
    handle: &Handle,
    now: Timestamp,
    criteria: Criteria,
    decision: impl Fn(&[Record]) -> Verdict,
) -> Outcome<Answer> {
    loop {
        let batch = handle.look(Read::all(criteria.clone())).await?;
        let events = match decision(&batch.records) {
            Ok(events) => events,
            Err(rejection) => return Ok(Err(rejection)),
        };
        room_for_others().await;
        let condition = Condition { criteria: criteria.clone(), marker: batch.marker };
        let sent = Append { events, conditions: vec![condition], recorded_at: now, ..Append::default() };
        if let AppendOutcome::Appended(receipt) = handle.append_one(sent).await? {
            return Ok(Ok(receipt));
        }
    }
}

/// The number in an event's payload.
fn number(record: &Record) -> usize {
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

use {ensure_accepted, ensure_rejected};
