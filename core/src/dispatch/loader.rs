//! The `load` function of a command: it first plans the reads, and later receives the folded states.

use std::{any::type_name, iter::Zip, marker::PhantomData, slice, sync::Arc};

use super::state::{AggregateVTable, AnyId, ErasedState, VersionedState};
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
    Pass(Zip<slice::Iter<'a, Read>, slice::Iter<'a, VersionedState>>),
}

/// The reads of a command, one for each state, in the order of the calls of [`Loader`].
#[derive(Debug, Default)]
pub struct ReadPlan {
    /// The events of each state.
    pub reads: Vec<Read>,
    /// The aggregate of each state.
    pub(crate) aggregates: Vec<&'static AggregateVTable>,
    /// The id of each aggregate.
    ids: Vec<Box<AnyId>>,
}

impl ReadPlan {
    /// A plan with room for one read, which most commands have.
    fn with_room() -> Self {
        Self { reads: Vec::with_capacity(1), aggregates: Vec::with_capacity(1), ids: Vec::with_capacity(1) }
    }

    /// The state of an aggregate before its first event.
    ///
    /// # Errors
    /// [`Invalid`] if the plan has no such state.
    pub(crate) fn initial(&self, index: usize) -> Result<VersionedState, Invalid> {
        match (self.aggregates.get(index), self.ids.get(index)) {
            (Some(vtable), Some(id)) => vtable.initial(&**id),
            _ => Err(Invalid::StateNotPlanned { state: "an aggregate" }),
        }
    }

    /// The states, each folded from the records that match its read.
    ///
    /// # Errors
    /// [`Invalid`] if a record cannot be decoded.
    pub fn fold(&self, records: &[Record], codec: &Codec) -> Result<Vec<VersionedState>, Invalid> {
        let fold = |(index, Read { criteria, .. }): (usize, &Read)| {
            let mut state = self.initial(index)?;
            let mut matching = records.iter().filter(|record| criteria.matches(&record.name, &record.tags));
            matching
                .try_for_each(|record| ErasedState::fold_into_each(&mut [&mut state.state], record, codec))?;
            Ok(state)
        };
        self.reads.iter().enumerate().map(fold).collect()
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
            Mode::Pass(_) => Ok(ReadPlan::default()),
        }
    }

    /// Passes the states that were loaded for a plan to `load`.
    ///
    /// # Errors
    /// [`Invalid`] if `load` asks for other states than it planned.
    pub fn pass<S>(
        plan: &ReadPlan,
        states: &[VersionedState],
        load: impl FnOnce(&mut Loader<'_>) -> Result<S, Invalid>,
    ) -> Result<S, Invalid> {
        load(&mut Loader(Mode::Pass(plan.reads.iter().zip(states))))
    }

    /// The states of the aggregates that an `#[id]` field names.
    ///
    /// # Errors
    /// As [`Loader::shared`].
    pub fn states<A: Aggregate<Id = I::Id>, I: Ids>(&mut self, ids: &I) -> Result<I::States<A>, Invalid> {
        ids.load(&mut StatesOf { loader: self, aggregate: PhantomData })
    }

    /// The state of one aggregate, behind an `Arc`, which the state cache of the app shares.
    ///
    /// # Errors
    /// [`Invalid`] if the id makes no valid tag, or the second run asks for another state than the first one planned.
    pub fn shared<A: Aggregate>(&mut self, id: A::Id) -> Result<Arc<A>, Invalid> {
        match &mut self.0 {
            Mode::Plan(plan) => {
                plan.reads.push(Read {
                    payload_only: const { !reads_context::<A>() },
                    ..Read::all(criteria_of::<A>(&id)?)
                });
                plan.aggregates.push(AggregateVTable::of::<A>());
                plan.ids.push(Box::new(id.clone()));
                Ok(Arc::new(A::initial(id)))
            }
            Mode::Pass(planned) => {
                let next = planned.next().filter(|(read, _)| is_of::<A>(&read.criteria, &id));
                next.and_then(|(_, state)| state.state.downcast())
                    .ok_or(Invalid::StateNotPlanned { state: type_name::<A>() })
            }
        }
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
