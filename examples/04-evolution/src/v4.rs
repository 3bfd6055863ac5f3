//! The event turns out to be two facts: a room is reserved, and money is paid. `booking.made` is retired, and both facts are made from the
//! stored events. A part that a reader does not ask for costs it nothing.

use annalist::{
    App,
    app::Builder,
    model::{Gate, GateError},
    prelude::*,
};

use crate::{Booking, Failure, Occupied, RoomId, Version, guest::attic};

/// The former event. It is read, and cannot be written any more.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event(name = "booking.made", alias = "room.booked", version = 2, upcast(1 => BookingMade::from_1), retired)]
pub struct BookingMade {
    #[id]
    room: RoomId,
    night: u32,
    guest: String,
    persons: u32,
    cents: i64,
}

/// Version 1 of the former event.
#[derive(Deserialize)]
struct BookingMade1 {
    room: RoomId,
    night: u32,
    guest: String,
    euros: u32,
}

impl BookingMade {
    fn from_1(BookingMade1 { room, night, guest, euros }: BookingMade1) -> Self {
        Self { room, night, guest, persons: 2, cents: i64::from(euros) * 100 }
    }
}

/// A night is reserved.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event(name = "booking.reserved", from(BookingMade => Reserved::from_booking))]
pub struct Reserved {
    /// The room.
    #[id]
    pub room: RoomId,
    /// The number of the night.
    pub night: u32,
    /// The name of the guest.
    pub guest: String,
    /// The number of persons.
    pub persons: u32,
}

/// A guest has paid.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event(name = "booking.paid", from(BookingMade => Paid::from_booking))]
pub struct Paid {
    /// The room.
    #[id]
    pub room: RoomId,
    /// The amount in cents.
    pub cents: i64,
}

impl Reserved {
    fn from_booking(BookingMade { room, night, guest, persons, .. }: BookingMade) -> Self {
        Self { room, night, guest, persons }
    }
}

impl Paid {
    /// A night that was free of charge is no payment.
    fn from_booking(BookingMade { room, cents, .. }: BookingMade) -> Option<Self> {
        (cents != 0).then_some(Self { room, cents })
    }
}

/// A room, with the nights that are taken.
#[derive(Aggregate, Debug)]
#[aggregate(on(Reserved => Room::apply), error = Occupied)]
pub struct Room {
    #[id]
    id: RoomId,
    nights: Vec<u32>,
}

impl Room {
    fn apply(&mut self, event: &Reserved) {
        self.nights.push(event.night);
    }

    fn book(
        &self,
        Book { night, guest, persons, cents, .. }: &Book,
    ) -> Result<(Reserved, Option<Paid>), Occupied> {
        let (room, night, cents) = (self.id.clone(), *night, *cents);
        if self.nights.contains(&night) {
            return Err(Occupied { room, night });
        }
        let paid = (cents != 0).then(|| Paid { room: room.clone(), cents });
        Ok((Reserved { room, night, guest: guest.clone(), persons: *persons }, paid))
    }
}

/// Books a night and pays for it.
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

/// What each room has earned. Of an older booking it folds both parts.
#[derive(Projection, Clone, Debug, PartialEq)]
#[projection(name = "income", version = 3, on(Reserved => Income::reserve, Paid => Income::pay))]
pub struct Income {
    /// The room.
    #[key]
    pub room: RoomId,
    /// The number of nights.
    pub nights: u32,
    /// The sum of the persons of all nights.
    pub persons: u32,
    /// The number of payments.
    pub payments: u32,
    /// The sum of the payments in cents.
    pub cents: i64,
}

impl Income {
    fn reserve(&mut self, event: &Reserved) {
        self.nights += 1;
        self.persons += event.persons;
    }

    fn pay(&mut self, event: &Paid) {
        self.payments += 1;
        self.cents += event.cents;
    }
}

/// The fourth version.
#[derive(Debug)]
pub struct V4;

impl Version for V4 {
    fn register(builder: Builder) -> Builder {
        builder.commands::<Book>().projection::<Income>()
    }

    fn samples(gate: Gate) -> Result<Gate, GateError> {
        let reserved = Reserved { room: attic(), night: 1, guest: "ann".to_owned(), persons: 2 };
        gate.samples([reserved])?.samples([Paid { room: attic(), cents: 6000 }])
    }

    async fn book(app: &App, booking: Booking) -> Result<(), Failure> {
        let Booking { room, night, guest, persons, euros } = booking;
        app.execute(Book { room, night, guest, persons, cents: i64::from(euros) * 100 }).await?;
        Ok(())
    }

    async fn rows(app: &App) -> Result<Vec<String>, Failure> {
        let page = app.list::<Income>().await?;
        let line = |Income { room, nights, persons, payments, cents }: &Income| {
            format!("{room:<6} {nights} nights, {persons} persons, {payments} payments, {cents} cents")
        };
        Ok(page.rows.iter().map(line).collect())
    }
}
