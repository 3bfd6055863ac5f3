//! Rows of projections: plain tables for SQL queries, separate from the log.

use annalist_core::{
    Error,
    payload::Payload,
    record::Position,
    rows::{
        Column, ColumnType, CommitOutcome, Key, Role, Row, RowChange, RowQuery, RowStore, Sort, Table, Value,
    },
    store::EventStore,
    time::Timestamp,
};
use annalist_postgres::{Options, Postgres};
use sqlx::{Connection, PgPool, Row as _, postgres::PgPoolOptions};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::{
    events::{accept, log, noted},
    support::{TestDatabase, until},
};

const fn column(name: &'static str, kind: ColumnType, role: Role) -> Column {
    Column { name, kind, nullable: false, role }
}

const ACCOUNTS: Table = Table {
    projection: "accounts",
    version: 1,
    build: 0,
    columns: &[
        column("account", ColumnType::Uuid, Role::Key),
        Column { name: "owner", kind: ColumnType::Text, nullable: true, role: Role::Index },
        column("cents", ColumnType::Int, Role::Index),
        column("rate", ColumnType::Float, Role::Plain),
        column("open", ColumnType::Bool, Role::Plain),
        column("opened", ColumnType::Time, Role::Index),
        column("notes", ColumnType::Json, Role::Plain),
    ],
};

fn account(number: u128, owner: &str) -> Row {
    vec![
        Value::Uuid(Uuid::from_u128(number)),
        Value::Text(owner.to_owned()),
        Value::Int(1250),
        Value::Float(0.5),
        Value::Bool(true),
        Value::Time(Timestamp::from_micros(1_769_860_800_123_457)),
        Value::Json(Payload::parse("{\"a\":[1]}").unwrap()),
    ]
}

fn change(from: u64, to: u64, upserts: Vec<Row>) -> RowChange {
    let (from, to) = (Position::new(from), Position::new(to));
    RowChange { upserts, ..RowChange::new(&ACCOUNTS, from, to) }
}

fn everything(table: &Table) -> RowQuery<'_> {
    RowQuery { table, filters: vec![], sort: None, after: None, limit: 100 }
}

async fn checkpoint_position(store: &Postgres) -> Position {
    store.checkpoint("accounts", 1).await.unwrap().unwrap().position
}

fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    match result {
        Err(Error::Unusable { reason, .. }) => reason,
        other => panic!("not refused: {other:?}"),
    }
}

pub(crate) async fn view_is_queried_in_sql(db: TestDatabase) {
    let store = db.open().await;
    store.define(&ACCOUNTS, "", store.log_id()).await.unwrap();
    store.commit(change(0, 5, vec![account(7, "Anna")])).await.unwrap();
    // A role that may read rows, but not the log.
    let (role, url) = db.role().await;
    db.run(&format!("GRANT USAGE ON SCHEMA annalist_rows TO {role}")).await;
    db.run(&format!("GRANT SELECT ON annalist_rows.accounts TO {role}")).await;
    let mut reader = sqlx::PgConnection::connect(&url).await.unwrap();
    let row = sqlx::query(
        "SELECT account, owner, cents + 1 AS more, pg_typeof(rate)::text AS rate, open,
                extract(year FROM opened AT TIME ZONE 'UTC')::int AS year, (notes #>> '{a,0}')::int AS note,
                pg_typeof(notes)::text AS notes
         FROM annalist_rows.accounts WHERE opened > '2026-01-01' AND open",
    )
    .fetch_one(&mut reader)
    .await
    .unwrap();
    assert_eq!(row.get::<Uuid, _>("account"), Uuid::from_u128(7));
    assert_eq!((row.get::<String, _>("owner"), row.get::<i64, _>("more")), ("Anna".to_owned(), 1251));
    let types = (row.get::<String, _>("rate"), row.get::<String, _>("notes"));
    assert_eq!(types, ("double precision".to_owned(), "json".to_owned()));
    assert_eq!((row.get::<i32, _>("year"), row.get::<i32, _>("note")), (2026, 1));
    assert!(sqlx::query("SELECT FROM annalist.events").fetch_all(&mut reader).await.is_err());
}

pub(crate) async fn view_stays_with_the_first_version(db: TestDatabase) {
    const NEXT: Table = Table { version: 2, columns: ACCOUNTS.columns.split_at(2).0, ..ACCOUNTS };
    let store = db.open().await;
    for table in [&ACCOUNTS, &NEXT, &ACCOUNTS] {
        store.define(table, "", store.log_id()).await.unwrap();
    }
    store.commit(change(0, 1, vec![account(1, "first")])).await.unwrap();
    let rows = (2..4).map(|n| vec![Value::Uuid(Uuid::from_u128(n)), Value::Null]).collect();
    store.commit(RowChange { table: NEXT, ..change(0, 1, rows) }).await.unwrap();
    for (name, count) in [("accounts", 1), ("accounts_v1", 1), ("accounts_v2", 2)] {
        assert_eq!(db.number(&format!("SELECT count(*) FROM annalist_rows.{name}")).await, count, "{name}");
    }
}

pub(crate) async fn concurrent_defines_create_one_table(db: TestDatabase) {
    let id = db.open().await.log_id();
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let store = db.open().await;
        tasks.spawn(async move { store.define(&ACCOUNTS, "", id).await.unwrap().position });
    }
    assert_eq!(tasks.join_all().await, [Position::START; 8]);
    assert_eq!(db.number("SELECT count(*) FROM annalist.builds").await, 1);
}

pub(crate) async fn rows_are_stored_for_a_log_in_another_database(db: TestDatabase) {
    let log = db.open().await;
    let elsewhere = TestDatabase::fresh(&db.url).await.unwrap();
    let rows = elsewhere.open().await;
    rows.define(&ACCOUNTS, "", log.log_id()).await.unwrap();
    assert_eq!(rows.commit(change(0, 3, vec![account(1, "Anna")])).await.unwrap(), CommitOutcome::Done);
    assert_eq!(rows.commit(change(0, 3, vec![])).await.unwrap(), CommitOutcome::Stale(Position::new(3)));
    let reason = refusal(rows.define(&ACCOUNTS, "", rows.log_id()).await);
    assert!(reason.contains(&log.log_id().to_string()), "{reason}");
    rows.close().await;
    elsewhere.remove().await.unwrap();
}

pub(crate) async fn name_of_a_foreign_table_is_refused(db: TestDatabase) {
    let store = db.open().await;
    db.run("CREATE TABLE annalist_rows.accounts_v1 (mine int)").await;
    let reason = refusal(store.define(&ACCOUNTS, "", store.log_id()).await);
    assert!(reason.contains("already exists") && reason.contains("drop or rename it"), "{reason}");
    assert_eq!(store.checkpoint("accounts", 1).await.unwrap(), None);
    db.run("DROP TABLE annalist_rows.accounts_v1").await;
    store.define(&ACCOUNTS, "", store.log_id()).await.unwrap();
    // The schema of the rows cannot be a log.
    let reason = refusal(Postgres::options().schema("annalist_rows").connect(&db.url).await);
    assert!(reason.contains("`_rows`"), "{reason}");
}

pub(crate) async fn role_without_create_writes_rows_but_does_not_define(db: TestDatabase) {
    let owner = db.open().await;
    let (role, url) = db.role().await;
    db.run(&format!(
        "GRANT USAGE ON SCHEMA annalist, annalist_rows TO {role};
             GRANT SELECT ON ALL TABLES IN SCHEMA annalist TO {role};
             GRANT UPDATE ON annalist.builds TO {role}"
    ))
    .await;
    let store = Postgres::connect(&url).await.unwrap();
    let reason = refusal(store.define(&ACCOUNTS, "", store.log_id()).await);
    assert!(reason.contains("permission denied for schema annalist_rows"), "{reason}");
    assert!(reason.contains("CREATE"), "{reason}");

    owner.define(&ACCOUNTS, "", owner.log_id()).await.unwrap();
    let reason = refusal(store.commit(change(0, 1, vec![account(1, "Anna")])).await);
    assert!(reason.contains("INSERT"), "{reason}");
    assert_eq!(checkpoint_position(&owner).await, Position::START);
    db.run(&format!("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA annalist_rows TO {role}"))
        .await;
    store.define(&ACCOUNTS, "", store.log_id()).await.unwrap();
    let deletes = vec![vec![Value::Uuid(Uuid::from_u128(9))]];
    store.commit(RowChange { deletes, ..change(0, 1, vec![account(1, "Anna")]) }).await.unwrap();
    assert_eq!(store.find(&everything(&ACCOUNTS)).await.unwrap(), [account(1, "Anna")]);
}

/// The second of two runners waits only for the checkpoint.
pub(crate) async fn second_of_two_runners_finds_the_checkpoint_moved(db: TestDatabase) {
    let store = db.open().await;
    store.define(&ACCOUNTS, "", store.log_id()).await.unwrap();
    let mut other = db.connection().await;
    sqlx::raw_sql("BEGIN; UPDATE annalist.builds SET position = 7").execute(&mut other).await.unwrap();
    let waiting = store.clone();
    let task = tokio::spawn(async move { waiting.commit(change(0, 1, vec![account(1, "Anna")])).await });
    until("the runner waits", || db.waiting(1)).await;
    // Reading and appending go on.
    assert_eq!(checkpoint_position(&store).await, Position::START);
    accept(&store, noted(1)).await;
    sqlx::raw_sql("COMMIT").execute(&mut other).await.unwrap();
    assert_eq!(task.await.unwrap().unwrap(), CommitOutcome::Stale(Position::new(7)));
    assert!(store.find(&everything(&ACCOUNTS)).await.unwrap().is_empty());
}

pub(crate) async fn change_with_lost_connection_writes_nothing(db: TestDatabase) {
    let store = db.open().await;
    store.define(&ACCOUNTS, "", store.log_id()).await.unwrap();
    store.commit(change(0, 1, vec![account(1, "Anna")])).await.unwrap();
    let single_statement = change(1, 2, vec![account(2, "Bert")]);
    let transaction =
        RowChange { deletes: vec![vec![Value::Uuid(Uuid::from_u128(9))]], ..single_statement.clone() };
    let mut other = db.connection().await;
    for (change, is_certain) in [(transaction, true), (single_statement, false)] {
        sqlx::raw_sql("BEGIN; LOCK TABLE annalist_rows.accounts_v1 IN ACCESS EXCLUSIVE MODE")
            .execute(&mut other)
            .await
            .unwrap();
        let cut = store.clone();
        let task = tokio::spawn(async move { cut.commit(change).await });
        until("it waits with its checkpoint moved", || db.waiting(1)).await;
        db.number(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
             WHERE datname = current_database() AND wait_event_type = 'Lock'",
        )
        .await;
        let error = task.await.unwrap().unwrap_err();
        // A statement that is its own transaction may have been committed when the connection was lost.
        assert_eq!((error.is_unavailable(), error.is_unknown()), (is_certain, !is_certain), "{error:?}");
        sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
        assert_eq!(checkpoint_position(&store).await, Position::new(1));
    }
    assert_eq!(store.commit(change(1, 2, vec![account(2, "Bert")])).await.unwrap(), CommitOutcome::Done);
    assert_eq!(store.find(&everything(&ACCOUNTS)).await.unwrap().len(), 2);
}

/// A deferred constraint of the user fails at COMMIT: the outcome is known, and nothing was written.
pub(crate) async fn refused_commit_has_a_known_outcome(db: TestDatabase) {
    let store = db.open().await;
    store.define(&ACCOUNTS, "", store.log_id()).await.unwrap();
    db.run(
        "ALTER TABLE annalist_rows.accounts_v1
             ADD CONSTRAINT once UNIQUE (cents) DEFERRABLE INITIALLY DEFERRED",
    )
    .await;
    let error = store.commit(change(0, 1, vec![account(1, "a"), account(2, "b")])).await.unwrap_err();
    assert!(!error.is_unknown(), "{error:?}");
    assert_eq!(checkpoint_position(&store).await, Position::START);
}

pub(crate) async fn pages_and_lookups_use_indexes(db: TestDatabase) {
    let store = db.open().await;
    store.define(&ACCOUNTS, "", store.log_id()).await.unwrap();
    let rows: Vec<Row> = (0..5_000)
        .map(|n| {
            let mut row = account(n, &format!("owner {}", n % 50));
            row[2] = Value::Int(i64::try_from(n).unwrap() % 10);
            row
        })
        .collect();
    store.commit(change(0, 1, rows.clone())).await.unwrap();
    db.run("ANALYZE annalist_rows.accounts_v1").await;
    let scans = "SELECT sum(seq_scan)::bigint FROM pg_stat_user_tables WHERE relname = 'accounts_v1'";
    let walks = |index: usize| {
        format!("SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'accounts.1.{index}'")
    };
    // Creating the indexes scanned the table; statistics are reported when a session ends.
    store.close().await;
    until("earlier scans are counted", || async { db.number(scans).await > 0 }).await;
    let before = db.number(scans).await;
    let store = db.open().await;
    for column in [1, 2] {
        for descending in [false, true] {
            for row in rows.iter().step_by(250) {
                let after = Some((Some(row[column].clone()), vec![row[0].clone()]));
                let sort = Some(Sort { column, descending });
                let page = RowQuery { sort, after, limit: 10, ..everything(&ACCOUNTS) };
                assert!(store.find(&page).await.unwrap().len() <= 10);
            }
        }
    }
    let keys: Vec<_> = (0..10).map(|n| vec![Value::Uuid(Uuid::from_u128(n * 7))]).collect();
    assert_eq!(store.rows(&ACCOUNTS, &keys).await.unwrap().iter().flatten().count(), 10);
    store.close().await;
    until("the indexes were used", || async {
        db.number(&walks(1)).await >= 40 && db.number(&walks(2)).await >= 40
    })
    .await;
    assert_eq!(db.number(scans).await, before, "the table was scanned");
}

pub(crate) async fn pool_of_one_connection_is_enough(db: TestDatabase) {
    let pool = sqlx::postgres::PgPoolOptions::new().max_connections(1);
    let pool: PgPool = pool.connect(&db.url).await.unwrap();
    let store = Postgres::options().with_pool(pool).await.unwrap();
    store.define(&ACCOUNTS, "", store.log_id()).await.unwrap();
    for at in 0..3_u32 {
        accept(&store, noted(at)).await;
        let row = account(at.into(), "Anna");
        assert_eq!(
            store.commit(change(at.into(), u64::from(at) + 1, vec![row])).await.unwrap(),
            CommitOutcome::Done
        );
        assert_eq!(
            store.commit(change(at.into(), 9, vec![])).await.unwrap(),
            CommitOutcome::Stale(Position::new(u64::from(at) + 1))
        );
    }
    assert_eq!(log(&store).await.len(), 3);
}

/// How many plans for any parameters the session of a pool has made for prepared statements like this one, and for the parameters of an
/// execution. A statement that is not prepared is not counted.
async fn plans(pool: &PgPool, like: &str) -> (i64, i64) {
    let plans = "SELECT coalesce(sum(generic_plans), 0)::bigint, coalesce(sum(custom_plans), 0)::bigint
                 FROM pg_prepared_statements WHERE statement LIKE $1 AND statement NOT LIKE '%pg_prepared_statements%'";
    sqlx::query_as(plans).bind(like).fetch_one(pool).await.unwrap()
}

/// A plan that was made when the table was small would scan all of it when it is large.
pub(crate) async fn look_ups_are_prepared_and_planned_for_each_execution(db: TestDatabase) {
    if db.number("SELECT current_setting('server_version_num')::bigint").await < 140_000 {
        return; // Older servers do not count plans.
    }
    let pool = PgPoolOptions::new().max_connections(1).connect(&db.url).await.unwrap();
    let store = Options::default().with_pool(pool.clone()).await.unwrap();
    store.define(&ACCOUNTS, "", store.log_id()).await.unwrap();
    store.commit(change(0, 5, (0..3).map(|number| account(number, "Anna")).collect())).await.unwrap();
    db.run("ANALYZE annalist_rows.accounts_v1").await;
    let keys = |count: u128| (0..count).map(|number| vec![Value::Uuid(Uuid::from_u128(number))]).collect();
    for count in [1, 20, 1, 500, 1, 1, 1, 1, 1, 1] {
        let keys: Vec<Key> = keys(count);
        let rows = store.rows(&ACCOUNTS, &keys).await.unwrap();
        assert_eq!(rows.iter().flatten().count() as u128, count.min(3));
    }
    assert_eq!(plans(&pool, "SELECT given%accounts_v1%").await, (0, 10));

    // Without the last condition of the statement, the server makes a plan for any parameters: a scan of the three rows.
    let plain = "SELECT owner FROM annalist_rows.accounts_v1 CROSS JOIN unnest($1::uuid[]) AS plain WHERE account = plain";
    for number in 0..10 {
        sqlx::query(plain).bind(vec![Uuid::from_u128(number)]).fetch_all(&pool).await.unwrap();
    }
    assert_eq!(plans(&pool, "SELECT owner%plain%").await, (5, 5));
}
