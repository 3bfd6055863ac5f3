//! Real processes of one app, and what they leave behind when they are killed.
//!
//! | file | holds |
//! |---|---|
//! | [`place`] | where the log is, and the app on it |
//! | [`load`] | what a process does until somebody puts an end to it |
//! | [`apart`] | a consumer that keeps its place apart from its rows: the control |
//! | [`worker`] | a process, seen from outside |
//! | [`audit`] | what has to be true at the end |

#![allow(clippy::unwrap_used, clippy::panic)] // tests throughout

pub mod apart;
pub mod audit;
pub mod load;
pub mod place;
pub mod worker;
