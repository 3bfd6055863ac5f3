//! The states that a decision gets, and command enums.

#![allow(missing_docs, reason = "a test has no documentation to read")]

use std::{convert::Infallible, sync::Arc};

use annalist::prelude::*;
use annalist_ui_tests::decide;

#[derive(Id, Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct ItemId(u32);

#[derive(Event, Serialize, Deserialize, Debug, Clone, PartialEq)]
struct Sold {
    #[id]
    item: ItemId,
    count: u32,
}

#[derive(Aggregate, Debug)]
#[aggregate(on(Sold => Item::sold), error = SoldOut)]
struct Item {
    #[id]
    id: ItemId,
    sold: u32,
}

#[derive(Aggregate, Debug)]
#[aggregate(on(Sold => Total::sold))]
struct Total {
    sold: u32,
}

#[derive(Debug, PartialEq)]
struct SoldOut(u32);

impl Item {
    fn sold(&mut self, event: &Sold) {
        self.sold += event.count;
    }

    fn sell(&self, command: &Sell) -> Result<Sold, SoldOut> {
        let sold = self.sold + command.count;
        if sold > 3 { Err(SoldOut(self.id.0)) } else { Ok(Sold { item: command.item, count: command.count }) }
    }

    fn list(items: &[Arc<Self>], _: &SellAll) -> Result<Vec<Sold>, SoldOut> {
        Ok(items.iter().map(|item| Sold { item: item.id, count: item.sold }).collect())
    }
}

impl Total {
    fn sold(&mut self, event: &Sold) {
        self.sold += event.count;
    }
}

fn sold(item: u32, count: u32) -> Sold {
    Sold { item: ItemId(item), count }
}

#[derive(Command, Serialize)]
#[command(decide = Item::sell)]
struct Sell {
    #[id]
    item: ItemId,
    count: u32,
}

#[derive(Command, Serialize)]
#[command(decide = Item::list)]
struct SellAll {
    #[id]
    items: Vec<ItemId>,
}

#[derive(Command, Serialize)]
#[command(decide = rules::mixed, state(Total), error = rules::Odd)]
struct Mixed {
    #[id(Item)]
    many: Vec<ItemId>,
    note: String,
    #[id(Item, rules::Twin)]
    one: ItemId,
    #[id(Item)]
    maybe: Option<ItemId>,
}

mod rules {
    use super::{Item, ItemId, Mixed, Sold, Total, sold};
    use std::sync::Arc;

    use annalist::prelude::*;

    /// An aggregate that is less visible than the command may be.
    #[derive(Aggregate, Debug)]
    #[aggregate(on(Sold => Self::sold))]
    pub(super) struct Twin {
        #[id]
        id: ItemId,
        events: u32,
    }

    impl Twin {
        fn sold(&mut self, _: &Sold) {
            self.events += 1;
        }
    }

    #[derive(Debug)]
    pub(super) struct Odd;

    #[allow(clippy::type_complexity, reason = "the states of five fields in one tuple")]
    pub(super) fn mixed(
        (many, one, twin, maybe, total): (&[Arc<Item>], &Item, &Twin, &Option<Arc<Item>>, &Total),
        command: &Mixed,
    ) -> Result<((), [Sold; 2]), Odd> {
        assert_eq!(command.note, "n");
        let counts: Vec<_> = many.iter().map(|item| (item.id.0, item.sold)).collect();
        assert_eq!(counts, [(1, 2), (2, 0)]);
        assert_eq!((one.sold, twin.id, twin.events), (2, ItemId(1), 1));
        assert_eq!(maybe.as_ref().map(|item| item.sold), None);
        assert_eq!(total.sold, 7);
        Ok(((), [sold(8, 1), sold(9, 1)]))
    }
}

#[test]
fn decision_gets_states_in_field_order() {
    let past = [sold(1, 2), sold(3, 5)];
    let command =
        Mixed { many: vec![ItemId(1), ItemId(2), ItemId(1)], note: "n".into(), one: ItemId(1), maybe: None };
    let decided = decide(past, command);
    assert_eq!(decided.reads.len(), 5);
    assert_eq!(decided.events().len(), 2);
}

#[test]
fn path_type_is_the_state() {
    assert_eq!(decide((), Sell { item: ItemId(1), count: 4 }).error(), SoldOut(1));
    let decided = decide([sold(2, 1)], SellAll { items: vec![ItemId(2), ItemId(1)] });
    assert_eq!(decided.name, "sell-all");
    assert_eq!(decided.events().len(), 2);
}

#[derive(Command, Serialize)]
#[command(decide = ping, error = Infallible)]
struct Ping {}

fn ping(_: &Ping) -> Result<(), Infallible> {
    Ok(())
}

#[derive(Command, Serialize)]
#[command(decide = Self::pong, error = String, context)]
struct Pong {
    fail: bool,
}

impl Pong {
    fn pong(&self, context: &Context) -> Result<(), &'static str> {
        assert!(context.actor().is_none());
        if self.fail { Err("failed") } else { Ok(()) }
    }
}

#[test]
fn command_without_states_is_decided() {
    assert!(decide((), Ping {}).reads.is_empty());
    assert!(decide((), Pong { fail: false }).events().is_empty());
    assert_eq!(decide((), Pong { fail: true }).error(), "failed");
}

#[derive(Command, Serialize, Deserialize)]
#[command(decide = eight, error = Infallible)]
struct Eight {
    #[id(Item, Item, Item, Item, Item, Item, Item, Item)]
    item: ItemId,
}

type Eightfold<'a> = (&'a Item, &'a Item, &'a Item, &'a Item, &'a Item, &'a Item, &'a Item, &'a Item);

fn eight(items: Eightfold<'_>, _: &Eight) -> Result<(Sold, Option<Sold>), Infallible> {
    Ok((sold(items.7.id.0, items.0.sold), None))
}

#[test]
fn decision_gets_up_to_eight_states() {
    assert_eq!(decide([sold(1, 1)], Eight { item: ItemId(1) }).reads.len(), 8);
}

/// Without `error` the error is that of the first variant.
#[derive(Command)]
enum Selling {
    One(Sell),
    All(SellAll),
}

#[derive(Command)]
#[command(error = AnyError)]
enum Anything {
    Selling(Selling),
    Ping(Ping),
    Pong(Pong),
}

#[derive(Debug, PartialEq)]
enum AnyError {
    SoldOut(u32),
    Failed(String),
}

impl From<SoldOut> for AnyError {
    fn from(SoldOut(item): SoldOut) -> Self {
        Self::SoldOut(item)
    }
}

impl From<Infallible> for AnyError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl From<String> for AnyError {
    fn from(text: String) -> Self {
        Self::Failed(text)
    }
}

#[test]
fn command_enum_dispatches_each_variant_to_its_decision() {
    let sell = |count| Selling::One(Sell { item: ItemId(5), count });
    assert_eq!(decide((), sell(9)).error(), SoldOut(5));
    assert_eq!(decide((), Anything::Selling(sell(9))).error(), AnyError::SoldOut(5));
    assert_eq!(decide((), Anything::Selling(sell(1))).name, "sell");
    assert_eq!(decide((), Anything::Selling(Selling::All(SellAll { items: vec![] }))).name, "sell-all");
    assert_eq!(decide((), Anything::Ping(Ping {})).name, "ping");
    assert_eq!(decide((), Anything::Pong(Pong { fail: true })).error(), AnyError::Failed("failed".into()));
}

/// A private aggregate of a public command: only the error must be written.
mod private {
    use super::{ItemId, Sold};
    use annalist::prelude::*;

    #[derive(Aggregate)]
    #[aggregate(on(Sold => Hidden::sold))]
    struct Hidden {
        #[id]
        id: ItemId,
    }

    impl Hidden {
        fn sold(&mut self, _: &Sold) {}

        fn hide(&self, _: &Hide) -> Result<Sold, Secret> {
            Err(Secret(self.id))
        }
    }

    #[derive(Debug, PartialEq)]
    pub(crate) struct Secret(pub(crate) ItemId);

    #[derive(Command, Serialize)]
    #[command(decide = Hidden::hide, error = Secret)]
    pub(crate) struct Hide {
        #[id]
        pub(crate) item: ItemId,
    }
}

#[test]
fn private_aggregate_with_written_error_compiles() {
    assert_eq!(decide((), private::Hide { item: ItemId(4) }).error(), private::Secret(ItemId(4)));
}
