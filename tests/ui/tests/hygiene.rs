//! Derived code compiles whatever names the user's module defines, and triggers no lint of the user.

#![no_implicit_prelude]
#![deny(warnings, unused, unused_qualifications, unreachable_pub, nonstandard_style, future_incompatible)]
#![deny(clippy::all, clippy::pedantic, clippy::nursery)]
#![allow(missing_docs, reason = "a test has no documentation to read")]

mod hostile {
    #![allow(dead_code, unused_macros, unused_imports, reason = "only their names matter")]
    #![allow(clippy::redundant_pub_crate, reason = "rustc asks for the opposite")]

    // Names that generated code would pick up if it used names of this scope.
    pub(crate) struct Option;
    pub(crate) struct Result;
    pub(crate) struct Vec;
    pub(crate) struct String;
    pub(crate) struct Box;
    pub(crate) struct Types;
    pub(crate) struct EventType;
    pub(crate) struct IdKind;
    pub(crate) struct Handler;
    pub(crate) struct Loader;
    pub(crate) struct Codec;
    pub(crate) struct Record;
    pub(crate) struct Tags;
    pub(crate) struct Table;
    pub(crate) struct Column;
    pub(crate) struct Role;
    pub(crate) struct Row;
    pub(crate) struct RowReader;
    pub(crate) struct RowWriter;
    pub(crate) struct RowOps;
    pub(crate) struct Commands;
    pub(crate) struct Start;
    pub(crate) struct OnReject;
    pub(crate) struct OnError;
    pub(crate) struct Reaction;
    pub(crate) const TRIES: bool = false;
    pub(crate) const fn add_reaction() {}
    pub(crate) trait Policy {}
    pub(crate) trait OnPolicy {}
    pub(crate) struct ReadModels;
    pub(crate) struct QueryColumns;
    pub(crate) struct Bound;
    pub(crate) struct Error;
    pub(crate) struct ColumnType;
    pub(crate) struct Value;
    pub(crate) struct Invalid;
    pub(crate) const fn variant_to_value() {}
    pub(crate) const fn variant_from_value() {}
    pub(crate) trait Query {}
    pub(crate) trait Source {}
    pub(crate) trait Clone {}
    pub(crate) trait Ord {}
    pub(crate) trait Projection {}
    pub(crate) trait Field {}
    pub(crate) trait JsonField {}
    pub(crate) trait RowKey {}
    pub(crate) trait OnRow {}
    pub(crate) trait Event {}
    pub(crate) trait Aggregate {}
    pub(crate) trait Command {}
    pub(crate) trait Dispatcher {}
    pub(crate) trait Id {}
    pub(crate) trait Ids {}
    pub(crate) trait On {}
    pub(crate) trait State {}
    pub(crate) trait Member {}
    pub(crate) struct MemberError;
    pub(crate) trait ConvertMemberError {}
    pub(crate) trait Default {}
    pub(crate) trait From {}
    pub(crate) trait Display {}
    pub(crate) trait FromStr {}
    pub(crate) trait Serialize {}
    pub(crate) trait Deserialize {}
    pub(crate) trait Send {}
    pub(crate) trait Sync {}
    pub(crate) trait FnMut {}
    #[allow(non_snake_case, reason = "shadows the prelude")]
    pub(crate) const fn Ok() {}
    #[allow(non_snake_case, reason = "shadows the prelude")]
    pub(crate) const fn Err() {}
    pub(crate) const fn fold() {}
    pub(crate) const fn decision() {}
    pub(crate) mod std {}
    pub(crate) mod core {}
    pub(crate) mod alloc {}
    pub(crate) mod serde {}
    pub(crate) mod annalist {}

    macro_rules! concat {
        () => {};
    }
    macro_rules! module_path {
        () => {};
    }
    macro_rules! assert {
        () => {};
    }
    pub(crate) use {assert, concat, module_path};
}

#[allow(unused_imports, reason = "they are here to be in the way")]
use hostile::*;

#[derive(
    ::annalist::Id,
    ::std::clone::Clone,
    ::std::marker::Copy,
    ::std::fmt::Debug,
    ::std::cmp::PartialEq,
    ::std::cmp::Eq,
    ::std::hash::Hash,
)]
struct ThingId(u64);

/// Ids, events and commands with the names of type parameters in generated code.
#[derive(::annalist::Id, ::std::clone::Clone, ::std::cmp::PartialEq, ::std::cmp::Eq, ::std::hash::Hash)]
#[id(kind = "s")]
struct S(D2);

#[derive(
    ::serde::Serialize,
    ::serde::Deserialize,
    ::std::clone::Clone,
    ::std::cmp::PartialEq,
    ::std::cmp::Eq,
    ::std::hash::Hash,
)]
struct D2(u64);

impl ::std::fmt::Display for D2 {
    fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
        ::std::fmt::Display::fmt(&self.0, f)
    }
}

impl ::std::str::FromStr for D2 {
    type Err = <u64 as ::std::str::FromStr>::Err;

    fn from_str(text: &::std::primitive::str) -> ::std::result::Result<Self, Self::Err> {
        ::std::result::Result::map(<u64 as ::std::str::FromStr>::from_str(text), Self)
    }
}

#[derive(::annalist::Event, ::serde::Serialize, ::serde::Deserialize)]
#[event(
    prefix = "thing",
    version = 3,
    upcast(1 => older, 2 => old),
    from(Retired => found),
    context,
    alias = "thing.was-changed"
)]
struct Changed {
    #[id]
    raw: ThingId,
    #[id(with = both)]
    tags: u64,
    #[id]
    codec: S,
}

#[derive(::annalist::Event, ::serde::Serialize, ::serde::Deserialize)]
#[event(retired)]
struct Retired {
    #[id]
    each: ThingId,
    #[id]
    name: S,
}

#[allow(clippy::unnecessary_wraps, reason = "a step may fail")]
const fn older(_: (), _: &::annalist::Context<'_>) -> ::std::result::Result<(u64,), ::std::string::String> {
    ::std::result::Result::Ok((7,))
}

const fn old((id,): (u64,), _: &::annalist::Context<'_>) -> Changed {
    Changed { raw: ThingId(id), tags: id, codec: S(D2(7)) }
}

#[allow(clippy::unnecessary_wraps, clippy::missing_const_for_fn, reason = "a retired event may make none")]
fn found(old: Retired, _: &::annalist::Context<'_>) -> ::std::option::Option<Changed> {
    ::std::option::Option::Some(Changed { raw: old.each, tags: 7, codec: old.name })
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the derive asks for it")]
const fn both(id: &u64) -> ThingId {
    ThingId(*id)
}

#[derive(::annalist::Event, ::serde::Serialize, ::serde::Deserialize)]
#[event(prefix = "thing")]
enum ThingEvent {
    Some {
        #[id]
        event: ThingId,
    },
    None,
    Changed(Changed),
    #[deprecated]
    Old,
}

#[derive(::annalist::Aggregate, ::std::fmt::Debug)]
#[aggregate(on(ThingEvent => Thing::apply))]
struct Thing {
    #[id]
    record: ThingId,
    codec: u64,
}

impl Thing {
    #[allow(
        clippy::needless_pass_by_ref_mut,
        clippy::missing_const_for_fn,
        reason = "the derive asks for it"
    )]
    fn apply(&mut self, event: &ThingEvent) {
        if let ThingEvent::Changed(changed) = event {
            self.codec += changed.tags;
        }
    }
}

#[derive(::annalist::Command, ::serde::Serialize)]
#[command(decide = decide)]
struct D {
    #[id(Thing)]
    loader: ThingId,
    #[id(Thing)]
    command: ThingId,
}

#[allow(clippy::unnecessary_wraps, clippy::missing_const_for_fn, reason = "the derive asks for it")]
fn decide(
    (a, b): (&Thing, &Thing),
    command: &D,
) -> ::std::result::Result<ThingEvent, ::std::convert::Infallible> {
    let sum = a.codec + b.codec + command.loader.0 + command.command.0;
    ::std::result::Result::Ok(ThingEvent::Changed(Changed { raw: a.record, tags: sum, codec: S(D2(3)) }))
}

#[derive(::annalist::Command)]
enum Dispatched {
    D(D),
}

#[derive(
    ::annalist::Field, ::std::fmt::Debug, ::std::cmp::PartialEq, ::std::clone::Clone, ::std::default::Default,
)]
#[allow(clippy::upper_case_acronyms, non_camel_case_types, reason = "the names of constants of the trait")]
enum Sort {
    #[default]
    TYPE,
    NULLABLE,
    IS_ORDERED,
    TAG_KIND,
}

#[derive(
    ::annalist::Field, ::std::fmt::Debug, ::std::cmp::PartialEq, ::std::clone::Clone, ::std::default::Default,
)]
struct Value2<T>(T);

#[derive(::annalist::Projection, ::std::fmt::Debug, ::std::cmp::PartialEq, ::std::clone::Clone)]
#[projection(name = "hygiene", on(ThingEvent => Rows::apply by key))]
struct Rows {
    #[key]
    key: ThingKey,
    #[key]
    steps: ::std::string::String,
    codec: i64,
    value: Sort,
    text: Value2<i64>,
    #[json]
    row: ::std::vec::Vec<u64>,
    #[index]
    key0: ::std::option::Option<bool>,
}

#[derive(
    ::annalist::Id,
    ::std::clone::Clone,
    ::std::marker::Copy,
    ::std::fmt::Debug,
    ::std::cmp::PartialEq,
    ::std::cmp::Eq,
    ::std::hash::Hash,
)]
struct ThingKey(u32);

impl Rows {
    fn apply(&mut self, event: &ThingEvent) {
        if let ThingEvent::Changed(changed) = event {
            self.row.push(changed.tags);
        }
    }
}

#[allow(clippy::missing_const_for_fn, reason = "the derive asks for it")]
fn key(_: &ThingEvent) -> (ThingKey, ::std::string::String) {
    (ThingKey(1), ::std::string::String::new())
}

#[test]
fn derived_projections_are_hygienic() {
    let changed = ThingEvent::Changed(Changed { raw: ThingId(1), tags: 5, codec: S(D2(3)) });
    let (key, steps) = key(&changed);
    let expected = Rows {
        key,
        steps: ::std::clone::Clone::clone(&steps),
        codec: 0,
        value: Sort::TYPE,
        text: Value2(0),
        row: ::std::vec![5],
        key0: ::std::option::Option::None,
    };
    let _ = ::annalist::testing::given(changed).project::<Rows>().row(&(key, steps)).eq(expected);
}

#[derive(::annalist::Query)]
#[query(from = Rows)]
struct RowOf {
    #[key(key)]
    models: ThingKey,
    #[key(steps)]
    list: ::std::string::String,
}

#[derive(::annalist::Query)]
#[query(from = Rows, order = key0, limit = 5)]
struct SomeRows {
    #[equal(key)]
    value: ::std::option::Option<ThingKey>,
    #[prefix(steps)]
    list: ::std::string::String,
    #[limit]
    limit: usize,
    #[cursor]
    models: ::std::option::Option<::annalist::query::Cursor>,
}

#[test]
fn derived_queries_are_hygienic() {
    const fn is_query<Q: ::annalist::Query>(_: &Q) {}
    is_query(&RowOf { models: ThingKey(1), list: ::std::string::String::new() });
    let (value, list) = (::std::option::Option::None, ::std::string::String::new());
    is_query(&SomeRows { value, list, limit: 1, models: ::std::option::Option::None });
}

#[derive(::annalist::Policy)]
#[policy(name = "hygiene", from = now, on_reject = stop, context, on(Changed => Greeter::react, ThingEvent2 => plain))]
struct Greeter {
    commands: u64,
}

#[derive(::annalist::Event)]
#[event(name = "thing.seen")]
struct ThingEvent2;

impl Greeter {
    #[allow(clippy::unused_async, clippy::trivially_copy_pass_by_ref, reason = "the derive asks for it")]
    async fn react(
        &self,
        event: &Changed,
        _: &::annalist::Context<'_>,
    ) -> ::std::result::Result<D, ::std::fmt::Error> {
        ::std::result::Result::Ok(D { loader: event.raw, command: ThingId(self.commands) })
    }
}

#[allow(clippy::missing_const_for_fn, reason = "the derive asks for it")]
fn plain(_: &Greeter, _: &ThingEvent2, _: &::annalist::Context<'_>) {}

#[test]
fn derived_policies_are_hygienic() {
    let record = &::annalist_ui_tests::records(Changed { raw: ThingId(1), tags: 5, codec: S(D2(3)) })[0];
    let codec = <::annalist::manual::Codec as ::std::default::Default>::default();
    let policy = Greeter { commands: 2 };
    let mut reaction = ::annalist::Policy::react_to_record(&policy, record, &codec);
    let mut context = ::std::task::Context::from_waker(::std::task::Waker::noop());
    let polled = ::std::future::Future::poll(reaction.as_mut(), &mut context);
    ::std::assert!(
        ::std::matches!(polled, ::std::task::Poll::Ready(::std::result::Result::Ok(commands)) if commands.len() == 1)
    );
}

#[test]
fn derived_write_side_is_hygienic() {
    let past = ThingEvent::Changed(Changed { raw: ThingId(1), tags: 5, codec: S(D2(3)) });
    let command = Dispatched::D(D { loader: ThingId(1), command: ThingId(2) });
    let events = ::annalist_ui_tests::decide(past, command).events();
    ::std::assert_eq!(events, ["thing.changed v3 {\"raw\":1,\"tags\":8,\"codec\":3} [s:3 thing:1 thing:8]"]);
    let _ = [ThingEvent::Some { event: ThingId(1) }, ThingEvent::None];
}
