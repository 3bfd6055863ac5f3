//! The states of decisions.

mod snapshots;

use std::{fmt::Debug, marker::PhantomData};

pub use self::snapshots::Snapshots;
use crate::{
    codec::{Codec, RawEvent},
    context::Context,
    criteria::{Criteria, Item},
    error::Invalid,
    event::{Event, Overlaps, Sets, TypeSets, Types},
    id::Id,
    initial::InitialValue,
    record::Record,
    tag::Tag,
};

/// The state that a decision needs, folded from events. Derive it.
///
/// An aggregate with an `#[id]` field is folded from the events of its types that carry the id; one without, from all events of
/// its types. An aggregate is a decision model, not a table: two aggregates may fold the same events.
///
/// The framework calls the methods; their names leave `new`, `apply`, `decide` and the like to the user.
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// # let app = bank().await?;
/// #[derive(Aggregate, Debug, PartialEq)]
/// #[aggregate(on(AccountEvent => Activity::count))]
/// struct Activity {
///     #[id]
///     account: AccountId,
///     events: u32,
/// }
///
/// impl Activity {
///     fn count(&mut self, _: &AccountEvent) {
///         self.events += 1;
///     }
/// }
///
/// assert_eq!(app.load::<Activity>(&id("a")).await?, Activity { account: id("a"), events: 2 });
/// # Ok(())
/// # });
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an aggregate",
    label = "the state of a decision has to be an aggregate",
    note = "add `#[derive(Aggregate)]` and `#[aggregate(on(SomeEvent => {Self}::apply))]` to `{Self}`"
)]
pub trait Aggregate: Sized + Send + Sync + 'static {
    /// The type of the `#[id]` field, or `()` without one.
    type Id: AggregateId;
    /// The error of the decisions on this aggregate, unless a command sets its own.
    type Error: Debug + Send + 'static;
    /// The event types that the aggregate folds.
    const EVENTS: &'static [Types];
    /// Whether a fold uses the [`Context`] of an event. If not, commands that are queued on the aggregate can be decided one after
    /// another before the first of them is written.
    const USES_CONTEXT: bool = true;
    /// How snapshots of the states are saved; `None` for no snapshots.
    const SNAPSHOTS: Option<Snapshots<Self>> = None;

    /// Returns the state before its first event.
    fn initial(id: Self::Id) -> Self;

    /// Folds a record of one of the event types.
    ///
    /// # Errors
    /// [`Invalid`] if the record cannot be decoded.
    fn fold_record(&mut self, record: &Record, codec: &Codec) -> Result<(), Invalid>;

    /// Folds a record into several states. The derive decodes the record once for all of them; the default implementation folds
    /// it into one state after the other.
    ///
    /// # Errors
    /// [`Invalid`] if the record cannot be decoded.
    fn fold_into_each(states: &mut [&mut Self], record: &Record, codec: &Codec) -> Result<(), Invalid> {
        states.iter_mut().try_for_each(|state| state.fold_record(record, codec))
    }

    /// Returns the state as a text for people, or `None`, as the default implementation does. The derive returns the [`Debug`] form if
    /// the type has one.
    fn debug_text(&self) -> Option<String> {
        None
    }
}

/// The id of an aggregate: an [`Id`], or `()` for the only aggregate of its type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the id of an aggregate",
    label = "marked with `#[id]`",
    note = "the `#[id]` field of an aggregate holds one id: a newtype with `#[derive(Id)]`"
)]
pub trait AggregateId: Clone + Send + Sync + 'static {
    /// The kind of the tag; `None` if there is no tag.
    const TAG_KIND: Option<&'static str>;

    /// The tag that the aggregate's events carry; `None` if all events of its types belong to it.
    ///
    /// # Errors
    /// [`Invalid`] if the id makes no valid tag.
    fn instance_tag(&self) -> Result<Option<Tag>, Invalid>;

    /// Returns `true` if these are the tags of the aggregate: one tag, or none.
    fn has_tags(&self, tags: &[Tag]) -> bool;

    /// Returns the id that has this text in a tag; `()` for the empty text. `None` if the text is not valid.
    fn from_text(text: &str) -> Option<Self>;
}

impl<I: Id> AggregateId for I {
    const TAG_KIND: Option<&'static str> = Some(I::KIND);

    fn instance_tag(&self) -> Result<Option<Tag>, Invalid> {
        Tag::of(self).map(Some)
    }

    fn has_tags(&self, tags: &[Tag]) -> bool {
        matches!(tags, [tag] if tag.is_of(self))
    }

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl AggregateId for () {
    const TAG_KIND: Option<&'static str> = None;

    fn instance_tag(&self) -> Result<Option<Tag>, Invalid> {
        Ok(None)
    }

    fn has_tags(&self, tags: &[Tag]) -> bool {
        tags.is_empty()
    }

    fn from_text(text: &str) -> Option<Self> {
        text.is_empty().then_some(())
    }
}

/// The criteria of the events that the aggregate with this id is folded from.
///
/// # Errors
/// [`Invalid`] if the id makes no valid tag.
pub fn criteria_of<A: Aggregate>(id: &A::Id) -> Result<Criteria, Invalid> {
    let item = A::EVENTS.iter().fold(Item::any(), |item, types| item.types(types.names()));
    Ok(match id.instance_tag()? {
        Some(tag) => item.tag(tag),
        None => item,
    }
    .into())
}

/// Decodes a record and calls `apply` with its events of type `E`. A record of another type is ignored.
/// [`Aggregate::fold_into_each`] calls this function once for each `on` entry.
///
/// ```
/// # use annalist_doc_tests::*;
/// use annalist::manual::{Codec, fold};
/// use annalist::{Position, Timestamp, store::{Draft, Metadata}};
///
/// let codec = Codec::default();
/// let payload = deposited("ann", 5).encode_payload(&codec)?;
/// let record = Draft::new("account.deposited", 1, [], payload)?
///     .record(Position::new(1), Timestamp::EPOCH, Metadata::default());
///
/// let mut deposits = 0;
/// fold::<AccountEvent>(&record, &codec, |_| deposits += 1)?;
/// assert_eq!(deposits, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Invalid`] if the record cannot be decoded.
pub fn fold<E: Event>(record: &Record, codec: &Codec, mut apply: impl FnMut(&E)) -> Result<(), Invalid> {
    if !const { &E::TYPES }.reads(&record.name) {
        return Ok(());
    }
    E::decode_raw(&RawEvent::from(record), codec, &mut |event| apply(&event))
}

/// Returns `true` if the fold of an aggregate uses the context of its events, or the conversion of an older version does.
pub(crate) const fn reads_context<A: Aggregate>() -> bool {
    let (mut reads_context, mut i) = (A::USES_CONTEXT, 0);
    while i < A::EVENTS.len() {
        reads_context |= A::EVENTS[i].needs_context();
        i += 1;
    }
    reads_context
}

/// A field of an aggregate without `#[id]`. The compiler prefers the function of the type itself, which exists for ids alone
/// and is an error: the `#[id]` was forgotten, and the state would be folded from the events of every id. Every other type
/// takes the function of [`UnmarkedValue`].
#[doc(hidden)]
#[derive(Debug)]
pub struct UnmarkedField<T>(PhantomData<T>);

impl<I: Id> UnmarkedField<I> {
    /// Cannot be called.
    pub fn __annalist_initial() -> I
    where
        I: MarkedAsId,
    {
        I::marked()
    }
}

/// Implemented by no id, for the error about a forgotten `#[id]`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "this field holds an id, but has no `#[id]`: the state would be folded from the events of every `{Self}`",
    label = "write `#[id]` above this field",
    note = "if the aggregate really has no id and this field is only data of its last event, write `Option<{Self}>`"
)]
pub trait MarkedAsId {
    /// Cannot be called.
    fn marked() -> Self;
}

/// The initial value of a field that is not an id: see [`UnmarkedField`].
#[doc(hidden)]
pub trait UnmarkedValue<T> {
    /// The initial value.
    fn __annalist_initial() -> T
    where
        T: InitialValue,
    {
        T::initial_value()
    }
}

impl<T> UnmarkedValue<T> for UnmarkedField<T> {}

/// A state that is shown. The compiler prefers the function of the type itself, which exists if the state has [`Debug`]. Every other type
/// takes the function of [`WithoutDebug`].
#[doc(hidden)]
#[derive(Debug)]
pub struct Shown<'a, A>(pub &'a A);

impl<A: Debug> Shown<'_, A> {
    /// Returns the state in its [`Debug`] form, with a line for each field.
    pub fn __annalist_text(&self) -> Option<String> {
        Some(format!("{:#?}", self.0))
    }
}

/// The text of a state without [`Debug`]: see [`Shown`].
#[doc(hidden)]
pub trait WithoutDebug {
    /// Returns `None`.
    fn __annalist_text(&self) -> Option<String> {
        None
    }
}

impl<A> WithoutDebug for Shown<'_, A> {}

/// An `on` entry of the `Aggregate` derive. Types and fold come from one trait, so that an entry that is not an event causes one
/// compile error. Handlers are function pointers: the error for a wrong one shows the right signature.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event",
    label = "an aggregate is folded from events",
    note = "add `#[derive(Event, Serialize, Deserialize)]` to `{Self}`"
)]
pub trait On: Sized {
    /// The event types of the entry.
    const TYPES: Types;

    /// Decodes a record and calls `handler` with its events of this type, for each state.
    ///
    /// # Errors
    /// [`Invalid`] if the record cannot be decoded.
    fn fold<A>(
        states: &mut [&mut A],
        record: &Record,
        codec: &Codec,
        handler: fn(&mut A, &Self),
    ) -> Result<(), Invalid>;

    /// Like [`fold`](On::fold), for a handler that takes the context of the event.
    ///
    /// # Errors
    /// [`Invalid`] if the record cannot be decoded.
    fn fold_in_context<A>(
        states: &mut [&mut A],
        record: &Record,
        codec: &Codec,
        handler: fn(&mut A, &Self, &Context<'_>),
    ) -> Result<(), Invalid>;
}

impl<E: Event> On for E {
    const TYPES: Types = <E as Event>::TYPES;

    fn fold<A>(
        states: &mut [&mut A],
        record: &Record,
        codec: &Codec,
        handler: fn(&mut A, &E),
    ) -> Result<(), Invalid> {
        fold::<E>(record, codec, |event| states.iter_mut().for_each(|state| handler(state, event)))
    }

    fn fold_in_context<A>(
        states: &mut [&mut A],
        record: &Record,
        codec: &Codec,
        handler: fn(&mut A, &E, &Context<'_>),
    ) -> Result<(), Invalid> {
        if !const { &<E as Event>::TYPES }.reads(&record.name) {
            return Ok(());
        }
        let context = Context::of(record)?;
        fold::<E>(record, codec, |event| states.iter_mut().for_each(|state| handler(state, event, &context)))
    }
}

/// Returns `true` if an `on` entry has an event type that may carry the aggregate's id. If not, no event would ever reach the entry,
/// and the state would silently stay the initial one.
pub const fn entry_reaches<A: Aggregate>(entry: usize) -> bool {
    match <A::Id as AggregateId>::TAG_KIND {
        Some(kind) => A::EVENTS[entry].carries(kind),
        None => true,
    }
}

/// The `on` entries of an aggregate.
struct Entries<A>(PhantomData<A>);

impl<A: Aggregate> TypeSets for Entries<A> {
    const SETS: Sets<'static> = Sets::Owned(A::EVENTS);
}

/// Returns `true` if one of the `N` `on` entries of an aggregate handles an event that an earlier entry handles already.
pub const fn aggregate_overlaps<A: Aggregate, const N: usize>(entry: usize) -> bool {
    Overlaps::<Entries<A>, N>::WITH_EARLIER[entry]
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use uuid::Uuid;

    use super::*;
    use crate::event::{EventType, IdKind};

    #[derive(Clone, Debug, PartialEq, Eq, Hash)]
    struct ThingId(Uuid);

    impl std::fmt::Display for ThingId {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            std::fmt::Display::fmt(&self.0, f)
        }
    }

    impl std::str::FromStr for ThingId {
        type Err = uuid::Error;

        fn from_str(text: &str) -> Result<Self, uuid::Error> {
            text.parse().map(Self)
        }
    }

    impl Id for ThingId {
        const KIND: &'static str = "thing";
        const SHARED: bool = false;
        type Inner = Uuid;

        fn as_inner(&self) -> &Uuid {
            &self.0
        }

        fn from_inner(inner: Uuid) -> Self {
            Self(inner)
        }
    }

    const MADE: Types = Types::One(EventType::new("made", "Made").with_ids(&[IdKind::of::<Vec<ThingId>>()]));
    const PRICED: Types = Types::One(EventType::new("priced", "Priced").with_ids(&[]));
    const LISTED: Types = Types::One(EventType::new("listed", "Listed").with_ids(&[]).with_open_ids());

    macro_rules! aggregates {
        ($($name:ident of $id:ty: [$($entry:expr),*];)+) => {
            $(struct $name;

            impl Aggregate for $name {
                type Id = $id;
                type Error = Infallible;
                const EVENTS: &'static [Types] = &[$($entry),*];

                fn initial(_: $id) -> Self {
                    Self
                }

                fn fold_record(&mut self, _: &Record, _: &Codec) -> Result<(), Invalid> {
                    Ok(())
                }
            })+
        };
    }

    aggregates! {
        Made of ThingId: [MADE];
        Either of ThingId: [Types::Sum(&[&PRICED, &MADE])];
        Priced of ThingId: [MADE, PRICED, LISTED];
        All of (): [PRICED];
    }

    /// Without this check, a missing `#[id]` attribute would silently result in a state that never changes.
    #[test]
    fn entry_reaches_the_aggregate_only_if_an_event_can_carry_the_id() {
        assert!(entry_reaches::<Made>(0) && entry_reaches::<Either>(0) && entry_reaches::<All>(0));
        assert!([0, 1, 2].map(entry_reaches::<Priced>) == [true, false, true]);
    }
}
