//! The pages of the inspector, asked for without a server.
#![allow(clippy::unwrap_used, clippy::expect_used)] // tests

mod actions;
mod browser;
mod content;
mod hostile;
mod limits;
mod rights;
