//! Reads that travel together because there are many.

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
    given::{Place, until},
};

const READERS: usize = 60;
/// Sessions of readers: those who go alone, and those of the workers.
const SESSIONS: i64 = 6;

/// Events of so many readers, of each as many as its number.
async fn seeded(place: &Place) -> Postgres {
    let store = place.open().await;
    for reader in 0..READERS {
        let events = (0..=reader).map(|_| event("noted", [tag(reader)]));
        accept(&store, Append { events: events.collect(), ..Append::default() }).await;
    }
    store
}

/// Another session that keeps reads from ending, until it rolls back.
async fn block(place: &Place) -> PgConnection {
    let mut blocker = place.connection().await;
    blocker.execute("BEGIN; LOCK TABLE annalist.event_tags IN ACCESS EXCLUSIVE MODE").await.unwrap();
    blocker
}

/// Each reads its own events, every second one only what a fold needs, and every third one several things.
fn asks(store: &Postgres) -> JoinSet<(usize, Result<Vec<Batch>, Error>)> {
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

/// Whether the last of the batches has the events of this reader, and a marker that holds.
async fn is_right(store: &Postgres, reader: usize, mut batches: Vec<Batch>) -> bool {
    let Batch { records, marker } = batches.pop().unwrap();
    assert!(batches.iter().all(|batch| batch.records.is_empty()));
    let own = |record: &Record| reader.is_multiple_of(2) || *record.tags == [tag(reader)];
    accept(store, Append { conditions: provided(tagged(reader), marker), ..noted("after") }).await;
    records.len() == reader + 1
        && records.iter().all(own)
        && records.is_sorted_by_key(|record| record.position)
}

pub(crate) async fn many_readers_need_few_statements(place: Place) {
    place.run(&format!("ALTER DATABASE {} SET track_functions = 'pl'", place.database)).await;
    let store = seeded(&place).await;
    let mut blocker = block(&place).await;
    let readers = asks(&store);
    until("some wait in the database", || place.waiting(SESSIONS)).await;
    blocker.execute("ROLLBACK").await.unwrap();
    for (reader, answer) in readers.join_all().await {
        assert!(is_right(&store, reader, answer.unwrap()).await, "{reader}");
    }
    // A session tells of its calls when it ends.
    store.close().await;
    let calls = "SELECT coalesce(sum(calls), 0)::bigint FROM pg_stat_user_functions WHERE funcname = 'matching_positions_batch'";
    until("all calls are told", || async { place.number(calls).await > SESSIONS }).await;
    let calls = place.number(calls).await;
    assert!(calls < 20, "{calls} statements for {READERS} readers");
}

pub(crate) async fn readers_do_not_share_a_fate(place: Place) {
    let store = seeded(&place).await;
    place.run("UPDATE annalist.events SET version = -1 WHERE tags IN ('{a:7}', '{a:30}')").await;
    let damaged = place.number("SELECT count(*) FROM annalist.events WHERE version < 0").await;
    assert_eq!(damaged, 8 + 31, "the tags are written otherwise");
    let mut blocker = block(&place).await;
    let mut readers = asks(&store);
    until("some wait in the database", || place.waiting(SESSIONS)).await;
    // Some go before they are read for.
    let gone: Vec<_> = (0..5).map(|_| asks(&store)).collect();
    tokio::task::yield_now().await;
    drop(gone);
    blocker.execute("ROLLBACK").await.unwrap();
    while let Some(answered) = readers.join_next().await {
        match answered.unwrap() {
            (7 | 30, Err(Error::Invalid(Invalid::Damaged { .. }))) => {}
            (reader, answer) => assert!(is_right(&store, reader, answer.unwrap()).await, "{reader}"),
        }
    }
}

pub(crate) async fn readers_hear_of_a_lost_connection(place: Place) {
    let store = seeded(&place).await;
    let mut blocker = block(&place).await;
    let mut readers = asks(&store);
    until("some wait in the database", || place.waiting(SESSIONS)).await;
    place
        .run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND wait_event_type = 'Lock'",
        )
        .await;
    let mut lost = 0;
    while lost < SESSIONS {
        let (_, answer) = readers.join_next().await.unwrap().unwrap();
        assert!(answer.unwrap_err().is_unavailable());
        lost += 1;
    }
    blocker.execute("ROLLBACK").await.unwrap();
    for (reader, answer) in readers.join_all().await {
        match answer {
            Ok(batches) => assert!(is_right(&store, reader, batches).await, "{reader}"),
            Err(error) => assert!(error.is_unavailable(), "{error:?}"),
        }
    }
}

/// A reader that got the answer of a statement that was on its way already would miss what it has written itself.
pub(crate) async fn readers_see_what_was_acknowledged(place: Place) {
    let store = place.open().await;
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
