//! Snapshots: a table beside the log, and who may write to it.

use annalist_core::{
    Error,
    payload::Payload,
    record::Position,
    store::{EventStore, Snapshot, SnapshotKey},
};
use annalist_postgres::Postgres;

use crate::{
    events::{accept, noted, tag},
    given::{Place, until},
    rights::{is_refused, may_append, may_read},
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

/// The suite passes over a store that keeps none.
pub(crate) async fn they_are_beside_the_log(place: Place) {
    let store = place.open().await;
    store.save_snapshot(&of(1), &at(7)).await.unwrap();
    assert_eq!(found(&place.open().await).await, Some(at(7)));
    let other = Postgres::options().schema("other").connect(&place.url).await.unwrap();
    assert_eq!(found(&other).await, None);
    assert_eq!(place.number("SELECT count(*) FROM annalist.snapshots").await, 1);
}

pub(crate) async fn who_may_append_may_keep_them(place: Place) {
    let owner = place.open().await;
    let (role, url) = place.role().await;
    may_append(&place, &role).await;
    let store = Postgres::connect(&url).await.unwrap();
    is_refused(store.save_snapshot(&of(1), &at(7)).await, "UPDATE on `log` and `snapshots`");
    accept(&store, noted(1)).await;
    assert_eq!(found(&store).await, None);

    place.run(&format!("GRANT UPDATE ON annalist.snapshots TO {role}")).await;
    store.save_snapshot(&of(1), &at(7)).await.unwrap();
    store.save_snapshot(&of(1), &at(8)).await.unwrap();
    assert_eq!(found(&owner).await, Some(at(8)));
}

pub(crate) async fn who_only_reads_finds_them_and_keeps_none(place: Place) {
    let owner = place.open().await;
    owner.save_snapshot(&of(1), &at(7)).await.unwrap();
    let (role, url) = place.role().await;
    may_read(&place, &role).await;
    let role = Postgres::connect(&url).await.unwrap();
    is_refused(role.save_snapshot(&of(1), &at(8)).await, "UPDATE on `log` and `snapshots`");
    let session = place.open_with("SET default_transaction_read_only TO on").await;
    is_refused(session.save_snapshot(&of(1), &at(8)).await, "connect to the primary");
    for reader in [&role, &session, &owner] {
        assert_eq!(found(reader).await, Some(at(7)));
    }
}

pub(crate) async fn a_damaged_one_is_named_and_can_be_replaced(place: Place) {
    let store = place.open().await;
    for position in [0, -7] {
        store.save_snapshot(&of(1), &at(7)).await.unwrap();
        place.run(&format!("UPDATE annalist.snapshots SET position = {position}")).await;
        match store.snapshot(&of(1)).await {
            Err(Error::Unusable { reason, .. }) => {
                assert!(reason.contains("delete its row") && reason.contains("a:1"), "{reason}");
            }
            other => panic!("not an error: {other:?}"),
        }
        store.save_snapshot(&of(1), &at(8)).await.unwrap();
        assert_eq!(found(&store).await, Some(at(8)));
        place.run("DELETE FROM annalist.snapshots").await;
        assert_eq!(found(&store).await, None);
    }
}

/// Another session that keeps the same one and does not end holds up nobody but who keeps it, too.
pub(crate) async fn a_stuck_one_stops_no_append(place: Place) {
    let store = place.open().await;
    store.save_snapshot(&of(1), &at(7)).await.unwrap();
    let mut holder = place.connection().await;
    let hold = "BEGIN; UPDATE annalist.snapshots SET position = 6";
    sqlx::raw_sql(hold).execute(&mut holder).await.unwrap();
    let keeping = tokio::spawn({
        let store = store.clone();
        async move { store.save_snapshot(&of(1), &at(8)).await }
    });
    until("it waits", || place.waiting(1)).await;
    accept(&store, noted(1)).await;
    assert_eq!(found(&store).await, Some(at(7)));
    sqlx::raw_sql("ROLLBACK").execute(&mut holder).await.unwrap();
    keeping.await.unwrap().unwrap();
    assert_eq!(found(&store).await, Some(at(8)));
}
