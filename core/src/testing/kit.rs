//! A dispatcher that decides on given events, and what a test may say about the answer.

use std::fmt::{Debug, Write};

use serde::Serialize;

use super::{
    Given,
    diff::{diff, lines},
};
use crate::{
    aggregate::{Aggregate, criteria_of},
    codec::Codec,
    context::Context,
    criteria::Criteria,
    dispatch::{Dispatcher, Handler, Loader},
    error::Invalid,
    event::{Events, IntoEvents},
    record::{Draft, Record},
    store::{Batch, Marker},
};

/// What a decision said: its events, or the error with which it rejected the command.
type Decided<E> = Result<Vec<Draft>, E>;

pub(super) struct TestDispatcher<'a> {
    pub(super) past: &'a Given,
}

impl Dispatcher for TestDispatcher<'_> {
    type Out<E: Debug + Send + 'static> = Result<Decided<E>, Invalid>;

    fn run<C, S, R, E>(self, command: C, handler: Handler<C, S, R, E>) -> Self::Out<E>
    where
        C: Serialize + Send + 'static,
        S: Send + 'static,
        R: IntoEvents + 'static,
        E: Debug + Send + 'static,
    {
        let codec = Codec::default();
        let plan = Loader::plan(|loader| (handler.load)(&command, loader))?;
        let mut known: Vec<_> =
            plan.reads.iter().map(|read| self.past.batch(&read.criteria).into()).collect();
        let states = Loader::fold(&plan, &mut known, &codec, |loader| (handler.load)(&command, loader))?;
        let context = Context::decision(self.past.time, &self.past.metadata);
        match (handler.decide)(&states, &command, &context) {
            Ok(decided) => write(decided).map(Ok),
            Err(rejection) => Ok(Err(rejection)),
        }
    }

    fn map<A, B>(out: Self::Out<A>, convert: fn(A) -> B) -> Self::Out<B>
    where
        A: Debug + Send + 'static,
        B: Debug + Send + 'static,
    {
        out.map(|decided| decided.map_err(convert))
    }
}

impl Given {
    fn batch(&self, criteria: &Criteria) -> Batch {
        let matching = self.records.iter().filter(|record| criteria.matches(&record.name, &record.tags));
        Batch { records: matching.cloned().collect(), marker: Marker::START }
    }

    /// The circumstances of a test, as they stand above a failure.
    pub(super) fn story(&self) -> String {
        let mut story = String::new();
        for Record { name, version, data, tags, .. } in &self.records {
            let tags: Vec<&str> = tags.iter().map(crate::tag::Tag::as_str).collect();
            let _ = writeln!(story, "    {name} v{version} {data} [{}]", tags.join(", "));
        }
        if story.is_empty() { "given no events\n".to_owned() } else { format!("given\n{story}") }
    }
}

/// The answer to a command, and what a test expects of it.
#[derive(Debug)]
pub struct Then<E> {
    past: Given,
    decided: Decided<E>,
}

impl<E: Debug> Then<E> {
    #[track_caller]
    pub(super) fn new(past: Given, decided: Result<Decided<E>, Invalid>) -> Self {
        match decided {
            Ok(decided) => Self { past, decided },
            Err(invalid) => panic!("{}the command could not be decided: {invalid}", past.story()),
        }
    }

    /// Expects it to be accepted with exactly these events, in this order.
    ///
    /// # Panics
    /// If it was rejected, or gave other events; the message shows both lists line by line.
    #[track_caller]
    pub fn then(self, events: impl IntoEvents) -> Self {
        let expected = written(events);
        let actual = self.accepted(&expected);
        if lines(&expected) != lines(actual) {
            panic!(
                "{}other events were decided (- expected, + actual, = both)\n{}",
                self.past.story(),
                diff(&expected, actual)
            );
        }
        self
    }

    /// Expects it to be accepted without an event.
    ///
    /// # Panics
    /// If it was rejected or gave events.
    #[track_caller]
    pub fn then_nothing(self) -> Self {
        self.then(())
    }

    /// Expects it to be rejected with this error.
    ///
    /// # Panics
    /// If it was accepted, or rejected with another error.
    #[track_caller]
    pub fn then_err(self, expected: E)
    where
        E: PartialEq,
    {
        let story = self.past.story();
        match self.decided {
            Err(rejection) if rejection == expected => {}
            Err(rejection) => {
                panic!("{story}rejected with another error\n  - {expected:?}\n  + {rejection:?}\n")
            }
            Ok(events) => panic!(
                "{story}accepted, where a rejection was expected\n  - {expected:?}\n{}",
                diff(&[], &events)
            ),
        }
    }

    /// Looks at the state of an aggregate after the command's events: `check` asserts what it likes.
    ///
    /// # Panics
    /// If the command was rejected, an event cannot be folded, or `check` panics.
    #[track_caller]
    pub fn then_state<A: Aggregate>(self, id: &A::Id, check: impl FnOnce(&A)) -> Self {
        let drafts = self.accepted(&[]).to_vec();
        let mut after = self.past.clone();
        after.extend(drafts);
        let folded = criteria_of::<A>(id).and_then(|criteria| {
            let mut state = A::initial(id.clone());
            let batch = after.batch(&criteria);
            batch.records.iter().try_for_each(|record| state.fold_record(record, &Codec::default()))?;
            Ok(state)
        });
        match folded {
            Ok(state) => check(&state),
            Err(invalid) => panic!("{}the state could not be folded: {invalid}", after.story()),
        }
        self
    }

    #[track_caller]
    fn accepted(&self, expected: &[Draft]) -> &[Draft] {
        match &self.decided {
            Ok(events) => events,
            Err(rejection) => panic!(
                "{}rejected, where events were expected\n{}  + {rejection:?}\n",
                self.past.story(),
                diff(expected, &[])
            ),
        }
    }
}

fn write(events: impl IntoEvents) -> Result<Vec<Draft>, Invalid> {
    let codec = Codec::default();
    let mut written = Events::new(&codec).verified();
    events.write_events(&mut written)?;
    Ok(written.into_drafts())
}

/// The drafts of events that a test names.
#[track_caller]
pub(super) fn written(events: impl IntoEvents) -> Vec<Draft> {
    write(events).unwrap_or_else(|invalid| panic!("{invalid}"))
}
