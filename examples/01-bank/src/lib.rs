//! The bank's domain, in the order in which a command flows through it.
//!
//! | file | holds |
//! |---|---|
//! | [`command`] | what may be asked |
//! | [`decide`] | who says yes or no to it |
//! | [`event`] | what happened |
//! | [`aggregate`] | the states that decisions look at |
//! | [`projection`] | what is asked often, kept ready |
//! | [`policy`] | what the bank does by itself when something has happened |
//! | [`money`] | amounts, as people write them |
//! | [`books`] | customers by the thousand, made up |
//! | [`operate`] | how far everything is; read models built anew while questions go on |
//!
//! `main.rs` puts a command line around it, and nothing else.

pub mod aggregate;
pub mod books;
pub mod command;
pub mod decide;
pub mod event;
pub mod money;
pub mod operate;
pub mod policy;
pub mod projection;
