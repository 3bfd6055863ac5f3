//! Policies: react to events with commands.

mod boxed_command;
mod command_ids;
mod commands;
mod follower;
mod handler;
mod handler_returns;
mod on;
mod react;
mod reaction_types;

use std::{marker::PhantomData, pin::Pin};

pub use self::{
    commands::{Commands, IntoCommands},
    handler_returns::{HandlerReturns, HandlerReturnsInContext, OtherHandler},
    on::{AsyncHandler, IntoReaction, OnPolicy, SyncHandler, add_reaction},
    reaction_types::{HandlerOf, ReactionTypes},
};
pub use crate::execute::MAX_HOPS;
use crate::{
    codec::Codec,
    criteria::{Criteria, Item},
    error::BoxError,
    event::{Overlaps, Sets, TypeSets, Types},
    record::Record,
};

/// A reaction in progress: a future of the commands to send, or of an error.
pub type Reaction<'a> = Pin<Box<dyn Future<Output = Result<Commands, BoxError>> + Send + 'a>>;

/// Reacts to events with commands, which the app executes. Derive it.
///
/// A policy follows the log in the background, handles one event after the other, and has a checkpoint in the app's row
/// store. One process at a time runs it; the others wait, and take over when that process ends. An event may be handled again
/// after a crash: its commands have ids of their own, so each is executed once, but other side effects of a handler must be
/// idempotent.
///
/// The framework calls the method; its long name leaves `react` and the like to the user.
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// use annalist::{Memory, testing::given};
///
/// #[derive(Policy)]
/// #[policy(name = "gift", from = beginning, on_reject = stop, on(AccountEvent => Gift::react))]
/// struct Gift;
///
/// impl Gift {
///     fn react(&self, event: &AccountEvent) -> Option<Deposit> {
///         match event {
///             AccountEvent::Opened { account, .. } => Some(Deposit { account: account.clone(), cents: 1 }),
///             AccountEvent::Deposited { .. } => None,
///         }
///     }
/// }
///
/// given(()).react(Gift, opened("ann", "Ann")).await.sends(Deposit { account: id("ann"), cents: 1 });
/// let app = App::builder(Memory::new()).policy(Gift).start().await?;
/// # app.execute(open("ann", "Ann")).await?;
/// # app.wait_until_caught_up().await?;
/// # assert_eq!(app.load::<Account>(&id("ann")).await?.cents, 1);
/// # Ok(())
/// # });
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a policy",
    label = "a policy is needed here",
    note = "add `#[derive(Policy)]` and `#[policy(name = \"…\", from = now, on_reject = stop, on(SomeEvent => {Self}::react))]` to `{Self}`"
)]
pub trait Policy: Send + Sync + 'static {
    /// The stored name: `[a-z][a-z0-9_]*`, at most 48 bytes. No projection or policy of the log may have the same name.
    const NAME: &'static str;
    /// The events that it reacts to.
    const EVENTS: &'static [Types];
    /// Where it starts when it runs for the first time.
    const START: Start;
    /// What happens when a command of a reaction is rejected.
    const ON_REJECT: OnReject;
    /// What happens when a reaction fails [`TRIES`](Self::TRIES) times.
    const ON_ERROR: OnError;
    /// How often a reaction is tried in total, at least once.
    const TRIES: u32;
    /// The kind of the ids that order its events: later events wait for a parked event only if they have the same id of this
    /// kind. `None`: if they share any tag.
    const ORDER_BY: Option<&'static str> = None;
    /// Whether all processes of the app run it at the same time. Otherwise one process does, and the others take over when it ends.
    const EVERYWHERE: bool = false;

    /// Declares the commands that its reactions can send.
    #[doc(hidden)]
    fn declare(reactions: &mut ReactionTypes) {
        reactions.add_unknown();
    }

    /// Returns the commands to send in reaction to a record, in order. The same record must always lead to the same
    /// commands: the id of a command consists of the id of the event and the index of the command, so that a repeated
    /// reaction is executed once.
    fn react_to_record<'a>(&'a self, record: &'a Record, codec: &'a Codec) -> Reaction<'a>;
}

/// The default number of tries of a reaction: about a minute in total.
pub const TRIES: u32 = 20;

/// Where a policy starts when it runs for the first time. Later it continues from its checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the first event of the log.
    Beginning,
    /// At the end of the log: it skips all events already appended.
    Now,
}

/// What happens when a command of a reaction is rejected. The commands after it are not sent, except with
/// [`OnReject::Ignore`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnReject {
    /// The policy stops before the event.
    Stop,
    /// The event is parked, and later events that share a tag with it too (with [`Policy::ORDER_BY`], a tag of that
    /// kind); the policy goes on with other events.
    Park,
    /// A rejection counts as success: the next command is sent.
    Ignore,
}

/// What happens when a reaction keeps failing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    /// The policy stops before the event.
    Stop,
    /// The event is parked, and later events that share a tag with it too (with [`Policy::ORDER_BY`], a tag of that
    /// kind); the policy goes on with other events.
    Park,
}

/// The `on` entries of a policy.
struct Entries<P>(PhantomData<P>);

impl<P: Policy> TypeSets for Entries<P> {
    const SETS: Sets<'static> = Sets::Owned(P::EVENTS);
}

/// Returns `true` if one of the `N` `on` entries of a policy handles an event that an earlier entry handles already.
#[doc(hidden)]
pub const fn policy_overlaps<P: Policy, const N: usize>(entry: usize) -> bool {
    Overlaps::<Entries<P>, N>::WITH_EARLIER[entry]
}

/// The criteria of the events that a policy reads.
pub fn criteria_of<P: Policy>() -> Criteria {
    Item::any().types(P::EVENTS.iter().flat_map(Types::names)).into()
}
