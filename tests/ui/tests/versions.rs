//! Events of older versions are converted step by step, by functions of the application.

#![allow(clippy::unwrap_used)] // in the helpers too
#![allow(missing_docs, reason = "a test has no documentation to read")]

use std::{error::Error, num::ParseIntError};

use annalist::{
    Invalid, Position, Tag, Timestamp,
    manual::{Codec, Payload, Types},
    prelude::*,
    store::{Draft, Metadata, Name, Record},
};
use annalist_ui_tests::{read, records, written};
use serde::de::DeserializeOwned;

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
struct RoomId(String);

fn room(name: &str) -> RoomId {
    RoomId(name.to_owned())
}

/// The current version: a step from each of the three before, one of which reads the same payloads as the next.
#[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
#[event(
    name = "booking.made",
    version = 4,
    upcast(3 => Booked::from_v3, 1 => from_v1, 2 => _)
)]
struct Booked {
    #[id]
    room: RoomId,
    guests: u32,
    paid: bool,
}

/// Version 1: the number of guests is a text.
#[derive(Deserialize)]
struct BookedV1 {
    room: String,
    guests: String,
}

/// Versions 2 and 3. Version 3 has a field more.
#[derive(Deserialize)]
struct BookedV3 {
    room: RoomId,
    guests: u32,
    #[serde(default)]
    comment: String,
}

fn from_v1(old: BookedV1) -> Result<BookedV3, ParseIntError> {
    Ok(BookedV3 { room: RoomId(old.room), guests: old.guests.parse()?, comment: String::new() })
}

impl Booked {
    fn from_v3(BookedV3 { room, guests, comment }: BookedV3) -> Self {
        assert!(guests < 100, "the hotel is too small");
        Self { room, guests, paid: comment.contains("paid") }
    }
}

#[test]
fn event_of_any_older_version_passes_the_steps_from_its_version_on() {
    let booked = |guests, paid| Booked { room: room("12"), guests, paid };
    for (version, payload, event) in [
        (1, r#"{"room":"12","guests":"2"}"#, booked(2, false)),
        (2, r#"{"room":"12","guests":3}"#, booked(3, false)),
        (3, r#"{"room":"12","guests":4,"comment":"paid"}"#, booked(4, true)),
        (4, r#"{"room":"12","guests":5,"paid":true}"#, booked(5, true)),
    ] {
        assert_eq!(read::<Booked>("booking.made", version, payload).unwrap(), [event], "{version}");
    }
}

#[test]
fn event_is_written_in_the_current_version() {
    let drafts = written(Booked { room: room("12"), guests: 2, paid: true });
    assert_eq!(
        (drafts[0].version(), drafts[0].data().as_str()),
        (4, r#"{"room":"12","guests":2,"paid":true}"#)
    );
}

#[test]
fn payload_has_the_shape_of_its_version() {
    let error = read::<Booked>("booking.made", 1, r#"{"room":"12","guests":2}"#).unwrap_err();
    assert!(matches!(error, Invalid::Decode { version: 1, .. }), "{error}");
    let error = read::<Booked>("booking.made", 5, r#"{"room":"12","guests":2,"paid":true}"#).unwrap_err();
    assert!(matches!(error, Invalid::NewerVersion { version: 5, known: 4, .. }), "{error}");
}

#[test]
fn step_that_fails_or_panics_is_named_with_the_event() {
    let error = read::<Booked>("booking.made", 1, r#"{"room":"12","guests":"two"}"#).unwrap_err();
    assert_eq!(
        error.to_string(),
        "event `booking.made` version 1 at position 1 cannot be converted to version 2: invalid digit found in \
         string"
    );
    assert!(error.source().unwrap().is::<ParseIntError>());

    let error = read::<Booked>("booking.made", 2, r#"{"room":"12","guests":100}"#).unwrap_err();
    assert_eq!(
        error.to_string(),
        "event `booking.made` version 2 at position 1 cannot be converted to version 4: it panicked: the hotel is \
         too small"
    );
}

/// Variants have versions of their own. A step may take JSON, and the last one returns the enum.
#[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
#[event(prefix = "room")]
enum RoomEvent {
    #[event(version = 2, upcast(1 => RoomEvent::from_opened))]
    Opened {
        #[id]
        room: RoomId,
        beds: u32,
    },
    #[event(alias = "room.shut", version = 2, upcast(1 => from_closed))]
    Closed,
    Cleaned {
        #[id]
        room: RoomId,
    },
}

impl RoomEvent {
    fn from_opened(old: serde_json::Value) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let text = |name: &str| old[name].as_str().ok_or_else(|| format!("no `{name}`"));
        let beds = if text("kind")? == "double" { 2 } else { 1 };
        Ok(Self::Opened { room: RoomId(text("room")?.to_owned()), beds })
    }
}

#[derive(Deserialize)]
struct ClosedV1 {
    room: RoomId,
    cleaned: bool,
}

fn from_closed(old: ClosedV1) -> RoomEvent {
    if old.cleaned { RoomEvent::Cleaned { room: old.room } } else { RoomEvent::Closed }
}

#[test]
fn variants_have_versions_of_their_own() {
    let opened = |payload| read::<RoomEvent>("room.opened", 1, payload);
    let expected = RoomEvent::Opened { room: room("7"), beds: 2 };
    assert_eq!(opened(r#"{"room":"7","kind":"double"}"#).unwrap(), [expected]);
    assert!(opened(r#"{"room":"7"}"#).unwrap_err().to_string().ends_with(": no `kind`"));
    assert_eq!(read::<RoomEvent>("room.opened", 2, r#"{"room":"7","beds":3}"#).unwrap().len(), 1);
    for name in ["room.closed", "room.shut"] {
        let closed = read::<RoomEvent>(name, 1, r#"{"room":"7","cleaned":false}"#).unwrap();
        assert_eq!(closed, [RoomEvent::Closed]);
        assert_eq!(read::<RoomEvent>(name, 2, "{}").unwrap(), [RoomEvent::Closed]);
    }
}

/// Another event would not be found by the criteria that name its type.
#[test]
fn step_of_a_variant_cannot_return_another_variant() {
    let error = read::<RoomEvent>("room.closed", 1, r#"{"room":"7","cleaned":true}"#).unwrap_err();
    assert_eq!(
        error.to_string(),
        "event `room.closed` version 1 at position 1 cannot be converted to version 2: it returned the event \
         `room.cleaned`"
    );
}

/// Steps that take the context, one of which may fail.
#[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
#[event(name = "key.given", version = 3, upcast(1 => with_guest, 2 => Given::with_room), context)]
struct Given {
    #[id]
    room: RoomId,
    guest: String,
    at: Timestamp,
}

#[derive(Deserialize)]
struct Nothing {}

#[derive(Deserialize)]
struct GivenV2 {
    guest: String,
}

fn with_guest(_: Nothing, context: &Context) -> Result<GivenV2, &'static str> {
    Ok(GivenV2 { guest: context.actor().ok_or("unknown guest")?.to_owned() })
}

impl Given {
    fn with_room(old: GivenV2, context: &Context<'_>) -> Self {
        let room = context.tags[0].as_str().trim_start_matches("room:");
        Self { room: RoomId(room.to_owned()), guest: old.guest, at: context.time }
    }
}

fn given(version: u32, payload: &str, actor: Option<&'static str>) -> Record {
    let tags = [Tag::new("room", "7").unwrap()];
    let draft = Draft::new("key.given", version, tags, Payload::parse(payload).unwrap()).unwrap();
    let mut metadata = Metadata::default();
    metadata.actor = actor.map(|actor| Name::new("actor", actor).unwrap());
    draft.record(Position::new(9), Timestamp::EPOCH, metadata)
}

#[test]
fn steps_can_take_the_context_of_the_event() {
    let decode = |record: Record| {
        let mut events = Vec::new();
        record.decode_into::<Given>(&Codec::default(), &mut events)?;
        Ok::<_, Invalid>(events.into_iter().map(|recorded| recorded.event).collect::<Vec<_>>())
    };
    let expected = |guest: &str| Given { room: room("7"), guest: guest.to_owned(), at: Timestamp::EPOCH };
    assert_eq!(decode(given(1, "{}", Some("ann"))).unwrap(), [expected("ann")]);
    assert_eq!(decode(given(2, r#"{"guest":"bob"}"#, None)).unwrap(), [expected("bob")]);
    let error = decode(given(1, "{}", None)).unwrap_err();
    assert!(
        error.to_string().contains("at position 9") && error.to_string().ends_with(": unknown guest"),
        "{error}"
    );

    // Without its record an event has no context.
    let error = read::<Given>("key.given", 2, r#"{"guest":"bob"}"#).unwrap_err();
    assert!(error.to_string().ends_with("its metadata was not read"), "{error}");
    assert_eq!(records(expected("ann")).len(), 1);
}

#[test]
fn types_know_whether_the_conversion_needs_the_context() {
    const SUM: Types = Types::Sum(&[&RoomEvent::TYPES, &Given::TYPES]);
    assert!(Given::TYPES.needs_context() && SUM.needs_context());
    assert!(!RoomEvent::TYPES.needs_context() && !Booked::TYPES.needs_context());
}

/// A generic event with a step that is generic too.
#[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
#[event(name = "note.added", version = 2, upcast(1 => Noted::<T>::from_v1))]
#[serde(bound = "")]
struct Noted<T: Serialize + DeserializeOwned + Send + Sync + 'static> {
    note: Option<T>,
}

impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> Noted<T> {
    fn from_v1((note,): (T,)) -> Self {
        Self { note: Some(note) }
    }
}

#[test]
fn generic_events_have_versions() {
    assert_eq!(read::<Noted<u8>>("note.added", 1, "[7]").unwrap(), [Noted { note: Some(7) }]);
    assert_eq!(read::<Noted<u8>>("note.added", 2, r#"{"note":null}"#).unwrap(), [Noted { note: None }]);
}
