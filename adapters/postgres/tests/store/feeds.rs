//! Feeds while transactions of writers overlap, pause and roll back.

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
    store::{EventStore, PageLimit},
};
use annalist_postgres::Postgres;
use sqlx::{AssertSqlSafe, Executor, Row};
use tokio::{task::JoinSet, time::sleep};
use uuid::Uuid;

use crate::support::TestDatabase;

const WRITERS: u64 = 8;
const TRANSACTIONS: u64 = 120;

/// Appends, each in a transaction of up to 8 ms; one in ten is rolled back, and a single one takes 300 ms. Returns the ids of the
/// committed events.
async fn write(db: TestDatabase, writer: u64) -> Vec<Uuid> {
    let mut random = fastrand::Rng::with_seed(writer);
    let mut connection = db.connection().await;
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
             '{{}}', NULL, NULL, NULL, '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}',
             {of}, ARRAY[{ids}]::uuid[], {types}, {versions}, {tags}, {data}::json[]);
         SELECT pg_sleep({millis} * 0.001);
         {end}"
    )
}

/// Follows a feed from the start until the writers have ended and the log is settled. Sometimes the process restarts from its
/// saved position.
async fn follow(
    db: TestDatabase,
    filter: Criteria,
    page: usize,
    ended: Arc<AtomicBool>,
    seed: u64,
) -> Vec<(Position, Uuid)> {
    let mut random = fastrand::Rng::with_seed(seed);
    let open = || Postgres::options().max_connections(2).connect(&db.url);
    let (mut store, mut after, mut seen) = (open().await.unwrap(), Position::START, Vec::new());
    loop {
        let last = ended.load(Ordering::SeqCst);
        let found = store.feed(&filter, after, PageLimit::records(page)).await.unwrap();
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

/// The negative control: a reader that ignores gaps.
async fn follow_naively(db: TestDatabase, ended: Arc<AtomicBool>) -> Vec<(Position, Uuid)> {
    let mut connection = db.connection().await;
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

pub(crate) async fn feed_misses_no_event_where_a_naive_reader_does(db: TestDatabase) {
    db.open().await;
    let ended = Arc::new(AtomicBool::new(false));
    let naive = tokio::spawn(follow_naively(db.clone(), Arc::clone(&ended)));
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
        let (db, ended) = (db.clone(), Arc::clone(&ended));
        followers.spawn(async move { (filter.clone(), page, follow(db, filter, page, ended, seed).await) });
    }
    let writers: JoinSet<_> = (0..WRITERS).map(|writer| write(db.clone(), writer)).collect();
    let committed: HashSet<Uuid> = writers.join_all().await.into_iter().flatten().collect();
    ended.store(true, Ordering::SeqCst);

    let log = crate::events::log(&db.open().await).await;
    assert_eq!(log.iter().map(|record| record.id).collect::<HashSet<_>>(), committed);
    for (filter, page, seen) in followers.join_all().await {
        let expected = log.iter().filter(|record| filter.matches(&record.name, &record.tags));
        let expected: Vec<_> = expected.map(|record| (record.position, record.id)).collect();
        assert!(seen == expected, "page {page}: {} seen, {} expected", seen.len(), expected.len());
    }
    // The negative control has lost events in the same run.
    let naive = naive.await.unwrap();
    assert!(naive.len() < log.len(), "the naive reader lost nothing, so this test proves nothing");
}
