//! A domain with an event of each kind, a policy with handlers of each kind, and queries.
#![allow(missing_docs, reason = "the tests show what the items are for")]
#![allow(clippy::unused_async, reason = "handlers of policies are synchronous or not")]

use std::convert::Infallible;

use annalist::{Commands, Context, app::Builder, prelude::*, query::Cursor};
use schemars::JsonSchema;

#[derive(Id, JsonSchema, Clone, Debug, PartialEq, Eq, Hash)]
pub struct RoomId(Uuid);

#[derive(Id, JsonSchema, Clone, Debug, PartialEq, Eq, Hash)]
pub struct GuestId(String);

#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
pub struct Extra {
    pub guest: GuestId,
    pub what: What,
}

#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum What {
    Breakfast,
    Parking { places: u8 },
}

#[derive(Event, Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[event(prefix = "room")]
pub enum RoomEvent {
    /// A guest takes the room.
    #[event(version = 4, alias = "room.taken", upcast(1 => from_v1, 2 => _, 3 => from_v3))]
    Booked {
        #[id]
        room: RoomId,
        #[id]
        guest: Option<GuestId>,
        #[id(with = guests_of)]
        extras: Vec<Extra>,
        #[serde(default)]
        nights: u32,
    },
    #[serde(rename = "Frei")]
    Freed {
        #[id]
        room: RoomId,
    },
    Audited,
}

fn guests_of(extras: &[Extra]) -> Vec<GuestId> {
    extras.iter().map(|extra| extra.guest.clone()).collect()
}

#[derive(Deserialize, JsonSchema)]
pub struct BookedV1 {
    pub room: RoomId,
}

#[derive(Deserialize, JsonSchema)]
pub struct BookedV2 {
    pub room: RoomId,
    pub guest: Option<GuestId>,
}

fn from_v1(BookedV1 { room }: BookedV1) -> BookedV2 {
    BookedV2 { room, guest: None }
}

fn from_v3(BookedV2 { room, guest }: BookedV2) -> Result<RoomEvent, Infallible> {
    Ok(RoomEvent::Booked { room, guest, extras: Vec::new(), nights: 1 })
}

/// A retired event whose type has no JSON Schema.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event(name = "room.cleaned", retired)]
pub struct Cleaned {
    #[id]
    pub room: RoomId,
    pub by: String,
}

#[derive(Event, Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[event(name = "room.inspected", from(Cleaned => Inspected::from_cleaned), version = 2, upcast(1 => Inspected::from_v1), context)]
pub struct Inspected {
    #[id]
    pub room: RoomId,
    pub notes: Vec<String>,
}

impl Inspected {
    fn from_cleaned(cleaned: Cleaned, _: &Context) -> Self {
        Self { room: cleaned.room, notes: vec![cleaned.by] }
    }

    fn from_v1(old: serde_json::Value, _: &Context) -> Result<Self, serde_json::Error> {
        serde_json::from_value(old)
    }
}

#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event(name = "night.ended")]
pub struct NightEnded;

#[derive(Aggregate, Serialize, Deserialize, Debug)]
#[aggregate(on(RoomEvent => Room::apply, Inspected => Room::inspected), snapshot(every = 50, version = 3))]
pub struct Room {
    #[id]
    id: RoomId,
    booked: bool,
}

impl Room {
    fn apply(&mut self, event: &RoomEvent) {
        self.booked = matches!(event, RoomEvent::Booked { .. });
    }

    fn inspected(&mut self, _: &Inspected) {}
}

#[derive(Aggregate, Debug)]
#[aggregate(on(NightEnded => Calendar::count))]
pub struct Calendar {
    nights: u32,
}

impl Calendar {
    fn count(&mut self, _: &NightEnded) {
        self.nights += 1;
    }
}

#[derive(Command, Serialize, Deserialize, JsonSchema, Clone, Debug)]
#[command(decide = book, state(Calendar))]
pub struct Book {
    #[id(Room)]
    pub room: RoomId,
    pub nights: u32,
}

fn book((_, calendar): (&Room, &Calendar), command: &Book) -> RoomEvent {
    let Book { room, nights } = command.clone();
    RoomEvent::Booked { room, guest: None, extras: Vec::new(), nights: nights + calendar.nights }
}

#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = inspect)]
pub struct Inspect {
    #[id(Room)]
    pub rooms: Vec<RoomId>,
}

fn inspect(_: &[std::sync::Arc<Room>], command: &Inspect) -> Vec<Inspected> {
    command.rooms.iter().map(|room| Inspected { room: room.clone(), notes: Vec::new() }).collect()
}

#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = end_night, name = "end the night")]
pub struct EndNight {}

fn end_night(_: &EndNight) -> NightEnded {
    NightEnded
}

/// A command enum.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(error = Infallible)]
pub enum RoomCommand {
    Inspect(Inspect),
    EndNight(EndNight),
}

#[derive(Projection, Serialize, Deserialize, Clone, Debug)]
#[projection(name = "rooms", version = 2, on(RoomEvent => RoomRow::apply, NightEnded => RoomRow::ended by no_room))]
pub struct RoomRow {
    #[key]
    pub room: RoomId,
    #[index]
    pub guest: Option<String>,
    #[index]
    pub nights: u32,
    #[json]
    pub extras: Vec<Extra>,
}

fn no_room(_: &NightEnded) -> Option<RoomId> {
    None
}

impl RoomRow {
    fn apply(&mut self, event: &RoomEvent) {
        self.nights += u32::from(matches!(event, RoomEvent::Booked { .. }));
    }

    fn ended(&mut self, _: &NightEnded) {}
}

#[derive(Query, Serialize, Deserialize, JsonSchema, Clone, Debug)]
#[query(from = RoomRow, order = nights, limit = 50)]
pub struct RoomsOf {
    #[equal(guest)]
    pub name: String,
    #[at_least]
    pub nights: Option<u32>,
    #[limit]
    pub limit: Option<usize>,
    #[cursor]
    pub cursor: Option<Cursor>,
}

#[derive(Query, Serialize, Deserialize, Clone, Debug)]
#[query(from = RoomRow)]
pub struct RoomOf {
    #[key]
    pub room: RoomId,
}

/// A policy whose handlers return commands in each way.
#[derive(Policy, Debug)]
#[policy(name = "housekeeping", from = now, on_reject = ignore, on_error = park, order_by = RoomId, retry = 3, everywhere)]
#[policy(on(RoomEvent => Housekeeping::room, Inspected => Housekeeping::inspected))]
pub struct Housekeeping;

impl Housekeeping {
    async fn room(&self, event: &RoomEvent) -> Result<Option<Inspect>, std::io::Error> {
        let RoomEvent::Freed { room } = event else { return Ok(None) };
        Ok(Some(Inspect { rooms: vec![room.clone()] }))
    }

    fn inspected(&self, _: &Inspected) -> (Vec<EndNight>, [RoomCommand; 0]) {
        (Vec::new(), [])
    }
}

/// A policy whose commands are known only when it reacts.
#[derive(Policy, Debug)]
#[policy(name = "anything", from = beginning, on_reject = stop, context, on(NightEnded => Anything::night))]
pub struct Anything;

impl Anything {
    fn night(&self, _: &NightEnded, _: &Context) -> Commands {
        Commands::new()
    }
}

/// Registers everything.
pub fn hotel(builder: Builder) -> Builder {
    builder
        .commands::<Book>()
        .projection::<RoomRow>()
        .query::<RoomsOf>()
        .query::<RoomOf>()
        .policy(Housekeeping)
        .policy(Anything)
}
