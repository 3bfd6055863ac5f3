//! The work of commands over many aggregates, and of commands on one aggregate whose id is in a field of any shape. The work is
//! counted, not timed.
#![allow(clippy::unwrap_used)] // in the helpers too

use std::{cell::Cell, collections::BTreeMap, sync::Arc};

use allocation_counter::measure;
use annalist::{App, Memory, prelude::*};
use serde::Deserializer;
use tokio::runtime::{self, Runtime};

thread_local! {
    /// The number of events that were decoded, and that were folded into a state.
    static DECODED: Cell<usize> = const { Cell::new(0) };
    static FOLDED: Cell<usize> = const { Cell::new(0) };
}

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
struct ItemId(u32);

/// Names all counted items.
#[derive(Event, Serialize, Deserialize, Clone, Debug)]
#[event(name = "counted")]
struct Counted {
    #[id]
    items: Vec<ItemId>,
    seen: Decoded,
}

/// What the decision saw: the sum of the counts. Counts how often it is decoded.
#[derive(Serialize, Clone, Debug, PartialEq)]
struct Decoded(u32);

impl<'de> Deserialize<'de> for Decoded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        DECODED.set(DECODED.get() + 1);
        u32::deserialize(deserializer).map(Self)
    }
}

#[derive(Aggregate)]
#[aggregate(on(Counted => Item::counted))]
struct Item {
    #[id]
    id: ItemId,
    count: u32,
}

impl Item {
    fn counted(&mut self, _: &Counted) {
        FOLDED.set(FOLDED.get() + 1);
        self.count += 1;
    }

    fn one(&self, command: &CountOne) -> Counted {
        counted([self], vec![command.item.clone()])
    }
}

fn counted<'a>(items: impl IntoIterator<Item = &'a Item>, named: Vec<ItemId>) -> Counted {
    Counted { items: named, seen: Decoded(items.into_iter().map(|item| item.count).sum()) }
}

#[derive(Command, Serialize)]
#[command(decide = Item::one)]
struct CountOne {
    #[id]
    item: ItemId,
}

#[derive(Command, Serialize)]
#[command(decide = count_maybe)]
struct CountMaybe {
    #[id(Item)]
    item: Option<ItemId>,
}

fn count_maybe(item: &Option<Arc<Item>>, command: &CountMaybe) -> Counted {
    counted(item.as_deref(), command.item.iter().cloned().collect())
}

/// Counts all items, with one event for all or one for each.
#[derive(Command, Serialize)]
#[command(decide = count_all)]
struct CountAll {
    #[id(Item)]
    items: Vec<ItemId>,
    one_event: bool,
}

fn count_all(items: &[Arc<Item>], command: &CountAll) -> Vec<Counted> {
    match command.one_event {
        true => vec![counted(items.iter().map(AsRef::as_ref), command.items.clone())],
        false => items.iter().map(|item| counted([&**item], vec![item.id.clone()])).collect(),
    }
}

/// A runtime of one thread: only the work of the thread of the test is counted.
fn on_one_thread() -> Runtime {
    runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

async fn app(store: &Memory) -> App {
    App::builder(store.clone()).start().await.unwrap()
}

/// The state of an aggregate is cached, whatever the shape of the field with its id: a command folds its own event, and no others.
#[test]
fn commands_on_one_aggregate_fold_each_event_once_for_every_shape_of_field() {
    const COMMANDS: usize = 400;
    on_one_thread().block_on(async {
        for shape in 0..3 {
            let app = app(&Memory::new()).await;
            FOLDED.set(0);
            for _ in 0..COMMANDS {
                let item = ItemId(1);
                match shape {
                    0 => app.execute(CountOne { item }).await.unwrap(),
                    1 => app.execute(CountMaybe { item: Some(item) }).await.unwrap(),
                    _ => app.execute(CountAll { items: vec![item], one_event: true }).await.unwrap(),
                };
            }
            let folded = FOLDED.get();
            assert_eq!(app.load::<Item>(&ItemId(1)).await.unwrap().count as usize, COMMANDS);
            assert!(folded <= COMMANDS + 5, "shape {shape}: {folded} events folded");
        }
    });
}

/// The work of commands over a number of items.
#[derive(Clone, Copy, Debug, Default)]
struct Work {
    decoded: usize,
    folded: usize,
    allocations: u64,
    bytes: u64,
}

fn count_work(commands: impl FnOnce()) -> Work {
    let (decoded, folded) = (DECODED.get(), FOLDED.get());
    let used = measure(commands);
    Work {
        decoded: DECODED.get() - decoded,
        folded: FOLDED.get() - folded,
        allocations: used.count_total,
        bytes: used.bytes_total,
    }
}

/// The work of a command over new items, over cached ones, over items that another app has changed, and of an app that has cached
/// none.
fn work_over(items: u32, one_event: bool) -> BTreeMap<&'static str, Work> {
    let runtime = on_one_thread();
    let store = Memory::new();
    let (one, other) = runtime.block_on(async { (app(&store).await, app(&store).await) });
    let execute = |app: &App| {
        let items = (0..items).map(ItemId).collect();
        count_work(|| {
            runtime.block_on(app.execute(CountAll { items, one_event }).into_future()).unwrap();
        })
    };
    let work = BTreeMap::from([
        ("new", execute(&one)),
        ("cached", execute(&one)),
        ("not cached", execute(&other)),
        ("changed", execute(&one)),
    ]);
    let count = runtime.block_on(one.load::<Item>(&ItemId(items - 1)).into_future()).unwrap().count;
    assert_eq!(count, 4);
    work
}

/// Eight times the items need about eight times the work, and events that name all of them are decoded as often as for few.
#[test]
fn work_of_a_wide_command_grows_with_the_number_of_its_aggregates() {
    const FEW: u32 = 500;
    const TIMES: u32 = 8;
    for one_event in [true, false] {
        let (few, many) = (work_over(FEW, one_event), work_over(FEW * TIMES, one_event));
        for (case, few) in few {
            let many = many[case];
            let (max, at_most) = (u64::from(TIMES) * 5 / 4, if one_event { 1 } else { TIMES as usize });
            let is_linear = many.allocations <= few.allocations * max
                && many.bytes <= few.bytes * max
                && many.folded <= few.folded * TIMES as usize
                && many.decoded <= few.decoded * at_most;
            assert!(is_linear, "{case}, one event: {one_event}: {few:?} and then {many:?}");
        }
    }
}
