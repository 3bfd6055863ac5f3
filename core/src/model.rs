//! The model of an application as data: its events, commands, aggregates, projections, policies and queries, and which of them reads
//! and writes what.
//!
//! [`Model::of`] takes the function with which the application registers its domain, and opens no store:
//!
//! ```
//! # use annalist_doc_tests::*;
//! use annalist::{Memory, app::Builder, model::Model};
//!
//! fn domain(builder: Builder) -> Builder {
//!     builder.commands::<Open>().commands::<Deposit>().projection::<Balance>().policy(WelcomeBonus)
//! }
//!
//! let model = Model::of(domain)?;
//! assert_eq!(model.event("account.opened").unwrap().projections, ["balances"]);
//! assert!(model.to_mermaid().starts_with("flowchart LR"));
//!
//! # run(async {
//! let app = domain(App::builder(Memory::new())).start().await?; // the same function
//! # app.execute(open("ann", "Ann")).await?;
//! # Ok(())
//! # });
//! # Ok::<(), annalist::Invalid>(())
//! ```
//!
//! | output | method |
//! |---|---|
//! | JSON, with the version of its shape | [`Model::to_json`] |
//! | a Mermaid flowchart | [`Model::to_mermaid`] |
//! | a catalogue in Markdown | [`Model::to_markdown`] |
//! | a JSON Schema for each version of an event | [`Model::json_schemas`] |
//!
//! The same program always makes the same output: everything is sorted by name.
//!
//! With the feature `schema`, events, commands and queries that implement the `JsonSchema` of
//! [schemars](https://docs.rs/schemars/1) have a JSON Schema. Other types have none; nothing else is different for them.

mod build;
mod declared;
#[cfg(feature = "gate")]
mod gate;
mod markdown;
mod mermaid;
mod schemas;
mod types;

pub(crate) use self::declared::{Declared, DeclaredPolicy};
#[cfg(feature = "gate")]
pub use self::gate::{Gate, GateError, GateReport};
pub use self::types::{
    AggregateModel, ColumnModel, CommandModel, EventModel, FoldedEvent, IdModel, Model, ParameterModel,
    PolicyModel, ProjectionModel, QueryModel, SecretModel, SnapshotModel, StateModel, StepModel,
};
