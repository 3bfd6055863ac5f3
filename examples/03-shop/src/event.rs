//! What happened: to prices, to the stock of a product, to an order and to its payment.

use std::fmt;

use annalist::prelude::*;

use crate::money::Cents;

/// A product, such as `tea`.
#[derive(Id, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProductId(String);

/// An order, under the name that its customer gave it: to send it twice is to place it once.
#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
pub struct OrderId(String);

/// A customer, by name.
#[derive(Id, Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct CustomerId(String);

/// A product has a price from now on.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event(name = "product.priced")]
pub struct Priced {
    /// The product.
    #[id]
    pub product: ProductId,
    /// What one costs.
    pub price: Cents,
}

/// Everything that can happen to the stock of a product.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event(prefix = "stock")]
pub enum StockEvent {
    /// More of it came in.
    Delivered {
        /// The product.
        #[id]
        product: ProductId,
        /// How many.
        count: u32,
    },
    /// Some of it was laid aside for an order.
    Reserved {
        /// The product.
        #[id]
        product: ProductId,
        /// The order.
        #[id]
        order: OrderId,
        /// How many.
        count: u32,
    },
    /// There was not enough of it for an order.
    Missing {
        /// The product.
        #[id]
        product: ProductId,
        /// The order.
        #[id]
        order: OrderId,
    },
    /// What was laid aside for an order went back.
    Released {
        /// The product.
        #[id]
        product: ProductId,
        /// The order.
        #[id]
        order: OrderId,
        /// How many.
        count: u32,
    },
    /// What was laid aside for an order left the house.
    Shipped {
        /// The product.
        #[id]
        product: ProductId,
        /// The order.
        #[id]
        order: OrderId,
        /// How many.
        count: u32,
    },
}

/// Everything that can happen to an order.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event(prefix = "order")]
pub enum OrderEvent {
    /// Somebody wants something.
    Placed {
        /// The new order.
        #[id]
        order: OrderId,
        /// Whose it is.
        #[id]
        customer: CustomerId,
        /// What it is about: the event belongs to each product in it, too.
        #[id(with = products)]
        lines: Vec<Line>,
    },
    /// Everything in it lies aside: it is to be paid.
    Due(OrderDue),
    /// It is paid: everything in it is to be shipped.
    Confirmed {
        /// The order.
        #[id]
        order: OrderId,
        /// What is in it.
        products: Vec<ProductId>,
    },
    /// It comes to nothing: what lies aside has to go back.
    Failed {
        /// The order.
        #[id]
        order: OrderId,
        /// Why.
        reason: Reason,
        /// What lies aside for it.
        held: Vec<ProductId>,
    },
    /// It came to nothing, and nothing lies aside for it any more.
    Cancelled {
        /// The order.
        #[id]
        order: OrderId,
        /// Why.
        reason: Reason,
    },
}

/// An order is to be paid: a struct of its own, so that who takes the money reads this and nothing else.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event(name = "order.due")]
pub struct OrderDue {
    /// The order.
    #[id]
    pub order: OrderId,
    /// How much.
    pub total: Cents,
}

/// What the gateway said about the payment of an order.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event(prefix = "payment")]
pub enum PaymentEvent {
    /// It is paid.
    Accepted {
        /// The order.
        #[id]
        order: OrderId,
        /// What the gateway calls the payment.
        receipt: String,
    },
    /// It will not be paid.
    Refused {
        /// The order.
        #[id]
        order: OrderId,
        /// Why, in the gateway's words.
        why: String,
    },
}

/// So many of one product, at the price that it had when the order was placed.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct Line {
    /// The product.
    pub product: ProductId,
    /// How many.
    pub count: u32,
    /// What one costs.
    pub price: Cents,
}

impl Line {
    /// What it costs, unless that is more than can be counted.
    pub fn cost(&self) -> Option<Cents> {
        self.price.times(self.count)
    }
}

fn products(lines: &[Line]) -> Vec<ProductId> {
    lines.iter().map(|line| line.product.clone()).collect()
}

/// Why an order came to nothing.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub enum Reason {
    /// There was not enough of these.
    OutOfStock(Vec<ProductId>),
    /// The gateway's words.
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
