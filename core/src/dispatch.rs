//! From a command to its decision: what the `Command` derive writes, and who takes it.

mod loader;

use std::fmt::Debug;

use serde::Serialize;

pub use self::loader::Loader;
use crate::{context::Context, error::Invalid, event::IntoEvents};

/// Takes commands: the app executes them against a store, the test kit against given events.
pub trait Dispatcher: Sized {
    /// What a command with this error type gives.
    type Out<E: Debug + Send + 'static>;

    /// Loads the states, decides, and does with the events what this dispatcher does.
    fn run<C, S, R, E>(self, command: C, handler: Handler<C, S, R, E>) -> Self::Out<E>
    where
        C: Serialize + Send + 'static,
        S: Send + 'static,
        R: IntoEvents + 'static,
        E: Debug + Send + 'static;

    /// The same answer with another error type: how a command enum turns the errors of its variants into its own.
    fn map<A, B>(out: Self::Out<A>, convert: fn(A) -> B) -> Self::Out<B>
    where
        A: Debug + Send + 'static,
        B: Debug + Send + 'static;
}

/// How one type of command is decided. `S` is the states it needs, `R` the events it returns.
#[derive(Debug)]
pub struct Handler<C, S, R, E> {
    /// The stored name of the command.
    pub name: &'static str,
    /// Names the states, or takes them folded: see [`Loader`].
    pub load: fn(&C, &mut Loader<'_>) -> Result<S, Invalid>,
    /// The decision.
    pub decide: fn(&S, &C, &Context<'_>) -> Result<R, E>,
}

/// The result of a decision with its error turned into the command's.
///
/// # Errors
/// The decision's own.
pub fn decision<R: IntoEvents, X: Into<E>, E>(decided: Result<R, X>) -> Result<R, E> {
    decided.map_err(Into::into)
}
