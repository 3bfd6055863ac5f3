//! A correct policy.

use syn::{Generics, Ident};

use crate::shared::On;

pub(crate) struct Policy<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) generics: &'a Generics,
    /// Its stored name.
    pub(crate) name: String,
    /// `Beginning` or `Now`.
    pub(crate) start: Ident,
    /// `Stop`, `Park` or `Ignore`.
    pub(crate) on_reject: Ident,
    /// `Stop` or `Park`.
    pub(crate) on_error: Ident,
    /// How often a reaction is tried, if it was said.
    pub(crate) tries: Option<u32>,
    pub(crate) on: &'a [On],
    /// Whether handlers get the context.
    pub(crate) context: bool,
}
