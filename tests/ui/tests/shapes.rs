//! Every shape of item that the derives accept.

#![allow(missing_docs, reason = "a test has no documentation to read")]

use std::convert::Infallible;

use annalist::{
    Tag,
    manual::{IdKind, Types},
    prelude::*,
};
use annalist_ui_tests::{decide, draft_text, read, records, written};

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
struct ProductId(String);

#[derive(Id, Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[id(kind = "shop_order")]
struct OrderId(u64);

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
struct Line {
    product: ProductId,
    count: u32,
}

fn products(lines: &[Line]) -> Vec<ProductId> {
    lines.iter().map(|line| line.product.clone()).collect()
}

/// Inline variants with and without fields, wrapped events, and names of every kind, in one enum.
#[derive(Event, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[event(prefix = "shop")]
#[serde(rename_all_fields = "camelCase")]
enum ShopEvent {
    OrderPlaced {
        #[id]
        order: OrderId,
        #[id(with = products)]
        lines: Vec<Line>,
        #[serde(flatten)]
        address: Address,
    },
    Closed,
    Moved(Moved),
    #[event(name = "shop.PRICE", alias = "shop.price-set", version = 3, upcast(1 => _, 2 => _))]
    Priced {
        #[id]
        products: Vec<ProductId>,
        #[id]
        order: Option<OrderId>,
        new_price: u64,
    },
    #[cfg(test)]
    #[event(alias("shop.a", "shop.b"))]
    Tested {
        #[cfg(test)]
        by: String,
        #[cfg(not(test))]
        never: Missing,
    },
    #[cfg(not(test))]
    Untested(Missing),
    r#Final {
        #[id]
        r#type: ProductId,
    },
    Unit(Renovated),
}

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
struct Address {
    street: String,
}

#[derive(Event, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[event(prefix = "shop", version = 2, upcast(1 => _))]
struct Moved {
    #[serde(rename = "t")]
    to: String,
}

#[derive(Event, Serialize, Deserialize, Debug, Clone, PartialEq)]
struct Renovated;

#[derive(Event, Debug, Clone, PartialEq)]
enum Wrapping {
    Shop(ShopEvent),
}

fn order_placed() -> ShopEvent {
    ShopEvent::OrderPlaced {
        order: OrderId(7),
        lines: vec![Line { product: ProductId("a".into()), count: 2 }],
        address: Address { street: "Elm".into() },
    }
}

fn all() -> Vec<ShopEvent> {
    vec![
        order_placed(),
        ShopEvent::Closed,
        ShopEvent::Moved(Moved { to: "x".into() }),
        ShopEvent::Priced {
            products: vec![ProductId("b".into()), ProductId("c".into())],
            order: None,
            new_price: 1,
        },
        ShopEvent::Tested { by: "me".into() },
        ShopEvent::Final { r#type: ProductId("d".into()) },
        ShopEvent::Unit(Renovated),
    ]
}

#[test]
fn every_variant_is_written_and_read_back() {
    let expected = [
        r#"shop.order-placed v1 {"order":7,"lines":[{"product":"a","count":2}],"street":"Elm"} [product:a shop_order:7]"#,
        "shop.closed v1 {} []",
        r#"shop.moved v2 {"t":"x"} []"#,
        r#"shop.PRICE v3 {"products":["b","c"],"order":null,"newPrice":1} [product:b product:c]"#,
        r#"shop.tested v1 {"by":"me"} []"#,
        r#"shop.final v1 {"type":"d"} [product:d]"#,
        "renovated v1 {} []",
    ];
    let drafts = written(all());
    assert_eq!(drafts.iter().map(draft_text).collect::<Vec<_>>(), expected);
    for (draft, event) in drafts.iter().zip(all()) {
        let again = read::<ShopEvent>(draft.name(), draft.version(), draft.data().as_str()).unwrap();
        assert_eq!(again, std::slice::from_ref(&event));
        let wrapped = read::<Wrapping>(draft.name(), draft.version(), draft.data().as_str()).unwrap();
        assert_eq!(wrapped, [Wrapping::Shop(event)]);
    }
    assert_eq!(written(Wrapping::Shop(ShopEvent::Closed))[0].name(), "shop.closed");
}

#[test]
fn older_names_and_versions_are_read_and_newer_ones_refused() {
    let data = r#"{"products":[],"order":null,"newPrice":1}"#;
    for (name, version) in [("shop.PRICE", 3), ("shop.PRICE", 1), ("shop.price-set", 2)] {
        assert_eq!(read::<ShopEvent>(name, version, data).unwrap().len(), 1);
    }
    let newer = read::<ShopEvent>("shop.PRICE", 4, data).unwrap_err();
    assert!(newer.to_string().contains("newer"), "{newer}");
    let unknown = read::<ShopEvent>("shop.bought", 1, data).unwrap_err();
    assert!(unknown.to_string().contains("ShopEvent"), "{unknown}");
    assert!(read::<ShopEvent>("shop.b", 1, r#"{"by":"x"}"#).is_ok());
    assert!(read::<Moved>("shop.moved", 3, r#"{"t":"x"}"#).is_err());
    assert!(read::<Moved>("shop.closed", 1, r#"{"t":"x"}"#).is_err());
    assert!(read::<Renovated>("shop.closed", 1, "{}").is_err());
    assert_eq!(read::<Renovated>("renovated", 1, r#"{"since":"1999"}"#).unwrap(), [Renovated]);
}

#[test]
fn types_constant_lists_names_rust_types_and_ids() {
    let mut rows = Vec::new();
    Wrapping::TYPES.each(&mut |one| {
        let ids: Vec<String> =
            one.ids.iter().map(|IdKind { kind, shared, .. }| format!("{kind} {shared}")).collect();
        rows.push((one.name, one.rust, ids.join(", ")));
    });
    assert_eq!(rows[0], ("shop.order-placed", "shapes::ShopEvent::OrderPlaced", "shop_order true".into()));
    assert_eq!(rows[2], ("shop.moved", "shapes::Moved", String::new()));
    assert_eq!(rows[3], ("shop.PRICE", "shapes::ShopEvent::Priced", "product false, shop_order true".into()));
    assert_eq!(rows[5].1, "shapes::ShopEvent::Final");
    assert_eq!(rows.len(), 7);
    assert!(matches!(Moved::TYPES, Types::One(_)));
}

#[test]
fn ids_convert_to_text_and_plain_values() {
    assert_eq!((ProductId::KIND, ProductId::SHARED), ("product", false));
    assert_eq!((OrderId::KIND, OrderId::SHARED), ("shop_order", true));
    assert_eq!("12".parse::<OrderId>().unwrap(), OrderId(12));
    assert!("x".parse::<OrderId>().is_err());
    assert_eq!(Tag::of(&ProductId("a:b".into())).unwrap().as_str(), "product:a:b");
    let events = [ShopEvent::Final { r#type: ProductId("x".into()) }];
    assert_eq!(records(events)[0].data.as_str(), r#"{"type":"x"}"#);
}

#[derive(Aggregate, Debug)]
#[aggregate(on(Moved => Shop::moved, Renovated => renovated))]
#[aggregate(on(ShopClosed => Self::closed), context)]
struct Shop {
    moves: u32,
    state: State,
    last: Option<annalist::Position>,
}

#[derive(Debug, Default, PartialEq)]
enum State {
    #[default]
    Open,
    Closed,
}

/// A unit struct needs no serde derives.
#[derive(Event)]
#[event(name = "shop.closed")]
struct ShopClosed;

impl Shop {
    fn moved(&mut self, _: &Moved, context: &Context) {
        self.moves += 1;
        self.last = context.position;
    }

    fn closed(&mut self, _: &ShopClosed, _: &Context) {
        self.state = State::Closed;
    }
}

fn renovated(shop: &mut Shop, _: &Renovated, context: &Context<'_>) {
    shop.last = context.position;
}

/// An aggregate without fields, which only detects events that are appended meanwhile.
#[derive(Aggregate, Debug)]
#[aggregate(on(Moved => Guard::ignore))]
struct Guard;

impl Guard {
    fn ignore(&mut self, _: &Moved) {}
}

#[derive(Command, Serialize)]
#[command(decide = report, state(Shop, Guard), error = Infallible, context, name = "Report the shop")]
struct Report;

fn report((shop, _): (&Shop, &Guard), _: &Report, context: &Context) -> Result<Option<Moved>, Infallible> {
    assert!(context.position.is_none());
    let to = format!("{} {:?} {:?}", shop.moves, shop.state, shop.last.map(annalist::Position::get));
    Ok(Some(Moved { to }))
}

#[test]
fn aggregate_without_id_folds_all_events_of_its_types() {
    let moved = || Moved { to: String::new() };
    let decided = decide((moved(), ShopClosed, moved(), Renovated), Report);
    assert_eq!(decided.name, "Report the shop");
    assert_eq!(decided.reads[0].items()[0].type_names().len(), 3);
    assert_eq!(decided.events(), [r#"shop.moved v2 {"t":"2 Closed Some(4)"} []"#]);
}
