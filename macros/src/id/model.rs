//! An id without mistakes.

use syn::{Ident, Type};

pub(crate) struct Id<'a> {
    pub(crate) ident: &'a Ident,
    /// The wrapped type.
    pub(crate) inner: &'a Type,
    pub(crate) kind: String,
    /// Whether the kind was written out.
    pub(crate) shared: bool,
}
