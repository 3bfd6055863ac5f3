//! The shop's decisions: given events, when a command is executed, then events or an error.
#![allow(clippy::unwrap_used)] // in helper functions too

use annalist::testing::{Given, given};
use shop::{
    aggregate::Stock,
    command::{Basket, Cancel, Deliver, Place, Proceed, RecordPayment, Release, Reserve, SetPrice, Ship},
    decide::ShopError,
    event::{Line, OrderDue, OrderEvent, OrderId, PaymentEvent, Priced, ProductId, Reason, StockEvent},
    gateway::Answer,
    money::Cents,
};

fn product(name: &str) -> ProductId {
    name.parse().unwrap()
}

fn order() -> OrderId {
    "first".parse().unwrap()
}

fn priced(name: &str, cents: u64) -> Priced {
    Priced { product: product(name), price: Cents::new(cents) }
}

fn delivered(name: &str, count: u32) -> StockEvent {
    StockEvent::Delivered { product: product(name), count }
}

fn reserved(name: &str, count: u32) -> StockEvent {
    StockEvent::Reserved { product: product(name), order: order(), count }
}

fn missing(name: &str) -> StockEvent {
    StockEvent::Missing { product: product(name), order: order() }
}

fn released(name: &str, count: u32) -> StockEvent {
    StockEvent::Released { product: product(name), order: order(), count }
}

fn shipped(name: &str, count: u32) -> StockEvent {
    StockEvent::Shipped { product: product(name), order: order(), count }
}

fn line(name: &str, count: u32, cents: u64) -> Line {
    Line { product: product(name), count, price: Cents::new(cents) }
}

fn placed(lines: impl Into<Vec<Line>>) -> OrderEvent {
    OrderEvent::Placed { order: order(), customer: "ann".parse().unwrap(), lines: lines.into() }
}

fn due(cents: u64) -> OrderDue {
    OrderDue { order: order(), total: Cents::new(cents) }
}

fn failed(reason: Reason, held: &[&str]) -> OrderEvent {
    OrderEvent::Failed { order: order(), reason, held: held.iter().map(|name| product(name)).collect() }
}

fn place(wanted: &[(&str, u32)]) -> Place {
    let basket = Basket(wanted.iter().map(|(name, count)| (product(name), *count)).collect());
    Place { order: order(), customer: "ann".parse().unwrap(), basket }
}

fn reserve(count: u32) -> Reserve {
    Reserve { product: product("tea"), order: order(), count }
}

/// An order of two products, with no result yet.
fn two_lines() -> Given {
    given(placed([line("pot", 1, 2000), line("tea", 2, 450)]))
}

fn proceed() -> Proceed {
    Proceed { order: order() }
}

fn cancel() -> Cancel {
    Cancel { order: order() }
}

#[test]
fn a_price_is_set_and_changed() {
    let set = SetPrice { product: product("tea"), price: Cents::new(450) };
    given(()).when(set.clone()).then(priced("tea", 450));
    given(priced("tea", 500)).when(set.clone()).then(priced("tea", 450));
    given(priced("tea", 450)).when(set).then_nothing();
    given(()).when(SetPrice { product: product(""), price: Cents::ZERO }).then_err(ShopError::NoName);
}

#[test]
fn order_has_the_prices_of_its_placement() {
    given((priced("tea", 400), priced("pot", 2000), priced("tea", 450)))
        .when(place(&[("tea", 2), ("pot", 1)]))
        .then(placed([line("pot", 1, 2000), line("tea", 2, 450)]));
}

#[test]
fn invalid_orders_are_rejected() {
    let past = given((priced("tea", 450), priced("gold", Cents::MAX.signed().unsigned_abs())));
    past.clone().when(place(&[])).then_err(ShopError::NoCount);
    past.clone().when(place(&[("tea", 0)])).then_err(ShopError::NoCount);
    past.clone().when(place(&[("ale", 1)])).then_err(ShopError::NotForSale(product("ale")));
    past.clone().when(place(&[("gold", 2)])).then_err(ShopError::TooMuch);
    past.clone().when(place(&[("gold", 1), ("tea", 1)])).then_err(ShopError::TooMuch);
    let without_customer = Place { customer: "".parse().unwrap(), ..place(&[("tea", 1)]) };
    past.clone().when(without_customer).then_err(ShopError::NoName);
    past.given(placed([line("tea", 1, 450)])).when(place(&[("tea", 1)])).then_err(ShopError::Exists(order()));
}

#[test]
fn order_is_placed_whatever_the_stock() {
    given(priced("tea", 450)).when(place(&[("tea", 1000)])).then(placed([line("tea", 1000, 450)]));
}

#[test]
fn delivery_beyond_the_largest_count_is_rejected() {
    let deliver = |count| Deliver { product: product("tea"), count };
    given(()).when(deliver(5)).then(delivered("tea", 5));
    given(()).when(deliver(0)).then_err(ShopError::NoCount);
    given((delivered("tea", u32::MAX), reserved("tea", 7))).when(deliver(1)).then_err(ShopError::TooMuch);
    given((delivered("tea", u32::MAX), reserved("tea", 7), shipped("tea", 7)))
        .when(deliver(7))
        .then(delivered("tea", 7));
}

#[test]
fn stock_is_reserved_or_missing() {
    given(delivered("tea", 2))
        .when(reserve(2))
        .then(reserved("tea", 2))
        .then_state::<Stock>(&product("tea"), |stock| assert_eq!(stock.available, 0));
    given(delivered("tea", 2)).when(reserve(3)).then(missing("tea"));
    given(()).when(reserve(1)).then(missing("tea"));
}

#[test]
fn reservation_of_an_order_is_decided_once() {
    let past = given(delivered("tea", 9));
    past.clone().given(reserved("tea", 2)).when(reserve(2)).then_nothing();
    past.clone().given((reserved("tea", 2), released("tea", 2))).when(reserve(2)).then_nothing();
    past.given(missing("tea")).when(reserve(2)).then_nothing();
}

#[test]
fn reserved_units_are_released_or_shipped_once() {
    let release = Release { product: product("tea"), order: order() };
    let ship = Ship { product: product("tea"), order: order() };
    let past = given((delivered("tea", 9), reserved("tea", 2)));
    past.clone()
        .when(release.clone())
        .then(released("tea", 2))
        .then_state::<Stock>(&product("tea"), |stock| assert_eq!(stock.available, 9));
    past.clone()
        .when(ship.clone())
        .then(shipped("tea", 2))
        .then_state::<Stock>(&product("tea"), |stock| assert_eq!(stock.available, 7));
    for end in [released("tea", 2), shipped("tea", 2)] {
        past.clone().given(end.clone()).when(release.clone()).then_nothing();
        past.clone().given(end).when(ship.clone()).then_nothing();
    }
}

#[test]
fn order_waits_for_the_result_of_each_line() {
    two_lines().when(proceed()).then_nothing();
    two_lines().given(reserved("tea", 2)).when(proceed()).then_nothing();
    two_lines().given(missing("tea")).when(proceed()).then_nothing();
    two_lines().given([reserved("tea", 2), reserved("pot", 1)]).when(proceed()).then(due(2900));
}

#[test]
fn an_order_fails_if_anything_is_missing() {
    let reason = |names: &[&str]| Reason::OutOfStock(names.iter().map(|name| product(name)).collect());
    two_lines()
        .given([missing("pot"), reserved("tea", 2)])
        .when(proceed())
        .then(failed(reason(&["pot"]), &["tea"]));
    two_lines()
        .given([missing("pot"), missing("tea")])
        .when(proceed())
        .then(failed(reason(&["pot", "tea"]), &[]));
}

#[test]
fn an_order_that_is_due_follows_its_payment() {
    let past = two_lines().given(([reserved("tea", 2), reserved("pot", 1)], due(2900)));
    past.clone().when(proceed()).then_nothing();
    past.clone()
        .given(PaymentEvent::Accepted { order: order(), receipt: "r".into() })
        .when(proceed())
        .then(OrderEvent::Confirmed { order: order(), products: vec![product("pot"), product("tea")] });
    past.given(PaymentEvent::Refused { order: order(), why: "no".into() })
        .when(proceed())
        .then(failed(Reason::PaymentRefused("no".into()), &["pot", "tea"]));
}

#[test]
fn order_is_cancelled_once_nothing_is_reserved() {
    let reason = Reason::OutOfStock(vec![product("pot")]);
    let past = two_lines().given(([missing("pot"), reserved("tea", 2)], failed(reason.clone(), &["tea"])));
    past.clone().when(cancel()).then_err(ShopError::StillHeld(order()));

    let cancelled = OrderEvent::Cancelled { order: order(), reason };
    let past = past.given(released("tea", 2));
    past.clone().when(cancel()).then(cancelled.clone());
    past.given(cancelled).when(cancel()).then_nothing();
}

#[test]
fn only_an_order_that_failed_is_cancelled() {
    given(()).when(cancel()).then_err(ShopError::NotFailed(order()));
    two_lines().when(cancel()).then_err(ShopError::NotFailed(order()));
}

#[test]
fn only_the_first_answer_of_the_gateway_is_recorded() {
    let paid = RecordPayment { order: order(), answer: Answer::Paid { receipt: "r".into() } };
    let refused = RecordPayment { order: order(), answer: Answer::Refused { why: "no".into() } };
    let accepted = PaymentEvent::Accepted { order: order(), receipt: "r".into() };
    given(()).when(paid).then(accepted.clone());
    given(()).when(refused.clone()).then(PaymentEvent::Refused { order: order(), why: "no".into() });
    given(accepted).when(refused).then_nothing();
}
