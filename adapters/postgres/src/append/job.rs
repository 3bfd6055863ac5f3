//! The appends of one caller, and which of them can share a call of the database.

use annalist_core::store::Append;

use super::{
    inline::provided_builds,
    locks::{AdvisoryKeys, LockSet},
};

/// Maximum number of appends of an atomic batch.
pub(crate) const MAX_ATOMIC: usize = 64;
/// So many bytes of payload weigh as much as an append.
const BYTES_OF_ONE: usize = 8 << 10;

/// The appends of one caller, which are all written or none: usually one.
pub(crate) struct AppendJob {
    pub(super) appends: Vec<Append>,
    pub(super) locks: LockSet,
    /// The inline builds that the appends fold. Only jobs with the same builds share a call.
    pub(super) inline: Vec<String>,
    /// A call is full at a weight of 128, which 128 appends have, or 1 MB.
    pub(super) weight: usize,
}

impl AppendJob {
    pub(super) fn new(appends: Vec<Append>, keys: &AdvisoryKeys) -> Self {
        let locks = keys.locks(&appends);
        let mut inline: Vec<String> = appends.iter().flat_map(provided_builds).collect();
        inline.sort_unstable();
        inline.dedup();
        let weight = Self::weight_of(&appends);
        Self { appends, locks, inline, weight }
    }

    /// Whether it adds successors of event names: such a job shares a call with no other, which would have to know them.
    pub(super) fn adds_successors(&self) -> bool {
        self.appends.iter().any(Append::adds_successors)
    }

    /// Whether the conditions are about the log of an epoch.
    pub(super) fn is_of_epoch(&self, epoch: u64) -> bool {
        let mut conditions = self.appends.iter().flat_map(|append| &append.conditions);
        conditions.all(|condition| condition.marker.is_of_epoch(epoch))
    }

    /// Whether a later job could have another outcome because of this one.
    pub(super) fn conflicts_with(&self, later: &Self) -> bool {
        let later = &later.appends;
        self.appends.iter().any(|append| later.iter().any(|later| conflicts_with(append, later)))
    }

    /// What the appends cost the database, compared with a small one.
    fn weight_of(appends: &[Append]) -> usize {
        let events = appends.iter().flat_map(|append| &append.events);
        let bytes: usize = events.map(|draft| draft.data().as_str().len()).sum();
        appends.len() + bytes / BYTES_OF_ONE
    }
}

fn conflicts_with(append: &Append, later: &Append) -> bool {
    let has_same_id = match (&append.key, &later.key) {
        (Some(key), Some(other)) => key.id() == other.id(),
        _ => false,
    };
    has_same_id
        || append.events.iter().any(|draft| {
            let mut conditions = later.conditions.iter();
            conditions.any(|condition| condition.criteria.matches(draft.name(), draft.tags()))
        })
}
