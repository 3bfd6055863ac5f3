//! The reactions: given an event, these commands, in this order. And the rows folded from the same events.
#![allow(clippy::unwrap_used)] // in helper functions too

use std::sync::Arc;

use annalist::{Timestamp, testing::given};
use shop::{
    command::{Cancel, Proceed, RecordPayment, Release, Reserve, Ship},
    event::{Line, OrderDue, OrderEvent, OrderId, PaymentEvent, Priced, ProductId, Reason, StockEvent},
    gateway::{Answer, FakeGateway, Unavailable},
    money::Cents,
    policy::{Fulfilment, Payments},
    projection::{Goods, LineRow, OrderRow, Shelf, State},
};

fn product(name: &str) -> ProductId {
    name.parse().unwrap()
}

fn order() -> OrderId {
    "first".parse().unwrap()
}

fn line(name: &str, count: u32, cents: u64) -> Line {
    Line { product: product(name), count, price: Cents::new(cents) }
}

fn placed() -> OrderEvent {
    let lines = vec![line("pot", 1, 2000), line("tea", 2, 450)];
    OrderEvent::Placed { order: order(), customer: "ann".parse().unwrap(), lines }
}

fn due() -> OrderDue {
    OrderDue { order: order(), total: Cents::new(2900) }
}

fn reserved(name: &str, count: u32) -> StockEvent {
    StockEvent::Reserved { product: product(name), order: order(), count }
}

fn shipped(name: &str, count: u32) -> StockEvent {
    StockEvent::Shipped { product: product(name), order: order(), count }
}

fn release(name: &str) -> Release {
    Release { product: product(name), order: order() }
}

fn ship(name: &str) -> Ship {
    Ship { product: product(name), order: order() }
}

fn payments(gateway: FakeGateway) -> Payments {
    Payments { gateway: Arc::new(gateway) }
}

#[tokio::test]
async fn new_order_reserves_stock() {
    let reserve = |name, count| Reserve { product: product(name), order: order(), count };
    given(()).react(Fulfilment, placed()).await.sends([reserve("pot", 1), reserve("tea", 2)]);
}

#[tokio::test]
async fn each_result_lets_the_order_proceed() {
    let proceed = || Proceed { order: order() };
    let missing = StockEvent::Missing { product: product("tea"), order: order() };
    given(placed()).react(Fulfilment, reserved("tea", 2)).await.sends(proceed());
    given(placed()).react(Fulfilment, missing).await.sends(proceed());

    let accepted = PaymentEvent::Accepted { order: order(), receipt: "r".into() };
    let refused = PaymentEvent::Refused { order: order(), why: "no".into() };
    given(placed()).react(Fulfilment, accepted).await.sends(proceed());
    given(placed()).react(Fulfilment, refused).await.sends(proceed());
}

#[tokio::test]
async fn a_confirmed_order_is_shipped() {
    let confirmed = OrderEvent::Confirmed { order: order(), products: vec![product("pot"), product("tea")] };
    given(()).react(Fulfilment, confirmed).await.sends([ship("pot"), ship("tea")]);
}

#[tokio::test]
async fn failed_order_releases_its_units_before_it_is_cancelled() {
    let cancel = || Cancel { order: order() };
    let failed = |held: &[&str]| OrderEvent::Failed {
        order: order(),
        reason: Reason::PaymentRefused("no".into()),
        held: held.iter().map(|name| product(name)).collect(),
    };
    let reaction = given(()).react(Fulfilment, failed(&["pot", "tea"])).await;
    reaction.sends((release("pot"), release("tea"), cancel()));
    given(()).react(Fulfilment, failed(&[])).await.sends(cancel());
}

#[tokio::test]
async fn other_events_lead_to_no_command() {
    given(()).react(Fulfilment, due()).await.sends_nothing();
    given(()).react(Fulfilment, shipped("tea", 2)).await.sends_nothing();
}

#[tokio::test]
async fn a_due_order_is_charged() {
    let record = |answer| RecordPayment { order: order(), answer };
    let paid = Answer::Paid { receipt: "receipt for first".into() };
    let enough = FakeGateway::new(Cents::new(2900));
    given(placed()).react(payments(enough), due()).await.sends(record(paid));

    let refused = Answer::Refused { why: "above 28.99".into() };
    let too_little = FakeGateway::new(Cents::new(2899));
    given(placed()).react(payments(too_little), due()).await.sends(record(refused));
}

#[tokio::test]
async fn unavailable_gateway_is_a_failure_and_charges_once_later() {
    let gateway = Arc::new(FakeGateway::new(Cents::MAX).away(1));
    let payments = Payments { gateway: gateway.clone() };
    let error = given(()).react(payments.clone(), due()).await.fails();
    assert_eq!(error.to_string(), Unavailable.to_string());
    assert_eq!((gateway.calls(&order()), gateway.paid()), (1, 0));
    for calls in 2..=3 {
        let answer = Answer::Paid { receipt: "receipt for first".into() };
        given(()).react(payments.clone(), due()).await.sends(RecordPayment { order: order(), answer });
        assert_eq!((gateway.calls(&order()), gateway.paid()), (calls, 1));
    }
}

/// The row of the order of [`placed`], with the states of its units.
fn row(state: State, pot: Goods, tea: Goods) -> OrderRow {
    let line = |name, count, cents, goods| LineRow {
        product: product(name),
        count,
        price: Cents::new(cents),
        goods,
    };
    OrderRow {
        order: order(),
        customer: "ann".parse().unwrap(),
        state,
        placed: Timestamp::EPOCH,
        total: 2900,
        lines: vec![line("pot", 1, 2000, pot), line("tea", 2, 450, tea)],
        receipt: None,
        reason: None,
    }
}

#[test]
fn row_of_an_order_follows_its_events() {
    let is = |past: &annalist::testing::Given, expected: OrderRow| {
        past.clone().project::<OrderRow>().row(&order()).eq(expected);
    };
    let past = given(placed());
    is(&past, row(State::Placed, Goods::Wanted, Goods::Wanted));
    let past = past.given(([reserved("pot", 1), reserved("tea", 2)], due()));
    is(&past, row(State::Due, Goods::Reserved, Goods::Reserved));

    let accepted = PaymentEvent::Accepted { order: order(), receipt: "r".into() };
    let confirmed = OrderEvent::Confirmed { order: order(), products: vec![] };
    let paid = past.clone().given((accepted, confirmed, shipped("pot", 1)));
    let receipt = Some("r".to_owned());
    let half = OrderRow { receipt, ..row(State::Confirmed, Goods::Shipped, Goods::Reserved) };
    is(&paid, half.clone());
    let whole = OrderRow { receipt: half.receipt, ..row(State::Shipped, Goods::Shipped, Goods::Shipped) };
    is(&paid.given(shipped("tea", 2)), whole);

    let reason = Reason::PaymentRefused("no".into());
    let failed = OrderEvent::Failed { order: order(), reason: reason.clone(), held: vec![] };
    let back = StockEvent::Released { product: product("tea"), order: order(), count: 2 };
    let refused = past.given((failed, back));
    let reason_row = Some("payment refused: no".to_owned());
    is(
        &refused,
        OrderRow { reason: reason_row.clone(), ..row(State::Failed, Goods::Reserved, Goods::Released) },
    );
    let cancelled = OrderEvent::Cancelled { order: order(), reason };
    let end = OrderRow { reason: reason_row, ..row(State::Cancelled, Goods::Reserved, Goods::Released) };
    is(&refused.given(cancelled), end);
}

#[test]
fn row_of_a_product_counts_its_units() {
    let shelf = |available, reserved, sold| Shelf {
        product: product("tea"),
        price: Some(450),
        available,
        reserved,
        sold,
        wanted: 2,
    };
    let delivered = StockEvent::Delivered { product: product("tea"), count: 9 };
    let past = given((Priced { product: product("tea"), price: Cents::new(450) }, delivered, placed()));
    past.clone().project::<Shelf>().row(&product("tea")).eq(shelf(9, 0, 0));
    let past = past.given(reserved("tea", 2));
    past.clone().project::<Shelf>().row(&product("tea")).eq(shelf(7, 2, 0));
    past.clone().given(shipped("tea", 2)).project::<Shelf>().row(&product("tea")).eq(shelf(7, 0, 2));
    let back = StockEvent::Released { product: product("tea"), order: order(), count: 2 };
    past.given(back).project::<Shelf>().row(&product("tea")).eq(shelf(9, 0, 0));
}
