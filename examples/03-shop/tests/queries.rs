//! The queries: page by page, by state, and over both read models.
#![allow(clippy::unwrap_used)] // in helper functions too

use std::sync::Arc;

use annalist::{App, Error, Memory};
use shop::{
    command::{Basket, Deliver, Place, SetPrice},
    event::{CustomerId, OrderId, ProductId},
    gateway::FakeGateway,
    money::Cents,
    projection::{OrderRow, State},
    query::{Again, BestSellers, OrdersOf, WholeStock},
};

fn product(name: &str) -> ProductId {
    name.parse().unwrap()
}

fn order(name: &str) -> OrderId {
    name.parse().unwrap()
}

fn customer(name: &str) -> CustomerId {
    name.parse().unwrap()
}

fn place(name: &str, customer_name: &str, wanted: &[(&str, u32)]) -> Place {
    let basket = Basket(wanted.iter().map(|(name, count)| (product(name), *count)).collect());
    Place { order: order(name), customer: customer(customer_name), basket }
}

fn orders_of(customer_name: &str, page: usize) -> OrdersOf {
    OrdersOf { customer: customer(customer_name), state: None, page: Some(page), cursor: None }
}

/// Seven orders of ann, the even ones too large, and one of bob. All are final.
async fn shop() -> App {
    let gateway = Arc::new(FakeGateway::new(Cents::MAX));
    let app =
        shop::with_policies(shop::with_queries(App::builder(Memory::new())), gateway).start().await.unwrap();
    for (name, count) in [("tea", 20), ("pot", 3), ("jam", 0)] {
        app.execute(SetPrice { product: product(name), price: Cents::new(100) }).await.unwrap();
        if count > 0 {
            app.execute(Deliver { product: product(name), count }).await.unwrap();
        }
    }
    for number in 1..=7 {
        let count = if number % 2 == 0 { 100 } else { 2 };
        app.execute(place(&format!("order {number}"), "ann", &[("tea", count)])).await.unwrap();
    }
    app.execute(place("pots", "bob", &[("pot", 3)])).await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    app
}

async fn all_pages(app: &App, mut question: OrdersOf) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    loop {
        let page = app.ask(question.clone()).await.unwrap();
        pages.push(page.rows.iter().map(|row: &OrderRow| row.order.to_string()).collect());
        match page.next {
            Some(next) => question.cursor = Some(next),
            None => return pages,
        }
    }
}

#[tokio::test]
async fn orders_are_paged_newest_first() {
    let app = shop().await;
    let pages = all_pages(&app, orders_of("ann", 3)).await;
    assert_eq!(
        pages,
        [vec!["order 7", "order 6", "order 5"], vec!["order 4", "order 3", "order 2"], vec!["order 1"]]
    );
    assert_eq!(all_pages(&app, orders_of("nobody", 3)).await, [Vec::<String>::new()]);
}

#[tokio::test]
async fn orders_are_filtered_by_state() {
    let app = shop().await;
    let cancelled = OrdersOf { state: Some(State::Cancelled), ..orders_of("ann", 2) };
    assert_eq!(all_pages(&app, cancelled).await, [vec!["order 6", "order 4"], vec!["order 2"]]);
    let due = OrdersOf { state: Some(State::Due), ..orders_of("ann", 2) };
    assert_eq!(all_pages(&app, due).await, [Vec::<String>::new()]);
}

#[tokio::test]
async fn cursor_belongs_to_its_query() {
    let app = shop().await;
    let cursor = app.ask(orders_of("ann", 3)).await.unwrap().next;
    let other = OrdersOf { cursor, ..orders_of("bob", 3) };
    let error = app.ask(other).await.unwrap_err();
    assert!(matches!(error, Error::Invalid(_)), "{error}");
    assert!(error.to_string().contains("another query"), "{error}");
}

#[tokio::test]
async fn best_sellers_are_sorted_by_sales() {
    let app = shop().await;
    let best = app.ask(BestSellers {}).await.unwrap().rows;
    let best: Vec<_> =
        best.iter().map(|shelf| (shelf.product.to_string(), shelf.sold, shelf.wanted)).collect();
    assert_eq!(best, [("tea".to_owned(), 8, 308), ("pot".to_owned(), 3, 3), ("jam".to_owned(), 0, 0)]);
    assert_eq!(app.ask(WholeStock::default()).await.unwrap().rows.len(), 3);
}

#[tokio::test]
async fn query_over_both_read_models_reads_its_own_write() {
    let app = shop().await;
    let again = |name: &str| app.ask(Again { order: order(name) });
    assert!(again("order 1").await.unwrap().unwrap().is_there_again());
    assert!(!again("order 2").await.unwrap().unwrap().is_there_again());
    assert!(!again("pots").await.unwrap().unwrap().is_there_again());
    assert_eq!(again("nothing").await.unwrap(), None);

    let delivered = app.execute(Deliver { product: product("pot"), count: 3 }).await.unwrap();
    assert!(again("pots").after(&delivered).await.unwrap().unwrap().is_there_again());
}
