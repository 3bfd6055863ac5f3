//! Reads of a long past, and what the server makes of them.

use annalist_core::{
    criteria::Criteria,
    payload::Payload,
    record::{Draft, Record},
    store::{Append, EventStore, Marker, Read},
    tag::Tag,
};
use annalist_postgres::{Options, Postgres};
use sqlx::{Executor, Row};

use crate::{
    events::{accept, tag, tagged},
    given::Place,
};

/// More than one statement takes.
const PAST: u32 = 10_700;
/// More than what shares a row with other events.
const LARGE: usize = 100_000;

/// An event of the past with this number: of one of two types and versions, one of them large.
fn noted(number: u32, of: Tag) -> Draft {
    let name = if number.is_multiple_of(3) { "noted" } else { "told" };
    let text = if number == 777 { "é\u{1e}\n".repeat(LARGE) } else { format!("\u{1e}{number}") };
    Draft::new(name, 1 + number % 2, [of], Payload::encode("text", &text).unwrap()).unwrap()
}

/// At first alone, then each event between two that are of somebody else.
async fn past(store: &Postgres) {
    for first in (0..PAST).step_by(1000) {
        let events = (first..PAST.min(first + 1000)).flat_map(|number| match number {
            0..5000 => vec![noted(number, tag(1))],
            _ => vec![noted(number, tag(1)), noted(number, tag(2))],
        });
        accept(store, Append { events: events.collect(), ..Append::default() }).await;
    }
}

/// What a fold without a context sees.
fn looked_at<'a>(records: &'a [Record]) -> Vec<(u64, &'a str, u32, &'a str)> {
    let payload_only =
        |record: &'a Record| (record.position.get(), &*record.name, record.version, record.data.as_str());
    records.iter().map(payload_only).collect()
}

async fn in_parts(store: &Postgres, read: &Read) -> (Vec<Record>, Marker) {
    let (mut all, mut most) = (Vec::new(), 0);
    let mut add = |part: Vec<Record>| {
        most = most.max(part.len());
        all.extend(part);
        Ok(())
    };
    let marker = store.read_chunked(read, &mut add).await.unwrap();
    assert!(most < 1000, "{most} events at once");
    (all, marker)
}

pub(crate) async fn a_long_past_is_whole_however_it_is_read(place: Place) {
    let store = place.open().await;
    past(&store).await;
    for criteria in [tagged(1), tagged(2), Criteria::all()] {
        let full = Read::all(criteria);
        let payload_only = Read { payload_only: true, ..full.clone() };
        let batch = store.read(&[full.clone(), Read::all(tagged(3))]).await.unwrap().remove(0);
        let fed = store.feed(&full.criteria, full.after, usize::MAX).await.unwrap().records;
        assert_eq!(batch.records, fed);
        let (records, marker) = in_parts(&store, &full).await;
        assert_eq!(records, fed);
        assert_eq!(in_parts(&store, &payload_only).await.1, marker);
        assert_eq!(looked_at(&in_parts(&store, &payload_only).await.0), looked_at(&fed));
        assert_eq!(looked_at(&store.read(&[payload_only]).await.unwrap()[0].records), looked_at(&fed));
    }
}

/// The server expects more of some of them than there ever is, and would spend more time on compiling than on running them.
pub(crate) async fn no_function_that_reads_is_compiled(place: Place) {
    place.open().await;
    let compiled =
        "SELECT count(*) FROM pg_proc WHERE pronamespace = 'annalist'::regnamespace AND prolang <> 14
                    AND provolatile = 's' AND NOT coalesce('jit=off' = ANY (proconfig), false)";
    assert_eq!(place.number(compiled).await, 0);
}

/// A statement whose cost depended on what is asked would be planned for each read anew.
pub(crate) async fn reads_are_planned_once(place: Place) {
    let pool = place.pool("").await;
    let store = Options::default().with_pool(pool.clone()).await.unwrap();
    if place.number("SELECT current_setting('server_version_num')::bigint").await < 140_000 {
        return; // It does not count plans.
    }
    let reads = [Read::all(tagged(1)), Read::all(tagged(2))];
    for reads in [reads.clone(), reads.map(|read| Read { payload_only: true, ..read })] {
        // Five times on each connection the server tries a plan of its own for what is asked.
        for _ in 0..24 {
            store.read(&reads).await.unwrap();
        }
    }
    let mut planned_once = 0;
    for mut connection in [pool.acquire().await.unwrap(), pool.acquire().await.unwrap()] {
        let plans = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%matching_positions_batch%' AND generic_plans > 0";
        planned_once += connection.fetch_one(plans).await.unwrap().get::<i64, _>(0);
    }
    assert!(planned_once >= 2);
}
