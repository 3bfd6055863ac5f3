//! Short constructors of events, conditions and reads.

use annalist_core::{
    criteria::{Criteria, Item},
    payload::Payload,
    record::{Draft, Name, Position, Record},
    store::{Append, AppendOutcome, CommandKey, Condition, EventStore, Marker, PageLimit, Read, Receipt},
    tag::Tag,
};

pub(crate) fn tag(value: impl std::fmt::Display) -> Tag {
    Tag::new("a", value).unwrap()
}

pub(crate) fn event(name: &'static str, tags: impl IntoIterator<Item = Tag>) -> Draft {
    Draft::new(name, 1, tags, Payload::parse("{}").unwrap()).unwrap()
}

pub(crate) fn append(events: impl IntoIterator<Item = Draft>) -> Append {
    Append { events: events.into_iter().collect(), ..Append::default() }
}

/// One event with one tag.
pub(crate) fn noted(value: impl std::fmt::Display) -> Append {
    append([event("noted", [tag(value)])])
}

pub(crate) fn tagged(value: impl std::fmt::Display) -> Criteria {
    Item::any().tag(tag(value)).into()
}

pub(crate) fn provided(criteria: Criteria, marker: Marker) -> Vec<Condition> {
    vec![Condition { criteria, marker }]
}

pub(crate) fn command(id: impl std::fmt::Display) -> CommandKey {
    CommandKey::new(Name::new("command id", id.to_string()).unwrap(), Name::new("name", "note").unwrap(), [])
}

/// The receipt of an append that must be accepted.
pub(crate) async fn accept(store: &dyn EventStore, append: Append) -> Receipt {
    match store.append_one(append).await.unwrap() {
        AppendOutcome::Appended(receipt) => receipt,
        other => panic!("not accepted: {other:?}"),
    }
}

/// All records of the log, by a read.
pub(crate) async fn log(store: &dyn EventStore) -> Vec<Record> {
    store.read(&[Read::all(Criteria::all())]).await.unwrap().remove(0).records
}

/// All records of the log, by a feed.
pub(crate) async fn fed(store: &dyn EventStore) -> Vec<Record> {
    store.feed(&Criteria::all(), Position::START, PageLimit::records(usize::MAX)).await.unwrap().records
}
