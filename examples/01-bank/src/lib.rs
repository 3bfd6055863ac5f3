//! The bank's domain, in the order in which a command flows through it.
//!
//! | file | holds |
//! |---|---|
//! | [`command`] | the commands |
//! | [`decide`] | the decisions: accept or reject a command |
//! | [`event`] | the events |
//! | [`aggregate`] | the states of decisions |
//! | [`projection`] | the read models |
//! | [`policy`] | automatic reactions to events |
//! | [`money`] | amounts of money |
//! | [`master_key`] | the key that encrypts the keys of customers |
//! | [`customers`] | customers and their data: lists, and forgetting |
//! | [`books`] | thousands of generated customers |
//! | [`operate`] | the status of read models and policies, and rebuilds while queries continue |
//! | [`serve`] | the pages for a browser |
//!
//! `main.rs` is the command line.

pub mod aggregate;
pub mod books;
pub mod command;
pub mod customers;
pub mod decide;
pub mod event;
pub mod master_key;
pub mod money;
pub mod operate;
pub mod policy;
pub mod projection;
pub mod serve;

use annalist::{Projection, app::Builder};

use crate::{
    command::BankCommand,
    policy::WelcomeBonus,
    projection::{CustomerAccount, Line},
};

/// Registers the domain, with the balances as rows of `B`: for an app, or for its model.
pub fn domain<B: Projection>(builder: Builder) -> Builder {
    builder
        .commands::<BankCommand>()
        .projection::<B>()
        .projection::<Line>()
        .projection::<CustomerAccount>()
        .policy(WelcomeBonus)
}
