//! Waits for connections and locks that the user's own code holds: each has a limit, and the error says what to do.

use std::{fmt::Debug, sync::Arc, time::Duration};

use annalist_core::{
    BoxError,
    rows::{InTransaction, RowQuery, RowStore, Transactional},
    store::{PageLimit, Snapshot, SnapshotKey},
};
use async_trait::async_trait;
use sqlx::sqlite::{SqliteJournalMode, SqlitePoolOptions};
use tokio::{sync::Notify, task::JoinSet};

use super::{folds::*, *};

/// The shortest time that the store waits for a connection.
const LIMIT: Duration = Duration::from_secs(1);

const KEY: SnapshotKey = SnapshotKey { aggregate: "Account", tag: None, fingerprint: 1 };

fn snapshot() -> Snapshot {
    Snapshot { position: Position::new(1), state: Payload::parse("1").unwrap() }
}

/// The errors of the calls of one test, which run at the same time.
#[derive(Default)]
struct Calls(JoinSet<(&'static str, Result<(), Error>)>);

impl Calls {
    fn add<T: Debug>(
        &mut self,
        name: &'static str,
        call: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) {
        self.0.spawn(async move { (name, call.await.map(drop)) });
    }

    fn add_writes(&mut self, store: &Sqlite) {
        // More than fit into one transaction.
        for _ in 0..300 {
            let store = store.clone();
            self.add("append", async move { store.append_one(events([draft("paid", &[], "0")])).await });
        }
        let all = store.clone();
        self.add("save_snapshot", async move { all.save_snapshot(&KEY, &snapshot()).await });
        let all = store.clone();
        self.add("commit", async move { all.commit(change(&OWNERS, 0, 1, vec![owner(1, "Ann")])).await });
        let all = store.clone();
        self.add("report", async move { all.report(&OWNERS, Some("stopped")).await });
        let all = store.clone();
        self.add("promote", async move { all.promote(&OWNERS, false).await });
        let all = store.clone();
        self.add("define", async move { all.define(&TALLIES, "", all.log_id()).await });
        let all = store.clone();
        self.add("purge", async move { all.purge_command_ids(Timestamp::MAX, CommandKey::ALL_IDS).await });
    }

    fn add_reads(&mut self, store: &Sqlite) {
        for _ in 0..20 {
            let store = store.clone();
            self.add("read", async move { store.read(&[Read::all(Criteria::all())]).await });
        }
        let all = store.clone();
        self.add("feed", async move { all.feed(&Criteria::all(), START, PageLimit::records(10)).await });
        let all = store.clone();
        self.add("settled", async move { all.settled().await });
        let all = store.clone();
        self.add("receipt", async move { all.receipt(&key("c")).await });
        let all = store.clone();
        self.add("snapshot", async move { all.snapshot(&KEY).await });
        let all = store.clone();
        self.add("journal", async move { all.journal(0, PageLimit::records(1)).await });
        let all = store.clone();
        self.add("builds", async move { all.builds("owners").await });
        let all = store.clone();
        self.add("defined before", async move { all.define(&OWNERS, "", all.log_id()).await });
        let all = store.clone();
        self.add("find", async move {
            all.find(&RowQuery { table: &OWNERS, filters: vec![], sort: None, after: None, limit: 1 }).await
        });
    }

    async fn succeed(mut self) {
        while let Some(done) = self.0.join_next().await {
            let (name, result) = done.unwrap();
            result.unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }

    async fn are_explained(mut self, parts: &[&str]) {
        while let Some(done) = self.0.join_next().await {
            let (name, result) = done.unwrap();
            let Err(error) = result else { panic!("{name} succeeded") };
            let text = error.to_string();
            assert!(error.is_unavailable() && parts.iter().all(|part| text.contains(part)), "{name}: {text}");
        }
    }
}

/// A log with a defined build.
async fn ready(test_log: &TestLog) -> Sqlite {
    let store = Sqlite::options().busy_timeout(LIMIT).open(test_log.file()).await.unwrap();
    store.define(&OWNERS, "", store.log_id()).await.unwrap();
    store
}

#[tokio::test(flavor = "multi_thread")]
async fn write_transaction_of_the_user_stops_only_writes() {
    let test_log = TestLog::new();
    let store = ready(&test_log).await;
    let mut raw = test_log.raw().await;
    let mut transaction = raw.begin_with("BEGIN IMMEDIATE").await.unwrap();
    sqlx::query("CREATE TABLE mine (n INTEGER)").execute(&mut *transaction).await.unwrap();
    let (mut reads, mut writes) = (Calls::default(), Calls::default());
    reads.add_reads(&store);
    let file = test_log.file();
    reads.add("open", async move { Sqlite::open(file).await });
    reads.succeed().await;
    writes.add_writes(&store);
    writes.are_explained(&["a transaction that stays open, perhaps one of your own"]).await;
    transaction.rollback().await.unwrap();
    assert!(all(&store).await.is_empty(), "what was given up is not written later");
    write(&store, events([draft("paid", &[], "0")])).await;
    test_log.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exhausted_pool_of_the_user_is_explained() {
    let test_log = TestLog::new();
    ready(&test_log).await.close().await;
    let options = SqliteConnectOptions::new().filename(test_log.file()).journal_mode(SqliteJournalMode::Wal);
    let pool = SqlitePoolOptions::new().max_connections(5).connect_with(options).await.unwrap();
    let store = Sqlite::options().busy_timeout(LIMIT).with_pool(pool.clone()).await.unwrap();
    let mut transactions = Vec::new();
    for _ in 0..5 {
        transactions.push(pool.begin().await.unwrap());
    }
    let mut calls = Calls::default();
    calls.add_reads(&store);
    calls.add_writes(&store);
    calls.add("open", async move { Sqlite::options().busy_timeout(LIMIT).with_pool(pool).await });
    calls.are_explained(&["within 1s", "all 5 are in use", "transactions of the caller"]).await;
    drop(transactions);
    assert!(all(&store).await.is_empty(), "what was given up is not written later");
    write(&store, events([draft("paid", &[], "0")])).await;
}

/// SQL of a projection that waits until it may end.
struct Waits {
    began: Arc<Notify>,
    may_end: Arc<Notify>,
}

#[async_trait]
impl InTransaction<Sqlite> for Waits {
    async fn run(&self, _: &mut SqliteConnection) -> Result<(), BoxError> {
        self.began.notify_one();
        self.may_end.notified().await;
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn long_transaction_of_a_projection_stops_only_writes() {
    let test_log = TestLog::new();
    let store = ready(&test_log).await;
    let (began, may_end) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let work = Waits { began: Arc::clone(&began), may_end: Arc::clone(&may_end) };
    let (commits, moved) = (store.clone(), change(&OWNERS, 0, 1, vec![]));
    let running = tokio::spawn(async move { commits.commit_with(moved, &work).await });
    began.notified().await;
    let (mut reads, mut writes) = (Calls::default(), Calls::default());
    reads.add_reads(&store);
    reads.succeed().await;
    writes.add_writes(&store);
    writes.are_explained(&["within 1s", "perhaps the SQL of a projection"]).await;
    may_end.notify_one();
    running.await.unwrap().unwrap().unwrap();
    assert!(all(&store).await.is_empty(), "what was given up is not written later");
    write(&store, events([draft("paid", &[], "0")])).await;
}
