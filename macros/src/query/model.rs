//! A query without mistakes.

use syn::{Generics, Ident, Type};

pub(crate) struct Query<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) generics: &'a Generics,
    /// The projection whose rows are queried.
    pub(crate) from: &'a Type,
    pub(crate) body: Body<'a>,
}

pub(crate) enum Body<'a> {
    /// The row with this key.
    Row(Vec<QueryField<'a>>),
    /// A page of rows.
    Rows(Listing<'a>),
}

/// A field of the query.
pub(crate) struct QueryField<'a> {
    pub(crate) field: &'a Ident,
    /// The type of the field, or the type inside an `Option`.
    pub(crate) ty: &'a Type,
    /// Whether the condition is left out for `None`.
    pub(crate) optional: bool,
    /// The column that it names: that of the same name unless the user wrote another.
    pub(crate) column: &'a Ident,
}

#[derive(Default)]
pub(crate) struct Listing<'a> {
    /// The conditions, each with the name of its attribute.
    pub(crate) conditions: Vec<(&'static str, QueryField<'a>)>,
    pub(crate) order: Option<&'a Ident>,
    pub(crate) descending: bool,
    /// The maximum number of rows of a page.
    pub(crate) limit: Option<usize>,
    /// The field under `#[limit]`.
    pub(crate) limit_field: Option<QueryField<'a>>,
    /// The field under `#[cursor]`.
    pub(crate) cursor_field: Option<QueryField<'a>>,
}
