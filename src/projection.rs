//! Projections beyond the derive: options and status, own column types, and projections that write their own tables.
//!
//! | task | items |
//! |---|---|
//! | choose the rows' database, inline or parked | [`ProjectionOptions`], [`ErrorPolicy`] |
//! | watch progress | [`Status`], [`State`], [`Stopped`], [`Progress`] |
//! | store a type of the application in a column | [`Field`](trait@Field), [`ColumnType`], [`Value`] |
//! | write tables with own SQL | [`CustomProjection`], [`Batch`], [`Transactional`], [`InTransaction`] |
#![cfg_attr(feature = "sqlite", doc = include_str!("custom_projection.md"))]

#[doc(inline)]
pub use annalist_core::{
    projection::{
        Batch, CustomProjection, ErrorPolicy, Progress, Projection, ProjectionOptions, RetryReport, State,
        Status, Stopped,
    },
    rows::{ColumnType, InTransaction, Transactional, Value},
};

#[doc(no_inline)]
pub use crate::Field;
