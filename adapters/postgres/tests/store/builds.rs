//! Promotion of builds, and transactions with the user's SQL.

use annalist_core::{
    BoxError, Error,
    record::Position,
    rows::{
        Column, ColumnType, CommitOutcome, InTransaction, PromoteOutcome, Role, Row, RowChange, RowStore,
        Table, Transactional, Value,
    },
    store::EventStore,
};
use annalist_postgres::Postgres;
use async_trait::async_trait;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::task::JoinSet;

use crate::{
    events::{accept, fed, noted},
    support::{DEFAULT_TIMEOUT, TestDatabase, until},
};

const fn column(name: &'static str, kind: ColumnType, role: Role) -> Column {
    Column { name, kind, nullable: false, role }
}

pub(crate) const STOCK: Table = Table {
    projection: "stock",
    version: 1,
    build: 0,
    columns: &[column("item", ColumnType::Int, Role::Key), column("left", ColumnType::Int, Role::Index)],
};

/// Other columns.
pub(crate) const NEXT: Table = Table {
    version: 2,
    columns: &[column("item", ColumnType::Text, Role::Key), column("left", ColumnType::Int, Role::Index)],
    ..STOCK
};

pub(crate) fn row(item: i64, left: i64) -> Row {
    vec![Value::Int(item), Value::Int(left)]
}

pub(crate) fn change(table: &Table, from: u64, to: u64, upserts: Vec<Row>) -> RowChange {
    RowChange { upserts, ..RowChange::new(table, Position::new(from), Position::new(to)) }
}

/// A build with rows, not live.
pub(crate) async fn built(store: &Postgres, table: &Table, rows: Vec<Row>) {
    store.define(table, "", store.log_id()).await.unwrap();
    assert_eq!(store.commit(change(table, 0, 1, rows)).await.unwrap(), CommitOutcome::Done);
}

/// A log with one live build.
async fn live(db: &TestDatabase) -> Postgres {
    let store = db.open().await;
    built(&store, &STOCK, vec![row(1, 10)]).await;
    assert_eq!(store.promote(&STOCK, false).await.unwrap(), PromoteOutcome::Done);
    store
}

fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    match result {
        Err(Error::Unusable { reason, .. }) => reason,
        other => panic!("not refused: {other:?}"),
    }
}

async fn order(store: &Postgres) -> Vec<(u32, u32, bool)> {
    let builds = store.builds("stock").await.unwrap();
    builds.into_iter().map(|build| (build.version, build.build, build.live)).collect()
}

pub(crate) async fn privileges_and_dependent_views_stay(db: TestDatabase) {
    let store = live(&db).await;
    let (role, url) = db.role().await;
    db.run(&format!(
        "GRANT USAGE ON SCHEMA annalist_rows TO {role};
             GRANT SELECT ON annalist_rows.stock TO {role};
             CREATE VIEW low AS SELECT item FROM annalist_rows.stock WHERE \"left\" < 5"
    ))
    .await;
    let mut reader = PgConnection::connect(&url).await.unwrap();
    let again = STOCK.built(1);
    built(&store, &again, vec![row(1, 3), row(2, 30)]).await;
    assert_eq!(store.promote(&again, false).await.unwrap(), PromoteOutcome::Done);
    assert_eq!(db.number("SELECT count(*) FROM low").await, 1);
    let left: i64 = sqlx::query_scalar("SELECT sum(\"left\")::bigint FROM annalist_rows.stock")
        .fetch_one(&mut reader)
        .await
        .unwrap();
    assert_eq!(left, 33);

    // With other columns the view has to be recreated, which dependent views prevent.
    built(&store, &NEXT, vec![vec![Value::Text("a".to_owned()), Value::Int(7)]]).await;
    let reason = refusal(store.promote(&NEXT, false).await);
    assert!(reason.contains("low") && reason.contains("drop them first"), "{reason}");
    assert_eq!(order(&store).await, [(1, 0, false), (1, 1, true), (2, 0, false)]);
    db.run("DROP VIEW low").await;
    assert_eq!(store.promote(&NEXT, false).await.unwrap(), PromoteOutcome::Done);
    let left: i64 = sqlx::query_scalar("SELECT \"left\" FROM annalist_rows.stock WHERE item = 'a'")
        .fetch_one(&mut reader)
        .await
        .unwrap();
    assert_eq!(left, 7);
    assert!(reader.execute("SELECT FROM annalist_rows.stock_v2").await.is_err());
}

pub(crate) async fn table_with_a_dependent_view_is_not_discarded(db: TestDatabase) {
    let store = live(&db).await;
    let again = STOCK.built(1);
    built(&store, &again, vec![row(1, 10)]).await;
    store.promote(&again, true).await.unwrap();
    db.run("CREATE VIEW old AS SELECT * FROM annalist_rows.stock_v1").await;
    let reason = refusal(store.discard(&STOCK).await);
    assert!(reason.contains("old") && reason.contains("drop them first"), "{reason}");
    assert_eq!(order(&store).await, [(1, 0, false), (1, 1, true)]);
    db.run("DROP VIEW old").await;
    assert!(store.discard(&STOCK).await.unwrap());
    assert_eq!(db.number("SELECT count(*) FROM annalist_rows.stock").await, 1);
}

pub(crate) async fn view_is_dropped_with_its_build(db: TestDatabase) {
    let store = db.open().await;
    built(&store, &STOCK, vec![row(1, 10)]).await;
    built(&store, &NEXT, vec![]).await;
    assert!(store.discard(&STOCK).await.unwrap());
    assert_eq!(db.number("SELECT count(*) FROM pg_views WHERE schemaname = 'annalist_rows'").await, 0);
    assert_eq!(store.promote(&NEXT, false).await.unwrap(), PromoteOutcome::Done);
    assert_eq!(db.number("SELECT count(*) FROM annalist_rows.stock").await, 0);
}

pub(crate) async fn concurrent_promotions_end_with_the_newest_build(db: TestDatabase) {
    let store = live(&db).await;
    let builds: Vec<Table> = (1..5).map(|build| STOCK.built(build)).collect();
    for table in &builds {
        built(&store, table, vec![row(1, 10)]).await;
    }
    let mut tasks = JoinSet::new();
    for table in builds.iter().chain(&builds) {
        let (store, table) = (db.open().await, *table);
        tasks.spawn(async move { store.promote(&table, true).await.unwrap() });
    }
    while let Some(answer) = tasks.join_next().await {
        let answer = answer.unwrap();
        assert!(matches!(answer, PromoteOutcome::Done | PromoteOutcome::Superseded), "{answer:?}");
    }
    assert!(store.builds("stock").await.unwrap().iter().all(|build| build.live == (build.build == 4)));
}

/// While builds are compared, neither of them moves.
pub(crate) async fn comparison_blocks_the_runners(db: TestDatabase) {
    live(&db).await.close().await;
    let store = Postgres::options().timeout(DEFAULT_TIMEOUT).connect(&db.url).await.unwrap();
    let again = STOCK.built(1);
    built(&store, &again, vec![row(1, 10)]).await;
    // The comparison waits for the table, and a runner for the comparison.
    let mut other = db.connection().await;
    other.execute("BEGIN; LOCK TABLE annalist_rows.stock_v1_1 IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let switch = tokio::spawn({
        let store = store.clone();
        async move { store.promote(&again, true).await.unwrap() }
    });
    until("the comparison waits", || db.waiting(1)).await;
    let runner = tokio::spawn({
        let store = store.clone();
        async move { store.commit(change(&STOCK, 1, 2, vec![row(1, 9)])).await.unwrap() }
    });
    until("the runner waits", || db.waiting(2)).await;
    other.execute("ROLLBACK").await.unwrap();
    assert_eq!(switch.await.unwrap(), PromoteOutcome::Done);
    assert_eq!(runner.await.unwrap(), CommitOutcome::Done);
    assert_eq!(order(&store).await, [(1, 0, false), (1, 1, true)]);
}

/// The privileges that the documentation names for a role that runs projections.
pub(crate) async fn role_that_runs_projections_commits_and_parks_but_does_not_promote(db: TestDatabase) {
    let owner = live(&db).await;
    built(&owner, &NEXT, vec![]).await;
    let (role, url) = db.role().await;
    db.run(&format!(
        "GRANT USAGE ON SCHEMA annalist, annalist_rows TO {role};
             GRANT USAGE ON ALL SEQUENCES IN SCHEMA annalist TO {role};
             GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA annalist TO {role};
             GRANT UPDATE ON annalist.log, annalist.builds TO {role};
             GRANT UPDATE, DELETE ON annalist.parked TO {role};
             GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA annalist_rows TO {role}"
    ))
    .await;
    let store = Postgres::connect(&url).await.unwrap();
    accept(&store, noted(1)).await;
    assert_eq!(fed(&store).await.len(), 1);
    let checkpoint = store.define(&STOCK, "", store.log_id()).await.unwrap();
    assert_eq!(checkpoint.position, Position::new(1));
    let park = vec![annalist_core::rows::Parked {
        position: Position::new(2),
        event: uuid::Uuid::nil(),
        keys: vec!["a\0".to_owned()],
        error: "no\0".to_owned(),
        attempts: 1,
        needs_newer: false,
    }];
    let parking = RowChange { park: park.clone(), ..change(&STOCK, 1, 2, vec![row(1, 1)]) };
    assert_eq!(store.commit(parking).await.unwrap(), CommitOutcome::Done);
    assert_eq!(store.parked(&STOCK).await.unwrap(), park);
    // What only an owner may do is refused with the reason.
    let reason = refusal(store.promote(&NEXT, false).await);
    assert!(reason.contains("own the tables and views"), "{reason}");
}

/// Writes into a table of its own, and then maybe fails.
pub(crate) struct Mine {
    pub(crate) sql: String,
    pub(crate) fails: bool,
}

#[async_trait]
impl InTransaction<Postgres> for Mine {
    async fn run(&self, connection: &mut PgConnection) -> Result<(), BoxError> {
        sqlx::raw_sql(AssertSqlSafe(self.sql.clone())).execute(&mut *connection).await?;
        if self.fails { Err("not today".into()) } else { Ok(()) }
    }
}

struct Panics;

#[async_trait]
impl InTransaction<Postgres> for Panics {
    async fn run(&self, _: &mut PgConnection) -> Result<(), BoxError> {
        panic!("what now")
    }
}

pub(crate) async fn user_transactions_are_atomic(db: TestDatabase) {
    const MINE: Table = Table { projection: "mine", version: 1, build: 0, columns: &[] };
    let store = db.open().await;
    store.define(&MINE, "", store.log_id()).await.unwrap();
    db.run("CREATE TABLE mine (n int)").await;
    let writes = |fails| Mine { sql: "INSERT INTO mine VALUES (1)".to_owned(), fails };
    let mine = || db.number("SELECT count(*) FROM mine");
    let checkpoint = || async { store.checkpoint("mine", 1).await.unwrap().unwrap().position.get() };

    let done = store.commit_with(change(&MINE, 0, 1, vec![]), &writes(false)).await.unwrap().unwrap();
    assert_eq!((done, mine().await, checkpoint().await), (CommitOutcome::Done, 1, 1));
    // After the comparison of the checkpoint: the work is not run if another change was first.
    let done = store.commit_with(change(&MINE, 0, 2, vec![]), &writes(false)).await.unwrap().unwrap();
    assert_eq!((done, mine().await, checkpoint().await), (CommitOutcome::Stale(Position::new(1)), 1, 1));
    let failed = store.commit_with(change(&MINE, 1, 2, vec![]), &writes(true)).await.unwrap().unwrap_err();
    assert_eq!((failed.to_string().as_str(), mine().await, checkpoint().await), ("not today", 1, 1));
    let wrong = Mine { sql: "INSERT INTO nowhere VALUES (1)".to_owned(), fails: false };
    let failed = store.commit_with(change(&MINE, 1, 2, vec![]), &wrong).await.unwrap().unwrap_err();
    assert!(failed.to_string().contains("nowhere"), "{failed}");

    // Only the store may end the transaction. The checkpoint shows whether the work has committed it.
    for (sql, at) in [("ROLLBACK", 1), ("ROLLBACK; BEGIN", 1), ("COMMIT", 2), ("COMMIT; BEGIN", 3)] {
        let ends = Mine { sql: sql.to_owned(), fails: false };
        let from = checkpoint().await;
        let error = store.commit_with(change(&MINE, from, from + 1, vec![]), &ends).await.unwrap_err();
        assert!(error.is_unknown() && error.to_string().contains("leave that to the store"), "{error}");
        assert_eq!(checkpoint().await, at, "{sql}");
    }
    let failed = store.commit_with(change(&MINE, 3, 4, vec![]), &Panics).await.unwrap().unwrap_err();
    assert!(failed.to_string().contains("panicked: what now"), "{failed}");
    assert_eq!((mine().await, checkpoint().await), (1, 3));

    // Dropped while its work is waiting for a lock, it writes nothing, and holds no lock afterwards.
    let mut other = db.connection().await;
    other.execute("BEGIN; LOCK TABLE mine IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let task = tokio::spawn({
        let store = store.clone();
        async move { store.commit_with(change(&MINE, 3, 4, vec![]), &writes(false)).await.unwrap().unwrap() }
    });
    until("its work is waiting", || db.waiting(1)).await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    other.execute("ROLLBACK").await.unwrap();
    let done = store.commit_with(change(&MINE, 3, 5, vec![]), &writes(false)).await.unwrap().unwrap();
    assert_eq!((done, mine().await, checkpoint().await), (CommitOutcome::Done, 2, 5));
}
