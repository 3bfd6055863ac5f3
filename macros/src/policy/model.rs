//! A policy without mistakes.

use syn::{Generics, Ident, Type};

use crate::shared::On;

pub(crate) struct Policy<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) generics: &'a Generics,
    /// The stored name.
    pub(crate) name: String,
    /// `Beginning` or `Now`.
    pub(crate) start: Ident,
    /// `Stop`, `Park` or `Ignore`.
    pub(crate) on_reject: Ident,
    /// `Stop` or `Park`.
    pub(crate) on_error: Ident,
    /// The id that orders parked events, if the user wrote it.
    pub(crate) order_by: Option<&'a Type>,
    /// How often a reaction is tried, if the user wrote it.
    pub(crate) tries: Option<u32>,
    /// Whether all processes run it at the same time.
    pub(crate) everywhere: bool,
    pub(crate) on: &'a [On],
    /// Whether handlers get a `&Context`.
    pub(crate) context: bool,
}
