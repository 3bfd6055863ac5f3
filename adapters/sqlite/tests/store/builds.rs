//! Builds as tables, and the view over the live one.

use annalist_core::rows::{CommitOutcome, Parked, PromoteOutcome, RowChange, RowStore, Table};
use uuid::Uuid;

use super::{folds::*, *};

/// Version 2, without the column of the owners.
const FEWER: Table = Table { version: 2, columns: OWNERS.columns.split_at(1).0, ..OWNERS };
const CHECKPOINT_ONLY: Table = Table { projection: "mailer", version: 1, build: 0, columns: &[] };

async fn filled(store: &Sqlite, table: &Table, name: &str) {
    store.define(table, "", store.log_id()).await.unwrap();
    assert_eq!(store.commit(change(table, 0, 1, vec![owner(1, name)])).await.unwrap(), CommitOutcome::Done);
}

#[tokio::test]
async fn view_selects_from_the_live_build() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    let builds = [OWNERS, OWNERS.built(1), OWNERS.built(12), Table { version: 3, build: 2, ..OWNERS }];
    for (table, name) in builds.iter().zip(["first", "second", "third", "fourth"]) {
        filled(&store, table, name).await;
    }
    let view = || texts(&test_log, "SELECT owner FROM annalist_rows_owners");
    assert_eq!(view().await, ["first"], "no build is live yet");
    for (table, name) in builds.iter().zip(["first", "second", "third", "fourth"]) {
        assert_eq!(store.promote(table, false).await.unwrap(), PromoteOutcome::Done);
        assert_eq!(view().await, [name]);
    }
    assert_eq!(
        relations(&test_log).await,
        ["", "_v1", "_v1_1", "_v1_12", "_v3_2"].map(|end| format!("annalist_rows_owners{end}"))
    );
    for table in &builds[..3] {
        assert!(store.discard(table).await.unwrap() && !store.discard(table).await.unwrap());
    }
    assert_eq!(relations(&test_log).await, ["annalist_rows_owners", "annalist_rows_owners_v3_2"]);
    assert_eq!(view().await, ["fourth"]);
    test_log.assert_sound().await;
}

#[tokio::test]
async fn discarding_a_build_drops_the_view_over_it() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    filled(&store, &OWNERS, "first").await;
    filled(&store, &OWNERS.built(1), "second").await;
    // No build is live, and the view selects from the first.
    assert!(store.discard(&OWNERS).await.unwrap());
    assert_eq!(relations(&test_log).await, ["annalist_rows_owners_v1_1"]);
    filled(&store, &OWNERS.built(2), "third").await;
    assert_eq!(texts(&test_log, "SELECT owner FROM annalist_rows_owners").await, ["third"]);
    // A view over another build stays.
    assert!(store.discard(&OWNERS.built(1)).await.unwrap());
    assert_eq!(texts(&test_log, "SELECT owner FROM annalist_rows_owners").await, ["third"]);
}

#[tokio::test]
async fn build_is_discarded_even_with_other_columns() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    filled(&store, &OWNERS, "first").await;
    let parked = Parked {
        position: Position::new(2),
        event: Uuid::nil(),
        keys: vec!["\0\"é".to_owned()],
        error: "no".to_owned(),
        attempts: 1,
        needs_newer: false,
    };
    let park = RowChange { park: vec![parked], ..change(&OWNERS, 1, 2, vec![]) };
    assert_eq!(store.commit(park).await.unwrap(), CommitOutcome::Done);
    // A program of the next version discards it with the columns of that version.
    let unknown = Table { columns: FEWER.columns, ..OWNERS };
    assert!(store.discard(&unknown).await.unwrap());
    assert_eq!(relations(&test_log).await, [""; 0]);
    assert_eq!(texts(&test_log, "SELECT error FROM annalist_parked").await, [""; 0]);
    assert_eq!(store.builds("owners").await.unwrap(), []);
    filled(&store, &OWNERS, "again").await;
    assert_eq!(store.parked(&OWNERS).await.unwrap(), []);
}

#[tokio::test]
async fn build_without_columns_has_neither_table_nor_view() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    let next = Table { version: 2, ..CHECKPOINT_ONLY };
    for table in [&CHECKPOINT_ONLY, &next] {
        store.define(table, "", store.log_id()).await.unwrap();
        assert_eq!(store.commit(change(table, 0, 3, vec![])).await.unwrap(), CommitOutcome::Done);
        assert_eq!(store.promote(table, true).await.unwrap(), PromoteOutcome::Done);
        assert!(found(&store, table).await.is_empty());
    }
    assert_eq!(relations(&test_log).await, [""; 0]);
    assert!(store.discard(&CHECKPOINT_ONLY).await.unwrap());
    assert_eq!(store.builds("mailer").await.unwrap().len(), 1);
}

#[tokio::test]
async fn promoting_a_build_without_columns_drops_the_view() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    filled(&store, &OWNERS, "first").await;
    store.promote(&OWNERS, false).await.unwrap();
    let without = Table { version: 2, columns: &[], ..OWNERS };
    store.define(&without, "", store.log_id()).await.unwrap();
    assert_eq!(store.promote(&without, false).await.unwrap(), PromoteOutcome::Done);
    assert_eq!(relations(&test_log).await, ["annalist_rows_owners_v1"]);
}

#[tokio::test]
async fn user_views_over_the_view_survive_a_promotion() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    filled(&store, &OWNERS, "first").await;
    store.promote(&OWNERS, false).await.unwrap();
    let mut raw = test_log.raw().await;
    for sql in [
        "CREATE VIEW report AS SELECT upper(owner) AS owner FROM annalist_rows_owners",
        "CREATE VIEW \"report \"\"2\"\"\" AS SELECT owner || '!' AS owner FROM report",
        // This one does not work before the promotion either.
        "CREATE VIEW broken AS SELECT * FROM nowhere",
    ] {
        sqlx::query(sql).execute(&mut raw).await.unwrap();
    }
    filled(&store, &OWNERS.built(1), "second").await;
    assert_eq!(store.promote(&OWNERS.built(1), false).await.unwrap(), PromoteOutcome::Done);
    assert_eq!(texts(&test_log, "SELECT owner FROM \"report \"\"2\"\"\"").await, ["SECOND!"]);
}

#[tokio::test]
async fn promotion_that_would_break_a_user_view_is_refused() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    filled(&store, &OWNERS, "first").await;
    store.promote(&OWNERS, false).await.unwrap();
    let mut raw = test_log.raw().await;
    for sql in [
        "CREATE VIEW accounts AS SELECT account FROM annalist_rows_owners",
        "CREATE VIEW report AS SELECT owner FROM annalist_rows_owners",
        "CREATE VIEW beyond AS SELECT owner FROM report",
    ] {
        sqlx::query(sql).execute(&mut raw).await.unwrap();
    }
    store.define(&FEWER, "", store.log_id()).await.unwrap();
    let error = store.promote(&FEWER, false).await.unwrap_err();
    assert!(matches!(error, Error::Unusable { .. }), "{error:?}");
    let text = message(&error);
    assert!(text.contains("`report`") && text.contains("no such column"), "{text}");
    let live = |builds: Vec<annalist_core::rows::Build>| builds.iter().position(|build| build.live);
    assert_eq!(live(store.builds("owners").await.unwrap()), Some(0));
    assert_eq!(texts(&test_log, "SELECT owner FROM beyond").await, ["first"]);
    sqlx::raw_sql("DROP VIEW beyond; DROP VIEW report").execute(&mut raw).await.unwrap();
    assert_eq!(store.promote(&FEWER, false).await.unwrap(), PromoteOutcome::Done);
    assert_eq!(live(store.builds("owners").await.unwrap()), Some(1));
    assert_eq!(texts(&test_log, "SELECT account FROM accounts").await, [""; 0]);
    // SQLite itself drops a view even if others select from it.
    sqlx::query("CREATE VIEW more AS SELECT account FROM annalist_rows_owners")
        .execute(&mut raw)
        .await
        .unwrap();
    sqlx::query("DROP VIEW annalist_rows_owners").execute(&mut raw).await.unwrap();
}

#[tokio::test]
async fn failed_promotion_leaves_the_view_unchanged() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    filled(&store, &OWNERS, "first").await;
    store.promote(&OWNERS, false).await.unwrap();
    filled(&store, &OWNERS.built(1), "second").await;
    let refuse = "CREATE TRIGGER refuse BEFORE UPDATE OF live ON annalist_builds
                  BEGIN SELECT RAISE(ABORT, 'not now'); END";
    sqlx::query(refuse).execute(&mut test_log.raw().await).await.unwrap();
    let error = store.promote(&OWNERS.built(1), false).await.unwrap_err();
    assert!(message(&error).contains("not now"), "{error}");
    assert_eq!(texts(&test_log, "SELECT owner FROM annalist_rows_owners").await, ["first"]);
    sqlx::query("DROP TRIGGER refuse").execute(&mut test_log.raw().await).await.unwrap();
    assert_eq!(store.promote(&OWNERS.built(1), false).await.unwrap(), PromoteOutcome::Done);
    assert_eq!(texts(&test_log, "SELECT owner FROM annalist_rows_owners").await, ["second"]);
}

#[tokio::test]
async fn table_of_the_user_blocks_only_the_build_with_its_name() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    filled(&store, &OWNERS, "first").await;
    let take = "CREATE TABLE annalist_rows_owners_v1_1 (mine)";
    sqlx::query(take).execute(&mut test_log.raw().await).await.unwrap();
    let error = store.define(&OWNERS.built(1), "", store.log_id()).await.unwrap_err();
    assert!(message(&error).contains("already exists"), "{error}");
    // The table of the user is not discarded.
    assert!(!store.discard(&OWNERS.built(1)).await.unwrap());
    assert_eq!(relations(&test_log).await.len(), 3);
    filled(&store, &OWNERS.built(2), "third").await;
}

#[tokio::test]
async fn damaged_build_or_parked_event_is_named() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    filled(&store, &OWNERS, "first").await;
    let execute = "INSERT INTO annalist_parked VALUES ('owners', 1, 0, 5, 'e', 'nonsense', '', 1, 0)";
    sqlx::query(execute).execute(&mut test_log.raw().await).await.unwrap();
    let error = store.parked(&OWNERS).await.unwrap_err();
    assert!(matches!(error, Error::Unusable { .. }) && message(&error).contains("damaged"), "{error:?}");
    sqlx::query("UPDATE annalist_builds SET log = 'mine'").execute(&mut test_log.raw().await).await.unwrap();
    let error = store.builds("owners").await.unwrap_err();
    assert!(matches!(error, Error::Unusable { .. }) && message(&error).contains("\"mine\""), "{error:?}");
}
