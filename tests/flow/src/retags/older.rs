//! The older program: the order of a payment is a field like others.

use annalist::prelude::*;

use super::{OrderId, PaymentId};

/// A payment.
#[derive(Event, Serialize, Deserialize, Clone, Debug)]
#[event(name = "payment.made")]
pub struct Made {
    #[id]
    payment: PaymentId,
    order: OrderId,
}

/// A payment, with how often it was made.
#[derive(Aggregate, Debug)]
#[aggregate(on(Made => Payment::apply))]
pub struct Payment {
    #[id]
    id: PaymentId,
    times: u32,
}

impl Payment {
    fn apply(&mut self, _: &Made) {
        self.times += 1;
    }
}

/// Pays an order.
#[derive(Command, Serialize)]
#[command(decide = pay)]
pub struct Pay {
    /// The payment.
    #[id(Payment)]
    pub payment: PaymentId,
    /// The order.
    pub order: OrderId,
}

fn pay(_: &Payment, command: &Pay) -> Made {
    Made { payment: command.payment.clone(), order: command.order.clone() }
}
