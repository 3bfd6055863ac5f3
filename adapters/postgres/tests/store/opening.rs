//! Opening: creating the log, and what is refused.

use std::time::Duration;

use annalist_core::{
    Error,
    record::Position,
    rows::{PromoteOutcome, RowStore},
    store::EventStore,
};
use annalist_postgres::Postgres;
use tokio::task::JoinSet;

use crate::{
    builds::{STOCK, built, row},
    events::{accept, append, event, fed, log, noted, provided, tagged},
    support::{TestDatabase, fresh_name, until},
};
use annalist_core::store::{AppendOutcome, Marker};

/// The reason of a refusal.
pub(crate) fn refused(result: Result<Postgres, Error>) -> String {
    match result {
        Err(Error::Unusable { operation, reason, .. }) => format!("{operation}: {reason}"),
        other => panic!("not refused: {other:?}"),
    }
}

pub(crate) async fn eight_openers_create_one_log(db: TestDatabase) {
    let mut openers = JoinSet::new();
    for _ in 0..8 {
        let db = db.clone();
        openers.spawn(async move { db.open().await.log_id() });
    }
    let ids = openers.join_all().await;
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(db.open().await.log_id(), ids[0]);
}

pub(crate) async fn printed_migrations_create_a_log(db: TestDatabase) {
    db.run(&Postgres::migrations_sql("printed").unwrap()).await;
    let store = Postgres::options().schema("printed").migrate(false).connect(&db.url).await.unwrap();
    accept(&store, noted(1)).await;
    assert_eq!(log(&store).await.len(), 1);
}

pub(crate) async fn opening_without_migrate_creates_nothing(db: TestDatabase) {
    let reason = refused(Postgres::options().migrate(false).connect(&db.url).await);
    assert!(reason.contains("migrations_sql"), "{reason}");
    assert_eq!(db.number("SELECT count(*) FROM pg_namespace WHERE nspname = 'annalist'").await, 0);
    let id = db.open().await.log_id();
    assert_eq!(Postgres::options().migrate(false).connect(&db.url).await.unwrap().log_id(), id);
}

pub(crate) async fn newer_schema_is_refused(db: TestDatabase) {
    drop(db.open().await);
    db.run("INSERT INTO annalist.migrations (version) VALUES (1000)").await;
    let reason = refused(Postgres::connect(&db.url).await);
    assert!(reason.contains("1000") && reason.contains("newer program"), "{reason}");
}

pub(crate) async fn other_version_of_lock_keys_is_refused(db: TestDatabase) {
    drop(db.open().await);
    db.run("UPDATE annalist.log SET lock_keys = 77").await;
    let reason = refused(Postgres::connect(&db.url).await);
    assert!(reason.contains("version 77"), "{reason}");
}

pub(crate) async fn sequence_below_the_log_is_refused(db: TestDatabase) {
    let store = db.open().await;
    accept(&store, append((0..5).map(|value| event("noted", [crate::events::tag(value)])))).await;
    db.run("SELECT setval('annalist.events_position_seq', 3)").await;
    let reason = refused(Postgres::connect(&db.url).await);
    let remedy = "SELECT setval('\"annalist\".events_position_seq', 5)";
    assert!(reason.contains(remedy), "{reason}");
    db.run(remedy).await;
    assert_eq!(accept(&db.open().await, noted(1)).await.position(), Position::new(6));
}

pub(crate) async fn other_default_isolation_is_refused(db: TestDatabase) {
    let (role, url) = db.role().await;
    let database = &db.database;
    for level in ["repeatable read", "serializable"] {
        for (set, reset) in [
            (
                format!("ALTER DATABASE {database} SET default_transaction_isolation TO '{level}'"),
                format!("ALTER DATABASE {database} RESET ALL"),
            ),
            (
                format!("ALTER ROLE {role} SET default_transaction_isolation TO '{level}'"),
                format!("ALTER ROLE {role} RESET ALL"),
            ),
        ] {
            db.run(&set).await;
            let reason = refused(Postgres::connect(&url).await);
            assert!(reason.contains(level) && reason.contains("ALTER ROLE"), "{reason}");
            db.run(&reset).await;
        }
    }
    let pool = db.pool("SET default_transaction_isolation TO 'repeatable read'").await;
    let reason = refused(Postgres::options().with_pool(pool).await);
    assert!(reason.contains("repeatable read"), "{reason}");
}

pub(crate) async fn other_encoding_is_refused(db: TestDatabase) {
    let database = fresh_name("latin");
    db.run(&format!("CREATE DATABASE {database} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")).await;
    let reason = refused(Postgres::connect(&db.url.replace(&db.database, &database)).await);
    assert!(reason.contains("LATIN1") && reason.contains("UTF8"), "{reason}");
    db.run(&format!("DROP DATABASE {database} WITH (FORCE)")).await;
}

pub(crate) async fn invalid_address_is_explained(db: TestDatabase) {
    let reason = refused(Postgres::connect("sqlite://bank.db").await);
    assert!(reason.contains("postgres://user:password@host:5432/database"), "{reason}");
    let reason = refused(Postgres::connect(&db.url.replace(&db.database, "nowhere")).await);
    assert!(reason.contains("nowhere") && reason.contains("create the database first"), "{reason}");
    assert!(!reason.contains("at line"), "{reason}");
    let (role, url) = db.role().await;
    db.run(&format!("DROP ROLE {role}")).await;
    let reason = refused(Postgres::connect(&url).await);
    assert!(reason.contains(&role) && reason.contains("check the user"), "{reason}");
}

pub(crate) async fn unreachable_server_is_unavailable(_: TestDatabase) {
    // Port 1 is reserved, and nothing listens on it.
    let options = Postgres::options().timeout(Duration::from_secs(20));
    let error = options.connect("postgres://somebody@127.0.0.1:1/somewhere").await.unwrap_err();
    assert!(error.is_unavailable() && error.to_string().contains("127.0.0.1:1"), "{error}");
}

pub(crate) async fn invalid_schema_name_is_refused(db: TestDatabase) {
    let reason = refused(Postgres::options().schema("Log; DROP").connect(&db.url).await);
    assert!(reason.contains("[a-z][a-z0-9_]*"), "{reason}");
    assert!(Postgres::migrations_sql("a b").is_err());
}

pub(crate) async fn key_words_and_names_of_the_server_as_schema_names(db: TestDatabase) {
    for name in ["user", "order", "group", "select", "table"] {
        let store = Postgres::options().schema(name).connect(&db.url).await.unwrap();
        accept(&store, noted(1)).await;
        db.run(&format!("SELECT nextval('\"{name}\".events_position_seq')")).await;
        accept(&store, noted(2)).await;
        until("the gap is closed", || async { fed(&store).await.len() == 2 }).await;
        built(&store, &STOCK, vec![row(1, 10)]).await;
        assert_eq!(store.promote(&STOCK, false).await.unwrap(), PromoteOutcome::Done);
        let rows = db.number(&format!("SELECT count(*) FROM \"{name}_rows\".stock")).await;
        assert_eq!(rows, 1);
        assert!(
            Postgres::migrations_sql(name)
                .unwrap()
                .contains(&format!("CREATE SCHEMA IF NOT EXISTS \"{name}\""))
        );
    }
    for name in ["information_schema", "pg_catalog", "pg_toast", "pg_mine"] {
        let reason = refused(Postgres::options().schema(name).connect(&db.url).await);
        assert!(reason.contains("belong to the server"), "{reason}");
    }
}

pub(crate) async fn two_schemas_share_nothing(db: TestDatabase) {
    let (one, two) = (db.open().await, Postgres::options().schema("other").connect(&db.url).await.unwrap());
    assert_ne!(one.log_id(), two.log_id());
    for store in [&one, &two] {
        let append =
            annalist_core::store::Append { conditions: provided(tagged("x"), Marker::START), ..noted("x") };
        assert_eq!(accept(store, append.clone()).await.position(), Position::new(1));
        assert!(matches!(
            store.append_one(append).await.unwrap(),
            AppendOutcome::Conflict { index: 0, condition: 0, .. }
        ));
        assert_eq!(log(store).await.len(), 1);
    }
    // A transaction that holds locks of the first log does not block the second log.
    let mut holder = db.connection().await;
    sqlx::raw_sql("BEGIN; LOCK TABLE annalist.events IN ACCESS EXCLUSIVE MODE")
        .execute(&mut holder)
        .await
        .unwrap();
    accept(&two, noted("y")).await;
    sqlx::raw_sql("ROLLBACK").execute(&mut holder).await.unwrap();
}

pub(crate) async fn high_water_mark_is_saved(db: TestDatabase) {
    let store = db.open().await;
    for _ in 0..5 {
        accept(&store, append((0..1000).map(|value| event("noted", [crate::events::tag(value)])))).await;
    }
    until("the mark is saved", || async { db.number("SELECT high_water FROM annalist.log").await >= 4096 })
        .await;
    until("all is settled", || async { store.settled().await.unwrap().position == Position::new(5000) })
        .await;
    store.close().await;
    assert_eq!(db.number("SELECT high_water FROM annalist.log").await, 5000);
    // The next process starts there: it does not notice that older rows were deleted.
    db.run("DELETE FROM annalist.events WHERE position < 4000").await;
    let next = db.open().await;
    accept(&next, noted(1)).await;
    assert_eq!(next.settled().await.unwrap().position, Position::new(5001));
}
