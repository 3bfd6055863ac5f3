//! Connections that end, statements that are cut off, rows and tables that are not as they should be.

use annalist_core::{
    Error, Invalid,
    record::Position,
    store::{Append, AppendOutcome, EventStore},
};
use annalist_postgres::Postgres;
use sqlx::{Executor, PgConnection};

use crate::{
    events::{accept, command, fed, log, noted},
    given::{Place, until},
};

/// Another session that keeps appends from ending, until it rolls back.
async fn block(place: &Place) -> PgConnection {
    let mut blocker = place.connection().await;
    blocker.execute("BEGIN").await.unwrap();
    blocker.execute("LOCK TABLE annalist.events IN SHARE MODE").await.unwrap();
    blocker
}

/// Ends all other sessions of the database that the condition describes.
async fn end(place: &Place, which: &str) {
    place
        .run(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid() AND {which}"
        ))
        .await;
}

pub(crate) async fn closed_connections_are_unavailable(place: Place) {
    let store = place.open().await;
    accept(&store, noted(1)).await;
    store.close().await;
    let error = store.append_one(noted(2)).await.unwrap_err();
    assert!(error.is_unavailable() && error.to_string().contains("closed"), "{error}");
    assert!(store.read(&[]).await.unwrap().is_empty());
    assert!(store.settled().await.unwrap_err().is_unavailable());
    assert_eq!(log(&place.open().await).await.len(), 1);
}

pub(crate) async fn an_append_cut_off_is_unknown(place: Place) {
    let store = place.open().await;
    let blocker = block(&place).await;
    let key = command("c-1");
    let asked = Append { key: Some(key.clone()), ..noted(1) };
    let append = tokio::spawn({
        let (store, asked) = (store.clone(), asked.clone());
        async move { store.append_one(asked).await }
    });
    until("the append waits", || place.waiting(1)).await;
    end(&place, "wait_event_type = 'Lock'").await;
    let error = append.await.unwrap().unwrap_err();
    assert!(error.is_unknown(), "{error:?}");
    drop(blocker);
    // The caller asks again with the same id, and it happens once.
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

pub(crate) async fn a_statement_that_times_out_wrote_nothing(place: Place) {
    place.open().await;
    for settings in ["SET statement_timeout TO '50ms'", "SET lock_timeout TO '50ms'"] {
        let store = place.open_with(settings).await;
        let blocker = block(&place).await;
        let error = store.append_one(noted(1)).await.unwrap_err();
        assert!(error.is_unavailable(), "{error:?}");
        drop(blocker);
        until("the other session has ended", || async {
            place.number("SELECT count(*) FROM pg_locks WHERE mode = 'ShareLock' AND relation = 'annalist.events'::regclass").await == 0
        })
        .await;
        assert_eq!(log(&store).await.len(), 0);
    }
}

pub(crate) async fn an_append_in_another_isolation_is_refused(place: Place) {
    let store = place.open().await;
    store.close().await;
    let store =
        place.open_with("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED").await;
    accept(&store, noted(1)).await;
    // Sessions that begin from now on are of another kind, and so are those that replace ours.
    let database = &place.database;
    place
        .run(&format!("ALTER DATABASE {database} SET default_transaction_isolation TO 'serializable'"))
        .await;
    let strict = Postgres::options().with_pool(place.pool("SELECT 1").await).await.unwrap_err();
    assert!(matches!(strict, Error::Unusable { .. }), "{strict:?}");

    let mut session = place.connection().await;
    let error = session
        .execute("SELECT * FROM annalist.append('{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')")
        .await
        .unwrap_err();
    assert!(error.to_string().contains("read committed"), "{error}");
    assert_eq!(log(&store).await.len(), 1);
}

pub(crate) async fn idle_connections_that_died_are_replaced(place: Place) {
    let store = place.open().await;
    accept(&store, noted(1)).await;
    end(&place, "state = 'idle'").await;
    until("the store reads again", || async {
        matches!(store.read(&[annalist_core::store::Read::all(annalist_core::criteria::Criteria::all())]).await, Ok(found) if found[0].records.len() == 1)
    })
    .await;
    assert_eq!(fed(&store).await.len(), 1);
}

pub(crate) async fn a_damaged_record_says_where(place: Place) {
    let store = place.open().await;
    accept(&store, noted(1)).await;
    accept(&store, noted(2)).await;
    for damage in
        ["tags = '{no_tag}'", "tags = '{NULL}'", "tags = '{{a:2}}'", "version = -1", "metadata = '1'"]
    {
        place.run(&format!("UPDATE annalist.events SET {damage} WHERE position = 2")).await;
        let all = annalist_core::store::Read::all(annalist_core::criteria::Criteria::all());
        // Metadata are read when somebody asks for them.
        let told = match store.read(&[all]).await {
            Ok(batches) => batches[0].records[1].metadata().map(drop).map_err(Error::from),
            Err(error) => Err(error),
        };
        match told {
            Err(Error::Invalid(Invalid::Damaged { position, .. })) => assert_eq!(position, Position::new(2)),
            other => panic!("{damage}: {other:?}"),
        }
        place
            .run("UPDATE annalist.events SET tags = '{a:2}', version = 1, metadata = '{}' WHERE position = 2")
            .await;
    }
    assert_eq!(log(&store).await.len(), 2);
}

pub(crate) async fn a_schema_that_is_gone_is_explained(place: Place) {
    let store = place.open().await;
    accept(&store, noted(1)).await;
    place.run("DROP SCHEMA annalist CASCADE").await;
    match store.append_one(noted(2)).await {
        Err(Error::Unusable { reason, .. }) => {
            assert!(reason.contains("not as this program made it"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
}
