//! Events as the user writes them, and the table of their stored names.

mod into;
mod types;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub(crate) use self::types::mixed;
pub use self::{
    into::{Events, IntoEvents},
    types::{EventType, IdKind, Types},
};
use crate::{
    codec::Codec,
    error::Invalid,
    id::Ids,
    payload::Payload,
    record::{Metadata, Position, RawEvent, Record},
    tag::Tag,
    time::Timestamp,
};

/// A set of event types: one for a struct, one for each variant of an enum. Derive it.
///
/// The methods are called by the framework; their names leave `apply`, `tags`, `decode` and the like to the user.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event",
    label = "an event is needed here",
    note = "add `#[derive(Event, Serialize, Deserialize)]` to `{Self}`"
)]
pub trait Event: Sized + Send + Sync + 'static {
    /// The stored names, versions and aliases that this type writes and reads.
    const TYPES: Types;

    /// The stored name and the schema version of this event.
    fn stored_type(&self) -> (&'static str, u32);

    /// Adds a tag for each id that this event carries.
    ///
    /// # Errors
    /// [`Invalid`] if an id makes no valid tag.
    fn collect_tags(&self, tags: &mut Tags) -> Result<(), Invalid>;

    /// Writes the payload.
    ///
    /// # Errors
    /// [`Invalid`] if it cannot be written.
    fn encode_payload(&self, codec: &Codec) -> Result<Payload, Invalid>;

    /// Reads a stored event and calls `each` with what it is by now: usually one event.
    ///
    /// # Errors
    /// [`Invalid`] if the type or version is unknown or the payload does not fit.
    fn decode_raw(raw: &RawEvent<'_>, codec: &Codec, each: &mut dyn FnMut(Self)) -> Result<(), Invalid>;
}

/// Collects the tags of an event.
#[derive(Debug, Default)]
pub struct Tags(Vec<Tag>);

impl Tags {
    /// Adds a tag for each id.
    ///
    /// # Errors
    /// [`Invalid`] if an id makes no valid tag.
    pub fn add<I: Ids>(&mut self, ids: &I) -> Result<(), Invalid> {
        let mut failed = None;
        ids.each(&mut |id| match Tag::of(id) {
            Ok(tag) => self.0.push(tag),
            Err(invalid) => failed = Some(invalid),
        });
        failed.map_or(Ok(()), Err)
    }

    /// The tags so far.
    pub fn into_vec(self) -> Vec<Tag> {
        self.0
    }
}

/// An event of the user's type together with what the log knows about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded<E> {
    /// The event.
    pub event: E,
    /// Its place in the global order.
    pub position: Position,
    /// The time that the app's clock told when it was appended.
    pub recorded_at: Timestamp,
    /// Its own id.
    pub id: Uuid,
    /// Where it came from: actor, command, correlation, causation.
    pub metadata: Metadata,
}

impl Record {
    /// Reads the record as events of `E` and appends them to `out`: usually one.
    ///
    /// # Errors
    /// [`Invalid`] if `E` does not know its type or version, the payload does not fit, or the metadata are damaged.
    pub fn decode_into<E: Event>(&self, codec: &Codec, out: &mut Vec<Recorded<E>>) -> Result<(), Invalid> {
        let Self { position, recorded_at, id, .. } = *self;
        let metadata = self.metadata()?;
        E::decode_raw(&RawEvent::from(self), codec, &mut |event| {
            out.push(Recorded { event, position, recorded_at, id, metadata: metadata.clone() });
        })
    }
}

/// What the `Event` derive writes for an `#[id]` field: its kind and its tags come from one trait, so that a field
/// that gives no id is one error.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an `#[id]` field",
    label = "marked with `#[id]`",
    note = "an `#[id]` field holds an id, an `Option` of one or a `Vec` of ids; an id is a newtype with `#[derive(Id)]`",
    note = "for ids inside another type name a function that returns them: `#[id(with = path)]`"
)]
pub trait IdField {
    /// The kind of its ids.
    const KIND: IdKind;

    /// Adds a tag for each of its ids.
    ///
    /// # Errors
    /// [`Invalid`] if one makes no valid tag.
    fn add_tags(&self, tags: &mut Tags) -> Result<(), Invalid>;
}

impl<I: Ids> IdField for I {
    const KIND: IdKind = IdKind::of::<I>();

    fn add_tags(&self, tags: &mut Tags) -> Result<(), Invalid> {
        tags.add(self)
    }
}

/// [`Event::decode_raw`] of an event struct.
///
/// # Errors
/// [`Invalid`] if the event is of another type or newer, or its payload does not fit.
pub fn decode_struct<E: Event + for<'de> Deserialize<'de>>(
    raw: &RawEvent<'_>,
    codec: &Codec,
    each: &mut dyn FnMut(E),
) -> Result<(), Invalid> {
    check_struct::<E>(raw)?;
    codec.decode(raw).map(each)
}

/// [`Event::decode_raw`] of a unit struct, whose payload is an object without fields: a later version may have some.
///
/// # Errors
/// As [`decode_struct`].
pub fn decode_unit<E: Event>(
    event: E,
    raw: &RawEvent<'_>,
    codec: &Codec,
    each: &mut dyn FnMut(E),
) -> Result<(), Invalid> {
    check_struct::<E>(raw)?;
    codec.decode::<NoFields>(raw)?;
    each(event);
    Ok(())
}

/// The payload of a unit struct.
#[derive(Serialize, Deserialize)]
struct NoFields {}

/// Whether the event is of the only type of `E`, and not newer than it.
fn check_struct<E: Event>(raw: &RawEvent<'_>) -> Result<(), Invalid> {
    match const { &E::TYPES } {
        Types::One(known) if E::TYPES.contains(raw.name) => raw.at_most(known.version),
        _ => Err(raw.unknown_to::<E>()),
    }
}

/// [`Event::decode_raw`] of the variant that `Deserialize` numbers `index`.
///
/// # Errors
/// As [`decode_struct`].
pub fn decode_variant<E: for<'de> Deserialize<'de>>(
    index: u32,
    known: u32,
    raw: &RawEvent<'_>,
    codec: &Codec,
    each: &mut dyn FnMut(E),
) -> Result<(), Invalid> {
    raw.at_most(known)?;
    codec.decode_variant(index, raw).map(each)
}

/// [`Event::encode_payload`] of an event struct.
///
/// # Errors
/// [`Invalid::Encode`] if its `Serialize` fails.
pub fn encode_struct<E: Event + Serialize>(event: &E, codec: &Codec) -> Result<Payload, Invalid> {
    codec.encode(event.stored_type().0, event)
}

/// [`Event::encode_payload`] of a unit struct.
///
/// # Errors
/// None so far.
pub fn encode_unit<E: Event>(event: &E, codec: &Codec) -> Result<Payload, Invalid> {
    codec.encode(event.stored_type().0, &NoFields {})
}

/// [`Event::encode_payload`] of a variant with fields of its own.
///
/// # Errors
/// [`Invalid::Encode`] if its `Serialize` fails.
pub fn encode_variant<E: Event + Serialize>(event: &E, codec: &Codec) -> Result<Payload, Invalid> {
    codec.encode_variant(event.stored_type().0, event)
}

/// Whether a variant of an event enum takes an event that one above it takes already. `Types` is that of the enum.
pub const fn variant_overlaps(types: &Types, variant: usize) -> bool {
    let Types::Sum(sets) = types else { return false };
    let mut i = 0;
    while i < variant {
        if sets[variant].overlaps(sets[i]) {
            return true;
        }
        i += 1;
    }
    false
}
