//! The properties of a query type.

use crate::{event::MakeSchema, rows::Table};

/// Where a query finds its answer, and its parameters. The `Query` derive writes it.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct QueryFacts {
    /// The table of its projection; `None` for a query that is written by hand.
    pub(crate) table: Option<Table>,
    /// `row`, `page` or `own`.
    pub(crate) answer: &'static str,
    pub(crate) parameters: &'static [QueryParameter],
    pub(crate) schema: Option<MakeSchema>,
}

/// A field of a query.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct QueryParameter {
    pub(crate) field: &'static str,
    /// `key`, `limit`, `cursor`, or how it is compared with the column.
    pub(crate) condition: &'static str,
    /// The column; empty for `limit` and `cursor`.
    pub(crate) column: &'static str,
    pub(crate) optional: bool,
}

impl QueryFacts {
    /// Of a query that is written by hand.
    pub const OWN: Self = Self { table: None, answer: "own", parameters: &[], schema: None };

    /// Of a derived query.
    pub const fn new(
        table: Table,
        answer: &'static str,
        parameters: &'static [QueryParameter],
        schema: Option<MakeSchema>,
    ) -> Self {
        Self { table: Some(table), answer, parameters, schema }
    }
}

impl QueryParameter {
    /// A field of a derived query.
    pub const fn new(
        field: &'static str,
        condition: &'static str,
        column: &'static str,
        optional: bool,
    ) -> Self {
        Self { field, condition, column, optional }
    }
}
