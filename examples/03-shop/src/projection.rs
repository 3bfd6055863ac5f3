//! The read models: rows folded from the events, in tables that any SQL tool can read.

use std::{fmt, str::FromStr};

use annalist::{Timestamp, prelude::*};

use crate::{
    event::{CustomerId, Line, OrderEvent, OrderId, PaymentEvent, Priced, ProductId, StockEvent},
    money::Cents,
};

/// An order as its customer sees it. In SQL: the view `orders` of the rows' schema (on SQLite `annalist_rows_orders`).
#[derive(Projection, Clone, Debug, PartialEq)]
#[projection(name = "orders", version = 1, context)]
#[projection(on(
    OrderEvent => OrderRow::apply,
    StockEvent => OrderRow::stock,
    PaymentEvent => OrderRow::payment,
))]
pub struct OrderRow {
    /// The order.
    #[key]
    pub order: OrderId,
    /// The customer.
    #[index]
    pub customer: CustomerId,
    /// The state of the order.
    #[index]
    pub state: State,
    /// The time at which the order was placed.
    #[index]
    pub placed: Timestamp,
    /// The total cost in cents.
    pub total: i64,
    /// The ordered products.
    #[json]
    pub lines: Vec<LineRow>,
    /// The gateway's id of the payment.
    pub receipt: Option<String>,
    /// Why the order failed.
    pub reason: Option<String>,
}

/// A line of an order.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct LineRow {
    /// The product.
    pub product: ProductId,
    /// The number of units.
    pub count: u32,
    /// The price of one unit in cents.
    pub price: Cents,
    /// The state of the units.
    pub goods: Goods,
}

/// The state of the units of a line.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Goods {
    /// The reservation is not decided yet.
    Wanted,
    /// The units are reserved.
    Reserved,
    /// There are not enough units.
    Missing,
    /// The reservation was released.
    Released,
    /// The units are shipped.
    Shipped,
}

impl OrderRow {
    fn apply(&mut self, event: &OrderEvent, context: &Context) {
        match event {
            OrderEvent::Placed { customer, lines, .. } => {
                self.customer.clone_from(customer);
                self.placed = context.time;
                self.state = State::Placed;
                self.total = lines.iter().filter_map(Line::cost).map(Cents::signed).sum();
                self.lines = lines.iter().cloned().map(LineRow::from).collect();
            }
            OrderEvent::Due(_) => self.state = State::Due,
            OrderEvent::Confirmed { .. } => self.state = State::Confirmed,
            OrderEvent::Failed { reason, .. } => {
                self.reason = Some(reason.to_string());
                self.state = State::Failed;
            }
            OrderEvent::Cancelled { .. } => self.state = State::Cancelled,
        }
    }

    fn stock(&mut self, event: &StockEvent, _: &Context) {
        match event {
            StockEvent::Delivered { .. } => {}
            StockEvent::Reserved { product, .. } => self.goods_are(product, Goods::Reserved),
            StockEvent::Missing { product, .. } => self.goods_are(product, Goods::Missing),
            StockEvent::Released { product, .. } => self.goods_are(product, Goods::Released),
            StockEvent::Shipped { product, .. } => {
                self.goods_are(product, Goods::Shipped);
                if self.lines.iter().all(|line| line.goods == Goods::Shipped) {
                    self.state = State::Shipped;
                }
            }
        }
    }

    fn payment(&mut self, event: &PaymentEvent, _: &Context) {
        if let PaymentEvent::Accepted { receipt, .. } = event {
            self.receipt = Some(receipt.clone());
        }
    }

    fn goods_are(&mut self, product: &ProductId, goods: Goods) {
        let of_product = self.lines.iter_mut().filter(|line| line.product == *product);
        of_product.for_each(|line| line.goods = goods);
    }
}

impl From<Line> for LineRow {
    fn from(Line { product, count, price }: Line) -> Self {
        Self { product, count, price, goods: Goods::Wanted }
    }
}

/// The state of an order for its customer. A text column, so that rows can be queried by it, here and in SQL.
#[derive(Field, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[field(rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// The order is placed, and its units are being reserved.
    #[default]
    Placed,
    /// The payment is due.
    Due,
    /// The order is paid.
    Confirmed,
    /// Everything is shipped.
    Shipped,
    /// The order failed, and its reserved units are being released.
    Failed,
    /// The order failed, and everything is released.
    Cancelled,
}

impl State {
    /// All states.
    pub const ALL: [Self; 6] =
        [Self::Placed, Self::Due, Self::Confirmed, Self::Shipped, Self::Failed, Self::Cancelled];

    /// Returns `true` if the state does not change any more.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Shipped | Self::Cancelled)
    }

    /// The name of the state.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Placed => "placed",
            Self::Due => "due",
            Self::Confirmed => "confirmed",
            Self::Shipped => "shipped",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that is not a state.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("an order is placed, due, confirmed, shipped, failed or cancelled")]
pub struct ParseStateError;

impl FromStr for State {
    type Err = ParseStateError;

    fn from_str(text: &str) -> Result<Self, ParseStateError> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or(ParseStateError)
    }
}

/// The stock of a product. In SQL: the view `stock` of the rows' schema (on SQLite `annalist_rows_stock`).
#[derive(Projection, Clone, Debug, PartialEq)]
#[projection(name = "stock", version = 1)]
#[projection(on(Priced => Shelf::priced, StockEvent => Shelf::apply, OrderEvent => Shelf::ordered))]
pub struct Shelf {
    /// The product.
    #[key]
    pub product: ProductId,
    /// The price of one unit in cents, if the product is for sale.
    pub price: Option<i64>,
    /// The number of units that are not reserved.
    pub available: i64,
    /// The number of reserved units.
    pub reserved: i64,
    /// The number of shipped units.
    #[index]
    pub sold: i64,
    /// The number of units in all orders that were ever placed.
    #[index]
    pub wanted: i64,
}

impl Shelf {
    fn priced(&mut self, event: &Priced) {
        self.price = Some(event.price.signed());
    }

    fn apply(&mut self, event: &StockEvent) {
        match event {
            StockEvent::Delivered { count, .. } => self.available += i64::from(*count),
            StockEvent::Reserved { count, .. } => {
                self.available -= i64::from(*count);
                self.reserved += i64::from(*count);
            }
            StockEvent::Missing { .. } => {}
            StockEvent::Released { count, .. } => {
                self.available += i64::from(*count);
                self.reserved -= i64::from(*count);
            }
            StockEvent::Shipped { count, .. } => {
                self.reserved -= i64::from(*count);
                self.sold += i64::from(*count);
            }
        }
    }

    /// The event of an order carries the ids of its products, so it changes the row of each.
    fn ordered(&mut self, event: &OrderEvent) {
        if let OrderEvent::Placed { lines, .. } = event {
            let of_product = lines.iter().filter(|line| line.product == self.product);
            self.wanted += of_product.map(|line| i64::from(line.count)).sum::<i64>();
        }
    }
}
