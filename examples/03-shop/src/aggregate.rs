//! The states that decisions look at. Each is decided for itself: none knows the rules of another.

use std::collections::{BTreeSet, HashMap, HashSet};

use annalist::Aggregate;

use crate::{
    decide::ShopError,
    event::{Line, OrderEvent, OrderId, PaymentEvent, Priced, ProductId, Reason, StockEvent},
    money::Cents,
};

/// What a product costs. To place an order reads nothing else of it, and so meets no conflict when stock moves.
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

/// What is there of a product, and for whom it lies aside.
#[derive(Aggregate, Clone, Debug)]
#[aggregate(on(StockEvent => Stock::apply), error = ShopError)]
pub struct Stock {
    #[id]
    pub(crate) id: ProductId,
    /// What lies on the shelf for everybody.
    pub available: u32,
    /// What lies aside, by order.
    pub reserved: HashMap<OrderId, u32>,
    /// The orders that have their answer.
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

/// What lies aside for an order. To send it out or to put it back takes these few events, not all that ever happened to the
/// product: and yet no reservation of the product overlooks it, for the event belongs to both.
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

/// An order, with what stock and payment answered: their events carry its id, so they are part of its state.
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
    /// The gateway's answer: why not, if it refused.
    pub(crate) paid: Option<Result<(), String>>,
}

/// How far an order is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Step {
    /// It is not there.
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

/// The payment of an order: whether it has its answer.
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
