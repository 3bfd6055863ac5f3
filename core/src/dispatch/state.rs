//! The states of a decision, with the type of the aggregate erased.

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
    store::Marker,
};

/// A folded state, and the marker of the events that are folded in.
#[derive(Clone, Debug)]
pub struct VersionedState {
    pub(crate) state: ErasedState,
    pub(crate) marker: Marker,
    /// The version of the list of successors when the last retag was completed that the reader knew. Later retags may have given tags to
    /// events before the marker.
    pub(crate) retags: u64,
}

impl VersionedState {
    /// Returns `true` if the events that are folded in are all events up to the marker in the log of this epoch with these retags.
    pub(crate) fn is_usable(&self, epoch: u64, retags: u64) -> bool {
        self.marker.is_of_epoch(epoch) && self.retags == retags
    }

    /// The position of the last event that is folded in, or a later one up to which no other event matches.
    pub(crate) fn last_position(&self) -> Position {
        self.state.last.max(self.marker.settled())
    }
}

/// An id of any type.
pub(super) type AnyId = dyn Any + Send + Sync;

/// A state of any type.
type AnyState = dyn Any + Send + Sync;

/// The functions and properties of an aggregate type, for code that does not know the type.
pub(crate) struct AggregateVTable {
    pub(crate) aggregate: TypeId,
    /// Returns the name of the Rust type.
    pub(crate) name: fn() -> &'static str,
    pub(crate) events: &'static [Types],
    /// Whether the events of an aggregate are the events with its tag.
    pub(crate) is_tagged: bool,
    initial: fn(&AnyId) -> Option<Arc<AnyState>>,
    fold: fn(&mut [&mut AnyState], &Record, &Codec) -> Result<(), Invalid>,
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
    const fn of<A: Aggregate>() -> Option<Self> {
        let Some(Snapshots { name, every, fingerprint, .. }) = A::SNAPSHOTS else { return None };
        Some(Self {
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
    pub(crate) const fn of<A: Aggregate>() -> &'static Self {
        const {
            &Self {
                aggregate: TypeId::of::<A>(),
                name: type_name::<A>,
                events: A::EVENTS,
                is_tagged: <A::Id as AggregateId>::TAG_KIND.is_some(),
                initial: |id| Some(Arc::new(A::initial(id.downcast_ref::<A::Id>()?.clone()))),
                fold: fold::<A>,
                uses_context: A::USES_CONTEXT,
                snapshots: SnapshotVTable::of::<A>(),
            }
        }
    }

    /// Returns `true` if the aggregate folds events with this stored name.
    pub(crate) fn folds(&self, name: &str) -> bool {
        self.events.iter().any(|types| types.reads(name))
    }

    /// The state before the first event.
    ///
    /// # Errors
    /// [`Invalid`] if it is the id of another aggregate.
    pub(super) fn initial(&'static self, id: &AnyId) -> Result<VersionedState, Invalid> {
        let state = (self.initial)(id).ok_or_else(|| self.not_planned())?;
        let state = ErasedState { state, vtable: self, events_since_snapshot: 0, last: Position::START };
        Ok(VersionedState { state, marker: Marker::START, retags: 0 })
    }

    fn not_planned(&self) -> Invalid {
        Invalid::StateNotPlanned { state: (self.name)() }
    }
}

fn fold<A: Aggregate>(states: &mut [&mut AnyState], record: &Record, codec: &Codec) -> Result<(), Invalid> {
    let not_planned = || Invalid::StateNotPlanned { state: type_name::<A>() };
    if let [state] = states {
        let state = state.downcast_mut::<A>().ok_or_else(not_planned)?;
        return A::fold_into_each(&mut [state], record, codec);
    }
    let states = states.iter_mut().map(|state| state.downcast_mut::<A>().ok_or_else(not_planned));
    A::fold_into_each(&mut states.collect::<Result<Vec<_>, _>>()?, record, codec)
}

impl fmt::Debug for AggregateVTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str((self.name)())
    }
}

/// A folded state behind an `Arc`, with its type erased.
#[derive(Clone, Debug)]
pub(crate) struct ErasedState {
    state: Arc<AnyState>,
    pub(crate) vtable: &'static AggregateVTable,
    events_since_snapshot: usize,
    /// The position of the last event that was folded in; earlier if it was folded before it had a position.
    last: Position,
}

impl ErasedState {
    /// A state into which no event was folded.
    #[cfg(test)]
    pub(crate) fn new<A: Aggregate>(state: Arc<A>) -> Self {
        let vtable = AggregateVTable::of::<A>();
        Self { state, vtable, events_since_snapshot: 0, last: Position::START }
    }

    /// The state of a snapshot.
    ///
    /// # Errors
    /// [`Invalid`] if the snapshot cannot be decoded.
    pub(crate) fn from_snapshot(vtable: &'static AggregateVTable, state: &Payload) -> Result<Self, Invalid> {
        let snapshots = vtable.snapshots.ok_or_else(|| vtable.not_planned())?;
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

    /// Folds one more record into states of one aggregate type, which decodes it once. After an error they must not be used any
    /// more.
    ///
    /// # Errors
    /// [`Invalid`] if the record cannot be decoded, or something else refers to a state.
    pub(crate) fn fold_into_each(
        states: &mut [&mut Self],
        record: &Record,
        codec: &Codec,
    ) -> Result<(), Invalid> {
        match states {
            [] => Ok(()),
            // Without the allocations of the next case.
            [one] => (one.vtable.fold)(&mut [one.next_to_fold(record)?], record, codec),
            [first, ..] => {
                let fold = first.vtable.fold;
                let states = states.iter_mut().map(|state| state.next_to_fold(record));
                fold(&mut states.collect::<Result<Vec<_>, _>>()?, record, codec)
            }
        }
    }

    /// The state, for the fold of a record.
    fn next_to_fold(&mut self, record: &Record) -> Result<&mut AnyState, Invalid> {
        self.events_since_snapshot += 1;
        self.last = self.last.max(record.position);
        Arc::get_mut(&mut self.state).ok_or_else(|| self.vtable.not_planned())
    }
}
