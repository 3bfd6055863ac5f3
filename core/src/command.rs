//! Requests that a decision accepts or rejects.

mod handled;

use std::fmt::Debug;

pub use self::handled::{Handled, UseHandler, dispatch};
use crate::dispatch::{CommandTypes, Dispatcher};

/// A request: a decision turns it into events, or rejects it with an error. Derive it.
///
/// ```
/// # use annalist_doc_tests::*;
/// use annalist::testing::given;
///
/// /// Deposits money only into an empty account.
/// #[derive(Command, Serialize, Deserialize)]
/// #[command(decide = start_saving)]
/// struct StartSaving {
///     #[id(Account)]
///     account: AccountId,
///     cents: i64,
/// }
///
/// fn start_saving(account: &Account, command: &StartSaving) -> Option<AccountEvent> {
///     (account.cents == 0).then(|| AccountEvent::Deposited { account: account.id.clone(), cents: command.cents })
/// }
///
/// given(()).when(StartSaving { account: id("ann"), cents: 5 }).then(deposited("ann", 5));
/// given(deposited("ann", 5)).when(StartSaving { account: id("ann"), cents: 5 }).then_nothing();
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a command",
    label = "a command is needed here",
    note = "add `#[derive(Command, Serialize, Deserialize)]` and `#[command(decide = path::to::function)]` to `{Self}`"
)]
pub trait Command: Send + 'static {
    /// The error with which the decision rejects the command.
    type Error: Debug + Send + 'static;

    /// Passes the command and its decision to a dispatcher: that of an app, or of the test kit.
    fn dispatch<D: Dispatcher>(self, dispatcher: D) -> D::Out<Self::Error>;

    /// Declares the stored name of the command, and the event types that its decision reads and writes; an enum those of all its
    /// commands.
    fn declare(types: &mut CommandTypes);
}

/// A boxed command is the command: a large one can be a boxed variant of an enum, `PlaceOrder(Box<PlaceOrder>)`.
#[diagnostic::do_not_recommend]
impl<C: Command> Command for Box<C> {
    type Error = C::Error;

    fn dispatch<D: Dispatcher>(self, dispatcher: D) -> D::Out<C::Error> {
        (*self).dispatch(dispatcher)
    }

    fn declare(types: &mut CommandTypes) {
        C::declare(types);
    }
}

/// A variant of a command enum as the `Command` derive dispatches it, so that a variant that wraps no command causes one compile
/// error.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a command",
    label = "a command is needed here",
    note = "add `#[derive(Command, Serialize, Deserialize)]` and `#[command(decide = path::to::function)]` to `{Self}`"
)]
pub trait Member: Sized {
    /// As [`Command::Error`].
    type Error;

    /// Dispatches the wrapped command, and converts its error into that of the enum.
    fn forward<D: Dispatcher, E>(self, dispatcher: D, convert: fn(Self::Error) -> E) -> D::Out<E>
    where
        E: Debug + Send + 'static;

    /// As [`Command::declare`].
    fn declare(types: &mut CommandTypes);
}

impl<C: Command> Member for C {
    type Error = C::Error;

    fn forward<D: Dispatcher, E>(self, dispatcher: D, convert: fn(C::Error) -> E) -> D::Out<E>
    where
        E: Debug + Send + 'static,
    {
        D::map(self.dispatch(dispatcher), convert)
    }

    fn declare(types: &mut CommandTypes) {
        <C as Command>::declare(types);
    }
}
