//! Positions that were assigned to an append that does not, or not yet, use them.

use annalist_core::{
    criteria::{Criteria, Item},
    record::Position,
    store::{Append, EventStore, PageLimit, Read},
};
use sqlx::Executor;

use crate::{
    events::{accept, append, event, fed, log, noted, provided, tag},
    support::{TestDatabase, until},
};

/// Inserts an event without the store.
const RAW_INSERT: &str = "INSERT INTO annalist.events (id, type, version, recorded_at, tags, data, metadata)
    VALUES (gen_random_uuid(), 'by_hand', 1, now(), '{}', '{}', '{}')";

async fn is_settled(store: &dyn EventStore, position: Position) -> bool {
    store.settled().await.unwrap().position == position
}

pub(crate) async fn gap_of_a_rolled_back_append_is_closed(db: TestDatabase) {
    let store = db.open().await;
    accept(&store, noted(1)).await;
    db.run(&format!("BEGIN; {RAW_INSERT}; {RAW_INSERT}; ROLLBACK")).await;
    let receipt = accept(&store, noted(2)).await;
    assert_eq!(receipt.position(), Position::new(4));
    // An acknowledged event can be read immediately; a feed returns it when the gap is closed.
    assert_eq!(log(&store).await.len(), 2);
    until("the gaps are closed", || is_settled(&store, receipt.position())).await;
    assert_eq!(fed(&store).await, log(&store).await);
    assert_eq!(db.number("SELECT count(*) FROM annalist.events WHERE type = '$gap'").await, 2);
}

pub(crate) async fn gap_of_a_sequence_jump_is_closed(db: TestDatabase) {
    let store = db.open().await;
    accept(&store, noted(1)).await;
    // After a crash the sequence is up to 32 ahead; this is more.
    db.run("SELECT setval('annalist.events_position_seq', nextval('annalist.events_position_seq') + 300)")
        .await;
    let receipt = accept(&store, noted(2)).await;
    // No call of the store is needed: it closes the gaps below its own append.
    until("the gaps are closed", || async {
        db.number("SELECT count(*) FROM annalist.events WHERE type = '$gap'").await == 301
    })
    .await;
    assert!(is_settled(&store, receipt.position()).await);
    assert_eq!(fed(&store).await.len(), 2);
}

pub(crate) async fn running_append_stops_only_the_feed(db: TestDatabase) {
    let store = db.open().await;
    let mut slow = db.connection().await;
    slow.execute("BEGIN").await.unwrap();
    slow.execute(RAW_INSERT).await.unwrap();

    let condition = provided(Item::any().types(["noted"]).into(), Default::default());
    accept(&store, Append { conditions: condition, ..noted(1) }).await;
    for value in 2..10 {
        accept(&store, noted(value)).await;
    }
    assert_eq!(log(&store).await.len(), 9);
    until("the gap is reported", || async {
        let page = store.feed(&Criteria::all(), Position::START, PageLimit::records(100)).await.unwrap();
        assert_eq!((page.up_to, page.records.len()), (Position::START, 0));
        page.gap.is_some_and(|gap| gap.position == Position::new(1) && gap.reason.contains("still running"))
    })
    .await;

    assert_eq!(store.count(&Criteria::all(), Position::START, Position::END).await.unwrap(), 0);

    slow.execute("COMMIT").await.unwrap();
    until("the feed continues", || is_settled(&store, Position::new(10))).await;
    let records = fed(&store).await;
    assert_eq!(records.len(), 10);
    assert_eq!(records[0].name, "by_hand");
    assert_eq!(store.count(&Criteria::all(), Position::new(1), Position::END).await.unwrap(), 9);
}

pub(crate) async fn append_whose_position_has_a_tombstone_gets_another_position(db: TestDatabase) {
    let store = db.open().await;
    // A pause between the assignment of a position and its insertion, which otherwise is a few instructions. Only once.
    db.run(
        "CREATE SEQUENCE stalls;
             CREATE FUNCTION stall() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
               IF NEW.type = 'slow' AND nextval('public.stalls') = 1 THEN PERFORM pg_sleep(1); END IF;
               RETURN NEW;
             END $$;
             CREATE TRIGGER stall BEFORE INSERT ON annalist.events FOR EACH ROW EXECUTE FUNCTION stall()",
    )
    .await;
    let slow = tokio::spawn({
        let store = store.clone();
        async move { accept(&store, append([event("slow", [tag(1)])])).await }
    });
    until("the slow writer was assigned its position", || async {
        db.number("SELECT last_value FROM stalls").await == 1
            && db.number("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'").await >= 1
    })
    .await;
    let quick = accept(&store, append([event("quick", [tag(2)])])).await;
    until("the feed passes the slow writer", || is_settled(&store, quick.position())).await;
    let slow = slow.await.unwrap();
    assert!(slow.position() > quick.position(), "{slow:?} {quick:?}");
    until("the slow writer's event arrives", || is_settled(&store, slow.position())).await;
    let names: Vec<_> = fed(&store).await.into_iter().map(|record| record.name).collect();
    assert_eq!(names, ["quick", "slow"]);
}

pub(crate) async fn tombstones_are_invisible(db: TestDatabase) {
    let store = db.open().await;
    accept(&store, noted(1)).await;
    db.run("SELECT nextval('annalist.events_position_seq')").await;
    let last = accept(&store, noted(2)).await.position();
    until("the gap is closed", || is_settled(&store, last)).await;

    let gap = Criteria::from(Item::any().types(["$gap"]));
    let batches = store.read(&[Read::all(gap.clone()), Read::all(Criteria::all())]).await.unwrap();
    assert_eq!((batches[0].records.len(), batches[1].records.len()), (0, 2));
    let page = store.feed(&Criteria::all(), Position::START, PageLimit::records(2)).await.unwrap();
    assert_eq!((page.records.len(), page.up_to), (2, last));
    let page = store.feed(&gap, Position::START, PageLimit::records(2)).await.unwrap();
    assert_eq!((page.records.len(), page.up_to), (0, last));
    for (criteria, number) in [(&gap, 0), (&Criteria::all(), 2)] {
        assert_eq!(store.count(criteria, Position::START, Position::END).await.unwrap(), number);
    }
    let one = annalist_core::store::Marker::new(Position::new(1), 1);
    for (criteria, marker) in [(gap, Default::default()), (Criteria::all(), one)] {
        let receipt =
            accept(&store, Append { conditions: provided(criteria, marker), ..Append::default() }).await;
        assert_eq!(receipt.position(), Position::START);
    }
    let before_all = store.prefix_at(annalist_core::time::Timestamp::MIN).await.unwrap();
    // Tombstones are not hidden events.
    assert_eq!((before_all.up_to, before_all.hidden), (Position::START, 0));
}

pub(crate) async fn other_transactions_do_not_stop_the_feed(db: TestDatabase) {
    let store = db.open().await;
    let elsewhere = TestDatabase::fresh(&db.url).await.unwrap();
    db.run("CREATE TABLE other (n int)").await;
    elsewhere.run("CREATE TABLE other (n int)").await;

    let mut here = db.connection().await;
    let mut there = elsewhere.connection().await;
    for connection in [&mut here, &mut there] {
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ").await.unwrap();
        connection.execute("INSERT INTO other VALUES (1)").await.unwrap();
        connection.execute("SELECT txid_current()").await.unwrap();
    }
    db.run("BEGIN; INSERT INTO other VALUES (2); PREPARE TRANSACTION 'forgotten'").await;

    db.run("SELECT nextval('annalist.events_position_seq')").await;
    let last = accept(&store, noted(1)).await.position();
    until("the feed continues", || is_settled(&store, last)).await;
    assert_eq!(fed(&store).await.len(), 1);

    db.run("ROLLBACK PREPARED 'forgotten'").await;
    drop((here, there));
    elsewhere.remove().await.unwrap();
}
