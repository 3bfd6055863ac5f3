//! What the `Policy` derive writes for an `on` entry.

use super::{Commands, IntoCommands};
use crate::{
    codec::Codec,
    error::{BoxError, Invalid},
    event::{Event, Types},
    record::{RawEvent, Record},
};

/// Types and decoding of an entry come from one trait, so that an entry that is no event is one error.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event",
    label = "a policy reacts to events",
    note = "add `#[derive(Event, Serialize, Deserialize)]` to `{Self}`"
)]
pub trait OnPolicy: Sized {
    /// The event types of the entry.
    const TYPES: Types;

    /// The events of this type that a record holds: none if it is of another type.
    ///
    /// # Errors
    /// [`Invalid`] if the record cannot be decoded.
    fn events_in(record: &Record, codec: &Codec) -> Result<Vec<Self>, Invalid>;
}

#[diagnostic::do_not_recommend]
impl<E: Event> OnPolicy for E {
    const TYPES: Types = <E as Event>::TYPES;

    fn events_in(record: &Record, codec: &Codec) -> Result<Vec<E>, Invalid> {
        let mut events = Vec::new();
        if const { &<E as Event>::TYPES }.contains(&record.name) {
            E::decode_raw(&RawEvent::from(record), codec, &mut |event| events.push(event))?;
        }
        Ok(events)
    }
}

/// What a handler gives: commands ([`SyncHandler`]), or a future of them ([`AsyncHandler`]). The compiler finds out which.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a handler of a policy cannot return `{Self}`",
    label = "it has to return commands",
    note = "a handler is an `fn` or `async fn` that returns one command, a tuple of commands, an array, a `Vec`, an `Option`, `()` for none, or a `Result` with one of these; a command has `#[derive(Command)]`"
)]
pub trait IntoReaction<How> {
    /// Adds the commands when they are there.
    fn collect_into(self, commands: &mut Commands) -> impl Future<Output = Result<(), BoxError>>;
}

/// How an `fn` returns.
#[doc(hidden)]
#[derive(Debug)]
pub enum SyncHandler {}

/// How an `async fn` returns.
#[doc(hidden)]
#[derive(Debug)]
pub enum AsyncHandler {}

#[diagnostic::do_not_recommend]
impl<C: IntoCommands> IntoReaction<SyncHandler> for C {
    async fn collect_into(self, commands: &mut Commands) -> Result<(), BoxError> {
        commands.add(self)
    }
}

#[diagnostic::do_not_recommend]
impl<F: Future<Output: IntoCommands>> IntoReaction<AsyncHandler> for F {
    async fn collect_into(self, commands: &mut Commands) -> Result<(), BoxError> {
        commands.add(self.await)
    }
}

/// Adds what a handler gave.
///
/// # Errors
/// The error that the handler gave instead.
#[doc(hidden)]
pub async fn add_reaction<How, R: IntoReaction<How>>(
    commands: &mut Commands,
    reaction: R,
) -> Result<(), BoxError> {
    reaction.collect_into(commands).await
}
