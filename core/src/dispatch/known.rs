//! What is known of a state: records that are still to be folded, or what they were folded into.

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
    record::Record,
    store::{Batch, Marker},
};

/// What a command knows of one of the states that it reads, and the moment for which it holds.
#[derive(Debug)]
pub struct Known {
    pub(crate) form: Form,
    pub(crate) marker: Marker,
}

#[derive(Debug)]
pub(crate) enum Form {
    Records(Vec<Record>),
    Folded(Folded),
}

impl Known {
    /// An entity of which there are no events, whatever the log says: an append under this is refused if there are some.
    pub(crate) fn nothing() -> Self {
        Self { form: Form::Records(Vec::new()), marker: Marker::START }
    }

    /// Whether there are no events.
    pub(crate) fn is_nothing(&self) -> bool {
        matches!(&self.form, Form::Records(records) if records.is_empty())
    }
}

impl From<Batch> for Known {
    fn from(Batch { records, marker }: Batch) -> Self {
        Self { form: Form::Records(records), marker }
    }
}

/// A state whose type is not known.
type State = dyn Any + Send + Sync;

/// Which aggregate a state is of, and how it is folded where its type is not known.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) aggregate: TypeId,
    name: &'static str,
    events: &'static [Types],
    /// Whether its events are those of a tag.
    pub(crate) is_tagged: bool,
    /// Whether the command gets it to look at. Such a state may be remembered for the next command.
    pub(crate) shared: bool,
    fold: fn(&mut State, &Record, &Codec) -> Result<(), Invalid>,
    /// Whether the fold looks at more of an event than the event itself.
    pub(crate) uses_context: bool,
    pub(crate) snapshots: Option<Kept>,
}

/// How states are kept where their type is not known: see [`Snapshots`](crate::aggregate::Snapshots).
#[derive(Clone, Copy)]
pub(crate) struct Kept {
    pub(crate) name: &'static str,
    pub(crate) fingerprint: u64,
    every: u32,
    encode: fn(&State) -> Result<Payload, Invalid>,
    decode: fn(&Payload) -> Result<Arc<State>, Invalid>,
}

impl Kept {
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

impl Kind {
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
            snapshots: Kept::of::<A>(),
        }
    }

    /// Whether an event of this name is one of those that it is folded from.
    pub(crate) fn folds(&self, name: &str) -> bool {
        self.events.iter().any(|types| types.contains(name))
    }

    /// Whether commands can be decided on top of one that is not written yet.
    pub(crate) fn is_chained(&self) -> bool {
        self.shared && !self.uses_context
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// A folded state that several may look at.
#[derive(Clone, Debug)]
pub(crate) struct Folded {
    state: Arc<State>,
    pub(crate) kind: Kind,
    /// How many events were folded in since the last snapshot.
    events: usize,
}

impl Folded {
    pub(crate) fn new<A: Aggregate>(state: Arc<A>, events: usize) -> Self {
        Self { state, kind: Kind::of::<A>(true), events }
    }

    /// A state that was kept.
    ///
    /// # Errors
    /// [`Invalid`] if it cannot be read.
    pub(crate) fn kept(kind: Kind, state: &Payload) -> Result<Self, Invalid> {
        let kept = kind.snapshots.ok_or(Invalid::StateNotPlanned { state: kind.name })?;
        Ok(Self { state: (kept.decode)(state)?, kind, events: 0 })
    }

    /// The state to keep, if so many events were folded in that it is due. It is asked for once.
    pub(crate) fn due(&mut self) -> Option<Result<Payload, Invalid>> {
        let kept = self.kind.snapshots.filter(|kept| self.events >= kept.every as usize)?;
        self.events = 0;
        Some((kept.encode)(&*self.state))
    }

    pub(crate) fn as_a<A: Aggregate>(&self) -> Option<Arc<A>> {
        Arc::clone(&self.state).downcast().ok()
    }

    /// Whether nobody else looks at it, so that it can be folded further.
    pub(crate) fn is_alone(&mut self) -> bool {
        Arc::get_mut(&mut self.state).is_some()
    }

    /// Folds one more record. A state whose fold failed is not to be used any more.
    ///
    /// # Errors
    /// [`Invalid`] if the record cannot be decoded, or somebody else looks at the state.
    pub(crate) fn fold(&mut self, record: &Record, codec: &Codec) -> Result<(), Invalid> {
        self.events += 1;
        let state =
            Arc::get_mut(&mut self.state).ok_or(Invalid::StateNotPlanned { state: self.kind.name })?;
        (self.kind.fold)(state, record, codec)
    }
}
