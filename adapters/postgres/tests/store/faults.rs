//! Lost connections, statements that time out, damaged rows and tables.

use annalist_core::{
    Error, Invalid,
    record::Position,
    store::{Append, AppendOutcome, EventStore},
};
use annalist_postgres::Postgres;
use sqlx::{Executor, PgConnection};

use crate::{
    events::{accept, command, fed, log, noted},
    support::{TestDatabase, until},
};

/// A session that blocks appends until it rolls back.
async fn block(db: &TestDatabase) -> PgConnection {
    let mut blocker = db.connection().await;
    blocker.execute("BEGIN").await.unwrap();
    blocker.execute("LOCK TABLE annalist.events IN SHARE MODE").await.unwrap();
    blocker
}

/// Terminates all other sessions of the database that match the condition.
async fn end(db: &TestDatabase, which: &str) {
    db.run(&format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid() AND {which}"
    ))
    .await;
}

pub(crate) async fn closed_pool_is_unavailable(db: TestDatabase) {
    let store = db.open().await;
    accept(&store, noted(1)).await;
    store.close().await;
    let error = store.append_one(noted(2)).await.unwrap_err();
    assert!(error.is_unavailable() && error.to_string().contains("closed"), "{error}");
    assert!(store.read(&[]).await.unwrap().is_empty());
    assert!(store.settled().await.unwrap_err().is_unavailable());
    assert_eq!(log(&db.open().await).await.len(), 1);
}

pub(crate) async fn append_with_lost_connection_has_unknown_outcome(db: TestDatabase) {
    let store = db.open().await;
    let blocker = block(&db).await;
    let key = command("c-1");
    let asked = Append { key: Some(key.clone()), ..noted(1) };
    let append = tokio::spawn({
        let (store, asked) = (store.clone(), asked.clone());
        async move { store.append_one(asked).await }
    });
    until("the append waits", || db.waiting(1)).await;
    end(&db, "wait_event_type = 'Lock'").await;
    let error = append.await.unwrap().unwrap_err();
    assert!(error.is_unknown(), "{error:?}");
    drop(blocker);
    // The caller repeats the append with the same command id, and it is written once.
    until("the store works again", || async { store.receipt(&key).await.is_ok() }).await;
    let again = store.append_one(asked.clone()).await.unwrap();
    let (AppendOutcome::Appended(receipt) | AppendOutcome::Duplicate { receipt, .. }) = again else {
        panic!("{again:?}")
    };
    assert_eq!(accepted_before(&store, asked).await, receipt);
    assert_eq!(log(&store).await.len(), 1);
}

async fn accepted_before(store: &Postgres, append: Append) -> annalist_core::store::Receipt {
    match store.append_one(append).await.unwrap() {
        AppendOutcome::Duplicate { receipt, .. } => receipt,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn statement_that_times_out_writes_nothing(db: TestDatabase) {
    let other = db.open().await;
    for settings in ["SET statement_timeout TO '50ms'", "SET lock_timeout TO '50ms'"] {
        let store = db.open_with(settings).await;
        let blocker = block(&db).await;
        let error = store.append_one(noted(1)).await.unwrap_err();
        assert!(error.is_unavailable(), "{error:?}");
        drop(blocker);
        until("the other session has ended", || async {
            db.number("SELECT count(*) FROM pg_locks WHERE mode = 'ShareLock' AND relation = 'annalist.events'::regclass").await == 0
        })
        .await;
        assert_eq!(log(&other).await.len(), 0);
    }
}

pub(crate) async fn append_in_other_isolation_is_refused(db: TestDatabase) {
    let store = db.open().await;
    store.close().await;
    let store =
        db.open_with("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED").await;
    accept(&store, noted(1)).await;
    // New sessions have another isolation level.
    let database = &db.database;
    db.run(&format!("ALTER DATABASE {database} SET default_transaction_isolation TO 'serializable'")).await;
    let strict = Postgres::options().with_pool(db.pool("SELECT 1").await).await.unwrap_err();
    assert!(matches!(strict, Error::Unusable { .. }), "{strict:?}");

    let mut session = db.connection().await;
    let error = session
        .execute("SELECT * FROM annalist.append('{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')")
        .await
        .unwrap_err();
    assert!(error.to_string().contains("read committed"), "{error}");
    assert_eq!(log(&store).await.len(), 1);
}

pub(crate) async fn broken_idle_connections_are_replaced(db: TestDatabase) {
    let store = db.open().await;
    accept(&store, noted(1)).await;
    end(&db, "state = 'idle'").await;
    until("the store reads again", || async {
        matches!(store.read(&[annalist_core::store::Read::all(annalist_core::criteria::Criteria::all())]).await, Ok(found) if found[0].records.len() == 1)
    })
    .await;
    assert_eq!(fed(&store).await.len(), 1);
}

pub(crate) async fn damaged_record_is_reported_with_its_position(db: TestDatabase) {
    let store = db.open().await;
    accept(&store, noted(1)).await;
    accept(&store, noted(2)).await;
    for damage in
        ["tags = '{no_tag}'", "tags = '{NULL}'", "tags = '{{a:2}}'", "version = -1", "metadata = '1'"]
    {
        db.run(&format!("UPDATE annalist.events SET {damage} WHERE position = 2")).await;
        let all = annalist_core::store::Read::all(annalist_core::criteria::Criteria::all());
        // Metadata are decoded on access.
        let result = match store.read(&[all]).await {
            Ok(batches) => batches[0].records[1].metadata().map(drop).map_err(Error::from),
            Err(error) => Err(error),
        };
        match result {
            Err(Error::Invalid(Invalid::Damaged { position, .. })) => assert_eq!(position, Position::new(2)),
            other => panic!("{damage}: {other:?}"),
        }
        db.run("UPDATE annalist.events SET tags = '{a:2}', version = 1, metadata = '{}' WHERE position = 2")
            .await;
    }
    assert_eq!(log(&store).await.len(), 2);
}

pub(crate) async fn dropped_schema_is_explained(db: TestDatabase) {
    let store = db.open().await;
    accept(&store, noted(1)).await;
    db.run("DROP SCHEMA annalist CASCADE").await;
    match store.append_one(noted(2)).await {
        Err(Error::Unusable { reason, .. }) => {
            assert!(reason.contains("not as this program created it"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
}
