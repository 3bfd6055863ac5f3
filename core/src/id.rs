//! Ids of the domain's things, and what may stand under `#[id]`.

use std::{collections::HashSet, fmt::Display, hash::Hash, str::FromStr, sync::Arc};

/// The id of one kind of thing, such as an account. Derive it on a newtype: `#[derive(Id)] struct AccountId(Uuid);`
///
/// An event that carries the id is tagged `KIND:value`, where `value` is the id's `Display`. `FromStr` must read back
/// what `Display` prints.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an id",
    label = "an id is needed here",
    note = "write a newtype and derive `Id` (with `Clone`, `PartialEq`, `Eq` and `Hash`): `#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)] struct AccountId(Uuid);`"
)]
pub trait Id: Clone + Eq + Hash + Display + FromStr + Send + Sync + 'static {
    /// The first half of the tag: `[a-z][a-z0-9_]*`, at most 64 bytes.
    const KIND: &'static str;
    /// Whether `KIND` was written out, so that another id type may have the same one if it says so too.
    const SHARED: bool;
    /// What the id wraps.
    type Inner;

    /// The value inside.
    fn as_inner(&self) -> &Self::Inner;

    /// Wraps a value.
    fn from_inner(inner: Self::Inner) -> Self;

    /// An id that nobody has yet.
    fn new() -> Self
    where
        Self::Inner: Fresh,
    {
        Self::from_inner(Self::Inner::fresh())
    }
}

/// A type that can make values nobody has yet.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot generate new ids",
    note = "`new()` is for ids around a `Uuid`; create other ids from a value, with `from_inner`"
)]
pub trait Fresh {
    /// A value nobody has yet.
    fn fresh() -> Self;
}

impl Fresh for uuid::Uuid {
    /// A version 7 UUID: its order is roughly that of time, which keeps indexes dense.
    fn fresh() -> Self {
        uuid::Uuid::now_v7()
    }
}

/// What may stand under `#[id]`: one id, an `Option` of one, or a `Vec` of them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an `#[id]` field",
    label = "marked with `#[id]`",
    note = "an `#[id]` field holds an id, an `Option` of one or a `Vec` of ids; an id is a newtype with `#[derive(Id)]`"
)]
pub trait Ids {
    /// The id inside.
    type Id: Id;
    /// What a command gets for it: one state behind an [`Arc`], an `Option` of one, or a `Vec` with a state for each
    /// different id.
    type States<A>;

    /// Calls `visit` with each id, in order.
    fn each(&self, visit: &mut dyn FnMut(&Self::Id));

    /// Takes a state for each different id, in order of first appearance.
    ///
    /// # Errors
    /// The first error that `states` gives.
    fn load<A, S: StateSource<Self::Id, A>>(&self, states: &mut S) -> Result<Self::States<A>, S::Error>;
}

/// Gives the states of ids.
pub trait StateSource<I, A> {
    /// Why a state cannot be given.
    type Error;

    /// The state of an id, to look at. The app may remember it for the next command, which then reads nothing.
    ///
    /// # Errors
    /// If it cannot be given.
    fn shared(&mut self, id: &I) -> Result<Arc<A>, Self::Error>;

    /// The state of an id by value. It is read and folded anew each time.
    ///
    /// # Errors
    /// If it cannot be given.
    fn owned(&mut self, id: &I) -> Result<A, Self::Error>;
}

impl<I: Id> Ids for I {
    type Id = I;
    type States<A> = Arc<A>;

    fn each(&self, visit: &mut dyn FnMut(&I)) {
        visit(self);
    }

    fn load<A, S: StateSource<I, A>>(&self, states: &mut S) -> Result<Arc<A>, S::Error> {
        states.shared(self)
    }
}

impl<I: Id> Ids for Option<I> {
    type Id = I;
    type States<A> = Option<A>;

    fn each(&self, visit: &mut dyn FnMut(&I)) {
        self.iter().for_each(visit);
    }

    fn load<A, S: StateSource<I, A>>(&self, states: &mut S) -> Result<Option<A>, S::Error> {
        self.as_ref().map(|id| states.owned(id)).transpose()
    }
}

impl<I: Id> Ids for Vec<I> {
    type Id = I;
    type States<A> = Vec<A>;

    fn each(&self, visit: &mut dyn FnMut(&I)) {
        self.iter().for_each(visit);
    }

    fn load<A, S: StateSource<I, A>>(&self, states: &mut S) -> Result<Vec<A>, S::Error> {
        let mut seen = HashSet::with_capacity(self.len());
        self.iter().filter(|id| seen.insert(*id)).map(|id| states.owned(id)).collect()
    }
}
