//! Reads of many states of one aggregate type as one read: an event that belongs to many of them is read and decoded once.

use std::collections::{BTreeMap, HashMap};

use super::fold::{ToFold, fold_records};
use crate::{
    codec::Codec,
    criteria::{Criteria, Item},
    dispatch::{ErasedState, VersionedState},
    error::Invalid,
    position::Position,
    record::Record,
    store::{Marker, Read},
    tag::Tag,
};

/// Up to this many states each has a read of its own: then a store need not return the tags of the events.
const MAX_SEPARATE: usize = 16;

/// Reads, each for one or several states. Their records arrive in chunks, which are folded at once.
#[derive(Debug, Default)]
pub(super) struct SharedReads {
    reads: Vec<Read>,
    /// What is folded from the records of each read.
    targets: Vec<Target>,
}

/// The states of a read, by their indexes.
#[derive(Debug)]
enum Target {
    /// One state, and whether a record was folded into it.
    One {
        state: usize,
        is_changed: bool,
    },
    Many(Group),
}

/// The states of a shared read.
#[derive(Debug, Default)]
struct Group {
    states: Vec<usize>,
    /// The states with each tag.
    by_tag: HashMap<Tag, Vec<usize>>,
    /// The states to which every record belongs.
    untagged: Vec<usize>,
    /// What was folded: the positions of records, with the states to which they belong. The marker of the read, which arrives last,
    /// says which of the records are not settled.
    folded: Vec<(Position, usize)>,
}

impl SharedReads {
    /// Groups the reads of states that fold the same types after the same position. Each state has read on from its marker.
    pub(super) fn new<'a>(states: impl Iterator<Item = (&'a Read, &'a VersionedState)>) -> Self {
        let mut groups: BTreeMap<_, Vec<(usize, Read)>> = BTreeMap::new();
        for (index, (read, VersionedState { state, marker, .. })) in states.enumerate() {
            let read = read.clone().after(marker.settled());
            groups.entry((state.vtable.aggregate, read.after)).or_default().push((index, read));
        }
        let mut shared = Self::default();
        for group in groups.into_values() {
            if group.len() > MAX_SEPARATE {
                shared.add_group(group);
            } else {
                for (state, read) in group {
                    shared.add(read, Target::One { state, is_changed: false });
                }
            }
        }
        shared
    }

    pub(super) fn reads(&self) -> &[Read] {
        &self.reads
    }

    /// Folds the next records of a read into its states.
    ///
    /// # Errors
    /// [`Invalid`] if a record cannot be decoded.
    pub(super) fn fold(
        &mut self,
        read: usize,
        records: &[Record],
        states: &mut [VersionedState],
        codec: &Codec,
    ) -> Result<(), Invalid> {
        match self.targets.get_mut(read) {
            Some(Target::One { state, is_changed }) => {
                let Some(VersionedState { state, .. }) = states.get_mut(*state) else { return Ok(()) };
                *is_changed |= !records.is_empty();
                records
                    .iter()
                    .try_for_each(|record| ErasedState::fold_into_each(&mut [&mut *state], record, codec))
            }
            Some(Target::Many(group)) => group.fold(records, states, codec),
            None => Ok(()),
        }
    }

    /// The states of a read, by their indexes.
    pub(super) fn states(&self, read: usize) -> &[usize] {
        match self.targets.get(read) {
            Some(Target::One { state, .. }) => std::slice::from_ref(state),
            Some(Target::Many(group)) => &group.states,
            None => &[],
        }
    }

    /// Sets the marker of each state that has new events to that of its read.
    pub(super) fn set_markers(self, markers: &[Marker], states: &mut [VersionedState]) {
        for (marker, target) in markers.iter().zip(self.targets) {
            match target {
                Target::One { is_changed: false, .. } => {}
                Target::One { state, .. } => {
                    if let Some(state) = states.get_mut(state) {
                        state.marker = *marker;
                    }
                }
                Target::Many(group) => group.set_markers(*marker, states),
            }
        }
    }

    fn add(&mut self, read: Read, target: Target) {
        self.reads.push(read);
        self.targets.push(target);
    }

    /// Adds one read of the events of several states. It returns whole records, because their tags say to which states they belong.
    fn add_group(&mut self, reads: Vec<(usize, Read)>) {
        let after = reads.first().map_or(Position::START, |(_, read)| read.after);
        let items = reads.iter().flat_map(|(_, read)| read.criteria.items());
        let criteria: Criteria = items.cloned().collect::<Vec<Item>>().into_iter().collect();
        let mut group = Group::default();
        for (state, read) in &reads {
            match read.criteria.items().first().and_then(|item| item.tags().first()) {
                Some(tag) => group.by_tag.entry(tag.clone()).or_default().push(*state),
                None => group.untagged.push(*state),
            }
            group.states.push(*state);
        }
        self.add(Read::all(criteria).after(after), Target::Many(group));
    }
}

impl Group {
    fn fold(
        &mut self,
        records: &[Record],
        states: &mut [VersionedState],
        codec: &Codec,
    ) -> Result<(), Invalid> {
        let mut pairs = self.distribute(records);
        self.folded.extend(pairs.iter().map(|pair| (records[pair.record].position, pair.state)));
        let mut erased: Vec<&mut ErasedState> = states.iter_mut().map(|state| &mut state.state).collect();
        fold_records(&mut erased, |index| records.get(index), &mut pairs, codec)
    }

    /// The states to which each record belongs.
    fn distribute(&self, records: &[Record]) -> Vec<ToFold> {
        let mut pairs = Vec::new();
        for (record, Record { tags, .. }) in records.iter().enumerate() {
            let tagged = tags.iter().filter_map(|tag| self.by_tag.get(tag)).flatten();
            pairs.extend(tagged.chain(&self.untagged).map(|state| ToFold { record, state: *state }));
        }
        // A damaged record may have a tag twice.
        pairs.sort_unstable();
        pairs.dedup();
        pairs
    }

    fn set_markers(self, marker: Marker, states: &mut [VersionedState]) {
        let mut unsettled: HashMap<usize, u64> = HashMap::new();
        for (position, state) in self.folded {
            *unsettled.entry(state).or_default() += u64::from(position > marker.settled());
        }
        for (state, unsettled) in unsettled {
            if let Some(state) = states.get_mut(state) {
                state.marker = marker.with_unsettled(unsettled);
            }
        }
    }
}
