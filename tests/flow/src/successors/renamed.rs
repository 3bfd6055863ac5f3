//! A newer program: the event has another name.

use annalist::prelude::*;

use super::{Booked, RoomId};

/// A booking.
#[derive(Event, Serialize, Deserialize, Clone, Debug)]
#[event(name = "booking.held", alias = "booking.made")]
pub struct Held {
    #[id]
    room: RoomId,
    night: u32,
    seen: Vec<u32>,
}

/// The nights of a room.
#[derive(Aggregate, Debug)]
#[aggregate(on(Held => Room::apply), error = Booked)]
pub struct Room {
    #[id]
    id: RoomId,
    nights: Vec<u32>,
}

impl Room {
    fn apply(&mut self, event: &Held) {
        self.nights.push(event.night);
    }

    fn book(&self, Book { room, night }: &Book) -> Result<Held, Booked> {
        if self.nights.contains(night) {
            return Err(Booked);
        }
        Ok(Held { room: room.clone(), night: *night, seen: self.nights.clone() })
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

/// The number of booked nights of a room: the same rows as those of the older program.
#[derive(Projection, Debug, PartialEq)]
#[projection(name = "nights", on(Held => Nights::add))]
pub struct Nights {
    /// The room.
    #[key]
    pub room: RoomId,
    /// Their number.
    pub nights: u32,
}

impl Nights {
    fn add(&mut self, _: &Held) {
        self.nights += 1;
    }
}

/// Books the night after each booked night with an even number.
#[derive(Policy, Debug)]
#[policy(name = "second_night", from = beginning, on_reject = ignore, on(Held => SecondNight::react))]
pub struct SecondNight;

impl SecondNight {
    fn react(&self, event: &Held) -> Option<Book> {
        event.night.is_multiple_of(2).then(|| Book { room: event.room.clone(), night: event.night + 1 })
    }
}
