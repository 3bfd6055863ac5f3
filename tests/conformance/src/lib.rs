//! The promises of an Annalist event store as tests: bind a store in about 15 lines and prove it.
//!
//! A store's package has a test without the usual harness, which hands a [`StoreUnderTest`] to [`run`]:
//!
//! ```toml
//! [[test]]
//! name = "conformance"
//! harness = false
//! ```
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use annalist_conformance::{BoxError, Capability, Subject};
//! use annalist_core::store::EventStore;
//! use annalist_memory::Memory;
//!
//! struct InMemory;
//!
//! #[async_trait::async_trait]
//! impl Subject for InMemory {
//!     const NAME: &'static str = "memory";
//!     type Place = Memory;
//!
//!     fn lacks(&self, capability: Capability) -> Option<&'static str> {
//!         (capability == Capability::Durable).then_some("it lives in the memory of one process")
//!     }
//!
//!     async fn create(&self) -> Result<Memory, BoxError> {
//!         Ok(Memory::new())
//!     }
//!
//!     async fn open(&self, place: &Memory) -> Result<Arc<dyn EventStore>, BoxError> {
//!         Ok(Arc::new(place.clone()))
//!     }
//! }
//!
//! fn main() {
//!     annalist_conformance::run(InMemory)
//! }
//! ```
//!
//! Every case gets its own new log and its own runtime, and is named `memory::append::an_empty_log_is_empty`. The usual
//! arguments of `cargo test` choose among them. A case that needs what the store lacks is listed as ignored, with the
//! reason; so is every case of a store that cannot be tested here, such as one without a server ([`skip`]).
//!
//! # Longer runs
//!
//! [`Settings`] come from the environment: `ANNALIST_CONFORMANCE_SCALE=50` plays 50 times as many rounds,
//! `ANNALIST_CONFORMANCE_SEED` repeats the random choices of a failed run, `ANNALIST_CONFORMANCE_TIMEOUT` is the time
//! in seconds after which a case counts as stuck.

// A suite of tests: what panics here is caught by the runner and fails one case.
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
