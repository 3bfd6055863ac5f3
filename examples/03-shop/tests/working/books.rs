//! Checks the results of all orders: in the rows, and again in the log.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use annalist::{App, Criteria, Error, Event, Query, Record, manual::RawEvent, query::ReadModels};
use shop::{
    aggregate::Stock,
    command::Place,
    event::{OrderEvent, OrderId, ProductId, StockEvent},
    gateway::FakeGateway,
    projection::{Goods, OrderRow, Shelf, State},
};

use super::orders::{LIMIT, STOCK};

/// The results of the orders.
#[derive(Debug, Default)]
pub(crate) struct Books {
    pub(crate) shipped: Vec<OrderRow>,
    pub(crate) out_of_stock: Vec<OrderRow>,
    pub(crate) refused: Vec<OrderRow>,
    shelves: Vec<Shelf>,
    stocks: HashMap<ProductId, Stock>,
}

impl Books {
    /// Reads the read models and the states.
    pub(crate) async fn of(app: &App) -> Self {
        app.wait_until_caught_up().await.unwrap();
        in_the_right_order(app).await;
        let mut books = Self::default();
        let mut page = app.list::<OrderRow>().await.unwrap();
        loop {
            page.rows.into_iter().for_each(|order| books.enter(order));
            let Some(next) = page.next else { break };
            page = app.list::<OrderRow>().from(next).await.unwrap();
        }
        books.shelves = app.list::<Shelf>().await.unwrap().rows;
        for Shelf { product, .. } in &books.shelves {
            books.stocks.insert(product.clone(), app.load::<Stock>(product).await.unwrap());
        }
        books
    }

    fn enter(&mut self, order: OrderRow) {
        let is_missing = order.lines.iter().any(|line| line.goods == Goods::Missing);
        match order.state {
            State::Shipped => self.shipped.push(order),
            State::Cancelled if is_missing => self.out_of_stock.push(order),
            State::Cancelled => self.refused.push(order),
            _ => panic!("it did not come to an end: {order:?}"),
        }
    }

    /// Asserts that no order and no unit is lost or counted twice, and that no unit is still reserved.
    pub(crate) fn balance(&self, orders: &[Place], gateway: &FakeGateway) {
        let all = || self.shipped.iter().chain(&self.out_of_stock).chain(&self.refused);
        assert_eq!(all().count(), orders.len());
        let placed: HashSet<_> = orders.iter().map(|place| &place.order).collect();
        assert_eq!(all().map(|order| &order.order).collect::<HashSet<_>>(), placed);

        self.shelves.iter().for_each(|shelf| self.shelf_balances(shelf));
        for order in &self.shipped {
            assert!(order.lines.iter().all(|line| line.goods == Goods::Shipped), "{order:?}");
            assert!(order.receipt.is_some() && order.reason.is_none(), "{order:?}");
        }
        for order in self.out_of_stock.iter().chain(&self.refused) {
            let is_back = |goods| matches!(goods, Goods::Missing | Goods::Released);
            assert!(order.lines.iter().all(|line| is_back(line.goods)), "{order:?}");
            assert!(order.receipt.is_none() && order.reason.is_some(), "{order:?}");
        }
        self.payments_balance(gateway);
    }

    fn shelf_balances(&self, shelf: &Shelf) {
        let lines = self.shipped.iter().flat_map(|order| &order.lines);
        let of_product = lines.filter(|line| line.product == shelf.product);
        let shipped: i64 = of_product.map(|line| i64::from(line.count)).sum();
        assert_eq!((shelf.sold, shelf.reserved), (shipped, 0), "{shelf:?}");
        assert_eq!(shelf.available, i64::from(STOCK) - shipped, "{shelf:?}");

        let stock = &self.stocks[&shelf.product];
        assert_eq!(i64::from(stock.available), shelf.available, "{stock:?}");
        assert!(stock.reserved.is_empty(), "{stock:?}");
    }

    fn payments_balance(&self, gateway: &FakeGateway) {
        assert_eq!(gateway.paid(), self.shipped.len());
        for order in &self.out_of_stock {
            assert_eq!(gateway.calls(&order.order), 0, "{order:?}");
        }
        for (orders, above) in [(&self.shipped, false), (&self.refused, true)] {
            for order in orders {
                assert_eq!(order.total > LIMIT.signed(), above, "{order:?}");
                assert!(gateway.calls(&order.order) > 0, "{order:?}");
            }
        }
    }
}

/// Asserts that the log cancels an order only after its units are released, and ships it only after it is confirmed.
async fn in_the_right_order(app: &App) {
    let mut log = app.feed(Criteria::all());
    let (mut held, mut confirmed) = (HashMap::<OrderId, HashSet<ProductId>>::new(), HashSet::new());
    loop {
        let page = log.poll().await.unwrap();
        for record in &page.records {
            for event in decoded::<StockEvent>(record) {
                match event {
                    StockEvent::Reserved { product, order, .. } => {
                        assert!(held.entry(order).or_default().insert(product), "{record:?}");
                    }
                    StockEvent::Released { product, order, .. } => {
                        assert!(held.entry(order).or_default().remove(&product), "{record:?}");
                    }
                    StockEvent::Shipped { product, order, .. } => {
                        assert!(confirmed.contains(&order), "{record:?}");
                        assert!(held.entry(order).or_default().remove(&product), "{record:?}");
                    }
                    StockEvent::Delivered { .. } | StockEvent::Missing { .. } => {}
                }
            }
            for event in decoded::<OrderEvent>(record) {
                match event {
                    OrderEvent::Confirmed { order, .. } => assert!(confirmed.insert(order), "{record:?}"),
                    OrderEvent::Cancelled { order, .. } => {
                        assert!(held.get(&order).is_none_or(HashSet::is_empty), "{record:?}");
                        assert!(!confirmed.contains(&order), "{record:?}");
                    }
                    _ => {}
                }
            }
        }
        if page.records.is_empty() {
            return;
        }
    }
}

/// The events of one type in a record.
fn decoded<E: Event>(record: &Record) -> Vec<E> {
    let mut events = Vec::new();
    if E::TYPES.contains(&record.name) {
        E::decode_raw(&RawEvent::from(record), &annalist::manual::Codec::default(), &mut |event| {
            events.push(event);
        })
        .unwrap();
    }
    events
}

/// Whether any order is not final.
#[derive(Debug)]
struct UnderWay;

impl Query for UnderWay {
    type Answer = bool;

    /// In the order in which an order passes through the states, so that none is missed.
    async fn answer(&self, models: &ReadModels) -> Result<bool, Error> {
        for state in State::ALL.into_iter().filter(|state| !state.is_final()) {
            if !models.list::<OrderRow>().equal("state", &state).limit(1).await?.rows.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Waits until every order placed so far is final.
pub(crate) async fn all_ended(app: &App) {
    let placed = app.store().settled().await.unwrap().position;
    let mut watched = app.watch(UnderWay).after(placed).timeout(Duration::from_secs(600));
    while watched.next().await.unwrap() {}
}
