//! The newer program: payments are read by their order.

use annalist::prelude::*;

use super::{OrderId, PaymentId};

/// A payment.
#[derive(Event, Serialize, Deserialize, Clone, Debug)]
#[event(name = "payment.made")]
pub struct Made {
    #[id]
    payment: PaymentId,
    #[id]
    order: OrderId,
    #[serde(default)]
    seen: Option<u32>,
}

/// The payments of an order.
#[derive(Aggregate, Serialize, Deserialize, Debug)]
#[aggregate(on(Made => Order::apply), snapshot(every = 2))]
pub struct Order {
    #[id]
    id: OrderId,
    /// Their number.
    pub payments: u32,
}

impl Order {
    fn apply(&mut self, _: &Made) {
        self.payments += 1;
    }
}

/// Pays an order.
#[derive(Command, Serialize)]
#[command(decide = pay)]
pub struct Pay {
    /// The order.
    #[id(Order)]
    pub order: OrderId,
    /// The payment.
    pub payment: PaymentId,
}

fn pay(order: &Order, command: &Pay) -> Made {
    Made { payment: command.payment.clone(), order: command.order.clone(), seen: Some(order.payments) }
}

/// The number of payments of an order.
#[derive(Projection, Debug, PartialEq)]
#[projection(name = "payments", on(Made => Payments::add))]
pub struct Payments {
    /// The order.
    #[key]
    pub order: OrderId,
    /// Their number.
    pub payments: u32,
}

impl Payments {
    fn add(&mut self, _: &Made) {
        self.payments += 1;
    }
}
