//! The whole shop: many concurrent orders, an unavailable gateway, and processes that die.
#![allow(clippy::unwrap_used)] // in helper functions too

mod books;
mod mortal;
mod orders;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use annalist::{App, EventStore, Memory, Sqlite, app::Builder, projection::State};
use async_trait::async_trait;
use shop::{
    command::{Deliver, Place},
    event::OrderId,
    gateway::{Answer, FakeGateway, Gateway, Unavailable},
    money::Cents,
    query::OrderOf,
};
use tokio::{sync::Notify, task::JoinSet};

use self::{
    books::{Books, all_ended},
    mortal::Mortal,
    orders::{LIMIT, STOCK, place, random_orders, stocked},
};

/// The number of concurrent customers.
const CUSTOMERS: usize = 10;

fn gateway() -> Arc<FakeGateway> {
    Arc::new(FakeGateway::new(LIMIT))
}

fn working(store: Arc<dyn EventStore>, gateway: &Arc<impl Gateway + 'static>) -> Builder {
    shop::with_policies(shop::with_queries(App::builder(store)), Arc::clone(gateway) as Arc<dyn Gateway>)
}

async fn file(folder: &tempfile::TempDir) -> Arc<dyn EventStore> {
    let url = format!("sqlite://{}", folder.path().join("shop.db").display());
    Arc::new(Sqlite::open(&url).await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_concurrent_orders_in_memory() {
    a_thousand_concurrent_orders(Arc::new(Memory::new())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_concurrent_orders_on_a_file() {
    let folder = tempfile::tempdir().unwrap();
    a_thousand_concurrent_orders(file(&folder).await).await;
}

/// The customers order concurrently, while the policies run.
async fn a_thousand_concurrent_orders(store: Arc<dyn EventStore>) {
    let gateway = gateway();
    let app = working(store, &gateway).start().await.unwrap();
    stocked(&app).await;
    let orders = random_orders(1000);
    let mut customers = JoinSet::new();
    for part in orders.chunks(orders.len() / CUSTOMERS) {
        let (app, part) = (app.clone(), part.to_vec());
        customers.spawn(async move {
            for order in part {
                app.execute(order).await.unwrap();
            }
        });
    }
    customers.join_all().await;
    all_ended(&app).await;

    let books = Books::of(&app).await;
    books.balance(&orders, &gateway);
    for order in &orders {
        assert!(gateway.calls(&order.order) <= 1, "asked more than once about {}", order.order);
    }
    // Otherwise the test would prove little.
    assert!(books.shipped.len() > 100, "{} shipped", books.shipped.len());
    assert!(books.out_of_stock.len() > 100, "{} out of stock", books.out_of_stock.len());
    assert!(books.refused.len() > 50, "{} refused", books.refused.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn process_that_dies_repeatedly_in_memory() {
    dies_repeatedly(Arc::new(Memory::new())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn process_that_dies_repeatedly_on_a_file() {
    let folder = tempfile::tempdir().unwrap();
    dies_repeatedly(file(&folder).await).await;
}

/// Forty times the process dies at an append, which may be committed, and gets neither a response nor a checkpoint.
async fn dies_repeatedly(store: Arc<dyn EventStore>) {
    let gateway = gateway();
    let orders = random_orders(150);
    let app = shop::with_queries(App::builder(Arc::clone(&store))).start().await.unwrap();
    stocked(&app).await;
    for order in orders.clone() {
        app.execute(order).await.unwrap();
    }
    drop(app);

    let mut random = fastrand::Rng::with_seed(7);
    for death in 0..40 {
        let mortal = Arc::new(Mortal::new(Arc::clone(&store), random.usize(..20), death % 2 == 0));
        let app = working(mortal.clone(), &gateway).start().await.unwrap();
        tokio::select! {
            () = mortal.death() => {}
            () = all_ended(&app) => panic!("it had nothing left to do after {death} deaths"),
        }
        drop(app);
        mortal.release_calls();
    }
    let app = working(store, &gateway).start().await.unwrap();
    all_ended(&app).await;
    Books::of(&app).await.balance(&orders, &gateway);
}

/// A gateway that charges an order and then never answers.
#[derive(Debug)]
struct Mute {
    inner: Arc<FakeGateway>,
    is_mute: AtomicBool,
    took: Notify,
}

#[async_trait]
impl Gateway for Mute {
    async fn charge(&self, order: &OrderId, amount: Cents) -> Result<Answer, Unavailable> {
        let answer = self.inner.charge(order, amount).await?;
        if self.is_mute.swap(false, Ordering::SeqCst) {
            self.took.notify_one();
            std::future::pending::<()>().await;
        }
        Ok(answer)
    }
}

#[tokio::test]
async fn process_that_dies_between_charge_and_record_charges_once() {
    let inner = gateway();
    let mute =
        Arc::new(Mute { inner: Arc::clone(&inner), is_mute: AtomicBool::new(true), took: Notify::new() });
    let store: Arc<dyn EventStore> = Arc::new(Memory::new());
    let order = place("first", "ann", &[("tea", 2)]);
    let app = working(Arc::clone(&store), &mute).start().await.unwrap();
    stocked(&app).await;
    app.execute(order.clone()).await.unwrap();
    mute.took.notified().await;
    drop(app);

    let app = working(store, &mute).start().await.unwrap();
    all_ended(&app).await;
    assert_eq!((inner.calls(&order.order), inner.paid()), (2, 1));
    Books::of(&app).await.balance(&[order], &inner);
}

#[tokio::test(start_paused = true)]
async fn unavailable_gateway_is_retried() {
    let gateway = Arc::new(FakeGateway::new(LIMIT).away(6));
    let app = working(Arc::new(Memory::new()), &gateway).start().await.unwrap();
    stocked(&app).await;
    let order = place("first", "ann", &[("tea", 2)]);
    app.execute(order.clone()).await.unwrap();
    all_ended(&app).await;
    assert_eq!(gateway.calls(&order.order), 7);
    Books::of(&app).await.balance(&[order], &gateway);
}

#[tokio::test(start_paused = true)]
async fn unavailable_gateway_blocks_only_payments() {
    let gateway = Arc::new(FakeGateway::new(LIMIT).away(u32::MAX));
    let app = working(Arc::new(Memory::new()), &gateway).start().await.unwrap();
    stocked(&app).await;
    let first = place("first", "ann", &[("tea", 2)]);
    app.execute(first.clone()).await.unwrap();
    let stopped =
        app.wait_until("payments", |status| matches!(status.state, State::Stopped(_))).await.unwrap();
    let State::Stopped(stopped) = stopped.state else { panic!("{stopped:?}") };
    assert!(stopped.error.contains(&Unavailable.to_string()), "{stopped}");

    // An order with missing products does not wait for the gateway.
    let second = place("second", "bob", &[("tea", STOCK + 1)]);
    app.execute(second.clone()).await.unwrap();
    let ended = orders::ended(&app, &second.order).await;
    assert_eq!(ended.reason.as_deref(), Some("not enough tea"));

    // The gateway is available again, and the policy is resumed.
    gateway.comes_back();
    app.resume("payments").await.unwrap();
    all_ended(&app).await;
    Books::of(&app).await.balance(&[first, second], &gateway);
}

#[tokio::test]
async fn order_sent_twice_is_placed_once() {
    let gateway = gateway();
    let app = working(Arc::new(Memory::new()), &gateway).start().await.unwrap();
    stocked(&app).await;
    let order = place("first", "ann", &[("tea", 2)]);
    let id = |order: &Place| order.order.to_string();
    let first = app.execute(order.clone()).id(id(&order)).await.unwrap();
    all_ended(&app).await;
    let again = app.execute(order.clone()).id(id(&order)).await.unwrap();
    assert_eq!(first, again);
    app.wait_until_caught_up().await.unwrap();
    Books::of(&app).await.balance(&[order], &gateway);
}

#[tokio::test]
async fn a_customer_watches_an_order() {
    let gateway = gateway();
    let app = working(Arc::new(Memory::new()), &gateway).start().await.unwrap();
    stocked(&app).await;
    let order = place("first", "ann", &[("tea", 2)]);
    let mut watched = app.watch(OrderOf { order: order.order.clone() });
    assert_eq!(watched.next().await.unwrap(), None);
    app.execute(order).await.unwrap();
    let mut seen = Vec::new();
    loop {
        let row = watched.next().await.unwrap().unwrap();
        seen.push(row.state as u8);
        if row.state.is_final() {
            break;
        }
    }
    assert!(seen.is_sorted(), "states that go back: {seen:?}");
}

/// A shop whose only order is final, and its gateway.
async fn done() -> (App, Arc<FakeGateway>, Place) {
    let gateway = gateway();
    let app = working(Arc::new(Memory::new()), &gateway).start().await.unwrap();
    stocked(&app).await;
    let order = place("first", "ann", &[("tea", 2)]);
    app.execute(order.clone()).await.unwrap();
    all_ended(&app).await;
    (app, gateway, order)
}

#[tokio::test]
async fn control_the_books_balance() {
    let (app, gateway, order) = done().await;
    Books::of(&app).await.balance(&[order], &gateway);
}

#[tokio::test]
#[should_panic(expected = "it did not come to an end")]
async fn control_unprocessed_order_is_detected() {
    let app = shop::with_queries(App::builder(Memory::new())).start().await.unwrap();
    stocked(&app).await;
    app.execute(place("first", "ann", &[("tea", 2)])).await.unwrap();
    Books::of(&app).await;
}

#[tokio::test]
#[should_panic(expected = "left: 149")]
async fn control_extra_unit_on_a_shelf_is_detected() {
    let (app, gateway, order) = done().await;
    app.execute(Deliver { product: "tea".parse().unwrap(), count: 1 }).await.unwrap();
    Books::of(&app).await.balance(&[order], &gateway);
}

#[tokio::test]
#[should_panic(expected = "left: 2")]
async fn control_extra_payment_is_detected() {
    let (app, gateway, order) = done().await;
    gateway.charge(&"ghost".parse().unwrap(), Cents::new(1)).await.unwrap();
    Books::of(&app).await.balance(&[order], &gateway);
}
