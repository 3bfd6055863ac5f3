//! Lost connections, statements that time out, damaged rows and tables.

use annalist_core::{
    Error, Invalid,
    criteria::{Criteria, Item},
    record::Position,
    rows::{RowQuery, RowStore, Value},
    store::{Append, AppendOutcome, EventStore, PageLimit, Read},
    time::Timestamp,
};
use annalist_postgres::Postgres;
use sqlx::{AssertSqlSafe, Executor, PgConnection, postgres::PgPoolOptions};

use crate::{
    builds::{STOCK, built, row},
    events::{accept, command, fed, log, noted},
    inline::{Tally, expected, folding, rows},
    snapshots,
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
        .execute("SELECT * FROM annalist.append('{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', NULL, NULL, NULL, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')")
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

/// A log on a pool of connections that the pool does not test before their use.
async fn on_untested_pool(db: &TestDatabase) -> Postgres {
    let options = PgPoolOptions::new().min_connections(6).max_connections(6).test_before_acquire(false);
    let pool = options.connect(&db.url).await.unwrap();
    until("the pool is full", || async { pool.num_idle() == 6 }).await;
    Postgres::options().with_pool(pool).await.unwrap()
}

/// Terminates the other sessions of the database that match the condition, and waits until they have ended.
pub(crate) async fn terminate(db: &TestDatabase, which: &str) {
    let mut admin = db.connection().await;
    let end = format!(
        "SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid() AND {which}"
    );
    let ended: Vec<i32> = sqlx::query_scalar(AssertSqlSafe(end)).fetch_all(&mut admin).await.unwrap();
    let ended: Vec<String> = ended.iter().map(i32::to_string).collect();
    let left = format!("SELECT count(*) FROM pg_stat_activity WHERE pid = ANY ('{{{}}}')", ended.join(","));
    until("the sessions have ended", || async { db.number(&left).await == 0 }).await;
}

/// Terminates all sessions of the database, as a failover does.
async fn fail_over(db: &TestDatabase) {
    terminate(db, "true").await;
}

pub(crate) async fn calls_after_a_failover_succeed_at_the_first_try(db: TestDatabase) {
    let store = on_untested_pool(&db).await;
    let command_id = command("c-1");
    accept(&store, Append { key: Some(command_id.clone()), ..noted(1) }).await;
    built(&store, &STOCK, vec![row(1, 10)]).await;
    store.save_snapshot(&snapshots::of(1), &snapshots::at(1)).await.unwrap();
    let query = RowQuery { table: &STOCK, filters: vec![], sort: None, after: None, limit: 10 };
    let all = Criteria::all();
    let noted_only = Criteria::from(Item::any().types(["noted"]));
    macro_rules! first_try {
        ($($call:expr),+ $(,)?) => {$({
            // The background tasks of the log use connections too: they may find one that is lost, but not all.
            fail_over(&db).await;
            if let Err(error) = $call.await {
                panic!("{}: {error}", stringify!($call));
            }
            // An append on a lost connection has an unknown outcome and is not repeated: no connection may be lost any more.
            accept(&store, noted(2)).await;
        })+};
    }
    first_try!(
        store.read(&[Read::all(all.clone())]),
        store.read(&[Read { payload_only: true, ..Read::all(noted_only.clone()) }]),
        store.feed(&all, Position::START, PageLimit::records(10)),
        store.feed(&noted_only, Position::START, PageLimit::records(10)),
        store.settled(),
        store.count(&all, Position::START, Position::END),
        store.prefix_at(Timestamp::MAX),
        store.receipt(&command_id),
        store.journal(0, PageLimit::records(10)),
        store.snapshot(&snapshots::of(1)),
        store.save_snapshot(&snapshots::of(1), &snapshots::at(2)),
        store.purge_command_ids(Timestamp::EPOCH, annalist_core::store::CommandKey::ALL_IDS),
        store.builds("stock"),
        store.rows(&STOCK, &[vec![Value::Int(1)]]),
        store.find(&query),
        store.parked(&STOCK),
        store.report(&STOCK, None),
    );
}

/// An append with inline rows is a transaction: without its COMMIT nothing was written.
pub(crate) async fn inline_append_after_a_failover_succeeds_at_the_first_try(db: TestDatabase) {
    let store = on_untested_pool(&db).await;
    store.define(&Tally::TABLE, "", store.log_id()).await.unwrap();
    store.make_inline(Tally::inline()).await.unwrap();
    fail_over(&db).await;
    accept(&store, folding(noted("x"))).await;
    assert_eq!(rows(&store).await, expected(&store).await);
    assert_eq!(log(&store).await.len(), 1);
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
