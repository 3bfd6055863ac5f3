//! One function of a command that says which states it needs and, later, receives them.

use std::{any::type_name, iter::Zip, slice};

use crate::{
    aggregate::{Aggregate, AggregateId, criteria_of},
    codec::Codec,
    error::Invalid,
    event::Types,
    id::Ids,
    query::{Criteria, Item},
    store::{Batch, Read},
};

/// Walks through the states that a command needs, twice: first to learn what to read (the states it gives are
/// blank), then to fold what was read. Both times it has to be asked for the same states in the same order: a second id
/// must not be taken out of the first state.
#[derive(Debug)]
pub struct Loader<'a>(Mode<'a>);

#[derive(Debug)]
enum Mode<'a> {
    Plan(Plan),
    Fold { planned: Zip<slice::Iter<'a, Read>, slice::Iter<'a, Batch>>, codec: &'a Codec },
}

/// What a command reads.
#[derive(Debug, Default)]
pub struct Plan {
    /// The events of each state, in the order of the calls.
    pub reads: Vec<Read>,
    /// The event types of the states.
    pub types: Vec<&'static [Types]>,
}

impl Loader<'_> {
    /// What `load` asks for.
    ///
    /// # Errors
    /// [`Invalid`] if an id makes no valid tag.
    pub fn plan<S>(load: impl FnOnce(&mut Loader<'_>) -> Result<S, Invalid>) -> Result<Plan, Invalid> {
        let mut loader = Loader(Mode::Plan(Plan::default()));
        load(&mut loader)?;
        match loader.0 {
            Mode::Plan(plan) => Ok(plan),
            Mode::Fold { .. } => Ok(Plan::default()),
        }
    }

    /// The states of `load`, folded from what was read for its plan.
    ///
    /// # Errors
    /// [`Invalid`] if a record cannot be decoded, or `load` asks for other states than it planned.
    pub fn fold<S>(
        plan: &Plan,
        batches: &[Batch],
        codec: &Codec,
        load: impl FnOnce(&mut Loader<'_>) -> Result<S, Invalid>,
    ) -> Result<S, Invalid> {
        load(&mut Loader(Mode::Fold { planned: plan.reads.iter().zip(batches), codec }))
    }

    /// The state of one aggregate.
    ///
    /// # Errors
    /// [`Invalid`] if its id makes no valid tag or a record cannot be decoded.
    pub fn state<A: Aggregate>(&mut self, id: A::Id) -> Result<A, Invalid> {
        match &mut self.0 {
            Mode::Plan(plan) => {
                plan.reads.push(Read::all(criteria_of::<A>(&id)?));
                plan.types.push(A::EVENTS);
                Ok(A::initial(id))
            }
            Mode::Fold { planned, codec } => {
                let batch = planned.next().filter(|(read, _)| is_of::<A>(&read.criteria, &id));
                let (_, batch) = batch.ok_or_else(|| Invalid::Unplanned { state: type_name::<A>() })?;
                let mut state = A::initial(id);
                batch.records.iter().try_for_each(|record| state.fold_record(record, codec))?;
                Ok(state)
            }
        }
    }

    /// The states of the aggregates under an `#[id]` field.
    ///
    /// # Errors
    /// As [`Loader::state`].
    pub fn states<A: Aggregate<Id = I::Id>, I: Ids>(&mut self, ids: &I) -> Result<I::States<A>, Invalid> {
        ids.load(|id| self.state::<A>(id.clone()))
    }
}

/// Whether criteria are those of the aggregate with this id.
fn is_of<A: Aggregate>(criteria: &Criteria, id: &A::Id) -> bool {
    let tag = id.instance_tag().ok().flatten();
    let planned = criteria.items().first();
    planned.is_some_and(|item| {
        item.tags() == tag.as_slice() && A::EVENTS.iter().all(|types| covers(item, types))
    })
}

/// Whether an item asks for the first type of a set: enough to tell one aggregate of an id from another.
fn covers(item: &Item, types: &Types) -> bool {
    match types {
        Types::One(one) => item.type_names().iter().any(|name| *name == one.name),
        Types::Sum(sets) => sets.first().is_none_or(|first| covers(item, first)),
    }
}
