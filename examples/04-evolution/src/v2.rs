//! The event is renamed: a booking is of a guest, not of a room. The former name stays as an `alias`, so that the stored events are
//! read, and an older program that still writes them makes a decision of this one conflict.
//!
//! Rows and rules are those of the first version.

use annalist::{
    App,
    app::Builder,
    model::{Gate, GateError},
    prelude::*,
};

use crate::{Booking, Failure, Occupied, RoomId, Version, guest::attic};

/// A guest has booked a night.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event(name = "booking.made", alias = "room.booked")]
pub struct BookingMade {
    /// The room.
    #[id]
    pub room: RoomId,
    /// The number of the night.
    pub night: u32,
    /// The name of the guest.
    pub guest: String,
    /// The price in euros.
    pub euros: u32,
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

    fn book(&self, Book { night, guest, euros, .. }: &Book) -> Result<BookingMade, Occupied> {
        let (room, night) = (self.id.clone(), *night);
        if self.nights.contains(&night) {
            return Err(Occupied { room, night });
        }
        Ok(BookingMade { room, night, guest: guest.clone(), euros: *euros })
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
    /// The price in euros.
    pub euros: u32,
}

/// What each room has earned.
#[derive(Projection, Clone, Debug, PartialEq)]
#[projection(name = "income", version = 1, on(BookingMade => Income::add))]
pub struct Income {
    /// The room.
    #[key]
    pub room: RoomId,
    /// The number of nights.
    pub nights: u32,
    /// The sum of the prices in euros.
    pub euros: i64,
}

impl Income {
    fn add(&mut self, event: &BookingMade) {
        self.nights += 1;
        self.euros += i64::from(event.euros);
    }
}

/// The second version.
#[derive(Debug)]
pub struct V2;

impl Version for V2 {
    fn register(builder: Builder) -> Builder {
        builder.commands::<Book>().projection::<Income>()
    }

    fn samples(gate: Gate) -> Result<Gate, GateError> {
        gate.samples([BookingMade { room: attic(), night: 1, guest: "ann".to_owned(), euros: 60 }])
    }

    async fn book(app: &App, Booking { room, night, guest, euros, .. }: Booking) -> Result<(), Failure> {
        app.execute(Book { room, night, guest, euros }).await?;
        Ok(())
    }

    async fn rows(app: &App) -> Result<Vec<String>, Failure> {
        let page = app.list::<Income>().await?;
        let line = |row: &Income| format!("{:<6} {} nights, {} euros", row.room, row.nights, row.euros);
        Ok(page.rows.iter().map(line).collect())
    }
}
