//! A type of a column without mistakes.

use syn::{Generics, Ident, Type};

pub(crate) struct Field<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) generics: &'a Generics,
    pub(crate) body: Body<'a>,
}

pub(crate) enum Body<'a> {
    /// A newtype around this type.
    Newtype(&'a Type),
    /// The variants of an enum.
    Enum(Vec<Variant<'a>>),
}

pub(crate) struct Variant<'a> {
    pub(crate) ident: &'a Ident,
    /// The stored text.
    pub(crate) text: String,
}
