//! The shop's domain, in the order in which a command flows through it.
//!
//! | file | holds |
//! |---|---|
//! | [`command`] | what may be asked |
//! | [`decide`] | who says yes or no to it |
//! | [`event`] | what happened |
//! | [`aggregate`] | the states that decisions look at |
//! | [`projection`] | what is asked often, kept ready |
//! | [`query`] | the questions to that |
//! | [`policy`] | what one thing leads to |
//! | [`gateway`] | who takes the money, outside |
//! | [`money`] | amounts, as people write them |
//!
//! Stock, orders and payments are decided each for itself, as if they were three systems. What holds them together are two
//! policies, which go on where they were whatever died in between.

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

use annalist::{App, EventStore, app::Builder};

use crate::{
    gateway::Gateway,
    policy::{Fulfilment, Payments},
    projection::{OrderRow, Shelf},
};

/// A shop that answers questions and takes orders, and leaves it to others to work on them.
pub fn asking(store: impl EventStore) -> Builder {
    App::builder(store).projection::<OrderRow>().projection::<Shelf>()
}

/// The same, where orders are worked on, too.
pub fn working(shop: Builder, gateway: Arc<dyn Gateway>) -> Builder {
    shop.policy(Fulfilment).policy(Payments { gateway })
}
