//! A rolling deploy: an older program runs while a newer one appends a later version of an event. The followers of the older program stop
//! before it or park it, and those of the newer one continue by themselves.
#![allow(clippy::expect_used, reason = "a check fails by panicking")]

use std::sync::{Arc, Mutex, PoisonError};

use annalist::{
    App, Error, Position,
    app::Builder,
    operate::UnreadEvents,
    prelude::*,
    projection::{ProjectionOptions, State, Status},
    store::Parked,
};

use crate::test_log::wait_until;

/// A room.
#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
pub struct RoomId(String);

fn room(name: &str) -> RoomId {
    RoomId(name.to_owned())
}

/// The numbers that a handler was called with.
#[derive(Clone, Debug, Default)]
struct Calls(Arc<Mutex<Vec<u32>>>);

impl Calls {
    fn add(&self, number: u32) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(number);
    }

    fn all(&self) -> Vec<u32> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The projection and the policies of a program, on its own version of the event.
macro_rules! program {
    ($name:ident, $(#[$version:meta])? { $($by:ident: $value:expr)? }) => {
        mod $name {
            use super::*;

            #[derive(Event, Serialize, Deserialize, Clone, Debug)]
            #[event(name = "booking.made")]
            $(#[$version])?
            pub(super) struct Made {
                #[id]
                pub(super) room: RoomId,
                pub(super) number: u32,
                $(pub(super) $by: String,)?
            }

            #[derive(Command, Serialize)]
            #[command(decide = book)]
            pub(super) struct Book {
                pub(super) room: RoomId,
                pub(super) number: u32,
            }

            fn book(command: &Book) -> Made {
                Made { room: command.room.clone(), number: command.number, $($by: $value)? }
            }

            /// The numbers of the bookings of a room, in the order in which they were folded.
            #[derive(Projection, Debug, PartialEq)]
            #[projection(name = "bookings", on(Made => Bookings::add))]
            pub(super) struct Bookings {
                #[key]
                room: RoomId,
                pub(super) numbers: String,
            }

            impl Bookings {
                fn add(&mut self, event: &Made) {
                    assert!(event.number != UNLUCKY, "cannot handle the number {UNLUCKY}");
                    self.numbers.push_str(&format!("{} ", event.number));
                }
            }

            #[derive(Policy)]
            #[policy(name = "parks", from = beginning, on_reject = stop, on_error = park, retry = 3, on(Made => Parks::react))]
            pub(super) struct Parks(pub(super) Calls);

            #[derive(Policy)]
            #[policy(name = "stops", from = beginning, on_reject = stop, on_error = stop, retry = 3, on(Made => Stops::react))]
            pub(super) struct Stops(pub(super) Calls);

            impl Parks {
                async fn react(&self, event: &Made) -> Result<Option<Confirm>, String> {
                    react(&self.0, event.number).await
                }
            }

            impl Stops {
                async fn react(&self, event: &Made) -> Result<Option<Confirm>, String> {
                    react(&self.0, event.number).await
                }
            }
        }
    };
}

program!(older, {});
program!(newer, #[event(version = 2, upcast(1 => from_v1))] { by: "ann".to_owned() });

#[derive(Deserialize)]
struct MadeV1 {
    room: RoomId,
    number: u32,
}

fn from_v1(old: MadeV1) -> newer::Made {
    newer::Made { room: old.room, number: old.number, by: "reception".to_owned() }
}

/// Both programs fail at this number, whatever the version.
const UNLUCKY: u32 = 13;
/// The reaction to this number fails at first.
const SLOW: u32 = 3;

#[derive(Event, Serialize, Deserialize, Clone, Debug)]
#[event(name = "confirmation.sent")]
struct Confirmed {
    number: u32,
}

#[derive(Command, Serialize)]
#[command(decide = confirm)]
struct Confirm {
    number: u32,
}

fn confirm(command: &Confirm) -> Confirmed {
    Confirmed { number: command.number }
}

async fn react(calls: &Calls, number: u32) -> Result<Option<Confirm>, String> {
    let is_first = !calls.all().contains(&number);
    calls.add(number);
    tokio::task::yield_now().await;
    match number {
        UNLUCKY => Err("cannot handle the number".to_owned()),
        SLOW if is_first => Err("not yet".to_owned()),
        _ => Ok(Some(Confirm { number })),
    }
}

/// Books with the program of an app.
async fn book_older(app: &App, name: &str, number: u32) {
    app.execute(older::Book { room: room(name), number }).await.expect("a booking");
}

async fn book_newer(app: &App, name: &str, number: u32) {
    app.execute(newer::Book { room: room(name), number }).await.expect("a booking");
}

async fn numbers(app: &App, name: &str) -> String {
    let row = app.find::<newer::Bookings>(&room(name)).await.expect("a row");
    row.map(|row| row.numbers).unwrap_or_default()
}

/// Positions and attempts of the parked events, and whether they need a newer program.
async fn parked(app: &App, name: &str) -> Vec<(u64, u32, bool)> {
    let parked = app.parked(name).await.expect("parked events");
    let values =
        |Parked { position, attempts, needs_newer, .. }: Parked| (position.get(), attempts, needs_newer);
    parked.into_iter().map(values).collect()
}

fn is_stopped(status: &Status) -> bool {
    matches!(status.state, State::Stopped(_))
}

/// The older program is stopped before the event, and the newer one continues there while the older one still runs.
///
/// # Panics
/// If a follower skips or repeats an event.
pub async fn check_stopped_followers(builder: impl AsyncFn() -> Builder) {
    let writer = builder().await.start().await.expect("the newer program without followers");
    let (calls, older_calls) = (Calls::default(), Calls::default());
    let old = builder().await.projection::<older::Bookings>().policy(older::Stops(older_calls.clone()));
    let old = old.start().await.expect("the older program");
    book_older(&old, "a", 1).await;
    old.wait_until_caught_up().await.expect("the first booking is handled");
    book_newer(&writer, "a", 2).await;
    book_older(&old, "a", 3).await;
    book_older(&old, "b", 4).await;
    for name in ["bookings", "stops"] {
        let status = wait_until(&old, name, is_stopped).await;
        let State::Stopped(stopped) = &status.state else { unreachable!("{status:?}") };
        assert!(stopped.error.contains("version 2") && stopped.error.contains("newer"), "{stopped}");
        let position = stopped.position.expect("the position of the event").get();
        assert_eq!(status.position, Position::new(position - 1), "{name}");
    }
    let row = old.find::<older::Bookings>(&room("a")).await.expect("a row").expect("a row");
    assert_eq!((&*row.numbers, older_calls.all()), ("1 ", vec![1]));

    let new = builder().await.projection::<newer::Bookings>().policy(newer::Stops(calls.clone()));
    let new = new.start().await.expect("the newer program");
    new.wait_until_caught_up().await.expect("the newer program continues");
    assert_eq!((numbers(&new, "a").await, numbers(&new, "b").await), ("1 2 3 ".to_owned(), "4 ".to_owned()));
    assert_eq!(calls.all(), [2, SLOW, SLOW, 4]);
    // The older program goes on appending, and does not get in the way.
    book_older(&old, "a", 5).await;
    new.wait_until_caught_up().await.expect("the newer program handles it");
    assert_eq!(numbers(&new, "a").await, "1 2 3 5 ");
    assert_eq!((older_calls.all(), calls.all()), (vec![1], vec![2, SLOW, SLOW, 4, 5]));
    old.shut_down().await;
    new.shut_down().await;
    writer.shut_down().await;
}

fn parks<P: annalist::Projection>(builder: Builder) -> Builder {
    builder.projection_with::<P>(ProjectionOptions::new().park())
}

/// The older program parks the event and the later ones of its row. The newer one handles them in order, while the older one goes on
/// parking. What is parked for another reason stays.
///
/// # Panics
/// If the rows lack an event or have one twice.
pub async fn check_parked_events(builder: impl AsyncFn() -> Builder) {
    let writer = builder().await.start().await.expect("the newer program without followers");
    let old = parks::<older::Bookings>(builder().await).start().await.expect("the older program");
    book_older(&old, "a", 1).await;
    book_newer(&writer, "a", 2).await;
    book_older(&old, "a", 3).await;
    book_older(&old, "b", 4).await;
    book_older(&old, "c", UNLUCKY).await;
    book_older(&old, "c", 6).await;
    old.wait_until_caught_up().await.expect("events are handled or parked");
    let all = [(2, 1, true), (3, 0, true), (5, 1, false), (6, 0, false)];
    assert_eq!(parked(&old, "bookings").await, all);
    for (name, numbers) in [("a", "1 "), ("b", "4 ")] {
        let row = old.find::<older::Bookings>(&room(name)).await.expect("a row").expect("a row");
        assert_eq!(row.numbers, numbers);
    }

    // The older program is started again, and cannot read the event either.
    old.shut_down().await;
    let allowed = builder().await.unchecked_events(["booking.*"]);
    let old = parks::<older::Bookings>(allowed).start().await.expect("the older program");
    old.wait_until_caught_up().await.expect("the older program is started again");
    assert_eq!(parked(&old, "bookings").await, all);

    let new = parks::<newer::Bookings>(builder().await).start().await.expect("the newer program");
    let is_retried = |status: &Status| status.parked == 2 && status.state == State::CaughtUp;
    wait_until(&new, "bookings", is_retried).await;
    assert_eq!(parked(&new, "bookings").await, all[2..]);
    assert_eq!(numbers(&new, "a").await, "1 2 3 ");

    // Either program may be the first to handle an event.
    let mut expected = "1 2 3 ".to_owned();
    for number in 20..60 {
        if number % 3 == 0 {
            book_newer(&writer, "a", number).await;
        } else {
            book_older(&old, "a", number).await;
        }
        expected.push_str(&format!("{number} "));
    }
    let end = Position::new(46);
    let is_done =
        |status: &Status| status.position == end && status.parked == 2 && status.state == State::CaughtUp;
    wait_until(&new, "bookings", is_done).await;
    assert_eq!((numbers(&new, "a").await, numbers(&new, "b").await), (expected, "4 ".to_owned()));
    assert_eq!(parked(&new, "bookings").await, all[2..]);
    old.shut_down().await;
    new.shut_down().await;
    writer.shut_down().await;
}

/// The policy of the older program parks the event and the later ones of its ids. That of the newer one reacts to each once, in order.
///
/// # Panics
/// If an event leads to no command or to two.
pub async fn check_parked_events_of_a_policy(builder: impl AsyncFn() -> Builder) {
    let writer = builder().await.start().await.expect("the newer program without followers");
    let (older_calls, calls) = (Calls::default(), Calls::default());
    let old = builder().await.policy(older::Parks(older_calls.clone())).start().await;
    let old = old.expect("the older program");
    book_older(&old, "c", UNLUCKY).await;
    book_newer(&writer, "a", 2).await;
    book_older(&old, "a", SLOW).await;
    book_newer(&writer, "a", 4).await;
    book_older(&old, "b", 5).await;
    old.wait_until_caught_up().await.expect("events are handled or parked");
    let all = parked(&old, "parks").await;
    let (attempts, newer): (Vec<u32>, Vec<bool>) =
        all.iter().map(|(_, attempts, newer)| (*attempts, *newer)).unzip();
    assert_eq!((attempts, newer), (vec![3, 1, 0, 0], vec![false, true, true, true]));
    assert_eq!(older_calls.all(), [UNLUCKY, UNLUCKY, UNLUCKY, 5]);

    let new = builder().await.policy(newer::Parks(calls.clone())).start().await.expect("the newer program");
    old.shut_down().await;
    let is_retried = |status: &Status| status.parked == 1 && status.state == State::CaughtUp;
    wait_until(&new, "parks", is_retried).await;
    assert_eq!(parked(&new, "parks").await, all[..1]);
    // The reaction to one of them failed at first.
    assert_eq!(calls.all(), [2, SLOW, SLOW, 4]);
    let all = new.feed(annalist::Item::any().types(["confirmation.sent"]).into()).next().await;
    let confirmed: Vec<String> =
        all.expect("a page").records.iter().map(|record| record.data.as_str().to_owned()).collect();
    assert_eq!(confirmed, [5, 2, SLOW, 4].map(|number| format!(r#"{{"number":{number}}}"#)));
    new.shut_down().await;
    writer.shut_down().await;
}

/// The older program is not started again on a log that has the event, unless that is allowed.
///
/// # Panics
/// If the error lacks what an operator needs.
pub async fn check_start(builder: impl AsyncFn() -> Builder) {
    let older_writer = builder().await.start().await.expect("the older program");
    let newer_writer = builder().await.start().await.expect("the newer program");
    let old = || async { builder().await.projection::<older::Bookings>() };
    book_older(&older_writer, "a", 1).await;
    old().await.start().await.expect("the older program reads version 1").shut_down().await;
    for number in 2..5 {
        book_newer(&newer_writer, "a", number).await;
    }
    book_older(&older_writer, "a", 5).await;

    let error = old().await.start().await.expect_err("a later version");
    let Error::UnreadEvents { events, .. } = &error else { unreachable!("{error:?}") };
    let UnreadEvents { name, version, known, count, first, last, .. } = &events[0];
    assert_eq!((events.len(), &**name, *version, *known), (1, "booking.made", 2, Some(1)));
    assert_eq!((*count, first.get(), last.get()), (3, 2, 4));
    let text = error.to_string();
    let expected =
        "`booking.made` version 2 (events: 3, positions 2 to 4) is newer than version 1, the newest that `";
    assert!(text.contains(expected) && text.contains("deploy it"), "{text}");
    // Commands register the event too.
    let commands = builder().await.commands::<older::Book>().start().await;
    assert!(matches!(commands, Err(Error::UnreadEvents { .. })));
    old().await.unchecked_events(["booking.made"]).start().await.expect("it is allowed").shut_down().await;
    let new = builder().await.projection::<newer::Bookings>().commands::<newer::Book>().start().await;
    new.expect("the newer program reads both versions").shut_down().await;
    older_writer.shut_down().await;
    newer_writer.shut_down().await;
}
