//! A command without mistakes.

use syn::{ExprPath, Generics, Ident, Type};

use crate::shared::SecretField;

pub(crate) struct Command<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) generics: &'a Generics,
    pub(crate) error: CommandError<'a>,
    pub(crate) body: Body<'a>,
}

/// The type of the error.
pub(crate) enum CommandError<'a> {
    /// Written by the user.
    Given(&'a Type),
    /// The error of the first state.
    OfState(Box<Type>),
    /// The error of the first variant.
    OfVariant(&'a Type),
    /// `Infallible`, for a command without states whose user wrote no error.
    Infallible,
}

pub(crate) enum Body<'a> {
    One(Decision<'a>),
    Sum(Vec<Member<'a>>),
}

/// The decision of a command struct.
pub(crate) struct Decision<'a> {
    pub(crate) path: &'a ExprPath,
    pub(crate) name: String,
    pub(crate) states: Vec<State<'a>>,
    pub(crate) secrets: Vec<SecretField<'a>>,
    /// Whether it gets a `&Context`.
    pub(crate) context: bool,
}

/// A state that a decision gets.
pub(crate) struct State<'a> {
    pub(crate) aggregate: Type,
    /// The field with its ids, or `None` for an aggregate without id.
    pub(crate) field: Option<(&'a Ident, &'a Type)>,
}

/// A variant of a command enum: the command inside.
pub(crate) struct Member<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) command: &'a Type,
}
