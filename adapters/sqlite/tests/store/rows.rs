//! Rows of projections as plain tables, independent of the log.

use annalist_core::rows::{
    Bound, Column, ColumnType, CommitOutcome, Filter, Role, Row, RowChange, RowQuery, RowStore, Sort, Table,
    Value,
};
use sqlx::{AssertSqlSafe, Row as _};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::*;

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
        column("cents", ColumnType::Int, Role::Plain),
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
        Value::Time(TIME),
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

#[tokio::test]
async fn view_can_be_queried_in_sql() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    store.define(&ACCOUNTS, "", store.log_id()).await.unwrap();
    store.commit(change(0, 5, vec![account(7, "Anna")])).await.unwrap();
    let mut raw = test_log.raw().await;
    let row = sqlx::query(
        "SELECT account, owner, cents + 1 AS more, typeof(rate) AS rate, open, opened,
                strftime('%Y', opened) AS year, notes ->> '$.a[0]' AS note
         FROM annalist_rows_accounts WHERE opened > '2026-01-01' AND open",
    )
    .fetch_one(&mut raw)
    .await
    .unwrap();
    assert_eq!(row.get::<String, _>("account"), "00000000-0000-0000-0000-000000000007");
    assert_eq!((row.get::<String, _>("owner"), row.get::<i64, _>("more")), ("Anna".to_owned(), 1251));
    assert_eq!(row.get::<String, _>("rate"), "real");
    assert_eq!(row.get::<String, _>("opened"), "2026-01-31T12:00:00.123457Z");
    assert_eq!((row.get::<String, _>("year"), row.get::<i64, _>("note")), ("2026".to_owned(), 1));
    test_log.assert_sound().await;
}

#[tokio::test]
async fn view_selects_from_the_first_version_until_a_promotion() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    const NEXT: Table = Table { version: 2, columns: ACCOUNTS.columns.split_at(2).0, ..ACCOUNTS };
    for table in [&ACCOUNTS, &NEXT, &ACCOUNTS] {
        store.define(table, "", store.log_id()).await.unwrap();
    }
    store.commit(change(0, 1, vec![account(1, "first")])).await.unwrap();
    let two = vec![Value::Uuid(Uuid::from_u128(2)), Value::Text("second".to_owned())];
    store.commit(RowChange { table: NEXT, ..change(0, 1, vec![two]) }).await.unwrap();
    for (name, owner) in [("accounts", "first"), ("accounts_v1", "first"), ("accounts_v2", "second")] {
        let sql = format!("SELECT owner FROM annalist_rows_{name}");
        let owners: Vec<String> =
            sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut test_log.raw().await).await.unwrap();
        assert_eq!(owners, [owner], "{name}");
    }
}

#[tokio::test]
async fn concurrent_defines_create_one_table() {
    let test_log = TestLog::new();
    let log = test_log.open().await.log_id();
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let store = test_log.open().await;
        tasks.spawn(async move { store.define(&ACCOUNTS, "", log).await.unwrap().position });
    }
    assert_eq!(tasks.join_all().await, [START; 8]);
    let counts = "SELECT count(*) FROM annalist_builds";
    let count: i64 = sqlx::query_scalar(counts).fetch_one(&mut test_log.raw().await).await.unwrap();
    assert_eq!(count, 1);
}

#[tokio::test]
async fn rows_can_be_in_another_file_than_their_log() {
    let (events_here, rows_here) = (TestLog::new(), TestLog::new());
    let (log, rows) = (events_here.open().await, rows_here.open().await);
    rows.define(&ACCOUNTS, "", log.log_id()).await.unwrap();
    assert_eq!(rows.commit(change(0, 3, vec![account(1, "Anna")])).await.unwrap(), CommitOutcome::Done);
    assert_eq!(rows.commit(change(0, 3, vec![])).await.unwrap(), CommitOutcome::Stale(Position::new(3)));
    let error = rows.define(&ACCOUNTS, "", rows.log_id()).await.unwrap_err();
    assert!(message(&error).contains(&log.log_id().to_string()), "{error}");
}

#[tokio::test]
async fn define_refuses_an_existing_table_of_the_user() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    let mut raw = test_log.raw().await;
    sqlx::query("CREATE TABLE annalist_rows_accounts_v1 (mine)").execute(&mut raw).await.unwrap();
    let error = store.define(&ACCOUNTS, "", store.log_id()).await.unwrap_err();
    assert!(matches!(error, Error::Unusable { .. }), "{error:?}");
    assert!(message(&error).contains("already exists"), "{error}");
    assert_eq!(store.checkpoint("accounts", 1).await.unwrap(), None);
    sqlx::query("DROP TABLE annalist_rows_accounts_v1").execute(&mut raw).await.unwrap();
    store.define(&ACCOUNTS, "", store.log_id()).await.unwrap();
    // A prefix for another log must not collide with the rows.
    let error = Sqlite::options().prefix("annalist_rows_").open(test_log.file()).await.unwrap_err();
    assert!(message(&error).contains("`rows_`"), "{error}");
}

#[tokio::test]
async fn failed_commit_writes_nothing() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    store.define(&ACCOUNTS, "", store.log_id()).await.unwrap();
    store.commit(change(0, 1, vec![account(1, "Anna")])).await.unwrap();
    let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON annalist_rows_accounts_v1 WHEN new.owner = 'Eve'
                  BEGIN SELECT RAISE(ABORT, 'not her'); END";
    sqlx::query(refuse).execute(&mut test_log.raw().await).await.unwrap();
    let rows = vec![account(2, "Bert"), account(3, "Eve")];
    let deletes = vec![vec![Value::Uuid(Uuid::from_u128(1))]];
    let error = store.commit(RowChange { deletes, ..change(1, 2, rows) }).await.unwrap_err();
    assert!(message(&error).contains("not her") && !error.is_unknown(), "{error}");
    assert_eq!(store.find(&everything(&ACCOUNTS)).await.unwrap(), [account(1, "Anna")]);
    assert_eq!(store.checkpoint("accounts", 1).await.unwrap().unwrap().position, Position::new(1));
    // Other writes succeed.
    write(&store, events([draft("opened", &[], "0")])).await;
    assert_eq!(store.commit(change(1, 2, vec![account(2, "Bert")])).await.unwrap(), CommitOutcome::Done);
}

#[tokio::test]
async fn commit_on_a_locked_file_is_unavailable_after_the_timeout() {
    let test_log = TestLog::new();
    let store = Sqlite::options().busy_timeout(std::time::Duration::from_millis(50));
    let store = store.open(test_log.file()).await.unwrap();
    store.define(&ACCOUNTS, "", store.log_id()).await.unwrap();
    let mut raw = test_log.raw().await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut raw).await.unwrap();
    let error = store.commit(change(0, 1, vec![account(1, "Anna")])).await.unwrap_err();
    assert!(error.is_unavailable(), "{error:?}");
    sqlx::query("ROLLBACK").execute(&mut raw).await.unwrap();
    assert_eq!(store.commit(change(0, 1, vec![account(1, "Anna")])).await.unwrap(), CommitOutcome::Done);
}

#[tokio::test]
async fn damaged_row_is_named() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    store.define(&ACCOUNTS, "", store.log_id()).await.unwrap();
    store.commit(change(0, 1, vec![account(1, "Anna")])).await.unwrap();
    let execute = "UPDATE annalist_rows_accounts_v1 SET opened = 'yesterday'";
    sqlx::query(execute).execute(&mut test_log.raw().await).await.unwrap();
    let error = store.find(&everything(&ACCOUNTS)).await.unwrap_err();
    let text = message(&error);
    assert!(text.contains("accounts_v1") && text.contains("opened") && text.contains("yesterday"), "{text}");
}

#[tokio::test]
async fn invalid_query_or_change_is_refused() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    store.define(&ACCOUNTS, "", store.log_id()).await.unwrap();
    let filters = vec![Filter { column: 1, bound: Bound::Equal(Value::Int(1)) }];
    let mistaken = RowQuery { filters, ..everything(&ACCOUNTS) };
    assert!(matches!(store.find(&mistaken).await, Err(Error::Invalid(_))));
    let mistaken = RowQuery { sort: Some(Sort { column: 99, descending: false }), ..everything(&ACCOUNTS) };
    assert!(matches!(store.find(&mistaken).await, Err(Error::Invalid(_))));
    assert!(matches!(store.commit(change(0, 1, vec![vec![]])).await, Err(Error::Invalid(_))));
    // The connection can still be used.
    assert_eq!(store.find(&everything(&ACCOUNTS)).await.unwrap(), Vec::<Row>::new());
}
