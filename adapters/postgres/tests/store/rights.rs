//! Roles that may not do everything.

use annalist_core::{
    Error,
    criteria::Criteria,
    record::Position,
    store::{CommandKey, EventStore},
};
use annalist_postgres::Postgres;

use crate::{
    events::{accept, command, fed, log, noted},
    given::{Place, until},
    opening::refused,
};

/// What a role needs to append, as the crate's documentation says.
pub(crate) async fn may_append(place: &Place, role: &str) {
    place
        .run(&format!(
            "GRANT USAGE ON SCHEMA annalist TO {role};
             GRANT USAGE ON ALL SEQUENCES IN SCHEMA annalist TO {role};
             GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA annalist TO {role};
             GRANT UPDATE ON annalist.log TO {role}"
        ))
        .await;
}

pub(crate) async fn may_read(place: &Place, role: &str) {
    place
        .run(&format!(
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

pub(crate) async fn a_role_that_may_not_create_opens_what_is_there(place: Place) {
    let (role, url) = place.role().await;
    let reason = refused(Postgres::connect(&url).await);
    assert!(reason.contains("permission denied"), "{reason}");
    place.open().await;
    let reason = refused(Postgres::connect(&url).await);
    assert!(reason.contains("USAGE on the schema"), "{reason}");

    may_append(&place, &role).await;
    let store = Postgres::connect(&url).await.unwrap();
    let key: CommandKey = command("c-1");
    let receipt = accept(&store, annalist_core::store::Append { key: Some(key.clone()), ..noted(1) }).await;
    assert_eq!(store.receipt(&key).await.unwrap(), Some(receipt));
    assert_eq!(fed(&store).await.len(), 1);
    // A gap is closed with the same rights.
    place.run("SELECT nextval('annalist.events_position_seq')").await;
    let last = accept(&store, noted(2)).await.position();
    until("the hole is closed", || async { store.settled().await.unwrap().position == last }).await;
}

pub(crate) async fn a_role_that_only_reads(place: Place) {
    let writer = place.open().await;
    accept(&writer, noted(1)).await;
    let (role, url) = place.role().await;
    may_read(&place, &role).await;
    let reader = Postgres::connect(&url).await.unwrap();
    assert_eq!(log(&reader).await, log(&writer).await);
    assert_eq!(fed(&reader).await, log(&writer).await);
    is_refused(reader.append_one(noted(2)).await, "INSERT on its tables");
    is_refused(reader.purge_command_ids(annalist_core::time::Timestamp::MAX).await, "DELETE on `commands`");
    assert_eq!(log(&writer).await.len(), 1);
}

pub(crate) async fn a_role_that_only_reads_waits_at_a_hole(place: Place) {
    place.open().await;
    let (role, url) = place.role().await;
    may_read(&place, &role).await;
    let reader = Postgres::connect(&url).await.unwrap();
    place.run("SELECT nextval('annalist.events_position_seq')").await;
    place
        .run(
            "INSERT INTO annalist.events (id, type, version, recorded_at, tags, data, metadata)
             VALUES (gen_random_uuid(), 'noted', 1, now(), '{}', '{}', '{}')",
        )
        .await;
    until("it says that it may not close the hole", || async {
        let page = reader.feed(&Criteria::all(), Position::START, 10).await.unwrap();
        assert_eq!((page.up_to, page.records.len()), (Position::START, 0));
        let gap = page.gap.expect("there is a hole");
        gap.position == Position::new(1) && gap.reason.contains("permission denied")
    })
    .await;

    // Nobody reads feeds in the process that appends; its own append makes it look.
    let writer = place.open().await;
    accept(&writer, noted(1)).await;
    until("the writer closes the hole, and the reader goes on", || async { fed(&reader).await.len() == 2 })
        .await;
    assert_eq!(reader.settled().await.unwrap().gap, None);
}

pub(crate) async fn a_session_that_only_reads(place: Place) {
    let writer = place.open().await;
    accept(&writer, noted(1)).await;
    let reader = place.open_with("SET default_transaction_read_only TO on").await;
    assert_eq!(fed(&reader).await.len(), 1);
    is_refused(reader.append_one(noted(2)).await, "connect to the primary");
    place.run("SELECT nextval('annalist.events_position_seq')").await;
    accept(&writer, noted(3)).await;
    until("the writer closes the hole", || async { fed(&reader).await.len() == 2 }).await;
}
