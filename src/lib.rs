#![cfg_attr(all(feature = "macros", feature = "memory"), doc = include_str!("front_page.md"))]
#![cfg_attr(
    not(all(feature = "macros", feature = "memory")),
    doc = "Event sourcing and CQRS from plain structs and enums. The documentation is complete with the default features."
)]

pub mod app;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "inspector")]
pub mod inspector;
#[cfg(feature = "secrets")]
pub mod keys;
pub mod manual;
mod open;
pub mod operate;
pub mod prelude;
pub mod projection;
pub mod query;
pub mod raw;
pub mod store;
pub mod testing;
pub mod transfer;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

pub use self::open::open;

#[doc(inline)]
pub use annalist_core::{
    aggregate::Aggregate,
    app::{App, Moment},
    command::Command,
    context::Context,
    criteria::{Criteria, Item},
    error::{Error, ExecuteError, Invalid},
    event::{Event, Recorded},
    feed::Feed,
    id::Id,
    model,
    policy::{Commands, Policy},
    projection::{Change, Projection},
    query::Query,
    record::{Position, Record},
    rows::Field,
    secret::Secret,
    store::{EventStore, Receipt, Token},
    tag::Tag,
    time::Timestamp,
};

#[cfg(feature = "macros")]
pub use annalist_macros::{Aggregate, Command, Event, Field, Id, Policy, Projection, Query};

#[cfg(feature = "memory")]
#[doc(inline)]
pub use annalist_memory::Memory;
#[cfg(feature = "postgres")]
#[doc(inline)]
pub use annalist_postgres::Postgres;
#[cfg(feature = "sqlite")]
#[doc(inline)]
pub use annalist_sqlite::Sqlite;

/// Compiles the examples of the page.
#[cfg(all(doctest, feature = "gate"))]
#[doc = include_str!("../docs/gate.md")]
struct GatePage;

/// Compiles the examples of the page.
#[cfg(all(doctest, feature = "cli", feature = "sqlite"))]
#[doc = include_str!("../docs/cli.md")]
struct CommandLinePage;

/// Compiles the examples of the page.
#[cfg(all(doctest, feature = "inspector"))]
#[doc = include_str!("../docs/inspector.md")]
struct InspectorPage;

/// Compiles the examples of the page.
#[cfg(all(doctest, feature = "secrets"))]
#[doc = include_str!("../docs/forgetting.md")]
struct ForgettingPage;
