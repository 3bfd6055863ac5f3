//! The derived traits implemented by hand: none of them needs its derive.

#![allow(missing_docs, reason = "a test has no documentation to read")]

use std::{convert::Infallible, fmt, num::ParseIntError, str::FromStr};

use annalist::{
    Invalid, Record,
    manual::{Codec, Dispatcher, EventType, Handler, IdKind, Payload, RawEvent, Tags, Types, fold},
    prelude::*,
    raw::{dispatch::CommandTypes, event::WritableEvent},
};
use annalist_ui_tests::decide;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct CounterId(u32);

impl Id for CounterId {
    const KIND: &'static str = "counter";
    const SHARED: bool = false;
    type Inner = u32;

    fn from_inner(inner: u32) -> Self {
        Self(inner)
    }

    fn as_inner(&self) -> &u32 {
        &self.0
    }
}

impl fmt::Display for CounterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for CounterId {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        text.parse().map(Self)
    }
}

/// Its payload is an array, which the derive would not write.
struct Counted {
    counter: CounterId,
    step: u32,
}

impl WritableEvent for Counted {}

impl Event for Counted {
    const TYPES: Types =
        Types::One(EventType::new("counted", "manual::Counted").with_ids(&[IdKind::of::<CounterId>()]));

    fn stored_type(&self) -> (&'static str, u32) {
        ("counted", 1)
    }

    fn collect_tags(&self, tags: &mut Tags) -> Result<(), Invalid> {
        tags.add(&self.counter)
    }

    fn encode_payload(&self, codec: &Codec) -> Result<Payload, Invalid> {
        codec.encode("counted", &(self.counter.0, self.step))
    }

    fn decode_raw(raw: &RawEvent<'_>, codec: &Codec, each: &mut dyn FnMut(Self)) -> Result<(), Invalid> {
        raw.check_version(1)?;
        let (counter, step) = codec.decode(raw)?;
        each(Self { counter: CounterId(counter), step });
        Ok(())
    }
}

struct Counter {
    id: CounterId,
    count: u32,
}

impl Aggregate for Counter {
    type Id = CounterId;
    type Error = Infallible;
    const EVENTS: &'static [Types] = &[Counted::TYPES];

    fn initial(id: CounterId) -> Self {
        Self { id, count: 0 }
    }

    fn fold_record(&mut self, record: &Record, codec: &Codec) -> Result<(), Invalid> {
        fold::<Counted>(record, codec, |event| self.count += event.step)
    }
}

#[derive(Serialize)]
struct Double {
    counter: u32,
}

impl Command for Double {
    type Error = Infallible;

    fn dispatch<D: Dispatcher>(self, dispatcher: D) -> D::Out<Infallible> {
        dispatcher.run(
            self,
            Handler::new(
                "double",
                |command: &Self, loader| loader.shared::<Counter>(CounterId(command.counter)),
                |state, _, _| Ok(double(state)),
            ),
        )
    }

    fn declare(types: &mut CommandTypes) {
        types.add::<Self>("double").reads::<Counter>().writes::<Counted>();
    }
}

fn double(state: &Counter) -> Counted {
    Counted { counter: state.id.clone(), step: state.count }
}

/// A derived event that wraps a hand-written one.
#[derive(Event)]
enum Everything {
    Counted(Counted),
}

#[test]
fn hand_written_traits_work_like_derived_ones() {
    let past = [Everything::Counted(Counted { counter: CounterId(4), step: 3 })];
    let decided = decide(past, Double { counter: 4 });
    assert_eq!(decided.name, "double");
    assert_eq!(decided.events(), ["counted v1 [4,3] [counter:4]"]);
}
