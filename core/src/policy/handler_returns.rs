//! The commands that a handler of a policy returns, found by inference.

use super::{HandlerOf, IntoReaction, ReactionTypes};
use crate::context::Context;

/// The commands that a handler returns.
#[doc(hidden)]
pub trait HandlerReturns<R, How>: Sized {
    /// Declares them.
    fn __annalist_declare(self, reactions: &mut ReactionTypes);
}

impl<P: 'static, E: 'static, F, R, How> HandlerReturns<R, How> for HandlerOf<P, E, F>
where
    F: FnOnce(&'static P, &'static E) -> R,
    R: IntoReaction<How>,
{
    fn __annalist_declare(self, reactions: &mut ReactionTypes) {
        R::declare(reactions);
    }
}

/// The commands that a handler with the [`Context`] returns.
#[doc(hidden)]
pub trait HandlerReturnsInContext<R, How>: Sized {
    /// Declares them.
    fn __annalist_declare_in_context(self, reactions: &mut ReactionTypes);
}

impl<P: 'static, E: 'static, F, R, How> HandlerReturnsInContext<R, How> for HandlerOf<P, E, F>
where
    F: FnOnce(&'static P, &'static E, &'static Context<'static>) -> R,
    R: IntoReaction<How>,
{
    fn __annalist_declare_in_context(self, reactions: &mut ReactionTypes) {
        R::declare(reactions);
    }
}

/// Takes the place of [`HandlerReturns`] for handlers with another signature.
#[doc(hidden)]
pub trait OtherHandler {
    /// Declares unknown commands.
    fn __annalist_declare(&self, reactions: &mut ReactionTypes) {
        reactions.add_unknown();
    }

    /// Declares unknown commands.
    fn __annalist_declare_in_context(&self, reactions: &mut ReactionTypes) {
        reactions.add_unknown();
    }
}

impl<P, E, F> OtherHandler for HandlerOf<P, E, F> {}
