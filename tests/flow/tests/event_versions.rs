//! A program reads the events that its earlier versions wrote: in decisions, loads, histories, rows, live folds and policies.
#![allow(clippy::unwrap_used)] // in the helpers too

use annalist::{
    App, Error, ExecuteError, Invalid, Position,
    prelude::*,
    projection::{ProjectionOptions, State},
};
use annalist_flow_tests::test_log::{TestLog, on_each_log, wait_until};

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
struct RoomId(String);

fn room(name: &str) -> RoomId {
    RoomId(name.to_owned())
}

/// The first version of the program. It counts guests as a text.
mod first {
    use super::*;

    #[derive(Event, Serialize, Deserialize, Clone, Debug)]
    #[event(prefix = "booking")]
    pub(crate) enum BookingEvent {
        Made {
            #[id]
            room: RoomId,
            guests: String,
        },
    }

    #[derive(Aggregate, Serialize, Deserialize, Debug)]
    #[aggregate(on(BookingEvent => Room::apply), snapshot(name = "room", every = 1))]
    pub(crate) struct Room {
        #[id]
        id: RoomId,
        pub(crate) guests: u32,
    }

    impl Room {
        fn apply(&mut self, BookingEvent::Made { guests, .. }: &BookingEvent) {
            self.guests += guests.len() as u32;
        }

        fn book(&self, command: &Book) -> BookingEvent {
            BookingEvent::Made { room: command.room.clone(), guests: command.guests.clone() }
        }
    }

    #[derive(Projection, Debug, PartialEq)]
    #[projection(name = "guests", on(BookingEvent => Guests::apply))]
    pub(crate) struct Guests {
        #[key]
        pub(crate) room: RoomId,
        pub(crate) guests: u32,
        pub(crate) last: String,
    }

    impl Guests {
        fn apply(&mut self, BookingEvent::Made { guests, .. }: &BookingEvent) {
            self.guests += guests.parse::<u32>().unwrap_or_default();
        }
    }

    #[derive(Command, Serialize)]
    #[command(decide = Room::book)]
    pub(crate) struct Book {
        #[id]
        pub(crate) room: RoomId,
        pub(crate) guests: String,
    }
}

/// The second version: guests are a number, and the event has the name of the guest.
mod second {
    use super::*;

    #[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
    #[event(prefix = "booking")]
    pub(crate) enum BookingEvent {
        #[event(version = 2, upcast(1 => from_v1), context)]
        Made {
            #[id]
            room: RoomId,
            guests: u32,
            by: String,
        },
    }

    #[derive(Deserialize)]
    struct MadeV1 {
        room: RoomId,
        guests: String,
    }

    fn from_v1(old: MadeV1, context: &Context) -> Result<BookingEvent, std::num::ParseIntError> {
        let by = context.actor().unwrap_or("reception").to_owned();
        Ok(BookingEvent::Made { room: old.room, guests: old.guests.parse()?, by })
    }

    #[derive(Aggregate, Serialize, Deserialize, Debug)]
    #[aggregate(on(BookingEvent => Room::apply), snapshot(name = "room", every = 1))]
    pub(crate) struct Room {
        #[id]
        id: RoomId,
        pub(crate) guests: u32,
        pub(crate) by: Vec<String>,
    }

    #[derive(Debug, PartialEq)]
    pub(crate) struct Full;

    impl Room {
        fn apply(&mut self, BookingEvent::Made { guests, by, .. }: &BookingEvent) {
            self.guests += guests;
            self.by.push(by.clone());
        }

        fn book(&self, command: &Book) -> Result<BookingEvent, Full> {
            let Book { room, guests, by } = command;
            if self.guests + guests > 10 {
                return Err(Full);
            }
            Ok(BookingEvent::Made { room: room.clone(), guests: *guests, by: by.clone() })
        }
    }

    #[derive(Command, Serialize)]
    #[command(decide = Room::book, error = Full)]
    pub(crate) struct Book {
        #[id]
        pub(crate) room: RoomId,
        pub(crate) guests: u32,
        pub(crate) by: String,
    }

    #[derive(Projection, Debug, PartialEq)]
    #[projection(name = "guests", on(BookingEvent => Guests::apply))]
    pub(crate) struct Guests {
        #[key]
        pub(crate) room: RoomId,
        pub(crate) guests: u32,
        pub(crate) last: String,
    }

    #[derive(Projection, Debug, PartialEq)]
    #[projection(name = "strict", on(BookingEvent => Strict::apply))]
    pub(crate) struct Strict {
        #[key]
        room: RoomId,
        bookings: u32,
    }

    impl Strict {
        fn apply(&mut self, _: &BookingEvent) {
            self.bookings += 1;
        }
    }

    impl Guests {
        fn apply(&mut self, BookingEvent::Made { guests, by, .. }: &BookingEvent) {
            self.guests += guests;
            self.last.clone_from(by);
        }
    }
}

async fn first(log: &TestLog) -> App {
    log.app().await.commands::<first::Book>().start().await.unwrap()
}

async fn book_first(app: &App, name: &str, guests: &str, actor: &'static str) {
    app.execute(first::Book { room: room(name), guests: guests.into() }).actor(actor).await.unwrap();
}

fn book(name: &str, guests: u32) -> second::Book {
    second::Book { room: room(name), guests, by: "bob".into() }
}

#[tokio::test]
async fn decisions_and_reads_see_old_events_in_the_current_version() {
    on_each_log(async |log| {
        let old = first(log).await;
        book_first(&old, "1", "3", "ann").await;
        book_first(&old, "1", "4", "cay").await;
        old.shut_down().await;

        let app =
            log.app().await.commands::<second::Book>().projection::<second::Guests>().start().await.unwrap();
        let error = app.execute(book("1", 4)).await.unwrap_err();
        assert!(matches!(error, ExecuteError::Rejected(second::Full)), "{error:?}");
        let receipt = app.execute(book("1", 2)).await.unwrap();

        let state = app.load::<second::Room>(&room("1")).await.unwrap();
        assert_eq!((state.guests, state.by.join(" ")), (9, "ann cay bob".to_owned()));
        let history = app.history::<second::BookingEvent>(&room("1")).await.unwrap();
        let made = second::BookingEvent::Made { room: room("1"), guests: 3, by: "ann".into() };
        assert_eq!((history.len(), &history[0].event), (3, &made));

        let row = second::Guests { room: room("1"), guests: 9, last: "bob".into() };
        assert_eq!(app.find::<second::Guests>(&room("1")).after(&receipt).await.unwrap().unwrap(), row);
        let earlier = second::Guests { room: room("1"), guests: 7, last: "cay".into() };
        let live = app.live::<second::Guests>(&room("1")).at(Position::new(2)).await.unwrap();
        assert_eq!(live.unwrap(), earlier);
    })
    .await;
}

/// The first version saved a snapshot after each event. Its state was folded from events as the first version read them.
#[tokio::test]
async fn snapshot_of_another_version_of_an_event_is_ignored() {
    on_each_log(async |log| {
        let old = first(log).await;
        book_first(&old, "1", "3", "ann").await;
        assert_eq!(old.load::<first::Room>(&room("1")).await.unwrap().guests, 1);
        old.shut_down().await;

        let app = log.app().await.commands::<second::Book>().start().await.unwrap();
        app.execute(book("1", 7)).await.unwrap();
        assert!(app.execute(book("1", 1)).await.is_err());
    })
    .await;
}

/// A step that fails is a poison event of each follower, and an error of each read; the stored event stays.
#[tokio::test]
async fn step_that_fails_is_reported_with_its_event_everywhere() {
    on_each_log(async |log| {
        let old = first(log).await;
        book_first(&old, "1", "two", "ann").await;
        book_first(&old, "2", "2", "ann").await;
        old.shut_down().await;

        const MESSAGE: &str = "event `booking.made` version 1 at position 1 cannot be converted to version 2";
        let check = |error: Error| {
            assert!(matches!(error, Error::Invalid(Invalid::Upcast { .. })), "{error:?}");
            assert!(error.to_string().contains(MESSAGE), "{error}");
        };
        let options = ProjectionOptions::new().park();
        let app = log.app().await.projection_with::<second::Guests>(options).start().await.unwrap();
        check(app.load::<second::Room>(&room("1")).await.unwrap_err());
        check(app.history::<second::BookingEvent>(&room("1")).await.unwrap_err());
        check(app.live::<second::Guests>(&room("1")).await.unwrap_err());
        match app.execute(book("1", 1)).await.unwrap_err() {
            ExecuteError::Invalid(invalid) => assert!(invalid.to_string().contains(MESSAGE), "{invalid}"),
            error => unreachable!("{error:?}"),
        }

        wait_until(&app, "guests", |status| status.parked == 1 && status.position == Position::new(2)).await;
        let parked = app.parked("guests").await.unwrap();
        assert!(parked[0].error.contains(MESSAGE), "{}", parked[0].error);
        assert_eq!(app.find::<second::Guests>(&room("2")).await.unwrap().unwrap().guests, 2);
        app.shut_down().await;

        // Without parking the projection stops before the event.
        let app = log.app().await.projection::<second::Strict>().start().await.unwrap();
        let status = wait_until(&app, "strict", |status| matches!(status.state, State::Stopped(_))).await;
        assert_eq!(status.position, Position::START);
    })
    .await;
}

/// During a deploy the older program meets an event that only the newer one can read. It stops before it; the newer program continues with
/// the same rows, reports how they were folded, and rebuilds them on request.
#[tokio::test]
async fn event_of_a_newer_version_waits_for_the_newer_program() {
    on_each_log(async |log| {
        let old =
            log.app().await.commands::<first::Book>().projection::<first::Guests>().start().await.unwrap();
        book_first(&old, "1", "3", "ann").await;
        wait_until(&old, "guests", |status| status.position == Position::new(1)).await;

        let newer = log.app().await.commands::<second::Book>().start().await.unwrap();
        newer.execute(book("1", 2)).await.unwrap();
        book_first(&old, "2", "1", "ann").await;
        let status = wait_until(&old, "guests", |status| matches!(status.state, State::Stopped(_))).await;
        let State::Stopped(stopped) = status.state else { unreachable!() };
        assert_eq!((stopped.position, status.position), (Some(Position::new(2)), Position::new(1)));
        assert!(
            stopped.error.contains("version 2 at position 2 is newer than version 1"),
            "{}",
            stopped.error
        );
        old.shut_down().await;
        newer.shut_down().await;

        let app =
            log.app().await.commands::<second::Book>().projection::<second::Guests>().start().await.unwrap();
        wait_until(&app, "guests", |status| status.position == Position::new(3)).await;
        // The first event was folded by the older program, which does not know the guest.
        let row = async || app.find::<second::Guests>(&room("1")).await.unwrap().unwrap();
        assert_eq!(row().await, second::Guests { room: room("1"), guests: 5, last: "bob".into() });
        let other_conversions = async || app.overview().await.unwrap().remove(0).other_conversions;
        assert_eq!(other_conversions().await.unwrap(), "`booking.made` had version 1 and has version 2");

        app.rebuild("guests").await.unwrap();
        wait_until(&app, "guests", |status| status.reads.is_some_and(|read| read.build == 1)).await;
        assert_eq!(other_conversions().await, None);
        assert_eq!(row().await.guests, 5);
    })
    .await;
}
