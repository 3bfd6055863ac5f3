//! The names and versions of the event types in the log, with the work of their queries.

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use annalist_core::store::StoredVersion;
use sqlx::AssertSqlSafe;

use super::*;

/// Writes the events with these numbers: of 20 types, of which 5 have the versions 1 to 3, in turns. The first events of the log are of
/// two other types, which do not come again.
async fn fill(test_log: &TestLog, numbers: Range<u32>) {
    let Range { start, end } = numbers;
    let insert = format!(
        "WITH RECURSIVE numbers (n) AS (SELECT {start} UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {end})
         INSERT INTO annalist_events (id, type, version, recorded_at, tags, metadata, data)
         SELECT printf('00000000-0000-7000-8000-%012x', n),
                CASE n WHEN 0 THEN 'rare' WHEN 1 THEN 'rare.later' ELSE 'type' || (n % 20) END,
                CASE WHEN n = 1 THEN 2 WHEN n % 20 < 5 THEN 1 + n / 20 % 3 ELSE 1 END,
                0, '[]', '{{}}', '{{}}'
         FROM numbers"
    );
    sqlx::raw_sql(AssertSqlSafe(insert)).execute(&mut connection(test_log).await).await.unwrap();
}

async fn connection(test_log: &TestLog) -> SqliteConnection {
    SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(test_log.file())).await.unwrap()
}

/// The number of steps that the virtual machine of SQLite takes for a statement.
async fn steps(test_log: &TestLog, statement: &str) -> usize {
    let (steps, mut connection) = (Arc::new(AtomicUsize::new(0)), connection(test_log).await);
    let counter = Arc::clone(&steps);
    let count = move || {
        counter.fetch_add(1, Ordering::Relaxed);
        true
    };
    connection.lock_handle().await.unwrap().set_progress_handler(1, count);
    let statement = statement.replace("{prefix}", "annalist_");
    sqlx::raw_sql(AssertSqlSafe(statement)).fetch_all(&mut connection).await.unwrap();
    steps.load(Ordering::Relaxed)
}

#[tokio::test]
async fn work_grows_with_the_number_of_types_only() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    let count_type = include_str!("../../sql/count_type.sql").replace("?1", "'type0'").replace("?2", "9");
    let count_version = include_str!("../../sql/count_version.sql").replace("?1", "'type0'");
    let count_version = count_version.replace("?2", "9").replace("?3", "2");
    let statements = [
        include_str!("../../sql/stored_types.sql"),
        include_str!("../../sql/stored_versions.sql"),
        &count_type,
        &count_version,
    ];
    let mut before = None;
    for numbers in [0..3_000, 3_000..30_000] {
        fill(&test_log, numbers).await;
        let mut taken = Vec::new();
        for statement in statements {
            taken.push(steps(&test_log, statement).await);
        }
        assert!(taken.iter().all(|steps| (1..10_000).contains(steps)), "{taken:?}");
        assert_eq!(before.get_or_insert_with(|| taken.clone()), &taken);
    }

    let types = store.stored_types().await.unwrap();
    let names: Vec<&str> = types.iter().map(|one| &*one.name).collect();
    assert_eq!((names.len(), &names[..3]), (22, &["rare", "rare.later", "type0"][..]));
    let version = |version, first, last| StoredVersion {
        version,
        first: Position::new(first),
        last: Position::new(last),
    };
    assert_eq!(types[1].later_versions, [version(2, 2, 2)]);
    assert_eq!(types[2].later_versions, [version(2, 21, 29_961), version(3, 41, 29_981)]);
    assert_eq!(store.count_type("type0", Some(2), u64::MAX).await.unwrap(), 500);
}

/// How long the queries of a start take on a million events:
/// `cargo test --release -p annalist-sqlite --test store -- --ignored --nocapture stored_types`
#[tokio::test]
#[ignore = "it measures"]
async fn measure_a_million_events() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    fill(&test_log, 0..1_000_000).await;
    for _ in 0..3 {
        let start = Instant::now();
        let types = store.stored_types().await.unwrap();
        let listed = start.elapsed();
        let count = store.count_type("type1", Some(3), 100_000).await.unwrap();
        let counted = start.elapsed() - listed;
        println!("{} types in {listed:.1?}, {count} events counted in {counted:.1?}", types.len());
    }
}
