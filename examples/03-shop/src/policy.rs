//! Reactions: events of one part of the shop become commands to another.
//!
//! ```text
//! order.placed                 reserve each line
//! stock.reserved, .missing     proceed: the order is due, or has failed
//! order.due                    ask the gateway, record its answer
//! payment.accepted, .refused   proceed: the order is confirmed, or has failed
//! order.confirmed              ship each line
//! order.failed                 release each reserved line, then cancel
//! ```

use std::{fmt, sync::Arc};

use annalist::prelude::*;

use crate::{
    command::{Cancel, Proceed, RecordPayment, Release, Reserve, Ship, ShopCommand},
    event::{OrderDue, OrderEvent, PaymentEvent, StockEvent},
    gateway::{Gateway, Unavailable},
};

/// Coordinates order, stock and payment, and compensates when an order fails.
#[derive(Policy, Clone, Debug)]
#[policy(name = "fulfilment", from = beginning, on_reject = stop)]
#[policy(on(
    OrderEvent => Fulfilment::order,
    StockEvent => Fulfilment::stock,
    PaymentEvent => Fulfilment::payment,
))]
pub struct Fulfilment;

impl Fulfilment {
    /// Returns commands that are sent in order; a command that was executed before a crash is not executed again.
    fn order(&self, event: &OrderEvent) -> Vec<ShopCommand> {
        match event {
            OrderEvent::Placed { order, lines, .. } => {
                let reserve = lines.iter().map(|line| Reserve {
                    product: line.product.clone(),
                    order: order.clone(),
                    count: line.count,
                });
                reserve.map(ShopCommand::Reserve).collect()
            }
            OrderEvent::Confirmed { order, products } => {
                let products = products.iter().cloned();
                let ship = products.map(|product| Ship { product, order: order.clone() });
                ship.map(ShopCommand::Ship).collect()
            }
            OrderEvent::Failed { order, held, .. } => {
                let held = held.iter().cloned();
                let release = held.map(|product| Release { product, order: order.clone() });
                let cancel = ShopCommand::Cancel(Cancel { order: order.clone() });
                release.map(ShopCommand::Release).chain([cancel]).collect()
            }
            OrderEvent::Due(_) | OrderEvent::Cancelled { .. } => Vec::new(),
        }
    }

    fn stock(&self, event: &StockEvent) -> Option<Proceed> {
        match event {
            StockEvent::Reserved { order, .. } | StockEvent::Missing { order, .. } => {
                Some(Proceed { order: order.clone() })
            }
            StockEvent::Delivered { .. } | StockEvent::Released { .. } | StockEvent::Shipped { .. } => None,
        }
    }

    fn payment(&self, event: &PaymentEvent) -> Proceed {
        match event {
            PaymentEvent::Accepted { order, .. } | PaymentEvent::Refused { order, .. } => {
                Proceed { order: order.clone() }
            }
        }
    }
}

/// Charges orders that are due. It is a separate policy, so that everything else continues while the gateway is unavailable.
#[derive(Policy, Clone)]
#[policy(name = "payments", from = beginning, on_reject = stop, on(OrderDue => Payments::charge))]
pub struct Payments {
    /// The payment gateway.
    pub gateway: Arc<dyn Gateway>,
}

impl Payments {
    /// The order's id is the idempotency key of the charge.
    async fn charge(&self, due: &OrderDue) -> Result<RecordPayment, Unavailable> {
        let answer = self.gateway.charge(&due.order, due.total).await?;
        Ok(RecordPayment { order: due.order.clone(), answer })
    }
}

impl fmt::Debug for Payments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Payments").finish_non_exhaustive()
    }
}
