//! The names and versions of the event types in the log, with the work of their queries.

use std::{ops::Range, time::Instant};

use annalist_core::store::{EventStore, StoredType};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Row};

use crate::support::TestDatabase;

/// The statements of the store.
const STORED_TYPES: &str = include_str!("../../sql/stored_types.sql");
const STORED_VERSIONS: &str = include_str!("../../sql/stored_versions.sql");
const COUNT_TYPE: &str = include_str!("../../sql/count_type.sql");
const COUNT_VERSION: &str = include_str!("../../sql/count_version.sql");

/// Writes the events with these numbers: of 20 types, of which 5 have the versions 1 to 3, in turns. The first events of the log are of
/// two other types, which do not come again, and those of version 9 are the last.
async fn fill(db: &TestDatabase, numbers: Range<u32>) {
    let Range { start, end } = numbers;
    db.run(&format!(
        "INSERT INTO annalist.events (id, type, version, recorded_at, tags, data, metadata)
         SELECT gen_random_uuid(),
                CASE n WHEN 0 THEN 'rare' WHEN 1 THEN 'rare.later' ELSE 'type' || n % 20 END,
                CASE WHEN n = 1 THEN 2 WHEN n = {end} - 20 THEN 9 WHEN n % 20 < 5 THEN 1 + n / 20 % 3 ELSE 1 END,
                now(), '{{}}', '{{}}', '{{}}'
         FROM generate_series({start}, {end} - 1) n"
    ))
    .await;
    db.run("ANALYZE annalist.events").await;
}

/// The number of rows that the scans of the events return, by the plan that the server has executed.
async fn rows_read(db: &TestDatabase, statement: &str) -> u64 {
    let statement = statement.replace("{schema}", "annalist");
    let explain = format!("EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}");
    let row = sqlx::raw_sql(AssertSqlSafe(explain)).fetch_one(&mut db.connection().await).await.unwrap();
    let plan: String = row.try_get_unchecked(0).unwrap();
    let plan: Value = serde_json::from_str(&plan).unwrap();
    scanned(&plan[0]["Plan"])
}

fn scanned(plan: &Value) -> u64 {
    let number = |field: &str| plan[field].as_f64().unwrap_or_default();
    let own = if plan["Relation Name"] == "events" {
        assert_ne!(plan["Node Type"], "Seq Scan", "{plan}");
        ((number("Actual Rows") + number("Rows Removed by Filter")) * number("Actual Loops")).ceil() as u64
    } else {
        0
    };
    own + plan["Plans"].as_array().into_iter().flatten().map(scanned).sum::<u64>()
}

pub(crate) async fn work_grows_with_the_number_of_types_only(db: TestDatabase) {
    let store = db.open().await;
    let of = async |statement: &str| rows_read(&db, statement).await;
    let count_all = COUNT_TYPE.replace("$1", "'rare'").replace("$2", "100");
    let count = COUNT_VERSION.replace("$1", "'type0'").replace("$2", "100").replace("$3", "9");
    for numbers in [0..3_000, 3_000..30_000] {
        fill(&db, numbers).await;
        // Three searches for each of 22 types, and for each of 12 versions and two.
        assert!(of(STORED_TYPES).await <= 3 * 22 + 1);
        assert!(of(STORED_VERSIONS).await <= 3 * 12 + 1);
        assert!(of(&count_all).await <= 1 && of(&count).await <= 2);
    }

    let types = store.stored_types().await.unwrap();
    let names: Vec<&str> = types.iter().map(|one| &*one.name).collect();
    assert_eq!((names.len(), &names[..3]), (22, &["rare", "rare.later", "type0"][..]));
    let ends = |one: &StoredType| (one.first.get(), one.last.get());
    assert_eq!([ends(&types[0]), ends(&types[1]), ends(&types[2])], [(1, 1), (2, 2), (21, 29_981)]);
    let versions = |one: &StoredType| -> Vec<(u32, u64, u64)> {
        one.later_versions.iter().map(|one| (one.version, one.first.get(), one.last.get())).collect()
    };
    assert_eq!((versions(&types[0]), versions(&types[1])), (vec![], vec![(2, 2, 2)]));
    let of_first = versions(&types[2]);
    assert_eq!((of_first[0].0, of_first[1].0, of_first[2]), (2, 3, (9, 2_981, 29_981)));
    assert_eq!(store.count_type("type0", Some(9), u64::MAX).await.unwrap(), 2);
}

/// How long the queries of a start take on a million events:
/// `cargo xtask postgres cargo test --release -p annalist-postgres --test store -- --ignored --nocapture stored_types`
#[allow(clippy::print_stdout, reason = "the measured times")]
pub(crate) async fn measure_a_million_events(db: TestDatabase) {
    let store = db.open().await;
    fill(&db, 0..1_000_000).await;
    for _ in 0..3 {
        let start = Instant::now();
        let types = store.stored_types().await.unwrap();
        let listed = start.elapsed();
        let count = store.count_type("type1", Some(3), 100_000).await.unwrap();
        let counted = start.elapsed() - listed;
        println!("{} types in {listed:.1?}, {count} events counted in {counted:.1?}", types.len());
    }
}
