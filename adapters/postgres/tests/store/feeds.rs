//! Feeds that run while writers overlap, stall and roll back.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use annalist_core::{
    criteria::{Criteria, Item},
    record::Position,
    store::EventStore,
};
use annalist_postgres::Postgres;
use sqlx::{AssertSqlSafe, Executor, Row};
use tokio::{task::JoinSet, time::sleep};
use uuid::Uuid;

use crate::given::Place;

const WRITERS: u64 = 8;
const TRANSACTIONS: u64 = 120;

/// Appends, one transaction each, that last up to 8 ms; one in ten is rolled back, and one of all lasts 300 ms. Answers the
/// ids of the events that were committed.
async fn write(place: Place, writer: u64) -> Vec<Uuid> {
    let mut random = fastrand::Rng::with_seed(writer);
    let mut connection = place.connection().await;
    let mut committed = Vec::new();
    for nth in 0..TRANSACTIONS {
        let ids: Vec<Uuid> = (0..random.u64(1..4)).map(|_| Uuid::now_v7()).collect();
        let stalls = writer == 0 && nth == TRANSACTIONS / 2;
        let millis = if stalls { 300 } else { random.u64(..=8) };
        let end = if !stalls && random.u8(..10) == 0 { "ROLLBACK" } else { "COMMIT" };
        let sql = transaction(&ids, ["even", "odd"][usize::from(random.bool())], millis, end);
        connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.unwrap();
        if end == "COMMIT" {
            committed.extend(ids);
        }
    }
    committed
}

fn transaction(ids: &[Uuid], name: &str, millis: u64, end: &str) -> String {
    let each = |value: &str| format!("ARRAY[{}]", vec![value; ids.len()].join(", "));
    let (of, types, versions) = (each("1"), each(&format!("'{name}'")), each("1"));
    let (tags, data) = (each("'{\"a:1\"}'"), each("'{}'"));
    let ids: Vec<String> = ids.iter().map(|id| format!("'{id}'")).collect();
    let ids = ids.join(", ");
    format!(
        "BEGIN;
         SELECT * FROM annalist.append('{{}}', '{{}}', ARRAY[now()], '{{\"{{}}\"}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}',
             '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}',
             {of}, ARRAY[{ids}]::uuid[], {types}, {versions}, {tags}, {data});
         SELECT pg_sleep({millis} * 0.001);
         {end}"
    )
}

/// Follows a feed from the start until the writers have ended and everything is settled. Now and then the process starts again
/// and goes on from the position that it saved.
async fn follow(
    place: Place,
    filter: Criteria,
    page: usize,
    ended: Arc<AtomicBool>,
    seed: u64,
) -> Vec<(Position, Uuid)> {
    let mut random = fastrand::Rng::with_seed(seed);
    let open = || Postgres::options().max_connections(2).connect(&place.url);
    let (mut store, mut after, mut seen) = (open().await.unwrap(), Position::START, Vec::new());
    loop {
        let last = ended.load(Ordering::SeqCst);
        let found = store.feed(&filter, after, page).await.unwrap();
        let more = found.records.len() == page || found.gap.is_some();
        seen.extend(found.records.into_iter().map(|record| (record.position, record.id)));
        after = found.up_to;
        if last && !more {
            return seen;
        }
        if random.u8(..40) == 0 {
            store = open().await.unwrap();
        }
        if !more {
            sleep(std::time::Duration::from_millis(1)).await;
        }
    }
}

/// What not to do.
async fn follow_naively(place: Place, ended: Arc<AtomicBool>) -> Vec<(Position, Uuid)> {
    let mut connection = place.connection().await;
    let (mut after, mut seen) = (0_i64, Vec::new());
    loop {
        let last = ended.load(Ordering::SeqCst);
        let query = "SELECT position, id FROM annalist.events WHERE position > $1 AND type <> '$gap' ORDER BY position";
        for row in sqlx::query(query).bind(after).fetch_all(&mut connection).await.unwrap() {
            after = row.get("position");
            seen.push((Position::new(after.unsigned_abs()), row.get("id")));
        }
        if last {
            return seen;
        }
        sleep(std::time::Duration::from_millis(1)).await;
    }
}

pub(crate) async fn nothing_is_lost_where_a_naive_reader_loses(place: Place) {
    place.open().await;
    let ended = Arc::new(AtomicBool::new(false));
    let naive = tokio::spawn(follow_naively(place.clone(), Arc::clone(&ended)));
    let odd = Criteria::from(Item::any().types(["odd"]));
    let feeds = [
        (Criteria::all(), 1),
        (Criteria::all(), 7),
        (Criteria::all(), 1000),
        (odd.clone(), 7),
        (odd.clone(), 1000),
    ];
    let mut followers = JoinSet::new();
    for (seed, (filter, page)) in (100..).zip(feeds) {
        let (place, ended) = (place.clone(), Arc::clone(&ended));
        followers
            .spawn(async move { (filter.clone(), page, follow(place, filter, page, ended, seed).await) });
    }
    let writers: JoinSet<_> = (0..WRITERS).map(|writer| write(place.clone(), writer)).collect();
    let committed: HashSet<Uuid> = writers.join_all().await.into_iter().flatten().collect();
    ended.store(true, Ordering::SeqCst);

    let log = crate::events::log(&place.open().await).await;
    assert_eq!(log.iter().map(|record| record.id).collect::<HashSet<_>>(), committed);
    for (filter, page, seen) in followers.join_all().await {
        let expected = log.iter().filter(|record| filter.matches(&record.name, &record.tags));
        let expected: Vec<_> = expected.map(|record| (record.position, record.id)).collect();
        assert!(seen == expected, "page {page}: {} seen, {} expected", seen.len(), expected.len());
    }
    // The control: on the same log, it can be seen whether a reader loses something.
    let naive = naive.await.unwrap();
    assert!(naive.len() < log.len(), "the naive reader lost nothing, so this test proves nothing");
}
