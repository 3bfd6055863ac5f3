//! The event gets a field, the number of persons, and the price is in cents: version 2 of the event. The stored events of
//! version 1 are converted when they are read.
//!
//! The rows change too, so the projection has a version 2. Its rows are built beside those of version 1.

use annalist::{
    App,
    app::Builder,
    model::{Gate, GateError},
    prelude::*,
};

use crate::{Booking, Failure, Occupied, RoomId, Version, guest::attic};

/// Version 1 of the event: what is stored.
#[derive(Deserialize)]
struct BookingMade1 {
    room: RoomId,
    night: u32,
    guest: String,
    euros: u32,
}

/// A guest has booked a night.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event(name = "booking.made", alias = "room.booked", version = 2, upcast(1 => BookingMade::from_1))]
pub struct BookingMade {
    /// The room.
    #[id]
    pub room: RoomId,
    /// The number of the night.
    pub night: u32,
    /// The name of the guest.
    pub guest: String,
    /// The number of persons.
    pub persons: u32,
    /// The price in cents.
    pub cents: i64,
}

impl BookingMade {
    /// The first version had a price for the room, and stored no number: two persons is what the house assumed.
    fn from_1(BookingMade1 { room, night, guest, euros }: BookingMade1) -> Self {
        Self { room, night, guest, persons: 2, cents: i64::from(euros) * 100 }
    }
}

/// A room, with the nights that are taken.
#[derive(Aggregate, Debug)]
#[aggregate(on(BookingMade => Room::apply), error = Occupied)]
pub struct Room {
    #[id]
    id: RoomId,
    nights: Vec<u32>,
}

impl Room {
    fn apply(&mut self, event: &BookingMade) {
        self.nights.push(event.night);
    }

    fn book(&self, Book { night, guest, persons, cents, .. }: &Book) -> Result<BookingMade, Occupied> {
        let (room, night) = (self.id.clone(), *night);
        if self.nights.contains(&night) {
            return Err(Occupied { room, night });
        }
        Ok(BookingMade { room, night, guest: guest.clone(), persons: *persons, cents: *cents })
    }
}

/// Books a night.
#[derive(Command, Serialize, Clone, Debug)]
#[command(decide = Room::book)]
pub struct Book {
    /// The room.
    #[id]
    pub room: RoomId,
    /// The number of the night.
    pub night: u32,
    /// The name of the guest.
    pub guest: String,
    /// The number of persons.
    pub persons: u32,
    /// The price in cents.
    pub cents: i64,
}

/// What each room has earned.
#[derive(Projection, Clone, Debug, PartialEq)]
#[projection(name = "income", version = 2, on(BookingMade => Income::add))]
pub struct Income {
    /// The room.
    #[key]
    pub room: RoomId,
    /// The number of nights.
    pub nights: u32,
    /// The sum of the persons of all nights.
    pub persons: u32,
    /// The sum of the prices in cents.
    pub cents: i64,
}

impl Income {
    fn add(&mut self, event: &BookingMade) {
        self.nights += 1;
        self.persons += event.persons;
        self.cents += event.cents;
    }
}

/// The third version.
#[derive(Debug)]
pub struct V3;

impl Version for V3 {
    fn register(builder: Builder) -> Builder {
        builder.commands::<Book>().projection::<Income>()
    }

    fn samples(gate: Gate) -> Result<Gate, GateError> {
        gate.samples([BookingMade {
            room: attic(),
            night: 1,
            guest: "ann".to_owned(),
            persons: 2,
            cents: 6000,
        }])
    }

    async fn book(app: &App, booking: Booking) -> Result<(), Failure> {
        let Booking { room, night, guest, persons, euros } = booking;
        app.execute(Book { room, night, guest, persons, cents: i64::from(euros) * 100 }).await?;
        Ok(())
    }

    async fn rows(app: &App) -> Result<Vec<String>, Failure> {
        let page = app.list::<Income>().await?;
        let line = |Income { room, nights, persons, cents }: &Income| {
            format!("{room:<6} {nights} nights, {persons} persons, {cents} cents")
        };
        Ok(page.rows.iter().map(line).collect())
    }
}
