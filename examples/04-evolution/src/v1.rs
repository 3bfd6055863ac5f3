//! The first version. A booking is one event, with the price in euros.

use annalist::{
    App,
    app::Builder,
    model::{Gate, GateError},
    prelude::*,
};

use crate::{Booking, Failure, Occupied, RoomId, Version, guest::attic};

/// A guest has booked a night.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event(name = "room.booked")]
pub struct Booked {
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
#[aggregate(on(Booked => Room::apply), error = Occupied)]
pub struct Room {
    #[id]
    id: RoomId,
    nights: Vec<u32>,
}

impl Room {
    fn apply(&mut self, event: &Booked) {
        self.nights.push(event.night);
    }

    fn book(&self, Book { night, guest, euros, .. }: &Book) -> Result<Booked, Occupied> {
        let (room, night) = (self.id.clone(), *night);
        if self.nights.contains(&night) {
            return Err(Occupied { room, night });
        }
        Ok(Booked { room, night, guest: guest.clone(), euros: *euros })
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
#[projection(name = "income", version = 1, on(Booked => Income::add))]
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
    fn add(&mut self, event: &Booked) {
        self.nights += 1;
        self.euros += i64::from(event.euros);
    }
}

/// The first version.
#[derive(Debug)]
pub struct V1;

impl Version for V1 {
    fn register(builder: Builder) -> Builder {
        builder.commands::<Book>().projection::<Income>()
    }

    fn samples(gate: Gate) -> Result<Gate, GateError> {
        gate.samples([Booked { room: attic(), night: 1, guest: "ann".to_owned(), euros: 60 }])
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
