//! Roles with limited privileges.

use annalist_core::{
    Error,
    criteria::Criteria,
    record::Position,
    store::{CommandKey, EventStore, PageLimit},
};
use annalist_postgres::Postgres;

use crate::{
    events::{accept, command, fed, log, noted},
    opening::refused,
    support::{TestDatabase, until},
};

/// The privileges that a role needs to append, as documented by the crate.
pub(crate) async fn may_append(db: &TestDatabase, role: &str) {
    db.run(&format!(
        "GRANT USAGE ON SCHEMA annalist TO {role};
             GRANT USAGE ON ALL SEQUENCES IN SCHEMA annalist TO {role};
             GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA annalist TO {role};
             GRANT UPDATE ON annalist.log TO {role}"
    ))
    .await;
}

pub(crate) async fn may_read(db: &TestDatabase, role: &str) {
    db.run(&format!(
        "GRANT USAGE ON SCHEMA annalist TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA annalist TO {role}"
    ))
    .await;
}

pub(crate) fn is_refused<T: std::fmt::Debug>(result: Result<T, Error>, why: &str) {
    match result {
        Err(Error::Unusable { reason, .. }) if reason.contains(why) => {}
        other => panic!("not refused with {why:?}: {other:?}"),
    }
}

pub(crate) async fn role_without_create_opens_an_existing_log(db: TestDatabase) {
    let (role, url) = db.role().await;
    let reason = refused(Postgres::connect(&url).await);
    assert!(reason.contains("permission denied"), "{reason}");
    db.open().await;
    let reason = refused(Postgres::connect(&url).await);
    assert!(reason.contains("USAGE on the schema"), "{reason}");

    may_append(&db, &role).await;
    let store = Postgres::connect(&url).await.unwrap();
    let key: CommandKey = command("c-1");
    let receipt = accept(&store, annalist_core::store::Append { key: Some(key.clone()), ..noted(1) }).await;
    assert_eq!(store.receipt(&key).await.unwrap(), Some(receipt));
    assert_eq!(fed(&store).await.len(), 1);
    // A gap is closed with the same rights.
    db.run("SELECT nextval('annalist.events_position_seq')").await;
    let last = accept(&store, noted(2)).await.position();
    until("the gap is closed", || async { store.settled().await.unwrap().position == last }).await;
}

pub(crate) async fn read_only_role_reads_and_does_not_append(db: TestDatabase) {
    let writer = db.open().await;
    accept(&writer, noted(1)).await;
    let (role, url) = db.role().await;
    may_read(&db, &role).await;
    let reader = Postgres::connect(&url).await.unwrap();
    assert_eq!(log(&reader).await, log(&writer).await);
    assert_eq!(fed(&reader).await, log(&writer).await);
    is_refused(reader.append_one(noted(2)).await, "INSERT on its tables");
    is_refused(
        reader.purge_command_ids(annalist_core::time::Timestamp::MAX, CommandKey::ALL_IDS).await,
        "DELETE on `commands`",
    );
    is_refused(reader.purge_journal(annalist_core::time::Timestamp::MAX).await, "on `journal`");
    assert_eq!(log(&writer).await.len(), 1);
}

pub(crate) async fn read_only_role_waits_at_a_gap(db: TestDatabase) {
    db.open().await;
    let (role, url) = db.role().await;
    may_read(&db, &role).await;
    let reader = Postgres::connect(&url).await.unwrap();
    db.run("SELECT nextval('annalist.events_position_seq')").await;
    db.run(
        "INSERT INTO annalist.events (id, type, version, recorded_at, tags, data, metadata)
             VALUES (gen_random_uuid(), 'noted', 1, now(), '{}', '{}', '{}')",
    )
    .await;
    until("the reader reports that it may not close the gap", || async {
        let page = reader.feed(&Criteria::all(), Position::START, PageLimit::records(10)).await.unwrap();
        assert_eq!((page.up_to, page.records.len()), (Position::START, 0));
        let gap = page.gap.expect("there is a gap");
        gap.position == Position::new(1) && gap.reason.contains("permission denied")
    })
    .await;

    // The process that appends reads no feed; its own append makes it close the gap.
    let writer = db.open().await;
    accept(&writer, noted(1)).await;
    until("the writer closes the gap, and the reader continues", || async { fed(&reader).await.len() == 2 })
        .await;
    assert_eq!(reader.settled().await.unwrap().gap, None);
}

pub(crate) async fn read_only_session_reads_and_does_not_append(db: TestDatabase) {
    let writer = db.open().await;
    accept(&writer, noted(1)).await;
    let reader = db.open_with("SET default_transaction_read_only TO on").await;
    assert_eq!(fed(&reader).await.len(), 1);
    is_refused(reader.append_one(noted(2)).await, "connect to the primary");
    db.run("SELECT nextval('annalist.events_position_seq')").await;
    accept(&writer, noted(3)).await;
    until("the writer closes the gap", || async { fed(&reader).await.len() == 2 }).await;
}
