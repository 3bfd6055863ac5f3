//! The orders of the tests, and their stock.

use annalist::App;
use shop::{
    command::{Basket, Deliver, Place, SetPrice},
    event::{OrderId, ProductId},
    money::Cents,
    projection::OrderRow,
    query::OrderOf,
};

/// The stock of each product.
pub(crate) const STOCK: u32 = 150;

/// The limit of the gateway.
pub(crate) const LIMIT: Cents = Cents::new(5000);

/// The products with their prices in cents.
pub(crate) const PRODUCTS: [(&str, u64); 10] = [
    ("tea", 450),
    ("pot", 2400),
    ("cup", 700),
    ("tin", 300),
    ("jug", 1900),
    ("mug", 650),
    ("jam", 380),
    ("bun", 120),
    ("pan", 3100),
    ("dip", 210),
];

/// An order.
pub(crate) fn place(order: &str, customer: &str, wanted: &[(&str, u32)]) -> Place {
    let basket = wanted.iter().map(|(product, count)| (product.parse().unwrap(), *count)).collect();
    Place { order: order.parse().unwrap(), customer: customer.parse().unwrap(), basket: Basket(basket) }
}

/// Deterministic orders of one or two products: in total more than the stock, and some above the limit.
pub(crate) fn random_orders(count: usize) -> Vec<Place> {
    let mut random = fastrand::Rng::with_seed(3);
    let order = |number: usize| {
        let wanted: Vec<_> = (0..random.usize(1..=2))
            .map(|_| (PRODUCTS[random.usize(..PRODUCTS.len())].0, random.u32(1..=3)))
            .collect();
        place(&format!("order {number}"), &format!("customer {}", number % 7), &wanted)
    };
    (0..count).map(order).collect()
}

/// Delivers the stock.
pub(crate) async fn stocked(app: &App) {
    for (name, cents) in PRODUCTS {
        let product: ProductId = name.parse().unwrap();
        app.execute(SetPrice { product: product.clone(), price: Cents::new(cents) }).await.unwrap();
        app.execute(Deliver { product, count: STOCK }).await.unwrap();
    }
}

/// The row of the order when it is final.
pub(crate) async fn ended(app: &App, order: &OrderId) -> OrderRow {
    let mut watched = app.watch(OrderOf { order: order.clone() });
    loop {
        match watched.next().await.unwrap() {
            Some(row) if row.state.is_final() => return row,
            _ => {}
        }
    }
}
