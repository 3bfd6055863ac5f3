//! Folds records into several states.

use std::mem;

use crate::{codec::Codec, dispatch::ErasedState, error::Invalid, record::Record};

/// A record that is to be folded into a state, by their indexes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ToFold {
    pub(super) record: usize,
    pub(super) state: usize,
}

/// Folds records into the states that they belong to, in the order of the records. Each record is decoded once for all states of one
/// aggregate type. After an error the states must not be used any more.
///
/// # Errors
/// [`Invalid`] if a record cannot be decoded, or something else refers to a state.
pub(super) fn fold_records<'r>(
    states: &mut [&mut ErasedState],
    record: impl Fn(usize) -> Option<&'r Record>,
    pairs: &mut [ToFold],
    codec: &Codec,
) -> Result<(), Invalid> {
    let key = |states: &[&mut ErasedState], pair: &ToFold| {
        (pair.record, states.get(pair.state).map(|state| state.vtable.aggregate))
    };
    pairs.sort_unstable_by_key(|pair| (key(states, pair), pair.state));
    let mut rest = &*pairs;
    while let Some(first) = rest.first() {
        let of_first = key(states, first);
        let (same, later) = rest.split_at(rest.partition_point(|pair| key(states, pair) <= of_first));
        rest = later;
        let Some(record) = record(first.record) else { continue };
        match (same, states.get_mut(first.state)) {
            // Without the allocation of the next case.
            ([_], Some(state)) => ErasedState::fold_into_each(&mut [&mut **state], record, codec)?,
            _ => {
                let mut same = select(states, same.iter().map(|pair| pair.state));
                ErasedState::fold_into_each(&mut same, record, codec)?;
            }
        }
    }
    Ok(())
}

/// The states at these indexes, which are in ascending order. An index that is repeated counts once.
fn select<'s>(
    states: &'s mut [&mut ErasedState],
    indexes: impl Iterator<Item = usize>,
) -> Vec<&'s mut ErasedState> {
    let (mut rest, mut start) = (states, 0);
    let selected = indexes.filter_map(|index| {
        let skipped = index.checked_sub(start)?;
        let (_, tail) = mem::take(&mut rest).split_at_mut_checked(skipped)?;
        let (state, tail) = tail.split_first_mut()?;
        (rest, start) = (tail, index + 1);
        Some(&mut **state)
    });
    selected.collect()
}
