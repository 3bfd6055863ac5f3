//! Tests of decisions, projections and policies, without a store, I/O or a runtime: given events, when a command, then events
//! or an error.
//!
//! ```
//! # use annalist_doc_tests::*;
//! use annalist::testing::given;
//!
//! given(opened("ann", "Ann"))
//!     .when(Deposit { account: id("ann"), cents: 5 })
//!     .then(deposited("ann", 5));
//!
//! given(()).when(Deposit { account: id("ann"), cents: 5 }).then_err(AccountError::NotOpen);
//! ```
//!
//! | test of | calls |
//! |---|---|
//! | a decision | [`given`], [`when`](Given::when), [`then`](Then::then) or [`then_err`](Then::then_err) |
//! | a projection | [`given`], [`project`](Given::project), [`row`](ProjectedRows::row), [`eq`](ProjectedRow::eq) |
//! | a policy | [`given`], [`react`](Given::react), [`sends`](PolicyReaction::sends) |
//! | anything that depends on time | [`at`], [`ManualClock`] |
//!
//! All events are encoded and decoded on the way, so that a test also finds an event that cannot be read back.
#[doc(inline)]
pub use annalist_core::testing::{
    Given, ManualClock, PolicyReaction, ProjectedRow, ProjectedRows, Then, at, given,
};
