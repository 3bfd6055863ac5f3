//! Return types of policy handlers.

use std::fmt;

use super::{
    boxed_command::{BoxedCommand, CollectCommands},
    reaction_types::ReactionTypes,
};
use crate::{command::Command, error::BoxError};

/// The commands of one reaction, in the order in which they are sent.
///
/// A handler that always returns the same types needs no `Commands`: see [`IntoCommands`].
///
/// ```
/// # use annalist_doc_tests::*;
/// use annalist::Commands;
///
/// let mut commands = Commands::new();
/// commands.push(open("ann", "Ann"));
/// commands.push(Deposit { account: id("ann"), cents: 5 });
/// assert_eq!(commands.names().collect::<Vec<_>>(), ["open", "deposit"]);
/// ```
#[derive(Default)]
pub struct Commands(Vec<Box<dyn BoxedCommand>>);

impl Commands {
    /// Creates an empty list of commands.
    ///
    /// ```
    /// use annalist::Commands;
    ///
    /// assert!(Commands::new().is_empty());
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the commands of a handler's return value.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// use annalist::Commands;
    ///
    /// let mut commands = Commands::new();
    /// commands.add([open("ann", "Ann"), open("bob", "Bob")])?;
    /// commands.add(None::<Open>)?;
    /// assert_eq!((commands.len(), commands.is_empty()), (2, false));
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    ///
    /// # Errors
    /// The error, if the handler returned one.
    pub fn add(&mut self, commands: impl IntoCommands) -> Result<(), BoxError> {
        commands.add_to(self)
    }

    /// Adds one command.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// use annalist::Commands;
    ///
    /// let mut commands = Commands::new();
    /// commands.push(open("ann", "Ann"));
    /// assert_eq!(commands.len(), 1);
    /// ```
    pub fn push(&mut self, command: impl Command) {
        self.0.push(command.dispatch(CollectCommands));
    }

    /// Returns the number of commands.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// use annalist::Commands;
    ///
    /// let mut commands = Commands::new();
    /// commands.push(open("ann", "Ann"));
    /// assert_eq!(commands.len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns `true` if there are no commands.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// use annalist::Commands;
    ///
    /// let mut commands = Commands::new();
    /// commands.push(open("ann", "Ann"));
    /// assert!(!commands.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the stored names of the commands.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// use annalist::Commands;
    ///
    /// let mut commands = Commands::new();
    /// commands.push(open("ann", "Ann"));
    /// assert_eq!(commands.names().next(), Some("open"));
    /// ```
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|command| command.name())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &dyn BoxedCommand> {
        self.0.iter().map(|command| &**command)
    }

    pub(super) fn into_boxed(self) -> Vec<Box<dyn BoxedCommand>> {
        self.0
    }
}

impl fmt::Debug for Commands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Commands").field(&self.names().collect::<Vec<_>>()).finish()
    }
}

/// Return types of a policy's handlers: one command, a tuple of different ones, an array, a `Vec`, an `Option`, `()`,
/// [`Commands`], or a `Result` with one of these.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be turned into commands",
    label = "commands are needed here",
    note = "return one command, a tuple of commands, an array, a `Vec`, an `Option`, `()` for none, or a `Result` with one of these; a command has `#[derive(Command)]`"
)]
pub trait IntoCommands {
    /// Adds the commands in order.
    ///
    /// # Errors
    /// The error, if the value is one.
    fn add_to(self, commands: &mut Commands) -> Result<(), BoxError>;

    /// Declares the commands that a value may contain.
    #[doc(hidden)]
    fn declare_commands(reactions: &mut ReactionTypes) {
        reactions.add_unknown();
    }
}

impl<C: Command> IntoCommands for C {
    fn add_to(self, commands: &mut Commands) -> Result<(), BoxError> {
        commands.push(self);
        Ok(())
    }

    fn declare_commands(reactions: &mut ReactionTypes) {
        reactions.add_command::<C>();
    }
}

impl IntoCommands for Commands {
    fn add_to(mut self, commands: &mut Commands) -> Result<(), BoxError> {
        commands.0.append(&mut self.0);
        Ok(())
    }
}

impl<C: IntoCommands, E: Into<BoxError>> IntoCommands for Result<C, E> {
    fn add_to(self, commands: &mut Commands) -> Result<(), BoxError> {
        self.map_err(Into::into)?.add_to(commands)
    }

    fn declare_commands(reactions: &mut ReactionTypes) {
        C::declare_commands(reactions);
    }
}

impl<C: IntoCommands> IntoCommands for Option<C> {
    fn add_to(self, commands: &mut Commands) -> Result<(), BoxError> {
        self.into_iter().try_for_each(|command| command.add_to(commands))
    }

    fn declare_commands(reactions: &mut ReactionTypes) {
        C::declare_commands(reactions);
    }
}

impl<C: IntoCommands> IntoCommands for Vec<C> {
    fn add_to(self, commands: &mut Commands) -> Result<(), BoxError> {
        self.into_iter().try_for_each(|command| command.add_to(commands))
    }

    fn declare_commands(reactions: &mut ReactionTypes) {
        C::declare_commands(reactions);
    }
}

impl<C: IntoCommands, const N: usize> IntoCommands for [C; N] {
    fn add_to(self, commands: &mut Commands) -> Result<(), BoxError> {
        self.into_iter().try_for_each(|command| command.add_to(commands))
    }

    fn declare_commands(reactions: &mut ReactionTypes) {
        C::declare_commands(reactions);
    }
}

impl IntoCommands for () {
    fn add_to(self, _: &mut Commands) -> Result<(), BoxError> {
        Ok(())
    }

    fn declare_commands(_: &mut ReactionTypes) {}
}

macro_rules! tuples {
    ($($($member:ident)+;)+) => {
        $(impl<$($member: IntoCommands),+> IntoCommands for ($($member,)+) {
            #[allow(non_snake_case)]
            fn add_to(self, commands: &mut Commands) -> Result<(), BoxError> {
                let ($($member,)+) = self;
                $($member.add_to(commands)?;)+
                Ok(())
            }

            fn declare_commands(reactions: &mut ReactionTypes) {
                $($member::declare_commands(reactions);)+
            }
        })+
    };
}

tuples! {
    A;
    A B;
    A B C;
    A B C D;
    A B C D E;
    A B C D E F;
    A B C D E F G;
    A B C D E F G H;
}
