//! What the `Projection` derive writes for an `on` entry.

use super::{IntoChange, IntoKeys, Projection, RowKey, Steps, ids_of, route};
use crate::{
    codec::Codec,
    context::Context,
    error::Invalid,
    event::{Event, Types},
    id::Id,
    record::Record,
};

/// Types, keys and handler of an entry come from one trait, so that an entry that is no event is one error. Handlers are
/// function pointers: of a wrong one, the error shows the right signature.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event",
    label = "a projection is folded from events",
    note = "add `#[derive(Event, Serialize, Deserialize)]` to `{Self}`"
)]
pub trait OnRow: Sized {
    /// The event types of the entry.
    const TYPES: Types;

    /// The keys that a function of the user finds in an event.
    fn by<P: Projection, K: IntoKeys<P::Key>>(
        find: fn(&Self) -> K,
    ) -> impl Fn(&Self, &Record) -> Result<K, Invalid>;

    /// Adds a step for each row that the events of this type in a record change.
    ///
    /// # Errors
    /// [`Invalid`] if the record cannot be decoded, or `keys` cannot find its keys.
    fn route<'a, P: Projection, K: IntoKeys<P::Key>, C: IntoChange + 'a>(
        record: &'a Record,
        codec: &Codec,
        steps: &mut Steps<'a, P>,
        keys: impl Fn(&Self, &Record) -> Result<K, Invalid>,
        handler: fn(&mut P, &Self) -> C,
    ) -> Result<(), Invalid>;

    /// The same for a handler that wants to know where the event comes from.
    ///
    /// # Errors
    /// [`Invalid`] if the record cannot be decoded, or `keys` cannot find its keys.
    fn route_in_context<'a, P: Projection, K: IntoKeys<P::Key>, C: IntoChange + 'a>(
        record: &'a Record,
        codec: &Codec,
        steps: &mut Steps<'a, P>,
        keys: impl Fn(&Self, &Record) -> Result<K, Invalid>,
        handler: fn(&mut P, &Self, &Context<'_>) -> C,
    ) -> Result<(), Invalid>;
}

impl<E: Event> OnRow for E {
    const TYPES: Types = <E as Event>::TYPES;

    fn by<P: Projection, K: IntoKeys<P::Key>>(
        find: fn(&E) -> K,
    ) -> impl Fn(&E, &Record) -> Result<K, Invalid> {
        move |event, _| Ok(find(event))
    }

    fn route<'a, P: Projection, K: IntoKeys<P::Key>, C: IntoChange + 'a>(
        record: &'a Record,
        codec: &Codec,
        steps: &mut Steps<'a, P>,
        keys: impl Fn(&E, &Record) -> Result<K, Invalid>,
        handler: fn(&mut P, &E) -> C,
    ) -> Result<(), Invalid> {
        route(record, codec, steps, keys, move |row, event, _| handler(row, event).into_change())
    }

    fn route_in_context<'a, P: Projection, K: IntoKeys<P::Key>, C: IntoChange + 'a>(
        record: &'a Record,
        codec: &Codec,
        steps: &mut Steps<'a, P>,
        keys: impl Fn(&E, &Record) -> Result<K, Invalid>,
        handler: fn(&mut P, &E, &Context<'_>) -> C,
    ) -> Result<(), Invalid> {
        route(record, codec, steps, keys, move |row, event, context| {
            handler(row, event, context).into_change()
        })
    }
}

/// The keys of an entry without `by`: the ids that the event is tagged with.
///
/// # Errors
/// [`Invalid`] if a tag of the kind does not read as the id.
#[doc(hidden)]
pub fn by_ids<E, K: FromTags>(_: &E, record: &Record) -> Result<Vec<K>, Invalid> {
    K::from_tags(record)
}

/// A key that events are tagged with.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "which row does the event belong to? the key, `{Self}`, is not an id that events are tagged with",
    label = "this entry needs `by`",
    note = "name a function that finds the key in the event: `on(Event => handler by key)` with `fn key(event: &Event) -> {Self}`"
)]
pub trait FromTags: RowKey {
    /// The keys in the tags of a record.
    ///
    /// # Errors
    /// [`Invalid`] if a tag does not read as the key.
    fn from_tags(record: &Record) -> Result<Vec<Self>, Invalid>;
}

impl<I: Id + RowKey> FromTags for I {
    fn from_tags(record: &Record) -> Result<Vec<I>, Invalid> {
        ids_of(record)
    }
}
