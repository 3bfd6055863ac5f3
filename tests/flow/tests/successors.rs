//! An older program is refused, and its followers stop, once a newer one has appended an event whose name the older one does not know.
#![allow(clippy::unwrap_used)] // in the helpers too

use std::sync::{Arc, atomic::Ordering};

use annalist::{
    App, Error, ExecuteError, Invalid, Memory, Position,
    app::Builder,
    projection::{ProjectionOptions, State},
};
use annalist_flow_tests::{
    faulty_store::{Fault, FaultyStore},
    successors::{
        Booked, Newer, book_older, check_followers, check_log, first_position,
        older::{self, Clean},
        race, race_processes, renamed, room, split,
    },
    test_log::{TestLog, on_each_log, wait_until},
};

const KINDS: [Newer; 2] = [Newer::Renamed, Newer::Split];

async fn older(log: &TestLog) -> App {
    log.app().await.commands::<older::Book>().start().await.unwrap()
}

async fn newer(log: &TestLog, kind: Newer) -> App {
    newer_on(log.app().await, kind).await
}

async fn newer_on(builder: Builder, kind: Newer) -> App {
    match kind {
        Newer::Renamed => builder.commands::<renamed::Book>().start().await.unwrap(),
        Newer::Split => builder.commands::<split::Book>().start().await.unwrap(),
    }
}

#[track_caller]
fn assert_superseded(error: &Invalid, by: &str, at: Position) {
    match error {
        Invalid::Superseded { name, successor, since } => {
            assert_eq!((name.as_str(), successor.as_str(), *since), ("booking.made", by, at));
        }
        error => unreachable!("{error}"),
    }
}

#[tokio::test]
async fn no_night_is_booked_twice_by_two_programs() {
    on_each_log(async |log| {
        for kind in KINDS {
            // Another log for each race.
            let log = match log {
                TestLog::Memory(_) => TestLog::Memory(Memory::new()),
                TestLog::File(_) => TestLog::file(),
            };
            race(&older(&log).await, &newer(&log, kind).await, kind).await.unwrap();
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_night_is_booked_twice_with_several_threads() {
    for _ in 0..5 {
        for kind in KINDS {
            let log = TestLog::Memory(Memory::new());
            race(&older(&log).await, &newer(&log, kind).await, kind).await.unwrap();
        }
    }
}

/// A store that yields to other tasks before it appends. If it does not compare the successors, the older program books nights again.
#[tokio::test]
async fn store_that_does_not_compare_successors_is_detected() {
    for drops_successors in [false, true] {
        let store = Arc::new(FaultyStore::new([]));
        store.drops_successors.store(drops_successors, Ordering::SeqCst);
        let older = App::builder(Arc::clone(&store)).commands::<older::Book>().start().await.unwrap();
        let newer = newer_on(App::builder(Arc::clone(&store)), Newer::Renamed).await;
        let result = race(&older, &newer, Newer::Renamed).await;
        assert_eq!(result.is_err(), drops_successors, "{result:?}");
    }
}

/// Only commands that read the older name are refused; loads and reads of it too, as of a moment after the successor.
#[tokio::test]
async fn only_readers_of_the_older_name_are_refused() {
    on_each_log(async |log| {
        let (older, newer) = (older(log).await, newer(log, Newer::Split).await);
        let first = book_older(&older, "1", 1).await.unwrap();
        let since = Newer::Split.book(&newer, "1", 2).await.unwrap().position();
        older.execute(Clean { room: room("1") }).await.unwrap();
        for _ in 0..2 {
            match book_older(&older, "2", 1).await.unwrap_err() {
                ExecuteError::Invalid(error) => assert_superseded(&error, "booking.reserved", since),
                error => unreachable!("{error:?}"),
            }
            older.execute(Clean { room: room("1") }).await.unwrap();
        }

        let check = |error: Error| match error {
            Error::Invalid(error) => assert_superseded(&error, "booking.reserved", since),
            error => unreachable!("{error:?}"),
        };
        check(older.load::<older::Room>(&room("1")).await.unwrap_err());
        check(older.history::<older::Made>(&room("1")).await.unwrap_err());
        check(older.live::<older::Nights>(&room("1")).await.unwrap_err());
        let state = older.load::<older::Room>(&room("1")).at(&first).await.unwrap();
        assert_eq!(state.nights, [1]);

        // Another part of the retired event concerns no reader of the first one.
        newer.execute(split::Pay { room: room("1"), night: 2 }).await.unwrap();
        Newer::Split.book(&newer, "1", 3).await.unwrap();
        let payments = newer.load::<split::Payments>(&room("1")).await.unwrap();
        assert_eq!(payments.nights, [1, 2]);
        assert_eq!(newer.history::<split::Made>(&room("1")).await.unwrap().len(), 1);
    })
    .await;
}

/// A program that uses one part of the retired event only, and does not know the other.
#[tokio::test]
async fn program_with_one_part_of_a_retired_event_is_not_refused() {
    on_each_log(async |log| {
        let (whole, part) = (newer(log, Newer::Split).await, newer(log, Newer::Split).await);
        Newer::Split.book(&part, "1", 1).await.unwrap();
        whole.execute(split::Pay { room: room("1"), night: 1 }).await.unwrap();
        Newer::Split.book(&part, "1", 2).await.unwrap();
        assert!(matches!(Newer::Split.book(&part, "1", 2).await, Err(ExecuteError::Rejected(Booked))));
        check_log_of_reservations(&whole).await;
    })
    .await;
}

async fn check_log_of_reservations(app: &App) {
    let list = app.store().successors().await.unwrap();
    let names: Vec<_> = list.all().iter().map(|one| (one.of(), one.name(), one.is_rename())).collect();
    let expected = [("booking.made", "booking.paid", false), ("booking.made", "booking.reserved", false)];
    assert_eq!(names, expected);
}

/// A command that was accepted stays accepted, also for a program that is refused now. A lost answer is found out by the command id.
#[tokio::test]
async fn accepted_command_stays_accepted() {
    let store = Arc::new(FaultyStore::new([]));
    let older = App::builder(Arc::clone(&store)).commands::<older::Book>().start().await.unwrap();
    let newer = newer_on(App::builder(Arc::clone(&store)), Newer::Renamed).await;
    let book = || older.execute(older::Book { room: room("1"), night: 1 }).id("booking-1");
    let first = book().await.unwrap();

    // The first event of the successor is written, but the answer is lost.
    store.plan([Fault::AnswerLost]);
    let hold = renamed::Book { room: room("1"), night: 2 };
    let held = newer.execute(hold).id("booking-2").await.unwrap();
    assert_eq!(first_position(&newer, "booking.held").await.unwrap(), Some(held.position()));
    Newer::Renamed.book(&newer, "1", 3).await.unwrap();

    assert_eq!(book().await.unwrap().position(), first.position());
    let again = older.execute(older::Book { room: room("1"), night: 4 }).id("booking-3").await;
    assert!(matches!(again, Err(ExecuteError::Invalid(Invalid::Superseded { .. }))), "{again:?}");
    assert_eq!(book().await.unwrap().position(), first.position());
    check_log(&*store).await.unwrap();
}

/// The older program is started again, although the log has events that it does not read.
#[tokio::test]
async fn restarted_older_program_is_refused_before_it_decides() {
    on_each_log(async |log| {
        let newer = newer(log, Newer::Renamed).await;
        let since = Newer::Renamed.book(&newer, "1", 1).await.unwrap().position();
        let builder = log.app().await.commands::<older::Book>();
        assert!(matches!(builder.start().await, Err(Error::UnreadEvents { .. })));
        let builder = log.app().await.commands::<older::Book>().unchecked_events(["booking.held"]);
        let older = builder.start().await.unwrap();
        match book_older(&older, "1", 1).await.unwrap_err() {
            ExecuteError::Invalid(error) => assert_superseded(&error, "booking.held", since),
            error => unreachable!("{error:?}"),
        }
        assert!(older.load::<older::Room>(&room("1")).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn followers_stop_before_the_first_successor() {
    on_each_log(async |log| check_followers(async || log.app().await).await).await;
}

/// Two executables on one file.
#[tokio::test]
async fn older_process_is_refused_while_a_newer_one_books() {
    let log = TestLog::file();
    let url = format!("sqlite:{}", log.path().unwrap().display());
    let (older, newer) = (env!("CARGO_BIN_EXE_booking_older"), env!("CARGO_BIN_EXE_booking_newer"));
    let race = tokio::task::spawn_blocking(move || race_processes(older, newer, &url));
    race.await.unwrap().unwrap();
    check_log(&*log.process().await.store).await.unwrap();
}

/// The first event of the successor changes the mode of an inline build of the older program: it is updated in the background, and
/// stops before the event. The same version of the projection in the newer program goes on with the rows.
#[tokio::test]
async fn inline_build_of_the_older_program_misses_no_successor() {
    on_each_log(async |log| {
        let inline = || ProjectionOptions::new().inline();
        let builder = log.app().await.commands::<older::Book>();
        let older = builder.projection_with::<older::Nights>(inline()).start().await.unwrap();
        book_older(&older, "1", 1).await.unwrap();
        wait_until(&older, "nights", |status| status.state == State::Inline).await;

        // A newer program with the projection in the background.
        let builder = log.app().await.commands::<split::Book>().projection::<split::Nights>();
        let newer = builder.start().await.unwrap();
        let since = Newer::Split.book(&newer, "1", 2).await.unwrap();
        let row = newer.find::<split::Nights>(&room("1")).after(&since).await.unwrap().unwrap();
        assert_eq!(row.nights, 2);
        let is_stopped = |status: &annalist::projection::Status| matches!(status.state, State::Stopped(_));
        let status = wait_until(&older, "nights", is_stopped).await;
        assert_eq!(status.position.get() + 1, since.position().get());
        older.shut_down().await;
    })
    .await;
}

/// Both programs have the same version of the projection inline.
#[tokio::test]
async fn inline_build_folds_a_renamed_event() {
    on_each_log(async |log| {
        let inline = || ProjectionOptions::new().inline();
        let builder = log.app().await.commands::<older::Book>();
        let older = builder.projection_with::<older::Nights>(inline()).start().await.unwrap();
        book_older(&older, "1", 1).await.unwrap();
        wait_until(&older, "nights", |status| status.state == State::Inline).await;

        let builder = log.app().await.commands::<renamed::Book>();
        let newer = builder.projection_with::<renamed::Nights>(inline()).start().await.unwrap();
        wait_until(&newer, "nights", |status| status.state == State::Inline).await;
        for night in 2..5 {
            Newer::Renamed.book(&newer, "1", night).await.unwrap();
            let row = newer.find::<renamed::Nights>(&room("1")).await.unwrap().unwrap();
            assert_eq!(row.nights, night);
        }
        older.shut_down().await;
        newer.shut_down().await;
    })
    .await;
}
