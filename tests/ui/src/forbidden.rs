//! Derived code compiles in a module that forbids lints, where `#[allow]` is an error, also for items with deprecated parts.
//! The serde traits are written by hand, because the derives of serde allow lints. The module is part of a library, whose
//! public items need no use.

#![forbid(warnings, deprecated, unused, unused_qualifications, nonstandard_style)]
#![forbid(rust_2018_idioms, unreachable_pub, missing_debug_implementations, single_use_lifetimes)]
#![forbid(trivial_casts, unused_lifetimes, let_underscore_drop, unsafe_code)]
#![forbid(clippy::all, clippy::pedantic)]

use annalist::{Aggregate, Command, Event, Field, Id, Policy, Projection, Query};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Id, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RoomId(pub u32);

/// An event that nothing creates any more.
#[derive(Event, Debug)]
#[event(name = "room.painted")]
#[deprecated]
pub struct Painted;

#[derive(Event, Clone, Debug, PartialEq)]
#[event(name = "room.wiped")]
pub struct Wiped;

#[derive(Event, Clone, Debug, PartialEq)]
#[event(name = "room.cleaned")]
pub struct Cleaned;

#[derive(Event, Clone, Debug, PartialEq)]
#[event(prefix = "room")]
pub enum RoomEvent {
    Booked {
        #[id]
        room: RoomId,
        #[id]
        #[deprecated]
        old: Option<RoomId>,
    },
    #[deprecated]
    Blocked {
        #[id]
        room: RoomId,
    },
    #[deprecated]
    Wiped(Box<Wiped>),
    Cleaned(Cleaned),
}

impl Serialize for RoomEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit_variant("RoomEvent", 0, "Booked")
    }
}

impl<'de> Deserialize<'de> for RoomEvent {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Ok(Self::Cleaned(Cleaned))
    }
}

#[derive(Aggregate, Debug)]
#[aggregate(on(RoomEvent => Room::apply))]
pub struct Room {
    #[id]
    pub id: RoomId,
    pub bookings: u32,
    #[deprecated]
    pub old: u32,
}

impl Room {
    const fn apply(&mut self, _: &RoomEvent) {
        self.bookings += 1;
    }
}

/// Counts every room.
#[derive(Aggregate, Debug)]
#[aggregate(on(RoomEvent => Cleanings::apply))]
pub struct Cleanings {
    pub count: u32,
    pub last: Option<RoomId>,
    #[deprecated]
    pub old: u32,
}

impl Cleanings {
    const fn apply(&mut self, _: &RoomEvent) {
        self.count += 1;
        self.last = None;
    }
}

#[derive(Command, Debug)]
#[command(decide = clean, state(Cleanings))]
pub struct Clean {
    #[id(Room)]
    pub room: RoomId,
    #[id(Room)]
    #[deprecated]
    pub old: Option<RoomId>,
}

impl Serialize for Clean {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.room.serialize(serializer)
    }
}

fn clean((room, _, all): (&Room, &Option<std::sync::Arc<Room>>, &Cleanings), _: &Clean) -> Option<Cleaned> {
    (room.id.0 + room.bookings + all.count < 9).then_some(Cleaned)
}

/// Every command of this enum has the error `Infallible`.
#[derive(Command, Debug)]
pub enum RoomCommand {
    Clean(Clean),
    #[deprecated]
    CleanAgain(Box<Clean>),
}

#[derive(Field, Clone, Copy, Debug, Default, PartialEq)]
pub enum Size {
    #[default]
    Small,
    #[deprecated]
    Large,
}

#[derive(Field, Clone, Copy, Debug, Default, PartialEq)]
pub struct Beds(#[deprecated] pub i64);

#[derive(Projection, Clone, Debug, PartialEq)]
#[projection(name = "rooms", on(RoomEvent => RoomRow::apply))]
pub struct RoomRow {
    #[key]
    pub room: RoomId,
    #[index]
    pub bookings: i64,
    #[index]
    pub size: Size,
    pub beds: Beds,
    #[json]
    #[deprecated]
    pub old: Vec<u32>,
    #[deprecated]
    pub older: i64,
}

impl RoomRow {
    const fn apply(&mut self, _: &RoomEvent) {
        self.bookings += 1;
    }
}

#[derive(Query, Debug)]
#[query(from = RoomRow, limit = 5)]
pub struct BusyRooms {
    #[at_least]
    pub bookings: i64,
    #[at_most(bookings)]
    #[deprecated]
    pub old: Option<i64>,
}

#[derive(Query, Debug)]
#[query(from = RoomRow)]
pub struct RoomOf {
    #[key]
    #[deprecated]
    pub room: RoomId,
}

#[derive(Policy, Debug)]
#[policy(name = "cleaner", from = now, on_reject = stop, on(RoomEvent => react))]
#[deprecated]
pub struct Cleaner;

pub const fn react<P>(_: &P, _: &RoomEvent) {}
