//! Columns of the types of other crates, of enums and of newtypes, and queries with lists, counts and sums.

use annalist::{prelude::*, projection::State, query::Cursor};
use jiff::civil;
use rust_decimal::Decimal;

use super::on_each_store;

#[derive(Id, Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[id(kind = "room_of_a_hotel")]
struct RoomId(u32);

#[derive(Event, Serialize, Deserialize, Clone, Debug)]
#[event(name = "room.booked")]
struct Booked {
    #[id]
    room: RoomId,
    night: civil::Date,
    at: jiff::Timestamp,
    arrival: chrono::NaiveTime,
    price: Decimal,
    kind: Kind,
    guest: String,
}

#[derive(Field, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq)]
#[field(rename_all = "snake_case")]
enum Kind {
    #[default]
    Single,
    DoubleBed,
}

#[derive(Field, Clone, Copy, Debug, Default, PartialEq)]
struct Guests(u32);

/// A row for each night of each price.
#[derive(Projection, Clone, Debug, PartialEq)]
#[projection(name = "nights", on(Booked => Night::book by key_of))]
struct Night {
    #[key]
    night: civil::Date,
    #[key]
    price: Decimal,
    #[index]
    last: Option<chrono::DateTime<chrono::Utc>>,
    #[index]
    arrival: Option<civil::Time>,
    #[index]
    kind: Kind,
    #[index]
    guest: String,
    guests: Guests,
}

fn key_of(event: &Booked) -> (civil::Date, Decimal) {
    (event.night, event.price)
}

impl Night {
    fn book(&mut self, event: &Booked) {
        self.last = chrono::DateTime::from_timestamp_micros(event.at.as_microsecond());
        self.arrival = event.arrival.to_string().parse().ok();
        self.kind = event.kind;
        self.guest.clone_from(&event.guest);
        self.guests.0 += 1;
    }
}

#[derive(Command, Serialize)]
#[command(decide = book)]
struct Book {
    booked: Booked,
}

fn book(command: &Book) -> Booked {
    command.booked.clone()
}

fn booked(day: i8, price: &str, kind: Kind, guest: &str) -> Booked {
    Booked {
        room: RoomId(1),
        night: civil::Date::constant(1969, 12, 28).checked_add(jiff::Span::new().days(day)).unwrap(),
        at: jiff::Timestamp::from_microsecond(i64::from(day) * 86_400_000_001 - 1).unwrap(),
        arrival: chrono::NaiveTime::from_hms_micro_opt(day as u32, 30, 0, 1).unwrap(),
        price: price.parse().unwrap(),
        kind,
        guest: guest.to_owned(),
    }
}

#[derive(Query)]
#[query(from = Night, order = last, descending, limit = 2)]
struct Nights {
    #[at_least(price)]
    from: Option<Decimal>,
    #[below(night)]
    until: Option<civil::Date>,
    #[one_of(kind)]
    kinds: Vec<Kind>,
    #[one_of(arrival)]
    arrivals: Option<Vec<Option<civil::Time>>>,
    #[prefix_ignore_ascii_case(guest)]
    guest: Option<String>,
    #[cursor]
    cursor: Option<Cursor>,
}

#[derive(Query)]
#[query(from = Night)]
struct NightOf {
    #[key]
    night: civil::Date,
    #[key]
    price: Decimal,
}

fn nights() -> Nights {
    let kinds = vec![Kind::Single, Kind::DoubleBed];
    Nights { from: None, until: None, kinds, arrivals: None, guest: None, cursor: None }
}

/// The guests of all pages.
async fn guests(app: &App, query: impl Fn(Option<Cursor>) -> Nights) -> Vec<String> {
    let (mut guests, mut cursor) = (Vec::new(), None);
    loop {
        let page = app.ask(query(cursor)).await.unwrap();
        assert!(page.rows.len() <= 2);
        guests.extend(page.rows.into_iter().map(|row| row.guest));
        cursor = page.next;
        if cursor.is_none() {
            return guests;
        }
    }
}

async fn hotel(builder: annalist::app::Builder) -> App {
    let app = builder.projection::<Night>().start().await.unwrap();
    for booked in [
        booked(1, "-12.5", Kind::Single, "Ann"),
        booked(2, "0.00", Kind::DoubleBed, "anton"),
        booked(3, "79228162514264337593543950335", Kind::Single, "ANNA"),
        booked(4, "100", Kind::Single, "Änn"),
        booked(5, "12.50", Kind::Single, "Bob"),
        booked(5, "12.5", Kind::DoubleBed, "Bob"),
    ] {
        app.execute(Book { booked }).await.unwrap();
    }
    app.wait_until_caught_up().await.unwrap();
    app
}

#[tokio::test]
async fn types_of_other_crates_are_keys_indexes_and_conditions() {
    on_each_store(async |builder| {
        let app = hotel(builder).await;
        let last = booked(5, "12.5000", Kind::DoubleBed, "Bob");
        let night = app.ask(NightOf { night: last.night, price: last.price }).await.unwrap().unwrap();
        assert_eq!((night.guests, night.kind, night.price), (Guests(2), Kind::DoubleBed, last.price));
        assert_eq!(night.last.unwrap().timestamp_micros(), last.at.as_microsecond());
        assert_eq!(night.arrival.unwrap().to_string(), "05:30:00.000001");

        // By key: by night, then by price. By index: by time.
        let by_key = app.list::<Night>().await.unwrap().rows.into_iter().map(|row| row.guest);
        assert_eq!(by_key.collect::<Vec<_>>(), ["Ann", "anton", "ANNA", "Änn", "Bob"]);
        let by_price =
            app.list::<Night>().order_by("price").await.unwrap().rows.into_iter().map(|row| row.guest);
        assert_eq!(by_price.collect::<Vec<_>>(), ["Ann", "anton", "Bob", "Änn", "ANNA"]);
        assert_eq!(
            guests(&app, |cursor| Nights { cursor, ..nights() }).await,
            ["Bob", "Änn", "ANNA", "anton", "Ann"]
        );
        let from = Some("12.4".parse().unwrap());
        assert_eq!(guests(&app, |cursor| Nights { from, cursor, ..nights() }).await, ["Bob", "Änn", "ANNA"]);
        let until = Some(civil::Date::constant(1970, 1, 1));
        assert_eq!(
            guests(&app, |cursor| Nights { until, cursor, ..nights() }).await,
            ["ANNA", "anton", "Ann"]
        );
    })
    .await;
}

#[tokio::test]
async fn lists_and_prefixes_select_rows_on_all_pages() {
    on_each_store(async |builder| {
        let app = hotel(builder).await;
        let of = async |kinds: &[Kind]| {
            guests(&app, |cursor| Nights { kinds: kinds.to_vec(), cursor, ..nights() }).await
        };
        assert_eq!(of(&[Kind::DoubleBed]).await, ["Bob", "anton"]);
        assert_eq!(of(&[]).await, [""; 0]);
        let arrivals = Some(vec![None, Some(civil::Time::constant(1, 30, 0, 1_000))]);
        assert_eq!(
            guests(&app, |cursor| Nights { arrivals: arrivals.clone(), cursor, ..nights() }).await,
            ["Ann"]
        );
        for (prefix, expected) in
            [("aNN", &["ANNA", "Ann"][..]), ("ant", &["anton"]), ("än", &[]), ("Än", &["Änn"])]
        {
            let guest = Some(prefix.to_owned());
            assert_eq!(
                guests(&app, |cursor| Nights { guest: guest.clone(), cursor, ..nights() }).await,
                expected
            );
        }
        // The order of the list is no part of the query, its content is.
        let two = |kinds: Vec<Kind>, cursor| Nights { kinds, cursor, ..nights() };
        let first = app.ask(two(vec![Kind::Single, Kind::DoubleBed], None)).await.unwrap();
        let second = two(vec![Kind::DoubleBed, Kind::Single, Kind::Single], first.next.clone());
        assert_eq!(app.ask(second).await.unwrap().rows[0].guest, "ANNA");
        let error = app.ask(two(vec![Kind::Single], first.next)).await.unwrap_err();
        assert!(error.to_string().contains("another query"), "{error}");
        let many: Vec<String> = (0..1_001).map(|n| n.to_string()).collect();
        let error = app.list::<Night>().one_of("guest", &many).await.unwrap_err();
        assert!(matches!(error, Error::Invalid(_)) && error.to_string().contains("1000"), "{error}");
        assert_eq!(app.list::<Night>().one_of("guest", &many[1..]).count().await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn counts_and_sums_are_about_all_pages() {
    on_each_store(async |builder| {
        let app = hotel(builder).await;
        let list = || app.list::<Night>().order_by("last").descending().limit(2);
        let cursor = list().await.unwrap().next.unwrap();
        assert_eq!(list().count().await.unwrap(), 5);
        assert_eq!(list().from(cursor.clone()).sum("guests").await.unwrap(), 6);
        assert_eq!(list().equal("kind", &Kind::DoubleBed).sum("guests").await.unwrap(), 3);
        assert_eq!(list().equal("kind", &Kind::DoubleBed).from(cursor).count().await.unwrap(), 2);
        for (error, text) in [
            (
                list().sum("price").await.unwrap_err(),
                "`nights` has sums of its fields of whole numbers: guests",
            ),
            (list().sum("guest_count").await.unwrap_err(), "guests"),
            (list().equal("guests", &1).count().await.unwrap_err(), "can be queried by"),
        ] {
            assert!(matches!(error, Error::Invalid(_)) && error.to_string().contains(text), "{error}");
        }
    })
    .await;
}

/// A row that no column can hold stops its projection before anything of the row is written.
#[tokio::test]
async fn value_that_does_not_fit_is_an_error_that_names_its_column() {
    on_each_store(async |builder| {
        let app = hotel(builder).await;
        let nanosecond =
            Booked { night: civil::Date::constant(-1, 1, 1), ..booked(1, "1", Kind::Single, "Cay") };
        app.execute(Book { booked: nanosecond }).await.unwrap();
        let status =
            app.wait_until("nights", |status| matches!(status.state, State::Stopped(_))).await.unwrap();
        let State::Stopped(stopped) = status.state else { panic!("{status:?}") };
        let reason = stopped.error;
        assert!(reason.contains("-000001-01-01") && reason.contains("1 and 9999"), "{reason}");
        assert_eq!(app.list::<Night>().count().await.unwrap(), 5);
    })
    .await;
}
