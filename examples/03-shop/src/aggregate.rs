//! The states of decisions. They are independent: none knows the rules of another.

use std::collections::{BTreeSet, HashMap, HashSet};

use annalist::Aggregate;

use crate::{
    decide::ShopError,
    event::{Line, OrderEvent, OrderId, PaymentEvent, Priced, ProductId, Reason, StockEvent},
    money::Cents,
};

/// The price of a product. Placing an order reads only the price, and so does not conflict with changes of the stock.
#[derive(Aggregate, Clone, Debug)]
#[aggregate(on(Priced => Product::priced), error = ShopError)]
pub struct Product {
    #[id]
    pub(crate) id: ProductId,
    pub(crate) price: Option<Cents>,
}

impl Product {
    fn priced(&mut self, event: &Priced) {
        self.price = Some(event.price);
    }
}

/// The stock of a product and its reservations.
#[derive(Aggregate, Clone, Debug)]
#[aggregate(on(StockEvent => Stock::apply), error = ShopError)]
pub struct Stock {
    #[id]
    pub(crate) id: ProductId,
    /// The number of units that are not reserved.
    pub available: u32,
    /// The reserved units, by order.
    pub reserved: HashMap<OrderId, u32>,
    /// The orders whose reservation was decided.
    pub(crate) answered: HashSet<OrderId>,
}

impl Stock {
    fn apply(&mut self, event: &StockEvent) {
        match event {
            StockEvent::Delivered { count, .. } => self.available = self.available.saturating_add(*count),
            StockEvent::Reserved { order, count, .. } => {
                self.available = self.available.saturating_sub(*count);
                self.reserved.insert(order.clone(), *count);
                self.answered.insert(order.clone());
            }
            StockEvent::Missing { order, .. } => {
                self.answered.insert(order.clone());
            }
            StockEvent::Released { order, count, .. } => {
                self.reserved.remove(order);
                self.available = self.available.saturating_add(*count);
            }
            StockEvent::Shipped { order, .. } => {
                self.reserved.remove(order);
            }
        }
    }
}

/// The reservations of an order. Shipping or releasing them reads these few events instead of all events of the product. The
/// event belongs to the product too, so reservations of the product see it.
#[derive(Aggregate, Clone, Debug)]
#[aggregate(on(StockEvent => Reservation::apply), error = ShopError)]
pub struct Reservation {
    #[id]
    pub(crate) order: OrderId,
    pub(crate) held: HashMap<ProductId, u32>,
}

impl Reservation {
    fn apply(&mut self, event: &StockEvent) {
        match event {
            StockEvent::Reserved { product, count, .. } => {
                self.held.insert(product.clone(), *count);
            }
            StockEvent::Released { product, .. } | StockEvent::Shipped { product, .. } => {
                self.held.remove(product);
            }
            StockEvent::Delivered { .. } | StockEvent::Missing { .. } => {}
        }
    }
}

/// An order, with the results of stock and payment: their events carry its id, so they are part of its state.
#[derive(Aggregate, Clone, Debug)]
#[aggregate(
    on(OrderEvent => Order::apply, StockEvent => Order::stock, PaymentEvent => Order::payment),
    error = ShopError
)]
pub struct Order {
    #[id]
    pub(crate) id: OrderId,
    pub(crate) step: Step,
    pub(crate) lines: Vec<Line>,
    pub(crate) held: BTreeSet<ProductId>,
    pub(crate) missing: BTreeSet<ProductId>,
    /// The gateway's answer, with its reason if it refused.
    pub(crate) paid: Option<Result<(), String>>,
}

/// The step that an order has reached.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Step {
    /// The order does not exist.
    #[default]
    None,
    Placed,
    Due,
    Confirmed,
    Failed(Reason),
    Cancelled,
}

impl Order {
    fn apply(&mut self, event: &OrderEvent) {
        self.step = match event {
            OrderEvent::Placed { lines, .. } => {
                self.lines.clone_from(lines);
                Step::Placed
            }
            OrderEvent::Due(_) => Step::Due,
            OrderEvent::Confirmed { .. } => Step::Confirmed,
            OrderEvent::Failed { reason, .. } => Step::Failed(reason.clone()),
            OrderEvent::Cancelled { .. } => Step::Cancelled,
        };
    }

    fn stock(&mut self, event: &StockEvent) {
        match event {
            StockEvent::Delivered { .. } => {}
            StockEvent::Reserved { product, .. } => {
                self.held.insert(product.clone());
            }
            StockEvent::Missing { product, .. } => {
                self.missing.insert(product.clone());
            }
            StockEvent::Released { product, .. } | StockEvent::Shipped { product, .. } => {
                self.held.remove(product);
            }
        }
    }

    fn payment(&mut self, event: &PaymentEvent) {
        self.paid = Some(match event {
            PaymentEvent::Accepted { .. } => Ok(()),
            PaymentEvent::Refused { why, .. } => Err(why.clone()),
        });
    }
}

/// The payment of an order: whether the gateway's answer is recorded.
#[derive(Aggregate, Clone, Debug)]
#[aggregate(on(PaymentEvent => Payment::apply), error = ShopError)]
pub struct Payment {
    #[id]
    pub(crate) id: OrderId,
    pub(crate) answered: bool,
}

impl Payment {
    fn apply(&mut self, _: &PaymentEvent) {
        self.answered = true;
    }
}
