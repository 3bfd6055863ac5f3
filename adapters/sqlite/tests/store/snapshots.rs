//! Snapshots in the file of the log.

use annalist_core::store::{Snapshot, SnapshotKey};
use sqlx::SqlitePool;
use tokio::task::JoinSet;

use super::*;

fn of(id: u64) -> SnapshotKey {
    SnapshotKey { aggregate: "Account", tag: Some(tag(&format!("account:{id}"))), fingerprint: u64::MAX }
}

fn at(position: u64) -> Snapshot {
    let state = Payload::encode("state", &format!("the state at {position}")).unwrap();
    Snapshot { position: Position::new(position), state }
}

/// The conformance suite also passes with a store that saves no snapshots.
#[tokio::test]
async fn snapshots_survive_reopen() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    store.save_snapshot(&of(1), &at(7)).await.unwrap();
    assert_eq!(test_log.open().await.snapshot(&of(1)).await.unwrap(), Some(at(7)));
    store.close().await;
    assert_eq!(test_log.open().await.snapshot(&of(1)).await.unwrap(), Some(at(7)));
    let other = Sqlite::options().prefix("other_").open(test_log.file()).await.unwrap();
    assert_eq!(other.snapshot(&of(1)).await.unwrap(), None);
    test_log.assert_sound().await;
}

#[tokio::test]
async fn read_only_file_returns_snapshots_and_saves_none() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    store.save_snapshot(&of(1), &at(7)).await.unwrap();
    let url = format!("sqlite://{}?mode=ro", test_log.file().display());
    let pool =
        SqlitePool::connect_lazy_with(SqliteConnectOptions::new().filename(test_log.file()).read_only(true));
    for reader in [Sqlite::open(url).await.unwrap(), Sqlite::options().with_pool(pool).await.unwrap()] {
        let error = reader.save_snapshot(&of(1), &at(8)).await.unwrap_err();
        assert!(matches!(error, Error::Unusable { .. }) && message(&error).contains("read-only"), "{error}");
        assert_eq!(reader.snapshot(&of(1)).await.unwrap(), Some(at(7)));
    }
}

#[tokio::test]
async fn locked_file_returns_snapshots_and_saves_none() {
    let test_log = TestLog::new();
    let timeout = std::time::Duration::from_millis(20);
    let store = Sqlite::options().busy_timeout(timeout).open(test_log.file()).await.unwrap();
    store.save_snapshot(&of(1), &at(7)).await.unwrap();
    let mut raw = test_log.raw().await;
    let lock = raw.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let error = store.save_snapshot(&of(1), &at(8)).await.unwrap_err();
    assert!(error.is_unavailable() && message(&error).contains("busy timeout"), "{error}");
    assert_eq!(store.snapshot(&of(1)).await.unwrap(), Some(at(7)));
    lock.rollback().await.unwrap();
    store.save_snapshot(&of(1), &at(8)).await.unwrap();
    assert_eq!(store.snapshot(&of(1)).await.unwrap(), Some(at(8)));
}

#[tokio::test]
async fn closed_store_neither_finds_nor_saves_snapshots() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    store.close().await;
    assert!(store.save_snapshot(&of(1), &at(8)).await.unwrap_err().is_unavailable());
    assert!(store.snapshot(&of(1)).await.unwrap_err().is_unavailable());
}

/// Appends and snapshots share one connection, and all succeed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn snapshots_are_saved_during_appends() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    let mut running = JoinSet::new();
    for id in 0..8 {
        let (saver, writer) = (store.clone(), store.clone());
        running.spawn(async move {
            for position in 1..=20 {
                saver.save_snapshot(&of(id), &at(position)).await.unwrap();
            }
        });
        running.spawn(async move {
            for _ in 0..20 {
                write(&writer, events([draft("paid", &["account:1"], "0")])).await;
            }
        });
    }
    running.join_all().await;
    assert_eq!(positions(&all(&store).await), (1..=160).collect::<Vec<_>>());
    for id in 0..8 {
        assert_eq!(store.snapshot(&of(id)).await.unwrap(), Some(at(20)));
    }
}

#[tokio::test]
async fn damaged_snapshot_is_named_and_can_be_replaced() {
    for (sql, says) in [
        ("UPDATE annalist_snapshots SET position = 0", "delete its row"),
        ("UPDATE annalist_snapshots SET position = -7", "account:1"),
        ("UPDATE annalist_snapshots SET state = CAST(x'ff' AS TEXT)", "utf-8"),
    ] {
        let test_log = TestLog::new();
        let store = test_log.open().await;
        store.save_snapshot(&of(1), &at(7)).await.unwrap();
        sqlx::query(sql).execute(&mut test_log.raw().await).await.unwrap();
        let error = store.snapshot(&of(1)).await.unwrap_err();
        assert!(matches!(error, Error::Unusable { .. }) && message(&error).contains(says), "{error:?}");
        store.save_snapshot(&of(1), &at(8)).await.unwrap();
        assert_eq!(store.snapshot(&of(1)).await.unwrap(), Some(at(8)));
    }
}

#[tokio::test]
async fn missing_snapshot_table_does_not_affect_the_log() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    sqlx::query("DROP TABLE annalist_snapshots").execute(&mut test_log.raw().await).await.unwrap();
    for error in [
        store.save_snapshot(&of(1), &at(7)).await.unwrap_err(),
        store.snapshot(&of(1)).await.map(drop).unwrap_err(),
    ] {
        assert!(matches!(error, Error::Unusable { .. }) && message(&error).contains("form"), "{error}");
    }
    write(&store, events([draft("paid", &[], "0")])).await;
}
