//! A newer program: a booking is a reservation and a payment.

use annalist::prelude::*;

use super::{Booked, RoomId};

/// The booking of the older program.
#[derive(Event, Serialize, Deserialize, Clone, Debug)]
#[event(name = "booking.made", retired)]
pub struct Made {
    #[id]
    room: RoomId,
    night: u32,
    seen: Vec<u32>,
}

/// A reservation.
#[derive(Event, Serialize, Deserialize, Clone, Debug)]
#[event(name = "booking.reserved", from(Made => Reserved::from_made))]
pub struct Reserved {
    #[id]
    room: RoomId,
    night: u32,
    seen: Vec<u32>,
}

/// A payment.
#[derive(Event, Serialize, Deserialize, Clone, Debug)]
#[event(name = "booking.paid", from(Made => Paid::from_made))]
pub struct Paid {
    #[id]
    room: RoomId,
    night: u32,
}

impl Reserved {
    fn from_made(Made { room, night, seen }: Made) -> Self {
        Self { room, night, seen }
    }
}

impl Paid {
    fn from_made(Made { room, night, .. }: Made) -> Self {
        Self { room, night }
    }
}

/// The nights of a room. It does not read the payments.
#[derive(Aggregate, Debug)]
#[aggregate(on(Reserved => Room::apply), error = Booked)]
pub struct Room {
    #[id]
    id: RoomId,
    nights: Vec<u32>,
}

impl Room {
    fn apply(&mut self, event: &Reserved) {
        self.nights.push(event.night);
    }

    fn book(&self, Book { room, night }: &Book) -> Result<Reserved, Booked> {
        if self.nights.contains(night) {
            return Err(Booked);
        }
        Ok(Reserved { room: room.clone(), night: *night, seen: self.nights.clone() })
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

/// The payments of a room. It does not read the reservations.
#[derive(Aggregate, Debug)]
#[aggregate(on(Paid => Payments::apply))]
pub struct Payments {
    #[id]
    id: RoomId,
    /// The nights that are paid.
    pub nights: Vec<u32>,
}

impl Payments {
    fn apply(&mut self, event: &Paid) {
        self.nights.push(event.night);
    }
}

/// Pays a night.
#[derive(Command, Serialize)]
#[command(decide = pay)]
pub struct Pay {
    /// The room.
    #[id(Payments)]
    pub room: RoomId,
    /// The night.
    pub night: u32,
}

fn pay(_: &Payments, Pay { room, night }: &Pay) -> Paid {
    Paid { room: room.clone(), night: *night }
}

/// The number of booked nights of a room.
#[derive(Projection, Debug, PartialEq)]
#[projection(name = "nights", version = 2, on(Reserved => Nights::add))]
pub struct Nights {
    /// The room.
    #[key]
    pub room: RoomId,
    /// Their number.
    pub nights: u32,
}

impl Nights {
    fn add(&mut self, _: &Reserved) {
        self.nights += 1;
    }
}
