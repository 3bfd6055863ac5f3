//! The shop's domain, in the order in which a command flows through it.
//!
//! | file | holds |
//! |---|---|
//! | [`command`] | the commands |
//! | [`decide`] | the decisions: accept or reject a command |
//! | [`event`] | the events |
//! | [`aggregate`] | the states of decisions |
//! | [`projection`] | the read models |
//! | [`query`] | the queries |
//! | [`policy`] | reactions from events to commands |
//! | [`gateway`] | the external payment service |
//! | [`money`] | amounts of money |
//!
//! Stock, orders and payments are decided separately, as if they were three systems. Two policies coordinate them; after
//! any crash they continue from their checkpoints.

pub mod aggregate;
pub mod command;
pub mod decide;
pub mod event;
pub mod gateway;
pub mod money;
pub mod policy;
pub mod projection;
pub mod query;

use std::sync::Arc;

use annalist::app::Builder;

use crate::{
    command::{Deliver, Place, Proceed, RecordPayment, SetPrice, ShopCommand},
    gateway::Gateway,
    policy::{Fulfilment, Payments},
    projection::{OrderRow, Shelf},
    query::{Again, BestSellers, OrderOf, OrdersOf, WholeStock},
};

/// A shop that executes queries and takes orders, without the policies that process them.
pub fn with_queries(builder: Builder) -> Builder {
    builder
        .commands::<ShopCommand>()
        .commands::<SetPrice>()
        .commands::<Deliver>()
        .commands::<Place>()
        .commands::<RecordPayment>()
        .commands::<Proceed>()
        .projection::<OrderRow>()
        .projection::<Shelf>()
        .query::<OrderOf>()
        .query::<OrdersOf>()
        .query::<BestSellers>()
        .query::<WholeStock>()
        .query::<Again>()
}

/// Adds the policies that process orders.
pub fn with_policies(shop: Builder, gateway: Arc<dyn Gateway>) -> Builder {
    shop.policy(Fulfilment).policy(Payments { gateway })
}
