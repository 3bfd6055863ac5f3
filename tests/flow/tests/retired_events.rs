//! An event type is split into two while an older program still appends it: reads, conditions, rows and policies of the newer program
//! include it.
#![allow(clippy::unwrap_used)] // in the helpers too

use annalist::{App, ExecuteError, Invalid, Position, prelude::*, projection::ProjectionOptions};
use annalist_flow_tests::test_log::{TestLog, on_each_log, wait_until};

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
struct RoomId(String);

fn room(name: &str) -> RoomId {
    RoomId(name.to_owned())
}

/// The older program: a booking is one event, and each night can be booked once.
mod older {
    use super::*;

    #[derive(Event, Serialize, Deserialize, Clone, Debug)]
    #[event(name = "booking.made")]
    pub(crate) struct Made {
        #[id]
        room: RoomId,
        night: u32,
        cents: Option<i64>,
    }

    #[derive(Aggregate, Debug)]
    #[aggregate(on(Made => Room::apply), error = Booked)]
    pub(crate) struct Room {
        #[id]
        id: RoomId,
        nights: Vec<u32>,
    }

    #[derive(Debug, PartialEq)]
    pub(crate) struct Booked;

    impl Room {
        fn apply(&mut self, event: &Made) {
            self.nights.push(event.night);
        }

        fn book(&self, Book { room, night, cents }: &Book) -> Result<Made, Booked> {
            if self.nights.contains(night) {
                return Err(Booked);
            }
            Ok(Made { room: room.clone(), night: *night, cents: *cents })
        }
    }

    #[derive(Command, Serialize)]
    #[command(decide = Room::book)]
    pub(crate) struct Book {
        #[id]
        pub(crate) room: RoomId,
        pub(crate) night: u32,
        pub(crate) cents: Option<i64>,
    }
}

/// The newer program: a reservation and a payment.
mod newer {
    use super::*;

    #[derive(Event, Serialize, Deserialize, Clone, Debug)]
    #[event(name = "booking.made", retired)]
    pub(crate) struct Made {
        #[id]
        room: RoomId,
        night: u32,
        cents: Option<i64>,
    }

    #[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
    #[event(name = "booking.reserved", from(Made => Reserved::from_made))]
    pub(crate) struct Reserved {
        #[id]
        pub(crate) room: RoomId,
        pub(crate) night: u32,
    }

    #[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
    #[event(name = "booking.paid", from(Made => Paid::from_made))]
    pub(crate) struct Paid {
        #[id]
        pub(crate) room: RoomId,
        pub(crate) cents: i64,
    }

    #[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
    pub(crate) enum BookingEvent {
        Reserved(Reserved),
        Paid(Paid),
    }

    impl Reserved {
        fn from_made(old: Made) -> Self {
            Self { room: old.room, night: old.night }
        }
    }

    impl Paid {
        fn from_made(old: Made) -> Result<Option<Self>, &'static str> {
            match old.cents {
                Some(..0) => Err("a negative payment"),
                cents => Ok(cents.map(|cents| Self { room: old.room, cents })),
            }
        }
    }

    #[derive(Aggregate, Debug)]
    #[aggregate(on(Reserved => Room::apply), error = Booked)]
    pub(crate) struct Room {
        #[id]
        id: RoomId,
        pub(crate) nights: Vec<u32>,
    }

    #[derive(Debug, PartialEq)]
    pub(crate) struct Booked;

    impl Room {
        fn apply(&mut self, event: &Reserved) {
            self.nights.push(event.night);
        }

        fn book(&self, command: &Book) -> Result<Reserved, Booked> {
            if self.nights.contains(&command.night) {
                return Err(Booked);
            }
            Ok(Reserved { room: command.room.clone(), night: command.night })
        }
    }

    #[derive(Command, Serialize)]
    #[command(decide = Room::book)]
    pub(crate) struct Book {
        #[id]
        pub(crate) room: RoomId,
        pub(crate) night: u32,
    }

    /// Folds both parts of a stored event, by two entries.
    #[derive(Projection, Debug, PartialEq)]
    #[projection(name = "rooms", on(Reserved => Summary::reserve, Paid => Summary::pay))]
    pub(crate) struct Summary {
        #[key]
        pub(crate) room: RoomId,
        pub(crate) nights: u32,
        pub(crate) cents: i64,
    }

    impl Summary {
        fn reserve(&mut self, _: &Reserved) {
            self.nights += 1;
        }

        fn pay(&mut self, event: &Paid) {
            self.cents += event.cents;
        }
    }
}

use newer::Summary;

async fn older(log: &TestLog) -> App {
    log.app().await.commands::<older::Book>().start().await.unwrap()
}

async fn book_older(app: &App, name: &str, night: u32, cents: Option<i64>) -> Receipt {
    app.execute(older::Book { room: room(name), night, cents }).await.unwrap()
}

async fn newer(log: &TestLog) -> App {
    let builder = log.app().await.commands::<newer::Book>();
    builder.projection_with::<Summary>(ProjectionOptions::new().park()).start().await.unwrap()
}

async fn book_newer(app: &App, name: &str, night: u32) -> Result<Receipt, ExecuteError<newer::Booked>> {
    app.execute(newer::Book { room: room(name), night }).await
}

#[tokio::test]
async fn decision_conflicts_with_the_retired_event_of_an_older_program() {
    on_each_log(async |log| {
        let (older, newer) = (older(log).await, newer(log).await);
        book_older(&older, "1", 1, None).await;
        assert!(matches!(book_newer(&newer, "1", 1).await, Err(ExecuteError::Rejected(newer::Booked))));

        // The newer program has cached the state. The append of the older one makes it stale.
        book_older(&older, "1", 3, None).await;
        assert!(matches!(book_newer(&newer, "1", 3).await, Err(ExecuteError::Rejected(newer::Booked))));
        book_newer(&newer, "1", 2).await.unwrap();
        assert_eq!(newer.load::<newer::Room>(&room("1")).await.unwrap().nights, [1, 3, 2]);
        // From now on the older program would miss bookings: see `successors.rs`.
        let refused = older.execute(older::Book { room: room("1"), night: 4, cents: None }).await;
        assert!(matches!(refused, Err(ExecuteError::Invalid(Invalid::Superseded { .. }))), "{refused:?}");
    })
    .await;
}

#[tokio::test]
async fn parts_of_a_stored_event_share_its_position() {
    on_each_log(async |log| {
        let older = older(log).await;
        let first = book_older(&older, "1", 1, Some(50)).await;
        book_older(&older, "1", 2, None).await;
        let newer = newer(log).await;
        let third = book_newer(&newer, "1", 3).await.unwrap();

        let row = newer.find::<Summary>(&room("1")).after(&third).await.unwrap().unwrap();
        assert_eq!((row.nights, row.cents), (3, 50));
        let history = newer.history::<newer::BookingEvent>(&room("1")).await.unwrap();
        assert_eq!(history.iter().map(|one| one.position.get()).collect::<Vec<_>>(), [1, 1, 2, 3]);
        assert_eq!(history[0].id, history[1].id);

        let at = |receipt: &Receipt| newer.live::<Summary>(&room("1")).at(receipt);
        let row = at(&first).await.unwrap().unwrap();
        assert_eq!((row.nights, row.cents), (1, 50));
        let status = wait_until(&newer, "rooms", |status| status.position == third.position()).await;
        assert_eq!(status.parked, 0);
    })
    .await;
}

/// A part that cannot be made parks the whole event: no other part of it is in the rows.
#[tokio::test]
async fn parts_of_a_stored_event_are_parked_together() {
    on_each_log(async |log| {
        let older = older(log).await;
        book_older(&older, "1", 1, Some(-50)).await;
        book_older(&older, "2", 1, Some(70)).await;
        let newer = newer(log).await;
        wait_until(&newer, "rooms", |status| status.position == Position::new(2)).await;

        let parked = newer.parked("rooms").await.unwrap();
        assert_eq!((parked.len(), parked[0].position), (1, Position::new(1)));
        let message = "`booking.made` version 1 at position 1 cannot be converted to `booking.paid`: a negative payment";
        assert!(parked[0].error.contains(message), "{}", parked[0].error);
        assert_eq!(newer.find::<Summary>(&room("1")).await.unwrap(), None);
        let row = newer.find::<Summary>(&room("2")).await.unwrap().unwrap();
        assert_eq!((row.nights, row.cents), (1, 70));
        // A reader of the other part is not affected.
        assert_eq!(newer.load::<newer::Room>(&room("1")).await.unwrap().nights, [1]);
    })
    .await;
}

/// The program starts on a log whose retired events its commands read through their successors, or which are registered themselves.
#[tokio::test]
async fn retired_events_are_registered_with_their_successors() {
    on_each_log(async |log| {
        book_older(&older(log).await, "1", 1, None).await;
        newer(log).await.shut_down().await;
        log.app().await.events::<newer::Made>().start().await.unwrap();
    })
    .await;
}
