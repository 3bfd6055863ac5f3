//! Reactions: what a policy asks for after an event has happened.

mod boxed_command;
mod commands;
mod follower;
mod handler;
mod on;
mod react;

use std::pin::Pin;

pub(crate) use self::follower::PolicyFollower;
pub use self::{
    commands::{Commands, IntoCommands},
    on::{AsyncHandler, IntoReaction, OnPolicy, SyncHandler, add_reaction},
};
use crate::{
    codec::Codec,
    criteria::{Criteria, Item},
    error::BoxError,
    event::Types,
    record::Record,
};

/// How many policies may stand between a command that somebody asked for and one that a policy sends, unless the app says
/// otherwise.
pub const MAX_HOPS: u32 = 32;

/// A reaction on its way: the commands to send, or why there are none.
pub type Reaction<'a> = Pin<Box<dyn Future<Output = Result<Commands, BoxError>> + Send + 'a>>;

/// Reacts to events with commands. Derive it.
///
/// The method is called by the framework; its name leaves `react` and the like to the user.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a policy",
    label = "what reacts to events is needed here",
    note = "add `#[derive(Policy)]` and `#[policy(name = \"…\", from = now, on_reject = stop, on(SomeEvent => {Self}::react))]` to `{Self}`"
)]
pub trait Policy: Send + Sync + 'static {
    /// The stored name. Policies and projections share one namespace, and its rules.
    const NAME: &'static str;
    /// The events that it reacts to.
    const EVENTS: &'static [Types];
    /// Where it begins when it is started for the first time.
    const START: Start;
    /// What becomes of an event one of whose commands was rejected.
    const ON_REJECT: OnReject;
    /// What becomes of an event whose reaction keeps failing.
    const ON_ERROR: OnError;
    /// How often a reaction is tried in all, at least once.
    const TRIES: u32;

    /// The commands to send because of a record, in order. The same record has to give the same commands each time: their
    /// ids are made of its id and their place, so that a reaction that is repeated is not executed twice.
    fn react_to_record<'a>(&'a self, record: &'a Record, codec: &'a Codec) -> Reaction<'a>;
}

/// How often a failing reaction is tried unless the policy says otherwise: about a minute in all.
pub const TRIES: u32 = 20;

/// Where a policy begins when it is started for the first time. Later it goes on where it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the first event of the log: it reacts to all that ever happened.
    Beginning,
    /// Behind what has happened by then.
    Now,
}

/// What becomes of an event one of whose commands was rejected. The commands behind the rejected one are not sent, except
/// under [`OnReject::Ignore`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnReject {
    /// The policy stands still before it.
    Stop,
    /// It is laid aside with all later events that share a tag with it; others go on.
    Park,
    /// The rejection is an answer like any other: the next command is sent.
    Ignore,
}

/// What becomes of an event whose reaction keeps failing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    /// The policy stands still before it.
    Stop,
    /// It is laid aside with all later events that share a tag with it; others go on.
    Park,
}

/// Which events a policy reads.
pub fn criteria_of<P: Policy>() -> Criteria {
    Item::any().types(P::EVENTS.iter().flat_map(Types::names)).into()
}
