//! What may be asked. People ask for the first three, policies for the others.

use std::collections::BTreeMap;

use annalist::{Ids, StateSource, prelude::*};

use crate::{
    aggregate::{Order, Payment, Product, Reservation, Stock},
    decide,
    event::{CustomerId, OrderId, ProductId},
    gateway::Answer,
    money::Cents,
};

/// Says what a product costs.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = Product::set_price)]
pub struct SetPrice {
    /// The product.
    #[id]
    pub product: ProductId,
    /// What one costs.
    pub price: Cents,
}

/// Brings more of a product.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = Stock::deliver)]
pub struct Deliver {
    /// The product.
    #[id]
    pub product: ProductId,
    /// How many.
    pub count: u32,
}

/// Places an order, at the prices of this moment.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = decide::place)]
pub struct Place {
    /// A name for it, which no order may have yet.
    #[id(Order)]
    pub order: OrderId,
    /// Whose it is.
    pub customer: CustomerId,
    /// What is wanted.
    #[id(Product)]
    pub basket: Basket,
}

/// How many are wanted of each product.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(transparent)]
pub struct Basket(pub BTreeMap<ProductId, u32>);

/// A command gets a state for each product in the basket, in this order.
impl Ids for Basket {
    type Id = ProductId;
    type States<A> = Vec<A>;

    fn each(&self, visit: &mut dyn FnMut(&ProductId)) {
        self.0.keys().for_each(visit);
    }

    fn load<A, S: StateSource<ProductId, A>>(&self, states: &mut S) -> Result<Vec<A>, S::Error> {
        self.0.keys().map(|product| states.owned(product)).collect()
    }
}

/// Lays some of a product aside for an order, or says that there is not enough of it.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = Stock::reserve)]
pub struct Reserve {
    /// The product.
    #[id]
    pub product: ProductId,
    /// The order.
    pub order: OrderId,
    /// How many.
    pub count: u32,
}

/// Puts back what lies aside for an order.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = Reservation::release)]
pub struct Release {
    /// The product.
    pub product: ProductId,
    /// The order.
    #[id]
    pub order: OrderId,
}

/// Sends out what lies aside for an order.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = Reservation::ship)]
pub struct Ship {
    /// The product.
    pub product: ProductId,
    /// The order.
    #[id]
    pub order: OrderId,
}

/// Writes down what the gateway said.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = Payment::record)]
pub struct RecordPayment {
    /// The order.
    #[id]
    pub order: OrderId,
    /// What it said.
    pub answer: Answer,
}

/// Has an order take its next step, if stock and payment have answered what it waits for.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = Order::proceed)]
pub struct Proceed {
    /// The order.
    #[id]
    pub order: OrderId,
}

/// Ends an order that failed, once nothing lies aside for it any more.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = Order::cancel)]
pub struct Cancel {
    /// The order.
    #[id]
    pub order: OrderId,
}

/// Any of those that an order leads to.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
pub enum ShopCommand {
    /// Lays something aside.
    Reserve(Reserve),
    /// Puts it back.
    Release(Release),
    /// Sends it out.
    Ship(Ship),
    /// Ends a failed order.
    Cancel(Cancel),
}
