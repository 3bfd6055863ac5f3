//! The `load` function of a command: it first plans the reads, and later receives the folded states.

use std::{
    any::type_name,
    iter::Zip,
    marker::PhantomData,
    slice,
    sync::{Arc, Mutex, PoisonError},
};

use super::state::{AggregateVTable, ErasedState, StateForm, StateInput, VersionedState};
use crate::{
    aggregate::{Aggregate, AggregateId, criteria_of, reads_context},
    codec::Codec,
    criteria::{Criteria, Item},
    error::Invalid,
    event::Types,
    id::{Ids, StateSource},
    record::Record,
    store::Read,
};

/// Passed to the `load` function of a command, which runs twice: first to plan the reads (the states are the initial ones),
/// then to receive the folded states. Both runs must ask for the same states in the same order: an id must not come from a
/// state that was loaded before.
#[derive(Debug)]
pub struct Loader<'a>(Mode<'a>);

#[derive(Debug)]
enum Mode<'a> {
    Plan(ReadPlan),
    Fold { planned: Zip<slice::Iter<'a, Read>, slice::IterMut<'a, StateInput>>, codec: &'a Codec },
}

/// The reads of a command, one for each state, in the order of the calls of [`Loader`].
#[derive(Debug, Default)]
pub struct ReadPlan {
    /// The events of each state.
    pub reads: Vec<Read>,
    /// The event types of each state.
    pub types: Vec<&'static [Types]>,
    /// The aggregate of each state.
    pub(crate) aggregates: Vec<AggregateVTable>,
    /// The initial state of each aggregate that the command gets behind an `Arc`.
    initial: Vec<Mutex<Option<ErasedState>>>,
}

impl ReadPlan {
    /// A plan with room for one read, which most commands have.
    fn with_room() -> Self {
        let (reads, types) = (Vec::with_capacity(1), Vec::with_capacity(1));
        Self { reads, types, aggregates: Vec::with_capacity(1), initial: Vec::with_capacity(1) }
    }

    /// Takes the initial state of an aggregate, unless the command holds on to it.
    pub(crate) fn take_initial(&self, index: usize) -> Option<ErasedState> {
        let mut initial = self.initial.get(index)?.lock().unwrap_or_else(PoisonError::into_inner);
        initial.take_if(ErasedState::is_unshared)
    }
}

impl Loader<'_> {
    /// The reads that `load` needs.
    ///
    /// # Errors
    /// [`Invalid`] if an id makes no valid tag.
    pub fn plan<S>(load: impl FnOnce(&mut Loader<'_>) -> Result<S, Invalid>) -> Result<ReadPlan, Invalid> {
        let mut loader = Loader(Mode::Plan(ReadPlan::with_room()));
        load(&mut loader)?;
        match loader.0 {
            Mode::Plan(plan) => Ok(plan),
            Mode::Fold { .. } => Ok(ReadPlan::default()),
        }
    }

    /// The states of `load`, folded from the inputs that were loaded for its plan.
    ///
    /// # Errors
    /// [`Invalid`] if a record cannot be decoded, or `load` asks for other states than it planned.
    pub fn fold<S>(
        plan: &ReadPlan,
        inputs: &mut [StateInput],
        codec: &Codec,
        load: impl FnOnce(&mut Loader<'_>) -> Result<S, Invalid>,
    ) -> Result<S, Invalid> {
        load(&mut Loader(Mode::Fold { planned: plan.reads.iter().zip(inputs), codec }))
    }

    /// The states of the aggregates that an `#[id]` field names.
    ///
    /// # Errors
    /// [`Invalid`] if an id makes no valid tag or a record cannot be decoded.
    pub fn states<A: Aggregate<Id = I::Id>, I: Ids>(&mut self, ids: &I) -> Result<I::States<A>, Invalid> {
        ids.load(&mut StatesOf { loader: self, aggregate: PhantomData })
    }

    /// The state of one aggregate, behind an `Arc`.
    ///
    /// # Errors
    /// As [`Loader::states`].
    pub fn shared<A: Aggregate>(&mut self, id: A::Id) -> Result<Arc<A>, Invalid> {
        let Mode::Fold { planned, codec } = &mut self.0 else {
            let state = Arc::new(self.plan_one::<A>(id, true)?);
            self.add_initial(Some(ErasedState::new(Arc::clone(&state), 0)));
            return Ok(state);
        };
        let input = next::<A>(planned, &id)?;
        let last = input.last_position();
        let (state, events, marker) = match &input.0 {
            StateForm::Folded(folded) => return folded.state.downcast().ok_or_else(not_planned::<A>),
            StateForm::Records(batch) => {
                (Arc::new(fold::<A>(id, &batch.records, codec)?), batch.records.len(), batch.marker)
            }
        };
        let erased = ErasedState::new(Arc::clone(&state), events).up_to(last);
        *input = VersionedState { state: erased, marker }.into();
        Ok(state)
    }

    /// The state of one aggregate, by value. It is folded from all its events each time.
    ///
    /// # Errors
    /// As [`Loader::states`].
    pub fn owned<A: Aggregate>(&mut self, id: A::Id) -> Result<A, Invalid> {
        let Mode::Fold { planned, codec } = &mut self.0 else {
            self.add_initial(None);
            return self.plan_one::<A>(id, false);
        };
        match &next::<A>(planned, &id)?.0 {
            StateForm::Records(batch) => fold(id, &batch.records, codec),
            StateForm::Folded(_) => Err(not_planned::<A>()),
        }
    }

    fn add_initial(&mut self, initial: Option<ErasedState>) {
        if let Mode::Plan(plan) = &mut self.0 {
            plan.initial.push(Mutex::new(initial));
        }
    }

    fn plan_one<A: Aggregate>(&mut self, id: A::Id, shared: bool) -> Result<A, Invalid> {
        if let Mode::Plan(plan) = &mut self.0 {
            plan.reads.push(Read {
                payload_only: const { !reads_context::<A>() },
                ..Read::all(criteria_of::<A>(&id)?)
            });
            plan.types.push(A::EVENTS);
            plan.aggregates.push(AggregateVTable::of::<A>(shared));
        }
        Ok(A::initial(id))
    }
}

/// Loads the states of one aggregate type for [`Ids::load`].
struct StatesOf<'l, 'a, A> {
    loader: &'l mut Loader<'a>,
    aggregate: PhantomData<A>,
}

impl<A: Aggregate> StateSource<A::Id, A> for StatesOf<'_, '_, A> {
    type Error = Invalid;

    fn shared(&mut self, id: &A::Id) -> Result<Arc<A>, Invalid> {
        self.loader.shared(id.clone())
    }

    fn owned(&mut self, id: &A::Id) -> Result<A, Invalid> {
        self.loader.owned(id.clone())
    }
}

/// The next input, if it is that of this aggregate.
fn next<'i, A: Aggregate>(
    planned: &mut Zip<slice::Iter<'_, Read>, slice::IterMut<'i, StateInput>>,
    id: &A::Id,
) -> Result<&'i mut StateInput, Invalid> {
    let next = planned.next().filter(|(read, _)| is_of::<A>(&read.criteria, id));
    next.map(|(_, input)| input).ok_or_else(not_planned::<A>)
}

fn fold<A: Aggregate>(id: A::Id, records: &[Record], codec: &Codec) -> Result<A, Invalid> {
    let mut state = A::initial(id);
    records.iter().try_for_each(|record| state.fold_record(record, codec))?;
    Ok(state)
}

fn not_planned<A>() -> Invalid {
    Invalid::StateNotPlanned { state: type_name::<A>() }
}

/// Returns `true` if the criteria are those of the aggregate with this id.
fn is_of<A: Aggregate>(criteria: &Criteria, id: &A::Id) -> bool {
    let planned = criteria.items().first();
    planned.is_some_and(|item| id.has_tags(item.tags()) && A::EVENTS.iter().all(|types| covers(item, types)))
}

/// Returns `true` if an item names the first type of a set: enough to distinguish the aggregates of one id.
fn covers(item: &Item, types: &Types) -> bool {
    match types {
        Types::One(one) => item.type_names().iter().any(|name| *name == one.name),
        Types::Sum(sets) => sets.first().is_none_or(|first| covers(item, first)),
    }
}
