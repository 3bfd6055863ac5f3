//! A correct projection.

use syn::{Generics, Ident, Type};

use super::parse::Entry;

pub(crate) struct Projection<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) generics: &'a Generics,
    /// Its stored name.
    pub(crate) name: String,
    pub(crate) version: u32,
    /// One for each field, in their order.
    pub(crate) columns: Vec<Column<'a>>,
    pub(crate) on: &'a [Entry],
    /// Whether handlers get the context.
    pub(crate) context: bool,
}

impl<'a> Projection<'a> {
    /// The columns under `#[key]`.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &Column<'a>> {
        self.columns.iter().filter(|column| column.role == Role::Key)
    }
}

pub(crate) struct Column<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) ty: &'a Type,
    /// Its stored name.
    pub(crate) name: String,
    pub(crate) role: Role,
}

/// What the field is marked with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Key,
    Index,
    Json,
    Plain,
}
