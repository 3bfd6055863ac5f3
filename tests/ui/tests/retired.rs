//! Events that are made from stored events of retired types: renamed, split, merged and dropped.

#![allow(clippy::unwrap_used)] // in the helpers too
#![allow(missing_docs, reason = "a test has no documentation to read")]

use std::num::ParseIntError;

use annalist::{
    Invalid, Position, Record, Timestamp,
    manual::{Codec, Payload, Types, fold},
    prelude::*,
    store::{Draft, Metadata, Name},
};
use annalist_core::event::{Events, IntoEvents};
use annalist_ui_tests::{read, written};
use serde::de::DeserializeOwned;

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
struct RoomId(String);

fn room(name: &str) -> RoomId {
    RoomId(name.to_owned())
}

/// Until the second version, one event had the reservation and the payment.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event(name = "booking.made", alias = "booking.done", version = 2, upcast(1 => Made::from_v1), retired)]
struct Made {
    #[id]
    room: RoomId,
    guests: u32,
    cents: Option<i64>,
}

#[derive(Deserialize)]
struct MadeV1 {
    room: RoomId,
    guests: String,
}

impl Made {
    fn from_v1(old: MadeV1) -> Result<Self, ParseIntError> {
        Ok(Self { room: old.room, guests: old.guests.parse()?, cents: None })
    }
}

/// Once there was an event for each guest.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event(name = "guest.added", retired)]
struct GuestAdded {
    #[id]
    room: RoomId,
}

/// Is made from both.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event(name = "booking.reserved", from(Made => Reserved::from_made, GuestAdded => from_guest))]
struct Reserved {
    #[id]
    room: RoomId,
    guests: u32,
}

impl Reserved {
    fn from_made(old: Made) -> Self {
        Self { room: old.room, guests: old.guests }
    }
}

fn from_guest(old: GuestAdded) -> Reserved {
    Reserved { room: old.room, guests: 1 }
}

/// Is made from the part of an event that has a payment, with its context.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event(name = "booking.paid", from(Made => Paid::from_made), context)]
struct Paid {
    #[id]
    room: RoomId,
    cents: i64,
    by: String,
}

impl Paid {
    fn from_made(old: Made, context: &Context) -> Result<Option<Self>, String> {
        let Some(cents) = old.cents else { return Ok(None) };
        let by = context.actor().ok_or_else(|| format!("{cents} were paid by nobody"))?.to_owned();
        Ok(Some(Self { room: old.room, cents, by }))
    }
}

/// Both parts as wrapped variants, and a variant of its own for each guest.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event(prefix = "hotel")]
enum HotelEvent {
    Paid(Paid),
    #[event(from(Made => HotelEvent::arrivals))]
    Arrived {
        #[id]
        room: RoomId,
        number: u32,
    },
    Reserved(Box<Reserved>),
    Closed,
}

impl HotelEvent {
    fn arrivals(old: Made) -> Vec<Self> {
        (1..=old.guests).map(|number| Self::Arrived { room: old.room.clone(), number }).collect()
    }
}

fn record(name: &'static str, version: u32, payload: &str, actor: Option<&'static str>) -> Record {
    let draft = Draft::new(name, version, [], Payload::parse(payload).unwrap()).unwrap();
    let mut metadata = Metadata::default();
    metadata.actor = actor.map(|actor| Name::new("actor", actor).unwrap());
    draft.record(Position::new(7), Timestamp::EPOCH, metadata)
}

fn decode<E: Event>(record: &Record) -> Result<Vec<E>, Invalid> {
    let mut events = Vec::new();
    record.decode_into::<E>(&Codec::default(), &mut events)?;
    assert!(events.iter().all(|one| one.position == record.position && one.id == record.id));
    Ok(events.into_iter().map(|one| one.event).collect())
}

const PAID: &str = r#"{"room":"7","guests":2,"cents":50}"#;

#[test]
fn event_is_made_from_any_of_its_sources() {
    let reserved = |guests| [Reserved { room: room("7"), guests }];
    for name in ["booking.made", "booking.done"] {
        assert_eq!(read::<Reserved>(name, 2, PAID).unwrap(), reserved(2));
        assert_eq!(read::<Reserved>(name, 1, r#"{"room":"7","guests":"3"}"#).unwrap(), reserved(3));
    }
    assert_eq!(read::<Reserved>("guest.added", 1, r#"{"room":"7"}"#).unwrap(), reserved(1));
    assert_eq!(read::<Reserved>("booking.reserved", 1, r#"{"room":"7","guests":4}"#).unwrap(), reserved(4));
    assert_eq!(written(reserved(5)[0].clone())[0].name(), "booking.reserved");
}

#[test]
fn stored_event_is_split_into_the_events_of_an_enum_in_the_order_of_its_variants() {
    let paid = HotelEvent::Paid(Paid { room: room("7"), cents: 50, by: "ann".into() });
    let arrived = |number| HotelEvent::Arrived { room: room("7"), number };
    let reserved = HotelEvent::Reserved(Box::new(Reserved { room: room("7"), guests: 2 }));
    let parts = decode::<HotelEvent>(&record("booking.made", 2, PAID, Some("ann"))).unwrap();
    assert_eq!(parts, [paid, arrived(1), arrived(2), reserved.clone()]);

    // A part may be missing.
    let unpaid = record("booking.made", 1, r#"{"room":"7","guests":"0"}"#, None);
    assert_eq!(
        decode::<HotelEvent>(&unpaid).unwrap(),
        [HotelEvent::Reserved(Box::new(Reserved { room: room("7"), guests: 0 }))]
    );
    assert_eq!(decode::<Paid>(&unpaid).unwrap(), []);
    // The source of one variant only.
    assert_eq!(decode::<HotelEvent>(&record("guest.added", 1, r#"{"room":"7"}"#, None)).unwrap().len(), 1);
}

#[test]
fn each_reader_gets_its_part() {
    let record = record("booking.made", 2, PAID, Some("ann"));
    let (mut paid, mut guests) = (0, 0);
    fold::<Paid>(&record, &Codec::default(), |event| paid += event.cents).unwrap();
    fold::<Reserved>(&record, &Codec::default(), |event| guests += event.guests).unwrap();
    assert_eq!((paid, guests), (50, 2));
}

#[test]
fn conversion_that_fails_is_named_with_the_event() {
    let error = decode::<HotelEvent>(&record("booking.done", 2, PAID, None)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "event `booking.done` version 2 at position 7 cannot be converted to `booking.paid`: 50 were paid by nobody"
    );
    let error = read::<Reserved>("booking.made", 1, r#"{"room":"7","guests":"two"}"#).unwrap_err();
    assert!(
        error.to_string().contains("`booking.made` version 1 at position 1 cannot be converted to version 2"),
        "{error}"
    );
    let error = read::<Reserved>("booking.maid", 1, "{}").unwrap_err();
    assert!(matches!(error, Invalid::UnknownType { .. }), "{error}");
}

#[test]
fn types_read_the_names_of_their_sources() {
    const HOTEL: Types = HotelEvent::TYPES;
    assert_eq!(
        HOTEL.names(),
        [
            "booking.paid",
            "hotel.arrived",
            "booking.reserved",
            "hotel.closed",
            "booking.made",
            "booking.done",
            "guest.added"
        ]
    );
    assert!(
        HOTEL.reads("guest.added") && !HOTEL.contains("guest.added") && !Paid::TYPES.reads("guest.added")
    );
    assert!(HOTEL.needs_context() && !Reserved::TYPES.needs_context());
    assert!(Made::TYPES.is_retired() && !HOTEL.is_retired());
}

/// A retired variant of an enum that is written otherwise.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event(prefix = "door")]
enum DoorEvent {
    Opened,
    #[event(retired)]
    Barred,
    Guest(GuestAdded),
}

#[test]
fn retired_variant_is_read_and_not_written() {
    assert_eq!(read::<DoorEvent>("door.barred", 1, "{}").unwrap(), [DoorEvent::Barred]);
    let codec = Codec::default();
    let mut events = Events::new(&codec);
    DoorEvent::Opened.write_events(&mut events).unwrap();
    for (event, name) in [
        (DoorEvent::Barred, "door.barred"),
        (DoorEvent::Guest(GuestAdded { room: room("1") }), "guest.added"),
    ] {
        let error = event.write_events(&mut events).unwrap_err();
        assert!(error.to_string().starts_with(&format!("the event `{name}` is retired")), "{error}");
    }
    assert_eq!(events.into_drafts().len(), 1);
}

/// Generic events, of which one is made from the other, in a struct and in an enum.
#[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
#[event(name = "note.added", retired)]
#[serde(bound = "")]
struct Added<T: Serialize + DeserializeOwned + Send + Sync + 'static> {
    #[id]
    room: RoomId,
    note: T,
}

#[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
#[event(prefix = "note")]
#[serde(bound = "")]
enum NoteEvent<T: Serialize + DeserializeOwned + Send + Sync + 'static> {
    #[event(from(Added<T> => NoteEvent::written))]
    Written {
        #[id]
        r#room: RoomId,
        r#type: T,
    },
    #[event(from(Added<T> => filed::<T>))]
    Filed,
}

impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> NoteEvent<T> {
    fn written(old: Added<T>) -> Self {
        Self::Written { room: old.room, r#type: old.note }
    }
}

fn filed<T: Serialize + DeserializeOwned + Send + Sync + 'static>(_: Added<T>) -> [NoteEvent<T>; 1] {
    [NoteEvent::Filed]
}

#[test]
fn generic_events_are_made_from_generic_ones() {
    let events = read::<NoteEvent<u8>>("note.added", 1, r#"{"room":"7","note":5}"#).unwrap();
    assert_eq!(events, [NoteEvent::Written { room: room("7"), r#type: 5 }, NoteEvent::Filed]);
}

/// A chain: `Third` is made from `Second`, which is retired too, and is made from `First`.
#[derive(Event, Serialize, Deserialize)]
#[event(name = "first", retired)]
struct First {
    number: u32,
}

#[derive(Event, Serialize, Deserialize)]
#[event(name = "second", retired, from(First => Second::twice))]
struct Second {
    number: u32,
}

#[derive(Event, Serialize, Deserialize, Debug, PartialEq)]
#[event(name = "third", from(Second => Third::doubled))]
struct Third {
    number: u32,
}

impl Second {
    fn twice(First { number }: First) -> [Self; 2] {
        [Self { number }, Self { number: number + 1 }]
    }
}

impl Third {
    fn doubled(Second { number }: Second) -> Self {
        Self { number: 2 * number }
    }
}

#[test]
fn retired_event_can_be_made_from_an_older_one() {
    assert_eq!(Third::TYPES.names(), ["third", "second", "first"]);
    assert_eq!(
        read::<Third>("first", 1, r#"{"number":5}"#).unwrap(),
        [Third { number: 10 }, Third { number: 12 }]
    );
    assert_eq!(read::<Third>("second", 1, r#"{"number":5}"#).unwrap(), [Third { number: 10 }]);
}
