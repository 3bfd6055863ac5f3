//! A projection without mistakes.

use syn::{Generics, Ident, Type};

use super::parse::Entry;

pub(crate) struct Projection<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) generics: &'a Generics,
    /// The stored name.
    pub(crate) name: String,
    pub(crate) version: u32,
    /// One for each field, in the order of the fields.
    pub(crate) columns: Vec<Column<'a>>,
    pub(crate) on: &'a [Entry],
    /// Whether handlers may read the values of secrets.
    pub(crate) reads_secrets: bool,
    /// Whether handlers get a `&Context`.
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
    /// The stored name.
    pub(crate) name: String,
    pub(crate) role: Role<'a>,
}

/// The attribute of the field.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role<'a> {
    Key,
    Index,
    Json,
    Plain,
    Secret {
        /// The column with the id of the subject.
        subject: &'a Ident,
        has_lookup: bool,
    },
}
