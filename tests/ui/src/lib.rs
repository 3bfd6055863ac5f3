//! A dispatcher for the tests of the derives. It decides on given events and returns what the decision read and returned.

pub mod domain;
#[doc(hidden)]
pub mod forbidden;
mod large;

use std::fmt::Debug;

use annalist_core::{
    codec::{Codec, RawEvent},
    command::Command,
    context::Context,
    criteria::Criteria,
    dispatch::{Dispatcher, Handler, Loader},
    error::Invalid,
    event::{Event, Events, IntoEvents},
    record::{Draft, Metadata, Position, Record},
    time::Timestamp,
};
use serde::Serialize;

/// What a decision read and returned.
#[derive(Debug)]
pub struct Decided<E> {
    /// The stored name of the command.
    pub name: &'static str,
    /// The criteria of its reads, one for each state.
    pub reads: Vec<Criteria>,
    /// The events, or the error of the command.
    pub result: Result<Vec<Draft>, E>,
}

impl<E: Debug> Decided<E> {
    /// The events, as `name payload tags`.
    ///
    /// # Panics
    /// If the command was rejected.
    #[track_caller]
    pub fn events(&self) -> Vec<String> {
        match &self.result {
            Ok(drafts) => drafts.iter().map(draft_text).collect(),
            Err(error) => panic!("rejected: {error:?}"),
        }
    }

    /// The error.
    ///
    /// # Panics
    /// If the command was accepted.
    #[track_caller]
    pub fn error(self) -> E {
        match self.result {
            Ok(drafts) => panic!("accepted: {:?}", drafts.iter().map(draft_text).collect::<Vec<_>>()),
            Err(error) => error,
        }
    }
}

/// An event as `name payload tags`.
pub fn draft_text(draft: &Draft) -> String {
    let tags: Vec<_> = draft.tags().iter().map(ToString::to_string).collect();
    format!("{} v{} {} [{}]", draft.name(), draft.version(), draft.data(), tags.join(" "))
}

/// Decides a command on given events.
///
/// # Panics
/// If an event cannot be written or read.
#[track_caller]
pub fn decide<C: Command>(past: impl IntoEvents, command: C) -> Decided<C::Error> {
    match command.dispatch(TestDispatcher { past: records(past) }) {
        Ok(decided) => decided,
        Err(invalid) => panic!("{invalid}"),
    }
}

/// Events as the log stores them.
///
/// # Panics
/// If an event cannot be written or read back.
#[track_caller]
pub fn records(events: impl IntoEvents) -> Vec<Record> {
    written(events).into_iter().zip(1..).map(|(draft, i)| record(draft, i)).collect()
}

/// Events as drafts, each of which has been read back.
///
/// # Panics
/// If an event cannot be written or read back.
#[track_caller]
pub fn written(events: impl IntoEvents) -> Vec<Draft> {
    let codec = Codec::default();
    let mut out = Events::new(&codec);
    match events.write_events(&mut out) {
        Ok(()) => out.into_drafts(),
        Err(invalid) => panic!("{invalid}"),
    }
}

/// Decodes a stored event.
///
/// # Errors
/// [`Invalid`] if it is not an event of `E`.
pub fn read<E: Event>(name: &str, version: u32, data: &str) -> Result<Vec<E>, Invalid> {
    let raw = RawEvent::new(name, version, data, Position::new(1));
    let mut events = Vec::new();
    E::decode_raw(&raw, &Codec::default(), &mut |event| events.push(event))?;
    Ok(events)
}

fn record(draft: Draft, position: u64) -> Record {
    draft.record(Position::new(position), Timestamp::EPOCH, Metadata::default())
}

struct TestDispatcher {
    past: Vec<Record>,
}

impl Dispatcher for TestDispatcher {
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
        let folded = plan.fold(&self.past, &codec)?;
        let states = Loader::pass(&plan, &folded, |loader| (handler.load)(&command, loader))?;
        let metadata = Metadata::default();
        let context = Context::decision(Timestamp::EPOCH, &metadata);
        let result = match (handler.decide)(&states, &command, &context) {
            Ok(events) => Ok(written(events)),
            Err(error) => Err(error),
        };
        let reads = plan.reads.into_iter().map(|read| read.criteria).collect();
        Ok(Decided { name: handler.name, reads, result })
    }

    fn map<A, B>(out: Self::Out<A>, convert: fn(A) -> B) -> Self::Out<B>
    where
        A: Debug + Send + 'static,
        B: Debug + Send + 'static,
    {
        let Decided { name, reads, result } = out?;
        Ok(Decided { name, reads, result: result.map_err(convert) })
    }
}
