//! One function of a command that says which states it needs and, later, receives them.

use std::slice;

use crate::{
    aggregate::{Aggregate, criteria_of},
    codec::Codec,
    error::Invalid,
    event::Types,
    id::Ids,
    query::Criteria,
    store::Batch,
};

/// Walks through the states that a command needs, twice: first to learn what to read (the states it gives are
/// blank), then to fold what was read. The order of the calls has to be the same both times.
#[derive(Debug)]
pub struct Loader<'a>(Mode<'a>);

#[derive(Debug)]
enum Mode<'a> {
    Plan(Plan),
    Fold { batches: slice::Iter<'a, Batch>, codec: &'a Codec },
}

/// What a command reads.
#[derive(Debug, Default)]
pub struct Plan {
    /// The events of each state, in the order of the calls.
    pub reads: Vec<Criteria>,
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
    /// [`Invalid`] if a record cannot be decoded.
    pub fn fold<S>(
        batches: &[Batch],
        codec: &Codec,
        load: impl FnOnce(&mut Loader<'_>) -> Result<S, Invalid>,
    ) -> Result<S, Invalid> {
        load(&mut Loader(Mode::Fold { batches: batches.iter(), codec }))
    }

    /// The state of one aggregate.
    ///
    /// # Errors
    /// [`Invalid`] if its id makes no valid tag or a record cannot be decoded.
    pub fn state<A: Aggregate>(&mut self, id: A::Id) -> Result<A, Invalid> {
        match &mut self.0 {
            Mode::Plan(plan) => {
                plan.reads.push(criteria_of::<A>(&id)?);
                plan.types.push(A::EVENTS);
                Ok(A::initial(id))
            }
            Mode::Fold { batches, codec } => {
                let mut state = A::initial(id);
                let records = batches.next().map_or(&[][..], |batch| &batch.records);
                records.iter().try_for_each(|record| state.fold_record(record, codec))?;
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
