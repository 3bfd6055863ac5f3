//! How much was transferred.

use crate::record::Position;

/// What an export, an import or a copy has transferred.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transferred {
    /// The position of the last event.
    pub up_to: Position,
    /// The number of events.
    pub events: u64,
    /// The number of command ids.
    pub command_ids: u64,
    /// The number of journal entries.
    pub journal_entries: u64,
}
