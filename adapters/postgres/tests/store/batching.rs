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
