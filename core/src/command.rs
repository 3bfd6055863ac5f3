//! Requests that a decision accepts or rejects.

use std::fmt::Debug;

use crate::dispatch::Dispatcher;

/// A request: a decision turns it into events, or rejects it with an error. Derive it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a command",
    label = "a command is needed here",
    note = "add `#[derive(Command, Serialize, Deserialize)]` and `#[command(decide = path::to::function)]` to `{Self}`"
)]
pub trait Command: Send + 'static {
    /// The error with which its decision rejects it.
    type Error: Debug + Send + 'static;

    /// Hands the command with its decision to a dispatcher: to an app, or to the test kit.
    fn dispatch<D: Dispatcher>(self, dispatcher: D) -> D::Out<Self::Error>;
}
