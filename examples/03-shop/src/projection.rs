//! What is asked often, kept ready: rows folded from the events, in tables that any SQL tool can read.

use std::{fmt, str::FromStr};

use annalist::{
    Invalid, Timestamp,
    prelude::*,
    rows::{ColumnType, Field, Value},
};

use crate::{
    event::{CustomerId, Line, OrderEvent, OrderId, PaymentEvent, Priced, ProductId, StockEvent},
    money::Cents,
};

/// An order as its customer sees it. In SQL: `SELECT * FROM orders` (on SQLite `annalist_orders`).
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
    /// Whose it is.
    #[index]
    pub customer: CustomerId,
    /// How far it is.
    #[index]
    pub state: State,
    /// When it was placed.
    #[index]
    pub placed: Timestamp,
    /// What it costs, in cents.
    pub total: i64,
    /// What is in it.
    #[json]
    pub lines: Vec<LineRow>,
    /// What the gateway calls the payment.
    pub receipt: Option<String>,
    /// Why it came to nothing.
    pub reason: Option<String>,
}

/// A line of an order.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct LineRow {
    /// The product.
    pub product: ProductId,
    /// How many.
    pub count: u32,
    /// What one costs, in cents.
    pub price: Cents,
    /// Where they are.
    pub goods: Goods,
}

/// Where the goods of a line are.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Goods {
    /// Nobody knows yet.
    Wanted,
    /// They lie aside.
    Reserved,
    /// There are not enough.
    Missing,
    /// They went back.
    Released,
    /// They are on their way.
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

/// How far an order is, for its customer.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Its goods are looked for.
    #[default]
    Placed,
    /// It is to be paid.
    Due,
    /// It is paid.
    Confirmed,
    /// Everything in it is on its way.
    Shipped,
    /// It comes to nothing.
    Failed,
    /// It came to nothing, and nothing is left to undo.
    Cancelled,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Placed, Self::Due, Self::Confirmed, Self::Shipped, Self::Failed, Self::Cancelled];

    /// Whether nothing more comes.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Shipped | Self::Cancelled)
    }

    /// As a text.
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

/// A text that is no state.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("an order is placed, due, confirmed, shipped, failed or cancelled")]
pub struct NoState;

impl FromStr for State {
    type Err = NoState;

    fn from_str(text: &str) -> Result<Self, NoState> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or(NoState)
    }
}

/// A column of texts, so that rows are asked by state, here and in SQL.
impl Field for State {
    const TYPE: ColumnType = ColumnType::Text;

    fn to_value(&self) -> Result<Value, Invalid> {
        self.as_str().to_owned().to_value()
    }

    fn from_value(value: Value) -> Result<Self, Invalid> {
        let text = String::from_value(value)?;
        text.parse().map_err(|error: NoState| Invalid::Text {
            what: "state of an order",
            rule: error.to_string(),
            value: text,
        })
    }
}

/// What is there of a product. In SQL: `SELECT * FROM stock` (on SQLite `annalist_stock`).
#[derive(Projection, Clone, Debug, PartialEq)]
#[projection(name = "stock", version = 1)]
#[projection(on(Priced => Shelf::priced, StockEvent => Shelf::apply, OrderEvent => Shelf::ordered))]
pub struct Shelf {
    /// The product.
    #[key]
    pub product: ProductId,
    /// What one costs, in cents, if it is for sale.
    pub price: Option<i64>,
    /// What lies on the shelf for everybody.
    pub available: i64,
    /// What lies aside for orders.
    pub reserved: i64,
    /// What left the house.
    #[index]
    pub sold: i64,
    /// What was ever wanted.
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

    /// An order carries the ids of the products in it, so it changes the row of each.
    fn ordered(&mut self, event: &OrderEvent) {
        if let OrderEvent::Placed { lines, .. } = event {
            let of_product = lines.iter().filter(|line| line.product == self.product);
            self.wanted += of_product.map(|line| i64::from(line.count)).sum::<i64>();
        }
    }
}
