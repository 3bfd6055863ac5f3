//! The `Field` derive: enums and newtypes as columns, keys and indexes, and in queries.

#![allow(missing_docs, reason = "a test has no documentation to read")]
#![allow(clippy::unwrap_used)] // in the helpers too

use std::fmt::Debug;

use annalist::{
    Memory,
    prelude::*,
    projection::{ColumnType, Value},
    testing::given,
};

#[derive(Field, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Plain {
    #[default]
    Open,
    #[field(name = "für immer geschlossen")]
    ClosedForGood,
    r#In,
}

/// The names of variants under each `rename_all`, and the JSON of serde.
macro_rules! renamed {
    ($($name:ident $rename:literal,)*) => {
        $(#[derive(Field, Serialize, Clone, Copy, Debug, PartialEq)]
        #[field(rename_all = $rename)]
        #[serde(rename_all = $rename)]
        enum $name {
            Open,
            VeryOk,
            HTTPCall,
            With2Digits,
            Snake_Case,
        })*

        #[test]
        fn renamed_variants_have_the_texts_of_serde() {
            $(for variant in [$name::Open, $name::VeryOk, $name::HTTPCall, $name::With2Digits, $name::Snake_Case] {
                let Value::Text(text) = variant.to_value().unwrap() else { panic!("not a text") };
                assert_eq!(serde_json::to_value(variant).unwrap(), text, "{variant:?} of {}", $rename);
                assert_eq!($name::from_value(Value::Text(text)).unwrap(), variant);
            })*
        }
    };
}

#[allow(
    non_camel_case_types,
    clippy::upper_case_acronyms,
    clippy::enum_variant_names,
    reason = "serde has a rule for them too"
)]
mod names {
    use annalist::{Field, projection::Value};
    use serde::Serialize;

    renamed! {
        Pascal "PascalCase",
        Lower "lowercase",
        Upper "UPPERCASE",
        Camel "camelCase",
        Snake "snake_case",
        ScreamingSnake "SCREAMING_SNAKE_CASE",
        Kebab "kebab-case",
        ScreamingKebab "SCREAMING-KEBAB-CASE",
    }
}

#[derive(Field, Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Cents(i64);

/// A newtype around a newtype, with a type parameter.
#[derive(Field, Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Checked<T>(T)
where
    T: Debug;

#[derive(Id, Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct AccountId(u32);

/// An id as a value: its column has the type of the id.
#[derive(Field, Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Parent(AccountId);

#[track_caller]
fn both_ways<F: Field + PartialEq + Debug>(field: F, stored: Value) {
    assert_eq!(field.to_value().unwrap(), stored);
    assert_eq!(F::from_value(stored).unwrap(), field);
}

#[test]
fn derived_fields_are_read_back_unchanged() {
    let text = |text: &str| Value::Text(text.to_owned());
    both_ways(Plain::Open, text("Open"));
    both_ways(Plain::ClosedForGood, text("für immer geschlossen"));
    both_ways(Plain::In, text("In"));
    both_ways(Cents(-5), Value::Int(-5));
    both_ways(Checked(Cents(7)), Value::Int(7));
    both_ways(Checked("a\0".to_owned()), text("a\u{2400}"));
    both_ways(Some(Plain::In), text("In"));
    both_ways(None::<Cents>, Value::Null);
    both_ways(Parent(AccountId(3)), Value::Int(3));
    assert_eq!((Plain::TYPE, Checked::<Cents>::TYPE), (ColumnType::Text, ColumnType::Int));
    assert!(Cents::from_value(text("5")).is_err());
}

#[test]
fn unknown_stored_text_is_an_error_that_names_it() {
    let error = Plain::from_value(Value::Text("Shut".to_owned())).unwrap_err().to_string();
    assert!(error.contains("\"Shut\"") && error.contains("`Plain`") && error.contains("`In`"), "{error}");
}

#[derive(Event, Serialize, Deserialize, Clone, Debug)]
struct Booked {
    #[id]
    account: AccountId,
    plain: Plain,
    cents: i64,
}

/// Every account and state has a row.
#[derive(Projection, Clone, Debug, PartialEq)]
#[projection(name = "totals", on(Booked => Self::book by key_of))]
struct Total {
    #[key]
    plain: Plain,
    #[key]
    of: Checked<Cents>,
    #[index]
    last: Option<Plain>,
    #[index]
    cents: Cents,
}

fn key_of(event: &Booked) -> (Plain, Checked<Cents>) {
    (event.plain, Checked(Cents(i64::from(event.account.0))))
}

impl Total {
    fn book(&mut self, event: &Booked) {
        self.last = Some(event.plain);
        self.cents.0 += event.cents;
    }
}

fn booked(account: u32, plain: Plain, cents: i64) -> Booked {
    Booked { account: AccountId(account), plain, cents }
}

#[test]
fn enums_and_newtypes_are_keys_and_columns() {
    let events = [booked(1, Plain::Open, 5), booked(1, Plain::In, 7), booked(1, Plain::Open, 6)];
    given(events).project::<Total>().row(&(Plain::Open, Checked(Cents(1)))).eq(Total {
        plain: Plain::Open,
        of: Checked(Cents(1)),
        last: Some(Plain::Open),
        cents: Cents(11),
    });
}

#[derive(Command, Serialize)]
#[command(decide = book)]
struct Book {
    booked: Booked,
}

fn book(command: &Book) -> Booked {
    command.booked.clone()
}

#[derive(Query)]
#[query(from = Total, order = cents, descending)]
struct Totals {
    #[equal]
    plain: Option<Plain>,
    #[equal(last)]
    last: Option<Option<Plain>>,
    #[at_least(cents)]
    from: Cents,
}

#[derive(Query)]
#[query(from = Total)]
struct TotalOf {
    #[key]
    plain: Plain,
    #[key]
    of: Checked<Cents>,
}

#[tokio::test]
async fn enums_and_newtypes_are_compared_in_queries() {
    let app = App::builder(Memory::new()).projection::<Total>().start().await.unwrap();
    for booked in [booked(1, Plain::Open, 5), booked(2, Plain::Open, 9), booked(3, Plain::In, 7)] {
        app.execute(Book { booked }).await.unwrap();
    }
    app.wait_until_caught_up().await.unwrap();
    let cents = |rows: Vec<Total>| rows.into_iter().map(|row| row.cents.0).collect::<Vec<_>>();
    let ask = |plain, last, from| app.ask(Totals { plain, last, from: Cents(from) });
    assert_eq!(cents(ask(Some(Plain::Open), None, 0).await.unwrap().rows), [9, 5]);
    assert_eq!(cents(ask(None, Some(Some(Plain::In)), 0).await.unwrap().rows), [7]);
    assert_eq!(cents(ask(None, None, 6).await.unwrap().rows), [9, 7]);
    assert!(ask(None, Some(None), 0).await.unwrap().rows.is_empty());
    let row = app.ask(TotalOf { plain: Plain::In, of: Checked(Cents(3)) }).await.unwrap();
    assert_eq!(row.unwrap().cents, Cents(7));
    let list = app.list::<Total>().equal("plain", &Plain::Open).range("cents", Cents(6)..).order_by("plain");
    assert_eq!(cents(list.await.unwrap().rows), [9]);
}
