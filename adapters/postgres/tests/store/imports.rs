//! An import that is dropped while the server runs one of its statements.

use std::time::Duration;

use annalist_core::{
    record::{Metadata, Position},
    store::EventStore,
    time::Timestamp,
};
use annalist_postgres::Postgres;
use sqlx::{Connection, raw_sql};

use crate::{
    events::{accept, append, event, tag},
    support::{TestDatabase, until},
};

/// The statement waits for a lock that another session keeps, so it does not end by itself. Servers before version 14 do not notice that
/// the connection is closed.
pub(crate) async fn import_that_is_dropped_during_a_statement_frees_the_log(db: TestDatabase) {
    if db.number("SELECT pg_catalog.current_setting('server_version_num')::bigint").await < 140_000 {
        return;
    }
    let store = Postgres::options().timeout(Duration::from_secs(600)).connect(&db.url).await.unwrap();
    let mut other = db.connection().await;
    raw_sql("BEGIN; LOCK TABLE annalist.event_tags IN EXCLUSIVE MODE").execute(&mut other).await.unwrap();
    let mut import = store.import().await.unwrap();
    let record = event("opened", [tag(1)]).record(Position::new(1), Timestamp::EPOCH, Metadata::default());
    import.write_events(vec![record], Vec::new()).await.unwrap();
    let finish = tokio::spawn(import.finish());
    until("the import waits for the lock", || db.waiting(1)).await;

    finish.abort();
    assert!(finish.await.unwrap_err().is_cancelled());
    let advisory_locks = "SELECT count(*) FROM pg_catalog.pg_locks WHERE locktype = 'advisory'";
    until("the lock on the log is free", || async { db.number(advisory_locks).await == 0 }).await;
    other.close().await.unwrap();
    accept(&store, append([event("opened", [tag(1)])])).await;
}
