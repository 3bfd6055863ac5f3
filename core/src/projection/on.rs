//! What the `Projection` derive writes for an `on` entry.

use super::{IntoChange, IntoKeys, Projection, RowOps, ids_of, plan_event, row_ops::plan_event_by_ids};
use crate::{
    codec::Codec,
    context::Context,
    error::Invalid,
    event::{Event, Types},
    id::Id,
    record::Record,
};

/// Types and steps of an entry come from one trait, so that an entry that is no event is one error. The functions of the
/// user are function pointers: of a wrong one, the error shows the right signature.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event",
    label = "a projection is folded from events",
    note = "add `#[derive(Event, Serialize, Deserialize)]` to `{Self}`"
)]
pub trait OnRow: Sized {
    /// The event types of the entry.
    const TYPES: Types;

    /// Adds a step for each row whose key the events of this type in a record are tagged with.
    ///
    /// # Errors
    /// [`Invalid`] if the record cannot be decoded, or a tag does not read as the key.
    fn by_ids<'a, P: Projection<Key: FromTags>, C: IntoChange + 'a>(
        record: &'a Record,
        codec: &Codec,
        steps: &mut RowOps<'a, P>,
        handler: fn(&mut P, &Self) -> C,
    ) -> Result<(), Invalid>;

    /// Adds a step for each row whose key `find` gives.
    ///
    /// # Errors
    /// [`Invalid`] if the record cannot be decoded.
    fn by<'a, P: Projection, K: IntoKeys<P::Key>, C: IntoChange + 'a>(
        record: &'a Record,
        codec: &Codec,
        steps: &mut RowOps<'a, P>,
        find: fn(&Self) -> K,
        handler: fn(&mut P, &Self) -> C,
    ) -> Result<(), Invalid>;

    /// [`by_ids`](Self::by_ids) for a handler that wants to know where the event comes from.
    ///
    /// # Errors
    /// [`Invalid`] if the record cannot be decoded, or a tag does not read as the key.
    fn by_ids_in_context<'a, P: Projection<Key: FromTags>, C: IntoChange + 'a>(
        record: &'a Record,
        codec: &Codec,
        steps: &mut RowOps<'a, P>,
        handler: fn(&mut P, &Self, &Context<'_>) -> C,
    ) -> Result<(), Invalid>;

    /// [`by`](Self::by) for functions that want to know where the event comes from: a line of a list may be keyed by its
    /// position.
    ///
    /// # Errors
    /// [`Invalid`] if the record cannot be decoded.
    fn by_in_context<'a, P: Projection, K: IntoKeys<P::Key>, C: IntoChange + 'a>(
        record: &'a Record,
        codec: &Codec,
        steps: &mut RowOps<'a, P>,
        find: fn(&Self, &Context<'_>) -> K,
        handler: fn(&mut P, &Self, &Context<'_>) -> C,
    ) -> Result<(), Invalid>;
}

#[diagnostic::do_not_recommend]
impl<E: Event> OnRow for E {
    const TYPES: Types = <E as Event>::TYPES;

    fn by_ids<'a, P: Projection<Key: FromTags>, C: IntoChange + 'a>(
        record: &'a Record,
        codec: &Codec,
        steps: &mut RowOps<'a, P>,
        handler: fn(&mut P, &E) -> C,
    ) -> Result<(), Invalid> {
        plan_event_by_ids(record, codec, steps, move |row, event: &E, (): &()| {
            handler(row, event).into_change()
        })
    }

    fn by<'a, P: Projection, K: IntoKeys<P::Key>, C: IntoChange + 'a>(
        record: &'a Record,
        codec: &Codec,
        steps: &mut RowOps<'a, P>,
        find: fn(&E) -> K,
        handler: fn(&mut P, &E) -> C,
    ) -> Result<(), Invalid> {
        let keys = |event: &E, _: &Record| Ok(find(event));
        plan_event(record, codec, steps, keys, move |row, event, (): &()| handler(row, event).into_change())
    }

    fn by_ids_in_context<'a, P: Projection<Key: FromTags>, C: IntoChange + 'a>(
        record: &'a Record,
        codec: &Codec,
        steps: &mut RowOps<'a, P>,
        handler: fn(&mut P, &E, &Context<'_>) -> C,
    ) -> Result<(), Invalid> {
        plan_event_by_ids(record, codec, steps, move |row, event: &E, context: &Context<'a>| {
            handler(row, event, context).into_change()
        })
    }

    fn by_in_context<'a, P: Projection, K: IntoKeys<P::Key>, C: IntoChange + 'a>(
        record: &'a Record,
        codec: &Codec,
        steps: &mut RowOps<'a, P>,
        find: fn(&E, &Context<'_>) -> K,
        handler: fn(&mut P, &E, &Context<'_>) -> C,
    ) -> Result<(), Invalid> {
        let keys = |event: &E, record: &Record| Ok(find(event, &Context::of(record)?));
        plan_event(record, codec, steps, keys, move |row, event, context: &Context<'a>| {
            handler(row, event, context).into_change()
        })
    }
}

/// A key that events are tagged with.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "which row does the event belong to? the key, `{Self}`, is not an id that events are tagged with",
    label = "this entry needs `by`",
    note = "name a function that finds the key in the event: `on(Event => handler by key_of)` with `fn key_of(event: &Event) -> {Self}`"
)]
pub trait FromTags: Sized {
    /// The keys in the tags of a record.
    ///
    /// # Errors
    /// [`Invalid`] if a tag does not read as the key.
    fn from_tags(record: &Record) -> Result<Vec<Self>, Invalid>;
}

#[diagnostic::do_not_recommend]
impl<I: Id> FromTags for I {
    fn from_tags(record: &Record) -> Result<Vec<I>, Invalid> {
        ids_of(record)
    }
}
