//! A correct query.

use syn::{Generics, Ident, Type};

pub(crate) struct Query<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) generics: &'a Generics,
    /// The projection whose rows it asks for.
    pub(crate) from: &'a Type,
    pub(crate) body: Body<'a>,
}

pub(crate) enum Body<'a> {
    /// The row with this key.
    Row(Vec<Asked<'a>>),
    /// A page of rows.
    Rows(Listing<'a>),
}

/// A field of the question.
pub(crate) struct Asked<'a> {
    pub(crate) field: &'a Ident,
    /// The type of the field, or what is inside if it is an `Option`.
    pub(crate) ty: &'a Type,
    /// Whether it is only asked when it is given.
    pub(crate) optional: bool,
    /// The column that it asks by: the field's own name unless the user wrote another.
    pub(crate) column: &'a Ident,
}

#[derive(Default)]
pub(crate) struct Listing<'a> {
    /// Each with the name of its function.
    pub(crate) conditions: Vec<(&'static str, Asked<'a>)>,
    pub(crate) order: Option<&'a Ident>,
    pub(crate) descending: bool,
    /// How many rows a page holds at most.
    pub(crate) limit: Option<usize>,
    /// The field under `#[limit]`.
    pub(crate) limit_field: Option<Asked<'a>>,
    /// The field under `#[cursor]`.
    pub(crate) cursor_field: Option<Asked<'a>>,
}
