//! Derived code does not call the methods of a user's blanket traits: a trait that is implemented for every type, and that has
//! a method for every name that derived code calls.

#![allow(missing_docs, reason = "a test has no documentation to read")]

use annalist::{Aggregate, Command, Event, Field, Id, Policy, Projection, Query, query::Cursor};
use serde::{Deserialize, Serialize};

macro_rules! blanket {
    ($($name:ident)*) => {
        /// By value, so that the compiler finds it before a method that takes a reference.
        #[allow(dead_code, clippy::wrong_self_convention, clippy::should_implement_trait, reason = "only the names matter")]
        trait Blanket: Sized {
            $(fn $name(self) -> Self {
                self
            })*
        }

        impl<T> Blanket for T {}

        /// The names of its methods.
        const NAMES: &[&str] = &[$(stringify!($name)),*];
    };
}

blanket! {
    add add_command add_reaction add_tags add_unknown aggregate_overlaps aliases answer as_inner by by_ids by_ids_in_context by_in_context check_comparison check_equal
    check_key check_order check_prefix check_range clone collect_tags compare contains convert decide_0 decide_1 decide_2
    decide_4 decision declare debug_text decode_as decode_raw decode_struct decode_unit decode_variant decode_wrapped descending deserialize dispatch each
    carries_ids_of encode_payload encode_struct encode_unit encode_variant entry_reaches entry_reaches_row event_type
    events_in filter_some find finish fmt fold fold_in_context fold_into_each fold_record forward from from_inner in_context from_row from_str
    from_value handler id_field ids initial initial_value is_retired last_step limit load load_only made_from map min new of of_field of_unit of_variant one_of order_by pin
    plan_record policy_overlaps prefix prefix_ignore_ascii_case projection_overlaps put put_secret reaches_row react_to_record read_secret_id retired route row rows run same schema serialize step stored_type
    subject take take_secret to_row to_value unknown_type update use_handler variant_from_value variant_overlaps variant_to_value variant_type
    version with_ids with_schema with_steps write_secret_id write_str
}

#[derive(Id, Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct ShelfId(u32);

#[derive(Field, Clone, Debug, Default, PartialEq)]
enum Kind {
    #[default]
    Wide,
    Narrow,
}

#[derive(Field, Clone, Debug, Default, PartialEq)]
struct Books(i64);

#[derive(Event, Serialize, Deserialize)]
#[event(prefix = "shelf")]
enum ShelfEvent {
    Filled {
        #[id]
        shelf: ShelfId,
        #[id(with = others)]
        others: Vec<u32>,
    },
    Emptied,
    Moved(Moved),
    Boxed(Box<Swept>),
}

fn others(others: &Vec<u32>) -> Vec<ShelfId> {
    let mut ids = Vec::<ShelfId>::new();
    for other in others {
        Vec::push(&mut ids, ShelfId(*other));
    }
    ids
}

#[derive(Event, Serialize, Deserialize)]
#[event(
    name = "shelf.was-moved",
    alias = "shelf.shifted",
    version = 4,
    upcast(1 => first_step, 2 => _, 3 => last_step),
    from(Carried => moved_from),
    context
)]
struct Moved {
    #[id]
    shelf: ShelfId,
}

fn first_step(old: u32, _: &annalist::Context<'_>) -> (u32,) {
    (old,)
}

fn last_step((old,): (u32,), _: &annalist::Context<'_>) -> Moved {
    Moved { shelf: ShelfId(old) }
}

fn moved_from(old: Carried, _: &annalist::Context<'_>) -> Moved {
    Moved { shelf: old.shelf }
}

#[derive(Event, Serialize, Deserialize)]
#[event(retired)]
struct Carried {
    #[id]
    shelf: ShelfId,
}

#[derive(Event, Serialize, Deserialize)]
struct Swept;

#[derive(Aggregate, Debug, Serialize, Deserialize)]
#[aggregate(on(ShelfEvent => Shelf::apply), snapshot(every = 10))]
struct Shelf {
    #[id]
    id: ShelfId,
    count: u32,
}

impl Shelf {
    fn apply(&mut self, _: &ShelfEvent) {
        self.count += 1;
    }

    fn fill(&self, command: &Fill) -> ShelfEvent {
        ShelfEvent::Filled { shelf: command.shelf, others: vec![self.count] }
    }
}

#[derive(Aggregate, Debug)]
#[aggregate(on(Moved => Movements::moved, Swept => swept), context)]
struct Movements {
    count: u32,
}

impl Movements {
    fn moved(&mut self, _: &Moved, _: &annalist::Context<'_>) {
        self.count += 1;
    }
}

fn swept(_: &mut Movements, _: &Swept, _: &annalist::Context<'_>) {}

#[derive(Command, Serialize)]
#[command(decide = Shelf::fill)]
struct Fill {
    #[id]
    shelf: ShelfId,
}

#[derive(Command, Serialize)]
#[command(decide = empty, state(Movements), error = String, context)]
struct Empty {
    #[id(Shelf)]
    shelf: ShelfId,
}

fn empty(
    (shelf, movements): (&Shelf, &Movements),
    command: &Empty,
    _: &annalist::Context<'_>,
) -> Result<ShelfEvent, String> {
    if shelf.id == command.shelf && movements.count == 0 {
        Ok(ShelfEvent::Emptied)
    } else {
        Err("moved".to_owned())
    }
}

#[derive(Command, Serialize)]
#[command(decide = Sweep::decide)]
struct Sweep;

impl Sweep {
    fn decide(&self) -> (ShelfEvent, ShelfEvent) {
        (ShelfEvent::Boxed(Box::new(Swept)), ShelfEvent::Moved(Moved { shelf: ShelfId(1) }))
    }
}

#[derive(Command)]
#[command(error = String)]
enum ShelfCommand {
    Fill(Fill),
    Empty(Empty),
    Sweep(Box<Sweep>),
}

#[derive(Projection, Clone, Debug, PartialEq)]
#[projection(name = "shelves", on(ShelfEvent => ShelfRow::apply, Opened => ShelfRow::open by opened))]
struct ShelfRow {
    #[key]
    shelf: ShelfId,
    #[index]
    name: String,
    #[index]
    count: i64,
    kind: Kind,
    books: Books,
    #[json]
    list: Vec<u32>,
}

impl ShelfRow {
    fn apply(&mut self, _: &ShelfEvent) {
        self.count += 1;
    }

    fn open(&mut self, _: &Opened) {
        self.kind = Kind::Narrow;
    }
}

#[derive(Event)]
#[event(name = "shelf.was-opened")]
struct Opened;

fn opened(_: &Opened) -> Option<ShelfId> {
    None
}

#[derive(Query)]
#[query(from = ShelfRow)]
struct ShelfOf {
    #[key]
    shelf: ShelfId,
}

#[derive(Query)]
#[query(from = ShelfRow, order = count, descending, limit = 10)]
struct Shelves {
    #[equal]
    name: Option<String>,
    #[prefix(name)]
    start: String,
    #[above]
    count: i64,
    #[limit]
    limit: Option<usize>,
    #[cursor]
    cursor: Option<Cursor>,
}

#[derive(Policy)]
#[policy(name = "sweeper", from = now, on_reject = ignore, context, on(ShelfEvent => Sweeper::react))]
struct Sweeper;

impl Sweeper {
    fn react(&self, _: &ShelfEvent, _: &annalist::Context<'_>) -> Sweep {
        Sweep
    }
}

/// Without the blanket trait in scope.
mod tests {
    use std::collections::BTreeSet;

    use annalist::{Policy, Query, testing::given};
    use annalist_ui_tests::decide;

    use super::{
        Empty, Fill, NAMES, ShelfCommand, ShelfEvent, ShelfId, ShelfOf, ShelfRow, Shelves, Sweep, Sweeper,
    };

    #[test]
    fn derived_code_calls_its_own_functions() {
        let shelf = ShelfId(1);
        let filled = decide((), ShelfCommand::Fill(Fill { shelf })).events();
        assert_eq!(filled, [r#"shelf.filled v1 {"shelf":1,"others":[0]} [shelf:0 shelf:1]"#]);
        let emptied = decide((), ShelfCommand::Empty(Empty { shelf })).events();
        assert_eq!(emptied, ["shelf.emptied v1 {} []"]);
        let swept = decide((), ShelfCommand::Sweep(Box::new(Sweep))).events();
        assert_eq!(swept, ["swept v1 {} []", r#"shelf.was-moved v4 {"shelf":1} [shelf:1]"#]);
        let filled = ShelfEvent::Filled { shelf, others: Vec::new() };
        let (kind, books) = (crate::Kind::Wide, crate::Books(0));
        let row = ShelfRow { shelf, name: String::new(), count: 1, kind, books, list: Vec::new() };
        let _ = given([filled]).project::<ShelfRow>().row(&shelf).eq(row);
        const fn is_query<Q: Query>(_: &Q) {}
        is_query(&ShelfOf { shelf });
        is_query(&Shelves { name: None, start: String::new(), count: 0, limit: None, cursor: None });
        const fn is_policy<P: Policy>(_: &P) {}
        is_policy(&Sweeper);
    }

    /// The names that generated code calls, in the expansions of all derives: names in front of parentheses, and all that follow a
    /// dot. Names that start with `__annalist` are reserved.
    #[test]
    fn blanket_trait_has_every_name_that_derived_code_calls() {
        let expansions = concat!(env!("CARGO_MANIFEST_DIR"), "/../../macros/expansions");
        let mut called = BTreeSet::new();
        for file in std::fs::read_dir(expansions).unwrap() {
            let source = std::fs::read_to_string(file.unwrap().path()).unwrap();
            let (_, generated) = source.split_once("const _: () = {").unwrap();
            let is_name = |c: char| c.is_alphanumeric() || c == '_';
            for (at, _) in generated.match_indices('(') {
                let before = generated[..at].trim_end();
                // Skips the type arguments of `forward::<…>(…)`.
                let before = before
                    .rsplit_once("::<")
                    .filter(|_| before.ends_with('>'))
                    .map_or(before, |(name, _)| name);
                let start = before.rfind(|c: char| !is_name(c)).map_or(0, |at| at + 1);
                called.insert(before[start..].to_owned());
            }
        }
        // Functions and types of the user in the expansions, keywords, and constructors.
        let user = [
            "accounts", "apply", "charge", "deposit", "freeze", "key", "key_of", "place", "products",
            "react", "rename", "reset", "sold",
        ];
        let words = ["const", "const_", "fn", "for", "if", "in", "match", "move", "mut", "use"];
        let missing: Vec<_> = called
            .iter()
            .filter(|name| name.starts_with(|c: char| c.is_lowercase()))
            .filter(|name| {
                !NAMES.contains(&name.as_str())
                    && !words.contains(&name.as_str())
                    && !user.contains(&name.as_str())
            })
            .collect();
        assert!(missing.is_empty(), "add these names to the blanket trait: {missing:?}");
        assert!(called.contains("put") && called.contains("decide_1"), "{called:?}");
    }
}
