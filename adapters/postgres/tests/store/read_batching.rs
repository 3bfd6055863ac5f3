//! Concurrent reads share statements.

use annalist_core::{
    Error, Invalid,
    record::Record,
    store::{Append, Batch, EventStore, Marker, Read},
};
use annalist_postgres::Postgres;
use sqlx::{Executor, PgConnection};
use tokio::task::JoinSet;

use crate::{
    events::{accept, event, noted, provided, tag, tagged},
    faults::terminate,
    support::{TestDatabase, until},
};

const READERS: usize = 60;
/// Sessions of readers: direct reads and workers.
const SESSIONS: i64 = 6;

/// A log with the events of all readers: each has one more than its number.
async fn log_with_events(db: &TestDatabase) -> Postgres {
    let store = db.open().await;
    for reader in 0..READERS {
        let events = (0..=reader).map(|_| event("noted", [tag(reader)]));
        accept(&store, Append { events: events.collect(), ..Append::default() }).await;
    }
    store
}

/// A session that blocks reads until it rolls back.
async fn block(db: &TestDatabase) -> PgConnection {
    let mut blocker = db.connection().await;
    blocker.execute("BEGIN; LOCK TABLE annalist.event_tags IN ACCESS EXCLUSIVE MODE").await.unwrap();
    blocker
}

/// Each reader reads its own events: every second one payloads only, every third one several histories.
fn start_reads(store: &Postgres) -> JoinSet<(usize, Result<Vec<Batch>, Error>)> {
    let mut readers = JoinSet::new();
    for reader in 0..READERS {
        let store = store.clone();
        readers.spawn(async move {
            let read = Read { payload_only: reader % 2 == 0, ..Read::all(tagged(reader)) };
            let nothing = Read { payload_only: read.payload_only, ..Read::all(tagged("nothing")) };
            let reads = if reader % 3 == 0 { vec![nothing, read] } else { vec![read] };
            (reader, store.read(&reads).await)
        });
    }
    readers
}

/// Whether the last batch has the events of this reader, and a valid marker.
async fn is_correct(store: &Postgres, reader: usize, mut batches: Vec<Batch>) -> bool {
    let Batch { records, marker } = batches.pop().unwrap();
    assert!(batches.iter().all(|batch| batch.records.is_empty()));
    let own = |record: &Record| reader.is_multiple_of(2) || *record.tags == [tag(reader)];
    accept(store, Append { conditions: provided(tagged(reader), marker), ..noted("after") }).await;
    records.len() == reader + 1
        && records.iter().all(own)
        && records.is_sorted_by_key(|record| record.position)
}

pub(crate) async fn concurrent_reads_share_statements(db: TestDatabase) {
    db.run(&format!("ALTER DATABASE {} SET track_functions = 'pl'", db.database)).await;
    let store = log_with_events(&db).await;
    let mut blocker = block(&db).await;
    let readers = start_reads(&store);
    until("some are waiting in the database", || db.waiting(SESSIONS)).await;
    blocker.execute("ROLLBACK").await.unwrap();
    for (reader, answer) in readers.join_all().await {
        assert!(is_correct(&store, reader, answer.unwrap()).await, "{reader}");
    }
    // A session reports its calls when it ends.
    store.close().await;
    let calls = "SELECT coalesce(sum(calls), 0)::bigint FROM pg_stat_user_functions WHERE funcname = 'matching_positions_batch'";
    until("all calls are counted", || async { db.number(calls).await >= SESSIONS }).await;
    let calls = db.number(calls).await;
    assert!(calls < 20, "{calls} statements for {READERS} readers");
}

pub(crate) async fn failed_read_does_not_fail_its_batch(db: TestDatabase) {
    let store = log_with_events(&db).await;
    db.run("UPDATE annalist.events SET version = -1 WHERE tags IN ('{a:7}', '{a:30}')").await;
    let damaged = db.number("SELECT count(*) FROM annalist.events WHERE version < 0").await;
    assert_eq!(damaged, 8 + 31, "the tags are written otherwise");
    let mut blocker = block(&db).await;
    let mut readers = start_reads(&store);
    until("some are waiting in the database", || db.waiting(SESSIONS)).await;
    // Some callers drop their reads while they are queued.
    let gone: Vec<_> = (0..5).map(|_| start_reads(&store)).collect();
    tokio::task::yield_now().await;
    drop(gone);
    blocker.execute("ROLLBACK").await.unwrap();
    while let Some(answered) = readers.join_next().await {
        match answered.unwrap() {
            (7 | 30, Err(Error::Invalid(Invalid::Damaged { .. }))) => {}
            (reader, answer) => assert!(is_correct(&store, reader, answer.unwrap()).await, "{reader}"),
        }
    }
}

pub(crate) async fn lost_connection_is_reported_to_all_reads_of_a_batch(db: TestDatabase) {
    let store = log_with_events(&db).await;
    let mut blocker = block(&db).await;
    let mut readers = start_reads(&store);
    until("some are waiting in the database", || db.waiting(SESSIONS)).await;
    terminate(&db, "wait_event_type = 'Lock'").await;
    // They are repeated on other connections, which are lost too.
    until("the repeated reads are waiting", || db.waiting(SESSIONS)).await;
    terminate(&db, "wait_event_type = 'Lock'").await;
    let mut lost = 0;
    while lost < SESSIONS {
        let (_, answer) = readers.join_next().await.unwrap().unwrap();
        assert!(answer.unwrap_err().is_unavailable());
        lost += 1;
    }
    blocker.execute("ROLLBACK").await.unwrap();
    for (reader, answer) in readers.join_all().await {
        match answer {
            Ok(batches) => assert!(is_correct(&store, reader, batches).await, "{reader}"),
            Err(error) => assert!(error.is_unavailable(), "{error:?}"),
        }
    }
}

/// A read that joined a statement which was already sent would miss its caller's own events.
pub(crate) async fn batched_read_sees_acknowledged_appends(db: TestDatabase) {
    let store = db.open().await;
    let mut tasks = JoinSet::new();
    for own in 0..32 {
        let store = store.clone();
        tasks.spawn(async move {
            let mut marker = Marker::START;
            for written in 1..=30 {
                accept(&store, Append { conditions: provided(tagged(own), marker), ..noted(own) }).await;
                let batch = store.read(&[Read::all(tagged(own))]).await.unwrap().remove(0);
                assert_eq!(batch.records.len(), written);
                marker = batch.marker;
            }
        });
    }
    tasks.join_all().await;
}
