//! Builds as whoever asks in SQL sees them: tables, and one view over the live one.

use annalist_core::rows::{CommitOutcome, Parked, PromoteOutcome, RowChange, RowStore, Table};
use uuid::Uuid;

use super::{folds::*, *};

/// Version 2 has no owners any more.
const FEWER: Table = Table { version: 2, columns: OWNERS.columns.split_at(1).0, ..OWNERS };
const ROWLESS: Table = Table { projection: "mailer", version: 1, build: 0, columns: &[] };

async fn filled(store: &Sqlite, table: &Table, name: &str) {
    store.define(table, store.log_id()).await.unwrap();
    assert_eq!(store.commit(change(table, 0, 1, vec![owner(1, name)])).await.unwrap(), CommitOutcome::Done);
}

#[tokio::test]
async fn the_view_follows_the_live_build() {
    let place = Place::new();
    let store = place.open().await;
    let builds = [OWNERS, OWNERS.built(1), OWNERS.built(12), Table { version: 3, build: 2, ..OWNERS }];
    for (table, name) in builds.iter().zip(["first", "second", "third", "fourth"]) {
        filled(&store, table, name).await;
    }
    let view = || seen(&place, "SELECT owner FROM annalist_rows_owners");
    assert_eq!(view().await, ["first"], "the view stays with the build that came first");
    for (table, name) in builds.iter().zip(["first", "second", "third", "fourth"]) {
        assert_eq!(store.promote(table, false).await.unwrap(), PromoteOutcome::Done);
        assert_eq!(view().await, [name]);
    }
    assert_eq!(
        relations(&place).await,
        ["", "_v1", "_v1_1", "_v1_12", "_v3_2"].map(|end| format!("annalist_rows_owners{end}"))
    );
    for table in &builds[..3] {
        assert!(store.discard(table).await.unwrap() && !store.discard(table).await.unwrap());
    }
    assert_eq!(relations(&place).await, ["annalist_rows_owners", "annalist_rows_owners_v3_2"]);
    assert_eq!(view().await, ["fourth"]);
    place.assert_sound().await;
}

#[tokio::test]
async fn no_view_is_left_over_a_table_that_is_gone() {
    let place = Place::new();
    let store = place.open().await;
    filled(&store, &OWNERS, "first").await;
    filled(&store, &OWNERS.built(1), "second").await;
    // Neither is live, and the view selects from the first.
    assert!(store.discard(&OWNERS).await.unwrap());
    assert_eq!(relations(&place).await, ["annalist_rows_owners_v1_1"]);
    filled(&store, &OWNERS.built(2), "third").await;
    assert_eq!(seen(&place, "SELECT owner FROM annalist_rows_owners").await, ["third"]);
    // A view over another build stays.
    assert!(store.discard(&OWNERS.built(1)).await.unwrap());
    assert_eq!(seen(&place, "SELECT owner FROM annalist_rows_owners").await, ["third"]);
}

#[tokio::test]
async fn a_build_is_removed_whatever_its_columns_were() {
    let place = Place::new();
    let store = place.open().await;
    filled(&store, &OWNERS, "first").await;
    let parked = Parked {
        position: Position::new(2),
        event: Uuid::nil(),
        keys: vec!["\0\"é".to_owned()],
        error: "no".to_owned(),
        attempts: 1,
    };
    let park = RowChange { park: vec![parked], ..change(&OWNERS, 1, 2, vec![]) };
    assert_eq!(store.commit(park).await.unwrap(), CommitOutcome::Done);
    // A program that only knows the next version says so with the columns of that.
    let unknown = Table { columns: FEWER.columns, ..OWNERS };
    assert!(store.discard(&unknown).await.unwrap());
    assert_eq!(relations(&place).await, [""; 0]);
    assert_eq!(seen(&place, "SELECT error FROM annalist_parked").await, [""; 0]);
    assert_eq!(store.builds("owners").await.unwrap(), []);
    filled(&store, &OWNERS, "again").await;
    assert_eq!(store.parked(&OWNERS).await.unwrap(), []);
}

#[tokio::test]
async fn a_checkpoint_alone_has_neither_table_nor_view() {
    let place = Place::new();
    let store = place.open().await;
    let next = Table { version: 2, ..ROWLESS };
    for table in [&ROWLESS, &next] {
        store.define(table, store.log_id()).await.unwrap();
        assert_eq!(store.commit(change(table, 0, 3, vec![])).await.unwrap(), CommitOutcome::Done);
        assert_eq!(store.promote(table, true).await.unwrap(), PromoteOutcome::Done);
        assert!(found(&store, table).await.is_empty());
    }
    assert_eq!(relations(&place).await, [""; 0]);
    assert!(store.discard(&ROWLESS).await.unwrap());
    assert_eq!(store.builds("mailer").await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_view_goes_when_rows_are_no_longer_kept() {
    let place = Place::new();
    let store = place.open().await;
    filled(&store, &OWNERS, "first").await;
    store.promote(&OWNERS, false).await.unwrap();
    let without = Table { version: 2, columns: &[], ..OWNERS };
    store.define(&without, store.log_id()).await.unwrap();
    assert_eq!(store.promote(&without, false).await.unwrap(), PromoteOutcome::Done);
    assert_eq!(relations(&place).await, ["annalist_rows_owners_v1"]);
}

#[tokio::test]
async fn views_of_others_over_the_view_go_on() {
    let place = Place::new();
    let store = place.open().await;
    filled(&store, &OWNERS, "first").await;
    store.promote(&OWNERS, false).await.unwrap();
    let mut raw = place.raw().await;
    for sql in [
        "CREATE VIEW report AS SELECT upper(owner) AS owner FROM annalist_rows_owners",
        "CREATE VIEW \"report \"\"2\"\"\" AS SELECT owner || '!' AS owner FROM report",
        // Nobody can say that this one worked before.
        "CREATE VIEW broken AS SELECT * FROM nowhere",
    ] {
        sqlx::query(sql).execute(&mut raw).await.unwrap();
    }
    filled(&store, &OWNERS.built(1), "second").await;
    assert_eq!(store.promote(&OWNERS.built(1), false).await.unwrap(), PromoteOutcome::Done);
    assert_eq!(seen(&place, "SELECT owner FROM \"report \"\"2\"\"\"").await, ["SECOND!"]);
}

#[tokio::test]
async fn a_switch_that_would_break_a_view_of_others_is_refused() {
    let place = Place::new();
    let store = place.open().await;
    filled(&store, &OWNERS, "first").await;
    store.promote(&OWNERS, false).await.unwrap();
    let mut raw = place.raw().await;
    for sql in [
        "CREATE VIEW accounts AS SELECT account FROM annalist_rows_owners",
        "CREATE VIEW report AS SELECT owner FROM annalist_rows_owners",
        "CREATE VIEW beyond AS SELECT owner FROM report",
    ] {
        sqlx::query(sql).execute(&mut raw).await.unwrap();
    }
    store.define(&FEWER, store.log_id()).await.unwrap();
    let error = store.promote(&FEWER, false).await.unwrap_err();
    assert!(matches!(error, Error::Unusable { .. }), "{error:?}");
    let text = message(&error);
    assert!(text.contains("`report`") && text.contains("no such column"), "{text}");
    let live = |builds: Vec<annalist_core::rows::Build>| builds.iter().position(|build| build.live);
    assert_eq!(live(store.builds("owners").await.unwrap()), Some(0));
    assert_eq!(seen(&place, "SELECT owner FROM beyond").await, ["first"]);
    sqlx::raw_sql("DROP VIEW beyond; DROP VIEW report").execute(&mut raw).await.unwrap();
    assert_eq!(store.promote(&FEWER, false).await.unwrap(), PromoteOutcome::Done);
    assert_eq!(live(store.builds("owners").await.unwrap()), Some(1));
    assert_eq!(seen(&place, "SELECT account FROM accounts").await, [""; 0]);
    // SQLite itself lets a view go, whoever selects from it.
    sqlx::query("CREATE VIEW more AS SELECT account FROM annalist_rows_owners")
        .execute(&mut raw)
        .await
        .unwrap();
    sqlx::query("DROP VIEW annalist_rows_owners").execute(&mut raw).await.unwrap();
}

#[tokio::test]
async fn a_switch_that_fails_half_way_leaves_the_view() {
    let place = Place::new();
    let store = place.open().await;
    filled(&store, &OWNERS, "first").await;
    store.promote(&OWNERS, false).await.unwrap();
    filled(&store, &OWNERS.built(1), "second").await;
    let refuse = "CREATE TRIGGER refuse BEFORE UPDATE OF live ON annalist_builds
                  BEGIN SELECT RAISE(ABORT, 'not now'); END";
    sqlx::query(refuse).execute(&mut place.raw().await).await.unwrap();
    let error = store.promote(&OWNERS.built(1), false).await.unwrap_err();
    assert!(message(&error).contains("not now"), "{error}");
    assert_eq!(seen(&place, "SELECT owner FROM annalist_rows_owners").await, ["first"]);
    sqlx::query("DROP TRIGGER refuse").execute(&mut place.raw().await).await.unwrap();
    assert_eq!(store.promote(&OWNERS.built(1), false).await.unwrap(), PromoteOutcome::Done);
    assert_eq!(seen(&place, "SELECT owner FROM annalist_rows_owners").await, ["second"]);
}

#[tokio::test]
async fn a_name_that_somebody_took_stands_in_the_way_of_its_build_alone() {
    let place = Place::new();
    let store = place.open().await;
    filled(&store, &OWNERS, "first").await;
    let take = "CREATE TABLE annalist_rows_owners_v1_1 (mine)";
    sqlx::query(take).execute(&mut place.raw().await).await.unwrap();
    let error = store.define(&OWNERS.built(1), store.log_id()).await.unwrap_err();
    assert!(message(&error).contains("already exists"), "{error}");
    // What is not a build of ours is not ours to remove.
    assert!(!store.discard(&OWNERS.built(1)).await.unwrap());
    assert_eq!(relations(&place).await.len(), 3);
    filled(&store, &OWNERS.built(2), "third").await;
}

#[tokio::test]
async fn what_is_damaged_says_where() {
    let place = Place::new();
    let store = place.open().await;
    filled(&store, &OWNERS, "first").await;
    let harm = "INSERT INTO annalist_parked VALUES ('owners', 1, 0, 5, 'e', 'nonsense', '', 1)";
    sqlx::query(harm).execute(&mut place.raw().await).await.unwrap();
    let error = store.parked(&OWNERS).await.unwrap_err();
    assert!(matches!(error, Error::Unusable { .. }) && message(&error).contains("damaged"), "{error:?}");
    sqlx::query("UPDATE annalist_builds SET log = 'mine'").execute(&mut place.raw().await).await.unwrap();
    let error = store.builds("owners").await.unwrap_err();
    assert!(matches!(error, Error::Unusable { .. }) && message(&error).contains("\"mine\""), "{error:?}");
}
