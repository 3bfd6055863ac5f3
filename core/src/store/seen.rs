//! What a handle has seen of its log, by which it recognises that the log lost events.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::receipt::EventRef;
use crate::{error::Error, position::Position};

/// For stores: what a handle of a log has seen of it. A log loses events if a standby that lagged behind becomes the primary, or if
/// an older copy replaces the database under a running program. The newest event that the handle has seen is then not there any
/// more, or another event has its position.
///
/// A store checks this in each append, in each read that continues an earlier one, and when it looks for the end of the log. What
/// was seen before the loss belongs to an earlier [epoch](super::EventStore::epoch).
///
/// The check compares one event, the newest. A copy that has it, but not an event before it that was committed later, is not
/// recognised: concurrent appends may be committed in another order than that of their positions.
#[derive(Debug, Default)]
pub struct SeenLog(Mutex<Seen>);

/// What a [`SeenLog`] knows at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// How many times the log was found to have lost events.
    pub epoch: u64,
    /// A position up to which the log is settled, possibly not the highest.
    pub settled: Position,
    /// The newest event that was seen, if there is one.
    pub newest: Option<EventRef>,
}

impl SeenLog {
    /// Returns what was seen until now.
    pub fn now(&self) -> Seen {
        *self.lock()
    }

    /// Records that a call of this epoch has seen an event.
    pub fn saw(&self, epoch: u64, event: EventRef) {
        let mut seen = self.lock();
        if seen.epoch == epoch && seen.newest.is_none_or(|newest| newest.position < event.position) {
            seen.newest = Some(event);
        }
    }

    /// Records the events that a call of this epoch has appended. Events that follow the settled part of the log without a gap are
    /// settled too: no other event can appear at a position that has one.
    pub fn saw_appended(&self, epoch: u64, mut events: Vec<EventRef>) {
        events.sort_unstable_by_key(|event| event.position);
        let mut seen = self.lock();
        if seen.epoch != epoch {
            return;
        }
        for event in events {
            if event.position.get().checked_sub(1) == Some(seen.settled.get()) {
                seen.settled = event.position;
            }
            if seen.newest.is_none_or(|newest| newest.position < event.position) {
                seen.newest = Some(event);
            }
        }
    }

    /// Records that a call of this epoch has found the log settled up to a position.
    pub fn saw_settled(&self, epoch: u64, position: Position) {
        let mut seen = self.lock();
        if seen.epoch == epoch {
            seen.settled = seen.settled.max(position);
        }
    }

    /// Begins another epoch, because the newest event of `found` is not in the log any more, unless another call has found the same.
    /// Returns the error for calls that depend on what was seen before.
    pub fn lost(&self, found: Seen, log: &str, operation: String) -> Error {
        let is_first = {
            let mut seen = self.lock();
            let is_first = seen.epoch == found.epoch;
            if is_first {
                *seen = Seen { epoch: found.epoch + 1, ..Seen::default() };
            }
            is_first
        };
        if is_first && let Some(EventRef { position, id }) = found.newest {
            tracing::error!(
                log,
                %position,
                event = %id,
                "the log has gone back: it does not contain this event any more, so it was replaced by an older copy, or a \
                 standby that lagged behind is the primary now; cached states are dropped, followers start again from their \
                 checkpoints, and receipts of lost events are refused"
            );
        }
        Self::has_gone_back(operation)
    }

    /// Returns the error of a call that depends on what was seen in an earlier epoch.
    pub fn has_gone_back(operation: String) -> Error {
        Error::unavailable(
            operation,
            "the log has gone back to an earlier state while it was in use, or a subject was forgotten, so what was read from it before \
             does not hold; read it again",
        )
    }

    /// No code panics while it holds this lock.
    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn event(position: u64) -> EventRef {
        EventRef { position: Position::new(position), id: Uuid::from_u128(position.into()) }
    }

    #[test]
    fn appended_events_are_settled_only_without_a_gap_before_them() {
        let log = SeenLog::default();
        log.saw_settled(0, Position::new(10));
        let settled_after = |epoch, positions: &[u64]| {
            log.saw_appended(epoch, positions.iter().copied().map(event).collect());
            log.now().settled.get()
        };
        assert_eq!(settled_after(0, &[]), 10);
        assert_eq!(settled_after(0, &[13]), 10); // an append at 11 or 12 may still be running
        assert_eq!(settled_after(0, &[12, 11]), 12);
        assert_eq!(settled_after(0, &[13, 15]), 13);
        assert_eq!(settled_after(1, &[14]), 13); // in another epoch
        assert_eq!(log.now().newest, Some(event(15)));
        drop(log.lost(log.now(), "log", "append".to_owned()));
        assert_eq!(settled_after(0, &[1]), 0);
    }

    #[test]
    fn loss_begins_an_epoch_once_and_forgets_what_was_seen() {
        let log = SeenLog::default();
        log.saw(0, event(40));
        log.saw(0, event(39));
        log.saw_settled(0, Position::new(38));
        let before = log.now();
        assert_eq!((before.newest, before.settled), (Some(event(40)), Position::new(38)));

        assert!(log.lost(before, "log", "append".to_owned()).is_unavailable());
        assert_eq!(log.now(), Seen { epoch: 1, ..Seen::default() });
        log.saw(1, event(14));
        // Another call of the earlier epoch.
        assert!(log.lost(before, "log", "append".to_owned()).is_unavailable());
        log.saw(0, event(41));
        log.saw_settled(0, Position::new(41));
        assert_eq!(log.now(), Seen { epoch: 1, settled: Position::START, newest: Some(event(14)) });
    }
}
