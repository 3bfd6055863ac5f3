//! An id without mistakes.

use syn::{Ident, Type};

pub(crate) struct Id<'a> {
    pub(crate) ident: &'a Ident,
    /// The wrapped type.
    pub(crate) inner: &'a Type,
    pub(crate) kind: String,
    /// Whether the kind was written out.
    pub(crate) shared: bool,
    /// Whether it is personal, and what becomes of it.
    pub(crate) secret: Option<AfterForget>,
}

/// What becomes of an id that is forgotten.
#[derive(Clone, Copy)]
pub(crate) enum AfterForget {
    StaysTaken,
    Free,
}
