//! Snapshots are used only by the code that saved them: names have one owner, and types inside of a state have not changed.
#![allow(clippy::unwrap_used)] // in the helpers too

use std::sync::Arc;

use annalist::{App, prelude::*};
use annalist_flow_tests::faulty_store::FaultyStore;

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
struct OrderId(String);

fn order() -> OrderId {
    OrderId("o".to_owned())
}

#[derive(Event, Serialize, Deserialize)]
#[event(name = "order.ordered")]
struct Ordered {
    #[id]
    order: OrderId,
    cents: i64,
    #[serde(default)]
    discount: i64,
}

/// A state with a command that appends the event, in a module of its own.
macro_rules! counter {
    ($module:ident, $($snapshot:tt)*) => {
        mod $module {
            use super::*;

            #[derive(Aggregate, Serialize, Deserialize, Debug)]
            #[aggregate(on(Ordered => Counter::apply), snapshot($($snapshot)*))]
            pub(super) struct Counter {
                #[id]
                pub(super) order: OrderId,
                pub(super) number: i64,
            }

            #[derive(Command, Serialize, Deserialize)]
            #[command(decide = Counter::order)]
            pub(super) struct Order {
                #[id]
                pub(super) order: OrderId,
                pub(super) cents: i64,
            }

            impl Counter {
                fn order(&self, command: &Order) -> Ordered {
                    Ordered { order: command.order.clone(), cents: command.cents, discount: 10 }
                }
            }
        }
    };
}

counter!(sums, every = 1);
counter!(maxes, every = 1);
counter!(named, every = 1, name = "order sums");

impl sums::Counter {
    fn apply(&mut self, event: &Ordered) {
        self.number += event.cents;
    }
}

impl maxes::Counter {
    fn apply(&mut self, event: &Ordered) {
        self.number = self.number.max(event.cents);
    }
}

impl named::Counter {
    fn apply(&mut self, event: &Ordered) {
        self.number += event.cents;
    }
}

async fn app(store: &Arc<FaultyStore>) -> App {
    App::builder(Arc::clone(store)).state_cache_capacity(0).start().await.unwrap()
}

/// Lets the background task save a snapshot.
async fn settle() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

fn saved_names(store: &FaultyStore) -> Vec<&'static str> {
    store.snapshots.lock().unwrap().iter().map(|(key, _)| key.aggregate).collect()
}

#[tokio::test]
async fn two_aggregates_with_one_snapshot_name_are_refused_and_both_types_named() {
    let store = Arc::new(FaultyStore::new([]));
    let app = app(&store).await;
    app.execute(sums::Order { order: order(), cents: 7 }).await.unwrap();
    let by_command = app.execute(maxes::Order { order: order(), cents: 5 }).await.unwrap_err().to_string();
    let by_load = app.load::<maxes::Counter>(&order()).await.unwrap_err().to_string();
    for error in [by_command, by_load] {
        for part in ["the snapshot name `Counter`", "sums::Counter", "maxes::Counter", "name = \"…\""] {
            assert!(error.contains(part), "the error must contain {part:?}: {error}");
        }
    }
    app.execute(sums::Order { order: order(), cents: 7 }).await.unwrap();
}

/// Each program alone has only one of the types.
#[tokio::test]
async fn aggregates_of_one_name_in_two_programs_do_not_use_each_others_snapshots() {
    let store = Arc::new(FaultyStore::new([]));
    for cents in [7, 5] {
        app(&store).await.execute(sums::Order { order: order(), cents }).await.unwrap();
        settle().await;
    }
    assert_eq!(saved_names(&store).first(), Some(&"Counter"));
    assert_eq!(app(&store).await.load::<sums::Counter>(&order()).await.unwrap().number, 12);
    assert_eq!(app(&store).await.load::<maxes::Counter>(&order()).await.unwrap().number, 7);
}

#[tokio::test]
async fn explicit_name_is_the_stored_one() {
    let store = Arc::new(FaultyStore::new([]));
    let app = app(&store).await;
    app.execute(sums::Order { order: order(), cents: 7 }).await.unwrap();
    app.execute(named::Order { order: order(), cents: 5 }).await.unwrap();
    settle().await;
    assert!(saved_names(&store).contains(&"order sums"), "{:?}", saved_names(&store));
    assert_eq!(app.load::<named::Counter>(&order()).await.unwrap().number, 12);
}

trait Rule: Send + Sync + 'static {
    const NAME: &'static str;

    fn fold(number: i64, cents: i64) -> i64;
}

/// A generic state, with a name for each instance.
#[derive(Aggregate, Serialize, Deserialize, Debug)]
#[serde(bound = "")]
#[aggregate(on(Ordered => Folded::<R>::apply), snapshot(every = 1, name = R::NAME))]
struct Folded<R: Rule> {
    #[id]
    order: OrderId,
    number: i64,
    rule: std::marker::PhantomData<R>,
}

impl<R: Rule> Folded<R> {
    fn apply(&mut self, event: &Ordered) {
        self.number = R::fold(self.number, event.cents);
    }
}

/// The same without names: both instances have that of the type.
#[derive(Aggregate, Serialize, Deserialize, Debug)]
#[serde(bound = "")]
#[aggregate(on(Ordered => Unnamed::<R>::apply), snapshot(every = 1))]
struct Unnamed<R: Rule> {
    #[id]
    order: OrderId,
    number: i64,
    rule: std::marker::PhantomData<R>,
}

impl<R: Rule> Unnamed<R> {
    fn apply(&mut self, event: &Ordered) {
        self.number = R::fold(self.number, event.cents);
    }
}

#[derive(Debug)]
struct Sum;

impl Rule for Sum {
    const NAME: &'static str = "sum";

    fn fold(number: i64, cents: i64) -> i64 {
        number + cents
    }
}

#[derive(Debug)]
struct Max;

impl Rule for Max {
    const NAME: &'static str = "max";

    fn fold(number: i64, cents: i64) -> i64 {
        number.max(cents)
    }
}

#[derive(Command, Serialize, Deserialize)]
#[command(decide = compare)]
struct Compare {
    #[id(Folded<Sum>, Folded<Max>)]
    order: OrderId,
    cents: i64,
}

fn compare((_, _): (&Folded<Sum>, &Folded<Max>), command: &Compare) -> Ordered {
    Ordered { order: command.order.clone(), cents: command.cents, discount: 0 }
}

#[tokio::test]
async fn instances_of_a_generic_aggregate_have_names_of_their_own() {
    let store = Arc::new(FaultyStore::new([]));
    let app = app(&store).await;
    for cents in [7, 5] {
        app.execute(Compare { order: order(), cents }).await.unwrap();
        settle().await;
    }
    assert!(
        ["sum", "max"].iter().all(|name| saved_names(&store).contains(name)),
        "{:?}",
        saved_names(&store)
    );
    assert_eq!(app.load::<Folded<Sum>>(&order()).await.unwrap().number, 12);
    assert_eq!(app.load::<Folded<Max>>(&order()).await.unwrap().number, 7);

    app.load::<Unnamed<Sum>>(&order()).await.unwrap();
    let error = app.load::<Unnamed<Max>>(&order()).await.unwrap_err().to_string();
    assert!(
        error.contains("Sum>") && error.contains("Max>") && error.contains("`name = T::NAME`"),
        "{error}"
    );
}

/// The lines of an order, whose type differs from program to program.
macro_rules! lines {
    ($module:ident, $sum:expr, { $($field:tt)* }, { $($value:tt)* }) => {
        mod $module {
            use super::*;

            #[derive(Serialize, Deserialize, Clone, Debug)]
            pub(super) struct Line {
                pub(super) cents: i64,
                $($field)*
            }

            #[derive(Aggregate, Serialize, Deserialize, Debug)]
            #[aggregate(on(Ordered => Lines::apply), snapshot(every = 1, name = "lines"))]
            pub(super) struct Lines {
                #[id]
                order: OrderId,
                lines: Vec<Line>,
            }

            impl Lines {
                fn apply(&mut self, event: &Ordered) {
                    let _ = event.discount;
                    self.lines.push(Line { cents: event.cents, $($value)* });
                }

                pub(super) fn sum(&self) -> i64 {
                    self.lines.iter().map($sum).sum()
                }
            }
        }
    };
}

lines!(before, |line: &Line| line.cents, {}, {});
lines!(same, |line: &Line| line.cents, {}, {});
lines!(defaulted, |line: &Line| line.discount, { #[serde(default)] pub(super) discount: i64, }, { discount: 10, });
lines!(skipped, |line: &Line| line.discount.unwrap_or_default(), {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) discount: Option<i64>,
}, { discount: Some(10), });

#[derive(Command, Serialize, Deserialize)]
#[command(decide = add_line)]
struct AddLine {
    #[id(before::Lines)]
    order: OrderId,
    cents: i64,
}

fn add_line(_: &before::Lines, command: &AddLine) -> Ordered {
    Ordered { order: command.order.clone(), cents: command.cents, discount: 10 }
}

/// Saves a snapshot of three lines with the types of before, and returns the sum that another program loads, whose state has the same
/// fields by name.
macro_rules! sum_of {
    ($module:ident) => {{
        let store = Arc::new(FaultyStore::new([]));
        for _ in 0..3 {
            app(&store).await.execute(AddLine { order: order(), cents: 1 }).await.unwrap();
            settle().await;
        }
        let fingerprint =
            |snapshots: Option<annalist::raw::aggregate::Snapshots<_>>| snapshots.unwrap().fingerprint();
        // The module of a type is part of the fingerprint: as if it were the same.
        let fingerprint = fingerprint(<$module::Lines as Aggregate>::SNAPSHOTS);
        store.snapshots.lock().unwrap().iter_mut().for_each(|(key, _)| key.fingerprint = fingerprint);
        let records = || store.records.load(std::sync::atomic::Ordering::SeqCst);
        let before = records();
        let sum = app(&store).await.load::<$module::Lines>(&order()).await.unwrap().sum();
        (sum, records() - before)
    }};
}

#[tokio::test]
async fn snapshot_of_the_same_types_is_used() {
    assert_eq!(sum_of!(before), (3, 0));
    assert_eq!(sum_of!(same), (3, 0));
}

#[tokio::test]
async fn snapshot_with_a_changed_nested_type_is_ignored() {
    assert_eq!(sum_of!(defaulted), (30, 3));
    assert_eq!(sum_of!(skipped), (30, 3));
}
