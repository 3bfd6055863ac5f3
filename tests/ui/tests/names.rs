//! Names of variants that generated code could mistake for associated types, raw identifiers, types from `macro_rules!`, and
//! boxed variants.

#![allow(missing_docs, reason = "a test has no documentation to read")]

use std::sync::Arc;

use annalist::{prelude::*, testing::given};
use annalist_ui_tests::{decide, draft_text, read, written};

#[derive(Id, Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[id(kind = "thing")]
struct ThingId(u32);

/// The names of associated types and constants of the derived traits, as variants with fields, without, and wrapping.
macro_rules! enums {
    ($($name:ident $wrapped:ident $kebab:literal,)*) => {
        $(#[derive(Event, Clone, Debug, PartialEq)]
        #[event(prefix = "wrapped")]
        struct $wrapped;)*

        #[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
        #[event(prefix = "inline")]
        enum Inline {
            $($name {
                #[id]
                thing: ThingId,
            },)*
        }

        #[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
        #[event(prefix = "unit")]
        enum Unit {
            $($name,)*
        }

        #[derive(Event, Clone, Debug, PartialEq)]
        enum Wrapping {
            $($name($wrapped),)*
        }

        #[derive(Event, Clone, Debug, PartialEq)]
        enum Boxing {
            $($name(Box<$wrapped>),)*
        }

        #[derive(Command)]
        enum Commands {
            $($name(Make),)*
        }

        #[derive(Command)]
        #[command(error = String)]
        enum BoxedCommands {
            $($name(Box<Make>),)*
        }

        #[derive(Policy)]
        #[policy(name = "names", from = now, on_reject = stop, on(Unit => Self::react))]
        #[allow(dead_code, reason = "only the derive is tested")]
        enum Policies {
            $($name,)*
        }

        #[allow(dead_code, reason = "only the derive is tested")]
        impl Policies {
            fn react(&self, _: &Unit) {}
        }

        #[test]
        fn variant_with_the_name_of_an_associated_item_is_a_variant() {
            $(
                let thing = ThingId(1);
                let drafts = written((Inline::$name { thing }, Unit::$name, Boxing::$name(Box::new($wrapped))));
                let names: Vec<_> = drafts.iter().map(|draft| draft.name()).collect();
                assert_eq!(names, [concat!("inline.", $kebab), concat!("unit.", $kebab), concat!("wrapped.wrapped-", $kebab)]);
                let again = read::<Inline>(names[0], 1, drafts[0].data().as_str()).unwrap();
                assert_eq!(again, [Inline::$name { thing }]);
                let again = read::<Boxing>(names[2], 1, "{}").unwrap();
                assert_eq!(again, [Boxing::$name(Box::new($wrapped))]);
                assert_eq!(read::<Wrapping>(names[2], 1, "{}").unwrap(), [Wrapping::$name($wrapped)]);
                assert_eq!(decide((), Commands::$name(Make { thing })).events(), ["unit.error v1 {} []"]);
                let boxed = BoxedCommands::$name(Box::new(Make { thing }));
                assert_eq!(decide((), boxed).events(), ["unit.error v1 {} []"]);
            )*
        }
    };
}

enums! {
    Error WrappedError "error",
    Id WrappedId "id",
    Inner WrappedInner "inner",
    State WrappedState "state",
    States WrappedStates "states",
    Query WrappedQuery "query",
    Answer WrappedAnswer "answer",
    Key WrappedKey "key",
    Out WrappedOut "out",
    Err WrappedErr "err",
    Ok WrappedOk "ok",
    Some WrappedSome "some",
    Event WrappedEvent "event",
    Types WrappedTypes "types",
    Option WrappedOption "option",
    String WrappedString "string",
}

#[derive(Command, Serialize)]
#[command(decide = Make::decide)]
struct Make {
    thing: ThingId,
}

impl Make {
    fn decide(&self) -> Unit {
        assert_eq!(self.thing.0, 1);
        Unit::Error
    }
}

/// The types and paths arrive in invisible groups.
macro_rules! domain {
    ($id:ty, $list:ty, $optional:ty, $text:ty, $key:ty, $event:ty, $state:ty, $row:ty, $error:ty, $decide:path, $apply:path,
     $name:literal, $field:ident) => {
        #[derive(Event, Serialize, Deserialize)]
        #[event(name = $name)]
        struct Grouped {
            #[id]
            $field: $id,
            #[id]
            more: $list,
            #[id]
            other: $optional,
            note: $text,
        }

        #[derive(Aggregate, Debug)]
        #[aggregate(on($event => $apply), error = $error)]
        struct Counter {
            #[id]
            $field: $id,
            note: $text,
        }

        #[derive(Command, Serialize)]
        #[command(decide = $decide)]
        struct Count {
            #[id]
            $field: $id,
        }

        #[derive(Command, Serialize)]
        #[command(decide = recount, error = $error)]
        struct Recount {
            #[id($state)]
            $field: $id,
            #[id($state)]
            more: $list,
            #[id($state)]
            other: $optional,
        }

        #[derive(Projection, Clone, Debug, PartialEq)]
        #[projection(name = "grouped", on($event => Row::apply))]
        struct Row {
            #[key]
            $field: $key,
            #[index]
            note: $text,
            #[index]
            count: $optional,
        }

        #[derive(Query)]
        #[query(from = $row, order = $field)]
        struct Find {
            #[equal]
            note: Option<$text>,
            #[at_least(count)]
            count: $optional,
        }
    };
}

domain! {
    ThingId, Vec<ThingId>, Option<ThingId>, String, ThingId, Grouped, Counter, Row, NotCounted, Counter::count,
    Counter::apply, "grouped.counted", thing
}

#[derive(Debug, PartialEq)]
struct NotCounted;

impl Counter {
    fn apply(&mut self, event: &Grouped) {
        self.note.clone_from(&event.note);
    }

    fn count(&self, command: &Count) -> Result<Grouped, NotCounted> {
        if self.note == "no" {
            return Err(NotCounted);
        }
        Ok(Grouped {
            thing: command.thing,
            more: vec![ThingId(2)],
            other: Some(ThingId(3)),
            note: "no".into(),
        })
    }
}

fn recount(
    (counter, more, other): (&Counter, &[Arc<Counter>], &Option<Arc<Counter>>),
    _: &Recount,
) -> Result<(), NotCounted> {
    if counter.thing.0 as usize == more.len() && other.is_none() { Ok(()) } else { Err(NotCounted) }
}

impl Row {
    fn apply(&mut self, event: &Grouped) {
        self.note.clone_from(&event.note);
        self.count = event.other;
    }
}

#[test]
fn types_from_macro_rules_are_seen_as_what_they_are() {
    let thing = ThingId(1);
    let counted = decide((), Count { thing });
    assert_eq!(
        counted.events(),
        [r#"grouped.counted v1 {"thing":1,"more":[2],"other":3,"note":"no"} [thing:1 thing:2 thing:3]"#]
    );
    let event = || Grouped { thing, more: Vec::new(), other: None, note: "no".into() };
    assert_eq!(decide(event(), Count { thing }).error(), NotCounted);
    assert!(decide((), Recount { thing, more: vec![thing], other: None }).events().is_empty());
    given(event()).project::<Row>().row(&thing).eq(Row { thing, note: "no".into(), count: None });
    const fn is_query<Q: Query>(_: &Q) {}
    // An optional condition: with a column that may be NULL it would not compile otherwise.
    is_query(&Find { note: None, count: None });
}

/// Raw identifiers for items, variants, fields, modules and functions.
mod r#mod {
    use annalist::prelude::*;

    #[derive(Id, Clone, Copy, Debug, PartialEq, Eq, Hash)]
    #[allow(non_camel_case_types, reason = "a keyword")]
    pub(super) struct r#struct(pub(super) u32);

    #[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
    #[event(prefix = "raw")]
    #[allow(non_camel_case_types, reason = "a keyword")]
    pub(super) enum r#enum {
        r#Made {
            #[id]
            r#type: r#struct,
        },
        r#async,
        r#dyn(r#fn),
    }

    #[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
    #[event(name = "raw.fn")]
    #[allow(non_camel_case_types, reason = "a keyword")]
    pub(super) struct r#fn;

    #[derive(Aggregate, Debug)]
    #[aggregate(on(r#enum => r#type::r#match))]
    #[allow(non_camel_case_types, reason = "a keyword")]
    pub(super) struct r#type {
        #[id]
        r#struct: r#struct,
        r#in: u32,
    }

    impl r#type {
        fn r#match(&mut self, _: &r#enum) {
            self.r#in += 1;
        }

        pub(super) fn r#move(&self, command: &r#trait) -> r#enum {
            assert_eq!(self.r#struct, command.r#ref);
            r#enum::Made { r#type: command.r#ref }
        }
    }

    #[derive(Command, Serialize)]
    #[command(decide = r#move)]
    #[allow(non_camel_case_types, reason = "a keyword")]
    pub(super) struct r#trait {
        #[id(r#type)]
        pub(super) r#ref: r#struct,
    }

    fn r#move(state: &r#type, command: &r#trait) -> r#enum {
        state.r#move(command)
    }

    #[derive(Command)]
    #[allow(non_camel_case_types, reason = "a keyword")]
    pub(super) enum r#impl {
        r#trait(r#trait),
    }

    #[derive(Projection, Clone, Debug, PartialEq)]
    #[projection(name = "raw", on(r#enum => r#while::r#loop))]
    #[allow(non_camel_case_types, reason = "a keyword")]
    pub(super) struct r#while {
        #[key]
        pub(super) r#struct: r#struct,
        #[index]
        pub(super) r#else: i64,
    }

    impl r#while {
        fn r#loop(&mut self, _: &r#enum) {
            self.r#else += 1;
        }
    }

    #[derive(Query)]
    #[query(from = r#while, order = r#else)]
    #[allow(non_camel_case_types, reason = "a keyword")]
    pub(super) struct r#for {
        #[equal(r#else)]
        pub(super) r#if: Option<i64>,
    }

    #[derive(Policy)]
    #[policy(name = "raw_policy", from = now, on_reject = stop, on(r#enum => r#static::r#const))]
    #[allow(non_camel_case_types, reason = "a keyword")]
    pub(super) struct r#static;

    impl r#static {
        fn r#const(&self, _: &r#enum) {}
    }
}

#[test]
fn raw_identifiers_are_stored_without_their_prefix() {
    let id = r#mod::r#struct(7);
    let made = decide((), r#mod::r#impl::r#trait(r#mod::r#trait { r#ref: id })).events();
    assert_eq!(made, [r#"raw.made v1 {"type":7} [struct:7]"#]);
    let events = [r#mod::r#enum::r#async, r#mod::r#enum::r#dyn(r#mod::r#fn)];
    assert_eq!(
        written(events).iter().map(draft_text).collect::<Vec<_>>(),
        ["raw.async v1 {} []", "raw.fn v1 {} []"]
    );
    let made = r#mod::r#enum::Made { r#type: id };
    let row = r#mod::r#while { r#struct: id, r#else: 1 };
    given(made).project::<r#mod::r#while>().row(&id).eq(row);
    const fn is_query<Q: Query>(_: &Q) {}
    is_query(&r#mod::r#for { r#if: None });
    const fn is_policy<P: Policy>(_: &P) {}
    is_policy(&r#mod::r#static);
}
