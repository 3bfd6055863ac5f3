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
    /// The number of tombstones of events that are in archives.
    pub tombstones: u64,
    /// The number of archives.
    pub archives: u64,
    /// The number of retags.
    pub retags: u64,
    /// The number of successors of event names.
    pub successors: u64,
    /// The number of command ids.
    pub command_ids: u64,
    /// The number of journal entries.
    pub journal_entries: u64,
    /// The number of policies whose checkpoints were transferred.
    pub policies: u64,
}

impl Transferred {
    /// What was transferred after a moment at which this much was.
    pub(super) fn since(&self, before: &Self) -> Self {
        Self {
            up_to: self.up_to,
            events: self.events - before.events,
            tombstones: self.tombstones - before.tombstones,
            archives: self.archives - before.archives,
            retags: self.retags - before.retags,
            successors: self.successors - before.successors,
            command_ids: self.command_ids - before.command_ids,
            journal_entries: self.journal_entries - before.journal_entries,
            policies: self.policies - before.policies,
        }
    }
}
