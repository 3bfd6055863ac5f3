//! The fold of an aggregate for code that does not know its type, and shows the states.

use std::any::type_name;

use crate::{
    aggregate::{Aggregate, AggregateId, criteria_of},
    codec::Codec,
    criteria::Criteria,
    error::Invalid,
    limits::refuse,
    record::Record,
};

/// A state of any type of aggregate.
pub(crate) trait ShownState: Send {
    /// Folds an event into the state.
    fn fold(&mut self, record: &Record, codec: &Codec) -> Result<(), Invalid>;

    /// The state as a text for people; `None` if its type has no `Debug`.
    fn text(&self) -> Option<String>;
}

/// The state before the first event, and the criteria of the events.
pub(crate) struct StartedFold {
    pub(crate) state: Box<dyn ShownState>,
    pub(crate) criteria: Criteria,
}

impl StartedFold {
    /// Starts with the id that has this text.
    ///
    /// # Errors
    /// [`Invalid`] if it is not the text of an id.
    pub(crate) fn of<A: Aggregate>(id: &str) -> Result<Self, Invalid> {
        let parsed = A::Id::from_text(id)
            .ok_or_else(|| refuse("id", id, format!("it is not an id of `{}`", type_name::<A>())))?;
        let criteria = criteria_of::<A>(&parsed)?;
        Ok(Self { state: Box::new(Folded(A::initial(parsed))), criteria })
    }
}

struct Folded<A>(A);

impl<A: Aggregate> ShownState for Folded<A> {
    fn fold(&mut self, record: &Record, codec: &Codec) -> Result<(), Invalid> {
        self.0.fold_record(record, codec)
    }

    fn text(&self) -> Option<String> {
        self.0.debug_text()
    }
}
