//! Ids of domain objects, and the types that a field marked `#[id]` can have.

use std::{collections::HashSet, fmt::Display, hash::Hash, str::FromStr, sync::Arc};

/// The id of one kind of domain object, such as an account. Derive it on a newtype.
///
/// An event that carries the id has the tag `KIND:value`, where `value` is the id's `Display`. `FromStr` must parse what
/// `Display` prints. Two ids are the same object if these texts are equal, whatever the `Eq` of the type says.
///
/// ```
/// use annalist::{Id, Tag};
/// use uuid::Uuid;
///
/// #[derive(Id, Clone, Copy, Debug, PartialEq, Eq, Hash)]
/// struct OrderId(Uuid);
///
/// let order = OrderId::new();
/// assert_eq!(Tag::of(&order)?.as_str(), format!("order:{order}"));
/// assert_eq!(order.to_string().parse::<OrderId>()?, order);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an id",
    label = "an id is needed here",
    note = "write a newtype and derive `Id` (with `Clone`, `PartialEq`, `Eq` and `Hash`): `#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)] struct AccountId(Uuid);`"
)]
pub trait Id: Clone + Eq + Hash + Display + FromStr + Send + Sync + 'static {
    /// The kind, which is the first part of the tag: `[a-z][a-z0-9_]*`, at most 64 bytes.
    const KIND: &'static str;
    /// Whether `KIND` was given explicitly. Several id types may share a kind only if all of them give it explicitly.
    const SHARED: bool;
    /// Whether the id is personal, and what becomes of it when it is forgotten: `#[id(secret)]`. `None` for an id that every reader of the
    /// log may see.
    const SECRET: Option<AfterForget> = None;
    /// The wrapped type.
    type Inner;

    /// Returns the wrapped value.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// assert_eq!(id("ann").as_inner(), "ann");
    /// ```
    fn as_inner(&self) -> &Self::Inner;

    /// Creates the id that wraps this value.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// assert_eq!(AccountId::from_inner("ann".into()), id("ann"));
    /// ```
    fn from_inner(inner: Self::Inner) -> Self;

    /// Creates a new, unique id.
    ///
    /// ```
    /// use annalist::prelude::*;
    ///
    /// #[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
    /// struct OrderId(Uuid);
    ///
    /// assert_ne!(OrderId::new(), OrderId::new());
    /// ```
    fn new() -> Self
    where
        Self::Inner: Fresh,
    {
        Self::from_inner(Self::Inner::fresh())
    }
}

/// What becomes of an id that is personal when it is forgotten: `#[id(secret, after_forget = "…")]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterForget {
    /// The id stays taken: what is read or written by it is refused until `App::readmit`.
    StaysTaken,
    /// The id is free again, as if it had never been used.
    Free,
}

/// A type that can generate unique values.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot generate new ids",
    note = "`new()` is for ids around a `Uuid`; create other ids from a value, with `from_inner`"
)]
pub trait Fresh {
    /// A new, unique value.
    fn fresh() -> Self;
}

impl Fresh for uuid::Uuid {
    /// A version 7 UUID. Such ids are roughly ordered by time, which keeps database indexes compact.
    fn fresh() -> Self {
        uuid::Uuid::now_v7()
    }
}

/// The types that a field marked `#[id]` can have: an id, an `Option` of an id, or a `Vec` of ids.
///
/// ```
/// # use annalist_doc_tests::*;
/// use annalist::manual::Ids;
///
/// let mut found = Vec::new();
/// vec![id("ann"), id("bob")].each(&mut |id| found.push(id.to_string()));
/// assert_eq!(found, ["ann", "bob"]);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an `#[id]` field",
    label = "marked with `#[id]`",
    note = "an `#[id]` field holds an id, an `Option` of one or a `Vec` of ids; an id is a newtype with `#[derive(Id)]`"
)]
pub trait Ids {
    /// The type of the id.
    type Id: Id;
    /// The states that a decision receives for the field, each behind an [`Arc`]: one state, an `Option` of one, or a `Vec` with one
    /// for each id that is written differently.
    type States<A>;
    /// Whether every value holds at least one id.
    const NEVER_EMPTY: bool = false;
    /// Whether each id is in a [`Secret`](crate::secret::Secret).
    const IN_SECRET: bool = false;

    /// Calls `visit` with each id, in order.
    fn each(&self, visit: &mut dyn FnMut(&Self::Id));

    /// Loads the state of each id, in order of first appearance. Ids with the same text are one.
    ///
    /// # Errors
    /// The first error that `states` returns.
    fn load<A, S: StateSource<Self::Id, A>>(&self, states: &mut S) -> Result<Self::States<A>, S::Error>;
}

/// Provides the states of aggregates by their ids.
pub trait StateSource<I, A> {
    /// The error of a state that cannot be provided.
    type Error;

    /// Returns the state of an id, shared with the state cache of the app.
    ///
    /// # Errors
    /// If the state cannot be provided.
    fn shared(&mut self, id: &I) -> Result<Arc<A>, Self::Error>;
}

impl<I: Id> Ids for I {
    type Id = I;
    type States<A> = Arc<A>;
    const NEVER_EMPTY: bool = true;

    fn each(&self, visit: &mut dyn FnMut(&I)) {
        visit(self);
    }

    fn load<A, S: StateSource<I, A>>(&self, states: &mut S) -> Result<Arc<A>, S::Error> {
        states.shared(self)
    }
}

impl<I: Id> Ids for Option<I> {
    type Id = I;
    type States<A> = Option<Arc<A>>;

    fn each(&self, visit: &mut dyn FnMut(&I)) {
        self.iter().for_each(visit);
    }

    fn load<A, S: StateSource<I, A>>(&self, states: &mut S) -> Result<Option<Arc<A>>, S::Error> {
        self.as_ref().map(|id| states.shared(id)).transpose()
    }
}

impl<I: Id> Ids for Vec<I> {
    type Id = I;
    type States<A> = Vec<Arc<A>>;

    fn each(&self, visit: &mut dyn FnMut(&I)) {
        self.iter().for_each(visit);
    }

    fn load<A, S: StateSource<I, A>>(&self, states: &mut S) -> Result<Vec<Arc<A>>, S::Error> {
        let mut seen = HashSet::with_capacity(self.len());
        self.iter().filter(|id| seen.insert(id.to_string())).map(|id| states.shared(id)).collect()
    }
}
