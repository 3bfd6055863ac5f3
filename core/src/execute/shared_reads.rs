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
    store::{Batch, Read},
    tag::Tag,
};

/// Up to this many states each has a read of its own: then a store need not return the tags of the events.
const MAX_SEPARATE: usize = 16;

/// Reads, each for one or several states.
#[derive(Debug, Default)]
pub(super) struct SharedReads {
    reads: Vec<Read>,
    /// The states of each read, by their indexes.
    states: Vec<Vec<usize>>,
    /// The tag of each state.
    tags: Vec<Option<Tag>>,
}

impl SharedReads {
    /// Groups the reads of states that fold the same types after the same position. Each state has read on from its marker.
    pub(super) fn new<'a>(states: impl Iterator<Item = (&'a Read, &'a VersionedState)>) -> Self {
        let mut groups: BTreeMap<_, Vec<(usize, Read)>> = BTreeMap::new();
        let mut shared = Self::default();
        for (index, (read, VersionedState { state, marker })) in states.enumerate() {
            let tag = read.criteria.items().first().and_then(|item| item.tags().first());
            shared.tags.push(tag.cloned());
            let read = read.clone().after(marker.settled());
            groups.entry((state.vtable.aggregate, read.after)).or_default().push((index, read));
        }
        for group in groups.into_values() {
            if group.len() > MAX_SEPARATE {
                shared.add_group(group);
            } else {
                group.into_iter().for_each(|(state, read)| shared.add(read, vec![state]));
            }
        }
        shared
    }

    pub(super) fn reads(&self) -> &[Read] {
        &self.reads
    }

    pub(super) fn states(&self) -> &[Vec<usize>] {
        &self.states
    }

    /// Folds the results of the reads into the states. A state that has new events gets the marker of its read.
    ///
    /// # Errors
    /// [`Invalid`] if a record cannot be decoded.
    pub(super) fn fold(
        &self,
        batches: &[Batch],
        states: &mut [VersionedState],
        codec: &Codec,
    ) -> Result<(), Invalid> {
        for (Batch { records, marker }, of_batch) in batches.iter().zip(&self.states) {
            let mut pairs = self.distribute(records, of_batch);
            let mut unsettled = HashMap::new();
            for ToFold { record, state } in &pairs {
                let is_unsettled = records[*record].position > marker.settled();
                *unsettled.entry(*state).or_default() += u64::from(is_unsettled);
            }
            for (state, unsettled) in unsettled {
                states[state].marker = marker.with_unsettled(unsettled);
            }
            let mut erased: Vec<&mut ErasedState> = states.iter_mut().map(|state| &mut state.state).collect();
            fold_records(&mut erased, |index| records.get(index), &mut pairs, codec)?;
        }
        Ok(())
    }

    fn add(&mut self, read: Read, states: Vec<usize>) {
        self.reads.push(read);
        self.states.push(states);
    }

    /// Adds one read of the events of several states. It returns whole records, because their tags say to which states they belong.
    fn add_group(&mut self, group: Vec<(usize, Read)>) {
        let after = group.first().map_or(Position::START, |(_, read)| read.after);
        let items = group.iter().flat_map(|(_, read)| read.criteria.items());
        let criteria: Criteria = items.cloned().collect::<Vec<Item>>().into_iter().collect();
        self.add(Read::all(criteria).after(after), group.into_iter().map(|(state, _)| state).collect());
    }

    /// The states to which each record of a read belongs.
    fn distribute(&self, records: &[Record], states: &[usize]) -> Vec<ToFold> {
        if let [state] = *states {
            return (0..records.len()).map(|record| ToFold { record, state }).collect();
        }
        let mut by_tag: HashMap<Option<&Tag>, Vec<usize>> = HashMap::with_capacity(states.len());
        for state in states {
            by_tag.entry(self.tags[*state].as_ref()).or_default().push(*state);
        }
        let mut pairs = Vec::new();
        for (record, Record { tags, .. }) in records.iter().enumerate() {
            let found = tags.iter().map(Some).chain([None]).filter_map(|tag| by_tag.get(&tag));
            pairs.extend(found.flatten().map(|state| ToFold { record, state: *state }));
        }
        // A damaged record may have a tag twice.
        pairs.sort_unstable();
        pairs.dedup();
        pairs
    }
}
