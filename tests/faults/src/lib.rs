//! Real processes of one app that are killed, and checks of their data.
//!
//! | file | holds |
//! |---|---|
//! | [`location`] | the location of the log, and the app on it |
//! | [`load`] | the work of a process until it is killed |
//! | [`control`] | a consumer that stores its checkpoint apart from its rows |
//! | [`worker`] | a process under test |
//! | [`audit`] | the assertions at the end |

#![allow(clippy::unwrap_used, clippy::panic)] // tests throughout

pub mod audit;
pub mod control;
pub mod load;
pub mod location;
pub mod worker;
