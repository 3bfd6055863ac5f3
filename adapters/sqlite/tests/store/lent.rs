//! Transactions that are lent out, and what may be done to them.

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

/// What a work does with the transaction that it is lent.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Act {
    /// Nothing but SQL.
    Runs(&'static str),
    /// SQL whose errors it does not look at.
    Tries(&'static str),
    /// A transaction inside, which it finishes.
    Nests,
    /// A transaction inside, which it forgets.
    NestsAndForgets,
    Panics,
    PanicsInTheMiddle,
    Fails,
    /// It never ends.
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
                Act::Fails => return Err("it does not want to".into()),
                Act::Hangs => {
                    self.hangs.notify_one();
                    std::future::pending::<()>().await;
                }
            }
        }
        Ok(())
    }
}

async fn ready(place: &Place) -> Sqlite {
    let store = place.open().await;
    store.define(&OWNERS, store.log_id()).await.unwrap();
    raw_sql("CREATE TABLE mine (text TEXT)").execute(&mut place.raw().await).await.unwrap();
    store
}

async fn lend(
    store: &Sqlite,
    acts: impl IntoIterator<Item = Act>,
) -> Result<Result<CommitOutcome, BoxError>, Error> {
    store.commit_with(change(&OWNERS, 0, 1, vec![owner(1, "Anna")]), &Acts::new(acts)).await
}

/// Nothing is there, the connection is free of the past, and the next work goes through.
async fn assert_untouched(place: &Place, store: &Sqlite, after: &str) {
    assert_eq!(seen(place, "SELECT text FROM mine").await, [""; 0], "{after}");
    let checkpoint = store.checkpoint("owners", 1).await.unwrap().unwrap();
    assert_eq!((checkpoint.position, found(store, &OWNERS).await.len()), (START, 0), "{after}");
    write(store, events([draft("paid", &[], "0")])).await;
    let done = lend(store, [INSERT]).await.unwrap().unwrap();
    assert_eq!(
        (done, seen(place, "SELECT text FROM mine").await),
        (CommitOutcome::Done, vec!["kept".to_owned()])
    );
    place.assert_sound().await;
}

const INSERT: Act = Act::Runs("INSERT INTO mine VALUES ('kept')");

#[tokio::test]
async fn a_work_is_done_with_the_change_or_not_at_all() {
    let place = Place::new();
    let store = ready(&place).await;
    assert_eq!(lend(&store, [INSERT, Act::Nests]).await.unwrap().unwrap(), CommitOutcome::Done);
    assert_eq!(seen(&place, "SELECT text FROM mine").await, ["kept", "nested"]);
    assert_eq!(found(&store, &OWNERS).await, [owner(1, "Anna")]);
    let again = Acts::new([INSERT]);
    let stale = store.commit_with(change(&OWNERS, 0, 1, vec![]), &again).await.unwrap().unwrap();
    assert_eq!(stale, CommitOutcome::Stale(Position::new(1)));
    assert!(!again.ran.load(Ordering::Acquire), "a work was run for a change that is not made");
    assert_eq!(seen(&place, "SELECT text FROM mine").await.len(), 2);
}

#[tokio::test]
async fn a_work_that_fails_leaves_nothing() {
    for acts in [
        vec![INSERT, Act::Fails],
        vec![INSERT, Act::Runs("INSERT INTO nowhere VALUES (1)")],
        vec![INSERT, Act::Runs("SAVEPOINT a"), Act::Fails],
        vec![INSERT, Act::NestsAndForgets, INSERT, Act::Fails],
        vec![INSERT, Act::Runs("ROLLBACK"), Act::Fails],
    ] {
        let place = Place::new();
        let store = ready(&place).await;
        let error = lend(&store, acts.clone()).await.unwrap().unwrap_err().to_string();
        assert!(error == "it does not want to" || error.contains("nowhere"), "{acts:?}: {error}");
        assert_untouched(&place, &store, &format!("{acts:?}")).await;
    }
}

#[tokio::test]
async fn a_work_that_panics_leaves_nothing() {
    for acts in [vec![INSERT, Act::Panics], vec![INSERT, Act::PanicsInTheMiddle]] {
        let place = Place::new();
        let store = ready(&place).await;
        let error = lend(&store, acts.clone()).await.unwrap().unwrap_err();
        let error = error.downcast::<Error>().unwrap();
        assert!(
            matches!(*error, Error::Panicked { .. }) && error.to_string().contains("no way"),
            "{error:?}"
        );
        assert_untouched(&place, &store, &format!("{acts:?}")).await;
    }
}

#[tokio::test]
async fn a_work_that_ends_the_transaction_is_noticed_and_leaves_nothing() {
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
        vec![Act::Runs("RELEASE annalist_lent")],
        vec![Act::Tries("COMMIT"), Act::Fails],
    ];
    for acts in ends {
        let place = Place::new();
        let store = ready(&place).await;
        let all: Vec<Act> = std::iter::once(INSERT).chain(acts).collect();
        let error = lend(&store, all.clone()).await.unwrap_err();
        assert!(matches!(error, Error::Unusable { .. }), "{all:?}: {error:?}");
        assert!(message(&error).contains("leave COMMIT and ROLLBACK"), "{error}");
        assert_untouched(&place, &store, &format!("{all:?}")).await;
    }
}

#[tokio::test]
async fn without_a_guard_a_commit_inside_would_be_kept() {
    let place = Place::new();
    ready(&place).await;
    let mut raw = place.raw().await;
    let mut transaction = raw.begin_with("BEGIN IMMEDIATE").await.unwrap();
    Acts::new([INSERT, Act::Runs("COMMIT")]).run(&mut transaction).await.unwrap();
    assert!(transaction.rollback().await.is_err());
    assert_eq!(seen(&place, "SELECT text FROM mine").await, ["kept"]);
}

#[tokio::test]
async fn a_transaction_that_was_left_open_inside_is_never_taken_for_done() {
    let place = Place::new();
    let store = ready(&place).await;
    let error = lend(&store, [INSERT, Act::NestsAndForgets, INSERT]).await.unwrap_err();
    assert!(matches!(error, Error::Unusable { .. } | Error::OutcomeUnknown { .. }), "{error:?}");
    assert_untouched(&place, &store, "a transaction that was left open").await;
}

#[tokio::test]
async fn a_future_that_is_dropped_leaves_nothing() {
    let place = Place::new();
    let store = ready(&place).await;
    let acts = Arc::new(Acts::new([INSERT, Act::Hangs]));
    let (running, own) = (Arc::clone(&acts), store.clone());
    let task = tokio::spawn(async move {
        own.commit_with(change(&OWNERS, 0, 1, vec![owner(1, "Anna")]), &*running).await.map(|_| ())
    });
    acts.hangs.notified().await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert_untouched(&place, &store, "a future that was dropped").await;
}

#[tokio::test]
async fn a_pool_with_one_connection_is_given_back() {
    let place = Place::new();
    ready(&place).await;
    let options = SqliteConnectOptions::new().filename(place.file());
    let pool = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
    let store = Sqlite::options().with_pool(pool.clone()).await.unwrap();
    for acts in [vec![Act::Panics], vec![INSERT, Act::Runs("COMMIT")], vec![INSERT, Act::Fails]] {
        assert!(!matches!(lend(&store, acts).await, Ok(Ok(_))));
        sqlx::query("INSERT INTO mine VALUES ('of others')").execute(&pool).await.unwrap();
    }
    assert_eq!(lend(&store, [INSERT]).await.unwrap().unwrap(), CommitOutcome::Done);
    // What was lent may be committed again by whoever has it next.
    let mut own = pool.begin().await.unwrap();
    sqlx::query("INSERT INTO mine VALUES ('committed')").execute(&mut *own).await.unwrap();
    own.commit().await.unwrap();
    assert_eq!(seen(&place, "SELECT text FROM mine ORDER BY text").await.len(), 5);
}

#[tokio::test]
async fn a_change_that_is_refused_is_refused_here_too() {
    let place = Place::new();
    let store = ready(&place).await;
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
