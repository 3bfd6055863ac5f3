//! Statements of user code in a transaction of the store.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
};

use annalist_core::{
    BoxError,
    rows::{CommitOutcome, InTransaction, RowChange, RowStore, Transactional},
};
use async_trait::async_trait;
use sqlx::raw_sql;
use tokio::sync::Notify;

use super::{folds::*, *};

/// What user code does in the transaction.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Act {
    /// Runs SQL.
    Runs(&'static str),
    /// Runs SQL and ignores its errors.
    Tries(&'static str),
    /// Runs a nested transaction and finishes it.
    Nests,
    /// Begins a nested transaction and leaves it open.
    NestsAndForgets,
    Panics,
    PanicsInTheMiddle,
    Fails,
    /// Never completes.
    Hangs,
}

#[derive(Debug)]
struct Acts {
    acts: Vec<Act>,
    ran: AtomicBool,
    hangs: Notify,
}

impl Acts {
    fn new(acts: impl IntoIterator<Item = Act>) -> Self {
        Self { acts: acts.into_iter().collect(), ran: AtomicBool::new(false), hangs: Notify::new() }
    }
}

#[async_trait]
impl InTransaction<Sqlite> for Acts {
    async fn run(&self, connection: &mut SqliteConnection) -> Result<(), BoxError> {
        self.ran.store(true, Ordering::Release);
        for act in &self.acts {
            match act {
                Act::Runs(sql) => {
                    raw_sql(*sql).execute(&mut *connection).await?;
                }
                Act::Tries(sql) => drop(raw_sql(*sql).execute(&mut *connection).await),
                Act::Nests => {
                    let mut inner = connection.begin().await?;
                    sqlx::query("INSERT INTO mine VALUES ('nested')").execute(&mut *inner).await?;
                    inner.commit().await?;
                    let mut inner = connection.begin().await?;
                    sqlx::query("INSERT INTO mine VALUES ('dropped')").execute(&mut *inner).await?;
                }
                Act::NestsAndForgets => std::mem::forget(connection.begin().await?),
                Act::Panics => panic!("no way"),
                Act::PanicsInTheMiddle => {
                    let long = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT 100000)
                                INSERT INTO mine SELECT n FROM n";
                    let mut running = pin!(sqlx::query(long).execute(&mut *connection));
                    std::future::poll_fn(|context| Poll::Ready(running.as_mut().poll(context).is_ready()))
                        .await;
                    panic!("no way");
                }
                Act::Fails => return Err("the user code fails".into()),
                Act::Hangs => {
                    self.hangs.notify_one();
                    std::future::pending::<()>().await;
                }
            }
        }
        Ok(())
    }
}

async fn ready(test_log: &TestLog) -> Sqlite {
    let store = test_log.open().await;
    store.define(&OWNERS, "", store.log_id()).await.unwrap();
    raw_sql("CREATE TABLE mine (text TEXT)").execute(&mut test_log.raw().await).await.unwrap();
    store
}

async fn commit_with(
    store: &Sqlite,
    acts: impl IntoIterator<Item = Act>,
) -> Result<Result<CommitOutcome, BoxError>, Error> {
    store.commit_with(change(&OWNERS, 0, 1, vec![owner(1, "Anna")]), &Acts::new(acts)).await
}

/// Checks that nothing was written, that no transaction is open, and that the next commit succeeds.
async fn assert_untouched(test_log: &TestLog, store: &Sqlite, after: &str) {
    assert_eq!(texts(test_log, "SELECT text FROM mine").await, [""; 0], "{after}");
    let checkpoint = store.checkpoint("owners", 1).await.unwrap().unwrap();
    assert_eq!((checkpoint.position, found(store, &OWNERS).await.len()), (START, 0), "{after}");
    write(store, events([draft("paid", &[], "0")])).await;
    let done = commit_with(store, [INSERT]).await.unwrap().unwrap();
    assert_eq!(
        (done, texts(test_log, "SELECT text FROM mine").await),
        (CommitOutcome::Done, vec!["stored".to_owned()])
    );
    test_log.assert_sound().await;
}

const INSERT: Act = Act::Runs("INSERT INTO mine VALUES ('stored')");

#[tokio::test]
async fn user_statements_commit_with_the_change() {
    let test_log = TestLog::new();
    let store = ready(&test_log).await;
    assert_eq!(commit_with(&store, [INSERT, Act::Nests]).await.unwrap().unwrap(), CommitOutcome::Done);
    assert_eq!(texts(&test_log, "SELECT text FROM mine").await, ["stored", "nested"]);
    assert_eq!(found(&store, &OWNERS).await, [owner(1, "Anna")]);
    let again = Acts::new([INSERT]);
    let stale = store.commit_with(change(&OWNERS, 0, 1, vec![]), &again).await.unwrap().unwrap();
    assert_eq!(stale, CommitOutcome::Stale(Position::new(1)));
    assert!(!again.ran.load(Ordering::Acquire), "user code ran for a stale change");
    assert_eq!(texts(&test_log, "SELECT text FROM mine").await.len(), 2);
}

#[tokio::test]
async fn failed_user_code_writes_nothing() {
    for acts in [
        vec![INSERT, Act::Fails],
        vec![INSERT, Act::Runs("INSERT INTO nowhere VALUES (1)")],
        vec![INSERT, Act::Runs("SAVEPOINT a"), Act::Fails],
        vec![INSERT, Act::NestsAndForgets, INSERT, Act::Fails],
        vec![INSERT, Act::Runs("ROLLBACK"), Act::Fails],
    ] {
        let test_log = TestLog::new();
        let store = ready(&test_log).await;
        let error = commit_with(&store, acts.clone()).await.unwrap().unwrap_err().to_string();
        assert!(error == "the user code fails" || error.contains("nowhere"), "{acts:?}: {error}");
        assert_untouched(&test_log, &store, &format!("{acts:?}")).await;
    }
}

#[tokio::test]
async fn panicking_user_code_writes_nothing() {
    for acts in [vec![INSERT, Act::Panics], vec![INSERT, Act::PanicsInTheMiddle]] {
        let test_log = TestLog::new();
        let store = ready(&test_log).await;
        let error = commit_with(&store, acts.clone()).await.unwrap().unwrap_err();
        let error = error.downcast::<Error>().unwrap();
        assert!(
            matches!(*error, Error::Panicked { .. }) && error.to_string().contains("no way"),
            "{error:?}"
        );
        assert_untouched(&test_log, &store, &format!("{acts:?}")).await;
    }
}

#[tokio::test]
async fn user_code_that_ends_the_transaction_is_detected_and_writes_nothing() {
    let ends = [
        vec![Act::Runs("COMMIT")],
        vec![Act::Tries("COMMIT")],
        vec![Act::Tries("COMMIT"), Act::Tries("INSERT INTO mine VALUES ('after')")],
        vec![Act::Tries("COMMIT"), Act::Tries("BEGIN IMMEDIATE"), INSERT],
        vec![Act::Tries("COMMIT"), Act::Tries("BEGIN"), INSERT, Act::Tries("COMMIT")],
        vec![Act::Runs("ROLLBACK")],
        vec![Act::Runs("ROLLBACK"), Act::Tries("INSERT INTO mine VALUES ('after')")],
        vec![Act::Runs("ROLLBACK"), Act::Runs("BEGIN IMMEDIATE"), INSERT],
        vec![Act::Runs("ROLLBACK"), Act::Runs("SAVEPOINT mine"), INSERT, Act::Tries("RELEASE mine")],
        vec![Act::Runs("RELEASE annalist_user")],
        vec![Act::Tries("COMMIT"), Act::Fails],
    ];
    for acts in ends {
        let test_log = TestLog::new();
        let store = ready(&test_log).await;
        let all: Vec<Act> = std::iter::once(INSERT).chain(acts).collect();
        let error = commit_with(&store, all.clone()).await.unwrap_err();
        assert!(matches!(error, Error::Unusable { .. }), "{all:?}: {error:?}");
        assert!(message(&error).contains("leave COMMIT and ROLLBACK"), "{error}");
        assert_untouched(&test_log, &store, &format!("{all:?}")).await;
    }
}

#[tokio::test]
async fn commit_in_an_unguarded_transaction_is_durable() {
    let test_log = TestLog::new();
    ready(&test_log).await;
    let mut raw = test_log.raw().await;
    let mut transaction = raw.begin_with("BEGIN IMMEDIATE").await.unwrap();
    Acts::new([INSERT, Act::Runs("COMMIT")]).run(&mut transaction).await.unwrap();
    assert!(transaction.rollback().await.is_err());
    assert_eq!(texts(&test_log, "SELECT text FROM mine").await, ["stored"]);
}

#[tokio::test]
async fn nested_transaction_left_open_is_an_error() {
    let test_log = TestLog::new();
    let store = ready(&test_log).await;
    let error = commit_with(&store, [INSERT, Act::NestsAndForgets, INSERT]).await.unwrap_err();
    assert!(matches!(error, Error::Unusable { .. } | Error::OutcomeUnknown { .. }), "{error:?}");
    assert_untouched(&test_log, &store, "a transaction that was left open").await;
}

#[tokio::test]
async fn dropped_future_writes_nothing() {
    let test_log = TestLog::new();
    let store = ready(&test_log).await;
    let acts = Arc::new(Acts::new([INSERT, Act::Hangs]));
    let (running, own) = (Arc::clone(&acts), store.clone());
    let task = tokio::spawn(async move {
        own.commit_with(change(&OWNERS, 0, 1, vec![owner(1, "Anna")]), &*running).await.map(|_| ())
    });
    acts.hangs.notified().await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert_untouched(&test_log, &store, "a future that was dropped").await;
}

#[tokio::test]
async fn connection_is_returned_to_the_pool() {
    let test_log = TestLog::new();
    ready(&test_log).await;
    let options = SqliteConnectOptions::new().filename(test_log.file());
    let pool = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
    let store = Sqlite::options().with_pool(pool.clone()).await.unwrap();
    for acts in [vec![Act::Panics], vec![INSERT, Act::Runs("COMMIT")], vec![INSERT, Act::Fails]] {
        assert!(!matches!(commit_with(&store, acts).await, Ok(Ok(_))));
        sqlx::query("INSERT INTO mine VALUES ('of others')").execute(&pool).await.unwrap();
    }
    assert_eq!(commit_with(&store, [INSERT]).await.unwrap().unwrap(), CommitOutcome::Done);
    // The connection can commit again.
    let mut own = pool.begin().await.unwrap();
    sqlx::query("INSERT INTO mine VALUES ('committed')").execute(&mut *own).await.unwrap();
    own.commit().await.unwrap();
    assert_eq!(texts(&test_log, "SELECT text FROM mine ORDER BY text").await.len(), 5);
}

#[tokio::test]
async fn refused_or_stale_change_runs_no_user_code() {
    let test_log = TestLog::new();
    let store = ready(&test_log).await;
    let acts = Acts::new([INSERT]);
    let mistaken = store.commit_with(change(&OWNERS, 0, 1, vec![vec![]]), &acts).await;
    assert!(matches!(mistaken, Err(Error::Invalid(_))));
    let unknown = store.commit_with(change(&OWNERS.built(9), 0, 1, vec![]), &acts).await;
    assert!(matches!(unknown, Err(Error::Unusable { .. })));
    let others = RowChange { parked: 1, ..change(&OWNERS, 0, 1, vec![]) };
    let stale = store.commit_with(others, &acts).await.unwrap().unwrap();
    assert_eq!(stale, CommitOutcome::Stale(START));
    assert!(!acts.ran.load(Ordering::Acquire));
}
