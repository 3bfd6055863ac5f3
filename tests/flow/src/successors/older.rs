//! The older program: a booking is one event.

use annalist::prelude::*;

use super::{Booked, RoomId};

/// A booking.
#[derive(Event, Serialize, Deserialize, Clone, Debug)]
#[event(name = "booking.made")]
pub struct Made {
    #[id]
    room: RoomId,
    night: u32,
    seen: Vec<u32>,
}

/// The nights of a room.
#[derive(Aggregate, Debug)]
#[aggregate(on(Made => Room::apply), error = Booked)]
pub struct Room {
    #[id]
    id: RoomId,
    /// The booked nights.
    pub nights: Vec<u32>,
}

impl Room {
    fn apply(&mut self, event: &Made) {
        self.nights.push(event.night);
    }

    fn book(&self, Book { room, night }: &Book) -> Result<Made, Booked> {
        if self.nights.contains(night) {
            return Err(Booked);
        }
        Ok(Made { room: room.clone(), night: *night, seen: self.nights.clone() })
    }
}

/// Books a night.
#[derive(Command, Serialize)]
#[command(decide = Room::book)]
pub struct Book {
    /// The room.
    #[id]
    pub room: RoomId,
    /// The night.
    pub night: u32,
}

/// The number of booked nights of a room.
#[derive(Projection, Debug, PartialEq)]
#[projection(name = "nights", on(Made => Nights::add))]
pub struct Nights {
    /// The room.
    #[key]
    pub room: RoomId,
    /// Their number.
    pub nights: u32,
}

impl Nights {
    fn add(&mut self, _: &Made) {
        self.nights += 1;
    }
}

/// Books the night after each booked night with an even number.
#[derive(Policy, Debug)]
#[policy(name = "second_night", from = beginning, on_reject = ignore, on(Made => SecondNight::react))]
pub struct SecondNight;

impl SecondNight {
    fn react(&self, event: &Made) -> Option<Book> {
        event.night.is_multiple_of(2).then(|| Book { room: event.room.clone(), night: event.night + 1 })
    }
}

/// Notes something about a room, and does not read its bookings.
#[derive(Event, Serialize, Deserialize, Clone, Debug)]
#[event(name = "room.cleaned")]
pub struct Cleaned {
    #[id]
    room: RoomId,
}

/// Has the room cleaned.
#[derive(Command, Serialize)]
#[command(decide = clean)]
pub struct Clean {
    /// The room.
    #[id(Cleaning)]
    pub room: RoomId,
}

/// How often a room was cleaned.
#[derive(Aggregate, Debug)]
#[aggregate(on(Cleaned => Cleaning::apply))]
pub struct Cleaning {
    #[id]
    id: RoomId,
    times: u32,
}

impl Cleaning {
    fn apply(&mut self, _: &Cleaned) {
        self.times += 1;
    }
}

fn clean(_: &Cleaning, command: &Clean) -> Cleaned {
    Cleaned { room: command.room.clone() }
}
