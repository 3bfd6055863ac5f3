//! A correct command.

use syn::{ExprPath, Generics, Ident, Type};

pub(crate) struct Command<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) generics: &'a Generics,
    pub(crate) error: CommandError<'a>,
    pub(crate) body: Body<'a>,
}

/// Where the type of the error comes from.
pub(crate) enum CommandError<'a> {
    /// It was written out.
    Given(&'a Type),
    /// It is that of the first state.
    OfState(Box<Type>),
    /// It is that of the first variant.
    OfVariant(&'a Type),
    /// `Infallible`: a command without states, and no error was written out.
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
    /// Whether it gets the context.
    pub(crate) context: bool,
}

/// A state that a decision gets.
pub(crate) struct State<'a> {
    pub(crate) aggregate: Type,
    /// The field with its ids; none for an aggregate without id.
    pub(crate) field: Option<(&'a Ident, &'a Type)>,
}

/// A variant of a command enum: the command inside.
pub(crate) struct Member<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) command: &'a Type,
}
