//! The states of a decision: loaded as records or as a folded state, with the type of the aggregate erased.

use std::{
    any::{Any, TypeId, type_name},
    fmt,
    sync::Arc,
};

use crate::{
    aggregate::{Aggregate, AggregateId, Snapshots},
    codec::Codec,
    error::Invalid,
    event::Types,
    payload::Payload,
    record::{Position, Record},
    store::{Batch, Marker},
};

/// What was loaded for one of the states of a command.
#[derive(Debug)]
pub struct StateInput(pub(crate) StateForm);

#[derive(Debug)]
pub(crate) enum StateForm {
    /// Records that are not folded yet.
    Records(Batch),
    Folded(VersionedState),
}

impl StateInput {
    /// An empty history, assumed without a read. An append that is based on it conflicts if there are events.
    pub(crate) fn assumed_empty() -> Self {
        Batch { records: Vec::new(), marker: Marker::START }.into()
    }

    /// Returns `true` if no event was loaded.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(&self.0, StateForm::Records(batch) if batch.records.is_empty())
    }

    /// The marker for the condition of an append that is based on this state.
    pub(crate) fn marker(&self) -> Marker {
        match &self.0 {
            StateForm::Records(batch) => batch.marker,
            StateForm::Folded(state) => state.marker,
        }
    }

    /// The position of the last event that was loaded, or a later one up to which no other event matches.
    pub(crate) fn last_position(&self) -> Position {
        match &self.0 {
            StateForm::Records(batch) => {
                batch.records.last().map_or(Position::START, |record| record.position)
            }
            StateForm::Folded(VersionedState { state, marker }) => state.last.max(marker.settled()),
        }
    }

    /// The state, once it is folded.
    pub(crate) fn into_state(self) -> Option<VersionedState> {
        match self.0 {
            StateForm::Records(_) => None,
            StateForm::Folded(state) => Some(state),
        }
    }
}

impl From<Batch> for StateInput {
    fn from(batch: Batch) -> Self {
        Self(StateForm::Records(batch))
    }
}

impl From<VersionedState> for StateInput {
    fn from(state: VersionedState) -> Self {
        Self(StateForm::Folded(state))
    }
}

/// A folded state, and the marker of the events that are folded in.
#[derive(Clone, Debug)]
pub(crate) struct VersionedState {
    pub(crate) state: ErasedState,
    pub(crate) marker: Marker,
}

/// A state of any type.
type AnyState = dyn Any + Send + Sync;

/// The functions and properties of an aggregate type, for code that does not know the type.
#[derive(Clone, Copy)]
pub(crate) struct AggregateVTable {
    pub(crate) aggregate: TypeId,
    /// The name of the Rust type.
    pub(crate) name: &'static str,
    events: &'static [Types],
    /// Whether the events of an aggregate are the events with its tag.
    pub(crate) is_tagged: bool,
    /// Whether the command gets the state behind an `Arc`. Such a state can be cached for the next command.
    pub(crate) shared: bool,
    fold: fn(&mut AnyState, &Record, &Codec) -> Result<(), Invalid>,
    /// Whether the fold uses the [`Context`](crate::context::Context) of an event.
    pub(crate) uses_context: bool,
    pub(crate) snapshots: Option<SnapshotVTable>,
}

/// [`Snapshots`] for code that does not know the type of the aggregate.
#[derive(Clone, Copy)]
pub(crate) struct SnapshotVTable {
    pub(crate) name: &'static str,
    pub(crate) fingerprint: u64,
    every: u32,
    encode: fn(&AnyState) -> Result<Payload, Invalid>,
    decode: fn(&Payload) -> Result<Arc<AnyState>, Invalid>,
}

impl SnapshotVTable {
    fn of<A: Aggregate>() -> Option<Self> {
        A::SNAPSHOTS.map(|Snapshots { name, every, fingerprint, .. }| Self {
            name,
            fingerprint,
            every,
            encode: |state| match (A::SNAPSHOTS, state.downcast_ref::<A>()) {
                (Some(snapshots), Some(state)) => (snapshots.encode)(state),
                _ => Err(Invalid::StateNotPlanned { state: type_name::<A>() }),
            },
            decode: |state| match A::SNAPSHOTS {
                Some(snapshots) => (snapshots.decode)(state).map(|state| Arc::new(state) as _),
                None => Err(Invalid::StateNotPlanned { state: type_name::<A>() }),
            },
        })
    }
}

impl AggregateVTable {
    pub(crate) fn of<A: Aggregate>(shared: bool) -> Self {
        Self {
            aggregate: TypeId::of::<A>(),
            name: type_name::<A>(),
            events: A::EVENTS,
            is_tagged: <A::Id as AggregateId>::TAG_KIND.is_some(),
            shared,
            fold: |state, record, codec| match state.downcast_mut::<A>() {
                Some(state) => state.fold_record(record, codec),
                None => Err(Invalid::StateNotPlanned { state: type_name::<A>() }),
            },
            uses_context: A::USES_CONTEXT,
            snapshots: SnapshotVTable::of::<A>(),
        }
    }

    /// Returns `true` if the aggregate folds events with this stored name.
    pub(crate) fn folds(&self, name: &str) -> bool {
        self.events.iter().any(|types| types.reads(name))
    }

    /// Returns `true` if a command can be decided on a state that contains events which are not written yet.
    pub(crate) fn is_batchable(&self) -> bool {
        self.shared && !self.uses_context
    }
}

impl fmt::Debug for AggregateVTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// A folded state behind an `Arc`, with its type erased.
#[derive(Clone, Debug)]
pub(crate) struct ErasedState {
    state: Arc<AnyState>,
    pub(crate) vtable: AggregateVTable,
    events_since_snapshot: usize,
    /// The position of the last event that was folded in; earlier if it was folded before it had a position.
    last: Position,
}

impl ErasedState {
    /// A state into which `events` events were folded.
    pub(crate) fn new<A: Aggregate>(state: Arc<A>, events: usize) -> Self {
        let vtable = AggregateVTable::of::<A>(true);
        Self { state, vtable, events_since_snapshot: events, last: Position::START }
    }

    /// The same state, whose last event is at a position.
    pub(crate) fn up_to(self, last: Position) -> Self {
        Self { last, ..self }
    }

    /// The state of a snapshot.
    ///
    /// # Errors
    /// [`Invalid`] if the snapshot cannot be decoded.
    pub(crate) fn from_snapshot(vtable: AggregateVTable, state: &Payload) -> Result<Self, Invalid> {
        let snapshots = vtable.snapshots.ok_or(Invalid::StateNotPlanned { state: vtable.name })?;
        let state = (snapshots.decode)(state)?;
        Ok(Self { state, vtable, events_since_snapshot: 0, last: Position::START })
    }

    /// Returns the encoded state if enough events were folded in since the last snapshot, and restarts the count.
    ///
    /// # Errors
    /// [`Invalid`] if the state cannot be encoded.
    pub(crate) fn take_due_snapshot(&mut self) -> Result<Option<Payload>, Invalid> {
        match self.vtable.snapshots {
            Some(snapshots) if self.events_since_snapshot >= snapshots.every as usize => {
                self.events_since_snapshot = 0;
                (snapshots.encode)(&*self.state).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The state, if it is of type `A`.
    pub(crate) fn downcast<A: Aggregate>(&self) -> Option<Arc<A>> {
        Arc::clone(&self.state).downcast().ok()
    }

    /// Returns `true` if nothing else refers to the state, so that events can be folded in.
    pub(crate) fn is_unshared(&mut self) -> bool {
        Arc::get_mut(&mut self.state).is_some()
    }

    /// Folds one more record. After an error the state must not be used any more.
    ///
    /// # Errors
    /// [`Invalid`] if the record cannot be decoded, or something else refers to the state.
    pub(crate) fn fold(&mut self, record: &Record, codec: &Codec) -> Result<(), Invalid> {
        self.events_since_snapshot += 1;
        self.last = self.last.max(record.position);
        let state =
            Arc::get_mut(&mut self.state).ok_or(Invalid::StateNotPlanned { state: self.vtable.name })?;
        (self.vtable.fold)(state, record, codec)
    }
}
