//! The commands. Users send the first three, policies the others.

use std::{collections::BTreeMap, sync::Arc};

use annalist::{
    manual::{Ids, StateSource},
    prelude::*,
};

use crate::{
    aggregate::{Order, Payment, Product, Reservation, Stock},
    decide,
    event::{CustomerId, OrderId, ProductId},
    gateway::Answer,
    money::Cents,
};

/// Sets the price of a product.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = Product::set_price)]
pub struct SetPrice {
    /// The product.
    #[id]
    pub product: ProductId,
    /// The price of one unit.
    pub price: Cents,
}

/// Adds units to the stock of a product.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = Stock::deliver)]
pub struct Deliver {
    /// The product.
    #[id]
    pub product: ProductId,
    /// The number of units.
    pub count: u32,
}

/// Places an order at the current prices.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = decide::place)]
pub struct Place {
    /// The name of the new order, which must not exist yet.
    #[id(Order)]
    pub order: OrderId,
    /// The customer.
    pub customer: CustomerId,
    /// The ordered products.
    #[id(Product)]
    pub basket: Basket,
}

/// The ordered number of units of each product.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(transparent)]
pub struct Basket(pub BTreeMap<ProductId, u32>);

/// The ids of the products: the decision gets a state for each, in this order.
impl Ids for Basket {
    type Id = ProductId;
    type States<A> = Vec<Arc<A>>;

    fn each(&self, visit: &mut dyn FnMut(&ProductId)) {
        self.0.keys().for_each(visit);
    }

    fn load<A, S: StateSource<ProductId, A>>(&self, states: &mut S) -> Result<Vec<Arc<A>>, S::Error> {
        self.0.keys().map(|product| states.shared(product)).collect()
    }
}

/// Reserves units of a product for an order, or records that there are not enough.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = Stock::reserve)]
pub struct Reserve {
    /// The product.
    #[id]
    pub product: ProductId,
    /// The order.
    pub order: OrderId,
    /// The number of units.
    pub count: u32,
}

/// Releases the reserved units of an order.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = Reservation::release)]
pub struct Release {
    /// The product.
    pub product: ProductId,
    /// The order.
    #[id]
    pub order: OrderId,
}

/// Ships the reserved units of an order.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = Reservation::ship)]
pub struct Ship {
    /// The product.
    pub product: ProductId,
    /// The order.
    #[id]
    pub order: OrderId,
}

/// Records the gateway's answer.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = Payment::record)]
pub struct RecordPayment {
    /// The order.
    #[id]
    pub order: OrderId,
    /// The gateway's answer.
    pub answer: Answer,
}

/// Moves an order to its next step, if the results of stock or payment that it waits for are recorded.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = Order::proceed)]
pub struct Proceed {
    /// The order.
    #[id]
    pub order: OrderId,
}

/// Cancels a failed order that has no reserved units left.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = Order::cancel)]
pub struct Cancel {
    /// The order.
    #[id]
    pub order: OrderId,
}

/// Any command that an event of an order leads to.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
pub enum ShopCommand {
    /// Reserves units.
    Reserve(Reserve),
    /// Releases units.
    Release(Release),
    /// Ships units.
    Ship(Ship),
    /// Cancels a failed order.
    Cancel(Cancel),
}
