//! The decisions: pure functions from a state and a command to events or an error.
//!
//! Whatever a policy reacts to is an event, even a failure such as `stock.missing` and `payment.refused`. A repeated command of a
//! policy has no second effect: its decision returns no event if there is nothing left to do.

use std::{collections::BTreeSet, iter::zip, sync::Arc};

use annalist::Id;

use crate::{
    aggregate::{Order, Payment, Product, Reservation, Step, Stock},
    command::{Cancel, Deliver, Place, Proceed, RecordPayment, Release, Reserve, SetPrice, Ship},
    event::{Line, OrderDue, OrderEvent, OrderId, PaymentEvent, Priced, ProductId, Reason, StockEvent},
    gateway::Answer,
    money::Cents,
};

/// Why a command is rejected.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ShopError {
    /// The name is empty.
    #[error("an order, its customer and a product each need a name")]
    NoName,
    /// The name is already used.
    #[error("there is an order `{0}` already")]
    Exists(OrderId),
    /// The product has no price.
    #[error("`{0}` is not for sale")]
    NotForSale(ProductId),
    /// The number of units is zero.
    #[error("the count must be at least 1")]
    NoCount,
    /// The number or the amount is too large.
    #[error("the amount is too large")]
    TooMuch,
    /// The order has not failed, so it cannot be cancelled.
    #[error("the order `{0}` has not failed")]
    NotFailed(OrderId),
    /// The order still has reserved units, which must be released first.
    #[error("the order `{0}` still has reserved products")]
    StillHeld(OrderId),
}

impl Product {
    /// Returns no event if the price is unchanged.
    pub(crate) fn set_price(&self, command: &SetPrice) -> Result<Option<Priced>, ShopError> {
        if self.id.as_inner().is_empty() {
            return Err(ShopError::NoName);
        }
        let priced = Priced { product: self.id.clone(), price: command.price };
        Ok((self.price != Some(command.price)).then_some(priced))
    }
}

/// Decides over the order and the prices of its products. The stock is not checked here.
pub(crate) fn place(
    (order, products): (&Order, &[Arc<Product>]),
    command: &Place,
) -> Result<OrderEvent, ShopError> {
    if order.id.as_inner().is_empty() || command.customer.as_inner().is_empty() {
        return Err(ShopError::NoName);
    }
    if order.step != Step::None {
        return Err(ShopError::Exists(order.id.clone()));
    }
    let wanted = zip(products, command.basket.0.values());
    let lines = wanted.map(|(product, count)| line(product, *count)).collect::<Result<Vec<_>, _>>()?;
    if lines.is_empty() {
        return Err(ShopError::NoCount);
    }
    total(&lines)?;
    Ok(OrderEvent::Placed { order: order.id.clone(), customer: command.customer.clone(), lines })
}

fn line(product: &Product, count: u32) -> Result<Line, ShopError> {
    let price = product.price.ok_or_else(|| ShopError::NotForSale(product.id.clone()))?;
    if count == 0 {
        return Err(ShopError::NoCount);
    }
    Ok(Line { product: product.id.clone(), count, price })
}

fn total(lines: &[Line]) -> Result<Cents, ShopError> {
    let sum = lines.iter().try_fold(Cents::ZERO, |sum, line| sum.plus(line.cost()?));
    sum.filter(|sum| *sum <= Cents::MAX).ok_or(ShopError::TooMuch)
}

impl Stock {
    pub(crate) fn deliver(&self, command: &Deliver) -> Result<StockEvent, ShopError> {
        if self.id.as_inner().is_empty() {
            return Err(ShopError::NoName);
        }
        if command.count == 0 {
            return Err(ShopError::NoCount);
        }
        let reserved = self.reserved.values().try_fold(self.available, |sum, count| sum.checked_add(*count));
        reserved.and_then(|all| all.checked_add(command.count)).ok_or(ShopError::TooMuch)?;
        Ok(StockEvent::Delivered { product: self.id.clone(), count: command.count })
    }

    pub(crate) fn reserve(&self, command: &Reserve) -> Result<Option<StockEvent>, ShopError> {
        let (product, order) = (self.id.clone(), command.order.clone());
        Ok(match command.count {
            _ if self.answered.contains(&order) => None,
            count if count <= self.available => Some(StockEvent::Reserved { product, order, count }),
            _ => Some(StockEvent::Missing { product, order }),
        })
    }
}

impl Reservation {
    pub(crate) fn release(&self, command: &Release) -> Result<Option<StockEvent>, ShopError> {
        let (product, order) = (command.product.clone(), self.order.clone());
        let count = self.held.get(&product).copied();
        Ok(count.map(|count| StockEvent::Released { product, order, count }))
    }

    pub(crate) fn ship(&self, command: &Ship) -> Result<Option<StockEvent>, ShopError> {
        let (product, order) = (command.product.clone(), self.order.clone());
        let count = self.held.get(&product).copied();
        Ok(count.map(|count| StockEvent::Shipped { product, order, count }))
    }
}

impl Payment {
    /// Only the first answer is recorded.
    pub(crate) fn record(&self, command: &RecordPayment) -> Result<Option<PaymentEvent>, ShopError> {
        let order = self.id.clone();
        let event = match command.answer.clone() {
            Answer::Paid { receipt } => PaymentEvent::Accepted { order, receipt },
            Answer::Refused { why } => PaymentEvent::Refused { order, why },
        };
        Ok((!self.answered).then_some(event))
    }
}

impl Order {
    /// Returns the event of the next step, or none if the order still waits.
    pub(crate) fn proceed(&self, _: &Proceed) -> Result<Option<OrderEvent>, ShopError> {
        match (&self.step, &self.paid) {
            (Step::Placed, _) => self.stock_answered(),
            (Step::Due, Some(Ok(()))) => {
                let products = self.held.iter().cloned().collect();
                Ok(Some(OrderEvent::Confirmed { order: self.id.clone(), products }))
            }
            (Step::Due, Some(Err(why))) => Ok(Some(self.failed(Reason::PaymentRefused(why.clone())))),
            _ => Ok(None),
        }
    }

    /// Waits for the result of each line, so that no unit is reserved for an order that has failed.
    fn stock_answered(&self) -> Result<Option<OrderEvent>, ShopError> {
        let answered: BTreeSet<_> = self.held.union(&self.missing).collect();
        if !self.lines.iter().all(|line| answered.contains(&line.product)) {
            return Ok(None);
        }
        if self.missing.is_empty() {
            let total = total(&self.lines)?;
            return Ok(Some(OrderEvent::Due(OrderDue { order: self.id.clone(), total })));
        }
        Ok(Some(self.failed(Reason::OutOfStock(self.missing.iter().cloned().collect()))))
    }

    fn failed(&self, reason: Reason) -> OrderEvent {
        OrderEvent::Failed { order: self.id.clone(), reason, held: self.held.iter().cloned().collect() }
    }

    pub(crate) fn cancel(&self, _: &Cancel) -> Result<Option<OrderEvent>, ShopError> {
        match &self.step {
            Step::Failed(_) if !self.held.is_empty() => Err(ShopError::StillHeld(self.id.clone())),
            Step::Failed(reason) => {
                Ok(Some(OrderEvent::Cancelled { order: self.id.clone(), reason: reason.clone() }))
            }
            Step::Cancelled => Ok(None),
            _ => Err(ShopError::NotFailed(self.id.clone())),
        }
    }
}
