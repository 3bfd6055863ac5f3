//! Pools of the user, and the SQL that creates the tables.

use annalist_core::store::PageLimit;
use annalist_sqlite::migration_sql;
use sqlx::{
    SqlitePool,
    sqlite::{SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::*;

fn connect(test_log: &TestLog) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(test_log.file())
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
}

async fn refusal(options: annalist_sqlite::Options, pool: SqlitePool) -> String {
    let error = options.with_pool(pool).await.unwrap_err();
    assert!(matches!(error, Error::Unusable { .. }), "{error:?}");
    message(&error)
}

#[tokio::test]
async fn users_pool_is_shared() {
    let test_log = TestLog::new();
    // One connection: a store that needed two at once would wait for itself.
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(connect(&test_log)).await.unwrap();
    sqlx::query("CREATE TABLE mine (n INTEGER)").execute(&pool).await.unwrap();
    let store = Sqlite::options().with_pool(pool.clone()).await.unwrap();
    for _ in 0..3 {
        guarded(&store, Criteria::all(), draft("opened", &["a:1"], "0")).await;
    }
    assert_eq!(store.feed(&Criteria::all(), START, PageLimit::records(10)).await.unwrap().records.len(), 3);
    store.close().await;
    sqlx::query("INSERT INTO mine VALUES (1)").execute(&pool).await.unwrap();
}

#[tokio::test]
async fn pool_with_insufficient_settings_is_refused() {
    let test_log = TestLog::new();
    let pool = |options: SqliteConnectOptions| SqlitePool::connect_lazy_with(options);
    let weak = || connect(&test_log).synchronous(SqliteSynchronous::Normal);
    assert!(refusal(Sqlite::options(), pool(weak())).await.contains("synchronous=FULL"));
    Sqlite::options().relaxed_durability().with_pool(pool(weak())).await.unwrap();
    let off = connect(&test_log).synchronous(SqliteSynchronous::Off);
    assert!(refusal(Sqlite::options().relaxed_durability(), pool(off)).await.contains("synchronous=0"));
    let dirty = connect(&test_log).pragma("read_uncommitted", "ON");
    assert!(refusal(Sqlite::options(), pool(dirty)).await.contains("read_uncommitted=0"));
    let other = TestLog::new();
    let torn = connect(&other).journal_mode(SqliteJournalMode::Memory);
    assert!(refusal(Sqlite::options(), pool(torn)).await.contains("journal_mode=WAL"));
    let memory = "sqlite::memory:".parse().unwrap();
    assert!(refusal(Sqlite::options(), pool(memory)).await.contains("in memory"));
}

#[tokio::test]
async fn connection_weakened_after_open_writes_nothing() {
    let test_log = TestLog::new();
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(connect(&test_log)).await.unwrap();
    let store = Sqlite::options().with_pool(pool.clone()).await.unwrap();
    sqlx::query("PRAGMA synchronous = OFF").execute(&pool).await.unwrap();
    let error = store.append_one(events([draft("opened", &[], "0")])).await.unwrap_err();
    assert!(matches!(error, Error::Unusable { .. }), "{error:?}");
    assert!(all(&store).await.is_empty());
    // The weakened connection was closed; the next one has the options of the pool.
    write(&store, events([draft("opened", &[], "0")])).await;
}

#[tokio::test]
async fn rollback_journal_is_supported() {
    let test_log = TestLog::new();
    let options = connect(&test_log).journal_mode(SqliteJournalMode::Delete);
    let store = Sqlite::options().with_pool(SqlitePool::connect_lazy_with(options)).await.unwrap();
    guarded(&store, Criteria::all(), draft("opened", &["a:1"], "0")).await;
    assert_eq!(positions(&all(&store).await), [1]);
    test_log.assert_sound().await;
}

#[tokio::test]
async fn migration_sql_creates_the_same_tables() {
    let (manual, by_store) = (TestLog::new(), TestLog::new());
    by_store.open().await.close().await;
    let pool = SqlitePool::connect_with(connect(&manual)).await.unwrap();
    let script = migration_sql("annalist_").unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(script)).execute(&pool).await.unwrap();
    let mut made = Vec::new();
    for test_log in [&manual, &by_store] {
        let schema = "SELECT name, sql FROM sqlite_schema ORDER BY name";
        let rows: Vec<(String, Option<String>)> =
            sqlx::query_as(schema).fetch_all(&mut test_log.raw().await).await.unwrap();
        made.push(rows);
    }
    assert_eq!(made[0], made[1]);
    let ids: Vec<(String, i64)> =
        sqlx::query_as("SELECT id, schema_version FROM annalist_log").fetch_all(&pool).await.unwrap();
    let store = manual.open().await;
    assert_eq!(ids, [(store.log_id().to_string(), 1)]);
    let version = store.log_id().as_uuid().get_version_num();
    assert_eq!(version, 4);
    write(&store, events([draft("opened", &[], "0")])).await;
}

#[tokio::test]
async fn invalid_prefix_is_refused() {
    let test_log = TestLog::new();
    for bad in ["", "a b", "a;b", "Bank_", "1a", "a-", "sqlite_", "a\"", &"a".repeat(65)] {
        assert!(matches!(migration_sql(bad), Err(Error::Unusable { .. })), "{bad}");
        let opened = Sqlite::options().prefix(bad).open(test_log.file()).await;
        assert!(matches!(opened, Err(Error::Unusable { .. })), "{bad}");
    }
    assert!(!test_log.file().exists());
}
