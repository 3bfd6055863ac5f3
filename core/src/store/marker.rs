//! The moment of a read, for append conditions.

use super::receipt::Receipt;
use crate::record::Position;

/// Consistency token of a read: an append conditioned on it fails if matching events were appended since. Only the store that
/// created it can interpret it.
///
/// ```
/// use annalist::{Criteria, EventStore, Memory, store::{Marker, Read}};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let store = Memory::new();
/// let batches = store.read(&[Read::all(Criteria::all())]).await?;
/// assert_eq!(batches[0].marker, Marker::START); // the log is empty
/// # Ok::<(), annalist::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Marker {
    settled: Position,
    seen_unsettled: u64,
    epoch: u64,
}

/// The bits of an epoch that count how many times the log has lost events. The bits above count how many times a subject was forgotten.
pub(crate) const LOSSES_BITS: u32 = 32;

/// How many times the log had lost events in an epoch.
pub(crate) const fn losses(epoch: u64) -> u64 {
    epoch & ((1 << LOSSES_BITS) - 1)
}

impl Marker {
    /// Before the log's first event.
    pub const START: Self = Self { settled: Position::START, seen_unsettled: 0, epoch: 0 };

    /// For stores: creates the marker of a reader that has seen everything up to `settled`, and `seen_unsettled`
    /// matching events after it.
    pub const fn new(settled: Position, seen_unsettled: u64) -> Self {
        Self { settled, seen_unsettled, epoch: 0 }
    }

    /// For stores: returns the marker for a read of this [`epoch`](super::EventStore::epoch) of the log.
    #[must_use]
    pub const fn in_epoch(self, epoch: u64) -> Self {
        Self { epoch, ..self }
    }

    /// Returns the marker after an append, for the criteria of its conditions: everything that matches up to the last
    /// position of the append was seen.
    pub fn after(receipt: &Receipt) -> Self {
        Self::new(receipt.position(), 0)
    }

    /// Returns the marker of the same moment for a part of what was read, with this many events beyond [`Marker::settled`].
    #[must_use]
    pub(crate) const fn with_unsettled(self, seen_unsettled: u64) -> Self {
        Self { seen_unsettled, ..self }
    }

    /// For stores: returns the position up to which the reader has seen everything.
    pub const fn settled(self) -> Position {
        self.settled
    }

    /// For stores: returns the number of matching events seen beyond [`Marker::settled`].
    pub const fn seen_unsettled(self) -> u64 {
        self.seen_unsettled
    }

    /// For stores: returns `true` if the reader has seen the log as it is in this epoch. A reader that has seen nothing has seen
    /// nothing that the log could have lost.
    pub const fn is_of_epoch(self, epoch: u64) -> bool {
        self.epoch == epoch || (self.settled.get() == 0 && self.seen_unsettled == 0)
    }

    /// For stores: returns the epoch of the log in which the marker was made.
    pub const fn epoch(self) -> u64 {
        self.epoch
    }
}
