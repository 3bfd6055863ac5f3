//! Snapshots in the file of their log.

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

/// The suite passes over a store that keeps none.
#[tokio::test]
async fn they_are_in_the_file() {
    let place = Place::new();
    let store = place.open().await;
    store.save_snapshot(&of(1), &at(7)).await.unwrap();
    assert_eq!(place.open().await.snapshot(&of(1)).await.unwrap(), Some(at(7)));
    store.close().await;
    assert_eq!(place.open().await.snapshot(&of(1)).await.unwrap(), Some(at(7)));
    let other = Sqlite::options().prefix("other_").open(place.file()).await.unwrap();
    assert_eq!(other.snapshot(&of(1)).await.unwrap(), None);
    place.assert_sound().await;
}

#[tokio::test]
async fn a_file_that_is_only_read_gives_them_and_takes_none() {
    let place = Place::new();
    let store = place.open().await;
    store.save_snapshot(&of(1), &at(7)).await.unwrap();
    let url = format!("sqlite://{}?mode=ro", place.file().display());
    let pool =
        SqlitePool::connect_lazy_with(SqliteConnectOptions::new().filename(place.file()).read_only(true));
    for reader in [Sqlite::open(url).await.unwrap(), Sqlite::options().with_pool(pool).await.unwrap()] {
        let error = reader.save_snapshot(&of(1), &at(8)).await.unwrap_err();
        assert!(matches!(error, Error::Unusable { .. }) && message(&error).contains("read-only"), "{error}");
        assert_eq!(reader.snapshot(&of(1)).await.unwrap(), Some(at(7)));
    }
}

#[tokio::test]
async fn while_another_holds_the_file_they_are_found_and_not_kept() {
    let place = Place::new();
    let timeout = std::time::Duration::from_millis(20);
    let store = Sqlite::options().busy_timeout(timeout).open(place.file()).await.unwrap();
    store.save_snapshot(&of(1), &at(7)).await.unwrap();
    let mut raw = place.raw().await;
    let lock = raw.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let error = store.save_snapshot(&of(1), &at(8)).await.unwrap_err();
    assert!(error.is_unavailable() && message(&error).contains("busy timeout"), "{error}");
    assert_eq!(store.snapshot(&of(1)).await.unwrap(), Some(at(7)));
    lock.rollback().await.unwrap();
    store.save_snapshot(&of(1), &at(8)).await.unwrap();
    assert_eq!(store.snapshot(&of(1)).await.unwrap(), Some(at(8)));
}

#[tokio::test]
async fn a_closed_store_neither_finds_nor_keeps_any() {
    let place = Place::new();
    let store = place.open().await;
    store.close().await;
    assert!(store.save_snapshot(&of(1), &at(8)).await.unwrap_err().is_unavailable());
    assert!(store.snapshot(&of(1)).await.unwrap_err().is_unavailable());
}

/// Appends and snapshots take turns on one connection, and all of them get theirs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_are_kept_amid_appends() {
    let place = Place::new();
    let store = place.open().await;
    let mut running = JoinSet::new();
    for id in 0..8 {
        let (keeper, writer) = (store.clone(), store.clone());
        running.spawn(async move {
            for position in 1..=20 {
                keeper.save_snapshot(&of(id), &at(position)).await.unwrap();
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
async fn a_damaged_one_is_named_and_can_be_replaced() {
    for (sql, says) in [
        ("UPDATE annalist_snapshots SET position = 0", "delete its row"),
        ("UPDATE annalist_snapshots SET position = -7", "account:1"),
        ("UPDATE annalist_snapshots SET state = CAST(x'ff' AS TEXT)", "utf-8"),
    ] {
        let place = Place::new();
        let store = place.open().await;
        store.save_snapshot(&of(1), &at(7)).await.unwrap();
        sqlx::query(sql).execute(&mut place.raw().await).await.unwrap();
        let error = store.snapshot(&of(1)).await.unwrap_err();
        assert!(matches!(error, Error::Unusable { .. }) && message(&error).contains(says), "{error:?}");
        store.save_snapshot(&of(1), &at(8)).await.unwrap();
        assert_eq!(store.snapshot(&of(1)).await.unwrap(), Some(at(8)));
    }
}

#[tokio::test]
async fn without_their_table_the_log_goes_on() {
    let place = Place::new();
    let store = place.open().await;
    sqlx::query("DROP TABLE annalist_snapshots").execute(&mut place.raw().await).await.unwrap();
    for error in [
        store.save_snapshot(&of(1), &at(7)).await.unwrap_err(),
        store.snapshot(&of(1)).await.map(drop).unwrap_err(),
    ] {
        assert!(matches!(error, Error::Unusable { .. }) && message(&error).contains("form"), "{error}");
    }
    write(&store, events([draft("paid", &[], "0")])).await;
}
