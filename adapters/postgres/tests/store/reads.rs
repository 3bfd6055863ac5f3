//! Reads of long histories, and their plans.

use annalist_core::{
    criteria::Criteria,
    payload::Payload,
    record::{Draft, Record},
    store::{Append, EventStore, Marker, PageLimit, Read},
    tag::Tag,
};
use annalist_postgres::{Options, Postgres};
use sqlx::{AssertSqlSafe, Connection, Executor, Row};

use crate::{
    events::{accept, tag, tagged},
    support::TestDatabase,
};

/// More events than one statement returns.
const PAST: u32 = 10_700;
/// A payload that is too large to be packed with other events.
const LARGE: usize = 100_000;

/// The event with this number: one of two types and versions, and a single large one.
fn noted(number: u32, of: Tag) -> Draft {
    let name = if number.is_multiple_of(3) { "noted" } else { "edited" };
    let text = if number == 777 { "é\u{1e}\n".repeat(LARGE) } else { format!("\u{1e}{number}") };
    Draft::new(name, 1 + number % 2, [of], Payload::encode("text", &text).unwrap()).unwrap()
}

/// At first consecutive events, then each event between two of another tag.
async fn past(store: &Postgres) {
    for first in (0..PAST).step_by(1000) {
        let events = (first..PAST.min(first + 1000)).flat_map(|number| match number {
            0..5000 => vec![noted(number, tag(1))],
            _ => vec![noted(number, tag(1)), noted(number, tag(2))],
        });
        accept(store, Append { events: events.collect(), ..Append::default() }).await;
    }
}

/// The fields that a read of payloads returns.
fn payloads<'a>(records: &'a [Record]) -> Vec<(u64, &'a str, u32, &'a str)> {
    let payload_only =
        |record: &'a Record| (record.position.get(), &*record.name, record.version, record.data.as_str());
    records.iter().map(payload_only).collect()
}

async fn in_chunks(store: &Postgres, read: &Read) -> (Vec<Record>, Marker) {
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

pub(crate) async fn long_history_is_complete_however_it_is_read(db: TestDatabase) {
    let store = db.open().await;
    past(&store).await;
    for criteria in [tagged(1), tagged(2), Criteria::all()] {
        let full = Read::all(criteria);
        let payload_only = Read { payload_only: true, ..full.clone() };
        let batch = store.read(&[full.clone(), Read::all(tagged(3))]).await.unwrap().remove(0);
        let fed =
            store.feed(&full.criteria, full.after, PageLimit::records(usize::MAX)).await.unwrap().records;
        assert_eq!(batch.records, fed);
        let (records, marker) = in_chunks(&store, &full).await;
        assert_eq!(records, fed);
        assert_eq!(in_chunks(&store, &payload_only).await.1, marker);
        assert_eq!(payloads(&in_chunks(&store, &payload_only).await.0), payloads(&fed));
        assert_eq!(payloads(&store.read(&[payload_only]).await.unwrap()[0].records), payloads(&fed));
    }
}

/// The server overestimates some of them, and would spend more time on compilation than on execution.
pub(crate) async fn read_functions_are_not_compiled(db: TestDatabase) {
    db.open().await;
    let compiled =
        "SELECT count(*) FROM pg_proc WHERE pronamespace = 'annalist'::regnamespace AND prolang <> 14
                    AND provolatile = 's' AND NOT coalesce('jit=off' = ANY (proconfig), false)";
    assert_eq!(db.number(compiled).await, 0);
}

/// A statement whose estimated cost depends on its parameters is planned for each execution.
pub(crate) async fn reads_use_cached_plans(db: TestDatabase) {
    let pool = db.pool("").await;
    let store = Options::default().with_pool(pool.clone()).await.unwrap();
    if db.number("SELECT current_setting('server_version_num')::bigint").await < 140_000 {
        return; // Older servers do not count plans.
    }
    let reads = [Read::all(tagged(1)), Read::all(tagged(2))];
    for reads in [reads.clone(), reads.map(|read| Read { payload_only: true, ..read })] {
        // On each connection, the first five executions have custom plans.
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

/// The number of events that a statement reads, by a session of its own.
async fn events_read(db: &TestDatabase, statement: &str) -> i64 {
    let mut connection = db.connection().await;
    // The first call may plan for its parameters.
    for _ in 0..6 {
        connection.execute(AssertSqlSafe(statement.to_owned())).await.unwrap();
    }
    // The counters include those of transactions that ended a moment ago.
    let read = "SELECT coalesce(sum(seq_tup_read + idx_tup_fetch), 0)::bigint FROM pg_stat_xact_user_tables WHERE relname = 'events'";
    let mut transaction = connection.begin().await.unwrap();
    let before: i64 = transaction.fetch_one(read).await.unwrap().get(0);
    transaction.execute(AssertSqlSafe(statement.to_owned())).await.unwrap();
    let after: i64 = transaction.fetch_one(read).await.unwrap().get(0);
    after - before
}

/// One type has nearly all events. The planner must not walk the log in its order to find those of another type.
pub(crate) async fn pages_of_rare_types_read_few_events(db: TestDatabase) {
    db.open().await;
    db.run(
        "ALTER TABLE annalist.events SET (autovacuum_enabled = off);
         INSERT INTO annalist.events (position, id, type, version, recorded_at, tags, data, metadata)
         SELECT n, gen_random_uuid(), CASE n WHEN 15000 THEN 'rare' ELSE 'common' END, 1, now(), '{}', '{}', '{}'
         FROM generate_series(1, 30000) AS n;",
    )
    .await;
    for (statistics, statement) in ["none", "fresh", "fresh, after a vacuum"].into_iter().zip([
        "SELECT",
        "ANALYZE annalist.events",
        "VACUUM ANALYZE annalist.events",
    ]) {
        db.run(statement).await;
        for (filter, expected) in [("{absent}", 0), ("{rare}", 1), ("{rare,absent}", 1), ("{common}", 100)] {
            let page = format!(
                "SELECT count(*) FROM annalist.matching_positions(
                   ARRAY[1], ARRAY['{filter}'], ARRAY['{{}}'], 1, 30000, 5000, 30000, 100) AS m
                 CROSS JOIN LATERAL annalist.events_at(m.positions) AS e"
            );
            // Each event of the page is read twice: by its type and by its position.
            let read = events_read(&db, &page).await;
            assert!(read <= 2 * expected + 2, "statistics: {statistics}; {filter}: {read} events");
        }
    }
}
