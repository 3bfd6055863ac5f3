//! Batches the commands on the same aggregates: each is decided on states that contain the events of the earlier ones, which are not
//! written yet; then all are written in one append.

use tokio::sync::oneshot;

use super::{
    aggregate_key::AggregateKey,
    event_index::EventIndex,
    keyed_queue::QueueGuard,
    pending_events::{BatchOutcome, ModifiedState, PendingAppend, PendingEvents},
};
use crate::{
    codec::Codec,
    dispatch::VersionedState,
    position::Position,
    store::{Append, CommandKey, Reservation},
};

/// A batch with more bytes of payload is written without waiting for more commands.
const MAX_BATCH_BYTES: usize = 1 << 20;

/// Appends that are not written yet, and the callers that wait for them.
#[derive(Debug, Default)]
pub(super) struct CommandBatch {
    pub(super) appends: Vec<PendingAppend>,
    /// The states that the appends modify, sorted by aggregate.
    pub(super) modified: Vec<ModifiedState>,
    /// Commands without events whose result is valid only if this batch is written.
    pub(super) dependents: Vec<oneshot::Sender<BatchOutcome>>,
    /// Makes other processes that change the aggregate wait until the batch is written.
    pub(super) reservation: Reservation,
    /// While the batch is passed on: the guards of all its aggregates but the first, sorted by aggregate.
    pub(super) guards: Vec<QueueGuard<AggregateKey, CommandBatch>>,
}

impl CommandBatch {
    /// Returns `true` if there are appends that are not written yet.
    pub(super) fn has_pending(&self) -> bool {
        !self.appends.is_empty()
    }

    /// The state of an aggregate that contains the events of this batch, if there is one.
    pub(super) fn speculative_state(&self, key: &AggregateKey) -> Option<VersionedState> {
        let index = self.modified.binary_search_by(|modified| modified.key.cmp(key)).ok()?;
        let folded = self.modified.get(index).filter(|modified| modified.folded_appends > 0);
        folded.map(|modified| modified.state.clone())
    }

    /// Returns `true` if an append can be written together with those of the batch: the store checks its conditions against the
    /// log before the batch, so no event of the batch may match them; and the command ids must differ.
    pub(super) fn can_add(&self, append: &Append) -> bool {
        let id = append.key.as_ref().map(CommandKey::id);
        let mut ids = self.appends.iter().filter_map(|earlier| earlier.append.key.as_ref());
        if id.is_some() && ids.any(|earlier| Some(earlier.id()) == id) {
            return false;
        }
        if append.conditions.is_empty() || self.appends.is_empty() {
            return true;
        }
        let earlier = EventIndex::new(self.appends.iter().flat_map(|pending| &pending.append.events));
        !append.conditions.iter().any(|condition| earlier.has_match(&condition.criteria))
    }

    /// Adds an append and the states that it modifies. A state that is there already stays.
    pub(super) fn add(&mut self, append: Append, modified: Vec<ModifiedState>) {
        if self.appends.is_empty() {
            // Most batches have one append, and the first push would reserve room for four.
            self.appends.reserve_exact(1);
        }
        self.appends.push(PendingAppend { append, sender: None });
        if !modified.is_empty() {
            if self.modified.is_empty() {
                self.modified = modified;
            } else {
                self.modified.extend(modified);
            }
            self.modified.sort_by(|one, other| one.key.cmp(&other.key));
            self.modified.dedup_by(|later, first| later.key == first.key);
        }
    }

    /// Before the batch is passed on: the receiver of the outcome of the last append, if the command that holds the batch has added
    /// it.
    pub(super) fn await_last(&mut self) -> Option<oneshot::Receiver<BatchOutcome>> {
        let last = self.appends.last_mut().filter(|last| last.sender.is_none())?;
        let (sender, receiver) = oneshot::channel();
        last.sender = Some(sender);
        Some(receiver)
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

    /// Folds the events of the batch into the states of aggregates, which are sorted. Returns `false` if that is not possible. The
    /// positions of the events are not known yet, so a state whose fold may use them has to wait.
    pub(super) fn fold_pending(&mut self, keys: &[AggregateKey], codec: &Codec) -> bool {
        let is_of_keys = |modified: &ModifiedState| keys.binary_search(&modified.key).is_ok();
        let mut states: Vec<&mut ModifiedState> =
            self.modified.iter_mut().filter(|modified| is_of_keys(modified)).collect();
        if states.len() < keys.len() || states.iter().any(|state| state.state.state.vtable.uses_context) {
            return false;
        }
        let pending = PendingEvents::of(states.iter().map(|state| &**state), &self.appends);
        states.iter_mut().for_each(|state| state.folded_appends = self.appends.len());
        let is_complete = pending.fold(states.into_iter(), codec, |_| Position::START).is_empty();
        if !is_complete {
            // Some of them may be folded in part.
            self.modified.retain(|modified| !is_of_keys(modified));
        }
        is_complete
    }
}
