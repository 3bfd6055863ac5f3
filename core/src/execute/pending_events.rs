//! The appends of a batch, its states, and the events that the states do not contain yet.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::{
    aggregate_key::AggregateKey,
    event_index::EventIndex,
    fold::{ToFold, fold_records},
};
use crate::{
    codec::Codec,
    criteria::Criteria,
    dispatch::{ErasedState, VersionedState},
    error::Error,
    panics::run_user_code,
    position::Position,
    record::Record,
    store::{Append, AppendOutcome, Receipt},
};

/// An append that is not written yet.
#[derive(Debug)]
pub(super) struct PendingAppend {
    pub(super) append: Append,
    /// `None` as long as the command that added the append holds the batch: it gets the outcome from the function that writes the
    /// batch.
    pub(super) sender: Option<oneshot::Sender<BatchOutcome>>,
}

/// The outcome of a batch for one of its commands.
#[derive(Debug)]
pub(super) enum BatchOutcome {
    Answered(AppendOutcome<Receipt>),
    Failed(Error),
    /// Nothing was written, because of another command of the batch.
    RetryUnbatched,
}

/// A state that events of the batch are folded into.
#[derive(Debug)]
pub(super) struct ModifiedState {
    pub(super) key: AggregateKey,
    pub(super) criteria: Criteria,
    pub(super) state: VersionedState,
    /// The number of appends of the batch that are folded in.
    pub(super) folded_appends: usize,
}

/// Events, and the states into which each of them is to be folded.
pub(super) struct PendingEvents {
    events: Vec<PendingEvent>,
    /// The events and the states by their indexes, sorted.
    pairs: Vec<ToFold>,
}

/// An event that is not folded into a state yet.
pub(super) struct PendingEvent {
    /// The index of its append, and its own index in the append.
    append: usize,
    index: usize,
    /// The event, without its position.
    record: Record,
}

impl ModifiedState {
    pub(super) fn new(key: AggregateKey, criteria: Criteria, state: VersionedState) -> Self {
        Self { key, criteria, state, folded_appends: 0 }
    }
}

impl PendingEvents {
    /// The events of appends that are not folded into states of their batch yet.
    pub(super) fn of<'a>(
        states: impl Iterator<Item = &'a ModifiedState> + Clone,
        appends: &[PendingAppend],
    ) -> Self {
        let folded = states.clone().map(|state| state.folded_appends).min().unwrap_or(appends.len());
        let uses_context = states.clone().any(|state| state.state.state.vtable.uses_context);
        let drafts = appends.iter().skip(folded).flat_map(|pending| &pending.append.events);
        let by_tag = EventIndex::new(drafts);
        let mut pairs = Vec::with_capacity(1);
        for (state, modified) in states.enumerate() {
            let known = appends.iter().take(modified.folded_appends).skip(folded);
            let known: usize = known.map(|pending| pending.append.events.len()).sum();
            let pending = by_tag.matching(&modified.criteria).filter(|number| *number >= known);
            pairs.extend(pending.map(|record| ToFold { record, state }));
        }
        pairs.sort_unstable();
        pairs.dedup();
        let mut pending = Self { events: Vec::with_capacity(1), pairs };
        pending.add_events(appends.iter().enumerate().skip(folded), uses_context);
        pending
    }

    /// Adds the events that belong to a state, and numbers them from 0.
    fn add_events<'a>(
        &mut self,
        appends: impl Iterator<Item = (usize, &'a PendingAppend)>,
        uses_context: bool,
    ) {
        let events = appends.flat_map(|(number, PendingAppend { append, .. })| {
            append.events.iter().enumerate().map(move |(index, draft)| (number, append, index, draft))
        });
        let mut rest = self.pairs.as_mut_slice();
        for (number, (append, whole, index, draft)) in events.enumerate() {
            let (of_event, later) = rest.split_at_mut(rest.partition_point(|pair| pair.record <= number));
            rest = later;
            if of_event.is_empty() {
                continue;
            }
            of_event.iter_mut().for_each(|pair| pair.record = self.events.len());
            let record = match uses_context {
                true => draft.clone().record(Position::START, whole.recorded_at, Arc::clone(&whole.metadata)),
                false => draft.payload_record(),
            };
            self.events.push(PendingEvent { append, index, record });
        }
    }

    /// Folds the events into the states. Returns the states, by their indexes in ascending order, that must not be used any more: a
    /// fold failed, or something else refers to the state.
    pub(super) fn fold<'s>(
        self,
        states: impl Iterator<Item = &'s mut ModifiedState>,
        codec: &Codec,
        position: impl Fn(&PendingEvent) -> Position,
    ) -> Vec<usize> {
        let Self { mut events, mut pairs } = self;
        let mut states: Vec<&mut ErasedState> = states.map(|state| &mut state.state.state).collect();
        let shared = pairs.iter().map(|pair| pair.state).filter(|state| !states[*state].is_unshared());
        let mut lost: Vec<usize> = shared.collect();
        lost.sort_unstable();
        lost.dedup();
        pairs.retain(|pair| lost.binary_search(&pair.state).is_err());
        for event in &mut events {
            event.record.position = position(event);
        }
        let record = |index: usize| events.get(index).map(|event| &event.record);
        if run_user_code("a fold", || fold_records(&mut states, record, &mut pairs, codec)).is_err() {
            lost.extend(pairs.iter().map(|pair| pair.state));
            lost.sort_unstable();
            lost.dedup();
        }
        lost
    }
}

impl PendingEvent {
    /// The position of the event in the receipts of the batch.
    pub(super) fn position_in(&self, receipts: &[Receipt]) -> Position {
        let event = receipts.get(self.append).and_then(|receipt| receipt.events.get(self.index));
        event.map_or(Position::START, |event| event.position)
    }
}
