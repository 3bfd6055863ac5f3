#![doc = include_str!("../README.md")]
// The runner catches the panics of a case; they fail only this case.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[macro_use]
mod failure;
mod settings;
mod store_under_test;
mod suite;

mod support;

mod cases;

pub use annalist_core::BoxError;

pub use self::{
    cases::{Case, cases},
    failure::Failure,
    settings::Settings,
    store_under_test::{Capability, StoreUnderTest},
    suite::{Suite, Verdict, run, skip},
};
