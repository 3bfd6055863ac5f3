//! An event without mistakes.

use syn::{ExprPath, Generics, Ident, Type};

use crate::shared::SecretField;

pub(crate) struct Event<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) generics: &'a Generics,
    pub(crate) body: Body<'a>,
}

pub(crate) enum Body<'a> {
    /// A struct: one event type.
    One(Stored<'a>),
    /// An enum: the sum of its variants.
    Sum(Vec<Variant<'a>>),
}

pub(crate) enum Variant<'a> {
    /// An event with its own fields. `index` is the number of the variant in serde.
    Inline { ident: &'a Ident, index: u32, stored: Stored<'a> },
    /// Another event, wrapped.
    Newtype { ident: &'a Ident, inner: &'a Type },
}

/// One event type.
pub(crate) struct Stored<'a> {
    pub(crate) name: String,
    pub(crate) version: u32,
    /// The steps from version 1 to the current one.
    pub(crate) steps: Vec<Step>,
    /// The retired events from which it is made.
    pub(crate) sources: Vec<Source>,
    /// Whether no new event is written.
    pub(crate) retired: bool,
    /// Whether the functions of the steps and sources take the context of the event.
    pub(crate) in_context: bool,
    pub(crate) aliases: Vec<String>,
    pub(crate) ids: Vec<IdField<'a>>,
    pub(crate) secrets: Vec<SecretField<'a>>,
    /// Whether it has no fields.
    pub(crate) unit: bool,
}

/// The step from an older version to the next one.
pub(crate) struct Step {
    /// The older version.
    pub(crate) version: u32,
    /// The function that converts it; `None` if the next version reads the same payloads.
    pub(crate) function: Option<ExprPath>,
}

/// A retired event, and the function that makes the events from it.
pub(crate) struct Source {
    pub(crate) event: Type,
    pub(crate) function: ExprPath,
}

/// A field under `#[id]`.
pub(crate) struct IdField<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) ty: &'a Type,
    /// The function that returns the ids inside it.
    pub(crate) with: Option<ExprPath>,
}

impl<'a> Event<'a> {
    /// The events that variants wrap.
    pub(crate) fn newtypes(&self) -> impl Iterator<Item = &'a Type> {
        let variants = match &self.body {
            Body::One(_) => &[][..],
            Body::Sum(variants) => variants,
        };
        variants.iter().filter_map(|variant| match variant {
            Variant::Inline { .. } => None,
            Variant::Newtype { inner, .. } => Some(*inner),
        })
    }

    /// The event types of the item itself.
    pub(crate) fn inline(&self) -> impl Iterator<Item = &Stored<'a>> {
        let (one, variants) = match &self.body {
            Body::One(stored) => (Some(stored), &[][..]),
            Body::Sum(variants) => (None, &variants[..]),
        };
        one.into_iter().chain(variants.iter().filter_map(|variant| match variant {
            Variant::Inline { stored, .. } => Some(stored),
            Variant::Newtype { .. } => None,
        }))
    }
}
