//! Batches the commands on one aggregate: each is decided on a state that contains the events of the earlier ones, which are not
//! written yet; then all are written in one append.

use tokio::sync::oneshot;

use super::aggregate_key::AggregateKey;
use crate::{
    codec::Codec,
    criteria::Criteria,
    dispatch::VersionedState,
    error::Error,
    panics::run_user_code,
    position::Position,
    record::{Draft, Record, StoredMetadata},
    store::{Append, AppendOutcome, Receipt, Reservation},
    time::Timestamp,
};

/// A batch with more bytes of payload is written without waiting for more commands.
const MAX_BATCH_BYTES: usize = 1 << 20;

/// Appends that are not written yet, and the callers that wait for them.
#[derive(Debug, Default)]
pub(super) struct CommandBatch {
    pub(super) appends: Vec<PendingAppend>,
    pub(super) modified: Vec<ModifiedState>,
    /// Commands without events whose result is valid only if this batch is written.
    pub(super) dependents: Vec<oneshot::Sender<BatchOutcome>>,
    /// Makes other processes that change the aggregate wait until the batch is written.
    pub(super) reservation: Reservation,
}

/// An append that is not written yet.
#[derive(Debug)]
pub(super) struct PendingAppend {
    pub(super) append: Append,
    pub(super) sender: oneshot::Sender<BatchOutcome>,
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
    criteria: Criteria,
    pub(super) state: VersionedState,
    /// The number of appends of the batch that are folded in.
    pub(super) folded_appends: usize,
}

/// An event that is not folded into a state yet.
pub(super) struct PendingEvent {
    /// The index of its append, and its own index in the append.
    append: usize,
    index: usize,
    draft: Draft,
    recorded_at: Timestamp,
    metadata: StoredMetadata,
}

impl CommandBatch {
    /// Returns `true` if there are appends that are not written yet.
    pub(super) fn has_pending(&self) -> bool {
        !self.appends.is_empty()
    }

    /// The state of an aggregate that contains the events of this batch, if there is one.
    pub(super) fn speculative_state(&self, key: &AggregateKey) -> Option<VersionedState> {
        let mut folded = self.modified.iter().filter(|modified| modified.folded_appends > 0);
        folded.find(|modified| modified.key == *key).map(|modified| modified.state.clone())
    }

    /// Returns `true` if an append can be written together with those of the batch: the store checks its conditions against the
    /// log before the batch, so no event of the batch may match them; and the command ids must differ.
    pub(super) fn can_add(&self, append: &Append) -> bool {
        self.appends.iter().all(|PendingAppend { append: earlier, .. }| {
            let same_id = match (&earlier.key, &append.key) {
                (Some(one), Some(other)) => one.id() == other.id(),
                _ => false,
            };
            let matches_condition = |draft: &Draft| {
                let mut conditions = append.conditions.iter();
                conditions.any(|condition| condition.criteria.matches(draft.name(), draft.tags()))
            };
            !same_id && !earlier.events.iter().any(matches_condition)
        })
    }

    /// Adds an append and the states that it modifies. The receiver gets the outcome once the batch is written.
    pub(super) fn add(
        &mut self,
        append: Append,
        modified: Vec<ModifiedState>,
    ) -> oneshot::Receiver<BatchOutcome> {
        let (sender, receiver) = oneshot::channel();
        if self.appends.is_empty() {
            // Most batches have one append, and the first push would reserve room for four.
            self.appends.reserve_exact(1);
        }
        self.appends.push(PendingAppend { append, sender });
        if self.modified.is_empty() {
            self.modified = modified;
        } else {
            self.modified.extend(modified);
        }
        receiver
    }

    /// Adds a command without events whose result is valid only if this batch is written.
    pub(super) fn add_dependent(&mut self) -> oneshot::Receiver<BatchOutcome> {
        let (sender, receiver) = oneshot::channel();
        self.dependents.push(sender);
        receiver
    }

    /// Returns `true` if another append fits in.
    pub(super) fn has_room(&self, max_appends: usize) -> bool {
        let events = self.appends.iter().flat_map(|pending| &pending.append.events);
        self.appends.len() < max_appends
            && events.map(|event| event.data().as_str().len()).sum::<usize>() < MAX_BATCH_BYTES
    }

    /// Folds the events of the batch into the state of an aggregate. Returns `false` if that is not possible. The positions of
    /// the events are not known yet, so a state whose fold may use them has to wait.
    pub(super) fn fold_pending(&mut self, key: &AggregateKey, codec: &Codec) -> bool {
        let Some(index) = self.modified.iter().position(|modified| modified.key == *key) else {
            return false;
        };
        let modified = &mut self.modified[index];
        if modified.state.state.vtable.uses_context {
            return false;
        }
        let events = modified.pending_events(&self.appends);
        modified.folded_appends = self.appends.len();
        let folded = modified.fold(events, codec, |_| Position::START);
        if !folded {
            self.modified.swap_remove(index);
        }
        folded
    }
}

impl ModifiedState {
    pub(super) fn new(key: AggregateKey, criteria: Criteria, state: VersionedState) -> Self {
        Self { key, criteria, state, folded_appends: 0 }
    }

    /// The events of the appends that are not folded in yet.
    pub(super) fn pending_events(&self, appends: &[PendingAppend]) -> Vec<PendingEvent> {
        // Most batches have one event.
        let mut pending = Vec::with_capacity(1);
        for (index, PendingAppend { append, .. }) in appends.iter().enumerate().skip(self.folded_appends) {
            let metadata = if self.state.state.vtable.uses_context {
                append.metadata.clone().into()
            } else {
                StoredMetadata::default()
            };
            let events = append.events.iter().enumerate();
            let matching = events.filter(|(_, draft)| self.criteria.matches(draft.name(), draft.tags()));
            pending.extend(matching.map(|(nth, draft)| PendingEvent {
                append: index,
                index: nth,
                draft: draft.clone(),
                recorded_at: append.recorded_at,
                metadata: metadata.clone(),
            }));
        }
        pending
    }

    /// Folds events in. Returns `false` if that failed; then the state must not be used any more.
    pub(super) fn fold(
        &mut self,
        events: Vec<PendingEvent>,
        codec: &Codec,
        position: impl Fn(&PendingEvent) -> Position,
    ) -> bool {
        let state = &mut self.state.state;
        let folded = run_user_code("a fold", || {
            events.into_iter().try_for_each(|event| {
                let position = position(&event);
                let record: Record = event.draft.record(position, event.recorded_at, event.metadata);
                state.fold(&record, codec)
            })
        });
        folded.is_ok()
    }
}

impl PendingEvent {
    /// The position of the event in the receipts of the batch.
    pub(super) fn position_in(&self, receipts: &[Receipt]) -> Position {
        let event = receipts.get(self.append).and_then(|receipt| receipt.events.get(self.index));
        event.map_or(Position::START, |event| event.position)
    }
}
