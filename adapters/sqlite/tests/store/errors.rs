//! Errors: their kind and text, and that the store works afterwards.

use annalist_core::error::Invalid;
use annalist_core::store::{CommandKey, PageLimit};
use sqlx::{SqlitePool, sqlite::SqliteJournalMode};
use tokio::task::JoinSet;

use super::*;

fn connect(test_log: &TestLog) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(test_log.file())
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
}

async fn execute(test_log: &TestLog, sql: &'static str) {
    sqlx::query(sql).execute(&mut test_log.raw().await).await.unwrap();
}

#[track_caller]
fn assert_unusable<T: std::fmt::Debug>(answer: Result<T, Error>, says: &str) {
    let error = answer.unwrap_err();
    assert!(matches!(error, Error::Unusable { .. }), "{error:?}");
    assert!(message(&error).contains(says), "{error}");
}

#[track_caller]
fn assert_unavailable<T: std::fmt::Debug>(answer: Result<T, Error>, says: &str) {
    let error = answer.unwrap_err();
    assert!(error.is_unavailable(), "{error:?}");
    assert!(message(&error).contains(says), "{error}");
}

#[tokio::test]
async fn invalid_location_is_named() {
    let test_log = TestLog::new();
    let inside = |rest: &str| format!("{}/{rest}", test_log.dir.path().display());
    for (location, says) in [
        (String::new(), "name of the file is missing"),
        (":memory:".to_owned(), "in memory"),
        ("sqlite::memory:".to_owned(), "in memory"),
        (format!("sqlite://{}?mode=memory", inside("log.db")), "in memory"),
        ("file:log.db".to_owned(), "sqlite://bank.db"),
        ("postgres://localhost/bank".to_owned(), "sqlite://bank.db"),
        (format!("sqlite://{}?mode=nonsense", inside("log.db")), "nonsense"),
        (format!("sqlite://{}?mode=rw", inside("log.db")), "cannot be opened"),
        (format!("sqlite://{}?mode=ro", inside("log.db")), "cannot be opened"),
        (inside("missing/log.db"), "directory exists"),
        (inside(""), "cannot be opened"),
        (inside("a\0b.db"), "nul"),
    ] {
        assert_unusable(Sqlite::open(&location).await, says);
    }
    assert_eq!(std::fs::read_dir(test_log.dir.path()).unwrap().count(), 0);
    assert!(message(&Sqlite::open(inside("missing/log.db")).await.unwrap_err()).contains("missing/log.db"));
}

#[test]
fn open_without_a_runtime_is_unusable() {
    let mut opening = Box::pin(Sqlite::open("log.db"));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match opening.as_mut().poll(&mut context) {
        std::task::Poll::Ready(answer) => assert_unusable(answer, "runtime"),
        std::task::Poll::Pending => panic!("open waits for a runtime"),
    }
}

#[tokio::test]
async fn longest_busy_timeout_is_accepted() {
    let test_log = TestLog::new();
    Sqlite::options().busy_timeout(std::time::Duration::MAX).readers(0).open(test_log.file()).await.unwrap();
}

#[tokio::test]
async fn file_that_is_no_database_is_left_unchanged() {
    let test_log = TestLog::new();
    let text = "this is a letter to my bank. ".repeat(100);
    std::fs::write(test_log.file(), &text).unwrap();
    assert_unusable(Sqlite::open(test_log.file()).await, "not a SQLite database");
    assert_eq!(std::fs::read_to_string(test_log.file()).unwrap(), text);
}

#[tokio::test]
async fn log_of_another_version_or_without_id_is_refused() {
    for (sql, says) in [
        ("UPDATE annalist_log SET schema_version = 2", "newer"),
        ("UPDATE annalist_log SET schema_version = 0", "damaged"),
        ("UPDATE annalist_log SET id = 'bank'", "damaged"),
        ("DELETE FROM annalist_log", "missing"),
    ] {
        let test_log = TestLog::new();
        test_log.open().await.close().await;
        execute(&test_log, sql).await;
        assert_unusable(Sqlite::open(test_log.file()).await, says);
        assert_unusable(
            Sqlite::options().with_pool(SqlitePool::connect_lazy_with(connect(&test_log))).await,
            says,
        );
    }
}

#[tokio::test]
async fn read_only_log_can_be_read() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    write(&store, events([draft("opened", &["a:1"], "0")])).await;
    let url = format!("sqlite://{}?mode=ro", test_log.file().display());
    let pool =
        SqlitePool::connect_lazy_with(SqliteConnectOptions::new().filename(test_log.file()).read_only(true));
    for reader in [Sqlite::open(url).await.unwrap(), Sqlite::options().with_pool(pool).await.unwrap()] {
        assert_eq!((reader.log_id(), all(&reader).await.len()), (store.log_id(), 1));
        assert_unusable(reader.append_one(events([draft("paid", &[], "0")])).await, "read-only");
        assert_unusable(reader.purge_command_ids(Timestamp::MAX, CommandKey::ALL_IDS).await, "read-only");
        assert_eq!(all(&reader).await.len(), 1);
    }
    // Opening it read-only does not create another log.
    let url = format!("sqlite://{}?mode=ro", test_log.file().display());
    assert_unusable(Sqlite::options().prefix("other_").open(url).await, "read-only");
}

#[tokio::test]
async fn full_file_refuses_large_appends_and_accepts_small_ones() {
    let test_log = TestLog::new();
    let limited = connect(&test_log).pragma("max_page_count", "60");
    let store = Sqlite::options().with_pool(SqlitePool::connect_lazy_with(limited)).await.unwrap();
    write(&store, events([draft("opened", &["account:1"], "0")])).await;

    // One large append among small ones, all queued for the same transaction.
    let large = Payload::encode("large", &"x".repeat(400_000)).unwrap();
    let mut raw = test_log.raw().await;
    let lock = raw.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let mut running = JoinSet::new();
    for n in 0..5 {
        let data = if n == 2 { large.clone() } else { Payload::parse("0").unwrap() };
        let append =
            Append { key: Some(key(format!("c{n}"))), ..events([Draft::new("paid", 1, [], data).unwrap()]) };
        let store = store.clone();
        running.spawn(async move { (n, store.append_one(append).await) });
        tokio::task::yield_now().await;
    }
    lock.rollback().await.unwrap();
    for (n, answer) in running.join_all().await {
        match n {
            2 => assert_unavailable(answer, "full"),
            _ => drop(done(answer.unwrap())),
        }
    }

    // Small ones until the file is full: exactly the acknowledged ones are stored.
    let mut acknowledged = 5;
    loop {
        let data = Payload::encode("paid", &"x".repeat(2_000)).unwrap();
        let own =
            [Draft::new("paid", 1, [tag("account:1")], data).unwrap(), draft("paid", &["account:1"], "0")];
        match store.append_one(events(own)).await {
            Ok(appended) => acknowledged += done(appended).events.len(),
            full => break assert_unavailable(full, "full"),
        }
    }
    assert_eq!(positions(&all(&store).await), (1..=acknowledged as u64).collect::<Vec<_>>());
    test_log.assert_sound().await;

    let roomy = test_log.open().await;
    let next = write(&roomy, Append { key: Some(key("c2")), ..events([draft("paid", &[], "0")]) }).await;
    assert_eq!(next.position(), Position::new(acknowledged as u64 + 1));
    assert_eq!(all(&store).await.len(), acknowledged + 1);
}

#[tokio::test]
async fn lock_held_beyond_the_timeout_makes_writes_unavailable_until_released() {
    let test_log = TestLog::new();
    let timeout = std::time::Duration::from_millis(20);
    let store = Sqlite::options().busy_timeout(timeout).open(test_log.file()).await.unwrap();
    let mut raw = test_log.raw().await;
    let lock = raw.begin_with("BEGIN IMMEDIATE").await.unwrap();
    assert_unavailable(store.append_one(events([draft("paid", &[], "0")])).await, "busy timeout");
    assert_unavailable(store.purge_command_ids(Timestamp::MAX, CommandKey::ALL_IDS).await, "busy timeout");
    // Reads work, and a log with current tables can be opened.
    assert!(all(&store).await.is_empty());
    Sqlite::options().busy_timeout(timeout).open(test_log.file()).await.unwrap();
    let another = Sqlite::options().busy_timeout(timeout).prefix("other_").open(test_log.file()).await;
    assert_unavailable(another, "busy timeout");
    lock.rollback().await.unwrap();
    assert_eq!(write(&store, events([draft("paid", &[], "0")])).await.position(), Position::new(1));
}

#[tokio::test]
async fn closed_store_is_unavailable() {
    let test_log = TestLog::new();
    let pool = SqlitePool::connect_lazy_with(connect(&test_log));
    let closed = [test_log.open().await, Sqlite::options().with_pool(pool.clone()).await.unwrap()];
    closed[0].close().await;
    pool.close().await;
    for store in closed {
        assert_unavailable(store.append_one(events([draft("paid", &[], "0")])).await, "closed");
        assert_unavailable(store.read(&[Read::all(Criteria::all())]).await, "closed");
        assert_unavailable(store.feed(&Criteria::all(), START, PageLimit::records(1)).await, "closed");
        assert_unavailable(store.receipt(&key("c")).await, "closed");
        assert_unavailable(store.settled().await, "closed");
        assert_unavailable(store.prefix_at(TIME).await, "closed");
        assert_unavailable(store.journal(0, PageLimit::records(1)).await, "closed");
        assert_unavailable(store.purge_command_ids(TIME, CommandKey::ALL_IDS).await, "closed");
    }
    let closed = SqlitePool::connect_lazy_with(connect(&test_log));
    closed.close().await;
    assert_unavailable(Sqlite::options().with_pool(closed).await, "closed");
}

#[test]
fn append_after_the_end_of_the_runtime_is_unusable() {
    let test_log = TestLog::new();
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let store = runtime().block_on(test_log.open());
    assert_unusable(runtime().block_on(store.append_one(events([draft("paid", &[], "0")]))), "runtime");
}

#[tokio::test]
async fn damaged_event_is_named_and_others_can_be_read() {
    for sql in [
        "UPDATE annalist_events SET tags = 'account:1' WHERE position = 2",
        "UPDATE annalist_events SET tags = '[\"account\"]' WHERE position = 2",
        "UPDATE annalist_events SET metadata = '7' WHERE position = 2",
        "UPDATE annalist_events SET id = '' WHERE position = 2",
        "UPDATE annalist_events SET version = -1 WHERE position = 2",
        "UPDATE annalist_events SET recorded_at = 9223372036854775807 WHERE position = 2",
        "UPDATE annalist_events SET data = CAST(x'ff' AS TEXT) WHERE position = 2",
    ] {
        let test_log = TestLog::new();
        let store = test_log.open().await;
        write(&store, events((0..3).map(|_| draft("paid", &["account:1"], "0")))).await;
        execute(&test_log, sql).await;
        let everything = store.read(&[Read::all(Criteria::all())]).await.map(|mut all| all.remove(0).records);
        let page =
            store.feed(&with_tag("account:1"), START, PageLimit::records(10)).await.map(|page| page.records);
        for answer in [everything, page] {
            // Metadata are decoded on access.
            let metadata = answer.and_then(|records| Ok(records[1].metadata().map(drop)?));
            let error = metadata.unwrap_err();
            let Error::Invalid(Invalid::Damaged { position, .. }) = &error else {
                panic!("{sql}: {error:?}")
            };
            assert_eq!(position.get(), 2, "{error}");
        }
        let rest = store.read(&[Read::all(Criteria::all()).after(Position::new(2))]).await.unwrap();
        assert_eq!(positions(&rest[0].records), [3]);
        assert_eq!(
            positions(&store.feed(&Criteria::all(), START, PageLimit::records(1)).await.unwrap().records),
            [1]
        );
        write(&store, events([draft("paid", &[], "0")])).await;
    }
}

#[tokio::test]
async fn damaged_receipt_or_journal_entry_is_named() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    let journal =
        Some(annalist_core::store::JournalRecord { body: Payload::parse("0").unwrap(), rejection: None });
    let own = Append { key: Some(key("c1")), journal, ..events([draft("paid", &[], "0")]) };
    write(&store, own.clone()).await;
    execute(&test_log, "UPDATE annalist_commands SET receipt = '[[1]]'").await;
    execute(&test_log, "UPDATE annalist_journal SET positions = 'one'").await;
    assert_unusable(store.receipt(&key("c1")).await, "`c1`");
    assert_unusable(store.append_one(own).await, "`c1`");
    let error = store.journal(0, PageLimit::records(10)).await.unwrap_err();
    assert!(matches!(error, Error::Invalid(Invalid::Damaged { .. })), "{error:?}");
    write(&store, events([draft("paid", &[], "0")])).await;
}

#[tokio::test]
async fn damaged_file_is_unusable() {
    let test_log = TestLog::new();
    test_log.open().await.close().await;
    let tables = std::fs::read(test_log.file()).unwrap().len() / 4096;
    let store = test_log.open().await;
    write(&store, events((0..2_000).map(|_| draft("paid", &["account:1"], "0")))).await;
    store.close().await;
    let mut bytes = std::fs::read(test_log.file()).unwrap();
    for page in bytes.chunks_mut(4096).skip(tables) {
        page[..100].fill(0xA5);
    }
    std::fs::write(test_log.file(), bytes).unwrap();
    let store = test_log.open().await;
    assert_unusable(store.read(&[Read::all(Criteria::all())]).await, "damaged");
    assert_unusable(store.append_one(events([draft("paid", &["account:1"], "0")])).await, "damaged");
}

#[tokio::test]
async fn missing_table_makes_the_store_unusable() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    execute(&test_log, "ALTER TABLE annalist_event_tags RENAME TO other").await;
    assert_unusable(store.append_one(events([draft("paid", &["account:1"], "0")])).await, "form");
    let sql = "SELECT count(*) FROM annalist_events";
    let written: i64 = sqlx::query_scalar(sql).fetch_one(&mut test_log.raw().await).await.unwrap();
    assert_eq!(written, 0, "part of an append was written");
    execute(&test_log, "ALTER TABLE other RENAME TO annalist_event_tags").await;
    write(&store, events([draft("paid", &["account:1"], "0")])).await;
}
