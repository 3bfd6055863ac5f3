//! Appends that share a call.

use annalist_core::{
    Error,
    payload::Payload,
    record::Draft,
    store::{Append, AppendOutcome, EventStore, Marker},
};
use sqlx::Executor;
use tokio::task::JoinSet;

use crate::{
    events::{accept, append, command, log, noted, provided, tag, tagged},
    support::{TestDatabase, until},
};

/// A payload that PostgreSQL rejects: its JSON parser has a limit of nesting. The core has a lower limit, which this bypasses.
fn too_deep() -> Append {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    append([Draft::new("deep", 1, [tag("deep")], Payload::from_stored(deep)).unwrap()])
}

pub(crate) async fn refused_append_does_not_fail_its_batch(db: TestDatabase) {
    let store = db.open().await;
    accept(&store, noted("taken")).await;
    let known = Append { key: Some(command("known")), ..noted("known") };
    let first = accept(&store, known.clone()).await;

    // While the table is locked, all appends queue up.
    let mut blocker = db.connection().await;
    blocker.execute("BEGIN; LOCK TABLE annalist.events IN SHARE MODE").await.unwrap();
    let mut appends = JoinSet::new();
    let mut ask = |kind: &'static str, append: Append| {
        let store = store.clone();
        appends.spawn(async move { (kind, store.append_one(append).await) });
    };
    for value in 0..30 {
        ask("free", noted(value));
        if value % 10 == 5 {
            ask("refused", Append { conditions: provided(tagged("taken"), Marker::START), ..noted("again") });
            ask("known", known.clone());
            ask("deep", too_deep());
        }
    }
    until("some are waiting in the database", || db.waiting(1)).await;
    blocker.execute("ROLLBACK").await.unwrap();

    for (kind, answer) in appends.join_all().await {
        match (kind, answer) {
            ("free", Ok(AppendOutcome::Appended(receipt))) => assert_eq!(receipt.events.len(), 1),
            ("refused", Ok(AppendOutcome::Conflict { index: 0, condition: 0, .. }))
            | ("deep", Err(Error::Unusable { .. })) => {}
            ("known", Ok(AppendOutcome::Duplicate { receipt, .. })) => assert_eq!(receipt, first),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(log(&store).await.len(), 32);
}

/// With small payloads two calls at a time are enough, whose batches would be smaller with more of them.
pub(crate) async fn large_payloads_use_more_calls(db: TestDatabase) {
    let store = db.open().await;
    let mut blocker = db.connection().await;
    blocker.execute("BEGIN; LOCK TABLE annalist.events IN SHARE MODE").await.unwrap();
    let mut appends = JoinSet::new();
    for value in 0..32 {
        let store = store.clone();
        let data = Payload::parse(format!("{:?}", "x".repeat(100_000))).unwrap();
        let large = append([Draft::new("noted", 1, [tag(value)], data).unwrap()]);
        appends.spawn(async move { accept(&store, large).await });
    }
    until("a third call waits", || db.waiting(3)).await;
    blocker.execute("ROLLBACK").await.unwrap();
    assert_eq!(appends.join_all().await.len(), 32);
}

/// As `default_toast_compression` names the methods of the server, from version 14.
pub(crate) async fn payloads_are_compressed_with_lz4_if_the_server_has_it(db: TestDatabase) {
    let store = db.open().await;
    let data = Payload::parse(format!("{:?}", "x".repeat(100_000))).unwrap();
    accept(&store, append([Draft::new("noted", 1, [tag(1)], data.clone()).unwrap()])).await;
    assert_eq!(log(&store).await[0].data, data);
    let has_lz4 = "SELECT count(*) FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)";
    if db.number(has_lz4).await > 0 {
        let compressed = "SELECT count(*) FROM annalist.events WHERE pg_column_compression(data) = 'lz4'";
        assert_eq!(db.number(compressed).await, 1);
    }
}

pub(crate) async fn many_concurrent_appends_all_get_outcomes(db: TestDatabase) {
    let store = db.open().await;
    let mut appends = JoinSet::new();
    for value in 0..2000 {
        let store = store.clone();
        let own = Append { conditions: provided(tagged(value), Marker::START), ..noted(value) };
        appends.spawn(async move { accept(&store, own).await });
    }
    let receipts = appends.join_all().await;
    let records = log(&store).await;
    assert_eq!((receipts.len(), records.len()), (2000, 2000));
    for receipt in receipts {
        let record = records.iter().find(|record| record.position == receipt.position());
        assert_eq!(record.map(|record| record.id), Some(receipt.events[0].id));
    }
}
