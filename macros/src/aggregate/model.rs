//! An aggregate without mistakes.

use syn::{Expr, Field, Generics, Ident, Path, Type};

use crate::shared::On;

pub(crate) struct Aggregate<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) generics: &'a Generics,
    pub(crate) id: Option<NamedField<'a>>,
    /// The other fields.
    pub(crate) fields: Vec<NamedField<'a>>,
    pub(crate) error: Option<&'a Type>,
    pub(crate) on: &'a [On],
    /// Whether handlers get a `&Context`.
    pub(crate) context: bool,
    pub(crate) snapshot: Option<Snapshot<'a>>,
}

/// When a state is saved as a snapshot.
pub(crate) struct Snapshot<'a> {
    pub(crate) key: &'a Path,
    pub(crate) every: u32,
    pub(crate) version: u32,
    /// The stored name, if it is not that of the type.
    pub(crate) name: Option<&'a Expr>,
    /// A hash of the fields in the source code.
    pub(crate) shape: u64,
}

#[derive(Clone, Copy)]
pub(crate) struct NamedField<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) ty: &'a Type,
}

impl<'a> NamedField<'a> {
    pub(crate) fn of(field: &'a Field) -> Option<Self> {
        field.ident.as_ref().map(|ident| Self { ident, ty: &field.ty })
    }
}
