//! Functions that the `Policy` derive calls for an `on` entry.

use super::{Commands, HandlerOf, IntoCommands, ReactionTypes};
use crate::{
    codec::{Codec, RawEvent},
    error::{BoxError, Invalid},
    event::{Event, Types},
    record::Record,
};

/// The type of an `on` entry. One trait provides the stored types and the decoding, so that an entry that is not an event is
/// one compile error.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event",
    label = "a policy reacts to events",
    note = "add `#[derive(Event, Serialize, Deserialize)]` to `{Self}`"
)]
pub trait OnPolicy: Sized {
    /// The event types of the entry.
    const TYPES: Types;

    /// Decodes the events of this type from a record; returns none if the record is of another type.
    ///
    /// # Errors
    /// [`Invalid`] if the record cannot be decoded.
    fn events_in(record: &Record, codec: &Codec) -> Result<Vec<Self>, Invalid>;

    /// The handler of the policy `P` for the events of this type.
    fn handler<P, F>(handler: F) -> HandlerOf<P, Self, F> {
        HandlerOf::new(handler)
    }
}

#[diagnostic::do_not_recommend]
impl<E: Event> OnPolicy for E {
    const TYPES: Types = <E as Event>::TYPES;

    fn events_in(record: &Record, codec: &Codec) -> Result<Vec<E>, Invalid> {
        let mut events = Vec::new();
        if const { &<E as Event>::TYPES }.reads(&record.name) {
            E::decode_raw(&RawEvent::from(record), codec, &mut |event| events.push(event))?;
        }
        Ok(events)
    }
}

/// The return value of a handler: commands ([`SyncHandler`]), or a future of them ([`AsyncHandler`]). The compiler infers
/// which.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a handler of a policy cannot return `{Self}`",
    label = "it has to return commands",
    note = "a handler is an `fn` or `async fn` that returns one command, a tuple of commands, an array, a `Vec`, an `Option`, `()` for none, or a `Result` with one of these; a command has `#[derive(Command)]`"
)]
pub trait IntoReaction<How> {
    /// Awaits the commands and adds them.
    fn collect_into(self, commands: &mut Commands) -> impl Future<Output = Result<(), BoxError>>;

    /// Declares the commands.
    fn declare(reactions: &mut ReactionTypes);
}

/// Marks the return value of an `fn`.
#[doc(hidden)]
#[derive(Debug)]
pub enum SyncHandler {}

/// Marks the return value of an `async fn`.
#[doc(hidden)]
#[derive(Debug)]
pub enum AsyncHandler {}

#[diagnostic::do_not_recommend]
impl<C: IntoCommands> IntoReaction<SyncHandler> for C {
    async fn collect_into(self, commands: &mut Commands) -> Result<(), BoxError> {
        commands.add(self)
    }

    fn declare(reactions: &mut ReactionTypes) {
        C::declare_commands(reactions);
    }
}

#[diagnostic::do_not_recommend]
impl<F: Future<Output: IntoCommands>> IntoReaction<AsyncHandler> for F {
    async fn collect_into(self, commands: &mut Commands) -> Result<(), BoxError> {
        commands.add(self.await)
    }

    fn declare(reactions: &mut ReactionTypes) {
        F::Output::declare_commands(reactions);
    }
}

/// Adds the commands that a handler returned.
///
/// # Errors
/// The error, if the handler returned one.
#[doc(hidden)]
pub async fn add_reaction<How, R: IntoReaction<How>>(
    commands: &mut Commands,
    reaction: R,
) -> Result<(), BoxError> {
    reaction.collect_into(commands).await
}
