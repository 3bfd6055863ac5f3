//! Functions that the `Projection` derive calls for an `on` entry.

use std::marker::PhantomData;

use super::{FromTags, IntoChange, IntoKeys, Projection, RowOps, plan_event, row_ops::plan_event_by_ids};
use crate::{
    codec::Codec,
    context::Context,
    error::Invalid,
    event::{Event, Overlaps, Sets, TypeSets, Types},
    record::Record,
};

/// The type of an `on` entry. One trait provides the stored types and the row operations, so that an entry that is not an
/// event is one compile error. User functions are passed as function pointers, so that the error for a wrong one shows the
/// expected signature.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event",
    label = "a projection is folded from events",
    note = "add `#[derive(Event, Serialize, Deserialize)]` to `{Self}`"
)]
pub trait OnRow: Sized {
    /// The event types of the entry.
    const TYPES: Types;

    /// Plans an operation on each row whose key is a tag of the record.
    ///
    /// # Errors
    /// [`Invalid`] if the record cannot be decoded, or a tag does not parse as the key.
    fn by_ids<'a, P: Projection<Key: FromTags>, C: IntoChange + 'a>(
        record: &'a Record,
        codec: &Codec,
        ops: &mut RowOps<'a, P>,
        handler: fn(&mut P, &Self) -> C,
    ) -> Result<(), Invalid>;

    /// Plans an operation on each row whose key `find` returns.
    ///
    /// # Errors
    /// [`Invalid`] if the record cannot be decoded.
    fn by<'a, P: Projection, K: IntoKeys<P::Key>, C: IntoChange + 'a>(
        record: &'a Record,
        codec: &Codec,
        ops: &mut RowOps<'a, P>,
        find: fn(&Self) -> K,
        handler: fn(&mut P, &Self) -> C,
    ) -> Result<(), Invalid>;

    /// As [`by_ids`](Self::by_ids), for a handler that takes the [`Context`] of the event.
    ///
    /// # Errors
    /// [`Invalid`] if the record cannot be decoded, or a tag does not parse as the key.
    fn by_ids_in_context<'a, P: Projection<Key: FromTags>, C: IntoChange + 'a>(
        record: &'a Record,
        codec: &Codec,
        ops: &mut RowOps<'a, P>,
        handler: fn(&mut P, &Self, &Context<'_>) -> C,
    ) -> Result<(), Invalid>;

    /// As [`by`](Self::by), for functions that take the [`Context`] of the event: a row may be keyed by the position of its
    /// event, for example.
    ///
    /// # Errors
    /// [`Invalid`] if the record cannot be decoded.
    fn by_in_context<'a, P: Projection, K: IntoKeys<P::Key>, C: IntoChange + 'a>(
        record: &'a Record,
        codec: &Codec,
        ops: &mut RowOps<'a, P>,
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
        ops: &mut RowOps<'a, P>,
        handler: fn(&mut P, &E) -> C,
    ) -> Result<(), Invalid> {
        plan_event_by_ids(record, codec, ops, move |row, event: &E, (): &()| {
            handler(row, event).into_change()
        })
    }

    fn by<'a, P: Projection, K: IntoKeys<P::Key>, C: IntoChange + 'a>(
        record: &'a Record,
        codec: &Codec,
        ops: &mut RowOps<'a, P>,
        find: fn(&E) -> K,
        handler: fn(&mut P, &E) -> C,
    ) -> Result<(), Invalid> {
        let keys = |event: &E, _: &Record| Ok(find(event));
        plan_event(record, codec, ops, keys, move |row, event, (): &()| handler(row, event).into_change())
    }

    fn by_ids_in_context<'a, P: Projection<Key: FromTags>, C: IntoChange + 'a>(
        record: &'a Record,
        codec: &Codec,
        ops: &mut RowOps<'a, P>,
        handler: fn(&mut P, &E, &Context<'_>) -> C,
    ) -> Result<(), Invalid> {
        plan_event_by_ids(record, codec, ops, move |row, event: &E, context: &Context<'a>| {
            handler(row, event, context).into_change()
        })
    }

    fn by_in_context<'a, P: Projection, K: IntoKeys<P::Key>, C: IntoChange + 'a>(
        record: &'a Record,
        codec: &Codec,
        ops: &mut RowOps<'a, P>,
        find: fn(&E, &Context<'_>) -> K,
        handler: fn(&mut P, &E, &Context<'_>) -> C,
    ) -> Result<(), Invalid> {
        let keys = |event: &E, record: &Record| Ok(find(event, &Context::of(record)?));
        plan_event(record, codec, ops, keys, move |row, event, context: &Context<'a>| {
            handler(row, event, context).into_change()
        })
    }
}

/// The `on` entries of a projection.
struct Entries<P>(PhantomData<P>);

impl<P: Projection> TypeSets for Entries<P> {
    const SETS: Sets<'static> = Sets::Owned(P::EVENTS);
}

/// Returns `true` if one of the `N` `on` entries of a projection handles an event that an earlier entry handles already.
#[doc(hidden)]
pub const fn projection_overlaps<P: Projection, const N: usize>(entry: usize) -> bool {
    Overlaps::<Entries<P>, N>::WITH_EARLIER[entry]
}
