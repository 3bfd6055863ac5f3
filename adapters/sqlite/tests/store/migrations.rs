//! Files that an older program wrote.

use annalist_core::rows::{Anchor, Build, CommitOutcome, PromoteOutcome, RowStore, Table};
use sqlx::{AssertSqlSafe, SqlitePool};
use uuid::Uuid;

use super::{folds::*, *};

/// A file as it was left by a program that knew the tables in version 2.
async fn old() -> Place {
    let place = Place::new();
    std::fs::File::create(place.file()).unwrap();
    sqlx::raw_sql(include_str!("files/version_2.sql")).execute(&mut place.raw().await).await.unwrap();
    place
}

#[tokio::test]
async fn projections_become_builds_and_the_one_that_the_view_shows_is_live() {
    let place = old().await;
    let store = place.open().await;
    let builds = store.builds("owners").await.unwrap();
    let told: Vec<_> = builds
        .iter()
        .map(|Build { version, build, live, inline, checkpoint, .. }| {
            (*version, *build, *live, *inline, checkpoint.position.get(), checkpoint.parked)
        })
        .collect();
    assert_eq!(
        told,
        [(1, 0, false, false, 1, 0), (11, 0, true, false, 2, 0), (12, 0, false, false, 0, 0)],
        "not version 1, whose name the view's text begins with"
    );
    assert_eq!(builds[0].checkpoint.stopped.as_deref(), Some("event 2 is not readable"));
    let event = Uuid::parse_str("01890000-0000-7000-8000-000000000002").unwrap();
    assert_eq!(builds[1].checkpoint.anchor, Some(Anchor { position: Position::new(2), event }));
    assert_eq!((&builds[1].shape, builds[1].log), (&OWNERS.shape(), store.log_id()));
    assert_eq!(builds[1].updated_at.as_micros(), 1_769_860_800_000_200);
    // Nobody knows what queries showed where the view is gone.
    let hidden = store.builds("hidden").await.unwrap();
    assert_eq!((hidden.len(), hidden[0].live, hidden[0].checkpoint.position), (1, false, Position::new(7)));
    assert_ne!(hidden[0].log, store.log_id());
}

#[tokio::test]
async fn what_was_migrated_goes_on() {
    let place = old().await;
    let store = place.open().await;
    assert_eq!(positions(&all(&store).await), [1, 2]);
    let first = CommandKey::new(name("c1"), name("open"), []);
    assert_eq!(store.receipt(&first).await.unwrap().unwrap().position(), Position::new(1));
    assert_eq!(write(&store, events([draft("opened", &[], "0")])).await.position(), Position::new(3));
    let live = Table { version: 11, ..OWNERS };
    assert_eq!(store.define(&live, store.log_id()).await.unwrap().position, Position::new(2));
    assert_eq!(found(&store, &live).await, [owner(1, "Anna"), owner(2, "Bert")]);
    let next = Table { version: 12, ..OWNERS };
    let rows = vec![owner(1, "Anna"), owner(2, "Berta")];
    assert_eq!(store.commit(change(&next, 0, 2, rows)).await.unwrap(), CommitOutcome::Done);
    assert!(matches!(store.promote(&next, true).await.unwrap(), PromoteOutcome::Differs(_)));
    assert_eq!(store.promote(&next, false).await.unwrap(), PromoteOutcome::Done);
    assert_eq!(seen(&place, "SELECT owner FROM annalist_rows_owners").await, ["Anna", "Berta"]);
    assert!(store.discard(&OWNERS).await.unwrap());
    assert!(store.discard(&live).await.unwrap());
    assert_eq!(
        relations(&place).await,
        ["annalist_rows_hidden_v3", "annalist_rows_owners", "annalist_rows_owners_v12"]
    );
    place.assert_sound().await;
}

#[tokio::test]
async fn a_view_that_somebody_wrote_anew_is_understood() {
    for (view, live) in [
        ("CREATE VIEW annalist_rows_owners AS SELECT account, owner FROM annalist_rows_owners_v1", Some(1)),
        (
            "CREATE VIEW annalist_rows_owners AS SELECT * FROM annalist_rows_owners_v12 WHERE owner > ''",
            Some(12),
        ),
        ("CREATE VIEW annalist_rows_owners AS SELECT 1 AS account", None),
        ("CREATE VIEW annalist_rows_owners AS SELECT account FROM annalist_rows_owners_v111", None),
    ] {
        let place = old().await;
        let anew = format!("DROP VIEW annalist_rows_owners; {view}");
        sqlx::raw_sql(AssertSqlSafe(anew)).execute(&mut place.raw().await).await.unwrap();
        let builds = place.open().await.builds("owners").await.unwrap();
        let found = builds.iter().find(|build| build.live).map(|build| build.version);
        assert_eq!(found, live, "{view}");
    }
}

#[tokio::test]
async fn a_file_of_the_first_version_is_migrated_too() {
    let place = old().await;
    let first =
        "DROP VIEW annalist_rows_owners; DROP TABLE annalist_projections; UPDATE annalist_log SET schema = 1";
    sqlx::raw_sql(first).execute(&mut place.raw().await).await.unwrap();
    let store = place.open().await;
    assert_eq!((store.builds("owners").await.unwrap(), all(&store).await.len()), (vec![], 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_that_open_an_old_file_migrate_it_once() {
    for _ in 0..5 {
        let place = std::sync::Arc::new(old().await);
        let mut openers = tokio::task::JoinSet::new();
        for _ in 0..6 {
            let place = place.clone();
            openers.spawn(async move { place.open().await.builds("owners").await.unwrap().len() });
        }
        assert_eq!(openers.join_all().await, [3; 6]);
        place.assert_sound().await;
    }
}

#[tokio::test]
async fn an_old_file_that_cannot_be_written_is_refused() {
    let place = old().await;
    let options = SqliteConnectOptions::new().filename(place.file()).read_only(true);
    let error = Sqlite::options().with_pool(SqlitePool::connect_lazy_with(options)).await.unwrap_err();
    assert!(message(&error).contains("read-only"), "{error}");
}
