//! What orders parked events, and damaged records: each holds back only what it has to, and is named.
#![allow(clippy::unwrap_used)] // in the helpers too

use annalist::{
    Position,
    prelude::*,
    projection::{ProjectionOptions, State, Stopped},
};
use annalist_flow_tests::{
    domain::deposit,
    policies::{CallCounter, ParksError, StopsAtError},
    test_log::{TestLog, on_each_log, wait_until},
    versions::Tally,
};

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
struct HotelId(String);

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
struct GuestId(String);

#[derive(Event, Serialize, Deserialize, Clone, Debug)]
#[event(name = "stayed")]
struct Stayed {
    #[id]
    hotel: HotelId,
    #[id]
    guest: GuestId,
}

#[derive(Command, Serialize, Deserialize)]
#[command(decide = stay)]
struct Stay {
    hotel: String,
    guest: String,
}

fn stay(command: &Stay) -> Stayed {
    Stayed { hotel: HotelId(command.hotel.clone()), guest: GuestId(command.guest.clone()) }
}

/// Policies that send a mail to each guest; mails to `lost` fail.
macro_rules! mails {
    ($($policy:ident $name:literal ($($order_by:tt)*);)+) => {
        $(#[derive(Policy)]
        #[policy(name = $name, from = beginning, on_reject = stop, retry = 1, on_error = park)]
        #[policy(on(Stayed => $policy::send) $($order_by)*)]
        struct $policy {
            sent: CallCounter,
        }

        impl $policy {
            async fn send(&self, event: &Stayed) -> Result<(), std::fmt::Error> {
                if event.guest.to_string() == "lost" {
                    return Err(std::fmt::Error);
                }
                self.sent.add();
                Ok(())
            }
        })+
    };
}

mails! {
    ByGuest "by_guest" (, order_by = GuestId);
    ByAnyTag "by_any_tag" ();
    ByAnotherId "by_another_id" (, order_by = annalist_flow_tests::domain::AccountId);
}

/// The number of stays in a hotel. Fails on the guest `lost`.
#[derive(Projection, Clone, Debug, PartialEq)]
#[projection(name = "stays", version = 1, on(Stayed => Stays::add))]
struct Stays {
    #[key]
    hotel: HotelId,
    stays: i64,
}

impl Stays {
    fn add(&mut self, event: &Stayed) {
        assert!(event.guest.to_string() != "lost", "the guest is lost");
        self.stays += 1;
    }
}

/// The number of stays in a hotel, which only the decoded event names.
#[derive(Projection, Clone, Debug, PartialEq)]
#[projection(name = "named_stays", version = 1, on(Stayed => NamedStays::add by NamedStays::key))]
struct NamedStays {
    #[key]
    hotel: String,
    stays: i64,
}

impl NamedStays {
    fn key(event: &Stayed) -> String {
        event.hotel.to_string()
    }

    fn add(&mut self, _: &Stayed) {
        self.stays += 1;
    }
}

/// Stays of `lost` at positions 1 and 3, and of other guests at 2 and 4, all in one hotel.
async fn four_stays(app: &App) {
    for guest in ["lost", "ann", "lost", "bob"] {
        app.execute(Stay { hotel: "h".to_owned(), guest: guest.to_owned() }).await.unwrap();
    }
    app.wait_until_caught_up().await.unwrap();
}

async fn parked(app: &App, name: &str) -> Vec<(u64, u32)> {
    let parked = app.parked(name).await.unwrap();
    parked.iter().map(|one| (one.position.get(), one.attempts)).collect()
}

#[tokio::test]
async fn policy_ordered_by_an_id_goes_on_with_other_ids() {
    on_each_log(async |log| {
        let (by_guest, by_any_tag) = (CallCounter::default(), CallCounter::default());
        let builder = log.app().await.policy(ByGuest { sent: by_guest.clone() });
        let app = builder.policy(ByAnyTag { sent: by_any_tag.clone() }).start().await.unwrap();
        four_stays(&app).await;
        assert_eq!((parked(&app, "by_guest").await, by_guest.count()), (vec![(1, 1), (3, 0)], 2));
        let waiting = vec![(1, 1), (2, 0), (3, 0), (4, 0)];
        assert_eq!((parked(&app, "by_any_tag").await, by_any_tag.count()), (waiting, 0));
    })
    .await;
}

#[tokio::test]
async fn projection_ordered_by_an_id_goes_on_with_other_ids() {
    on_each_log(async |log| {
        let options = ProjectionOptions::new().park().order_by::<GuestId>();
        let app = log.app().await.projection_with::<Stays>(options).start().await.unwrap();
        four_stays(&app).await;
        assert_eq!(parked(&app, "stays").await, [(1, 1), (3, 0)]);
        assert_eq!(app.parked("stays").await.unwrap()[0].keys, ["guest:lost"]);
        let row = app.find::<Stays>(&HotelId("h".to_owned())).await.unwrap();
        assert_eq!(row.unwrap().stays, 2);
        assert_eq!(app.retry_parked("stays").await.unwrap().parked, 2);
        app.shut_down().await;

        // By default the later events of the row wait.
        let log = TestLog::Memory(annalist::Memory::new());
        let options = ProjectionOptions::new().park();
        let app = log.app().await.projection_with::<Stays>(options).start().await.unwrap();
        four_stays(&app).await;
        assert_eq!(parked(&app, "stays").await, [(1, 1), (2, 0), (3, 0), (4, 0)]);
    })
    .await;
}

#[tokio::test]
async fn order_by_an_id_that_no_event_carries_is_refused() {
    on_each_log(async |log| {
        let policy = log.app().await.policy(ByAnotherId { sent: CallCounter::default() }).start().await;
        let options = ProjectionOptions::new().park().order_by::<GuestId>();
        let projection = log.app().await.projection_with::<Tally>(options).start().await;
        for (result, kind) in [(policy, "account:"), (projection, "guest:")] {
            let text = result.unwrap_err().to_string();
            assert!(text.contains("order_by") && text.contains(kind), "{text}");
        }
    })
    .await;
}

/// A log in a file with one deposit of each of five accounts, of which the third is damaged by this SQL.
async fn damaged_log(change: &str) -> TestLog {
    let log = TestLog::file();
    let app = log.app().await.start().await.unwrap();
    for name in ["ann", "bob", "cat", "dan", "eve"] {
        app.execute(deposit(name, 1)).await.unwrap();
    }
    execute(&log, &format!("UPDATE annalist_events SET {change} WHERE position = 3")).await;
    log
}

async fn execute(log: &TestLog, sql: &str) {
    let url = format!("sqlite://{}", log.path().unwrap().display());
    let mut connection = <sqlx::SqliteConnection as sqlx::Connection>::connect(&url).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
}

async fn wait_until_stopped(app: &App, name: &str) -> Stopped {
    let status = wait_until(app, name, |status| matches!(status.state, State::Stopped(_))).await;
    assert_eq!(status.position, Position::new(2));
    let State::Stopped(stopped) = status.state else { unreachable!() };
    stopped
}

#[tokio::test]
async fn stop_at_a_damaged_record_has_its_position() {
    let log = damaged_log("version = -1").await;
    let builder = log.app().await.projection_with::<Tally>(ProjectionOptions::new().park());
    let app =
        builder.policy(ParksError { calls: CallCounter::default(), failures: 0 }).start().await.unwrap();
    for name in ["tallies", "parks_error"] {
        // The events before it are processed.
        let stopped = wait_until_stopped(&app, name).await;
        assert_eq!((stopped.position, stopped.event), (Some(Position::new(3)), None));
        assert!(stopped.to_string().starts_with("stopped at position 3: "), "{stopped}");
    }
    // The lag can be counted without reading the record.
    let overview = app.overview().await.unwrap();
    assert!(overview.iter().all(|one| one.lag.events >= 3), "{overview:?}");

    execute(&log, "UPDATE annalist_events SET version = 1 WHERE position = 3").await;
    app.resume("tallies").await.unwrap();
    app.resume("parks_error").await.unwrap();
    app.wait_until_caught_up().await.unwrap();
}

#[tokio::test]
async fn event_with_damaged_metadata_is_parked_by_a_policy_that_parks_errors() {
    let log = damaged_log("metadata = '7'").await;
    let builder = log.app().await.policy(ParksError { calls: CallCounter::default(), failures: 0 });
    let app =
        builder.policy(StopsAtError { calls: CallCounter::default(), failures: 0 }).start().await.unwrap();
    let stopped = wait_until_stopped(&app, "stops_at_error").await;
    assert_eq!(stopped.position, Some(Position::new(3)));
    wait_until(&app, "parks_error", |status| status.state == State::CaughtUp && status.parked == 1).await;
    let parked = app.parked("parks_error").await.unwrap();
    assert_eq!((parked[0].position, parked[0].attempts), (Position::new(3), 1));
    assert!(parked[0].error.contains("damaged"), "{}", parked[0].error);
}

#[tokio::test]
async fn unreadable_event_of_unknown_rows_is_parked_by_the_id_that_orders_it() {
    let log = TestLog::file();
    let options = || ProjectionOptions::new().park().order_by::<GuestId>();
    let app = log.app().await.start().await.unwrap();
    four_stays(&app).await;
    execute(&log, "UPDATE annalist_events SET data = '7' WHERE position = 1").await;
    let app = log.app().await.projection_with::<NamedStays>(options()).start().await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    assert_eq!(parked(&app, "named_stays").await, [(1, 1), (3, 0)]);
    assert_eq!(app.find::<NamedStays>(&"h".to_owned()).await.unwrap().unwrap().stays, 2);
}
