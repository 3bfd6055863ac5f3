//! Snapshots: a table beside the log, and the privileges that it needs.

use annalist_core::{
    Error,
    payload::Payload,
    record::Position,
    store::{EventStore, Snapshot, SnapshotKey},
};
use annalist_postgres::Postgres;

use crate::{
    events::{accept, noted, tag},
    rights::{is_refused, may_append, may_read},
    support::{TestDatabase, until},
};

pub(crate) fn of(id: u64) -> SnapshotKey {
    SnapshotKey { aggregate: "Account", tag: Some(tag(id)), fingerprint: u64::MAX }
}

pub(crate) fn at(position: u64) -> Snapshot {
    let state = Payload::encode("state", &format!("the state at {position}")).unwrap();
    Snapshot { position: Position::new(position), state }
}

async fn found(store: &Postgres) -> Option<Snapshot> {
    store.snapshot(&of(1)).await.unwrap()
}

pub(crate) async fn snapshots_are_stored_per_schema(db: TestDatabase) {
    let store = db.open().await;
    store.save_snapshot(&of(1), &at(7)).await.unwrap();
    assert_eq!(found(&db.open().await).await, Some(at(7)));
    let other = Postgres::options().schema("other").connect(&db.url).await.unwrap();
    assert_eq!(found(&other).await, None);
    assert_eq!(db.number("SELECT count(*) FROM annalist.snapshots").await, 1);
}

pub(crate) async fn role_that_appends_saves_snapshots(db: TestDatabase) {
    let owner = db.open().await;
    let (role, url) = db.role().await;
    may_append(&db, &role).await;
    let store = Postgres::connect(&url).await.unwrap();
    is_refused(store.save_snapshot(&of(1), &at(7)).await, "UPDATE on `log` and `snapshots`");
    accept(&store, noted(1)).await;
    assert_eq!(found(&store).await, None);

    db.run(&format!("GRANT UPDATE ON annalist.snapshots TO {role}")).await;
    store.save_snapshot(&of(1), &at(7)).await.unwrap();
    store.save_snapshot(&of(1), &at(8)).await.unwrap();
    assert_eq!(found(&owner).await, Some(at(8)));
}

pub(crate) async fn read_only_role_loads_but_does_not_save_snapshots(db: TestDatabase) {
    let owner = db.open().await;
    owner.save_snapshot(&of(1), &at(7)).await.unwrap();
    let (role, url) = db.role().await;
    may_read(&db, &role).await;
    let role = Postgres::connect(&url).await.unwrap();
    is_refused(role.save_snapshot(&of(1), &at(8)).await, "UPDATE on `log` and `snapshots`");
    let session = db.open_with("SET default_transaction_read_only TO on").await;
    is_refused(session.save_snapshot(&of(1), &at(8)).await, "connect to the primary");
    for reader in [&role, &session, &owner] {
        assert_eq!(found(reader).await, Some(at(7)));
    }
}

pub(crate) async fn damaged_snapshot_is_reported_and_replaced(db: TestDatabase) {
    let store = db.open().await;
    for position in [0, -7] {
        store.save_snapshot(&of(1), &at(7)).await.unwrap();
        db.run(&format!("UPDATE annalist.snapshots SET position = {position}")).await;
        match store.snapshot(&of(1)).await {
            Err(Error::Unusable { reason, .. }) => {
                assert!(reason.contains("delete its row") && reason.contains("a:1"), "{reason}");
            }
            other => panic!("not an error: {other:?}"),
        }
        store.save_snapshot(&of(1), &at(8)).await.unwrap();
        assert_eq!(found(&store).await, Some(at(8)));
        db.run("DELETE FROM annalist.snapshots").await;
        assert_eq!(found(&store).await, None);
    }
}

/// A transaction of another session that has written the same snapshot blocks only callers that save this snapshot.
pub(crate) async fn blocked_snapshot_does_not_block_appends(db: TestDatabase) {
    let store = db.open().await;
    store.save_snapshot(&of(1), &at(7)).await.unwrap();
    let mut holder = db.connection().await;
    let hold = "BEGIN; UPDATE annalist.snapshots SET position = 6";
    sqlx::raw_sql(hold).execute(&mut holder).await.unwrap();
    let keeping = tokio::spawn({
        let store = store.clone();
        async move { store.save_snapshot(&of(1), &at(8)).await }
    });
    until("it waits", || db.waiting(1)).await;
    accept(&store, noted(1)).await;
    assert_eq!(found(&store).await, Some(at(7)));
    sqlx::raw_sql("ROLLBACK").execute(&mut holder).await.unwrap();
    keeping.await.unwrap().unwrap();
    assert_eq!(found(&store).await, Some(at(8)));
}
