//! The events: of prices, of the stock of a product, of an order and of its payment.

use std::fmt;

use annalist::prelude::*;

use crate::money::Cents;

/// A product, such as `tea`.
#[derive(Id, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProductId(String);

/// An order, under a name chosen by its customer, so that an order sent twice is placed once.
#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
pub struct OrderId(String);

/// A customer, by name.
#[derive(Id, Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct CustomerId(String);

/// The price of a product was set.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event(name = "product.priced")]
pub struct Priced {
    /// The product.
    #[id]
    pub product: ProductId,
    /// The price of one unit.
    pub price: Cents,
}

/// All events of the stock of a product.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event(prefix = "stock")]
pub enum StockEvent {
    /// Units were delivered.
    Delivered {
        /// The product.
        #[id]
        product: ProductId,
        /// The number of units.
        count: u32,
    },
    /// Units were reserved for an order.
    Reserved {
        /// The product.
        #[id]
        product: ProductId,
        /// The order.
        #[id]
        order: OrderId,
        /// The number of units.
        count: u32,
    },
    /// There were not enough units for an order.
    Missing {
        /// The product.
        #[id]
        product: ProductId,
        /// The order.
        #[id]
        order: OrderId,
    },
    /// The reserved units of an order were released.
    Released {
        /// The product.
        #[id]
        product: ProductId,
        /// The order.
        #[id]
        order: OrderId,
        /// The number of units.
        count: u32,
    },
    /// The reserved units of an order were shipped.
    Shipped {
        /// The product.
        #[id]
        product: ProductId,
        /// The order.
        #[id]
        order: OrderId,
        /// The number of units.
        count: u32,
    },
}

/// All events of an order.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event(prefix = "order")]
pub enum OrderEvent {
    /// An order was placed.
    Placed {
        /// The new order.
        #[id]
        order: OrderId,
        /// The customer.
        #[id]
        customer: CustomerId,
        /// The lines. The event belongs to each of their products too.
        #[id(with = products)]
        lines: Vec<Line>,
    },
    /// Everything is reserved, and the payment is due.
    Due(OrderDue),
    /// The order is paid, and everything is to be shipped.
    Confirmed {
        /// The order.
        #[id]
        order: OrderId,
        /// The ordered products.
        products: Vec<ProductId>,
    },
    /// The order failed, and its reserved units must be released.
    Failed {
        /// The order.
        #[id]
        order: OrderId,
        /// The reason.
        reason: Reason,
        /// The products with reserved units.
        held: Vec<ProductId>,
    },
    /// The failed order has no reserved units left.
    Cancelled {
        /// The order.
        #[id]
        order: OrderId,
        /// The reason.
        reason: Reason,
    },
}

/// The payment of an order is due. It is a separate struct, so that the payment policy can subscribe to this event alone.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event(name = "order.due")]
pub struct OrderDue {
    /// The order.
    #[id]
    pub order: OrderId,
    /// The amount.
    pub total: Cents,
}

/// The gateway's answer for an order.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event(prefix = "payment")]
pub enum PaymentEvent {
    /// The order is paid.
    Accepted {
        /// The order.
        #[id]
        order: OrderId,
        /// The gateway's id of the payment.
        receipt: String,
    },
    /// The payment was refused.
    Refused {
        /// The order.
        #[id]
        order: OrderId,
        /// The gateway's reason.
        why: String,
    },
}

/// A number of units of one product, at the price when the order was placed.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct Line {
    /// The product.
    pub product: ProductId,
    /// The number of units.
    pub count: u32,
    /// The price of one unit.
    pub price: Cents,
}

impl Line {
    /// Returns the cost of the line, or `None` on overflow.
    pub fn cost(&self) -> Option<Cents> {
        self.price.times(self.count)
    }
}

fn products(lines: &[Line]) -> Vec<ProductId> {
    lines.iter().map(|line| line.product.clone()).collect()
}

/// Why an order failed.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub enum Reason {
    /// There were not enough units of these products.
    OutOfStock(Vec<ProductId>),
    /// The gateway refused, with this reason.
    PaymentRefused(String),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfStock(products) => {
                let products: Vec<_> = products.iter().map(ProductId::to_string).collect();
                write!(f, "not enough {}", products.join(", "))
            }
            Self::PaymentRefused(why) => write!(f, "payment refused: {why}"),
        }
    }
}
