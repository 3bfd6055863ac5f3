//! Events as the application defines them, and the table of their stored names.

mod conversion;
mod declared;
mod declared_secrets;
#[cfg(feature = "gate")]
mod drafts;
mod hash;
mod id_kind;
mod into;
mod overlap;
mod retired;
mod schema;
mod successors;
mod types;
mod upcast;
mod vtable;

use std::marker::PhantomData;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[cfg(feature = "secrets")]
pub(crate) use self::declared_secrets::secret_fields;
#[cfg(feature = "gate")]
pub(crate) use self::drafts::draft_of;
pub use self::{
    conversion::{Conversion, InContext},
    declared::{
        carries_ids_of, event_type, in_context, made_from, retired, variant_type, with_secrets, with_steps,
    },
    id_kind::IdKind,
    into::{Events, IntoEvents},
    overlap::{Overlaps, Sets, TypeSets},
    retired::{IntoParts, SourceEvent, decode_wrapped},
    schema::{
        MakeSchema, NoSchema, OtherStep, SchemaOf, StepFunction, StepInput, StepInputInContext, Undescribed,
        VariantNames,
    },
    types::{EventType, Types},
    upcast::{StepResult, Upcast},
    vtable::{EventVTable, VersionStep},
};
pub(crate) use self::{hash::fnv_mix, successors::DeclaredSuccessors};
use crate::{
    codec::{Codec, RawEvent},
    error::Invalid,
    id::Ids,
    payload::Payload,
    record::{Metadata, Position, Record},
    tag::Tag,
    time::Timestamp,
};

/// A set of event types: one for a struct, one for each variant of an enum. Derive it.
///
/// The framework calls the methods. Their names are chosen so that `apply`, `tags`, `decode` and the like stay free for
/// methods of the application.
///
/// ```
/// use annalist::prelude::*;
/// # #[derive(Id, Clone, Debug, PartialEq, Eq, Hash)] struct AccountId(String);
///
/// #[derive(Event, Serialize, Deserialize)]
/// #[event(prefix = "account")]
/// enum AccountEvent {
///     Opened {
///         #[id] // becomes the tag `account:…`
///         account: AccountId,
///         owner: String,
///     },
///     Closed {
///         #[id]
///         account: AccountId,
///     },
/// }
///
/// assert_eq!(AccountEvent::TYPES.names(), ["account.opened", "account.closed"]);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event",
    label = "an event is needed here",
    note = "add `#[derive(Event, Serialize, Deserialize)]` to `{Self}`"
)]
pub trait Event: Sized + Send + Sync + 'static {
    /// The stored names, versions and aliases that this type writes and reads.
    const TYPES: Types;
    /// The properties of the Rust type, for the table of its own event types.
    #[doc(hidden)]
    const VTABLE: Option<EventVTable> = None;

    /// Returns the stored name and the schema version of this event.
    fn stored_type(&self) -> (&'static str, u32);

    /// Adds a tag for each id that this event carries.
    ///
    /// # Errors
    /// [`Invalid`] if a tag is not valid.
    fn collect_tags(&self, tags: &mut Tags) -> Result<(), Invalid>;

    /// Encodes the payload.
    ///
    /// # Errors
    /// [`Invalid`] if the event cannot be encoded.
    fn encode_payload(&self, codec: &Codec) -> Result<Payload, Invalid>;

    /// Decodes a stored event, applies upcasters, and calls `each` with every resulting event (usually one).
    ///
    /// # Errors
    /// [`Invalid`] if the type or version is unknown or the payload does not fit.
    fn decode_raw(raw: &RawEvent<'_>, codec: &Codec, each: &mut dyn FnMut(Self)) -> Result<(), Invalid>;
}

/// A boxed event is the event: a large one can be a boxed variant of an enum, `OrderPlaced(Box<OrderPlaced>)`.
#[diagnostic::do_not_recommend]
impl<E: Event> Event for Box<E> {
    const TYPES: Types = E::TYPES;

    fn stored_type(&self) -> (&'static str, u32) {
        E::stored_type(self)
    }

    fn collect_tags(&self, tags: &mut Tags) -> Result<(), Invalid> {
        E::collect_tags(self, tags)
    }

    fn encode_payload(&self, codec: &Codec) -> Result<Payload, Invalid> {
        E::encode_payload(self, codec)
    }

    fn decode_raw(raw: &RawEvent<'_>, codec: &Codec, each: &mut dyn FnMut(Self)) -> Result<(), Invalid> {
        E::decode_raw(raw, codec, &mut |event| each(Box::new(event)))
    }
}

/// An event that can be written: every one that is not `retired`. The `Event` derive implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be written",
    label = "an event that is not retired is needed here",
    note = "an event has `#[derive(Event, Serialize, Deserialize)]`; with `retired` in `#[event(…)]` it can only be read"
)]
pub trait WritableEvent: Event {}

#[diagnostic::do_not_recommend]
impl<E: WritableEvent> WritableEvent for Box<E> {}

/// Collects the tags of an event.
///
/// ```
/// # use annalist_doc_tests::*;
/// use annalist::manual::Tags;
///
/// let mut tags = Tags::default();
/// tags.add(&id("ann"))?;
/// tags.add(&vec![id("bob"), id("cay")])?;
/// assert_eq!(tags.into_vec().len(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Tags(Vec<Tag>);

impl Tags {
    /// Adds a tag for each id.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// use annalist::manual::Tags;
    ///
    /// let mut tags = Tags::default();
    /// tags.add(&Some(id("ann")))?;
    /// assert_eq!(tags.into_vec()[0].as_str(), "account:ann");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Invalid`] if a tag is not valid.
    pub fn add<I: Ids>(&mut self, ids: &I) -> Result<(), Invalid> {
        const { IdKind::of::<I>() };
        let mut failed = None;
        ids.each(&mut |id| match Tag::of(id) {
            Ok(tag) => self.0.push(tag),
            Err(invalid) => failed = Some(invalid),
        });
        failed.map_or(Ok(()), Err)
    }

    /// Returns the collected tags.
    ///
    /// ```
    /// use annalist::manual::Tags;
    ///
    /// assert_eq!(Tags::default().into_vec(), []);
    /// ```
    pub fn into_vec(self) -> Vec<Tag> {
        self.0
    }
}

/// An event of the application with its data in the log.
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// # let app = bank().await?;
/// let history = app.history::<AccountEvent>(&id("a")).await?;
/// let events: Vec<AccountEvent> = history.into_iter().map(|recorded| recorded.event).collect();
/// assert_eq!(events, [opened("a", "Ada"), deposited("a", 10)]);
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded<E> {
    /// The event.
    pub event: E,
    /// The position in the global order.
    pub position: Position,
    /// The time of the append, by the clock of the app.
    pub recorded_at: Timestamp,
    /// The id of the event itself.
    pub id: Uuid,
    /// The origin of the event: actor, command, correlation, causation.
    pub metadata: Metadata,
}

impl Record {
    /// Decodes the record as events of `E` (usually one) and adds them to `out`.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// use annalist::{Criteria, manual::Codec};
    ///
    /// let page = app.feed(Criteria::all()).next().await?;
    /// let mut events = Vec::new();
    /// page.records[1].decode_into::<AccountEvent>(&Codec::default(), &mut events)?;
    /// assert_eq!(events[0].event, deposited("a", 10));
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`Invalid`] if `E` does not contain its type or version, the payload does not fit, or the metadata is damaged.
    pub fn decode_into<E: Event>(&self, codec: &Codec, out: &mut Vec<Recorded<E>>) -> Result<(), Invalid> {
        let Self { position, recorded_at, id, .. } = *self;
        let metadata = self.metadata()?;
        E::decode_raw(&RawEvent::from(self), codec, &mut |event| {
            out.push(Recorded { event, position, recorded_at, id, metadata: metadata.clone() });
        })
    }
}

/// The type of an `#[id]` field, for the `Event` derive. Generated code takes the kind and the tags from this one trait, so that
/// a field of another type is a single compile error.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an `#[id]` field",
    label = "marked with `#[id]`",
    note = "an `#[id]` field holds an id, an `Option` of one or a `Vec` of ids; an id is a newtype with `#[derive(Id)]`",
    note = "for ids inside another type name a function that returns them: `#[id(with = path)]`"
)]
pub trait IdField {
    /// The kind of the ids.
    const KIND: IdKind;

    /// Adds a tag for each id.
    ///
    /// # Errors
    /// [`Invalid`] if a tag is not valid.
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
/// [`Invalid`] if the event has another type or a newer version, or its payload does not fit.
pub fn decode_struct<E: Event + for<'de> Deserialize<'de>>(
    raw: &RawEvent<'_>,
    codec: &Codec,
    each: &mut dyn FnMut(E),
) -> Result<(), Invalid> {
    check_struct::<E>(raw)?;
    codec.decode(raw).map(each)
}

/// [`Event::decode_raw`] of a unit struct. The payload is an object whose fields are ignored, because a later version may add
/// some.
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

/// Checks that the event has the only type of `E`, and no newer version.
fn check_struct<E: Event>(raw: &RawEvent<'_>) -> Result<(), Invalid> {
    match const { &E::TYPES } {
        Types::One(known) if E::TYPES.contains(raw.name) => raw.check_version(known.version),
        _ => Err(raw.unknown_type::<E>()),
    }
}

/// [`Event::decode_raw`] of the variant to which `Deserialize` gives the number `index`.
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
    raw.check_version(known)?;
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
/// None at present.
pub fn encode_unit<E: Event>(event: &E, codec: &Codec) -> Result<Payload, Invalid> {
    codec.encode(event.stored_type().0, &NoFields {})
}

/// [`Event::encode_payload`] of a variant with its own fields.
///
/// # Errors
/// [`Invalid::Encode`] if its `Serialize` fails.
pub fn encode_variant<E: Event + Serialize>(event: &E, codec: &Codec) -> Result<Payload, Invalid> {
    codec.encode_variant(event.stored_type().0, event)
}

/// The variants of an event enum.
struct Variants<E>(PhantomData<E>);

impl<E: Event> TypeSets for Variants<E> {
    const SETS: Sets<'static> = match E::TYPES {
        Types::Sum(sets) => Sets::Borrowed(sets),
        Types::One(_) => Sets::Borrowed(&[]),
    };
}

/// Returns `true` if a variant of an event enum with `N` variants has an event type in common with an earlier variant.
pub const fn variant_overlaps<E: Event, const N: usize>(variant: usize) -> bool {
    Overlaps::<Variants<E>, N>::WITH_EARLIER[variant]
}
