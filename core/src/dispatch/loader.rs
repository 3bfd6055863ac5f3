//! One function of a command that says which states it needs and, later, receives them.

use std::{
    any::type_name,
    iter::Zip,
    marker::PhantomData,
    slice,
    sync::{Arc, Mutex, PoisonError},
};

use super::known::{Folded, Form, Kind, Known};
use crate::{
    aggregate::{Aggregate, AggregateId, criteria_of},
    codec::Codec,
    criteria::{Criteria, Item},
    error::Invalid,
    event::Types,
    id::{Ids, StateSource},
    record::Record,
    store::Read,
};

/// Walks through the states that a command needs, twice: first to learn what to read (the states it gives are
/// blank), then to give what is known of them. Both times it has to be asked for the same states in the same order: a second
/// id must not be taken out of the first state.
#[derive(Debug)]
pub struct Loader<'a>(Mode<'a>);

#[derive(Debug)]
enum Mode<'a> {
    Plan(Plan),
    Fold { planned: Zip<slice::Iter<'a, Read>, slice::IterMut<'a, Known>>, codec: &'a Codec },
}

/// What a command reads.
#[derive(Debug, Default)]
pub struct Plan {
    /// The events of each state, in the order of the calls.
    pub reads: Vec<Read>,
    /// The event types of the states.
    pub types: Vec<&'static [Types]>,
    /// Which aggregate each state is of.
    pub(crate) kinds: Vec<Kind>,
    /// The states before their first events, of those that are shared.
    blanks: Vec<Mutex<Option<Folded>>>,
}

impl Plan {
    /// The state before its first event, once.
    pub(crate) fn blank(&self, index: usize) -> Option<Folded> {
        let mut blank = self.blanks.get(index)?.lock().unwrap_or_else(PoisonError::into_inner);
        blank.take_if(Folded::is_alone)
    }
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

    /// The states of `load`, from what is known for its plan.
    ///
    /// # Errors
    /// [`Invalid`] if a record cannot be decoded, or `load` asks for other states than it planned.
    pub fn fold<S>(
        plan: &Plan,
        known: &mut [Known],
        codec: &Codec,
        load: impl FnOnce(&mut Loader<'_>) -> Result<S, Invalid>,
    ) -> Result<S, Invalid> {
        load(&mut Loader(Mode::Fold { planned: plan.reads.iter().zip(known), codec }))
    }

    /// The states of the aggregates under an `#[id]` field.
    ///
    /// # Errors
    /// [`Invalid`] if an id makes no valid tag or a record cannot be decoded.
    pub fn states<A: Aggregate<Id = I::Id>, I: Ids>(&mut self, ids: &I) -> Result<I::States<A>, Invalid> {
        ids.load(&mut Of { loader: self, aggregate: PhantomData })
    }

    /// The state of one aggregate, to look at.
    ///
    /// # Errors
    /// As [`Loader::states`].
    pub fn shared<A: Aggregate>(&mut self, id: A::Id) -> Result<Arc<A>, Invalid> {
        let Mode::Fold { planned, codec } = &mut self.0 else {
            let state = Arc::new(self.plan_one::<A>(id, true)?);
            self.keep_blank(Some(Folded::new(Arc::clone(&state), 0)));
            return Ok(state);
        };
        let known = next::<A>(planned, &id)?;
        let (state, events) = match &known.form {
            Form::Folded(folded) => return folded.as_a().ok_or_else(unplanned::<A>),
            Form::Records(records) => (Arc::new(fold::<A>(id, records, codec)?), records.len()),
        };
        known.form = Form::Folded(Folded::new(Arc::clone(&state), events));
        Ok(state)
    }

    /// The state of one aggregate, to keep.
    ///
    /// # Errors
    /// As [`Loader::states`].
    pub fn owned<A: Aggregate>(&mut self, id: A::Id) -> Result<A, Invalid> {
        let Mode::Fold { planned, codec } = &mut self.0 else {
            self.keep_blank(None);
            return self.plan_one::<A>(id, false);
        };
        match &next::<A>(planned, &id)?.form {
            Form::Records(records) => fold(id, records, codec),
            Form::Folded(_) => Err(unplanned::<A>()),
        }
    }

    fn keep_blank(&mut self, blank: Option<Folded>) {
        if let Mode::Plan(plan) = &mut self.0 {
            plan.blanks.push(Mutex::new(blank));
        }
    }

    fn plan_one<A: Aggregate>(&mut self, id: A::Id, shared: bool) -> Result<A, Invalid> {
        if let Mode::Plan(plan) = &mut self.0 {
            plan.reads.push(Read { payload_only: !A::USES_CONTEXT, ..Read::all(criteria_of::<A>(&id)?) });
            plan.types.push(A::EVENTS);
            plan.kinds.push(Kind::of::<A>(shared));
        }
        Ok(A::initial(id))
    }
}

/// The loader, asked for states of one aggregate.
struct Of<'l, 'a, A> {
    loader: &'l mut Loader<'a>,
    aggregate: PhantomData<A>,
}

impl<A: Aggregate> StateSource<A::Id, A> for Of<'_, '_, A> {
    type Error = Invalid;

    fn shared(&mut self, id: &A::Id) -> Result<Arc<A>, Invalid> {
        self.loader.shared(id.clone())
    }

    fn owned(&mut self, id: &A::Id) -> Result<A, Invalid> {
        self.loader.owned(id.clone())
    }
}

/// What is known of the next state, if it is that of this aggregate.
fn next<'k, A: Aggregate>(
    planned: &mut Zip<slice::Iter<'_, Read>, slice::IterMut<'k, Known>>,
    id: &A::Id,
) -> Result<&'k mut Known, Invalid> {
    let next = planned.next().filter(|(read, _)| is_of::<A>(&read.criteria, id));
    next.map(|(_, known)| known).ok_or_else(unplanned::<A>)
}

fn fold<A: Aggregate>(id: A::Id, records: &[Record], codec: &Codec) -> Result<A, Invalid> {
    let mut state = A::initial(id);
    records.iter().try_for_each(|record| state.fold_record(record, codec))?;
    Ok(state)
}

fn unplanned<A>() -> Invalid {
    Invalid::StateNotPlanned { state: type_name::<A>() }
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
